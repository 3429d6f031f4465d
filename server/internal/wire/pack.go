package wire

import "encoding/binary"

// maxPointer is the first offset that a compression pointer cannot lead to
// (RFC 1035, section 4.1.4).
const maxPointer = 1 << 14

// packer writes a message behind whatever buf begins with. A name is written once
// and pointed to afterwards, in any case of letters: so the length of a response
// does not depend on how the client spelled the name, and the records that the
// QNAME owns show its spelling.
type packer struct {
	buf   []byte
	base  int                   // where the message begins
	names table[string, uint16] // what is written, in lower case, and where
}

// size is the length of the message so far.
func (p *packer) size() int { return len(p.buf) - p.base }

// uint16 writes two octets.
func (p *packer) uint16(v uint16) { p.buf = binary.BigEndian.AppendUint16(p.buf, v) }

// name writes a name given in wire form, and points to as much of its end as is
// written already. at is the name in lower case.
func (p *packer) name(spelled, at string) {
	for i := 0; at[i] != 0; i += 1 + int(at[i]) {
		if off, ok := p.names.find(at[i:]); ok {
			p.buf = append(p.buf, spelled[:i]...)
			p.uint16(0xC000 | off)
			return
		}
		if off := p.size() + i; off < maxPointer {
			p.names.add(at[i:], uint16(off))
		}
	}
	p.buf = append(p.buf, spelled...)
}

// question writes a question; spelled is its name as it was sent.
func (p *packer) question(q Question, spelled string) {
	p.name(spelled, q.Name.Wire())
	p.uint16(uint16(q.Type))
	p.uint16(uint16(q.Class))
}

// record writes a record.
func (p *packer) record(r record) {
	p.name(r.name.Wire(), r.name.Wire())
	p.uint16(uint16(r.typ))
	p.uint16(uint16(r.class))
	p.buf = binary.BigEndian.AppendUint32(p.buf, r.ttl)
	p.uint16(0)
	begin := len(p.buf)
	p.rdata(r)
	binary.BigEndian.PutUint16(p.buf[begin-2:], uint16(len(p.buf)-begin))
}

// compressible is where names stand in the RDATA of the types whose names are
// compressed: after how many octets, and how many. Only types of RFC 1035 may be
// among them (RFC 3597, section 4); the obsolete ones are not worth a line.
var compressible = [...]struct{ skip, names int }{
	TypeNS:    {0, 1},
	TypeCNAME: {0, 1},
	TypePTR:   {0, 1},
	TypeSOA:   {0, 2},
	TypeMX:    {2, 1},
}

// rdata writes the RDATA of r.
func (p *packer) rdata(r record) {
	if int(r.typ) >= len(compressible) {
		p.buf = append(p.buf, r.data...)
		return
	}
	where := compressible[r.typ]
	p.buf = append(p.buf, r.data[:where.skip]...)
	left := r.data[where.skip:]
	for range where.names {
		size := nameSize(left)
		p.name(left[:size], lower(left[:size]))
		left = left[size:]
	}
	p.buf = append(p.buf, left...)
}
