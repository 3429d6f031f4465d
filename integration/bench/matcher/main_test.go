package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCandidatesAreRight(t *testing.T) {
	bundled, err := bundledRules(bundledCount)
	if err != nil {
		t.Fatal(err)
	}
	for name, rules := range map[string][]rule{"bundled": bundled, "made": madeRules(2000)} {
		if err := checkAll(candidates, rules); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWrongAnswerIsFound(t *testing.T) {
	const want = "liar: example.com, a query of near, has rule 0, want -1"
	rules := []rule{newRule("example.com", below), newRule("example.net", exact)}
	asked := map[string][]query{"near": {newQuery("example.com")}}
	err := candidate{Name: "liar"}.check(func(*query) int32 { return 0 }, search(rules), asked)
	if err == nil || err.Error() != want {
		t.Errorf("check: %v, want %s", err, want)
	}
}

func TestMadeRules(t *testing.T) {
	const n = 10_000
	rules := madeRules(n)
	if !slices.Equal(names(rules), names(madeRules(n))) {
		t.Error("rules are not the same each time")
	}
	counts := map[kind]int{}
	seen := map[string]bool{}
	for _, r := range rules {
		counts[r.kind]++
		seen[r.name] = true
	}
	if len(seen) != n {
		t.Errorf("%d different names, want %d", len(seen), n)
	}
	for k, want := range map[kind]int{subtree: 61, exact: 29, below: 10} {
		if got := (counts[k] + n/200) / (n / 100); got < want-1 || got > want+1 {
			t.Errorf("%d %% of the rules begin with %q, want %d %%", got, k.anchor(), want)
		}
	}
}

// names are the names of rules.
func names(rules []rule) []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.name)
	}
	return out
}

func TestTheTable(t *testing.T) {
	rules := madeRules(500)
	b, err := newBench(candidates[:2], rules, pace{Queries: 128, Builds: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range b.subjects {
		for _, kind := range queryKinds {
			s.turns[kind] = []time.Duration{10, 30 * time.Nanosecond * time.Duration(1+i), 50}
		}
		s.octets, s.build = 80, 20*time.Millisecond
	}
	var out strings.Builder
	b.write(&out)
	for _, want := range []string{
		"## 500 rules\n",
		"| splitdns | 30 | 30 | 30 | 30 | 30 | 80 | 0.02 s |\n",
		"| plain map, suffix by suffix | 50 (1.00) | 50 (1.00) |",
		"| **ours, to the best other** | **1.00** |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}
