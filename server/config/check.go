package config

import (
	"fmt"
	"slices"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// historicEdition is the bundled edition whose addresses are no longer in use.
const historicEdition = "2020-09-08"

// checkPin warns of what a pin that changes answers does not do, or does besides.
func (l *loader) checkPin(t *tomlfile.Table, r *policy.Rule) {
	if r.Pin <= policy.Observe {
		return
	}
	t.Warn("pin", "clients that validate DNSSEC take a changed signed answer as bogus and get no address at all")
	if l.cfg.Edition == historicEdition && l.usesEdition(r) {
		t.Warn("pin", "the addresses of edition %s are history: none of its single addresses is still published", historicEdition)
	}
	for _, z := range l.cfg.Zones {
		if slices.Contains(r.Zones, z.Name) && !z.HasRanges() {
			t.Warn("pin", "zone %q publishes no ranges: there is nothing to hold its names to", z.Name)
		}
	}
	for _, p := range r.Names {
		if !slices.ContainsFunc(l.cfg.Zones, func(z *zones.Zone) bool { return publishes(z, p) }) {
			t.Warn("pin", "no zone publishes ranges for %q: there is nothing to hold it to", p)
		}
	}
}

// usesEdition says whether a rule can match by what the edition brought. The
// ranges for its own names may come from there as well.
func (l *loader) usesEdition(r *policy.Rule) bool {
	isBundled := func(name string) bool {
		return slices.ContainsFunc(l.cfg.Zones, func(z *zones.Zone) bool { return z.Name == name && z.Edition == l.cfg.Edition })
	}
	return r.AllZones || len(r.Names) > 0 || slices.ContainsFunc(r.Zones, isBundled)
}

// publishes says whether a zone has a range for a name that p matches.
func publishes(z *zones.Zone, p matcher.Pattern) bool {
	for i := range z.Rows {
		if len(z.Rows[i].Prefixes) > 0 && slices.ContainsFunc(z.Rows[i].Patterns, p.Overlaps) {
			return true
		}
	}
	return false
}

// checkConflicts records rules of equal rank that say different things.
func (l *loader) checkConflicts(tables map[string]*tomlfile.Table) {
	conflicts := policy.Conflicts(policy.Input{
		Zones: l.cfg.Zones, Rules: l.cfg.Rules, Clients: l.cfg.Clients, Allow: l.cfg.Server.Allow,
	})
	for _, c := range conflicts {
		first, second := tables[c.RuleA], tables[c.RuleB]
		second.Problem(c.Key, "contradicts rule.%s.%s%s: both match %s alike, and neither is the more specific",
			c.RuleA, c.Key, onLine(first.LineOf(c.Key)), c.Pattern)
	}
}

// onLine says where something else stands, if that is known.
func onLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(" on line %d", line)
}
