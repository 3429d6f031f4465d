package tomlfile

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxShown is how many octets of a text a problem shows: what it quotes may be a
// line of many megabytes.
const maxShown = 1000

// Shown is s for a terminal or a log: escapes stand for everything in it that is
// not printable, such as control characters and those that change the direction
// of writing, and for octets that are not UTF-8. What is too long is cut.
func Shown(s string) string {
	cut := len(s) > maxShown
	if cut {
		s = strings.ToValidUTF8(s[:maxShown], "")
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		part := s[:size]
		if !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			part = strings.Trim(strconv.Quote(part), `"`)
		}
		b.WriteString(part)
		s = s[size:]
	}
	if cut {
		b.WriteString("...")
	}
	return b.String()
}

// Span writes a duration as users do: "5m", not "5m0s".
func Span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// keyPart writes one part of a key, in quotes where it needs them.
func keyPart(key string) string {
	for i := range len(key) {
		if !isBare(key[i]) {
			return strconv.Quote(key)
		}
	}
	if key == "" {
		return `""`
	}
	return key
}

// joined writes a key of several parts.
func joined(parts []string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = keyPart(p)
	}
	return strings.Join(quoted, ".")
}

// indexed writes the key of a list's element.
func indexed(key string, i int) string { return key + "[" + strconv.Itoa(i) + "]" }

// Alternatives writes "a", "b" or "c".
func Alternatives(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	last := len(quoted) - 1
	if last < 1 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
