package matcher_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"splitdns/matcher"
)

// corpus is a large set of patterns in the proportions of published lists, and the names
// that they were made for.
type corpus struct {
	names    [][]string // labels of the name in each pattern, from the left
	patterns []matcher.Pattern
}

// newCorpus makes n patterns: 61 % `.`, 29 % names, 10 % `*.`, and of each thousand two
// with ranges and two with stars inside a label.
func newCorpus(n int, random *rand.Rand) corpus {
	var c corpus
	for i := range n {
		labels := someHost(random, n)
		c.names = append(c.names, labels)
		name := strings.Join(labels, ".")
		switch k := random.IntN(1000); {
		case k < 608:
			name = "." + name
		case k < 896:
		case k < 996:
			name = "*." + name
		case k < 998:
			name = "{0.." + strconv.Itoa(10+i%1000) + "}-" + name
		default:
			name = labels[0] + "*." + strings.Join(labels[1:], ".")
		}
		c.patterns = append(c.patterns, matcher.MustParsePattern(name))
	}
	return c
}

// someHost makes the labels of a name such as lists hold, from about n domains.
func someHost(random *rand.Rand, n int) []string {
	domains := []string{"com", "net", "org", "example", "co", "io", "de", "cn"}
	labels := []string{word(random.IntN(n / 8)), domains[random.IntN(len(domains))]}
	for range random.IntN(3) {
		labels = append([]string{word(random.IntN(300))}, labels...)
	}
	return labels
}

// word spells a number as a pronounceable label.
func word(n int) string {
	s := "x"
	for ; n > 0; n /= 75 {
		s += string("bcdfghklmnprstv"[n%15]) + string("aeiou"[n/15%5])
	}
	return s
}

// textOracle finds patterns by their texts, in maps.
type textOracle struct {
	patterns []matcher.Pattern
	byText   map[string][]int
	starred  map[string][]int // ranges and stars, which stand in the leftmost label: by the text of the other labels
}

func newTextOracle(patterns []matcher.Pattern) textOracle {
	o := textOracle{patterns, make(map[string][]int), make(map[string][]int)}
	for i, p := range patterns {
		text := p.String()
		if strings.ContainsAny(strings.TrimPrefix(text, "*."), "*{") {
			rest := strings.Join(splitLabels(text)[1:], ".")
			o.starred[rest] = append(o.starred[rest], i)
			continue
		}
		o.byText[text] = append(o.byText[text], i)
	}
	return o
}

func (o textOracle) lookup(labels []string) []int {
	name := strings.Join(labels, ".")
	found := slices.Clone(o.byText[name])
	for i := range labels {
		suffix := strings.Join(labels[i:], ".")
		if i > 0 {
			found = append(found, o.byText["*."+suffix]...)
		}
		found = append(found, o.byText["."+suffix]...)
	}
	for _, i := range o.starred[strings.Join(labels[1:], ".")] {
		if twinMatches(o.patterns[i].String(), labels) {
			found = append(found, i)
		}
	}
	slices.Sort(found)
	sortFound(o.patterns, found)
	return found
}

// query makes the labels of a name to look up: of a pattern, below one, beside one, or of none.
func (c corpus) query(random *rand.Rand) []string {
	labels := slices.Clone(c.names[random.IntN(len(c.names))])
	switch random.IntN(6) {
	case 0:
		return append([]string{"a", "b", "c"}, labels...)
	case 1:
		return append([]string{word(random.IntN(300))}, labels...)
	case 2:
		labels[0] = word(random.IntN(300))
	case 3:
		return labels[1:]
	case 4:
		labels[0] = strconv.Itoa(random.IntN(1200)) + "-" + labels[0]
	}
	return labels
}

// TestLargeSetAsTheOracle is as large as it is because a bug of such a matcher once showed
// in one query of 65,536 among many patterns, and at no smaller size.
func TestLargeSetAsTheOracle(t *testing.T) {
	const size, queries = 100_000, 65_536
	random := rand.New(rand.NewPCG(5, 6))
	c := newCorpus(size, random)
	m, oracle := build(c.patterns), newTextOracle(c.patterns)
	var found []int
	hits, several := 0, 0
	for i := range queries {
		labels := c.query(random)
		found = m.Lookup(found[:0], wireOf(labels...))
		if want := oracle.lookup(labels); !slices.Equal(found, want) {
			t.Fatalf("Lookup(%q) = %q, want %q", labels, textsOf(c.patterns, found), textsOf(c.patterns, want))
		}
		if i%4096 == 0 {
			slowly(t, c.patterns, labels, found)
		}
		hits += min(1, len(found))
		several += min(1, len(found)/2)
	}
	if hits < queries/10 || hits > queries*9/10 || several < queries/50 {
		t.Errorf("of %d queries %d match and %d more than once: not what is to be compared", queries, hits, several)
	}
}

// slowly checks one lookup against every pattern.
func slowly(t *testing.T, patterns []matcher.Pattern, labels []string, found []int) {
	t.Helper()
	n, _, err := matcher.NameFromWire(wireOf(labels...))
	if err != nil {
		t.Fatal(err)
	}
	want := twinLookup(patterns, func(p matcher.Pattern) bool { return p.Matches(n) })
	if !slices.Equal(found, want) {
		t.Fatalf("Lookup(%v) = %q, want %q", n, textsOf(patterns, found), textsOf(patterns, want))
	}
}
