package policy_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
)

func TestAlong(t *testing.T) {
	loaded := []*zones.Zone{
		zone("mdm", row("portal", "portal.mdm.example", "192.0.2.0/24")),
		zone("ads", row("list", ".ads.example", "")),
		catchAll("everything", row("all", "*.caught.example", "")),
	}
	block := policy.Rule{Name: "block", Zones: []string{"ads"}, Answer: answer("nxdomain")}
	rule := func(word string) policy.Rule {
		return policy.Rule{Name: "b", Names: patterns("b.example"), Answer: answer(word)}
	}
	tests := map[string]struct {
		rules  []policy.Rule
		name   string // "": www.example
		chain  string // CNAME and SVCB targets alike: Along gets names
		client string
		want   string // see added
	}{
		"no chain": {
			rules: []policy.Rule{block},
		},
		"a chain that nothing matches": {
			rules: []policy.Rule{block}, chain: "cdn.example edge.example",
		},
		"a block at the first name": {
			rules: []policy.Rule{block}, chain: "x.ads.example edge.example",
			want: "answer=nxdomain by=block at=x.ads.example rules=block",
		},
		"a block at a later name": {
			rules: []policy.Rule{block}, chain: "cdn.example ads.example",
			want: "answer=nxdomain by=block at=ads.example rules=block",
		},
		"a block at a SVCB target behind a CNAME": {
			rules: []policy.Rule{block}, chain: "cdn.example edge.example svc.ads.example",
			want: "answer=nxdomain by=block at=svc.ads.example rules=block",
		},
		"the first name that blocks": {
			rules: []policy.Rule{block, rule("refused")}, chain: "x.ads.example b.example",
			want: "answer=nxdomain by=block at=x.ads.example rules=block",
		},
		"the highest rank at one name": {
			rules: []policy.Rule{block, {Name: "narrow", Names: patterns("x.ads.example"), Answer: answer("null")}},
			chain: "x.ads.example",
			want:  "answer=null by=narrow at=x.ads.example rules=narrow",
		},
		"nodata blocks": {
			rules: []policy.Rule{rule("nodata")}, chain: "b.example", want: "answer=nodata by=b at=b.example rules=b",
		},
		"refused blocks": {
			rules: []policy.Rule{rule("refused")}, chain: "b.example", want: "answer=refused by=b at=b.example rules=b",
		},
		"addresses do not block": {
			rules: []policy.Rule{rule("192.0.2.1")}, chain: "b.example",
		},
		"a CNAME does not block": {
			rules: []policy.Rule{rule("c.example")}, chain: "b.example",
		},
		"a block for other clients": {
			rules: []policy.Rule{{Name: "b", Names: patterns("b.example"), Clients: []string{"phones"}, Answer: answer("null")}},
			chain: "b.example", client: "192.0.2.1",
		},
		"a block for this client": {
			rules: []policy.Rule{{Name: "b", Names: patterns("b.example"), Clients: []string{"phones"}, Answer: answer("null")}},
			chain: "b.example", client: "10.2.0.1", want: "answer=null by=b at=b.example rules=b",
		},
		"a block that is lifted at the chain": {
			rules: []policy.Rule{block, {Name: "lift", Names: patterns("x.ads.example"), Answer: answer("")}},
			chain: "x.ads.example",
		},

		"spared by a row that no rule names": {
			rules: []policy.Rule{block}, name: "portal.mdm.example", chain: "x.ads.example", want: "spared=block",
		},
		"spared by a catch-all row": {
			rules: []policy.Rule{block}, name: "a.caught.example", chain: "x.ads.example", want: "spared=block",
		},
		"the first of two that are spared": {
			rules: []policy.Rule{block, rule("refused")}, name: "portal.mdm.example", chain: "x.ads.example b.example",
			want: "spared=block",
		},
		`spared by answer = ""`: {
			rules: []policy.Rule{block, {Name: "lift", Names: patterns("www.example"), Answer: answer("")}},
			chain: "x.ads.example", want: "by=lift spared=block rules=lift",
		},
		"not spared by a rule that is silent on the answer": {
			rules: []policy.Rule{block, {Name: "log", Names: patterns("www.example"), Log: true}},
			chain: "x.ads.example", want: "answer=nxdomain by=block at=x.ads.example rules=log,block",
		},
		"an answer of the QNAME's own stands": {
			rules: []policy.Rule{block, {Name: "own", Names: patterns("www.example"), Answer: answer("192.0.2.1")}},
			chain: "x.ads.example", want: "answer=192.0.2.1 by=own rules=own",
		},

		"tags of every name": {
			rules: []policy.Rule{
				{Name: "q", Names: patterns("www.example"), Tags: []string{"own", "both"}},
				{Name: "c", Names: patterns("cdn.example"), Tags: []string{"both", "cdn"}},
				{Name: "s", Names: patterns("svc.example"), Tags: []string{"a-svc"}},
			},
			chain: "cdn.example svc.example", want: "tags=a-svc,both,cdn,own rules=q,c,s",
		},
		"tags also where the block is spared": {
			rules: []policy.Rule{{Name: "block", Zones: []string{"ads"}, Answer: answer("nxdomain"), Tags: []string{"ads"}}},
			name:  "portal.mdm.example", chain: "x.ads.example", want: "spared=block tags=ads rules=block",
		},
		"a rule stands once": {
			rules: []policy.Rule{{Name: "a", Names: patterns("*.example"), Tags: []string{"a"}}},
			chain: "b.example c.example", want: "tags=a rules=a",
		},
		"rules that bring nothing are not named": {
			rules: []policy.Rule{
				block,
				{Name: "route", Names: patterns(".ads.example"), Upstream: "isp", Log: true, Pin: policy.Enforce},
				{Name: "tag", Names: patterns(".example"), Clients: []string{"phones"}, Tags: []string{"t"}},
			},
			chain: "x.ads.example", want: "answer=nxdomain by=block at=x.ads.example rules=block",
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			p := policy.New(policy.Input{Zones: loaded, Rules: test.rules, Clients: groups})
			before := decide(p, cmp.Or(test.name, "www.example"), test.client)
			after := p.Along(before, names(test.chain), classOf(p, test.client))
			if got := added(after); got != test.want {
				t.Errorf("behind %s: %q, want %q", test.chain, got, test.want)
			}
			checkAlongKeeps(t, before, after)
		})
	}
}

