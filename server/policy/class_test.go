package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/policy"
)

func TestClass(t *testing.T) {
	p := policy.New(policy.Input{
		Allow: prefixes("10.0.0.0/8 192.0.2.0/24 2001:db8::/32 127.0.0.0/8"),
		Clients: []policy.ClientGroup{
			group("office", "10.0.0.0/8 2001:db8:1::/48"),
			group("phones", "10.2.0.0/16 10.2.7.0/24"),
			group("one", "10.2.7.41 2001:db8:1::41"),
			group("guests", "10.3.0.0/16 203.0.113.0/24"),
			group("all4", "0.0.0.0/0"),
			group("all6", "::/0"),
			group("nobody", ""),
		},
	})
	tests := map[string]struct {
		client string
		served bool
		groups string
	}{
		"in the widest prefix":          {"10.9.9.9", true, "office all4"},
		"nested once":                   {"10.2.1.1", true, "office phones all4"},
		"nested in one group twice":     {"10.2.7.40", true, "office phones all4"},
		"a single address":              {"10.2.7.41", true, "office phones one all4"},
		"beside nested prefixes":        {"10.3.0.1", true, "office guests all4"},
		"served, in no narrow group":    {"192.0.2.1", true, "all4"},
		"in a group, not served":        {"203.0.113.1", false, "guests all4"},
		"not served":                    {"198.51.100.1", false, "all4"},
		"IPv4-mapped":                   {"::ffff:10.2.7.41", true, "office phones one all4"},
		"IPv6 in a group":               {"2001:db8:1::40", true, "office all6"},
		"IPv6, a single address":        {"2001:db8:1::41", true, "office one all6"},
		"IPv6 with a scope":             {"2001:db8:1::41%eth0", true, "office one all6"},
		"IPv6 served, in no group":      {"2001:db8:2::1", true, "all6"},
		"IPv6 not served":               {"2001:db9::1", false, "all6"},
		"IPv4 groups hold no IPv6":      {"::10.2.7.41", false, "all6"},
		"first address of a prefix":     {"10.2.0.0", true, "office phones all4"},
		"last address of a prefix":      {"10.2.255.255", true, "office phones all4"},
		"the address before a prefix":   {"10.1.255.255", true, "office all4"},
		"loopback, in no narrow group":  {"127.0.0.1", true, "all4"},
		"no address but one of the two": {"::", false, "all6"},
	}
	for what, test := range tests {
		c := p.Class(netip.MustParseAddr(test.client))
		if got := p.Served(c); got != test.served {
			t.Errorf("%s: Served(%s) = %v, want %v", what, test.client, got, test.served)
		}
		if diff := cmp.Diff(strings.Fields(test.groups), p.Groups(c)); diff != "" {
			t.Errorf("%s: Groups(%s), want - got +:\n%s", what, test.client, diff)
		}
	}
}

func TestClassOfNobody(t *testing.T) {
	p := policy.New(policy.Input{Allow: prefixes("192.0.2.0/24"), Clients: []policy.ClientGroup{group("one", "192.0.2.1")}})
	for _, addr := range []netip.Addr{{}, netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1")} {
		c := p.Class(addr)
		if c != 0 || p.Served(c) || p.Groups(c) != nil {
			t.Errorf("Class(%v) = %v, served %v, groups %v, want class 0, not served, no groups", addr, c, p.Served(c), p.Groups(c))
		}
	}
}

func TestEqualMeaningIsOneClass(t *testing.T) {
	p := policy.New(policy.Input{
		Allow: prefixes("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"),
		Clients: []policy.ClientGroup{
			group("a", "10.1.0.0/16 10.2.0.0/16 172.16.0.0/16"), group("b", "10.1.3.0/24 10.2.3.0/24"),
		},
	})
	tests := []struct {
		a, b string
		same bool
	}{
		{"10.0.0.1", "192.168.0.1", true},
		{"10.1.0.1", "10.2.0.1", true},
		{"10.1.0.1", "172.16.0.1", true},
		{"10.1.3.1", "10.2.3.1", true},
		{"10.1.0.1", "10.1.3.1", false},
		{"10.0.0.1", "10.1.0.1", false},
		{"10.0.0.1", "192.0.2.1", false},
	}
	for _, test := range tests {
		a, b := classOf(p, test.a), classOf(p, test.b)
		if (a == b) != test.same {
			t.Errorf("Class(%s) = %v, Class(%s) = %v, want them to be the same: %v", test.a, a, test.b, b, test.same)
		}
	}
}

