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
		case k < 998: // not below a top-level name: there would be hundreds, as in no published list
			name = "{0.." + strconv.Itoa(10+i%1000) + "}-a." + name
			c.names[i] = append([]string{"5-a"}, labels...)
		default:
			name = "a*." + name
			c.names[i] = append([]string{"ab"}, labels...)
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

// plainMap is a matcher of twenty lines: a Go map, asked for one suffix after the other. It is
// the oracle for large sets, and what the package has to be faster or smaller than.
type plainMap struct {
	patterns []matcher.Pattern
	nodes    map[string]*plainNode // by suffix, in wire form
}

// plainNode is what ends at a suffix, as indices.
type plainNode struct {
	exact, below, subtree []int
	starred               []int // ranges and stars in the leftmost label; the suffix is that of the other labels
}

func newPlainMap(patterns []matcher.Pattern) plainMap {
	m := plainMap{patterns, make(map[string]*plainNode)}
	for i, p := range patterns {
		text := p.String()
		rest := strings.TrimLeft(strings.TrimPrefix(text, "*."), ".")
		isStarred := strings.ContainsAny(rest, "*{")
		if isStarred {
			rest = strings.Join(splitLabels(rest)[1:], ".")
		}
		suffix := string(wireOf(splitLabels(rest)...))
		n := m.nodes[suffix]
		if n == nil {
			n = new(plainNode)
			m.nodes[suffix] = n
		}
		into := &n.exact
		switch {
		case isStarred:
			into = &n.starred
		case strings.HasPrefix(text, "*."):
			into = &n.below
		case strings.HasPrefix(text, "."):
			into = &n.subtree
		}
		*into = append(*into, i)
	}
	return m
}

// lookup appends to found the indices of the patterns that match, most specific first.
func (m plainMap) lookup(found []int, wire []byte) []int {
	for rest := wire; len(rest) > 1; rest = rest[1+rest[0]:] {
		n := m.nodes[string(rest)]
		if n == nil {
			continue
		}
		switch len(rest) {
		case len(wire):
			found = append(found, n.exact...)
		case len(wire) - 1 - int(wire[0]):
			found = append(append(found, m.starredOf(n, wire)...), n.below...)
		default:
			found = append(found, n.below...)
		}
		found = append(found, n.subtree...)
	}
	return found
}

// starredOf returns the patterns with ranges and stars that match.
func (m plainMap) starredOf(n *plainNode, wire []byte) (found []int) {
	for _, i := range n.starred {
		if twinMatches(m.patterns[i].String(), labelsOf(wire)) {
			found = append(found, i)
		}
	}
	sortFound(m.patterns, found)
	return found
}

// labelsOf returns the labels of a name in wire form.
func labelsOf(wire []byte) (labels []string) {
	for ; wire[0] != 0; wire = wire[1+wire[0]:] {
		labels = append(labels, string(wire[1:1+wire[0]]))
	}
	return labels
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
// in one query of 65,536 among a million patterns, and at no smaller size.
func TestLargeSetAsTheOracle(t *testing.T) {
	size, queries := 1_000_000, 65_536
	if testing.Short() {
		size = 100_000
	}
	random := rand.New(rand.NewPCG(5, 6))
	c := newCorpus(size, random)
	m, oracle := build(c.patterns), newPlainMap(c.patterns)
	var b matcher.Builder[int]
	b.AddList(matcher.ListOf(c.patterns...), -1)
	list := b.Build()
	var found, inList []matcher.Match[int]
	hits, several := 0, 0
	for i := range queries {
		wire := wireOf(c.query(random)...)
		found = m.Lookup(found[:0], wire)
		if want := oracle.lookup(nil, wire); !slices.Equal(values(found), want) {
			t.Fatalf("Lookup(%q) = %q, want %v", wire, textsOf(found), want)
		}
		if inList = list.Lookup(inList[:0], wire); !slices.Equal(textsOf(inList), textsOf(found)) {
			t.Fatalf("Lookup(%q) in the list = %q, want %q", wire, textsOf(inList), textsOf(found))
		}
		if i%4096 == 0 {
			slowly(t, c.patterns, wire, found)
		}
		hits += min(1, len(found))
		several += min(1, len(found)/2)
	}
	if hits < queries/10 || hits > queries*9/10 || several < queries/50 {
		t.Errorf("of %d queries %d match and %d more than once: not what is to be compared", queries, hits, several)
	}
}

// slowly checks one lookup against every pattern.
func slowly(t *testing.T, patterns []matcher.Pattern, wire []byte, found []matcher.Match[int]) {
	t.Helper()
	n, _, err := matcher.NameFromWire(wire)
	if err != nil {
		t.Fatal(err)
	}
	compareFound(t, n, patterns, found, twinLookup(patterns, func(p matcher.Pattern) bool { return p.Matches(n) }))
}
