package localzone

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
	"splitdns/zones/tomlfile"
)

// target is a name that a record leads to.
type target struct {
	line  int
	owner matcher.Name
	kind  wire.Type // MX, SRV, NS or CNAME
	name  matcher.Name
}

// note keeps the name that rr, which is owner's, leads to.
func (p *zoneParser) note(rr dns.RR, owner matcher.Name, line int) {
	text := ""
	switch rr := rr.(type) {
	case *dns.MX:
		text = rr.Mx
	case *dns.SRV:
		text = rr.Target
	case *dns.NS:
		text = rr.Ns
	case *dns.CNAME:
		text = rr.Target
	default:
		return
	}
	if name, err := matcher.ParseName(text); err == nil {
		p.targets = append(p.targets, target{line, owner, wire.Type(rr.Header().Rrtype), name})
	}
}

// warn records what is probably not meant.
func (p *zoneParser) warn(line int, format string, args ...any) {
	p.problems.Add(tomlfile.Problem{File: p.problems.File, Line: line, Text: fmt.Sprintf(format, args...), Warning: true})
}

// advise warns of what a zone may say and is probably not meant. Names are all those of its nodes.
func (p *zoneParser) advise(names []string) {
	for _, wired := range names {
		name, _, err := matcher.NameFromWire([]byte(wired))
		if n := p.zone.nodes[wired]; err == nil && len(n.sets) > 0 && strings.ContainsFunc(wired, isBeyondASCII) {
			p.warn(n.line, "%v has letters outside of ASCII, which clients do not ask for: they ask for its form that begins with xn--", name)
		}
	}
	looping := make(map[matcher.Name]bool)
	for _, t := range p.targets {
		switch addr, isAddress := p.addressIn(t.name); {
		case isAddress:
			p.warn(t.line, "the %v record of %v leads to %q, which is a name and looks like an address; an A or AAAA record has one", t.kind, t.owner, addr)
		case t.kind == wire.TypeCNAME:
			p.loop(t, looping)
		case p.zone.covers(t.name):
			p.missing(t)
		}
	}
}

// isBeyondASCII reports whether r is not of ASCII. Octets that are no UTF-8 count.
func isBeyondASCII(r rune) bool { return r > '~' }

// addressIn finds the address that name was probably meant to be, absolute or relative to the zone.
func (p *zoneParser) addressIn(name matcher.Name) (netip.Addr, bool) {
	text := strings.TrimSuffix(name.String(), "."+p.zone.origin.String())
	addr, err := netip.ParseAddr(text)
	return addr, err == nil
}

// loop warns, once for each, that the CNAME records of the zone lead from t back to a name on the way.
func (p *zoneParser) loop(t target, looping map[matcher.Name]bool) {
	way := []matcher.Name{t.owner}
	for name := t.name; len(way) <= maxLinks && p.zone.covers(name) && !looping[name]; {
		if i := slices.Index(way, name); i >= 0 {
			for _, n := range way[i:] {
				looping[n] = true
			}
			p.warn(t.line, "the CNAME records of %v lead back to it: nobody gets an answer", name)
			return
		}
		way = append(way, name)
		if name = p.zone.answer(name, wire.TypeA).next; name.IsZero() {
			return
		}
	}
}

// missing warns that t leads to a name of this zone that has no address.
func (p *zoneParser) missing(t target) {
	v4, v6 := p.zone.answer(t.name, wire.TypeA), p.zone.answer(t.name, wire.TypeAAAA)
	if !v4.delegation.IsZero() || len(v4.records) > 0 || len(v6.records) > 0 {
		return
	}
	p.warn(t.line, "the %v record of %v leads to %v, which has no address in this zone", t.kind, t.owner, t.name)
}