func TestClassDoesNotAllocate(t *testing.T) {
	p := policy.New(policy.Input{
		Allow:   prefixes("10.0.0.0/8 2001:db8::/32"),
		Clients: []policy.ClientGroup{group("a", "10.1.0.0/16 10.2.0.0/16 2001:db8:1::/48"), group("b", "10.1.3.0/24")},
	})
	for _, addr := range addrs("10.1.3.1 ::ffff:10.1.3.1 2001:db8:1::1 2001:db8:1::1%eth0 198.51.100.1") {
		if n := testing.AllocsPerRun(1000, func() { p.Class(addr) }); n != 0 {
			t.Errorf("Class(%v) allocates %v times, want 0", addr, n)
		}
	}
}

// manyGroups makes n groups of one address each.
func manyGroups(n int) []policy.ClientGroup {
	groups := make([]policy.ClientGroup, n)
	for i := range groups {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		groups[i] = policy.ClientGroup{Name: fmt.Sprint("g", i), Prefixes: []netip.Prefix{netip.PrefixFrom(addr, 32)}}
	}
	return groups
}

func TestClassOfThousandsOfGroups(t *testing.T) {
	const n = 6000
	groups := append(manyGroups(n), group("all", "10.0.0.0/8"))
	begin := time.Now()
	p := policy.New(policy.Input{Clients: groups, Rules: []policy.Rule{
		{Name: "r", Names: patterns("a.example"), Clients: []string{"g4321", "all"}},
	}})
	// It takes a tenth of a second; a list of all groups for each class takes a minute.
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("New took %v, want less than 5 seconds", took)
	}
	for _, test := range []struct {
		client, groups string
		bits           int
	}{
		{"10.0.16.225", "g4321 all", 32},
		{"10.0.16.226", "g4322 all", 8},
		{"10.9.9.9", "all", 8},
	} {
		c := classOf(p, test.client)
		if diff := cmp.Diff(strings.Fields(test.groups), p.Groups(c)); diff != "" {
			t.Errorf("Groups(%s), want - got +:\n%s", test.client, diff)
		}
		if steps := p.Decide(name("a.example"), c).Steps; len(steps) != 1 || steps[0].Bits != test.bits {
			t.Errorf("steps for %s: %+v, want one by a prefix of %d bits", test.client, steps, test.bits)
		}
	}
}

// twinClass is what a class stands for, found by looking at every prefix.
type twinClass struct {
	served bool
	within string // of each group the length of the longest prefix
}

// twinClassOf finds the class of a client.
func twinClassOf(in policy.Input, client netip.Addr) (c twinClass, groups []string) {
	client = client.Unmap().WithZone("")
	holds := func(p netip.Prefix) bool { return p.Contains(client) }
	c.served = slices.ContainsFunc(in.Allow, holds)
	for _, g := range in.Clients {
		bits := longest(g.Prefixes, holds)
		c.within += fmt.Sprint(" ", bits)
		if bits >= 0 {
			groups = append(groups, g.Name)
		}
	}
	return c, groups
}

// longest is the length of the longest prefix that holds, -1 without one.
func longest(all []netip.Prefix, holds func(netip.Prefix) bool) int {
	bits := -1
	for _, p := range all {
		if holds(p) {
			bits = max(bits, p.Bits())
		}
	}
	return bits
}

func FuzzClass(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(randomOctets(seed, 200))
	}
	f.Fuzz(func(t *testing.T, data []byte) { compareClasses(t, choicesFrom(data)) })
}

