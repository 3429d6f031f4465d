package matcher_test

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"

	"splitdns/matcher"
)

// benchSizes are those of a network's own endpoints, and of block lists.
var benchSizes = []int{200, 10_000, 100_000, 1_000_000}

// BenchmarkLookup looks names up that hit a pattern, lie three labels below one, miss
// everything, nearly hit one (a sibling, or a wildcard's own name), or do what the names of
// a network do: a few of them are most of the queries, and four in ten hit.
func BenchmarkLookup(b *testing.B) {
	for _, size := range benchSizes {
		random := rand.New(rand.NewPCG(7, 8))
		c := newCorpus(size, random)
		m, plain := build(c.patterns), newPlainMap(c.patterns)
		zipf := rand.NewZipf(random, 1.1, 1, uint64(size-1))
		hit := func() []string { return labelsOf([]byte(c.patterns[random.IntN(size)].Example().Wire())) }
		miss := func() []string { return []string{"www", word(size + random.IntN(size)), "com"} }
		queries := map[string]func() []string{
			"hit":  hit,
			"deep": func() []string { return append([]string{"a", "b", "c"}, c.names[random.IntN(size)]...) },
			"miss": miss,
			"near": func() []string {
				labels := c.names[random.IntN(size)]
				return append([]string{"sibling"}, labels[1:]...)
			},
			"zipf": func() []string {
				if i := int(zipf.Uint64()); i%5 < 2 {
					return labelsOf([]byte(c.patterns[i].Example().Wire()))
				}
				return miss()
			},
		}
		for _, kind := range []string{"hit", "deep", "miss", "near", "zipf"} {
			names := someNames(queries[kind])
			b.Run(strconv.Itoa(size)+"/"+kind, func(b *testing.B) {
				found := make([]matcher.Match[int], 0, 16)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					found = m.Lookup(found[:0], names[i%len(names)])
				}
			})
			b.Run(strconv.Itoa(size)+"/"+kind+"/plain-map", func(b *testing.B) {
				found := make([]int, 0, 16)
				for i := 0; b.Loop(); i++ {
					found = plain.lookup(found[:0], names[i%len(names)])
				}
			})
		}
	}
}

// someNames makes names to look up: so many that a processor does not learn them by heart.
func someNames(query func() []string) [][]byte {
	names := make([][]byte, 1<<16)
	for i := range names {
		names[i] = wireOf(query()...)
	}
	return names
}

// BenchmarkBuild reports the time that one pattern adds to building a matcher, and the memory
// that it adds to it: for a value each, and for a list with one value, which the matcher and
// the list have together.
func BenchmarkBuild(b *testing.B) {
	for _, size := range benchSizes {
		patterns := newCorpus(size, rand.New(rand.NewPCG(9, 10))).patterns
		b.Run(strconv.Itoa(size)+"/values", func(b *testing.B) {
			benchBuild(b, func() *matcher.Matcher[int] { return build(patterns) })
		})
		b.Run(strconv.Itoa(size)+"/list", func(b *testing.B) {
			benchBuild(b, func() *matcher.Matcher[int] {
				var builder matcher.Builder[int]
				builder.AddList(matcher.ListOf(patterns...), 1)
				return builder.Build()
			})
		})
	}
}

func benchBuild(b *testing.B, build func() *matcher.Matcher[int]) {
	before := heap()
	m := build()
	kept := heap() - before
	for b.Loop() {
		build()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(m.Len()), "ns/pattern")
	b.ReportMetric(float64(kept)/float64(m.Len()), "bytes/pattern")
}

// heap returns the octets in use after a collection.
func heap() int64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
