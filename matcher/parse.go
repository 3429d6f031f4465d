package matcher

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const (
	// maxParts is how many parts there can be in a label: those that are not stars take
	// an octet each at least, and a star can stand before, between and behind them.
	maxParts = 2*maxLabel + 1

	// maxRanges is how many ranges there may be in a label, as many as numbers in an IPv4
	// address. Whether labels overlap takes time and memory with the square of their ranges:
	// 14 seconds and 750 megabytes for twice forty.
	maxRanges = 4
)

var (
	errRanges      = errors.New("more than four ranges in a label")
	errTwoStars    = errors.New("two stars in a row: one stands for any run of octets already")
	errAddress     = errors.New("an address, not a name")
	errOpenBrace   = errors.New("{ without }: a range is written {first..last}, as in {0..50}")
	errClosedBrace = errors.New("} without {: a range is written {first..last}, as in {0..50}")
)

// ParsePattern reads a pattern in the form that [Pattern] describes. Upper case and a
// final dot are taken as they are in names; what else vendors print around a pattern
// is for [Normalise] to remove. Errors quote s and show the right form where it can be guessed.
func ParsePattern(s string) (Pattern, error) {
	p, err := parsePattern(s)
	if err != nil {
		return Pattern{}, fmt.Errorf("pattern %q: %w", s, err)
	}
	return p, nil
}

// MustParsePattern is ParsePattern for patterns that stand in the program's text. It
// panics where ParsePattern returns an error.
func MustParsePattern(s string) Pattern {
	p, err := ParsePattern(s)
	if err != nil {
		panic("matcher: " + err.Error())
	}
	return p
}

// parsePattern is ParsePattern without the input in its errors.
func parsePattern(s string) (Pattern, error) {
	if err := misread(s); err != nil {
		return Pattern{}, err
	}
	a, rest := parseAnchor(s)
	var labels []label
	for rest != "" {
		var l label
		var err error
		if l, rest, err = parseLabel(rest); err != nil {
			return Pattern{}, err
		}
		if labels = append(labels, l); len(labels) > maxLabels {
			return Pattern{}, errLongName
		}
	}
	if a == exact && isGlued(labels[0]) {
		return Pattern{}, errGlued(patternText(labels, exact))
	}
	p := newPattern(labels, a)
	if len(p.Example().wire) > maxName {
		return Pattern{}, errLongName
	}
	return p, nil
}

// misread finds the texts that are plainly meant as something else.
func misread(s string) error {
	if s == "" {
		return errEmpty
	}
	if !isASCII(s) {
		return errNotASCII(s)
	}
	if strings.Contains(s, "#") {
		return errHash(s)
	}
	if _, err := netip.ParseAddr(strings.TrimSuffix(s, ".")); err == nil {
		return errAddress
	}
	return nil
}

// errHash shows s with a range for each #, if that makes it a pattern.
func errHash(s string) error {
	right, err := parsePattern(strings.ReplaceAll(s, "#", "{0..50}"))
	if err != nil {
		return errors.New("# does not say which numbers: write the range, as in {0..50}")
	}
	return fmt.Errorf("# does not say which numbers: write the range, as in %s", right)
}

// parseAnchor splits off what s says of the labels to the left.
func parseAnchor(s string) (a anchor, labels string) {
	if s == "*" || s == "*." {
		return below, ""
	}
	if rest, ok := strings.CutPrefix(s, "*."); ok {
		return below, rest
	}
	if rest, ok := strings.CutPrefix(s, "."); ok {
		return subtree, rest
	}
	return exact, s
}

// parseLabel reads the label that s begins with, and returns what follows its dot.
func parseLabel(s string) (l label, rest string, err error) {
	for s != "" && s[0] != '.' {
		p, size, err := parsePart(s)
		if err != nil {
			return nil, "", err
		}
		if l, err = l.with(p); err != nil {
			return nil, "", err
		}
		s = s[size:]
	}
	if len(l) == 0 {
		return nil, "", errEmptyLabel
	}
	if len(l.example()) > maxLabel {
		return nil, "", errLongLabel
	}
	return l, strings.TrimPrefix(s, "."), nil
}

