package matcher_test

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
)

// build makes a matcher whose values are the patterns' indices.
func build(patterns []matcher.Pattern) *matcher.Matcher[int] {
	var b matcher.Builder[int]
	for i, p := range patterns {
		b.Add(p, i)
	}
	return b.Build()
}

// values returns what was added with the patterns that a lookup found.
func values[V any](found []matcher.Match[V]) []V {
	var all []V
	for _, f := range found {
		all = append(all, f.Value)
	}
	return all
}

// parseAll parses patterns that are known to be right.
func parseAll(texts ...string) []matcher.Pattern {
	patterns := make([]matcher.Pattern, len(texts))
	for i, s := range texts {
		patterns[i] = matcher.MustParsePattern(s)
	}
	return patterns
}

// textsOf returns the texts of the patterns that a lookup found.
func textsOf(found []matcher.Match[int]) []string {
	var texts []string
	for _, f := range found {
		texts = append(texts, f.Pattern.String())
	}
	return texts
}

func TestLookup(t *testing.T) {
	// Added in another order than any that is wanted.
	patterns := parseAll(
		".", "*.manage.microsoft.com", "{0..50}-courier.push.apple.com", "5-courier.push.apple.com", ".push.apple.com",
		"*", "*.push.apple.com", "*-courier.push.apple.com", "{5..9}-courier.push.apple.com", "*.*.apple.com", "push.apple.com",
		"*.apple.com", ".apple.com", "manage.microsoft.com", "5-courier.*.apple.com", ".*.push.apple.com", "5*courier.push.apple.com",
		"*.5-courier.push.apple.com",
	)
	m := build(patterns)
	tests := map[string]struct {
		name string
		want []string
	}{
		"all, most specific first": {"5-courier.push.apple.com", []string{
			"5-courier.push.apple.com", "{0..50}-courier.push.apple.com", "{5..9}-courier.push.apple.com", "*-courier.push.apple.com",
			"5*courier.push.apple.com", ".*.push.apple.com", "*.push.apple.com", ".push.apple.com", "5-courier.*.apple.com", "*.*.apple.com",
			"*.apple.com", ".apple.com", "*", ".",
		}},
		"upper case": {"12-Courier.PUSH.apple.com", []string{
			"{0..50}-courier.push.apple.com", "*-courier.push.apple.com", ".*.push.apple.com", "*.push.apple.com", ".push.apple.com",
			"*.*.apple.com", "*.apple.com", ".apple.com", "*", ".",
		}},
		"below a literal": {"x.5-courier.push.apple.com", []string{
			"*.5-courier.push.apple.com", ".*.push.apple.com", "*.push.apple.com", ".push.apple.com", "*.*.apple.com", "*.apple.com", ".apple.com", "*", ".",
		}},
		"the name of a subtree":  {"push.apple.com", []string{"push.apple.com", ".push.apple.com", "*.apple.com", ".apple.com", "*", "."}},
		"the apex of a wildcard": {"manage.microsoft.com", []string{"manage.microsoft.com", "*", "."}},
		"an interior node":       {"microsoft.com", []string{"*", "."}},
		"elsewhere":              {"a.example", []string{"*", "."}},
		"the root":               {".", []string{"."}},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			labels := strings.Split(tt.name, ".")
			wire := wireOf(labels...)
			if tt.name == "." {
				wire = []byte{0}
			}
			if diff := cmp.Diff(tt.want, textsOf(m.Lookup(nil, wire))); diff != "" {
				t.Errorf("Lookup(%s) (-want +got):\n%s", tt.name, diff)
			}
			kept := m.Lookup([]matcher.Match[int]{{Value: -1}}, append(wire, 0xff))
			if kept[0].Value != -1 || len(kept) != 1+len(tt.want) {
				t.Errorf("Lookup(%s) behind one value and before more octets: %v", tt.name, kept)
			}
		})
	}
	if m.Len() != len(patterns) {
		t.Errorf("Len() = %d, want %d", m.Len(), len(patterns))
	}
}

func TestLookupMatchesNothing(t *testing.T) {
	m := build(parseAll("a.example", "*.b.example", ".c.example", "{0..5}.example"))
	for _, s := range []string{"example", "b.example", "x.a.example", "d.example", "xc.example", "6.example", ".", "com", "a.example.com"} {
		if got := m.Lookup(nil, []byte(mustName(t, s).Wire())); len(got) != 0 {
			t.Errorf("Lookup(%s) = %v, want nothing", s, got)
		}
	}
}

func TestLookupOfHostileWire(t *testing.T) {
	m := build(parseAll(".", "*", "a.example", ".*.example"))
	for what, tt := range hostileWire {
		t.Run(what, func(t *testing.T) {
			if got := m.Lookup(nil, tt.wire); len(got) != 0 {
				t.Errorf("Lookup = %v, want nothing", got)
			}
			if got := m.Near(nil, tt.wire); len(got) != 0 {
				t.Errorf("Near = %v, want nothing", got)
			}
		})
	}
}

