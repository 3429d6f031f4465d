package tomlfile

import (
	"strconv"
	"strings"
	"time"
)

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
