package matcher

import (
	"strings"
	"unicode"
)

// Normalise cleans a pattern or a name as vendors print it, before it is parsed. It
// removes spaces around and a final dot, makes letters lower case, and turns `\*` into
// a star and the dots of East Asian text into full stops. Changes says in words what
// was done, for the warning that it deserves; it is empty if s was clean. What is clean
// stays as it is.
func Normalise(s string) (clean string, changes []string) {
	for _, step := range normalisations {
		if after := step.do(s); after != s {
			s, changes = after, append(changes, step.change)
		}
	}
	return s, changes
}

// normalisation is one kind of cleaning.
type normalisation struct {
	change string // what it does, said of text that it changed
	do     func(string) string
}

// normalisations in the order in which they are done: a final dot is only seen after the
// spaces behind it are gone, and after it has become a full stop.
var normalisations = []normalisation{
	{"removed spaces around", trimSpaces},
	{"replaced an ideographic full stop (U+3002) by a dot", replace("\u3002", ".")},
	{"replaced a full-width full stop (U+FF0E) by a dot", replace("\uff0e", ".")},
	{"replaced a half-width ideographic full stop (U+FF61) by a dot", replace("\uff61", ".")},
	{`replaced \* by *`, freeStars},
	{"removed the final dot", trimFinalDot},
	{"made upper case lower case", lowerCase},
}

func replace(from, to string) func(string) string {
	return func(s string) string { return strings.ReplaceAll(s, from, to) }
}

// trimSpaces also removes the invisible characters that come along when text is copied
// from a web page: the zero width space and the byte order mark.
func trimSpaces(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\u200b' || r == '\ufeff'
	})
}

// freeStars removes the backslash before a star. Two backslashes are one that is escaped
// itself, and stay.
func freeStars(s string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '\\')
		if at < 0 || at+1 == len(s) {
			return b.String() + s
		}
		b.WriteString(s[:at])
		if s[at+1] != '*' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[at+1])
		s = s[at+2:]
	}
}

// trimFinalDot removes a final dot and the spaces before it. It leaves the root alone, and
// what would become the root or another name by it: two dots are a mistake that the parser
// has to see.
func trimFinalDot(s string) string {
	rest, ok := strings.CutSuffix(s, ".")
	rest = trimSpaces(rest)
	if !ok || rest == "" || strings.HasSuffix(rest, ".") || strings.HasSuffix(rest, `\`) {
		return s
	}
	return rest
}

// lowerCase folds ASCII only; other letters are for the parser to refuse as they were written.
func lowerCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lower(c)
	}
	return string(b)
}
