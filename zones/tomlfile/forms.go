package tomlfile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// anyString is what a key wants of which the schema says nothing more.
const anyString = "a string"

// kindOf names the type of a value with its article.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		if isHuge(v) {
			return "a number out of range"
		}
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

// isHuge says whether a value is a number that is out of every range.
func isHuge(v any) bool {
	f, ok := v.(float64)
	return ok && math.IsInf(f, 0)
}

// stringForm shows a value as the string that was probably meant, where the key
// takes that: any string, or a word that stands in what it wants.
func stringForm(v any, wants string) string {
	for _, s := range stringsFor(v) {
		if strings.HasPrefix(wants, anyString) || strings.Contains(wants, strconv.Quote(s)) {
			return "; write " + strconv.Quote(s)
		}
	}
	return ""
}

// stringsFor gives the strings that may have been meant by a value.
func stringsFor(v any) []string {
	switch v := v.(type) {
	case bool:
		if !v {
			return []string{"false", "off"}
		}
		return []string{"true"}
	case float64:
		if isHuge(v) {
			return nil
		}
		return []string{fmt.Sprint(v)}
	case int64:
		return []string{fmt.Sprint(v)}
	case time.Time:
		return []string{dateForm(v)}
	}
	return nil
}

// dateForm writes a date or a time as it stood in the file, or nearly so.
func dateForm(t time.Time) string {
	switch t.Location().String() { // the decoder's names for what has no place on earth
	case "date-local":
		return t.Format(time.DateOnly)
	case "time-local":
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.RFC3339)
}

// boolWords are the strings that are written for booleans.
var boolWords = map[string]bool{
	"true": true, "yes": true, "on": true, "1": true, "false": false, "no": false, "off": false, "0": false,
}

// boolForm shows the boolean that was probably meant.
func boolForm(v any) string {
	if b, ok := boolWords[strings.ToLower(fmt.Sprint(v))]; ok {
		return fmt.Sprintf("; write %t", b)
	}
	return ""
}

// intForm shows a string as the number that was probably meant, where that is within bounds.
func intForm(v any, lowest, highest int) string {
	s, _ := v.(string)
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n >= lowest && n <= highest {
		return "; write " + strconv.Itoa(n)
	}
	return ""
}

// durationForm shows a number as the seconds that were probably meant, and days
// as hours, where that is within bounds.
func durationForm(v any, lowest, highest time.Duration) string {
	number, days := strings.CutSuffix(fmt.Sprint(v), "d")
	text := number + "s"
	if n, err := strconv.ParseInt(number, 10, 32); days && err == nil {
		text = strconv.FormatInt(24*n, 10) + "h"
	}
	if d, err := time.ParseDuration(text); err != nil || d < lowest || d > highest {
		return ""
	}
	return "; write " + strconv.Quote(text)
}
