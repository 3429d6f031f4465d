package wire

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"splitdns/matcher"
)

const (
	maxLinks    = 16 // the longest CNAME chain that is followed
	maxServices = 32 // the targets of service bindings: rules are looked up for each

	// The records of sections that an answer is whole without. A proof takes eight
	// records or so, and only the name of a wildcard or the end of a chain has one.
	maxAuthority  = 64
	maxAdditional = 64
)

var (
	errLoop     = errors.New("the CNAME chain is a loop")
	errLong     = fmt.Errorf("the CNAME chain has more than %d links", maxLinks)
	errSeveral  = errors.New("a name with several CNAME records")
	errDNAMEs   = errors.New("a name with several DNAME records")
	errServices = fmt.Errorf("service bindings to more than %d names", maxServices)
	errDNAME    = errors.New("a CNAME record that contradicts the DNAME record above it")
)

// scrubbed is m with the records of s that belong to its question:
//
//   - in the answer section the chain from the QNAME, in order, and the records of
//     the type asked for at its end, each RRset with its signatures;
//   - in the authority section the SOA of the zone that the end is in, and the NSEC
//     and NSEC3 records of zones that the chain touches. NS records go: clients
//     have no use for them, and the addresses that come with them are none of the
//     answer's;
//   - in the additional section the addresses of names that the answer leads to;
//     none of them if they are many.
func (m Message) scrubbed(s sections) (Message, error) {
	class := m.question.Class
	answer, names, err := walk(m.question, ofClass(s.answer, class))
	if err != nil {
		return Message{}, err
	}
	m.answer = answer
	m.authority = authorityFor(names, ofClass(s.authority, class))
	m.additional = addressesFor(m.answer, ofClass(s.additional, class))
	for _, section := range m.sections() {
		levelTTLs(section)
	}
	m = m.settled()
	if err := m.bounded(); err != nil {
		return Message{}, err
	}
	if m.negative() {
		m.capSOA()
	}
	return m, nil
}

// levelTTLs gives all records of each RRset in list, which it writes to, and its signatures
// the lowest TTL among them (RFC 2181, section 5.2, and RFC 4034, section 3).
func levelTTLs(list []record) {
	for len(list) > 0 {
		n := together(list)
		lowest := list[0].ttl
		for _, r := range list[1:n] {
			lowest = min(lowest, r.ttl)
		}
		for i := range list[:n] {
			list[i].ttl = lowest
		}
		list = list[n:]
	}
}

// bounded says what m has too much of for an answer.
func (m Message) bounded() error {
	for list := m.answer; len(list) > 0; {
		n := together(list)
		if n > maxRRset {
			return errMany
		}
		list = list[n:]
	}
	switch {
	case m.links > maxLinks: // all at one name, to a question about ANY
		return errLong
	case len(m.chain)-m.links > maxServices:
		return errServices
	case len(m.addresses) > maxRecords:
		return errMany // in hints: a record holds thousands
	}
	return nil
}

// walk puts the answer to q in order. names are the QNAME and the names that the
// chain leads to. What is kept may be a part of answer.
func walk(q Question, answer []record) (kept []record, names []matcher.Name, err error) {
	names = []matcher.Name{q.Name}
	if q.Type == TypeANY {
		return everythingAt(q.Name, answer), names, nil
	}
	for at := q.Name; ; {
		if set := pick(answer, at, q.Type); set != nil && q.Type != TypeCNAME {
			return appended(kept, set), names, nil
		}
		link, next, err := follow(answer, at)
		if err != nil {
			return nil, nil, err
		}
		kept = appendLink(kept, link)
		switch {
		case next.IsZero() || q.Type == TypeCNAME:
			return kept, names, nil
		case slices.Contains(names, next):
			return nil, nil, errLoop
		case len(names) > maxLinks:
			return nil, nil, errLong
		}
		names = append(names, next)
		at = next
	}
}

// appendLink adds link to kept. A chain may come by one DNAME several times, which
// stands there once.
func appendLink(kept, link []record) []record {
	if len(link) > 0 && slices.Contains(kept, link[0]) {
		link = link[together(link):]
	}
	return appended(kept, link)
}

// appended is append, without copying where there is nothing to append to.
func appended(kept, set []record) []record {
	if len(kept) == 0 {
		return slices.Clip(set)
	}
	return append(kept, set...)
}

// everythingAt are the RRsets at name, each with its signatures, for a question
// about ANY.
func everythingAt(name matcher.Name, answer []record) []record {
	rank := make(map[Type]int)
	for i, r := range answer {
		if _, ok := rank[r.typ]; !ok && r.name == name && r.typ != TypeRRSIG && !r.typ.IsMeta() {
			rank[r.typ] = i + 1
		}
	}
	kept := slices.DeleteFunc(slices.Clone(answer), func(r record) bool {
		return r.name != name || rank[r.set()] == 0
	})
	slices.SortStableFunc(kept, func(a, b record) int {
		return cmp.Or(rank[a.set()]-rank[b.set()], btoi(a.typ == TypeRRSIG)-btoi(b.typ == TypeRRSIG))
	})
	return kept
}

