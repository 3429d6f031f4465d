package policy_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/policy"
	"splitdns/zones"
)

// says is what a Decision says, in words that a table can hold.
type says struct {
	Rules    string // the highest rank first
	Log      bool
	Tags     string
	Pin      string
	Upstream string
	Answer   string
	MaxTTL   time.Duration
	By       policy.By
}

// saidBy puts d in words.
func saidBy(d policy.Decision) says {
	return says{
		Rules: strings.Join(d.Rules(), " "), Log: d.Log, Tags: strings.Join(d.Tags, " "), Pin: d.Pin.String(),
		Upstream: d.Upstream, Answer: d.Answer.String(), MaxTTL: d.MaxTTL, By: d.By,
	}
}

// nothing is what is said where no rule says anything.
func nothing(rules string) says {
	return says{Rules: rules, Pin: "observe", Upstream: policy.DefaultUpstream}
}

// upstreamBy is what is said if a rule routes and nothing else.
func upstreamBy(rules, upstream, by string) says {
	s := nothing(rules)
	s.Upstream, s.By.Upstream = upstream, by
	return s
}

// The zones and groups of the table in TestDecide.
var (
	world = []*zones.Zone{
		zone("push",
			row("courier", "{0..50}-courier.push.example", "192.0.2.0/24"),
			row("push", "*.push.example", ""),
		),
		zone("mdm", row("core", ".mdm.example portal.mdm.example", "198.51.100.0/24")),
		zone("twin", row("core", "portal.mdm.example", "")),
		catchAll("everything", row("all", "*.example", "")),
	}
	groups = []policy.ClientGroup{
		group("office", "10.0.0.0/8"), group("phones", "10.2.0.0/16"), group("lab", "10.2.0.0/16 10.3.0.0/16"),
		group("all4", "0.0.0.0/0"),
	}
)

