package policy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
)

func TestConflicts(t *testing.T) {
	// a and b contradict each other wherever they meet.
	a := policy.Rule{Name: "a", Upstream: "one"}
	b := policy.Rule{Name: "b", Upstream: "two"}
	with := func(r policy.Rule, change func(*policy.Rule)) policy.Rule {
		change(&r)
		return r
	}
	inZones := func(r policy.Rule, list string) policy.Rule {
		return with(r, func(r *policy.Rule) { r.Zones = strings.Fields(list) })
	}
	inAll := func(r policy.Rule) policy.Rule {
		return with(r, func(r *policy.Rule) { r.AllZones = true })
	}
	on := func(r policy.Rule, list string) policy.Rule {
		return with(r, func(r *policy.Rule) { r.Names = patterns(list) })
	}
	forClients := func(r policy.Rule, list string) policy.Rule {
		return with(on(r, "a.example"), func(r *policy.Rule) { r.Clients = strings.Fields(list) })
	}
	loaded := []*zones.Zone{
		zone("x", row("1", "only.x.example shared.example", ""), row("2", "{0..50}-c.example", "")),
		zone("y", row("1", "only.y.example shared.example", "")),
		zone("z", row("1", "only.z.example", ""), row("2", "{0..9}-c.example", "")),
		zone("p", row("1", "p.example", "")), zone("q", row("1", "p.example", "")),
		catchAll("wide", row("1", "*.example", "")),
		zone("empty"),
	}
	tests := map[string]struct {
		a, b policy.Rule
		want string // the pattern on which they meet; "": no conflict
	}{
		"the same pattern":                       {on(a, "b.example a.example"), on(b, "a.example"), "a.example"},
		"the same pattern, differently spelt":    {on(a, "A.Example."), on(b, "a.example"), "a.example"},
		"the same zone":                          {inZones(a, "x"), inZones(b, "x"), "only.x.example"},
		"zones that share a pattern":             {inZones(a, "x"), inZones(b, "y"), "shared.example"},
		"zones that share a pattern of one rank": {inZones(a, "x"), inZones(b, "z"), "{0..50}-c.example and {0..9}-c.example"},
		"both *":                                 {inAll(a), inAll(b), "p.example"},
		"a catch-all that both name":             {inZones(a, "wide"), inZones(b, "wide"), "*.example"},
		"a catch-all that both name beside *":    {inZones(inAll(a), "wide"), inZones(b, "wide"), "*.example"},
		"wildcards":                              {on(a, "*.a.example"), on(b, "*.a.example"), "*.a.example"},

		"ranges that overlap":          {on(a, "{0..9}x.example"), on(b, "{5..20}x.example"), "{0..9}x.example and {5..20}x.example"},
		"ranges, one within the other": {on(a, "{0..9}x.example"), on(b, "{5..5}x.example"), "{0..9}x.example and {5..5}x.example"},
		"ranges of several labels":     {on(a, "{0..9}.x.{0..9}.example"), on(b, "{3..4}.x.{9..12}.example"), "{0..9}.x.{0..9}.example and {3..4}.x.{9..12}.example"},
		"ranges below *.":              {on(a, "*.{0..9}.example"), on(b, "*.{3..4}.example"), "*.{0..9}.example and *.{3..4}.example"},
		"ranges below .":               {on(a, ".{0..9}.example"), on(b, ".{3..4}.example"), ".{0..9}.example and .{3..4}.example"},
		"stars that overlap":           {on(a, "ab*.x.example"), on(b, "a*b.x.example"), "ab*.x.example and a*b.x.example"},
		"ranges, one of two overlaps":  {on(a, "{0..9}-c.example"), on(b, "{20..60}-c.example {9..9}-c.example"), "{0..9}-c.example and {9..9}-c.example"},

		"other names":                       {on(a, "a.example"), on(b, "b.example"), ""},
		"other zones":                       {inZones(a, "x"), inZones(b, "wide"), ""},
		"a zone without names":              {inZones(a, "empty"), inZones(b, "empty"), ""},
		"a zone that does not exist":        {inZones(a, "gone"), inZones(b, "gone"), ""},
		"* does not reach a catch-all":      {inAll(a), inZones(b, "wide"), ""},
		"a narrower pattern":                {on(a, "a.example"), on(b, "*.example"), ""},
		"the name and what is below":        {on(a, "*.a.example"), on(b, ".a.example"), ""},
		"a literal and a range":             {on(a, "5x.example"), on(b, "{0..9}x.example"), ""},
		"a range and a star":                {on(a, "{0..9}x.example"), on(b, "*x*.example"), ""},
		"ranges that lie apart":             {on(a, "{0..9}x.example"), on(b, "{10..20}x.example"), ""},
		"ranges before other literals":      {on(a, "{0..9}x.example"), on(b, "{0..9}y.example"), ""},
		"ranges under other suffixes":       {on(a, "{0..9}.a.example"), on(b, "{0..9}.b.example"), ""},
		"stars with more and fewer letters": {on(a, "ab*.x.example"), on(b, "a*.x.example"), ""},
		"stars that lie apart":              {on(a, "a*.x.example"), on(b, "b*.x.example"), ""},

		"own names over a zone":                 {on(a, "only.x.example shared.example {0..50}-c.example"), inZones(b, "x"), ""},
		"a zone over *":                         {inZones(a, "x y z p q"), inAll(b), ""},
		"own names over *, overlapping ranges":  {on(a, "{0..3}-c.example"), inAll(b), ""},
		"the way that is closer counts":         {inZones(inAll(a), "x y z q"), inAll(b), ""},
		"own names and a zone over both":        {on(inZones(a, "x"), "only.x.example"), on(inZones(b, "y"), "only.x.example shared.example"), "only.x.example"},
		"one pattern is closer, another is not": {on(inZones(a, "x"), "only.x.example"), inZones(b, "x"), "shared.example"},

		"clients: one group":                        {forClients(a, "office"), forClients(b, "office"), "a.example"},
		"clients: equal prefixes of two groups":     {forClients(a, "phones"), forClients(b, "lab"), "a.example"},
		"clients: equal lengths of the same client": {forClients(a, "phones office"), forClients(b, "office"), "a.example"}, // outside phones
		"clients: a longer prefix wins":             {forClients(a, "phones"), forClients(b, "office"), ""},
		"clients: disjoint":                         {forClients(a, "third"), forClients(b, "phones"), ""},
		"clients: disjoint, of equal length":        {forClients(a, "third"), forClients(b, "fourth"), ""},
		"clients: a group and everybody":            {forClients(a, "office"), on(b, "a.example"), ""},
		"clients: everybody's group and everybody":  {forClients(a, "all4"), on(b, "a.example"), ""},
		"clients: a group that does not exist":      {forClients(a, "gone"), forClients(b, "gone"), ""},
		"clients: an empty group":                   {forClients(a, "nobody"), forClients(b, "nobody"), ""},
	}
	clients := append(slices.Clone(groups), group("third", "192.0.2.0/24"), group("fourth", "198.51.100.0/24"), group("nobody", ""))
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			var want []policy.Conflict
			if test.want != "" {
				want = []policy.Conflict{{Key: "upstream", RuleA: "a", RuleB: "b", Pattern: test.want}}
			}
			in := policy.Input{Zones: loaded, Clients: clients, Rules: []policy.Rule{test.a, test.b}}
			if diff := cmp.Diff(want, policy.New(in).Conflicts()); diff != "" {
				t.Errorf("Conflicts, want - got +:\n%s", diff)
			}
			in.Rules = []policy.Rule{test.b, test.a}
			if got := policy.New(in).Conflicts(); (got == nil) != (want == nil) || got != nil && got[0].RuleA != "b" {
				t.Errorf("Conflicts with the rules turned round = %+v, want the same, b first", got)
			}
		})
	}
}

