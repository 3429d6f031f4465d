package drift

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"splitdns/matcher"
)

// numbered is a pattern that has one range, in pieces.
type numbered struct {
	before, after string // the range
	low, high     uint64
}

// parseNumbered takes a pattern to pieces. Patterns with several ranges, or with stars, have no
// number that could be meant.
func parseNumbered(pattern string) (n numbered, ok bool) {
	before, rest, ok := strings.Cut(pattern, "{")
	body, after, closed := strings.Cut(rest, "}")
	low, high, dotted := strings.Cut(body, "..")
	if !ok || !closed || !dotted || strings.ContainsAny(before+after, "{*") {
		return n, false
	}
	n.before, n.after = before, after
	var err error
	if n.low, err = strconv.ParseUint(low, 10, 32); err != nil {
		return n, false
	}
	n.high, err = strconv.ParseUint(high, 10, 32)
	return n, err == nil && n.low <= n.high
}

// numberIn is the number that name has in the place of the range. One with leading zeros is none.
func (n numbered) numberIn(name string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, n.before)
	digits, found := strings.CutSuffix(rest, n.after)
	if !ok || !found || digits == "" || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 10, 32)
	return v, err == nil && v <= math.MaxUint32
}

// wider is the pattern with a range that holds the numbers of names, too, as far as they are no farther
// from it than it is wide: what is farther away is more likely somebody's guess than the vendor's
// next machine. Without such a name, and for patterns that cannot be widened, it is false.
func wider(pattern string, names []string) (matcher.Pattern, bool) {
	n, ok := parseNumbered(pattern)
	if !ok {
		return matcher.Pattern{}, false
	}
	low, high, span := n.low, n.high, n.high-n.low+1
	for _, name := range names {
		v, ok := n.numberIn(name)
		switch {
		case !ok:
		case v > n.high && v-n.high <= span:
			high = max(high, v)
		case v < n.low && n.low-v <= span:
			low = min(low, v)
		}
	}
	if low == n.low && high == n.high {
		return matcher.Pattern{}, false
	}
	p, err := matcher.ParsePattern(fmt.Sprintf("%s{%d..%d}%s", n.before, low, high, n.after))
	return p, err == nil
}
