package tomlfile

import (
	"fmt"
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

// kindOf names the type of a value with its article.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a number with a point"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "an array of tables"
	}
	return "a date or a time"
}

// quotedForm shows a value as the string that was probably meant.
func quotedForm(v any) string {
	switch v := v.(type) {
	case int64, float64, bool:
		return fmt.Sprintf("; write \"%v\"", v)
	case time.Time:
		return "; put it in quotes"
	case []any:
		if len(v) == 1 {
			if s, ok := v[0].(string); ok {
				return "; write " + strconv.Quote(s)
			}
		}
	}
	return ""
}

// unquotedForm shows a string as the number that was probably meant.
func unquotedForm(v any) string {
	s, _ := v.(string)
	if n, err := strconv.Atoi(s); err == nil {
		return "; write " + strconv.Itoa(n)
	}
	return ""
}

// listForm shows a string as the list that was probably meant.
func listForm(v any) string {
	if s, ok := v.(string); ok {
		return "; write [" + strconv.Quote(s) + "]"
	}
	return ""
}

// alternatives writes "a", "b" or "c".
func alternatives(words []string) string {
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
