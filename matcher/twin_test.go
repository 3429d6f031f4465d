package matcher_test

import (
	"math/big"
	"slices"
	"strings"

	"splitdns/matcher"
)

// This file holds the slow twins that the package is held to, and what makes patterns and names for both.

// twinMatches says whether a pattern's canonical text matches a name, whose labels are
// given from the left. It shares no code with the package: it backtracks over the text.
func twinMatches(pattern string, labels []string) bool {
	least, exact := 0, false
	switch {
	case pattern == "*":
		return len(labels) > 0
	case strings.HasPrefix(pattern, "*."):
		pattern, least = pattern[2:], 1
	case strings.HasPrefix(pattern, "."):
		pattern = pattern[1:]
	default:
		exact = true
	}
	want := splitLabels(pattern)
	over := len(labels) - len(want)
	if over < least || exact && over > 0 {
		return false
	}
	for i, w := range want {
		if !twinLabel(w, labels[over+i]) {
			return false
		}
	}
	return true
}

// splitLabels splits a pattern at its dots, but not at those of a range.
func splitLabels(pattern string) []string {
	if pattern == "" {
		return nil
	}
	labels := strings.Split(strings.ReplaceAll(pattern, "..", "\x00"), ".")
	for i := range labels {
		labels[i] = strings.ReplaceAll(labels[i], "\x00", "..")
	}
	return labels
}

// twinLabel says whether a pattern's label stands for a text.
func twinLabel(pattern, text string) bool {
	if pattern == "" {
		return text == ""
	}
	switch pattern[0] {
	case '*':
		return twinLabel(pattern[1:], text) || text != "" && twinLabel(pattern, text[1:])
	case '{':
		return twinRange(pattern, text)
	}
	return text != "" && text[0] == pattern[0] && twinLabel(pattern[1:], text[1:])
}

// twinRange is twinLabel for a label that begins with a range.
func twinRange(pattern, text string) bool {
	braces, rest, _ := strings.Cut(pattern[1:], "}")
	for i := 1; i <= len(text); i++ {
		if twinNumber(braces, text[:i]) && twinLabel(rest, text[i:]) {
			return true
		}
	}
	return false
}

func twinNumber(braces, text string) bool {
	if strings.Trim(text, "0123456789") != "" || len(text) > 1 && text[0] == '0' {
		return false
	}
	from, to, _ := strings.Cut(braces, "..")
	return number(from).Cmp(number(text)) <= 0 && number(text).Cmp(number(to)) <= 0
}

func number(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic("not a number: " + s)
	}
	return n
}

// twinLookup is Lookup by looking at every pattern. It returns indices into patterns.
func twinLookup(patterns []matcher.Pattern, matches func(matcher.Pattern) bool) []int {
	var found []int
	for i, p := range patterns {
		if matches(p) {
			found = append(found, i)
		}
	}
	sortFound(patterns, found)
	return found
}

// sortFound puts indices, which ascend, in the order that Lookup promises.
func sortFound(patterns []matcher.Pattern, found []int) {
	slices.SortStableFunc(found, func(a, b int) int {
		if c := patterns[a].Compare(patterns[b]); c != 0 {
			return c
		}
		return strings.Compare(patterns[a].String(), patterns[b].String())
	})
}

// choose picks one of n things: by chance, or as a fuzzer says.
type choose func(n int) int

// choicesFrom makes choices of the octets of data, and zeros after its end.
func choicesFrom(data []byte) choose {
	return func(n int) int {
		if len(data) == 0 {
			return 0
		}
		c := int(data[0])
		data = data[1:]
		return c % n
	}
}

func pick[T any](c choose, from []T) T { return from[c(len(from))] }

// Labels that agree and differ in all the ways that matter.
var (
	nameLabels = []string{
		"a", "b", "ab", "aab", "abb", "0", "1", "5", "6", "10", "12", "50", "51", "00", "05", "x5-c", "x51-c", "x05-c",
		"A", "aB", "host", "18446744073709551615", "18446744073709551616", "a\x00b", "a.b", "\xc3\xbc", strings.Repeat("a", 62),
	}
	patternLabels = []string{
		"a", "b", "ab", "0", "5", "51", "00", "x5-c", "host", `a\000b`, `a\046b`,
		"{0..5}", "{5..12}", "{0..18446744073709551615}", "x{0..50}-c", "{1..5}{0..9}",
		"*", "a*", "*-c", "a*b", "_*a*", "{0..5}*", "x*{5..6}-c", "*{0..9}",
	}
)

// somePattern makes the text of a pattern.
func somePattern(c choose) string {
	prefix := pick(c, []string{"", "", ".", "*."})
	labels := make([]string, 1+c(3))
	for i := range labels {
		labels[i] = pick(c, patternLabels)
	}
	return prefix + strings.Join(labels, ".")
}

// someLabels makes the labels of a name, at most four: so it stays under 255 octets.
func someLabels(c choose) []string {
	labels := make([]string, c(5))
	for i := range labels {
		labels[i] = pick(c, nameLabels)
	}
	return labels
}

// wireOf puts labels in wire form.
func wireOf(labels ...string) []byte {
	var wire []byte
	for _, l := range labels {
		wire = append(append(wire, byte(len(l))), l...)
	}
	return append(wire, 0)
}

// lowered makes ASCII letters lower case, octet by octet.
func lowered(labels []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		b := []byte(l)
		for j, c := range b {
			if 'A' <= c && c <= 'Z' {
				b[j] = c + 'a' - 'A'
			}
		}
		out[i] = string(b)
	}
	return out
}
