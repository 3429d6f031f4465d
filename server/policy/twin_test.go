package policy_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
)

// rank is how a rule came to match one query: by the pattern, by the way to it,
// by the length of the client prefix.
type rank struct {
	pattern matcher.Pattern
	via     policy.Via
	bits    int
}

// compare puts the higher rank first.
func (r rank) compare(s rank) int {
	return cmp.Or(r.pattern.Compare(s.pattern), cmp.Compare(r.via, s.via), cmp.Compare(s.bits, r.bits))
}

// ranked is a rule that matches, with the highest of its ranks.
type ranked struct {
	rule policy.Rule
	rank
}

// twinRules finds the rules that match, highest rank first; at equal rank, which
// is a problem of the configuration, by name.
func twinRules(in policy.Input, qname matcher.Name, client netip.Addr) []ranked {
	var all []ranked
	for _, r := range in.Rules {
		bits, ok := twinBits(in, r, client)
		ways := twinWays(in, r, qname, bits)
		if ok && len(ways) > 0 {
			all = append(all, ranked{r, slices.MinFunc(ways, rank.compare)})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(a.compare(b.rank), cmp.Compare(a.rule.Name, b.rule.Name))
	})
	return all
}

// twinBits says whether r is for client, and by how long a prefix.
func twinBits(in policy.Input, r policy.Rule, client netip.Addr) (bits int, ok bool) {
	if len(r.Clients) == 0 {
		return -1, true
	}
	bits = -1
	for _, g := range in.Clients {
		if slices.Contains(r.Clients, g.Name) {
			bits = max(bits, longest(g.Prefixes, func(p netip.Prefix) bool { return p.Contains(client) }))
		}
	}
	return bits, bits >= 0
}

// twinWays lists every way in which r matches qname.
func twinWays(in policy.Input, r policy.Rule, qname matcher.Name, bits int) []rank {
	var ways []rank
	for _, p := range r.Names {
		if p.Matches(qname) {
			ways = append(ways, rank{p, policy.ViaNames, bits})
		}
	}
	for _, l := range twinListed(in, qname) {
		if slices.Contains(r.Zones, l.zone.Name) {
			ways = append(ways, rank{l.pattern, policy.ViaZone, bits})
		}
		if r.AllZones && !l.zone.CatchAll {
			ways = append(ways, rank{l.pattern, policy.ViaAll, bits})
		}
	}
	return ways
}

// listed is a pattern of a row that matches.
type listed struct {
	pattern matcher.Pattern
	zone    *zones.Zone
	row     zones.Row
}

// twinListed lists the patterns of all rows that match qname, the most specific
// first; at equal rank those that are worth naming first.
func twinListed(in policy.Input, qname matcher.Name) []listed {
	var all []listed
	for _, z := range in.Zones {
		for _, r := range z.Rows {
			for p := range r.Patterns.All() {
				if p.Matches(qname) {
					all = append(all, listed{p, z, r})
				}
			}
		}
	}
	yes := func(b bool) int { return map[bool]int{true: 0, false: 1}[b] }
	slices.SortStableFunc(all, func(a, b listed) int {
		return cmp.Or(
			a.pattern.Compare(b.pattern),
			cmp.Compare(a.pattern.String(), b.pattern.String()),
			yes(len(a.row.Prefixes) > 0)-yes(len(b.row.Prefixes) > 0),
			yes(!a.zone.CatchAll)-yes(!b.zone.CatchAll),
			yes(a.row.Required)-yes(b.row.Required),
			cmp.Compare(a.zone.Name, b.zone.Name),
		)
	})
	return all
}

// stating finds the first rule that states something, the zero Rule without one.
func stating(all []ranked, states func(policy.Rule) bool) policy.Rule {
	for _, r := range all {
		if states(r.rule) {
			return r.rule
		}
	}
	return policy.Rule{}
}

