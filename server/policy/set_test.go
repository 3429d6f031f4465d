package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/policy"
	"splitdns/zones"
)

func TestParseSet(t *testing.T) {
	tests := map[string]string{ // text -> String and Token, or what is wrong
		"inet filter mdm4":      "inet filter mdm4 inet#filter#mdm4",
		" ip6  nat\t_a.b/c-d9 ": "ip6 nat _a.b/c-d9 ip6#nat#_a.b/c-d9",
		"":                      `"": want the family`,
		"filter mdm4":           `"filter mdm4": want the family`,
		"inet filter mdm 4":     `want the family`,
		"inet#filter#mdm4":      `want the family`,
		"ipv4 filter mdm4":      `no family "ipv4": want one of inet, ip, ip6`,
		"inet 9filter mdm4":     `"9filter" is no name that nft takes`,
		"inet filter mdm4;":     `"mdm4;" is no name that nft takes`,
		"inet filter mdm\x004":  `is no name that nft takes`,
		"inet filter müll":      `is no name that nft takes`,
		"inet " + strings.Repeat("f", 255) + " m": strings.Repeat("f", 255) + "#m",
		"inet " + strings.Repeat("f", 256) + " m": "at most 255",
	}
	for text, want := range tests {
		set, err := policy.ParseSet(text)
		got := set.String() + " " + set.Token()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("ParseSet(%q) = %s, want %s", text, got, want)
		}
	}
}

// uses are the sets of d, with the rule and the name of the chain that brought each.
func uses(d policy.Decision) []string {
	var words []string
	for _, u := range d.Sets {
		word := u.Set.Name + " by=" + u.Rule
		if u.All {
			word += " all"
		}
		if !u.Along.IsZero() {
			word += " along=" + u.Along.String()
		}
		words = append(words, word)
	}
	return words
}

// set is the set of that name.
func set(name string) policy.Set { return policy.Set{Family: "inet", Table: "filter", Name: name} }

// setPolicy has sets for a zone with ranges, for names, and for everything.
func setPolicy() *policy.Policy {
	return policy.New(policy.Input{
		Zones: []*zones.Zone{
			zone("push", row("courier", "*.push.example", "17.0.0.0/8 2620:149::/32")),
			zone("one", row("only4", "only4.example", "192.0.2.0/24")),
		},
		Rules: []policy.Rule{
			{Name: "push", Zones: []string{"push"}, Sets: []policy.Set{set("push4"), set("push6")}},
			{Name: "wide", Names: patterns("*.push.example"), Sets: []policy.Set{set("push4")}, SetsAll: true},
			{Name: "own", Names: patterns("own.example"), Sets: []policy.Set{set("own4")}, Clients: []string{"few"}},
			{Name: "one", Zones: []string{"one"}, Sets: []policy.Set{set("one4")}},
		},
		Clients: []policy.ClientGroup{group("few", "10.0.0.0/24")},
		NAT64:   prefixes("64:ff9b::/96"),
	})
}

