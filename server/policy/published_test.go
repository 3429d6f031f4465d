package policy_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/policy"
	"splitdns/zones"
)

// published says what a Decision publishes for a name.
func published(in policy.Input, qname string) policy.Published {
	return decide(policy.New(in), qname, "").Published
}

func TestPublished(t *testing.T) {
	tests := map[string]struct {
		zones    []*zones.Zone
		name     string
		want     string // prefixes, in order
		carveOut policy.Match
	}{
		"nothing matches": {
			zones: []*zones.Zone{zone("a", row("1", "b.example", "192.0.2.0/24"))},
			name:  "a.example",
		},
		"a row without prefixes": {
			zones: []*zones.Zone{zone("a", row("1", "a.example", ""))},
			name:  "a.example",
		},
		"the union of all rows, of all zones, the most specific first": {
			zones: []*zones.Zone{
				zone("a", row("wide", ".example", "192.0.2.0/24"), row("exact", "a.b.example", "192.0.2.1 192.0.2.7")),
				zone("b", row("below", "*.b.example", "198.51.100.0/24 2001:db8::/32")),
			},
			name: "a.b.example",
			want: "192.0.2.1 192.0.2.7 198.51.100.0/24 2001:db8::/32 192.0.2.0/24",
		},
		"a prefix once": {
			zones: []*zones.Zone{
				zone("a", row("1", "a.example", "192.0.2.0/24 192.0.2.1"), row("2", "*.example a.example", "192.0.2.1 192.0.2.2 192.0.2.0/24")),
			},
			name: "a.example",
			want: "192.0.2.0/24 192.0.2.1 192.0.2.2",
		},
		"a catch-all publishes like any zone": {
			zones: []*zones.Zone{catchAll("all", row("1", "*.example", "192.0.2.0/24"))},
			name:  "a.example",
			want:  "192.0.2.0/24",
		},

		"carved out: wider ranges do not count": {
			zones: []*zones.Zone{
				zone("a", row("wide", "*.example", "192.0.2.0/24")), zone("b", carved("cdn", "cdn.example", "")),
			},
			name:     "cdn.example",
			carveOut: policy.Match{Zone: "b", Row: "cdn", Pattern: "cdn.example"},
		},
		"carved out: not for the name beside": {
			zones: []*zones.Zone{
				zone("a", row("wide", "*.example", "192.0.2.0/24")), zone("b", carved("cdn", "cdn.example", "")),
			},
			name: "portal.example",
			want: "192.0.2.0/24",
		},
		"carved out: its own ranges count": {
			zones: []*zones.Zone{
				zone("a", row("wide", "*.example", "192.0.2.0/24")), zone("b", carved("cdn", "cdn.example", "198.51.100.0/24")),
			},
			name:     "cdn.example",
			want:     "198.51.100.0/24",
			carveOut: policy.Match{Zone: "b", Row: "cdn", Pattern: "cdn.example"},
		},
		"carved out: rows of the same rank count": {
			zones: []*zones.Zone{
				zone("a", row("wide", "*.example", "192.0.2.0/24"), row("same", "cdn.example", "203.0.113.0/24")),
				zone("b", carved("cdn", "cdn.example", "")),
			},
			name:     "cdn.example",
			want:     "203.0.113.0/24",
			carveOut: policy.Match{Zone: "b", Row: "cdn", Pattern: "cdn.example"},
		},
		"carved out: so do other patterns of the same rank": {
			zones: []*zones.Zone{
				zone("a", row("wide", "*.example", "192.0.2.0/24"), row("same", "{0..9}x.example", "203.0.113.0/24")),
				zone("b", carved("cdn", "{0..5}x.example", "")),
			},
			name:     "3x.example",
			want:     "203.0.113.0/24",
			carveOut: policy.Match{Zone: "b", Row: "cdn", Pattern: "{0..5}x.example"},
		},
		"carved out: narrower rows count": {
			zones: []*zones.Zone{
				zone("a", row("wide", ".example", "192.0.2.0/24"), row("exact", "a.cdn.example", "203.0.113.0/24")),
				zone("b", carved("cdn", "*.cdn.example", "198.51.100.0/24")),
			},
			name:     "a.cdn.example",
			want:     "203.0.113.0/24 198.51.100.0/24",
			carveOut: policy.Match{Zone: "b", Row: "cdn", Pattern: "*.cdn.example"},
		},
		"carved out: the narrowest cut is the one that counts": {
			zones: []*zones.Zone{
				zone("a", row("wide", ".example", "192.0.2.0/24")),
				zone("b", carved("outer", "*.cdn.example", "198.51.100.0/24"), carved("inner", "a.cdn.example", "")),
			},
			name:     "a.cdn.example",
			carveOut: policy.Match{Zone: "b", Row: "inner", Pattern: "a.cdn.example"},
		},
		"carved out: not said where nothing wider matches": {
			zones: []*zones.Zone{zone("b", carved("cdn", "cdn.example", ""))},
			name:  "cdn.example",
		},
		"carved out: not said where what is wider has no ranges": {
			zones: []*zones.Zone{
				zone("a", row("wide", "*.example", "")), zone("b", carved("cdn", "cdn.example", "198.51.100.0/24")),
			},
			name: "cdn.example",
			want: "198.51.100.0/24",
		},
		"carved out: not said where what is wider is the row itself": {
			zones: []*zones.Zone{zone("b", carved("cdn", "cdn.example *.example", "198.51.100.0/24"))},
			name:  "cdn.example",
			want:  "198.51.100.0/24",
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			in := policy.Input{Zones: test.zones}
			for seed := range uint64(4) {
				shuffle(in, seed)
				checkPublished(t, published(in, test.name), test.want, test.carveOut)
			}
		})
	}
}

