package wire

import (
	"net/netip"
	"slices"
	"time"
)

// WithoutAddresses is m without the addresses that drop names, wherever they
// stand, and the number of places they were removed from. A and AAAA records go
// whole; a service binding stays and loses the hints. If something was removed,
// AD is clear and the signatures of the RRsets concerned are gone; otherwise it
// is m itself. The chain, the rcode and all else stay.
func (m Message) WithoutAddresses(drop func(netip.Addr) bool) (Message, int) {
	answer, n := prune(m.answer, drop)
	additional, more := prune(m.additional, drop)
	if n+more == 0 {
		return m, 0
	}
	m.answer, m.additional = answer, additional
	m.ad = false
	return m.settled(), n + more
}

// prune is section without the addresses that drop names, and their number.
func prune(section []record, drop func(netip.Addr) bool) ([]record, int) {
	removed := 0
	changed := make(map[rrset]bool)
	kept := make([]record, 0, len(section))
	for _, r := range section {
		edited, n, gone := r.without(drop)
		if n > 0 {
			changed[r.rrset()] = true
			removed += n
		}
		if !gone {
			kept = append(kept, edited)
		}
	}
	if removed == 0 {
		return section, 0
	}
	return withoutSignatures(kept, changed), removed
}

// without is r without the addresses that drop names, and their number; gone if
// the whole record goes.
func (r record) without(drop func(netip.Addr) bool) (edited record, n int, gone bool) {
	switch {
	case r.typ.isAddress() && drop(r.address()):
		return r, 1, true
	case r.typ.isService():
		edited, n = r.withoutHints(drop)
		return edited, n, false
	}
	return r, 0, false
}

// withoutSignatures removes the signatures of changed RRsets from section, which
// it owns.
func withoutSignatures(section []record, changed map[rrset]bool) []record {
	return slices.DeleteFunc(section, func(r record) bool {
		return r.typ == TypeRRSIG && changed[r.rrset()]
	})
}

// Aged is m after it was kept for age: each TTL is that much smaller, 0 at least.
func (m Message) Aged(age time.Duration) Message {
	seconds := max(0, age) / time.Second
	if seconds == 0 {
		return m
	}
	return m.withTTLs(func(ttl uint32) uint32 {
		return uint32(max(0, time.Duration(ttl)-seconds))
	})
}

// CapTTL is m with no TTL above limit.
func (m Message) CapTTL(limit uint32) Message {
	if m.maxTTL() <= limit {
		return m // nearly always, and copies nothing
	}
	return m.withTTLs(func(ttl uint32) uint32 { return min(ttl, limit) })
}

// For is m as the answer to q, another question to which the same applies: without
// records in the answer, it says that there is no such name (see [Message.DeniesName]),
// and q is about that name or one below. Another message is the answer to one question
// only, and stays as it is.
func (m Message) For(q Question) Message {
	if m.DeniesName() {
		m.question, m.end = q, q.Name
	}
	return m
}

// Stale is m as an answer past its time: every TTL is ttl, and what it was validated by
// may have expired as well, so AD is clear (RFC 8767, section 4).
func (m Message) Stale(ttl uint32) Message {
	m.ad = false
	return m.withTTLs(func(uint32) uint32 { return ttl })
}

// WithEDEs is m with extended errors in place of its own.
func (m Message) WithEDEs(edes ...EDE) Message {
	m.edes = edes
	return m
}

// CapSOA is m with the SOA of a negative answer, and its signatures, for no longer than
// its MINIMUM: that is how long clients may keep that there is nothing, and its TTL counts
// down, which the MINIMUM does not (RFC 2308, section 5).
func (m Message) CapSOA() Message {
	soa, ok := m.soa()
	if !m.negative() || !ok || soa.ttl <= soa.minimum() {
		return m
	}
	m.authority = slices.Clone(m.authority)
	for i, r := range m.authority {
		if r.rrset() == soa.rrset() {
			m.authority[i].ttl = min(r.ttl, soa.minimum())
		}
	}
	return m
}

// withTTLs is m with each TTL as f says.
func (m Message) withTTLs(f func(uint32) uint32) Message {
	for _, section := range []*[]record{&m.answer, &m.authority, &m.additional} { // no name or address changes
		*section = slices.Clone(*section)
		for i := range *section {
			(*section)[i].ttl = f((*section)[i].ttl)
		}
	}
	return m
}