func TestDecide(t *testing.T) {
	tests := map[string]struct {
		rules  []policy.Rule
		name   string
		client string // "": in no group
		want   says
	}{
		"no rule at all": {
			name: "portal.mdm.example", want: nothing(""),
		},
		"a rule that does not match": {
			rules: []policy.Rule{{Name: "a", Names: patterns("other.example"), Log: true, Pin: policy.Enforce}},
			name:  "portal.mdm.example", want: nothing(""),
		},
		"a rule that says nothing": {
			rules: []policy.Rule{{Name: "a", Zones: []string{"mdm"}}},
			name:  "portal.mdm.example", want: nothing("a"),
		},
		"a rule that says everything": {
			rules: []policy.Rule{{
				Name: "a", Zones: []string{"mdm"}, Log: true, Tags: []string{"z", "a"}, Pin: policy.Prefer,
				Upstream: "isp", Answer: answer("192.0.2.7"), MaxTTL: time.Minute,
			}},
			name: "portal.mdm.example",
			want: says{
				Rules: "a", Log: true, Tags: "a z", Pin: "prefer", Upstream: "isp", Answer: "192.0.2.7", MaxTTL: time.Minute,
				By: policy.By{Pin: "a", Upstream: "a", Answer: "a", MaxTTL: "a"},
			},
		},
		"log and tags add up, whatever the rank": {
			rules: []policy.Rule{
				{Name: "wide", Names: patterns(".example"), Log: true, Tags: []string{"w", "both"}},
				{Name: "narrow", Names: patterns("portal.mdm.example"), Tags: []string{"both", "n"}},
			},
			name: "portal.mdm.example",
			want: says{Rules: "narrow wide", Log: true, Tags: "both n w", Pin: "observe", Upstream: "default"},
		},
		"each key goes to the most specific rule that states it": {
			rules: []policy.Rule{
				{Name: "1", Names: patterns("portal.mdm.example"), MaxTTL: time.Second},
				{Name: "2", Names: patterns("*.mdm.example"), MaxTTL: 2 * time.Second, Answer: answer("nodata")},
				{Name: "3", Names: patterns(".mdm.example"), Answer: answer("refused"), Upstream: "three"},
				{Name: "4", Names: patterns(".example"), Upstream: "four", Pin: policy.Enforce},
				{Name: "5", Names: patterns("."), Pin: policy.Substitute, MaxTTL: 5 * time.Second},
			},
			name: "portal.mdm.example",
			want: says{
				Rules: "1 2 3 4 5", Pin: "enforce", Upstream: "three", Answer: "nodata", MaxTTL: time.Second,
				By: policy.By{MaxTTL: "1", Answer: "2", Upstream: "3", Pin: "4"},
			},
		},
		"observe, if stated, is a statement": {
			rules: []policy.Rule{
				{Name: "wide", Names: patterns(".example"), Pin: policy.Enforce},
				{Name: "narrow", Names: patterns("portal.mdm.example"), Pin: policy.Observe},
			},
			name: "portal.mdm.example",
			want: says{Rules: "narrow wide", Pin: "observe", Upstream: "default", By: policy.By{Pin: "narrow"}},
		},
		"the default upstream, if stated, is a statement": {
			rules: []policy.Rule{
				{Name: "wide", Names: patterns(".example"), Upstream: "isp"},
				{Name: "narrow", Names: patterns("portal.mdm.example"), Upstream: "default"},
			},
			name: "portal.mdm.example", want: upstreamBy("narrow wide", "default", "narrow"),
		},
		`answer = "" lifts the block of a wider rule`: {
			rules: []policy.Rule{
				{Name: "block", Names: patterns(".mdm.example"), Answer: answer("nxdomain")},
				{Name: "lift", Names: patterns("portal.mdm.example"), Answer: answer("")},
			},
			name: "portal.mdm.example",
			want: says{Rules: "lift block", Pin: "observe", Upstream: "default", By: policy.By{Answer: "lift"}},
		},
		`answer = "" of a wider rule lifts nothing`: {
			rules: []policy.Rule{
				{Name: "block", Names: patterns("portal.mdm.example"), Answer: answer("nxdomain")},
				{Name: "lift", Names: patterns(".mdm.example"), Answer: answer("")},
			},
			name: "portal.mdm.example",
			want: says{
				Rules: "block lift", Pin: "observe", Upstream: "default", Answer: "nxdomain", By: policy.By{Answer: "block"},
			},
		},

		"rank: the pattern over own names": {
			rules: []policy.Rule{
				{Name: "names", Names: patterns("*.mdm.example"), Upstream: "names"},
				{Name: "all", AllZones: true, Upstream: "all"},
			},
			name: "portal.mdm.example", want: upstreamBy("all names", "all", "all"),
		},
		"rank: the pattern over the client": {
			rules: []policy.Rule{
				{Name: "client", Names: patterns("*.mdm.example"), Clients: []string{"phones"}, Upstream: "client"},
				{Name: "pattern", Names: patterns("portal.mdm.example"), Upstream: "pattern"},
			},
			name: "portal.mdm.example", client: "10.2.0.1", want: upstreamBy("pattern client", "pattern", "pattern"),
		},
		"rank: own names over a named zone over *, on the same pattern": {
			rules: []policy.Rule{
				{Name: "all", AllZones: true, Upstream: "all"},
				{Name: "zone", Zones: []string{"mdm"}, Upstream: "zone"},
				{Name: "names", Names: patterns("portal.mdm.example"), Upstream: "names"},
			},
			name: "portal.mdm.example", want: upstreamBy("names zone all", "names", "names"),
		},
		"rank: a named zone over *, the same pattern in another zone": {
			rules: []policy.Rule{
				{Name: "all", AllZones: true, Upstream: "all"},
				{Name: "zone", Zones: []string{"twin"}, Upstream: "zone"},
			},
			name: "portal.mdm.example", want: upstreamBy("zone all", "zone", "zone"),
		},
		"rank: the way over the client": {
			rules: []policy.Rule{
				{Name: "client", AllZones: true, Clients: []string{"phones"}, Upstream: "client"},
				{Name: "zone", Zones: []string{"mdm"}, Upstream: "zone"},
			},
			name: "portal.mdm.example", client: "10.2.0.1", want: upstreamBy("zone client", "zone", "zone"),
		},
		"rank: a longer client prefix over a shorter over none": {
			rules: []policy.Rule{
				{Name: "none", Zones: []string{"mdm"}, Upstream: "none"},
				{Name: "short", Zones: []string{"mdm"}, Clients: []string{"office"}, Upstream: "short"},
				{Name: "long", Zones: []string{"mdm"}, Clients: []string{"phones"}, Upstream: "long"},
			},
			name: "portal.mdm.example", client: "10.2.0.1", want: upstreamBy("long short none", "long", "long"),
		},
		"rank: a client prefix of no length over none": {
			rules: []policy.Rule{
				{Name: "a", Zones: []string{"mdm"}, Upstream: "everybody"},
				{Name: "b", Zones: []string{"mdm"}, Clients: []string{"all4"}, Upstream: "all4"},
			},
			name: "portal.mdm.example", client: "10.2.0.1", want: upstreamBy("b a", "all4", "b"),
		},
		"rank: the longest prefix of all groups of a rule": {
			rules: []policy.Rule{
				{Name: "a", Zones: []string{"mdm"}, Clients: []string{"office"}, Upstream: "one"},
				{Name: "b", Zones: []string{"mdm"}, Clients: []string{"all4", "phones"}, Upstream: "two"},
			},
			name: "portal.mdm.example", client: "10.2.0.1", want: upstreamBy("b a", "two", "b"),
		},
		"a rule for other clients does not apply": {
			rules: []policy.Rule{
				{Name: "wide", Zones: []string{"mdm"}, Upstream: "wide"},
				{Name: "phones", Zones: []string{"mdm"}, Clients: []string{"phones"}, Upstream: "phones"},
			},
			name: "portal.mdm.example", client: "10.9.0.1", want: upstreamBy("wide", "wide", "wide"),
		},
		"a group that does not exist has nobody in it": {
			rules: []policy.Rule{{Name: "a", Zones: []string{"mdm"}, Clients: []string{"gone"}, Upstream: "a"}},
			name:  "portal.mdm.example", client: "10.2.0.1", want: nothing(""),
		},
		"a zone that does not exist has no names": {
			rules: []policy.Rule{{Name: "a", Zones: []string{"gone"}, Upstream: "a"}},
			name:  "portal.mdm.example", want: nothing(""),
		},

		"patterns of equal rank share a tier, and the way decides: {0..9}": {
			rules: []policy.Rule{
				{Name: "a", Names: patterns("{0..9}-courier.push.example"), Upstream: "names"},
				{Name: "b", Zones: []string{"push"}, Upstream: "zone"},
			},
			name: "5-courier.push.example", want: upstreamBy("a b", "names", "a"),
		},
		"patterns of equal rank share a tier, and the way decides: {0..99}": {
			rules: []policy.Rule{
				{Name: "a", Names: patterns("{0..99}-courier.push.example"), Upstream: "names"},
				{Name: "b", Zones: []string{"push"}, Upstream: "zone"},
			},
			name: "5-courier.push.example", want: upstreamBy("a b", "names", "a"),
		},
		"patterns of equal rank share a tier, and the client decides": {
			rules: []policy.Rule{
				{Name: "none", Names: patterns("{0..5}x.example"), Upstream: "none"},
				{Name: "office", Names: patterns("{0..9}x.example"), Clients: []string{"office"}, Upstream: "office"},
				{Name: "phones", Names: patterns("{5..7}x.example"), Clients: []string{"phones"}, Upstream: "phones"},
			},
			name: "5x.example", client: "10.2.0.1", want: upstreamBy("phones office none", "phones", "phones"),
		},
		"a literal does not share the tier of a range": {
			rules: []policy.Rule{
				{Name: "range", Names: patterns("{5..5}-courier.push.example"), Clients: []string{"phones"}, Upstream: "range"},
				{Name: "literal", Names: patterns("5-courier.push.example"), Upstream: "literal"},
			},
			name: "5-courier.push.example", client: "10.2.0.1", want: upstreamBy("literal range", "literal", "literal"),
		},
		"a number outside the range falls to the wider pattern": {
			rules: []policy.Rule{
				{Name: "courier", Names: patterns("{0..50}-courier.push.example"), Upstream: "courier"},
				{Name: "zone", Zones: []string{"push"}, Upstream: "zone"},
			},
			name: "51-courier.push.example", want: upstreamBy("zone", "zone", "zone"),
		},

		"* does not reach a catch-all": {
			rules: []policy.Rule{{Name: "all", AllZones: true, Upstream: "all"}},
			name:  "www.example", want: nothing(""),
		},
		"a catch-all can be named": {
			rules: []policy.Rule{{Name: "named", Zones: []string{"everything"}, Upstream: "named"}},
			name:  "www.example", want: upstreamBy("named", "named", "named"),
		},
		"a catch-all can be named beside *": {
			rules: []policy.Rule{
				{Name: "both", AllZones: true, Zones: []string{"everything"}, Upstream: "both"},
				{Name: "zone", Zones: []string{"mdm"}, Upstream: "zone"},
			},
			name: "mdm.example", want: upstreamBy("zone both", "zone", "zone"),
		},
		"a rule counts once, by its highest rank": {
			rules: []policy.Rule{
				{Name: "a", AllZones: true, Zones: []string{"mdm"}, Names: patterns(".example portal.mdm.example"), Upstream: "a"},
				{Name: "b", Zones: []string{"mdm"}, Upstream: "b"},
			},
			name: "portal.mdm.example", want: upstreamBy("a b", "a", "a"),
		},

		"an answer with a CNAME": {
			rules: []policy.Rule{{Name: "a", Names: patterns(".corp.example"), Answer: answer("portal.corp.example")}},
			name:  "www.corp.example",
			want: says{
				Rules: "a", Pin: "observe", Upstream: "default", Answer: "portal.corp.example", By: policy.By{Answer: "a"},
			},
		},
		"a CNAME to the name itself is not applied": {
			rules: []policy.Rule{
				{Name: "a", Names: patterns(".corp.example"), Answer: answer("Portal.corp.example.")},
				{Name: "wide", Names: patterns(".example"), Answer: answer("nxdomain"), Upstream: "isp"},
			},
			name: "portal.corp.example",
			want: says{Rules: "a wide", Pin: "observe", Upstream: "isp", By: policy.By{Answer: "a", Upstream: "wide"}},
		},
		"the root": {
			rules: []policy.Rule{{Name: "a", Names: patterns("."), Log: true}},
			name:  ".", want: says{Rules: "a", Log: true, Pin: "observe", Upstream: "default"},
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			in := policy.Input{Zones: slices.Clone(world), Rules: slices.Clone(test.rules), Clients: groups}
			for seed := range uint64(5) {
				got := saidBy(decide(policy.New(in), test.name, test.client))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Fatalf("Decide(%q) for client %q, want - got +, %d. order:\n%s", test.name, test.client, seed, diff)
				}
				shuffle(in, seed) // the order of the input means nothing
			}
		})
	}
}

