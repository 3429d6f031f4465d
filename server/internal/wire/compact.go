package wire

import "encoding/binary"

// What a compact record spells out; else it is that of the question or, RDATA and an
// owner that is not asked for, that of the last record that spelled it out. So
// [maxUnpacked] bounds a compact message as well.
const (
	ownNameForm = 1 << iota
	ownClassForm
	ownDataForm
	nameBeforeForm // the owner is not the question's name, and not spelled out
)

// AppendCompact appends m in few octets, from which [ParseCompact] makes it again.
// A message in memory has a dozen pointers and half a kilobyte, too much for a
// million of them. Its question is left out: whoever keeps m knows what it answers.
func (m Message) AppendCompact(dst []byte) []byte {
	dst = append(dst, byte(btoi(m.ad)|btoi(m.tc)<<1))
	dst = binary.AppendUvarint(dst, uint64(m.rcode))
	dst = binary.AppendUvarint(dst, uint64(len(m.edes)))
	for _, e := range m.edes {
		dst = binary.AppendUvarint(dst, uint64(e.Code))
		dst = appendCounted(dst, e.Text)
	}
	for _, section := range m.sections() {
		dst = binary.AppendUvarint(dst, uint64(len(section)))
	}
	var before record
	for _, section := range m.sections() {
		for _, r := range section {
			dst = r.appendCompact(dst, m.question, &before)
		}
	}
	return dst
}

// appendCompact appends r, a record of the answer to q. before has the last name and
// RDATA that were spelled out.
func (r record) appendCompact(dst []byte, q Question, before *record) []byte {
	form := r.form(q, *before)
	dst = append(dst, form)
	dst = binary.AppendUvarint(dst, uint64(r.typ))
	dst = binary.AppendUvarint(dst, uint64(r.ttl))
	if form&ownNameForm != 0 {
		before.name = r.name
		dst = r.name.AppendWire(dst)
	}
	if form&ownClassForm != 0 {
		dst = binary.AppendUvarint(dst, uint64(r.class))
	}
	if form&ownDataForm != 0 {
		before.data = r.data
		dst = appendCounted(dst, r.data)
	}
	return dst
}

// form says what r has to spell out.
func (r record) form(q Question, before record) (form byte) {
	switch r.name {
	case q.Name:
	case before.name:
		form |= nameBeforeForm
	default:
		form |= ownNameForm
	}
	if r.class != q.Class {
		form |= ownClassForm
	}
	if r.data != before.data {
		form |= ownDataForm
	}
	return form
}

// appendCounted appends s with its length before it.
func appendCounted(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// ParseCompact is the answer to q of which [Message.AppendCompact] made s. It
// trusts s. The message shares its memory, and allocates little else.
func ParseCompact(s string, q Question) Message {
	m := Message{question: q}
	flags := s[0]
	m.ad, m.tc = flags&1 != 0, flags&2 != 0
	c := compact{s[1:]}
	m.rcode = Rcode(c.number())
	if n := c.number(); n > 0 {
		m.edes = make([]EDE, n)
	}
	for i := range m.edes {
		m.edes[i] = EDE{uint16(c.number()), c.counted()}
	}
	answers, authorities, more := c.number(), c.number(), c.number()
	all := make([]record, answers+authorities+more)
	var before record
	for i := range all {
		all[i] = c.record(q, &before)
	}
	authority, additional := all[answers:], all[answers+authorities:]
	m.answer, m.authority, m.additional = all[:answers:answers], authority[:authorities:authorities], additional
	return m.settled()
}

// compact is a compact message yet to be read.
type compact struct{ rest string }

// take gives the next n octets.
func (c *compact) take(n int) string {
	s := c.rest[:n]
	c.rest = c.rest[n:]
	return s
}

// number reads a number as package binary appends it.
func (c *compact) number() (v int) {
	for i := range len(c.rest) {
		v |= int(c.rest[i]&0x7F) << (7 * i)
		if c.rest[i] < 0x80 {
			c.rest = c.rest[i+1:]
			break
		}
	}
	return v
}

// counted reads what appendCounted appended.
func (c *compact) counted() string { return c.take(c.number()) }

// record reads what record.appendCompact appended.
func (c *compact) record(q Question, before *record) record {
	form := c.take(1)[0]
	r := record{name: q.Name, typ: Type(c.number()), class: q.Class, ttl: uint32(c.number())}
	if form&ownNameForm != 0 {
		before.name = nameAt(c.rest)
		c.take(len(before.name.Wire()))
	}
	if form&(ownNameForm|nameBeforeForm) != 0 {
		r.name = before.name
	}
	if form&ownClassForm != 0 {
		r.class = Class(c.number())
	}
	if form&ownDataForm != 0 {
		before.data = c.counted()
	}
	r.data = before.data
	return r
}