// with appends a part to a label that is being read.
func (l label) with(p part) (label, error) {
	if len(l) > 0 && p.kind == star && l[len(l)-1].kind == star {
		return nil, errTwoStars
	}
	if len(l) == maxParts {
		return nil, errLongLabel
	}
	if p.kind == numbers && l.ranges() == maxRanges {
		return nil, errRanges
	}
	return append(l, p), nil
}

// ranges counts the label's ranges.
func (l label) ranges() (n int) {
	for _, p := range l {
		if p.kind == numbers {
			n++
		}
	}
	return n
}

// parsePart reads a star, a range or a literal, as far as it goes, from the beginning of s.
func parsePart(s string) (p part, size int, err error) {
	switch s[0] {
	case '*':
		return part{kind: star}, 1, nil
	case '{':
		return parseRange(s)
	case '}':
		return part{}, 0, errClosedBrace
	}
	return parseLiteral(s)
}

// parseLiteral reads the octets that s begins with and that stand for themselves.
func parseLiteral(s string) (p part, size int, err error) {
	var room [maxLabel]byte
	text := room[:0]
	for size < len(s) && strings.IndexByte(".*{}", s[size]) < 0 {
		if s[size] != '\\' && !isPlain(s[size]) {
			return part{}, 0, errOctet(s[size])
		}
		c, n, err := parseOctet(s[size:])
		if err != nil {
			return part{}, 0, err
		}
		if len(text) == maxLabel {
			return part{}, 0, errLongLabel
		}
		text, size = append(text, c), size+n
	}
	return part{kind: literal, text: string(text)}, size, nil
}

// parseRange reads the {first..last} that s begins with.
func parseRange(s string) (p part, size int, err error) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return part{}, 0, errOpenBrace
	}
	braces := s[:end+1]
	from, to, ok := strings.Cut(braces[1:end], "..")
	if !ok || !isDigits(from) || !isDigits(to) {
		return part{}, 0, fmt.Errorf("%q: want {first..last}, as in {0..50}", braces)
	}
	first, err1 := strconv.ParseUint(from, 10, 64)
	last, err2 := strconv.ParseUint(to, 10, 64)
	if err1 != nil || err2 != nil {
		return part{}, 0, fmt.Errorf("%q: a number is over 18446744073709551615", braces)
	}
	if first > last {
		return part{}, 0, fmt.Errorf("%q runs backwards: write {%d..%d}", braces, last, first)
	}
	if right := fmt.Sprintf("{%d..%d}", first, last); right != braces {
		return part{}, 0, fmt.Errorf("%q: a range matches numbers without leading zeros: write %s", braces, right)
	}
	return part{kind: numbers, first: first, last: last}, end + 1, nil
}

// isGlued says whether a leftmost label is a star stuck to a word, as in *gstatic.com.
func isGlued(l label) bool {
	return len(l) == 2 && l[0].kind == star && l[1].kind == literal && isAlphanumeric(l[1].text[0])
}

// errGlued shows both readings of a star stuck to a domain, in canonical text.
func errGlued(text string) error {
	domain := text[1:]
	return fmt.Errorf("a star is stuck to a domain: "+
		"write .%s for %s and every name below it, or *.%s for only the names below it", domain, domain, domain)
}

// errOctet says what is wrong with a character that cannot stand for itself in a pattern.
func errOctet(c byte) error {
	switch c {
	case '[', ']', '<', '>':
		return fmt.Errorf("%q does not stand in a name: a range of numbers is written {first..last}, "+
			"as in {0..50}; list the names that a template stands for", c)
	case '/', ':':
		return fmt.Errorf("%q does not stand in a name: a pattern is a name, not a URL, a port or a prefix", c)
	}
	return fmt.Errorf("%q does not stand in a name; if it is meant, write \\%03d", c, c)
}

// appendLiteral appends octets as they are written in a pattern. The form \X is not
// used, since \* is taken for a star in vendors' lists.
func appendLiteral(b []byte, octets string) []byte {
	for i := range len(octets) {
		if c := octets[i]; isPlain(c) {
			b = append(b, c)
		} else {
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
	}
	return b
}

// isPlain says whether c stands for itself in a pattern.
func isPlain(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' }

func isAlphanumeric(c byte) bool { return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'z' }

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