// checkPublished checks all that p says about itself. want is its prefixes.
func checkPublished(t *testing.T, p policy.Published, want string, carveOut policy.Match) {
	t.Helper()
	if diff := cmp.Diff(prefixes(want), p.Prefixes(), cmp.Comparer(samePrefix)); diff != "" {
		t.Errorf("Prefixes(), want - got +:\n%s", diff)
	}
	if p.CarveOut() != carveOut {
		t.Errorf("CarveOut() = %+v, want %+v", p.CarveOut(), carveOut)
	}
	if p.Any() != (want != "") {
		t.Errorf("Any() = %v with %q published", p.Any(), want)
	}
}

func TestPublishedZeroValue(t *testing.T) {
	var p policy.Published
	if p.Any() || p.CarveOut() != (policy.Match{}) || p.Prefixes() != nil || p.Singles(true) != nil {
		t.Errorf("the zero Published publishes %v, want nothing", p.Prefixes())
	}
}

func TestSingles(t *testing.T) {
	in := policy.Input{Zones: []*zones.Zone{zone("a",
		row("ranges", "a.b.c.example", "192.0.2.0/24 2001:db8::/64"),
		row("four", "*.b.c.example", "198.51.100.9 198.51.100.1 198.51.100.0/24"),
		row("both", "*.c.example", "203.0.113.1 2001:db8::9 2001:db8::1"),
		row("wide", ".example", "203.0.113.7 2001:db8::7"),
	)}}
	tests := []struct {
		name     string
		isFour   bool
		want     string
		whatever string
	}{
		{"a.b.c.example", true, "198.51.100.9 198.51.100.1", "the first row that has any, in its order"},
		{"a.b.c.example", false, "2001:db8::9 2001:db8::1", "the first row that has any of the family"},
		{"a.c.example", true, "203.0.113.1", "the more specific row alone"},
		{"c.example", true, "203.0.113.7", "the only row"},
		{"elsewhere.test", true, "", "no row"},
	}
	for _, test := range tests {
		got := published(in, test.name).Singles(test.isFour)
		if diff := cmp.Diff(addrs(test.want), got, cmp.Comparer(sameAddr)); diff != "" {
			t.Errorf("Singles(%v) of %s: want %s, want - got +:\n%s", test.isFour, test.name, test.whatever, diff)
		}
	}
}

func sameAddr(a, b netip.Addr) bool { return a == b }

func TestMatch(t *testing.T) {
	notRequired := row("optional", "same.example", "192.0.2.0/24")
	notRequired.Required = false
	in := policy.Input{Zones: []*zones.Zone{
		zone("m", row("wide", "*.example", "192.0.2.0/24"), row("empty", "same.example", ""), notRequired),
		zone("b", row("first", "same.example", "198.51.100.0/24"), row("second", "same.example", "198.51.100.0/24")),
		catchAll("a", row("all", "same.example", "192.0.2.0/24")),
		zone("c", row("same", "same.example", "192.0.2.0/24"), row("empty", "bare.example", "")),
	}}
	want := map[string]policy.Match{
		// With ranges, no catch-all, required, by the zone's name, in the order of the file.
		"same.example":   {Zone: "b", Row: "first", Pattern: "same.example"},
		"bare.example":   {Zone: "c", Row: "empty", Pattern: "bare.example"},
		"wide.example":   {Zone: "m", Row: "wide", Pattern: "*.example"},
		"elsewhere.test": {},
	}
	for seed := range uint64(4) {
		shuffle(in, seed)
		for qname, match := range want {
			if got := decide(policy.New(in), qname, "").Match; got != match {
				t.Errorf("Match of %s = %+v, want %+v", qname, got, match)
			}
		}
	}
}

