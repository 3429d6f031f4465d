package matcher_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"splitdns/matcher"
)

func TestPatternMatches(t *testing.T) {
	tests := []struct {
		pattern string
		matches []string
		near    []string // do not match, but for a number
		not     []string // and are not near
	}{
		{
			pattern: "login.microsoftonline.com",
			matches: []string{"login.microsoftonline.com", "LOGIN.MicrosoftOnline.com."},
			not:     []string{"a.login.microsoftonline.com", "microsoftonline.com", "xlogin.microsoftonline.com", "login.microsoftonline.com.example", "."},
		},
		{
			pattern: "*.manage.microsoft.com",
			matches: []string{"a.manage.microsoft.com", "b.a.manage.microsoft.com", "*.manage.microsoft.com"},
			not:     []string{"manage.microsoft.com", "xmanage.microsoft.com", "microsoft.com"},
		},
		{
			pattern: ".corp.example",
			matches: []string{"corp.example", "a.corp.example", "c.b.a.corp.example"},
			not:     []string{"xcorp.example", "example", "corp.example.net"},
		},
		{
			pattern: "{0..50}-courier.push.apple.com",
			matches: []string{"0-courier.push.apple.com", "5-courier.push.apple.com", "50-courier.push.apple.com", "12-COURIER.push.apple.com"},
			near: []string{
				"51-courier.push.apple.com", "00-courier.push.apple.com", "05-courier.push.apple.com", "050-courier.push.apple.com",
				"99999999999999999999999999-courier.push.apple.com",
			},
			not: []string{"x-courier.push.apple.com", "-courier.push.apple.com", "a.5-courier.push.apple.com", "5courier.push.apple.com", "-5-courier.push.apple.com", "+5-courier.push.apple.com", "5.0-courier.push.apple.com"},
		},
		{
			pattern: "payloadprod*.blob.core.windows.net",
			matches: []string{"payloadprod.blob.core.windows.net", "payloadprod7.blob.core.windows.net", "payloadprod-a_b.blob.core.windows.net"},
			not:     []string{"payloadpro.blob.core.windows.net", "payloadprod.a.blob.core.windows.net", "a.payloadprod.blob.core.windows.net"},
		},
		{
			pattern: "*-files.sharepoint.com",
			matches: []string{"-files.sharepoint.com", "contoso-files.sharepoint.com", "a-files-files.sharepoint.com"},
			not:     []string{"files.sharepoint.com", "a.contoso-files.sharepoint.com", "contoso-files2.sharepoint.com"},
		},
		{
			pattern: "autodiscover.*.onmicrosoft.com",
			matches: []string{"autodiscover.contoso.onmicrosoft.com"},
			not:     []string{"autodiscover.onmicrosoft.com", "autodiscover.a.b.onmicrosoft.com", "x.autodiscover.a.onmicrosoft.com", "contoso.onmicrosoft.com"},
		},
		{
			pattern: "*.alt{1..8}.example",
			matches: []string{"a.alt1.example", "b.a.alt8.example"},
			near:    []string{"a.alt9.example", "a.alt01.example"},
			not:     []string{"alt1.example", "a.alt.example"},
		},
		{
			pattern: ".alt{1..8}.example",
			matches: []string{"alt1.example", "b.a.alt8.example"},
			near:    []string{"alt0.example", "a.alt9.example"},
			not:     []string{"alt.example", "example"},
		},
		{
			pattern: "*.*.example",
			matches: []string{"b.a.example", "c.b.a.example"},
			not:     []string{"a.example", "example"},
		},
		{
			pattern: "{1..12}-{0..9}*.example",
			matches: []string{"1-0.example", "12-9x.example", "12-99.example"},
			near:    []string{"13-0.example", "0-5x.example"},
			not:     []string{"1-.example", "-1.example", "1-x.example"},
		},
		{
			pattern: "{1..2}{0..9}.example", // two numbers with nothing between them
			matches: []string{"10.example", "29.example"},
			near:    []string{"110.example", "30.example"},
			not:     []string{"1.example"},
		},
		{
			pattern: "{0..0}.example",
			matches: []string{"0.example"},
			near:    []string{"00.example", "1.example"},
		},
		{
			pattern: "{18446744073709551614..18446744073709551615}.example",
			matches: []string{"18446744073709551614.example", "18446744073709551615.example"},
			near:    []string{"18446744073709551613.example", "18446744073709551616.example", "184467440737095516140.example", "0.example"},
		},
		{
			pattern: "a*b*c.example",
			matches: []string{"abc.example", "abbc.example", "axbxc.example", "abcbc.example"},
			not:     []string{"ac.example", "acb.example", "abcx.example"},
		},
		{pattern: "*", matches: []string{"example", "a.example"}, not: []string{"."}},
		{pattern: ".", matches: []string{".", "example", "a.example"}},
		{pattern: "*-x", matches: []string{"-x", "a-x"}, not: []string{".", "x"}},
		{pattern: `a\046b.example`, matches: []string{`a\.b.example`}, not: []string{"a.b.example"}},
		{pattern: "a*b.example", matches: []string{`a\.b.example`, `a\000b.example`, `a\255b.example`}, not: []string{"a.b.example"}},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			p := matcher.MustParsePattern(tt.pattern)
			checkNames(t, p, tt.matches, true, false)
			checkNames(t, p, tt.near, false, true)
			checkNames(t, p, tt.not, false, false)
			if p.Matches(matcher.Name{}) || p.Near(matcher.Name{}) {
				t.Error("matches the zero Name, want nothing")
			}
		})
	}
}

