package wire

import (
	"encoding/binary"
	"errors"
)

// headerSize is the length of the header of a message, RFC 1035, section 4.1.1.
const headerSize = 12

// maxName is the length of the longest name, RFC 1035, section 3.1.
const maxName = 255

// The flags of a header, RFC 1035, section 4.1.1 and RFC 4035, section 3.
const (
	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagRA = 1 << 7
	flagAD = 1 << 5
	flagCD = 1 << 4
)

var (
	errShort = errors.New("message ends within a record")
	errName  = errors.New("malformed name")
)

// header is the first twelve octets of a message.
type header struct {
	id, flags                             uint16
	questions, answers, authorities, more uint16
}

// readHeader reads the header of packet; ok is false if packet is too short.
func readHeader(packet []byte) (h header, ok bool) {
	if len(packet) < headerSize {
		return header{}, false
	}
	at := func(off int) uint16 { return binary.BigEndian.Uint16(packet[off:]) }
	return header{at(0), at(2), at(4), at(6), at(8), at(10)}, true
}

// append adds the octets of h to dst.
func (h header) append(dst []byte) []byte {
	for _, v := range [...]uint16{h.id, h.flags, h.questions, h.answers, h.authorities, h.more} {
		dst = binary.BigEndian.AppendUint16(dst, v)
	}
	return dst
}

// opcode is the kind of message; 0 is QUERY.
func (h header) opcode() uint16 { return h.flags >> 11 & 0xF }

// has reports whether flag is set.
func (h header) has(flag uint16) bool { return h.flags&flag != 0 }

// reader walks over a packet. The first error stays, and everything read after
// it is zero, so callers look at err once.
type reader struct {
	packet []byte
	off    int
	err    error
}

// fail keeps err unless there is one already.
func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// take gives the next n octets, or nil.
func (r *reader) take(n int) []byte {
	if r.err != nil || len(r.packet)-r.off < n {
		r.fail(errShort)
		return nil
	}
	r.off += n
	return r.packet[r.off-n : r.off]
}

// uint16 reads two octets.
func (r *reader) uint16() uint16 {
	b := r.take(2)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// uint32 reads four octets.
func (r *reader) uint32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// appendName adds the next name to dst, as it is spelled and without
// compression.
func (r *reader) appendName(dst []byte) []byte {
	if r.err != nil {
		return dst
	}
	out, next, ok := appendName(dst, r.packet, r.off)
	if !ok {
		r.fail(errName)
		return dst
	}
	r.off = next
	return out
}

// skipName passes over the next name without following its pointer.
func (r *reader) skipName() {
	if r.err != nil {
		return
	}
	end, ok := nameEnd(r.packet, r.off)
	if !ok {
		r.fail(errName)
		return
	}
	r.off = end
}

// recordHead is a record up to its RDATA. Its owner is not read: few records of a
// query need theirs, and what a pointer leads to is work that a stranger asks for.
type recordHead struct {
	at    int  // where the owner begins
	root  bool // it is the root, uncompressed
	typ   Type
	class Class
	ttl   uint32
	size  int // RDLENGTH
}

// recordHead reads the next record up to its RDATA.
func (r *reader) recordHead() recordHead {
	at := r.off
	r.skipName()
	root := at < len(r.packet) && r.packet[at] == 0
	return recordHead{at, root, Type(r.uint16()), Class(r.uint16()), r.uint32(), int(r.uint16())}
}