func TestNear(t *testing.T) {
	p := policy.New(policy.Input{
		Zones: []*zones.Zone{zone("push", row("courier", "{0..50}-courier.example", ""), row("all", "*.example", ""))},
		Rules: []policy.Rule{{Name: "own", Names: patterns("{0..9}-courier.example")}},
	})
	near := []policy.Match{{Zone: "push", Row: "courier", Pattern: "{0..50}-courier.example"}}
	for qname, want := range map[string][]policy.Match{
		"51-courier.example": near, "00-courier.example": near, "50-courier.example": nil, "x-courier.example": nil, ".": nil,
	} {
		if diff := cmp.Diff(want, p.Near(name(qname))); diff != "" {
			t.Errorf("Near(%s), want - got +:\n%s", qname, diff)
		}
	}
}

func TestSources(t *testing.T) {
	p := policy.New(policy.Input{
		NAT64: prefixes("64:ff9b::/96"),
		Zones: []*zones.Zone{
			zone("b", row("all", "*.example a.example", "192.0.2.0/24 198.51.100.0/24"), row("nameless", "", "192.0.0.0/16")),
			catchAll("a", row("two", "*.example", "192.0.2.0/24"), row("one", "b.example", "192.0.2.7 192.0.2.0/24")),
		},
	})
	want := []policy.Source{
		{Zone: "a", Row: "one", Prefix: netip.MustParsePrefix("192.0.2.7/32")},
		{Zone: "a", Row: "one", Prefix: netip.MustParsePrefix("192.0.2.0/24")},
		{Zone: "a", Row: "two", Prefix: netip.MustParsePrefix("192.0.2.0/24")},
		{Zone: "b", Row: "all", Prefix: netip.MustParsePrefix("192.0.2.0/24")},
		{Zone: "b", Row: "nameless", Prefix: netip.MustParsePrefix("192.0.0.0/16")},
	}
	for _, addr := range addrs("192.0.2.7 ::ffff:192.0.2.7 64:ff9b::192.0.2.7 64:ff9b::192.0.2.7%eth0") {
		got, judged := p.Sources(addr)
		if diff := cmp.Diff(want, got, cmp.Comparer(samePrefix)); diff != "" {
			t.Errorf("Sources(%v), want - got +:\n%s", addr, diff)
		}
		if judged != netip.MustParseAddr("192.0.2.7") {
			t.Errorf("Sources(%v) judged %v, want 192.0.2.7", addr, judged)
		}
	}
	if got, _ := p.Sources(netip.MustParseAddr("2001:db8::1")); got != nil {
		t.Errorf("Sources of an address that nobody publishes = %v, want none", got)
	}
}

func TestBundledCarveOuts(t *testing.T) {
	bundled, err := zones.Bundled(zones.DefaultEdition)
	if err != nil {
		t.Fatal(err)
	}
	in := policy.Input{Zones: bundled}
	tests := []struct {
		name     string
		any      bool
		carveOut string // zone/row
	}{
		{"portal.manage.microsoft.com", true, ""},
		{"manage.microsoft.com", true, ""},
		{"swda01-mscdn.manage.microsoft.com", false, "intune-cdn/win32-cdn"},
		{"12-courier.push.apple.com", true, ""},
		{"init-p01st.push.apple.com", false, ""}, // nothing wider is published
	}
	for _, test := range tests {
		p := published(in, test.name)
		if p.Any() != test.any {
			t.Errorf("published for %s: %v, want any: %v", test.name, p.Prefixes(), test.any)
		}
		carveOut := ""
		if c := p.CarveOut(); c != (policy.Match{}) {
			carveOut = c.Zone + "/" + c.Row
		}
		if carveOut != test.carveOut {
			t.Errorf("what is carved out for %s = %q, want %q", test.name, carveOut, test.carveOut)
		}
	}
}