// shuffle puts the zones and the rules of in into another order.
func shuffle(in policy.Input, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	r.Shuffle(len(in.Rules), func(i, j int) { in.Rules[i], in.Rules[j] = in.Rules[j], in.Rules[i] })
	r.Shuffle(len(in.Zones), func(i, j int) { in.Zones[i], in.Zones[j] = in.Zones[j], in.Zones[i] })
}

func TestSelfCNAMEIsForwarded(t *testing.T) {
	p := policy.New(policy.Input{Rules: []policy.Rule{
		{Name: "a", Names: patterns(".corp.example"), Answer: answer("portal.corp.example")},
	}})
	d := decide(p, "portal.corp.example", "")
	if d.Answer.Kind != policy.AnswerForward || d.Answer.Given() || d.By.Answer != "a" {
		t.Errorf("a CNAME to the name itself: %+v by %q, want AnswerForward by a", d.Answer, d.By.Answer)
	}
	d = decide(p, "sub.portal.corp.example", "")
	if d.Answer.Kind != policy.AnswerCNAME {
		t.Errorf("a CNAME from below its target: %+v, want it applied", d.Answer)
	}
}

func TestSteps(t *testing.T) {
	p := policy.New(policy.Input{Zones: world, Clients: groups, Rules: []policy.Rule{
		{Name: "names", Names: patterns("{0..9}-courier.push.example *.example"), Clients: []string{"office", "phones"}},
		{Name: "zone", Zones: []string{"push"}, Clients: []string{"office"}},
		{Name: "all", AllZones: true},
		{Name: "wide", Names: patterns(".")},
	}})
	d := decide(p, "5-courier.push.example", "10.2.0.1")
	want := []policy.Step{
		{Rule: "names", Pattern: "{0..9}-courier.push.example", Own: true, Via: policy.ViaNames, Bits: 16},
		{Rule: "zone", Pattern: "{0..50}-courier.push.example", Zone: "push", Via: policy.ViaZone, Bits: 8},
		{Rule: "all", Pattern: "{0..50}-courier.push.example", Zone: "push", Via: policy.ViaAll, Bits: -1},
		{Rule: "wide", Pattern: ".", Own: true, Via: policy.ViaNames, Bits: -1},
	}
	if diff := cmp.Diff(want, d.Steps, compareSteps); diff != "" {
		t.Errorf("the steps, want - got +:\n%s", diff)
	}
	if !d.Matched() {
		t.Error("Matched() = false with steps, want true")
	}
	if got := d.RulePattern(); got != "{0..9}-courier.push.example" {
		t.Errorf("RulePattern() = %q, want the most specific of a rule's own", got)
	}
}

