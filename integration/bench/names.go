//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"

	"splitdns/zones"
)

// hotCount is how many names are asked again and again.
const hotCount = 1000

// hotNames are n names, the most popular first. Every other one is published in
// the default edition as long as these last, so that rules match it.
func hotNames(n int) ([]string, error) {
	published, err := publishedNames(n / 2)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, n)
	for i := 0; len(names) < n; i++ {
		if i < len(published) {
			names = append(names, published[i])
		}
		if len(names) < n {
			names = append(names, fmt.Sprintf("host-%d.site-%d.example", i, i%97))
		}
	}
	return names, nil
}

// publishedNames are up to n names that patterns of the default edition match,
// without its catch-alls: first one for each pattern, then more for those that
// match whole domains.
func publishedNames(n int) ([]string, error) {
	examples, err := publishedExamples()
	if err != nil {
		return nil, err
	}
	var names []string
	seen := map[string]bool{}
	for i := range n {
		for _, e := range examples {
			if name := e.name(i); !seen[name] && len(names) < n {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// An example makes names that match one published pattern.
type example struct {
	first  string
	suffix string // what any label may stand before; empty if only first matches
}

// name is the i-th name that matches, or the first again if there are no more.
func (e example) name(i int) string {
	if i == 0 || e.suffix == "" {
		return e.first
	}
	return fmt.Sprintf("device%d%s", i, e.suffix)
}

// publishedExamples are the examples of all patterns of the default edition but
// those of the catch-alls.
func publishedExamples() ([]example, error) {
	bundled, err := zones.Bundled(zones.DefaultEdition)
	if err != nil {
		return nil, err
	}
	var out []example
	for _, z := range bundled {
		for _, r := range z.Rows {
			for p := range r.Patterns.All() {
				if z.CatchAll {
					continue
				}
				out = append(out, example{first: p.Example().String(), suffix: wildcardSuffix(p.String())})
			}
		}
	}
	return out, nil
}

// wildcardSuffix is what follows the star of a pattern such as "*.example" that
// is literal but for it, with the dot.
func wildcardSuffix(pattern string) string {
	suffix, ok := strings.CutPrefix(pattern, "*")
	if !ok || strings.ContainsAny(suffix, "*{") {
		return ""
	}
	return suffix
}

// missSuffixes are n suffixes below which any label makes a new name. Half of
// them are published.
func missSuffixes(n int) ([]string, error) {
	examples, err := publishedExamples()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range examples {
		if e.suffix != "" && len(out) < n/2 {
			out = append(out, e.suffix)
		}
	}
	for i := 0; len(out) < n; i++ {
		out = append(out, fmt.Sprintf(".zone-%d.example", i))
	}
	return out, nil
}

// A zipf is Zipf's distribution: the name at rank i, from 0, is asked in
// proportion to 1/(i+1).
type zipf struct{ cumulative []float64 } // [i]: the share of ranks 0 to i

// newZipf is the distribution over n ranks.
func newZipf(n int) zipf {
	cumulative := make([]float64, n)
	var sum float64
	for i := range cumulative {
		sum += 1 / float64(i+1)
		cumulative[i] = sum
	}
	for i := range cumulative {
		cumulative[i] /= sum
	}
	return zipf{cumulative}
}

// rank is the rank that u, from [0, 1), falls on.
func (z zipf) rank(u float64) int {
	return min(sort.SearchFloat64s(z.cumulative, u), len(z.cumulative)-1)
}

// shareAAAA is the share of queries for AAAA; the others are for A.
const shareAAAA = 0.4

// miss stands in a row of draws for a name that was never asked before.
const miss = -1

// draws are count questions at random, always the same: 2×rank for an A query of
// one of n hot names, 2×rank+1 for AAAA, and the share missShare of misses.
func draws(n, count int, missShare float64) []int32 {
	r := rand.New(rand.NewPCG(20260324, uint64(n)))
	popularity := newZipf(n)
	out := make([]int32, count)
	for i := range out {
		question := int32(2 * popularity.rank(r.Float64()))
		if r.Float64() < shareAAAA {
			question++
		}
		if r.Float64() < missShare {
			question = miss
		}
		out[i] = question
	}
	return out
}

// grouped is questions in an order in which each run of n has one kind, as n at a
// time can leave together. Of each kind up to n-1 are left out.
func grouped(questions []int32, n int, kind func(int32) int) []int32 {
	out := make([]int32, 0, len(questions))
	open := map[int][]int32{}
	for _, q := range questions {
		k := kind(q)
		open[k] = append(open[k], q)
		if len(open[k]) == n {
			out = append(out, open[k]...)
			open[k] = open[k][:0]
		}
	}
	return out
}