func TestSetsAddUp(t *testing.T) {
	p := setPolicy()
	tests := map[string]struct {
		name, client, chain string
		want                []string
	}{
		"two rules with the same set": {name: "a.push.example", want: []string{"push4 by=wide all", "push4 by=push", "push6 by=push"}},
		"for its clients":             {name: "own.example", client: "10.0.0.9", want: []string{"own4 by=own"}},
		"for no other client":         {name: "own.example", client: "10.0.1.9"},
		"along the chain": {
			name: "www.example", chain: "cdn.example a.push.example",
			want: []string{"push4 by=wide all along=a.push.example", "push4 by=push along=a.push.example", "push6 by=push along=a.push.example"},
		},
		"none": {name: "www.example"},
	}
	for what, test := range tests {
		d := p.Along(decide(p, test.name, test.client), names(test.chain), classOf(p, test.client))
		if diff := cmp.Diff(test.want, uses(d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		if len(d.Sets) > 0 && !d.Matched() {
			t.Errorf("%s: sets without a rule that applies", what)
		}
	}
	want := []string{"inet#filter#push4", "inet#filter#push6"}
	if diff := cmp.Diff(want, decide(p, "a.push.example", "").SetTokens()); diff != "" {
		t.Errorf("SetTokens (-want +got):\n%s", diff)
	}
}

func TestAdmits(t *testing.T) {
	p := setPolicy()
	use := func(qname, chain, rule string) policy.SetUse {
		for _, u := range p.Along(decide(p, qname, "10.0.0.9"), names(chain), classOf(p, "10.0.0.9")).Sets {
			if u.Rule == rule {
				return u
			}
		}
		t.Fatalf("%s: no set of rule %s", qname, rule)
		return policy.SetUse{}
	}
	inside := use("a.push.example", "", "push")
	all := use("a.push.example", "", "wide")
	along := use("www.example", "a.push.example", "push")
	noRange := use("own.example", "", "own")
	only4 := use("only4.example", "", "one")
	never := "10.1.2.3 172.16.0.1 192.168.0.1 127.0.0.1 169.254.1.1 100.64.0.1 0.0.0.0 0.1.2.3 224.0.0.251 239.1.1.1 240.0.0.1 " +
		"255.255.255.255 :: ::1 fe80::1 fc00::1 fec0::1 ff02::fb ::ffff:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b::224.0.0.1 2002:0a00:0001::1 " +
		"192.0.0.2 64:ff9b::192.0.0.2 64:ff9b:1::240.0.0.1 2002:e000:0001::1 ::224.0.0.1 5f00::1 100::1 200::1 4000::1"
	tests := map[string]struct {
		use     policy.SetUse
		yes, no string
	}{
		"inside":              {use: inside, yes: "17.1.2.3 2620:149::1 ::ffff:17.1.2.3 64:ff9b::17.1.2.3", no: "198.51.100.9 2001:db8::1 " + never},
		"all":                 {use: all, yes: "17.1.2.3 198.51.100.9 2001:db8::1", no: never},
		"of the chain":        {use: along, yes: "17.1.2.3", no: "198.51.100.9 " + never},
		"no range":            {use: noRange, yes: "198.51.100.9 2001:db8::1 64:ff9b::198.51.100.9 64:ff9b:1::198.51.100.9 2002:c633:6409::1 3fff::1", no: never},
		"the other version":   {use: only4, yes: "192.0.2.9 2001:db8::1", no: "198.51.100.9 64:ff9b::198.51.100.9 " + never},
		"behind a translator": {use: only4, yes: "64:ff9b::192.0.2.1"},
	}
	for what, test := range tests {
		for _, addr := range addrs(test.yes) {
			if !p.Admits(test.use, addr) {
				t.Errorf("%s: %s does not go in", what, addr)
			}
		}
		for _, addr := range addrs(test.no) {
			if p.Admits(test.use, addr) {
				t.Errorf("%s: %s goes in", what, addr)
			}
		}
	}
}

func TestAdmitsByTheStrictFamilies(t *testing.T) {
	p := policy.New(policy.Input{
		Zones:          []*zones.Zone{zone("one", row("only4", "only4.example", "192.0.2.0/24"))},
		Rules:          []policy.Rule{{Name: "one", Zones: []string{"one"}, Sets: []policy.Set{set("one6")}}},
		StrictFamilies: true,
	})
	if u := decide(p, "only4.example", "").Sets[0]; p.Admits(u, netip.MustParseAddr("2001:db8::1")) {
		t.Error("an address goes in that counts as outside")
	}
}

func TestAdmitsDoesNotAllocate(t *testing.T) {
	p := setPolicy()
	u := decide(p, "a.push.example", "").Sets[1]
	list := addrs("17.1.2.3 2620:149::1 10.0.0.1 198.51.100.9")
	if n := testing.AllocsPerRun(1000, func() {
		for _, addr := range list {
			p.Admits(u, addr)
		}
	}); n != 0 {
		t.Errorf("Admits allocates %v times, want 0", n)
	}
}