// added is what a chain may add to a decision, in words; what is empty is left out.
func added(d policy.Decision) string {
	var b strings.Builder
	for _, fact := range [][2]string{
		{"answer", d.Answer.String()},
		{"by", d.By.Answer},
		{"at", d.Chain.String()},
		{"spared", d.Spared},
		{"tags", strings.Join(d.Tags, ",")},
		{"rules", strings.Join(d.Rules(), ",")},
	} {
		if fact[1] != "" {
			b.WriteString(" " + fact[0] + "=" + fact[1])
		}
	}
	return strings.TrimSpace(b.String())
}

// checkAlongKeeps checks that a chain changes nothing but blocking and tags.
func checkAlongKeeps(t *testing.T, before, after policy.Decision) {
	t.Helper()
	a, b := saidBy(before), saidBy(after)
	a.Rules, a.Tags, a.Answer, a.By.Answer = b.Rules, b.Tags, b.Answer, b.By.Answer
	if diff := gocmp.Diff(a, b); diff != "" {
		t.Errorf("a chain changes what the QNAME decides, before - after +:\n%s", diff)
	}
	if before.Match != after.Match || !slices.Equal(before.Published.Prefixes(), after.Published.Prefixes()) {
		t.Errorf("a chain changes what is published: %+v, want %+v", after.Match, before.Match)
	}
	if diff := gocmp.Diff(before.Steps, after.Steps[:len(before.Steps)], compareSteps, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the steps of the QNAME, before - after +:\n%s", diff)
	}
}