// A dot or a length octet inside a label must not be taken for the end of one.
func TestLookupComparesLengths(t *testing.T) {
	m := build(parseAll("a.example", ".b.example", "*.c.example"))
	for _, wire := range [][]byte{wireOf("a.example"), wireOf("a\x07example"), wireOf("x\x01b", "example"), wireOf("x.c", "example"), wireOf("x\x01c", "example")} {
		if got := m.Lookup(nil, wire); len(got) != 0 {
			t.Errorf("Lookup(%q) = %v, want nothing", wire, got)
		}
	}
	if got := values(m.Lookup(nil, wireOf("x.\x00", "c", "example"))); !slices.Equal(got, []int{2}) {
		t.Errorf("Lookup of a label with a dot and NUL = %v, want [2]", got)
	}
}

// Patterns of equal rank come by their texts, and the values of one pattern by turn.
func TestLookupOrderOfEqualRank(t *testing.T) {
	m := build(parseAll("{5..9}.example", "*.example", "{0..9}.example", "{5..9}.example", "*.example", "{0..9}.example"))
	if got, want := values(m.Lookup(nil, wireOf("7", "example"))), []int{2, 5, 0, 3, 1, 4}; !slices.Equal(got, want) {
		t.Errorf("Lookup = %v, want %v", got, want)
	}
}

func TestNear(t *testing.T) {
	patterns := parseAll(".push.apple.com", "{0..50}-courier.push.apple.com", "{0..51}-courier.push.apple.com", "*.{1..8}.apple.com", "{1..2}{1..2}.example", "5*.push.apple.com")
	m := build(patterns)
	tests := map[string][]string{
		"51-courier.push.apple.com":   {"{0..50}-courier.push.apple.com"},
		"52-courier.push.apple.com":   {"{0..50}-courier.push.apple.com", "{0..51}-courier.push.apple.com"},
		"00-Courier.push.apple.com":   {"{0..50}-courier.push.apple.com", "{0..51}-courier.push.apple.com"},
		"50-courier.push.apple.com":   nil,
		"x-courier.push.apple.com":    nil,
		"-courier.push.apple.com":     nil,
		"a.51-courier.push.apple.com": nil,
		"a.9.apple.com":               {"*.{1..8}.apple.com"},
		"9.apple.com":                 nil,
		"13.example":                  {"{1..2}{1..2}.example"},
		"example":                     nil,
	}
	for s, want := range tests {
		if diff := cmp.Diff(want, textsOf(m.Near(nil, []byte(mustName(t, s).Wire())))); diff != "" {
			t.Errorf("Near(%s) (-want +got):\n%s", s, diff)
		}
	}
}

func TestWidest(t *testing.T) {
	tests := map[string]struct {
		patterns string
		suffix   string
		tails    int
	}{
		"nothing":                       {"", ".", 0},
		"plain patterns":                {"a.example *.example .example * .", ".", 0},
		"a range":                       {"a.example {0..9}.example", "example", 1},
		"a star":                        {"a*b.x.example a.*.example", "x.example", 2},
		"those above count":             {"a*.x.example a*.example b*.example *.c*", "x.example", 4},
		"those beside do not":           {"a*.x.example a*.y.example b*.y.example", "y.example", 2},
		"the first suffix of as many":   {"a*.y.example a*.x.example", "x.example", 1},
		"the root":                      {"*.a*b a*b plain.example", ".", 2},
		"a suffix that only leads on":   {"*.a*b x.example {0..9}.a.b.c.d.example", "a.b.c.d.example", 2},
		"a pattern that is added twice": {"a*.example a*.example", "example", 1},
	}
	for what, tt := range tests {
		suffix, tails := build(parseAll(strings.Fields(tt.patterns)...)).Widest()
		if suffix.String() != tt.suffix || tails != tt.tails {
			t.Errorf("%s: Widest() = %v, %d, want %s, %d", what, suffix, tails, tt.suffix, tt.tails)
		}
	}
	var zero matcher.Matcher[int]
	if _, tails := zero.Widest(); tails != 0 {
		t.Errorf("zero Matcher: Widest() = %d, want 0", tails)
	}
}