// checkNames checks what p says of each of the names.
func checkNames(t *testing.T, p matcher.Pattern, names []string, matches, near bool) {
	t.Helper()
	for _, s := range names {
		n := mustName(t, s)
		if got := p.Matches(n); got != matches {
			t.Errorf("%v: Matches(%s) = %v, want %v", p, s, got, matches)
		}
		if got := p.Near(n); got != near {
			t.Errorf("%v: Near(%s) = %v, want %v", p, s, got, near)
		}
	}
}

// A label has at most 63 octets, and stars that could each take any part of it must not
// make a comparison slow.
func TestManyStarsAreNotSlow(t *testing.T) {
	p := matcher.MustParsePattern(strings.Repeat("a*", 31) + "b.example")
	n := mustName(t, strings.Repeat("a", 63)+".example")
	if p.Matches(n) {
		t.Errorf("%v matches %v, want not", p, n)
	}
	n = mustName(t, strings.Repeat("a", 62)+"b.example")
	if !p.Matches(n) {
		t.Errorf("%v does not match %v", p, n)
	}
}

// The most specific first; each line's patterns are of equal rank, and all of them match the same name.
var specificity = [][]string{
	{"5-b.5-c.example"},
	{"{0..9}-b.5-c.example", "{5..5}-b.5-c.example", "{0..18446744073709551615}-b.5-c.example"},
	{"5-b*.5-c.example", "5-*b.5-c.example", "5*-b.5-c.example"},
	{"5-*.5-c.example", "*-b.5-c.example", "{0..9}*-b.5-c.example"},
	{"5*.5-c.example", "{0..9}-*.5-c.example"},
	{"{0..9}*.5-c.example"},
	{".*.5-c.example"},
	{"*.5-c.example"},
	{".5-c.example"},
	{"5-b.{0..9}-c.example", "5-b.{5..5}-c.example"},
	{"{0..9}-b.{5..7}-c.example"},
	{"*.{0..9}-c.example"},
	{".{0..9}-c.example"},
	{"5-b.5-*.example", "5-b.*-c.example"},
	{"*.5-*.example"},
	{"5-b.{0..9}*c.example"},
	{"5-b.*.example"},
	{"*.*.example"},
	{"*.example"},
	{".example"},
	{"5-b.5-c.ex*"},
	{"*"},
	{"."},
}