func TestConflictingValues(t *testing.T) {
	tests := map[string]struct {
		a, b policy.Rule
		want string // keys
	}{
		"nothing stated":               {policy.Rule{}, policy.Rule{}, ""},
		"only one states it":           {policy.Rule{Pin: policy.Enforce, Upstream: "x", Answer: answer("null"), MaxTTL: 1}, policy.Rule{}, ""},
		"each states something else":   {policy.Rule{Pin: policy.Enforce, MaxTTL: 1}, policy.Rule{Upstream: "x", Answer: answer("null")}, ""},
		"log and tags add up":          {policy.Rule{Log: true, Tags: []string{"a"}}, policy.Rule{Tags: []string{"b"}}, ""},
		"equal values":                 {policy.Rule{Pin: policy.Enforce, Upstream: "x", Answer: answer("a.example"), MaxTTL: 1}, policy.Rule{Pin: policy.Enforce, Upstream: "x", Answer: answer("a.example"), MaxTTL: 1}, ""},
		"pin":                          {policy.Rule{Pin: policy.Enforce}, policy.Rule{Pin: policy.Observe}, "pin"},
		"upstream":                     {policy.Rule{Upstream: "default"}, policy.Rule{Upstream: "x"}, "upstream"},
		"max_ttl":                      {policy.Rule{MaxTTL: time.Second}, policy.Rule{MaxTTL: time.Minute}, "max_ttl"},
		"private_answers":              {policy.Rule{Private: policy.PrivateAllowed}, policy.Rule{Private: policy.PrivateRemoved}, "private_answers"},
		"answer":                       {policy.Rule{Answer: answer("nxdomain")}, policy.Rule{Answer: answer("nodata")}, "answer"},
		`answer = "" is a value`:       {policy.Rule{Answer: answer("nxdomain")}, policy.Rule{Answer: answer("")}, "answer"},
		"answer, other addresses":      {policy.Rule{Answer: answer("192.0.2.1")}, policy.Rule{Answer: answer("192.0.2.2")}, "answer"},
		"answer, other targets":        {policy.Rule{Answer: answer("a.example")}, policy.Rule{Answer: answer("b.example")}, "answer"},
		"all at once, one of them not": {policy.Rule{Pin: policy.Prefer, Upstream: "x", Answer: answer("null"), MaxTTL: 1}, policy.Rule{Pin: policy.Enforce, Upstream: "x", Answer: answer("refused"), MaxTTL: 2}, "pin answer max_ttl"},
	}
	for what, test := range tests {
		test.a.Name, test.a.Names = "a", patterns("a.example")
		test.b.Name, test.b.Names = "b", patterns("a.example")
		var want []policy.Conflict
		for _, key := range strings.Fields(test.want) {
			want = append(want, policy.Conflict{Key: key, RuleA: "a", RuleB: "b", Pattern: "a.example"})
		}
		got := policy.New(policy.Input{Rules: []policy.Rule{test.a, test.b}}).Conflicts()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: Conflicts, want - got +:\n%s", what, diff)
		}
	}
}