func TestRulePattern(t *testing.T) {
	rules := []policy.Rule{{Name: "zone", Zones: []string{"mdm"}}, {Name: "names", Names: patterns("*.example")}}
	p := policy.New(policy.Input{Zones: world, Rules: rules})
	if got := decide(p, "portal.mdm.example", "").RulePattern(); got != "*.example" {
		t.Errorf("RulePattern() behind a zone's pattern = %q, want *.example", got)
	}
	p = policy.New(policy.Input{Zones: world, Rules: rules[:1]})
	if got := decide(p, "portal.mdm.example", "").RulePattern(); got != "" {
		t.Errorf("RulePattern() without a rule's own = %q, want none", got)
	}
	d := decide(p, "elsewhere.test", "")
	if d.Matched() || len(d.Rules()) != 0 || d.RulePattern() != "" {
		t.Errorf("a name that nothing matches: %+v, want nothing", d)
	}
}

func TestWidest(t *testing.T) {
	p := policy.New(policy.Input{
		Zones: []*zones.Zone{zone("z", row("r", "a.example {0..9}.a.example b*.a.example", ""))},
		Rules: []policy.Rule{{Name: "r", Names: patterns("c*.a.example d*.example {0..9}.a.example")}},
	})
	if suffix, tails := p.Widest(); suffix != name("a.example") || tails != 4 {
		t.Errorf("Widest() = %v, %d, want a.example, 4", suffix, tails)
	}
}