func TestBuilderIsUsedAgain(t *testing.T) {
	var b matcher.Builder[string]
	empty := b.Build()
	b.Add(matcher.MustParsePattern(".example"), "first")
	b.Add(matcher.Pattern{}, "the zero pattern")
	one := b.Build()
	b.Add(matcher.MustParsePattern("a.example"), "second")
	b.AddList(matcher.ListOf(parseAll("*.example", "*.a.example", ".")...), "third")
	two := b.Build()
	wire := wireOf("a", "example")
	for m, want := range map[*matcher.Matcher[string]][]string{empty: nil, one: {"first"}, two: {"second", "third", "third"}, {}: nil} {
		if got := values(m.Lookup(nil, wire)); !slices.Equal(got, want) {
			t.Errorf("Lookup = %q, want %q", got, want)
		}
	}
	if empty.Len() != 0 || one.Len() != 1 || two.Len() != 4 {
		t.Errorf("Len() = %d, %d, %d, want 0, 1, 4", empty.Len(), one.Len(), two.Len())
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	m := build(parseAll(".", "{0..50}-courier.push.apple.com", "*.push.apple.com", "a*z.push.apple.com", "login.example", "x.*.example"))
	names := map[string][]byte{
		"hit":        wireOf("5-courier", "push", "apple", "com"),
		"upper case": wireOf("5-Courier", "PUSH", "apple", "com"),
		"deep":       wireOf("a", "b", "c", "5-courier", "push", "apple", "com"),
		"near":       wireOf("51-courier", "push", "apple", "com"),
		"miss":       wireOf("login", "example", "net"),
		"longest":    wireOf(slices.Repeat([]string{"x"}, 127)...),
		"root":       {0},
		"malformed":  {3, 'a'},
	}
	found := make([]matcher.Match[int], 0, 8)
	name := mustName(t, "5-courier.push.apple.com")
	if n := testing.AllocsPerRun(100, func() {
		var buf [255]byte
		found = m.Lookup(found[:0], name.AppendWire(buf[:0]))
	}); n != 0 {
		t.Errorf("Lookup of a Name allocates %v times, want 0", n)
	}
	for what, wire := range names {
		if n := testing.AllocsPerRun(100, func() { found = m.Lookup(found[:0], wire) }); n != 0 {
			t.Errorf("%s: Lookup allocates %v times, want 0", what, n)
		}
		if n := testing.AllocsPerRun(100, func() { found = m.Near(found[:0], wire) }); n != 0 {
			t.Errorf("%s: Near allocates %v times, want 0", what, n)
		}
	}
}

func TestWideRangeCostsNoMoreThanNarrow(t *testing.T) {
	const n = 1000
	memory := func(braces string) uint64 {
		patterns := make([]matcher.Pattern, n)
		for i := range patterns {
			patterns[i] = matcher.MustParsePattern(braces + "-courier.push" + strconv.Itoa(i) + ".example")
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m := build(patterns)
		runtime.ReadMemStats(&after)
		if got := values(m.Lookup(nil, wireOf("7-courier", "push7", "example"))); !slices.Equal(got, []int{7}) {
			t.Fatalf("%s: Lookup = %v, want [7]", braces, got)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	memory("{0..9}") // so that nothing is allocated for the first time below
	narrow, wide := memory("{0..9}"), memory("{0..4294967295}")
	if wide > narrow+narrow/20 {
		t.Errorf("%d wide ranges take %d octets, narrow ones %d", n, wide, narrow)
	}
}

// lookupCase makes patterns, and checks Lookup and Near for names against the slow twin.
func lookupCase(t *testing.T, c choose) {
	t.Helper()
	patterns := make([]matcher.Pattern, 1+c(30))
	for i := range patterns {
		patterns[i] = matcher.MustParsePattern(somePattern(c))
	}
	m := build(patterns)
	for range 8 {
		wire := wireOf(someLabels(c)...)
		n, _, err := matcher.NameFromWire(wire)
		if err != nil {
			t.Fatal(err)
		}
		compareFound(t, n, patterns, m.Lookup(nil, wire), twinLookup(patterns, func(p matcher.Pattern) bool { return p.Matches(n) }))
		compareFound(t, n, patterns, m.Near(nil, wire), twinLookup(patterns, func(p matcher.Pattern) bool { return p.Near(n) }))
	}
}

// compareFound holds what was found for n to the indices that are wanted, and each pattern
// to the one that was added.
func compareFound(t *testing.T, n matcher.Name, patterns []matcher.Pattern, found []matcher.Match[int], want []int) {
	t.Helper()
	if !slices.Equal(values(found), want) {
		t.Fatalf("found for %v: %q, want %v", n, textsOf(found), want)
	}
	for _, f := range found {
		if p := patterns[f.Value]; f.Pattern.String() != p.String() || f.Pattern.Compare(p) != 0 || f.Pattern.Example() != p.Example() {
			t.Fatalf("found for %v: pattern %q, want %q", n, f.Pattern, p)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{3, 1, 4, 1, 5, 9, 2, 6}, 40))
	f.Fuzz(func(t *testing.T, data []byte) { lookupCase(t, choicesFrom(data)) })
}

func TestLookupAsTheTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		lookupCase(t, random.IntN)
	}
}
