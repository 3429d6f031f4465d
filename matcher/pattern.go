package matcher

import (
	"cmp"
	"slices"
)

// anchor says what may stand to the left of a pattern's labels.
type anchor uint8

const (
	exact   anchor = iota // nothing
	below                 // `*.`: one label or more
	subtree               // `.`: any number of labels, also none
)

// Ranks of what stands at one place of a pattern, most specific first. A label with a star among other
// parts takes a place between rankRange and rankLoneStar, the more literal octets the earlier.
const (
	rankExact    byte = 0 // the pattern ends here
	rankLiteral  byte = 1
	rankRange    byte = 2
	rankLoneStar      = rankRange + maxLabel + 2
	rankBelow         = rankLoneStar + 1
	rankSubtree       = rankLoneStar + 2
)

// Pattern is what a row or a rule matches names with. It is immutable and may be copied
// and shared. The zero value matches nothing.
//
//	login.example.com      that name
//	*.example.com          every name below, at any depth
//	.example.com           that name and every name below; "." is every name there is
//	{0..50}-courier.example a decimal number without leading zeros in place of the braces
//	cdn*.example           a star inside a label: any run of octets, also an empty one
//	a.*.example            a label that is a star, and is not leftmost: exactly one label
//
// Ranges and stars may stand in any label, at most four ranges in one, and together with a
// leading `*.` or `.`.
// Octets other than letters, digits, hyphen and underscore are written \DDD.
type Pattern struct {
	suffix Name  // the literal labels on the right, up to the first that is not literal
	odd    *odd  // nil for most patterns
	fixed  uint8 // labels in suffix
	anchor anchor
}

// odd is what only patterns with ranges and stars inside labels have.
type odd struct {
	text string
	tail []label // left of the suffix, from the right to the left, beginning with a label that is not literal
}

// labels returns the tail, nil if there is none.
func (o *odd) labels() []label {
	if o == nil {
		return nil
	}
	return o.tail
}

// newPattern compiles a pattern from its labels, which are given from the left.
func newPattern(labels []label, a anchor) Pattern {
	left := len(labels) // of the suffix
	for left > 0 && labels[left-1].isLiteral() {
		left--
	}
	var room [maxName]byte
	wire := room[:0]
	for _, l := range labels[left:] {
		wire = append(append(wire, byte(len(l[0].text))), l[0].text...)
	}
	p := Pattern{suffix: Name{string(append(wire, rootWire...))}, fixed: uint8(len(labels) - left), anchor: a}
	if left > 0 {
		p.odd = &odd{text: patternText(labels, a), tail: slices.Clone(labels[:left])}
		slices.Reverse(p.odd.tail)
	}
	return p
}

// patternText writes a pattern in its canonical form.
func patternText(labels []label, a anchor) string {
	var room [maxName]byte
	b := append(room[:0], a.text()...)
	for i, l := range labels {
		if i > 0 {
			b = append(b, '.')
		}
		b = l.appendText(b)
	}
	if a == below && len(labels) == 0 {
		return "*"
	}
	return string(b)
}

// text is how the anchor is written before a label.
func (a anchor) text() string { return [...]string{exact: "", below: "*.", subtree: "."}[a] }

// rank is the anchor's place in the order of [Pattern.Compare].
func (a anchor) rank() byte {
	switch a {
	case below:
		return rankBelow
	case subtree:
		return rankSubtree
	case exact:
	}
	return rankExact
}

// String returns the pattern's canonical text, which [ParsePattern] reads back.
func (p Pattern) String() string {
	if p.odd != nil {
		return p.odd.text
	}
	if p.suffix.wire == rootWire && p.anchor == below {
		return "*"
	}
	var room [4 * maxName]byte
	b := append(room[:0], p.anchor.text()...)
	for rest := p.suffix.wire; len(rest) > 1; {
		end := 1 + int(rest[0])
		if len(rest) < len(p.suffix.wire) {
			b = append(b, '.')
		}
		b = appendLiteral(b, rest[1:end])
		rest = rest[end:]
	}
	return string(b)
}

// Matches says whether p matches n.
func (p Pattern) Matches(n Name) bool { return p.matches(n, inRange) }

// Near says whether p does not match n only because of a number: n would match if
// each range of p took any run of digits. For a range {0..50}, 51 and 00 are near.
func (p Pattern) Near(n Name) bool {
	return p.matches(n, anyNumber) && !p.matches(n, inRange)
}

// matches says whether p matches name, its ranges read as num says.
func (p Pattern) matches(name Name, num numeric) bool {
	var n folded
	if p.suffix.IsZero() || n.read([]byte(name.wire)) != nil {
		return false
	}
	left := n.labels - int(p.fixed)
	return left >= 0 && string(n.from(left)) == p.suffix.wire && tailMatches(p.odd.labels(), p.anchor, &n, left, num)
}

// tailMatches says whether the first left labels of n are what a pattern with this tail and
// this anchor wants to the left of its suffix.
func tailMatches(tail []label, a anchor, n *folded, left int, num numeric) bool {
	over := left - len(tail)
	if over < 0 || a == exact && over > 0 || a == below && over == 0 {
		return false
	}
	for i, l := range tail {
		if !l.matches(n.label(left-1-i), num) {
			return false
		}
	}
	return true
}

// Compare ranks two patterns that match a common name: it is negative if p is more
// specific, positive if q is, and zero if they are of equal rank. Labels are compared
// from the right, and the first difference decides:
//
//  1. a literal label, or the end of the name;
//  2. a label with a range, whatever its width;
//  3. a label with a star among other parts (and possibly a range), the more literal octets the earlier;
//  4. a label that is a star;
//  5. `*.`, the names below;
//  6. `.`, the name itself and those below.
//
// So a longer literal suffix beats a shorter one, and a pattern's text plays no part.
// Over all patterns the order is a strict weak one, fit for sorting.
func (p Pattern) Compare(q Pattern) int {
	// As far as both are literal they are equal.
	for i := min(int(p.fixed), int(q.fixed)); ; i++ {
		// An anchor's rank is no label's: patterns that are equal up to here both end here.
		if c := cmp.Compare(p.rank(i), q.rank(i)); c != 0 || i >= int(p.fixed)+len(p.odd.labels()) {
			return c
		}
	}
}

// rank is the rank of label i from the right, and that of the anchor behind them all.
func (p *Pattern) rank(i int) byte {
	i -= int(p.fixed)
	switch {
	case i < 0:
		return rankLiteral
	case i < len(p.odd.labels()):
		return p.odd.tail[i].rank()
	}
	return p.anchor.rank()
}

// Literal returns the one name that p stands for, if it has no range, star or leading dot.
func (p Pattern) Literal() (Name, bool) {
	if p.anchor != exact || p.odd != nil || p.suffix.IsZero() {
		return Name{}, false
	}
	return p.suffix, true
}

// Example returns a name that p matches: ranges give their first number, stars inside a
// label nothing, a label that is a star and a leading `*.` give "host". The zero value
// gives the zero Name.
func (p Pattern) Example() Name {
	wire := p.suffix.wire
	for _, l := range p.odd.labels() {
		text := l.example()
		wire = string(rune(len(text))) + text + wire
	}
	if p.anchor == below {
		wire = "\x04host" + wire
	}
	return Name{wire}
}
