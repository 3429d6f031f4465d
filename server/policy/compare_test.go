package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/compare"
)

// Package compare says what would be published for names, by the policy's rule but without
// a policy: zones know nothing of rules. Here the two are held together.
func TestComparisonPublishesAsThePolicyDoes(t *testing.T) {
	states := [][]*zones.Zone{randomZones(t, 1), randomZones(t, 2), randomZones(t, 3), randomZones(t, 4), nil}
	for _, edition := range zones.Editions() {
		bundled, err := zones.Bundled(edition)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, bundled)
	}
	for i, before := range states {
		for j, after := range states {
			if before == nil || i == j {
				continue
			}
			d := compare.Compare(before, after)
			old, current := policy.New(policy.Input{Zones: before}), policy.New(policy.Input{Zones: after})
			for _, c := range d.Ranges {
				for _, name := range c.Names {
					checkCompared(t, old, name, c.Old)
					checkCompared(t, current, name, c.New)
				}
			}
		}
	}
}

// checkCompared holds what is published for the names of pattern, but for those that have
// rows of their own, to prefixes.
func checkCompared(t *testing.T, p *policy.Policy, pattern string, prefixes []netip.Prefix) {
	t.Helper()
	parsed, err := matcher.ParsePattern(pattern)
	if err != nil {
		t.Fatal(err)
	}
	name := parsed.Example()
	published := p.Decide(name, 0).Published.Prefixes()
	got := compare.RangesOf(published...).Prefixes()
	if !slices.Equal(got, prefixes) {
		t.Errorf("%s: the policy publishes %v, the comparison says %v", pattern, got, prefixes)
	}
}

// randomZones are two zones of which no pattern's example has a row of its own.
func randomZones(t *testing.T, seed uint64) (all []*zones.Zone) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, seed))
	names := []string{"a.example", "*.example", "b.a.example", "*.a.example", ".b.example", "{0..9}.c.example", "x*.example", "*"}
	for _, name := range []string{"one", "two"} {
		var text strings.Builder
		for i := range 4 {
			fmt.Fprintf(&text, "[row.r%d]\nnames = [%q, %q]\n", i, names[r.IntN(4)], names[4+r.IntN(4)])
			fmt.Fprintf(&text, "prefixes = [\"192.0.2.%d\", \"198.51.100.%d\"]\ncarve_out = %t\n", r.IntN(9), r.IntN(9), r.IntN(4) == 0)
		}
		z, problems := zones.Parse(name, name, []byte(text.String()))
		if z == nil {
			t.Fatal(problems)
		}
		all = append(all, z)
	}
	return all
}