// twinDecide is Decide, spelt out: every rule and every row is looked at.
func twinDecide(in policy.Input, qname matcher.Name, client netip.Addr) says {
	all := twinRules(in, qname, client)
	var rules, tags []string
	want := says{Pin: "observe", Upstream: policy.DefaultUpstream}
	for _, r := range all {
		rules = append(rules, r.rule.Name)
		tags = append(tags, r.rule.Tags...)
		want.Log = want.Log || r.rule.Log
	}
	slices.Sort(tags)
	want.Rules, want.Tags = strings.Join(rules, " "), strings.Join(slices.Compact(tags), " ")

	if r := stating(all, func(r policy.Rule) bool { return r.Pin != policy.PinUnset }); r.Name != "" {
		want.Pin, want.By.Pin = r.Pin.String(), r.Name
	}
	if r := stating(all, func(r policy.Rule) bool { return r.Upstream != "" }); r.Name != "" {
		want.Upstream, want.By.Upstream = r.Upstream, r.Name
	}
	if r := stating(all, func(r policy.Rule) bool { return r.Answer.Kind != policy.AnswerUnset }); r.Name != "" {
		want.Answer, want.By.Answer = r.Answer.String(), r.Name
	}
	if r := stating(all, func(r policy.Rule) bool { return r.MaxTTL != 0 }); r.Name != "" {
		want.MaxTTL, want.By.MaxTTL = r.MaxTTL, r.Name
	}
	if want.Answer == qname.String() {
		want.Answer = "" // a CNAME to itself
	}
	return want
}

// shown is what a Decision says about the zones.
type shown struct {
	Match, CarveOut policy.Match
	Prefixes        []netip.Prefix
}

// twinShown finds the row that matches best, and what is published: the union of
// all rows that match, but of rows that match only by patterns wider than one
// carved out.
func twinShown(in policy.Input, qname matcher.Name) shown {
	all := twinListed(in, qname)
	if len(all) == 0 {
		return shown{}
	}
	want := shown{Match: all[0].match()}
	counted := all
	if cut := slices.IndexFunc(all, func(l listed) bool { return l.row.CarveOut }); cut >= 0 {
		isWider := func(l listed) bool { return l.pattern.Compare(all[cut].pattern) > 0 }
		counted = slices.DeleteFunc(slices.Clone(all), isWider)
		lost := all[len(counted):]
		if slices.ContainsFunc(lost, func(l listed) bool { return l.publishesMoreThan(counted) }) {
			want.CarveOut = all[cut].match()
		}
	}
	for _, l := range counted {
		for _, p := range l.row.Prefixes {
			if !slices.Contains(want.Prefixes, p) {
				want.Prefixes = append(want.Prefixes, p)
			}
		}
	}
	return want
}

func (l listed) match() policy.Match {
	return policy.Match{Zone: l.zone.Name, Row: l.row.Name, Pattern: l.pattern.String()}
}

// publishesMoreThan says whether l's row has ranges and is none of others.
func (l listed) publishesMoreThan(others []listed) bool {
	isRow := func(o listed) bool { return o.zone == l.zone && o.row.Name == l.row.Name }
	return len(l.row.Prefixes) > 0 && !slices.ContainsFunc(others, isRow)
}

func FuzzDecide(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(randomOctets(seed, 400))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := choicesFrom(data)
		in := someInput(c, allPatterns)
		p := policy.New(in)
		for _, qname := range someNames {
			client := pick(c, someClients)
			d := p.Decide(qname, p.Class(client))
			if diff := gocmp.Diff(twinDecide(in, qname, client), saidBy(d)); diff != "" {
				t.Errorf("Decide(%v) for %v, want - got +:\n%s\n%s", qname, client, diff, described(in))
			}
			got := shown{Match: d.Match, CarveOut: d.Published.CarveOut(), Prefixes: d.Published.Prefixes()}
			if diff := gocmp.Diff(twinShown(in, qname), got, gocmp.Comparer(samePrefix)); diff != "" {
				t.Errorf("what is shown for %v, want - got +:\n%s\n%s", qname, diff, described(in))
			}
		}
	})
}

func samePrefix(a, b netip.Prefix) bool { return a == b }

