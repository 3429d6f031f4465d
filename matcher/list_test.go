package matcher_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
)

// listTexts returns the texts of a list's patterns.
func listTexts(l matcher.List) []string {
	var texts []string
	for p := range l.All() {
		texts = append(texts, p.String())
	}
	return texts
}

func TestListOf(t *testing.T) {
	texts := strings.Fields("b.example a.example {0..50}-c.push.example *.b.example .b.example a.*.example b.example * . *.a*b x\\000y.example")
	patterns := append(parseAll(texts...), matcher.Pattern{})
	l := matcher.ListOf(patterns...)
	if diff := cmp.Diff(texts, listTexts(l)); diff != "" || l.Len() != len(texts) {
		t.Errorf("Len() = %d, patterns (-want +got):\n%s", l.Len(), diff)
	}
	i := 0
	for p := range l.All() {
		if q := patterns[i]; p.Compare(q) != 0 || p.Example() != q.Example() || p.Form() != q.Form() || !p.Overlaps(q) {
			t.Errorf("%q is another pattern than the one that was given", p)
		}
		i++
	}
	for range l.All() {
		break // and no more is asked for
	}
	if none := matcher.ListOf(); none.Len() != 0 || listTexts(none) != nil || listTexts(matcher.List{}) != nil {
		t.Error("an empty list has patterns")
	}
}

func TestListBuilder(t *testing.T) {
	var b matcher.ListBuilder
	for _, c := range []struct {
		text           string
		isNew, isPlain bool
	}{
		{"a.example", true, true},
		{"a.example", false, true},
		{"*.a.example", true, true},
		{".a.example", true, true},
		{"{0..5}.example", false, false},
		{"*.a.example", false, true},
	} {
		isNew, isPlain := b.AddPlain([]byte(c.text))
		if isNew != c.isNew || isPlain != c.isPlain {
			t.Errorf("AddPlain(%s) = %v, %v, want %v, %v", c.text, isNew, isPlain, c.isNew, c.isPlain)
		}
	}
	for _, c := range []struct {
		text  string
		isNew bool
	}{
		{"a.example", false}, {"b.example", true}, {"b.example", false}, {"{0..5}.example", true}, {"{0..5}.example", false}, {".", true}, {"*", true}, {"*", false},
	} {
		if isNew := b.Add(matcher.MustParsePattern(c.text)); isNew != c.isNew {
			t.Errorf("Add(%s) = %v, want %v", c.text, isNew, c.isNew)
		}
	}
	if b.Add(matcher.Pattern{}) || b.Len() != 7 {
		t.Errorf("Len() = %d, want 7 without the zero pattern", b.Len())
	}
	want := strings.Fields("a.example *.a.example .a.example b.example {0..5}.example . *")
	if diff := cmp.Diff(want, listTexts(b.List())); diff != "" {
		t.Errorf("patterns (-want +got):\n%s", diff)
	}
}

// plainCase holds what AddPlain takes to what ParsePattern makes of the same text.
func plainCase(t *testing.T, text string) {
	t.Helper()
	var b matcher.ListBuilder
	if _, isPlain := b.AddPlain([]byte(text)); !isPlain {
		return
	}
	p, err := matcher.ParsePattern(text)
	clean, _ := matcher.Normalise(text)
	if err != nil || clean != text || p.String() != text {
		t.Fatalf("AddPlain takes %q; ParsePattern: %q, %v; Normalise: %q", text, p, err, clean)
	}
	for q := range b.List().All() {
		if q.String() != text || q.Compare(p) != 0 || q.Example() != p.Example() {
			t.Fatalf("AddPlain(%q) adds %q", text, q)
		}
	}
}

func TestAddPlain(t *testing.T) {
	long := strings.Repeat("x", 63)
	taken := []string{"a", "a.example", "*.a.example", ".a.example", "1.2.3.a4", "0-a_b.example", long + ".example", "_dmarc.a", strings.Repeat("a.", 99) + "a"}
	refused := []string{
		"", ".", "*", "*.", "a.", ".a.", "a..b", "..a", "*a.example", "a.*.b", "*.*.a", "A.example", "1.2.3.4", "4", "a.4", `a\.b`, "a b", "a.example ", "\u00fc.example",
		"a/b", "a:b", "#a", "{0..5}.a", long + "x.example", strings.Repeat("a.", 100) + "a", "a.\x00", "::1", "a.\xff",
	}
	for _, text := range slices.Concat(taken, refused) {
		plainCase(t, text)
		var b matcher.ListBuilder
		if isNew, isPlain := b.AddPlain([]byte(text)); isPlain != slices.Contains(taken, text) || isNew != isPlain {
			t.Errorf("AddPlain(%q) = %v, %v", text, isNew, isPlain)
		}
	}
}

func FuzzAddPlain(f *testing.F) {
	f.Add("*.a-1.example")
	f.Add("1.2.3.4")
	f.Fuzz(plainCase)
}

