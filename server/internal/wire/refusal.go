package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Refusal says why a packet is no query, and holds the response to it.
type Refusal struct {
	Drop     bool   // stay silent: not even a header, or itself a response
	Response []byte // the finished packet, unless Drop
	Rcode    Rcode
	Why      string // for people
	// Cookie is the data of the query's COOKIE option, as in [Query]. It is nil where Response has no place for
	// another one.
	Cookie []byte
	// Asks says that the query had nothing but that cookie: it asks for a server cookie (RFC 7873, section 5.4).
	Asks bool
	opt  int // where the OPT record begins, which ends Response, if there is a Cookie
}

// AppendCookie adds the response to dst, with the options of o, in answer to r.Cookie, which is not nil. If
// that is all that the query asks for, the response and r get the rcode of whether it was a good one: the
// client's part alone is.
func (r *Refusal) AppendCookie(dst []byte, o Options, good bool) []byte {
	begin := len(dst)
	dst = append(dst, r.Response...)
	if r.Asks {
		rcode := NoError
		if len(r.Cookie) > clientCookie && !good {
			rcode = BadCookie
		}
		r.Rcode = rcode
		dst[begin+3] = dst[begin+3]&^0xF | byte(rcode&0xF)
		dst[begin+r.opt+optExtended] = byte(rcode >> 4)
	}
	return o.append(dst, begin, begin+r.opt, ourUDPSize)
}

// optExtended is where an OPT record has the upper bits of the rcode.
const optExtended = 5

// refuse makes the response to a query that is not answered: the ID, opcode and
// RD of the query, its question if it could be read, and OPT and TSIG records if
// the query had good ones. RA is set as in any other response, or dig would say that
// there is no recursion here; messages of other opcodes need not have that bit.
func (p *queryParser) refuse(rcode Rcode, why string) *Refusal {
	const opcode = 0xF << 11
	h := header{id: p.id, flags: flagQR | p.flags&(opcode|flagRD) | uint16(rcode&0xF)}
	if p.opcode() == 0 {
		h.flags |= flagRA
	}
	var sections []byte
	if p.question != nil {
		h.questions = 1
		sections = append(sections, p.question...)
	}
	optAt := headerSize + len(sections)
	if p.opt.sent {
		h.more++
		o := opt{size: ourUDPSize, extended: uint8(rcode >> 4), do: p.opt.do}
		sections = o.append(sections, nil)
	}
	if p.tsig != nil && rcode == NotAuth {
		h.more++
		sections = p.tsig.appendBadKey(sections)
	}
	r := &Refusal{Response: append(h.append(nil), sections...), Rcode: rcode, Why: why}
	if !p.opt.heard.badCookie && h.more == 1 {
		r.Cookie, r.opt = bytes.Clone(p.opt.heard.cookie), optAt
	}
	return r
}

// errTSIG is a TSIG record that is malformed or not where it belongs.
var errTSIG = errors.New("malformed TSIG record, or not the last one")

// tsigBadKey is the error of an unknown key, RFC 8945, section 3.
const tsigBadKey = 17

// tsig is what a response to a signed query repeats of its TSIG record
// (RFC 8945, section 4.2).
type tsig struct {
	key    []byte // the name of the key
	head   []byte // algorithm, time signed, fudge
	origin uint16 // the original ID
}

// readTSIG reads a TSIG record, which must be the last one of the message
// (RFC 8945, section 5.1).
func readTSIG(key, data []byte, last bool) (*tsig, error) {
	r := reader{packet: data}
	r.plainName()
	r.take(8) // time signed and fudge
	t := &tsig{key: key, head: data[:r.off]}
	r.take(int(r.uint16())) // the MAC
	t.origin = r.uint16()
	r.uint16() // the error
	r.take(int(r.uint16()))
	if r.err != nil || r.off != len(data) || !last || len(key) == 0 {
		return nil, errTSIG
	}
	return t, nil
}

// appendBadKey adds the TSIG record that says BADKEY; it has no MAC (RFC 8945,
// section 5.3.2).
func (t *tsig) appendBadKey(dst []byte) []byte {
	dst = append(dst, t.key...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(TypeTSIG))
	dst = binary.BigEndian.AppendUint16(dst, uint16(ClassANY))
	dst = binary.BigEndian.AppendUint32(dst, 0) // TTL
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(t.head)+8))
	dst = append(dst, t.head...)
	for _, v := range [...]uint16{0, t.origin, tsigBadKey, 0} { // MAC size, ID, error, other size
		dst = binary.BigEndian.AppendUint16(dst, v)
	}
	return dst
}
