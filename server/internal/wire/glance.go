package wire

import (
	"bytes"
	"encoding/binary"
	"math"
)

// A Glance is a query read where it lies, without copying or allocating: what the
// path of cached answers needs of it.
type Glance struct {
	packet  []byte
	end     int // of the question
	Type    Type
	Class   Class
	RD, CD  bool
	AD, DO  bool
	EDNS    bool
	UDPSize int  // as in Query
	Asks    bool // it has options that the response may have to answer: of the next two, one is not empty
	Sent    Sent
	Cookie  []byte  // as in Query
	Options Options // of the response; the caller sets them
}

// The flags that a glanced query may have: RD, AD and CD.
const plainFlags = flagRD | flagAD | flagCD

// ReadGlance reads a query of the plain kind that nearly all are: one question,
// perhaps one OPT record, none but the customary flags, no client subnet, no malformed option. It may
// refuse anything; what it accepts it reads as [ParseQuery] does. The packet must
// not change while the Glance is in use.
func ReadGlance(packet []byte) (g Glance, ok bool) {
	if len(packet) < headerSize {
		return g, false
	}
	flags := binary.BigEndian.Uint16(packet[2:])
	counts := binary.BigEndian.Uint64(packet[4:])
	if flags&^plainFlags != 0 || counts&^1 != 1<<48 { // one question, at most one additional record
		return g, false
	}
	at, ok := plainEnd(packet, headerSize)
	if !ok || at+4 > len(packet) {
		return g, false
	}
	g = Glance{
		packet: packet, end: at + 4, UDPSize: minUDPSize,
		Type: Type(binary.BigEndian.Uint16(packet[at:])), Class: Class(binary.BigEndian.Uint16(packet[at+2:])),
		RD: flags&flagRD != 0, AD: flags&flagAD != 0, CD: flags&flagCD != 0,
	}
	if g.Type.IsMeta() {
		return g, false
	}
	if counts&1 == 0 {
		return g, g.end == len(packet)
	}
	return g, g.readOPT(packet[g.end:])
}

// plainEnd returns where the name at the offset ends, if it is an uncompressed one.
func plainEnd(packet []byte, at int) (end int, ok bool) {
	for begin := at; at < len(packet) && at-begin < 255; {
		size := int(packet[at])
		at += 1 + size
		if size == 0 {
			return at, true
		}
		if size > 63 {
			return 0, false
		}
	}
	return 0, false
}

// readOPT reads an OPT record that must be the rest of the packet.
func (g *Glance) readOPT(rest []byte) bool {
	if len(rest) < optSize || rest[0] != 0 || binary.BigEndian.Uint16(rest[1:]) != uint16(TypeOPT) {
		return false
	}
	ttl := binary.BigEndian.Uint32(rest[5:])
	if ttl&^(1<<15) != 0 || int(binary.BigEndian.Uint16(rest[9:])) != len(rest)-optSize {
		return false // another version, flags that nobody knows, or not the end
	}
	g.EDNS, g.DO = true, ttl != 0
	g.UDPSize = max(minUDPSize, int(binary.BigEndian.Uint16(rest[3:])))
	return len(rest) == optSize || g.readOptions(rest[optSize:])
}

// readOptions reads the options of an OPT record.
func (g *Glance) readOptions(options []byte) bool {
	var h heard
	for len(options) > 0 {
		if len(options) < optionHead || binary.BigEndian.Uint16(options) == optionSubnet {
			return false
		}
		size := optionHead + int(binary.BigEndian.Uint16(options[2:]))
		if size > len(options) {
			return false
		}
		h.read(binary.BigEndian.Uint16(options), options[optionHead:size])
		options = options[size:]
	}
	g.Sent, g.Cookie = h.Sent, h.cookie
	g.Asks = h.cookie != nil || h.Sent != (Sent{})
	return !h.badCookie
}

// AppendKey appends what tells the answers to two questions apart, whatever the
// client's spelling: the name in lower case, type and class, DO and CD.
func (g *Glance) AppendKey(dst []byte) []byte {
	begin := len(dst)
	dst = append(dst, g.packet[headerSize:g.end]...)
	fold(dst[begin : len(dst)-4]) // octets of lengths are at most 63: no letters
	return append(dst, keyFlags(g.DO, g.CD))
}

