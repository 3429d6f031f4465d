package config

import (
	"fmt"
	"net/netip"
	"slices"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// historicEdition is the bundled edition whose addresses are no longer in use.
const historicEdition = "2020-09-08"

// checkPin warns of what a pin that changes answers does not do, or does besides.
func (l *loader) checkPin(t *tomlfile.Table, r *policy.Rule, compiled *policy.Policy) {
	if r.Pin <= policy.Observe {
		return
	}
	t.Warn("pin", "clients that validate DNSSEC take a changed signed answer as bogus and get no address at all")
	if l.cfg.Edition == historicEdition && l.usesEdition(r) {
		t.Warn("pin", "the addresses of edition %s are history: none of its single addresses is still published", historicEdition)
	}
	zoneSingles := l.checkPinnedZones(t, r)
	nameSingles := l.checkPinnedNames(t, r, compiled)
	if r.Pin == policy.Substitute && !zoneSingles && !nameSingles {
		t.Warn("pin", "nothing that is published for these names is a single address: %q does what %q does", policy.Substitute, policy.Enforce)
	}
}

// Pinned gives the names of the rules that change answers, with a pin stricter than observe,
// by each zone that they name; "*" names none.
func (c *Config) Pinned() map[string][]string {
	pinned := map[string][]string{}
	for i := range c.Rules {
		r := &c.Rules[i]
		if r.Pin <= policy.Observe {
			continue
		}
		for _, zone := range r.Zones {
			pinned[zone] = append(pinned[zone], r.Name)
		}
	}
	return pinned
}

// rangedZone is a zone with what it publishes.
type rangedZone struct {
	*zones.Zone
	ranges  bool // any
	singles bool // single addresses
}

// zoneRanges gives what the loaded zones publish.
func (l *loader) zoneRanges() []rangedZone {
	if l.ranged == nil {
		for _, z := range l.cfg.Zones {
			l.ranged = append(l.ranged, rangedZone{Zone: z, ranges: z.HasRanges(), singles: hasSingles(z)})
			for i := range z.Rows {
				if len(z.Rows[i].Prefixes) > 0 {
					l.pinnable = slices.AppendSeq(l.pinnable, z.Rows[i].Patterns.All())
				}
			}
		}
	}
	return l.ranged
}

// checkPinnedZones warns of zones without ranges, and says whether any zone of
// the rule has a single address.
func (l *loader) checkPinnedZones(t *tomlfile.Table, r *policy.Rule) (singles bool) {
	for _, z := range l.zoneRanges() {
		isNamed := slices.Contains(r.Zones, z.Name)
		if isNamed && !z.ranges {
			t.Warn("pin", "zone %q publishes no ranges: there is nothing to hold its names to", z.Name)
		}
		if isNamed || r.AllZones && !z.CatchAll {
			singles = singles || z.singles
		}
	}
	return singles
}

// checkPinnedNames warns of names without ranges, and says whether a single
// address is published for any name of the rule's own.
func (l *loader) checkPinnedNames(t *tomlfile.Table, r *policy.Rule, compiled *policy.Policy) (singles bool) {
	for _, p := range r.Names {
		ranges := l.rangesFor(p, compiled)
		singles = singles || ranges.singles
		if !ranges.any {
			t.Warn("pin", "no zone publishes ranges for %q%s: there is nothing to hold it to", p, ranges.carvedOut())
		}
	}
	return singles
}

// usesEdition says whether a rule can match by what the edition brought. The
// ranges for its own names may come from there as well.
func (l *loader) usesEdition(r *policy.Rule) bool {
	isBundled := func(name string) bool {
		return slices.ContainsFunc(l.cfg.Zones, func(z *zones.Zone) bool { return z.Name == name && z.Edition == l.cfg.Edition })
	}
	return r.AllZones || len(r.Names) > 0 || slices.ContainsFunc(r.Zones, isBundled)
}

// hasSingles says whether a row of the zone publishes a single address.
func hasSingles(z *zones.Zone) bool {
	return slices.ContainsFunc(z.Rows, func(r zones.Row) bool {
		return slices.ContainsFunc(r.Prefixes, netip.Prefix.IsSingleIP)
	})
}

// ranges is what is published for the names that a pattern matches.
type ranges struct {
	any     bool
	singles bool         // single addresses are
	cut     policy.Match // the row because of which ranges do not count
}

// rangesFor finds what is published for names that p matches.
func (l *loader) rangesFor(p matcher.Pattern, compiled *policy.Policy) ranges {
	names, crossing := l.examples(p)
	if !l.effort.spend(decideCost * len(names)) {
		crossing = true
	}
	found := ranges{any: crossing, singles: crossing} // not known, so not warned of
	for i, name := range names {
		if found.any && found.singles {
			break
		}
		published := compiled.Decide(name, 0).Published
		if i == 0 {
			found.cut = published.CarveOut()
		}
		found.any = found.any || published.Any()
		found.singles = found.singles || len(published.Singles(true))+len(published.Singles(false)) > 0
	}
	return found
}

// carvedOut says which row keeps ranges away, if one does.
func (r ranges) carvedOut() string {
	if r.cut == (policy.Match{}) {
		return ""
	}
	return fmt.Sprintf(", which row %s of zone %q carves out", r.cut.Row, r.cut.Zone)
}

// examples gives names that p matches: one of its own, and one for each pattern
// with ranges that it takes in. Crossing says that p and such a pattern also meet
// in names that are not among them, as far as is known.
func (l *loader) examples(p matcher.Pattern) (names []matcher.Name, crossing bool) {
	names = []matcher.Name{p.Example()}
	if l.zoneRanges(); !l.effort.spend(len(l.pinnable)) {
		return names, true
	}
	for _, q := range l.pinnable {
		switch {
		case !p.Overlaps(q) || q.Matches(names[0]):
		case p.Matches(q.Example()):
			names = append(names, q.Example())
		default:
			crossing = true
		}
	}
	return names, crossing
}
