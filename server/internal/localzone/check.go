package localzone

import (
	"cmp"
	"maps"
	"slices"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// finish holds the zone against what the records of a zone must be together, and settles
// what goes with negative answers.
func (p *zoneParser) finish() {
	p.apex()
	names := slices.SortedFunc(maps.Keys(p.zone.nodes), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.zone.nodes[a].line, p.zone.nodes[b].line), cmp.Compare(a, b))
	})
	for _, wired := range names {
		name, _, err := matcher.NameFromWire([]byte(wired))
		if err == nil { // always
			p.check(name, p.zone.nodes[wired])
		}
	}
	if p.problems.Failed() == 0 { // or else what is missing may be among the problems
		p.advise(names)
	}
}

// apex checks the zone's own name: one SOA record (RFC 1035, section 5.2).
func (p *zoneParser) apex() {
	soa := p.zone.nodes[p.zone.origin.Wire()].of(wire.TypeSOA)
	switch {
	case len(soa) == 0 && p.faults > 0: // it may be among them
	case len(soa) == 0:
		p.problem(0, "no SOA record for %v; begin the file with one, such as \"@ 3600 IN SOA ns hostmaster 1 3600 1200 604800 300\"", p.zone.origin)
	case len(soa) > 1:
		p.problem(p.zone.nodes[p.zone.origin.Wire()].line, "%v has %d SOA records; want one", p.zone.origin, len(soa))
	default: // RFC 2308, section 5
		p.zone.soa = soa[0].WithTTL(min(soa[0].TTL(), soa[0].Minimum()))
	}
}

// check checks what stands at name.
func (p *zoneParser) check(name matcher.Name, n *node) {
	if n.of(wire.TypeSOA) != nil && name != p.zone.origin {
		p.problem(n.line, "%v has a SOA record; only the zone's own name, %v, has one", name, p.zone.origin)
	}
	if set := n.of(wire.TypeCNAME); len(set) > 0 && len(n.sets) > 1 {
		p.problem(n.line, "%v has a CNAME record and others; a CNAME record stands alone (RFC 2181, section 10.1)", name)
	} else if len(set) > 1 {
		p.problem(n.line, "%v has %d CNAME records; want one (RFC 2181, section 10.1)", name, len(set))
	}
	if set := n.of(wire.TypeDNAME); len(set) > 1 {
		p.problem(n.line, "%v has %d DNAME records; want one (RFC 6672, section 2.4)", name, len(set))
	}
	if above, ok := p.redirected(name); ok && len(n.sets) > 0 {
		p.problem(n.line, "%v stands below the DNAME record of %v and is never found (RFC 6672, section 2.4)", name, above)
	}
}

// redirected finds a name above name, within the zone, that has a DNAME record.
func (p *zoneParser) redirected(name matcher.Name) (above matcher.Name, ok bool) {
	path := p.zone.down(name)
	for _, suffix := range path[:len(path)-1] {
		if set := p.zone.nodes[suffix].of(wire.TypeDNAME); set != nil {
			return set[0].Name(), true
		}
	}
	return matcher.Name{}, false
}