// btoi is 1 for true.
func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// follow gives the records that lead on from the name at, and where to: a CNAME,
// with the DNAME that it was made from before it (RFC 6672, section 3.1). next is
// zero if there are none. A CNAME that its DNAME came without is made here; where
// it would be too long, which the rcode YXDOMAIN says, the chain ends.
func follow(answer []record, at matcher.Name) (link []record, next matcher.Name, err error) {
	cname := pick(answer, at, TypeCNAME)
	if len(cname) > 1 && cname[1].typ == TypeCNAME {
		return nil, next, errSeveral // RFC 2181, section 10.1
	}
	dname := redirect(answer, at)
	if len(dname) > 1 && dname[1].typ == TypeDNAME {
		return nil, next, errDNAMEs // RFC 6672, section 2.4
	}
	if len(dname) > 0 {
		made := substitute(dname[0], at)
		if len(cname) == 0 {
			cname = made
		}
		if !sameTarget(cname, made) {
			return nil, next, errDNAME
		}
	}
	if len(cname) > 0 {
		next, _ = cname[0].target()
	}
	return appended(dname, cname), next, nil
}

// redirect gives the DNAME RRset above the name at, if there is one.
func redirect(answer []record, at matcher.Name) []record {
	i := slices.IndexFunc(answer, func(r record) bool {
		return r.typ == TypeDNAME && r.name != at && covers(r.name, at)
	})
	if i < 0 {
		return nil
	}
	return pick(answer, answer[i].name, TypeDNAME)
}

// substitute is the CNAME that dname makes at the name at (RFC 6672, section
// 2.2), none if its target would be too long.
func substitute(dname record, at matcher.Name) []record {
	wire := at.Wire()
	target := wire[:len(wire)-len(dname.name.Wire())] + dname.data
	if len(target) > maxName {
		return nil
	}
	return []record{{at, TypeCNAME, dname.class, dname.ttl, target}}
}

// sameTarget reports whether two CNAME RRsets lead to the same name.
func sameTarget(a, b []record) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	s, _ := a[0].target()
	t, _ := b[0].target()
	return s == t
}

// authorityFor are the records of the authority section that say something about
// names, whose last one is the end of the chain: the SOA RRset nearest to it, and
// proofs. Where there are more of them than any proof has, only the SOA stays. It
// takes authority for itself.
func authorityFor(names []matcher.Name, authority []record) []record {
	zone := nearestSOA(names[len(names)-1], authority)
	kept := slices.DeleteFunc(authority, func(r record) bool {
		t := r.set()
		return t != TypeNSEC && t != TypeNSEC3 && (t != TypeSOA || r.name != zone)
	})
	if len(kept) > maxAuthority {
		return atMost(maxAuthority, pick(kept, zone, TypeSOA))
	}
	zones := provenZones(names, kept)
	return slices.DeleteFunc(kept, func(r record) bool { return !coveredByAny(zones, r.name) })
}

// nearestSOA is the longest owner of a SOA record that is end or above it, zero if
// there is none. A server is of one mind about the zone that a name is in.
func nearestSOA(end matcher.Name, authority []record) (zone matcher.Name) {
	for _, r := range authority {
		if r.typ == TypeSOA && len(r.name.Wire()) > len(zone.Wire()) && covers(r.name, end) {
			zone = r.name
		}
	}
	return zone
}

// atMost is list, or nothing if it has more than limit records: what is left of an
// RRset would be no RRset.
func atMost(limit int, list []record) []record {
	if len(list) > limit {
		return nil
	}
	return list
}

// provenZones are the zones that one of names is in and that the authority
// section is about: owners of SOA records, and signers.
func provenZones(names []matcher.Name, authority []record) []matcher.Name {
	var zones []matcher.Name
	for _, r := range authority {
		zone := r.name
		switch r.typ {
		case TypeSOA:
		case TypeRRSIG:
			zone = r.signer()
		default:
			continue
		}
		if !slices.Contains(zones, zone) && coversAny(zone, names) {
			zones = append(zones, zone)
		}
	}
	return zones
}

// addressesFor are the addresses in the additional section of the names that
// service bindings, MX, SRV and NS records in the answer lead to, with their
// signatures. It takes additional for itself.
func addressesFor(answer, additional []record) []record {
	if len(additional) == 0 {
		return nil
	}
	targets := make(map[matcher.Name]bool)
	for _, r := range answer {
		if r.typ == TypeCNAME || r.typ == TypeDNAME {
			continue
		}
		if t, ok := r.target(); ok {
			targets[t] = true
		}
	}
	return atMost(maxAdditional, slices.DeleteFunc(additional, func(r record) bool {
		return !targets[r.name] || !r.set().isAddress()
	}))
}

// capSOA gives the SOA record of a negative answer the TTL that the answer has
// (RFC 2308, section 5), and its signatures with it. m owns its authority section.
func (m Message) capSOA() {
	soa, ok := m.soa()
	if !ok {
		return
	}
	for i, r := range m.authority {
		if r.set() == TypeSOA {
			m.authority[i].ttl = min(r.ttl, soa.ttl, soa.minimum())
		}
	}
}
