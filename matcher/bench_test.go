package matcher_test

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"

	"splitdns/matcher"
)

// benchSizes are those of a network's own endpoints and of a large block list.
var benchSizes = []int{200, 10_000}

// BenchmarkLookup looks names up that hit a pattern, lie three labels below one, miss
// everything, or nearly hit one (a sibling, or a wildcard's own name).
func BenchmarkLookup(b *testing.B) {
	for _, size := range benchSizes {
		random := rand.New(rand.NewPCG(7, 8))
		c := newCorpus(size, random)
		m := build(c.patterns)
		queries := map[string]func() []string{
			"hit":  func() []string { return exampleLabels(c.patterns[random.IntN(size)]) },
			"deep": func() []string { return append([]string{"a", "b", "c"}, c.names[random.IntN(size)]...) },
			"miss": func() []string { return []string{"www", word(random.IntN(size)), "invalid"} },
			"near": func() []string {
				labels := c.names[random.IntN(size)]
				return append([]string{"sibling"}, labels[1:]...)
			},
		}
		for _, kind := range []string{"hit", "deep", "miss", "near"} {
			b.Run(strconv.Itoa(size)+"/"+kind, func(b *testing.B) { benchLookup(b, m, queries[kind]) })
		}
	}
}

// exampleLabels returns the labels of a name that p matches.
func exampleLabels(p matcher.Pattern) []string {
	var labels []string
	for wire := p.Example().Wire(); len(wire) > 1; wire = wire[1+wire[0]:] {
		labels = append(labels, wire[1:1+wire[0]])
	}
	return labels
}

func benchLookup(b *testing.B, m *matcher.Matcher[int], query func() []string) {
	var names [4096][]byte
	for i := range names {
		names[i] = wireOf(query()...)
	}
	found := make([]int, 0, 16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		found = m.Lookup(found[:0], names[i%len(names)])
	}
}

// BenchmarkBuild reports the time that one pattern adds to building a matcher, and the memory
// that it adds to it: what the matcher keeps of the pattern included, a value of 8 octets too.
func BenchmarkBuild(b *testing.B) {
	for _, size := range benchSizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var texts []string
			for _, p := range newCorpus(size, rand.New(rand.NewPCG(9, 10))).patterns {
				texts = append(texts, p.String())
			}
			before := heap()
			m := build(parseAll(texts...))
			kept := heap() - before
			patterns := parseAll(texts...)
			for b.Loop() {
				build(patterns)
			}
			perPattern := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(size)
			b.ReportMetric(perPattern, "ns/pattern")
			b.ReportMetric(float64(kept)/float64(m.Len()), "bytes/pattern")
		})
	}
}

// heap returns the octets in use after a collection.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
