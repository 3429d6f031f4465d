package main

import (
	"errors"
	"fmt"
	"strings"
)

// A find looks a name up and returns the ID of the most specific rule that is for it,
// or none. It need not be safe for concurrent use.
type find func(q *query) int32

// none is what is found if no rule is for a name.
const none int32 = -1

// A candidate is one way to find rules.
type candidate struct {
	Name    string
	Returns string // what a lookup tells
	YesNo   bool   // it finds any ID where it should find a certain one
	Whole   bool   // it knows only rules for whole subtrees
	Most    int    // rules that it is fast enough for to be measured; 0: any number
	Build   func(rules []rule) find
}

// candidates are all of them, in the order of the tables: ours, the baseline, others.
var candidates = []candidate{
	ours,
	{Name: "plain map, suffix by suffix", Returns: "ID", Build: buildMap},
	{Name: "trie of maps", Returns: "ID", Build: buildTrie},
	{Name: "perfect hash", Returns: "ID", Build: buildPerfectHash},
	{Name: "miekg/dns ServeMux", Returns: "handler", Whole: true, Build: buildMux},
	{Name: "hashicorp immutable radix", Returns: "ID", Whole: true, Most: 100_000, Build: buildRadix},
	{Name: "blevesearch vellum FST", Returns: "ID", Build: buildTransducer},
	{Name: "AdGuard urlfilter", Returns: "rule object", YesNo: true, Whole: true, Most: 10_000, Build: buildURLFilter},
}

// checkAll holds every candidate against a search through all rules.
func checkAll(candidates []candidate, rules []rule) error {
	const each = 500
	asked := queries(rules, each)
	var errs []error
	for _, c := range candidates {
		held := anew(rules, c.Whole)
		errs = append(errs, c.check(c.Build(held), search(held), asked))
	}
	return errors.Join(errs...)
}

// check holds what a candidate has built against what finds the right answers.
func (c candidate) check(got, want find, asked map[string][]query) error {
	for _, name := range queryKinds {
		for i := range asked[name] {
			q := &asked[name][i]
			g, w := got(q), want(q)
			if g != w && (!c.YesNo || (g == none) != (w == none)) {
				return fmt.Errorf("%s: %s, a query of %s, has rule %d, want %d", c.Name, q.text, name, g, w)
			}
			if name == "miss" && w != none {
				return fmt.Errorf("%s, a query of %s, has rule %d, want none", q.text, name, w)
			}
		}
	}
	return nil
}

// search goes through all rules: slow, and plainly right.
func search(rules []rule) find {
	return func(q *query) int32 {
		best := none
		for i, r := range rules {
			itself := q.text == r.name
			if (itself || strings.HasSuffix(q.text, "."+r.name)) && r.kind.covers(itself) &&
				(best == none || len(r.name) > len(rules[best].name)) {
				best = int32(i)
			}
		}
		return best
	}
}
