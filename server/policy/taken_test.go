package policy_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"splitdns/server/policy"
	"splitdns/zones"
)

// takenPolicy has a row in another, one carved out of it, a range and a catch-all.
func takenPolicy() *policy.Policy {
	carved := row("carved", "*.cdn.push.example", "")
	carved.CarveOut = true
	return policy.New(policy.Input{
		Zones: []*zones.Zone{
			zone("push", row("wide", "*.push.example", "17.0.0.0/8"), row("one", "one.push.example", "192.0.2.1"), carved),
			zone("couriers", row("courier", "{0..50}-courier.example", "198.51.100.0/24"), row("stars", "a*b.example", "203.0.113.0/24")),
			zone("bare", row("bare", "other.push.example x.cdn.push.example bare.example", "")),
		},
		Rules: []policy.Rule{
			{Name: "zone", Zones: []string{"push"}},
			{Name: "all", AllZones: true},
			{Name: "bare", Zones: []string{"bare"}},
			{Name: "one", Names: patterns("one.push.example")},
			{Name: "other", Names: patterns("other.push.example")},
			{Name: "wide", Names: patterns("*.push.example")},
			{Name: "wider", Names: patterns(".example"), Clients: []string{"few"}},
			{Name: "carved", Names: patterns("x.cdn.push.example")},
			{Name: "number", Names: patterns("7-courier.example")},
			{Name: "numbers", Names: patterns("{0..9}-courier.example")},
			{Name: "both", Zones: []string{"couriers"}, Names: patterns("one.push.example")},
			{Name: "none", Names: patterns("none.test")},
		},
		Clients: []policy.ClientGroup{group("few", "10.0.0.0/24")},
		NAT64:   prefixes("64:ff9b::/96"),
	})
}

func TestPublishedFor(t *testing.T) {
	p := takenPolicy()
	for rule, want := range map[string]string{
		"zone": "17.0.0.0/8 192.0.2.1/32", "bare": "17.0.0.0/8", "all": "17.0.0.0/8 192.0.2.1/32 198.51.100.0/24 203.0.113.0/24",
		"one":   "17.0.0.0/8 192.0.2.1/32", // the union of all rows that match
		"other": "17.0.0.0/8", "wide": "17.0.0.0/8 192.0.2.1/32", "wider": "17.0.0.0/8 192.0.2.1/32 198.51.100.0/24 203.0.113.0/24",
		"carved": "", "number": "198.51.100.0/24", "numbers": "198.51.100.0/24",
		"both": "17.0.0.0/8 192.0.2.1/32 198.51.100.0/24 203.0.113.0/24", "none": "", "no-rule": "",
	} {
		var got []string
		for _, prefix := range p.PublishedFor(rule) {
			got = append(got, prefix.String())
		}
		slices.Sort(got)
		if text := strings.Join(slices.Compact(got), " "); text != want {
			t.Errorf("PublishedFor(%q) = %s, want %s", rule, text, want)
		}
		if has := p.HasRule(rule); has != (rule != "no-rule") {
			t.Errorf("HasRule(%q) = %v", rule, has)
		}
	}
}

// TestPublishedForIsWhatIsPublished holds that PublishedFor has all that Decide finds published for names that a
// rule takes, whatever zone publishes it.
func TestPublishedForIsWhatIsPublished(t *testing.T) {
	p := takenPolicy()
	for _, n := range []string{"one.push.example", "x.push.example", "other.push.example", "x.cdn.push.example", "5-courier.example", "51-courier.example", "axb.example", "www.example"} {
		d := p.Decide(name(n), p.Class(netip.MustParseAddr("10.0.0.9")))
		for _, step := range d.Steps {
			have := p.PublishedFor(step.Rule)
			for _, prefix := range d.Published.Prefixes() {
				if !slices.Contains(have, prefix) {
					t.Errorf("%s is published for %s, and not for rule %s", prefix, n, step.Rule)
				}
			}
		}
	}
}

func TestJudgeFor(t *testing.T) {
	p := takenPolicy()
	for _, c := range []struct{ rule, name, addr, want string }{
		{"zone", "x.push.example", "17.1.2.3", "inside"},
		{"zone", "x.push.example", "64:ff9b::1101:203", "inside"},
		{"zone", "x.push.example", "192.0.2.1", "outside"},
		{"zone", "x.push.example", "2001:db8::1", "no-family"},
		{"zone", "x.cdn.push.example", "17.1.2.3", "no-range"},
		{"zone", "push.example", "17.1.2.3", ""},
		{"wider", "x.push.example", "17.1.2.3", "inside"}, // whoever its clients are
		{"all", "x.push.example", "17.1.2.3", "inside"},
		{"one", "x.push.example", "17.1.2.3", ""},
		{"none", "none.test", "17.1.2.3", "no-range"},
		{"no-rule", "none.test", "17.1.2.3", ""},
	} {
		v, ok := p.JudgeFor(c.rule, name(c.name), netip.MustParseAddr(c.addr))
		if got := v.String(); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("JudgeFor(%s, %s, %s) = %s, %v, want %s", c.rule, c.name, c.addr, got, ok, c.want)
		}
	}
}