func TestAlongSteps(t *testing.T) {
	p := policy.New(policy.Input{
		Zones:   []*zones.Zone{zone("ads", row("list", ".ads.example", ""))},
		Clients: groups,
		Rules: []policy.Rule{
			{Name: "own", Names: patterns("www.example"), Log: true},
			{Name: "block", Zones: []string{"ads"}, Clients: []string{"phones"}, Answer: answer("nxdomain")},
		},
	})
	before := decide(p, "www.example", "10.2.0.1")
	d := p.Along(before, names("cdn.example x.ads.example"), classOf(p, "10.2.0.1"))
	want := []policy.Step{
		{Rule: "own", Pattern: "www.example", Own: true, Via: policy.ViaNames, Bits: -1},
		{Rule: "block", Pattern: ".ads.example", Zone: "ads", Via: policy.ViaZone, Bits: 16, Along: name("x.ads.example")},
	}
	if diff := gocmp.Diff(want, d.Steps, compareSteps); diff != "" {
		t.Errorf("the steps, want - got +:\n%s", diff)
	}
	if diff := gocmp.Diff(want[:1], before.Steps, compareSteps); diff != "" {
		t.Errorf("the decision that was given, want it as it was - got +:\n%s", diff)
	}
}

func TestAlongAgain(t *testing.T) {
	// Explain looks at the cached answers of several types, one after the other.
	p := policy.New(policy.Input{Rules: []policy.Rule{
		{Name: "one", Names: patterns("one.example"), Answer: answer("nxdomain"), Tags: []string{"a"}},
		{Name: "two", Names: patterns("two.example"), Answer: answer("refused"), Tags: []string{"b"}},
	}})
	d := decide(p, "www.example", "")
	for _, chain := range [][]matcher.Name{names("one.example"), names("two.example"), names("one.example two.example")} {
		d = p.Along(d, chain, 0)
	}
	if got, want := added(d), "answer=nxdomain by=one at=one.example tags=a,b rules=one,two"; got != want {
		t.Errorf("after three chains: %q, want what came first: %q", got, want)
	}
}

func TestAlongSharesNothing(t *testing.T) {
	// Two chains behind one decision must not write over each other's steps and tags.
	p := policy.New(policy.Input{Clients: groups, Rules: []policy.Rule{
		{Name: "own", Names: patterns("www.example"), Tags: []string{"m"}},
		{Name: "own2", Names: patterns("*.example"), Tags: []string{"n"}, Clients: []string{"all4"}},
		{Name: "own3", Names: patterns(".example"), Tags: []string{"o"}, Clients: []string{"all4"}},
		{Name: "one", Names: patterns("one.example"), Tags: []string{"a"}},
		{Name: "two", Names: patterns("two.example"), Tags: []string{"z"}},
	}})
	d := decide(p, "www.example", "192.0.2.1")
	one := p.Along(d, names("one.example"), 0)
	two := p.Along(d, names("two.example"), 0)
	for _, test := range []struct {
		got  policy.Decision
		want string
	}{
		{d, "tags=m,n,o rules=own,own2,own3"},
		{one, "tags=a,m,n,o rules=own,own2,own3,one"},
		{two, "tags=m,n,o,z rules=own,own2,own3,two"},
	} {
		if got := added(test.got); got != test.want {
			t.Errorf("the decision is %q, want %q", got, test.want)
		}
	}
}

func TestAlongCostsNothing(t *testing.T) {
	// No rule blocks or tags, though one matches the chain.
	quiet := []policy.Rule{
		{Name: "own", Names: patterns("*.example"), Log: true, Pin: policy.Enforce, Upstream: "isp", MaxTTL: 1},
		{Name: "to", Names: patterns("b.example"), Answer: answer("192.0.2.1")},
	}
	loud := append(slices.Clone(quiet), policy.Rule{Name: "tag", Names: patterns("a.example"), Tags: []string{"a"}})
	tests := map[string]struct {
		rules []policy.Rule
		chain string
	}{
		"no rule that blocks or tags": {quiet, "b.example c.example"},
		"no chain":                    {loud, ""},
	}
	for what, test := range tests {
		p := policy.New(policy.Input{Rules: test.rules})
		d, chain := decide(p, "www.example", ""), names(test.chain)
		if diff := gocmp.Diff(saidBy(d), saidBy(p.Along(d, chain, 0))); diff != "" {
			t.Errorf("%s: a chain changes what is said, before - after +:\n%s", what, diff)
		}
		if n := testing.AllocsPerRun(100, func() { p.Along(d, chain, 0) }); n != 0 {
			t.Errorf("%s: Along allocates %v times, want 0", what, n)
		}
	}
}