// compareClasses holds Class to its twin, on a configuration and clients of c's
// choice.
func compareClasses(t *testing.T, c choose) {
	t.Helper()
	in := policy.Input{Allow: somePrefixes(c)}
	for g := range 1 + c(3) {
		in.Clients = append(in.Clients, policy.ClientGroup{Name: fmt.Sprint("g", g), Prefixes: somePrefixes(c)})
	}
	p := policy.New(in)
	meaning := map[policy.Class]twinClass{}
	number := map[twinClass]policy.Class{}
	for range 20 {
		client := someAddr(c)
		got := p.Class(client)
		want, groups := twinClassOf(in, client)
		if p.Served(got) != want.served || !slices.Equal(p.Groups(got), groups) {
			t.Errorf("%v: served %v in %v, want %v in %v\n%+v", client, p.Served(got), p.Groups(got), want.served, groups, in)
		}
		if had, ok := meaning[got]; ok && had != want {
			t.Errorf("class %v stands for %v and for %v, want one meaning\n%+v", got, had, want, in)
		}
		if had, ok := number[want]; ok && had != got {
			t.Errorf("%v is class %v and class %v, want one number\n%+v", want, had, got, in)
		}
		meaning[got], number[want] = want, got
	}
}

// somePrefixes chooses up to seven prefixes that nest and overlap; bits beyond
// the length are left standing.
func somePrefixes(c choose) []netip.Prefix {
	var all []netip.Prefix
	for range c(8) {
		addr := someAddr(c).Unmap()
		all = append(all, netip.PrefixFrom(addr, addr.BitLen()-c(10)*c(4)))
	}
	return all
}

// someAddr chooses an address of a small neighbourhood.
func someAddr(c choose) netip.Addr {
	low := byte(c(256))
	switch c(4) {
	case 0:
		return netip.AddrFrom4([4]byte{192, 0, 2 + byte(c(2)), low})
	case 1:
		return netip.AddrFrom16([16]byte{10: 255, 11: 255, 12: 192, 14: 2, 15: low})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(c(2)), 15: low})
}

// choose picks one of n things: by chance, or as a fuzzer says.
type choose func(n int) int

// choicesFrom makes choices of the octets of data, and zeros after its end.
func choicesFrom(data []byte) choose {
	return func(n int) int {
		if len(data) == 0 {
			return 0
		}
		c := int(data[0])
		data = data[1:]
		return c % n
	}
}

// pick chooses one of from.
func pick[V any](c choose, from []V) V { return from[c(len(from))] }

// randomOctets gives n octets, the same for the same seed.
func randomOctets(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	octets := make([]byte, n)
	for i := range octets {
		octets[i] = byte(r.Uint32())
	}
	return octets
}

// TestServing holds that a policy for other clients decides as the one it comes from.
func TestServing(t *testing.T) {
	in := policy.Input{
		Clients: []policy.ClientGroup{group("phones", "10.1.0.0/16")}, Allow: prefixes("10.1.0.0/24"),
		Rules: []policy.Rule{{Name: "phones", Names: patterns("a.example"), Clients: []string{"phones"}, Log: true}},
	}
	before := policy.New(in)
	after := before.Serving(prefixes("10.1.2.0/24 192.0.2.0/24"))
	for _, c := range []struct {
		client          string
		served, matched bool // after
		servedBefore    bool
	}{
		{"10.1.0.1", false, true, true},
		{"10.1.2.1", true, true, false},
		{"192.0.2.1", true, false, false},
	} {
		addr := netip.MustParseAddr(c.client)
		class := after.Class(addr)
		if after.Served(class) != c.served || after.Decide(name("a.example"), class).Matched() != c.matched {
			t.Errorf("%s: served %v, want %v; matched %v", c.client, after.Served(class), c.served, c.matched)
		}
		if before.Served(before.Class(addr)) != c.servedBefore {
			t.Errorf("%s: Serving has changed the policy that it came from", c.client)
		}
	}
}