// What configurations are made of by chance. For each of strictPatterns there is
// one of someNames that none more specific matches; the others can be of equal
// rank with another or be covered by others.
var (
	strictPatterns = patterns(". .example *.a.example a.example x.a.example {0..9}.example {0..5}-c.a.example b*.example h.*.example")
	allPatterns    = append(patterns("{5..5}.example {4..20}.example {3..7}-c.a.example *.example .a.example cc*.a.example c*c.a.example "+
		"*-c.a.example *.x.a.example bb.example"), strictPatterns...)
	someNames = names(". test example www.example a.example x.a.example y.x.a.example www.a.example 0.example 5.example 7.example " +
		"12.example 05.example 3-c.a.example 4-c.a.example 7-c.a.example c.a.example cc.a.example " +
		"bb.example b.example h.b.example h.zz.example")
	someClients = addrs("192.0.2.1 10.0.0.1 10.1.0.1 10.1.2.3 10.1.2.4 2001:db8::1 2001:db8:1::1")
)

// someInput chooses a small configuration.
func someInput(c choose, from []matcher.Pattern) policy.Input {
	in := policy.Input{Clients: []policy.ClientGroup{
		group("wide", "10.0.0.0/8 2001:db8::/32"), group("narrow", "10.1.2.0/24 10.1.2.3 2001:db8:1::/48"),
		group("other", "10.1.0.0/16 10.1.2.0/24"),
	}}
	for i := range c(4) {
		in.Zones = append(in.Zones, someZone(c, fmt.Sprint("z", i), from))
	}
	for i := range 1 + c(4) {
		in.Rules = append(in.Rules, someRule(c, fmt.Sprint("r", i), from))
	}
	return in
}

func someZone(c choose, zoneName string, from []matcher.Pattern) *zones.Zone {
	z := &zones.Zone{Name: zoneName, CatchAll: c(4) == 0}
	for i := range 1 + c(3) {
		r := zones.Row{Name: fmt.Sprint("w", i), Required: c(3) > 0, CarveOut: c(4) == 0}
		some := make([]matcher.Pattern, 1+c(3))
		for i := range some {
			some[i] = pick(c, from)
		}
		r.Patterns = matcher.ListOf(some...)
		for range c(3) {
			r.Prefixes = append(r.Prefixes, pick(c, prefixes("192.0.2.0/24 192.0.2.1 198.51.100.7 2001:db8::/32 2001:db8::1")))
		}
		z.Rows = append(z.Rows, r)
	}
	return z
}

func someRule(c choose, ruleName string, from []matcher.Pattern) policy.Rule {
	r := policy.Rule{
		Name: ruleName, AllZones: c(4) == 0, Log: c(3) == 0,
		Pin:      pick(c, []policy.Pin{policy.PinUnset, policy.Observe, policy.Enforce}),
		Upstream: pick(c, []string{"", "", "default", "isp"}),
		MaxTTL:   pick(c, []time.Duration{0, 0, time.Second, time.Minute}),
	}
	for range c(3) {
		r.Names = append(r.Names, pick(c, from))
	}
	for range c(3) {
		r.Zones = append(r.Zones, pick(c, []string{"z0", "z1", "z2", "gone"}))
	}
	for range c(3) {
		r.Clients = append(r.Clients, pick(c, []string{"wide", "narrow", "other", "gone"}))
	}
	for range c(3) {
		r.Tags = append(r.Tags, pick(c, []string{"a", "b", "c"}))
	}
	if c(2) == 0 {
		r.Answer = answer(pick(c, []string{"", "nxdomain", "192.0.2.1", "x.a.example"}))
	}
	return r
}

// described prints a configuration that failed.
func described(in policy.Input) string {
	var b strings.Builder
	for _, z := range in.Zones {
		fmt.Fprintf(&b, "zone %s, catch-all %v\n", z.Name, z.CatchAll)
		for _, r := range z.Rows {
			fmt.Fprintf(&b, "  row %s %v %v required %v carved out %v\n", r.Name, slices.Collect(r.Patterns.All()), r.Prefixes, r.Required, r.CarveOut)
		}
	}
	for _, r := range in.Rules {
		fmt.Fprintf(&b, "rule %+v\n", r)
	}
	return b.String()
}
