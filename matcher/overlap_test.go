package matcher_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"splitdns/matcher"
)

func TestOverlaps(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"a.example", "a.example", true},
		{"a.example", "b.example", false},
		{"a.example", "example", false},
		{"a.example", "*.example", true},
		{"example", "*.example", false},
		{"example", ".example", true},
		{"*.example", ".example", true},
		{"*.a.example", "*.example", true},
		{"*.a.example", ".b.example", false},
		{"*.a.example", ".a.example", true},
		{".badexample", ".example", false},
		{".", "a.example", true},
		{".", "*", true},
		{"*", "*.a.example", true},
		{"{0..50}-courier.example", "5-courier.example", true},
		{"{0..50}-courier.example", "51-courier.example", false},
		{"{0..50}-courier.example", "05-courier.example", false},
		{"{0..50}-courier.example", "{50..60}-courier.example", true},
		{"{0..50}-courier.example", "{51..60}-courier.example", false},
		{"{0..50}-courier.example", "{0..50}-curier.example", false},
		{"{0..50}-courier.example", "*.example", true},
		{"{0..50}-courier.example", "*.courier.example", false},
		{"{0..18446744073709551615}a.example", "{0..18446744073709551615}b.example", false},
		{"{5..18446744073709551615}.example", "{18446744073709551615..18446744073709551615}.example", true},
		{"{9..10}.example", "{10..99}.example", true},
		{"{9..9}.example", "{10..99}.example", false},
		{"{120..130}.example", "{1..1}{2..2}{9..9}.example", true},
		{"{120..130}.example", "{1..1}{4..4}{0..9}.example", false},
		{"a*.example", "*-b.example", true},
		{"a*.example", "b*.example", false},
		{"a*a.example", "a.example", false},
		{"a*a.example", "aa.example", true},
		{"{0..5}*.example", "*-{7..9}.example", true},
		{"{0..5}*.example", "{6..9}*.example", false},
		{"{0..5}*.example", "{6..10}*.example", true}, // 10
		{"{0..5}*.example", "05.example", true},
		{"a.*.example", "*.b.example", true},
		{"a.*.example", "*.example", true},
		{"a.*.example", "b.*.example", false},
		{"a.*.example", "a.b.c.example", false},
		{"a.*.example", "*.*.*.example", false},
		{"*.a*.example", "x.*-b.example", true},
		{"x.a*.b.example", "*.b*.example", true},
		{"x.a*.b.example", "*.c*.example", false},
		{strings.Repeat("a", 40) + "*.example", "*-" + strings.Repeat("b", 21) + ".example", true},  // 62 octets
		{strings.Repeat("a", 40) + "*.example", "*-" + strings.Repeat("b", 23) + ".example", false}, // 64
	}
	for _, tt := range tests {
		p, q := matcher.MustParsePattern(tt.a), matcher.MustParsePattern(tt.b)
		if got := p.Overlaps(q); got != tt.want {
			t.Errorf("%v overlaps %v = %v, want %v", p, q, got, tt.want)
		}
		if got := q.Overlaps(p); got != tt.want {
			t.Errorf("%v overlaps %v = %v, want %v", q, p, got, tt.want)
		}
	}
}

// TestOverlapsByTrying looks for a common name among the labels of up to
// four octets, which are enough for every pair of these patterns.
func TestOverlapsByTrying(t *testing.T) {
	var texts []string
	some := []string{"", "a", "0", "1", "2"}
	for i := range 5 * 5 * 5 * 5 {
		texts = append(texts, some[i%5]+some[i/5%5]+some[i/25%5]+some[i/125])
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)[1:] // no empty label
	parts := []string{"a", "1", "*", "{0..1}", "{2..12}", "{10..11}"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		a, b := someParts(random, parts), someParts(random, parts)
		p, err1 := matcher.ParsePattern(a)
		q, err2 := matcher.ParsePattern(b)
		if err1 != nil || err2 != nil {
			continue // two stars in a row, or one stuck to a domain
		}
		want := ""
		for _, text := range texts {
			if twinMatches(a, []string{text, "x"}) && twinMatches(b, []string{text, "x"}) {
				want = text
			}
		}
		if got := p.Overlaps(q); got != (want != "") {
			t.Errorf("%v overlaps %v = %v, common text %q", p, q, got, want)
		}
		if want != "" && a != b && p.Compare(q) == 0 && p.Form() != q.Form() {
			t.Errorf("%v and %v overlap and are of equal rank: forms %q and %q", p, q, p.Form(), q.Form())
		}
	}
}