// AppendKey is [Glance.AppendKey] for a parsed query.
func (q Query) AppendKey(dst []byte) []byte {
	dst = q.Name.AppendWire(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(q.Type))
	dst = binary.BigEndian.AppendUint16(dst, uint16(q.Class))
	return append(dst, keyFlags(q.DO, q.CD))
}

// keyFlags is the last octet of a key.
func keyFlags(do, cd bool) byte { return byte(btoi(do) | btoi(cd)<<1) }

// MaxKey is the longest key that AppendKey appends.
const MaxKey = 255 + 4 + 1

// Finished is a response as octets that are the same for every client that asks,
// but for what a client's query says. It never changes.
type Finished struct {
	// The body, which is the response without OPT record, ID and the question's
	// spelling; the OPT record; and where in the body TTLs stand, two octets each.
	// One allocation: there may be very many.
	octets    []byte
	body, opt uint16 // lengths
	flags     byte   // of the key
}

// Finish packs r for many clients. The spelling, ID and flags of r.Query do not
// matter, nor do r.Options; DO and CD do.
func (r Response) Finish() Finished {
	f := Finished{flags: keyFlags(r.Query.DO, r.Query.CD)}
	r.Query.ID, r.Query.Spelled = 0, ""
	r.Query.RD, r.Query.CD, r.Query.AD, r.Query.EDNS = false, false, true, false
	r.Options = Options{}
	r.Limit = math.MaxUint16
	octets := r.Append(make([]byte, 0, 512)) // enough for most
	f.body = uint16(len(octets))
	octets = r.opt().append(octets, fitEDEs(r.EDEs, r.Limit-len(octets)-optSize))
	f.opt = uint16(len(octets)) - f.body
	f.octets = bytes.Clone(appendTTLOffsets(octets, int(f.body)))
	return f
}

// Answers reports whether f is the answer to the question of key, which AppendKey
// made.
func (f Finished) Answers(key []byte) bool {
	question := key[:len(key)-1]
	return key[len(question)] == f.flags && bytes.HasPrefix(f.octets[headerSize:], question)
}

// Memory is how many octets f takes besides itself.
func (f Finished) Memory() int { return cap(f.octets) }

// Size is how many octets a response takes, with and without OPT record, without the options
// of one client.
func (f Finished) Size(edns bool) int {
	if edns {
		return int(f.body) + int(f.opt)
	}
	return int(f.body)
}

// Append appends the response to g, of which every TTL is counted down by age and
// then no higher than limit, both in seconds; g.Options go with an OPT record. It
// does not allocate where dst has room.
func (f *Finished) Append(dst []byte, g *Glance, age, limit uint32) []byte {
	begin := len(dst)
	dst = append(dst, f.octets[:f.Size(g.EDNS)]...)
	m := dst[begin:]
	copy(m[:2], g.packet)
	flags := binary.BigEndian.Uint16(m[2:]) | binary.BigEndian.Uint16(g.packet[2:])&(flagRD|flagCD)
	if !g.AD && !g.DO {
		flags &^= flagAD // RFC 6840, section 5.8
	}
	binary.BigEndian.PutUint16(m[2:], flags)
	copy(m[headerSize:], g.packet[headerSize:g.end])
	for offsets := f.octets[f.Size(true):]; len(offsets) >= 2; offsets = offsets[2:] {
		at := m[binary.BigEndian.Uint16(offsets):]
		ttl := binary.BigEndian.Uint32(at)
		binary.BigEndian.PutUint32(at, min(ttl-min(ttl, age), limit))
	}
	if g.EDNS {
		m[11]++ // ARCOUNT, never near 255: see maxAdditional
	}
	if g.Options.any() {
		dst = g.Options.append(dst, begin, begin+int(f.body), math.MaxUint16)
	}
	return dst
}

// appendTTLOffsets appends where the TTLs stand in the body that octets begin with, a
// packet of our own.
func appendTTLOffsets(octets []byte, body int) []byte {
	at, _ := plainEnd(octets, headerSize)
	at += 4
	for at < body {
		for octets[at] != 0 && octets[at] < 0xC0 {
			at += 1 + int(octets[at])
		}
		if octets[at] >= 0xC0 {
			at++
		}
		at++ // the root label, or the pointer's second octet
		octets = binary.BigEndian.AppendUint16(octets, uint16(at+4))
		at += 10 + int(binary.BigEndian.Uint16(octets[at+8:]))
	}
	return octets
}
