package wire

import (
	"errors"
	"fmt"
	"slices"
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
// it is scrubbed (see [Message]): what does not belong to q or its chain goes. One
// that holds more than any real response is refused, so what a response costs to
// keep and to judge is bounded.
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
	u := unpacker{reader: reader{packet: packet, off: headerSize}, asked: q.Name}
	if !m.bare(h, len(packet)) && !u.asks(h, q) {
		return Message{}, ErrMismatch
	}
	if m.tc {
		return m, nil
	}
	s, err := u.sections(h)
	if err != nil {
		return Message{}, fmt.Errorf("response to %v: %w", q, err)
	}
	m.rcode |= Rcode(s.opt.extended) << 4
	m.edes = s.opt.edes
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
	name := q.Name.Wire()
	if h.questions != 1 || !sameName(r.take(len(name)), name) {
		return false
	}
	return Type(r.uint16()) == q.Type && Class(r.uint16()) == q.Class && r.err == nil
}

// sections are the records of a response as they came. The OPT record stands
// apart.
type sections struct {
	answer, authority, additional []record
	opt                           opt
}

// sections reads all records of a response.
func (u *unpacker) sections(h header) (s sections, err error) {
	if int(h.answers)+int(h.authorities)+int(h.more) > maxRecords {
		return s, errMany
	}
	s.answer = u.records(h.answers, nil)
	s.authority = u.records(h.authorities, nil)
	s.additional = u.records(h.more, &s.opt)
	if u.err != nil {
		return s, u.err
	}
	if u.off != len(u.packet) {
		return s, fmt.Errorf("%d octets after the end", len(u.packet)-u.off)
	}
	return s, nil
}

// ofClass is list without the records of another class.
func ofClass(list []record, c Class) []record {
	return slices.DeleteFunc(list, func(r record) bool { return r.class != c })
}