// someParts makes a pattern of two labels.
func someParts(random *rand.Rand, parts []string) string {
	var s string
	for range 1 + random.IntN(2) {
		s += parts[random.IntN(len(parts))]
	}
	return s + ".x"
}

func TestForm(t *testing.T) {
	tests := []struct {
		a, b string
		same bool
	}{
		{"{0..50}-courier.example", "{5..9}-courier.example", true},
		{"{0..50}-courier.example", "{5..9}-curier.example", false},
		{"{0..50}-courier.example", "{5..9}-courier.test", false},
		{"{0..50}-courier.example", "*.{5..9}-courier.example", false},
		{"*.{0..50}-courier.example", ".{5..9}-courier.example", false},
		{"{0..9}x.a.example", "{0..9}x.b.example", false},
		{"x.{0..9}.example", "x.{5..12}.example", true},
		{"x.{0..9}.example", "y.{5..12}.example", false},
		{"5-h{1..20}.example", "{0..9}-h17.example", true}, // 5-h17
		{"1{0..9}.example", "{0..9}{0..9}.example", true},
		{"a*b.example", "*-d.example", true},
		{"a*b.example", "*-.example", false},
	}
	for _, tt := range tests {
		a, b := matcher.MustParsePattern(tt.a).Form(), matcher.MustParsePattern(tt.b).Form()
		if (a == b) != tt.same || a == "" || b == "" {
			t.Errorf("forms of %s and %s: %q, %q, want them to be the same: %v", tt.a, tt.b, a, b, tt.same)
		}
	}
	for _, plain := range []string{"a.example", "*.example", ".example", "*", "."} {
		if got := matcher.MustParsePattern(plain).Form(); got != "" {
			t.Errorf("form of %s: %q, want none", plain, got)
		}
	}
}

// TestOverlapsQuickly holds patterns against each other that long lists are full of.
func TestOverlapsQuickly(t *testing.T) {
	p, q := matcher.MustParsePattern("{0..50}-c17.example"), matcher.MustParsePattern("{0..50}-c18.example")
	if n := testing.AllocsPerRun(100, func() { p.Overlaps(q) }); n != 0 {
		t.Errorf("Overlaps allocates %v times, want 0", n)
	}
}

// FuzzOverlaps holds Overlaps to Matches: patterns that match one name overlap. And
// those of equal rank that do are of one form.
func FuzzOverlaps(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := choicesFrom(data)
		p, q := matcher.MustParsePattern(somePattern(c)), matcher.MustParsePattern(somePattern(c))
		n, _, err := matcher.NameFromWire(wireOf(someLabels(c)...))
		if err != nil {
			t.Fatal(err)
		}
		if p.Matches(n) && q.Matches(n) && !p.Overlaps(q) {
			t.Errorf("%v and %v match %v and do not overlap", p, q, n)
		}
		if p.String() != q.String() && p.Compare(q) == 0 && p.Overlaps(q) && (p.Form() == "" || p.Form() != q.Form()) {
			t.Errorf("%v and %v overlap and are of equal rank: forms %q and %q", p, q, p.Form(), q.Form())
		}
		if p.Form() != "" && p.Form() == q.Form() && p.Compare(q) != 0 {
			t.Errorf("%v and %v are of the form %q, and not of equal rank", p, q, p.Form())
		}
		if p.Overlaps(q) != q.Overlaps(p) {
			t.Errorf("%v overlaps %v = %v, and not the other way round", p, q, p.Overlaps(q))
		}
	})
}