// TestLongNames fills chunks of names with the longest that there are, so that they end in
// all places, in a list that is shared and one by one.
func TestLongNames(t *testing.T) {
	const n = 3000
	random := rand.New(rand.NewPCG(11, 12))
	var lists matcher.ListBuilder
	var shared, single matcher.Builder[int]
	for i := range n {
		label := strings.Repeat("x", 1+random.IntN(60))
		p := matcher.MustParsePattern(fmt.Sprintf("%s.%s.%d.%s.example", label, label, i, label))
		lists.Add(p)
		single.Add(p, i)
	}
	l := lists.List()
	shared.AddList(l, -1)
	many, ones := shared.Build(), single.Build()
	i := 0
	for p := range l.All() {
		wire := []byte(p.Example().Wire())
		if got := many.Lookup(nil, wire); len(got) != 1 || got[0].Value != -1 || got[0].Pattern.String() != p.String() {
			t.Fatalf("Lookup(%v) in the list = %v", p, got)
		}
		if got := ones.Lookup(nil, wire); len(got) != 1 || got[0].Value != i {
			t.Fatalf("Lookup(%v) = %v, want %d", p, got, i)
		}
		if got := many.Lookup(nil, wire[1+wire[0]:]); len(got) != 0 {
			t.Fatalf("Lookup of the name above %v = %v, want nothing", p, got)
		}
		i++
	}
}

func TestListDoesNotAllocate(t *testing.T) {
	l := matcher.ListOf(parseAll("a.example", "*.b.example", "{0..5}.c.example")...)
	if n := testing.AllocsPerRun(100, func() {
		for p := range l.All() {
			if p.Compare(p) != 0 {
				t.Fatal("a pattern is not of its own rank")
			}
		}
	}); n != 0 {
		t.Errorf("All allocates %v times, want 0", n)
	}
	var b matcher.ListBuilder
	b.Grow(10_000)
	text := []byte("a0000000.example")
	if n := testing.AllocsPerRun(1000, func() {
		for i := len("a0000000") - 1; ; i-- { // count up
			if text[i]++; text[i] <= '9' {
				break
			}
			text[i] = '0'
		}
		if isNew, isPlain := b.AddPlain(text); !isNew || !isPlain {
			t.Fatalf("%s is refused", text)
		}
	}); n != 0 {
		t.Errorf("AddPlain allocates %v times, want 0", n)
	}
}

// TestMemoryOfLongLists bounds what a pattern of a list takes in the list and a matcher
// together. Half of it is its name.
func TestMemoryOfLongLists(t *testing.T) {
	const size, most = 100_000, 40
	patterns := newCorpus(size, rand.New(rand.NewPCG(9, 10))).patterns
	before := heap()
	var b matcher.Builder[int]
	b.AddList(matcher.ListOf(patterns...), 1)
	m := b.Build()
	if got := float64(heap()-before) / size; got > most {
		t.Errorf("%.1f octets for each pattern, want at most %d", got, most)
	}
	if got := m.Lookup(nil, []byte(patterns[0].Example().Wire())); len(got) == 0 {
		t.Errorf("Lookup(%v) finds nothing", patterns[0])
	}
}

// TestSamples holds samples to all patterns: none is made up, every odd one is there, and
// so is one at least of those that were added with the same values.
func TestSamples(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	for range 300 {
		var b matcher.Builder[int]
		added := make(map[string][]int)
		for v := range 1 + random.IntN(6) {
			var some []matcher.Pattern
			for range random.IntN(8) {
				p := matcher.MustParsePattern(somePattern(random.IntN))
				some = append(some, p)
				added[p.String()] = append(added[p.String()], v)
			}
			b.AddList(matcher.ListOf(some...), v)
		}
		m := b.Build()
		sampled := make(map[string]bool)
		for p, values := range m.Samples() {
			if diff := cmp.Diff(added[p.String()], values); diff != "" {
				t.Fatalf("values of %q (-want +got):\n%s", p, diff)
			}
			sampled[p.String()], sampled[fmt.Sprint(values)] = true, true
		}
		for text, values := range added {
			isOdd := matcher.MustParsePattern(text).Form() != ""
			if !sampled[fmt.Sprint(values)] || isOdd && !sampled[text] {
				t.Fatalf("%q with %v is not among the samples", text, values)
			}
		}
	}
}

func TestSamplesOfLongListsAreFew(t *testing.T) {
	var texts []string
	for i := range 10_000 {
		texts = append(texts, fmt.Sprintf("%sn%d.example", []string{"", ".", "*."}[i%3], i))
	}
	var b matcher.Builder[string]
	b.Add(matcher.MustParsePattern("n7.example"), "own")
	b.AddList(matcher.ListOf(parseAll(texts...)...), "list")
	var got []string
	for p, values := range b.Build().Samples() {
		got = append(got, fmt.Sprint(p, values))
	}
	want := []string{"n7.example [own]", "n0.example [list]", ".n1.example [list]", "*.n2.example [list]", ".n7.example [list]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}