func TestConflictsOfManyRules(t *testing.T) {
	// Each pair once, in the order of the rules, wherever the pairs meet.
	got := policy.New(policy.Input{Rules: []policy.Rule{
		{Name: "d", Names: patterns("z.example a.example"), Upstream: "1"},
		{Name: "c", Names: patterns("a.example z.example"), Upstream: "2"},
		{Name: "silent", Names: patterns("a.example z.example")},
		{Name: "a", Names: patterns("a.example"), Upstream: "1", Pin: policy.Prefer},
		{Name: "b", Names: patterns("a.example"), Upstream: "1", Pin: policy.Enforce},
	}}).Conflicts()
	want := []policy.Conflict{
		{Key: "upstream", RuleA: "d", RuleB: "c", Pattern: "z.example"},
		{Key: "upstream", RuleA: "c", RuleB: "a", Pattern: "a.example"},
		{Key: "upstream", RuleA: "c", RuleB: "b", Pattern: "a.example"},
		{Key: "pin", RuleA: "a", RuleB: "b", Pattern: "a.example"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Conflicts, want - got +:\n%s", diff)
	}
}

func TestDefaultRuleHasNoConflict(t *testing.T) {
	bundled, err := zones.Bundled(zones.DefaultEdition)
	if err != nil {
		t.Fatal(err)
	}
	got := policy.New(policy.Input{Zones: bundled, Rules: []policy.Rule{
		{Name: "published", AllZones: true, Log: true, Pin: policy.Observe},
		{Name: "mdm", Zones: []string{"intune", "apple-push"}, Pin: policy.Enforce, Upstream: "isp"},
	}}).Conflicts()
	if got != nil {
		t.Errorf("Conflicts = %+v, want none: a named zone stands above *", got)
	}
}

// twinConflicts finds the conflicts that a client of someClients sees at one of
// someNames: two rules of equal rank that state different values. Each is
// KEY RULE RULE.
func twinConflicts(in policy.Input) map[string]bool {
	found := map[string]bool{}
	for _, qname := range someNames {
		for _, client := range someClients {
			all := twinRules(in, qname, client)
			for i, a := range all {
				addConflicts(found, a, all[i+1:])
			}
		}
	}
	return found
}

// addConflicts adds what a and rules of equal rank contradict each other in.
func addConflicts(found map[string]bool, a ranked, others []ranked) {
	for _, b := range others {
		if a.compare(b.rank) != 0 {
			continue
		}
		saysA, saysB := stated(a.rule), stated(b.rule)
		for key, value := range saysA {
			if other, ok := saysB[key]; ok && value != other {
				found[key+" "+a.rule.Name+" "+b.rule.Name] = true // of equal rank they are in the order of names
			}
		}
	}
}

// stated is what r states of what only one rule can settle.
func stated(r policy.Rule) map[string]string {
	values := map[string]string{
		"pin": r.Pin.String(), "upstream": r.Upstream, "answer": fmt.Sprint(r.Answer.Kind, " ", r.Answer), "max_ttl": r.MaxTTL.String(),
	}
	nothing := map[string]string{"pin": "", "upstream": "", "answer": "0 ", "max_ttl": "0s"}
	maps.DeleteFunc(values, func(key, value string) bool { return value == nothing[key] })
	return values
}

func FuzzConflicts(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(randomOctets(seed, 400))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		compareConflicts(t, someInput(choicesFrom(data), allPatterns), false)
		compareConflicts(t, someInput(choicesFrom(data), strictPatterns), true)
	})
}

