package wire

import (
	"errors"
	"fmt"
	"slices"

	"splitdns/matcher"
)

// ErrMismatch is a packet that is no response to the question asked: whoever
// waits for one goes on listening. Any other error of [ParseResponse] is about
// the response itself.
var ErrMismatch = errors.New("not a response to the question asked")

// maxTTL is the longest TTL; one with the high bit set counts as 0 (RFC 2181,
// section 8).
const maxTTL = 1<<31 - 1

// ParseResponse reads an upstream's response to q, strictly: a response, opcode
// QUERY, exactly the question asked, as many records as it says, each with all
// fields of its type, nothing after them. The ID is the caller's to compare. Then
// it is scrubbed (see [Message]): what does not belong to q or its chain goes.
//
// A response without a question is taken if it says no more than a failure, as
// servers do that do not understand the query (RFC 6891, section 7). Of a
// truncated one only the header counts: what follows may end anywhere, and is
// asked for again over TCP.
func ParseResponse(packet []byte, q Question) (Message, error) {
	h, ok := readHeader(packet)
	if !ok || !h.has(flagQR) || h.opcode() != 0 {
		return Message{}, ErrMismatch
	}
	m := NewMessage(q, Rcode(h.flags&0xF))
	m.ad, m.tc = h.has(flagAD), h.has(flagTC)
	r := reader{packet: packet, off: headerSize}
	if !m.bare(h, len(packet)) && !r.asks(h, q) {
		return Message{}, ErrMismatch
	}
	if m.tc {
		return m, nil
	}
	s, err := r.sections(h)
	if err != nil {
		return Message{}, fmt.Errorf("response to %v: %w", q, err)
	}
	if s.opt != nil {
		m.rcode |= Rcode(s.opt.extended) << 4
		m.edes = s.opt.edes()
	}
	if m, err = m.scrubbed(s); err != nil {
		return Message{}, fmt.Errorf("response to %v: %w", q, err)
	}
	return m, nil
}

// bare reports whether the response is a failure and only a header.
func (m Message) bare(h header, size int) bool {
	return size == headerSize && h.questions == 0 && m.rcode != NoError && m.rcode != NXDomain
}

// asks reads the question section and reports whether it is exactly q; the case
// of letters does not count.
func (r *reader) asks(h header, q Question) bool {
	name, size, err := matcher.NameFromWire(r.packet[headerSize:])
	if err != nil || h.questions != 1 {
		return false
	}
	r.take(size)
	return Question{name, Type(r.uint16()), Class(r.uint16())} == q && r.err == nil
}

// sections are the records of a response as they came. The OPT record stands
// apart.
type sections struct {
	answer, authority, additional []record
	opt                           *opt
}

// sections reads all records of a response.
func (r *reader) sections(h header) (s sections, err error) {
	s.answer = r.records(h.answers, nil)
	s.authority = r.records(h.authorities, nil)
	s.additional = r.records(h.more, &s.opt)
	if r.err != nil {
		return s, r.err
	}
	if r.off != len(r.packet) {
		return s, fmt.Errorf("%d octets after the end", len(r.packet)-r.off)
	}
	return s, nil
}

// records reads a section of n records. An OPT record goes to o; where o is nil
// there must be none.
func (r *reader) records(n uint16, o **opt) []record {
	var list []record
	for range n {
		h := r.recordHead()
		if r.err != nil {
			return nil
		}
		if h.typ == TypeOPT {
			r.readOPT(h, o)
			continue
		}
		owner, _, _ := matcher.NameFromWire(h.owner)
		if h.ttl > maxTTL {
			h.ttl = 0
		}
		list = append(list, record{owner, h.typ, h.class, h.ttl, r.rdata(h.typ, h.size)})
	}
	return list
}

// readOPT reads the OPT record of a response into o.
func (r *reader) readOPT(h recordHead, o **opt) {
	data := r.take(h.size)
	switch {
	case r.err != nil:
	case o == nil:
		r.fail(errOPT)
	case *o != nil:
		r.fail(errTwoOPTs)
	default:
		var err error
		if *o, err = readOPT(h, data); err != nil {
			r.fail(err)
		}
	}
}

// ofClass is list without the records of another class.
func ofClass(list []record, c Class) []record {
	return slices.DeleteFunc(list, func(r record) bool { return r.class != c })
}