func TestCompare(t *testing.T) {
	name := mustName(t, "5-b.5-c.example")
	var patterns []matcher.Pattern
	var lines []int
	for i, line := range specificity {
		for _, p := range parseAll(line...) {
			if !p.Matches(name) {
				t.Errorf("%v does not match %v: nothing to compare", p, name)
			}
			patterns, lines = append(patterns, p), append(lines, i)
		}
	}
	for i, p := range patterns {
		for j, q := range patterns {
			if got, want := sign(p.Compare(q)), sign(lines[i]-lines[j]); got != want {
				t.Errorf("%v.Compare(%v) = %d, want %d", p, q, got, want)
			}
		}
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestLiteral(t *testing.T) {
	tests := map[string]bool{
		"a.example": true, "example": true, ".example": false, "*.example": false, "{1..1}.example": false,
		"a*.example": false, "a.*.example": false, ".": false, "*": false,
	}
	for s, want := range tests {
		n, ok := matcher.MustParsePattern(s).Literal()
		if ok != want || ok && n.String() != s || !ok && !n.IsZero() {
			t.Errorf("%s: Literal() = %v, %v, want %v", s, n, ok, want)
		}
	}
}

func TestExample(t *testing.T) {
	tests := map[string]string{
		"a.example":                          "a.example",
		".corp.example":                      "corp.example",
		"*.manage.microsoft.com":             "host.manage.microsoft.com",
		"{3..50}-courier.push.apple.com":     "3-courier.push.apple.com",
		"payloadprod*.blob.core.windows.net": "payloadprod.blob.core.windows.net",
		"autodiscover.*.onmicrosoft.com":     "autodiscover.host.onmicrosoft.com",
		"*-files.sharepoint.com":             "-files.sharepoint.com",
		"*.a*{7..9}.example":                 "host.a7.example",
		".":                                  ".",
		"*":                                  "host",
	}
	for s, want := range tests {
		p := matcher.MustParsePattern(s)
		if got := p.Example(); got.String() != want || !p.Matches(got) {
			t.Errorf("%s: Example() = %v, matching %v, want %s", s, got, p.Matches(got), want)
		}
	}
}

func TestZeroPattern(t *testing.T) {
	var p matcher.Pattern
	all := matcher.MustParsePattern(".")
	if _, ok := p.Literal(); ok || p.String() != "" || !p.Example().IsZero() {
		t.Errorf("zero Pattern: String %q, Literal %v, Example %v, want nothing", p, ok, p.Example())
	}
	if p.Matches(mustName(t, ".")) || p.Matches(matcher.Name{}) || p.Overlaps(all) || all.Overlaps(p) {
		t.Error("the zero Pattern matches something")
	}
}

// FuzzMatches holds Matches and Near to the backtracking twin.
func FuzzMatches(f *testing.F) {
	f.Add([]byte{}, "{0..50}-c.example", "51-c")
	f.Add([]byte{0, 1, 2}, "*.a*b*{1..2}.*.x", "ab1.q.x")
	f.Add([]byte("00X"), " ", ".")
	f.Fuzz(func(t *testing.T, data []byte, pattern, name string) {
		c := choicesFrom(data)
		p, err := matcher.ParsePattern(pattern)
		if err != nil {
			p = matcher.MustParsePattern(somePattern(c))
		}
		labels := strings.Split(name, ".")
		n, _, err := matcher.NameFromWire(wireOf(labels...))
		if err != nil || slices.Contains(labels, "") || len(labels) != strings.Count(n.String(), ".")+1 {
			labels = someLabels(c)
			if n, _, err = matcher.NameFromWire(wireOf(labels...)); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(p.String(), `\`) {
			return // the twin reads no escapes
		}
		if got, want := p.Matches(n), twinMatches(p.String(), lowered(labels)); got != want {
			t.Errorf("%v matches %v = %v, want %v", p, n, got, want)
		}
	})
}

func TestMatchesAsTheTwin(t *testing.T) {
	for _, a := range patternLabels {
		if strings.Contains(a, `\`) {
			continue // the twin reads no escapes
		}
		for _, b := range nameLabels {
			// Not the leftmost label, where a lone star is another thing.
			p := matcher.MustParsePattern("x." + a + ".example")
			n, _, err := matcher.NameFromWire(wireOf("x", b, "example"))
			if err != nil {
				t.Fatal(err)
			}
			want := twinMatches(p.String(), lowered([]string{"x", b, "example"}))
			if got := p.Matches(n); got != want {
				t.Errorf("%v matches %v = %v, want %v", p, n, got, want)
			}
		}
	}
	if !slices.Contains(patternLabels, "*") {
		t.Error("no lone star among the labels compared")
	}
}

// Lists hold a million patterns, each more than once.
func TestPatternIsSmall(t *testing.T) {
	if size := reflect.TypeFor[matcher.Pattern]().Size(); size > 64 {
		t.Errorf("a Pattern takes %d octets, want at most 64", size)
	}
}