// compareConflicts holds Conflicts to its twin. Exact says that the patterns are
// such that no conflict is reported without a name that has it.
func compareConflicts(t *testing.T, in policy.Input, exact bool) {
	t.Helper()
	want := twinConflicts(in)
	got := map[string]bool{}
	for _, c := range policy.New(in).Conflicts() {
		key := c.Key + " " + c.RuleA + " " + c.RuleB
		if got[key] {
			t.Errorf("%s is reported twice\n%s", key, described(in))
		}
		got[key] = true
	}
	for key := range want {
		if !got[key] {
			t.Errorf("%s is not reported, want it\n%s", key, described(in))
		}
	}
	for key := range got {
		if exact && !want[key] {
			t.Errorf("%s is reported, want none\n%s", key, described(in))
		}
	}
}

// manyNames makes a row of n names, each of a form with one number.
func manyNames(form string, n int) zones.Row {
	all := make([]matcher.Pattern, n)
	for i := range all {
		all[i] = matcher.MustParsePattern(fmt.Sprintf(form, i))
	}
	return zones.Row{Name: "list", Patterns: matcher.ListOf(all...)}
}

func TestConflictsInBigZones(t *testing.T) {
	list, stars := zone("list", manyNames("n%d.example", 100_000)), zone("stars", manyNames("n%d*.example", 10_000))
	again, apart := zone("again", list.Rows...), zone("apart", manyNames("m%d.example", 10_000))
	suffixes, others := zone("suffixes", manyNames("n*.%d.example", 10_000)), zone("others", manyNames("n*.%d.test", 10_000))
	tests := map[string]struct {
		loaded []*zones.Zone
		a, b   string // the zones of the two rules
		want   bool
	}{
		"one zone":                              {[]*zones.Zone{list}, "list", "list", true},
		"zones with the same names, and *":      {[]*zones.Zone{list, again}, "list again", "*", false},
		"zones with other names":                {[]*zones.Zone{list, apart}, "list", "apart", false},
		"a zone with stars, and *":              {[]*zones.Zone{stars}, "stars", "*", false},
		"zones with stars under other suffixes": {[]*zones.Zone{suffixes, others}, "suffixes", "others", false},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			in := policy.Input{Zones: test.loaded, Rules: []policy.Rule{
				{Name: "a", Zones: strings.Fields(test.a), Upstream: "a"},
				{Name: "b", Zones: strings.Fields(test.b), AllZones: test.b == "*", Upstream: "b"},
			}}
			begin := time.Now()
			got := policy.New(in).Conflicts()
			if (len(got) > 0) != test.want {
				t.Errorf("Conflicts = %+v, want any: %v", got, test.want)
			}
			// It takes a fraction of a second; comparing each name with each takes hours.
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("Conflicts took %v, want less than 10 seconds", took)
			}
		})
	}
}

// manyRules makes n rules, of which no two that follow each other state the same.
func manyRules(n int, change func(i int, r *policy.Rule)) []policy.Rule {
	rules := make([]policy.Rule, n)
	for i := range rules {
		rules[i] = policy.Rule{Name: fmt.Sprint("r", i), Upstream: fmt.Sprint("u", i%2)}
		change(i, &rules[i])
	}
	return rules
}

func TestConflictsOfThousandsOfRules(t *testing.T) {
	const n = 6000
	named := func(form string) func(int, *policy.Rule) {
		return func(i int, r *policy.Rule) { r.Names = patterns(strings.ReplaceAll(form, "#", fmt.Sprint(i))) }
	}
	tests := map[string]struct {
		in   policy.Input
		want int
	}{
		"a name each":        {policy.Input{Rules: manyRules(n, named("h#.corp.example"))}, 0},
		"a range each":       {policy.Input{Rules: manyRules(n/4, named("{0..9}-h#.corp.example"))}, 0},
		"one name":           {policy.Input{Rules: manyRules(n, named("h.corp.example"))}, 1000},
		"one range, overlap": {policy.Input{Rules: manyRules(n, named("{1..1#}-h.corp.example"))}, 1000},
		"a client each": {policy.Input{
			Clients: manyGroups(n / 2), Zones: []*zones.Zone{zone("list", manyNames("n%d.example", 10))},
			Rules: manyRules(n/2, func(i int, r *policy.Rule) { r.AllZones, r.Clients = true, []string{fmt.Sprint("g", i)} }),
		}, 0},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			begin := time.Now()
			if got := len(policy.New(test.in).Conflicts()); got != test.want {
				t.Errorf("%d conflicts, want %d", got, test.want)
			}
			// It takes a fraction of a second; holding each rule against each takes half a minute.
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("Conflicts took %v, want less than 10 seconds", took)
			}
		})
	}
}
