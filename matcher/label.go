package matcher

import (
	"math/bits"
	"slices"
	"strconv"
)

// partKind tells the parts of a label apart.
type partKind uint8

const (
	literal partKind = iota
	numbers          // {first..last}
	star             // any run of octets, also an empty one
)

// part is a piece of a pattern's label.
type part struct {
	kind        partKind
	text        string // of a literal, in lower case
	first, last uint64 // of numbers
}

// label is a pattern's label: its parts from the left, no two literals and no two
// stars next to each other.
type label []part

// numeric says how a label's ranges are read.
type numeric bool

const (
	inRange   numeric = false // decimal numbers from first to last, without leading zeros
	anyNumber numeric = true  // any run of digits: what a near miss is measured by
)

// matches says whether the label stands for the octets of b, which are in lower case
// and at most 63. It keeps the set of all positions in b that the parts so far can
// end at, so it never tries anything twice.
func (l label) matches(b []byte, n numeric) bool {
	ends := uint64(1) // bit i: before b[i]
	for i := range l {
		switch p := &l[i]; p.kind {
		case literal:
			ends = p.afterLiteral(ends, b)
		case numbers:
			ends = p.afterNumber(ends, b, n)
		case star:
			lowest := ends & -ends
			ends = ^(lowest - 1) // any position from the lowest on
		}
		if ends == 0 {
			return false
		}
	}
	return ends>>len(b)&1 == 1
}

// afterLiteral returns where the literal can end if it begins at one of the positions in from.
func (p *part) afterLiteral(from uint64, b []byte) (ends uint64) {
	for ; from != 0; from &= from - 1 {
		end := bits.TrailingZeros64(from) + len(p.text)
		if end > len(b) {
			break
		}
		if string(b[end-len(p.text):end]) == p.text {
			ends |= 1 << end
		}
	}
	return ends
}

// afterNumber returns where a number of the range can end if it begins at one of the positions in from.
func (p *part) afterNumber(from uint64, b []byte, n numeric) (ends uint64) {
	for ; from != 0; from &= from - 1 {
		begin := bits.TrailingZeros64(from)
		if begin >= len(b) {
			break
		}
		if n == anyNumber {
			ends |= digitEnds(b, begin)
			continue
		}
		ends |= p.numberEnds(b, begin)
	}
	return ends
}

// digitEnds returns every position that a run of digits from begin can end at.
func digitEnds(b []byte, begin int) (ends uint64) {
	for i := begin; i < len(b) && isDigit(b[i]); i++ {
		ends |= 1 << (i + 1)
	}
	return ends
}

// numberEnds returns every position at which a number of the range that begins at begin can end.
func (p *part) numberEnds(b []byte, begin int) (ends uint64) {
	var v uint64
	for i := begin; i < len(b) && isDigit(b[i]); i++ {
		high, low := bits.Mul64(v, 10)
		next, carry := bits.Add64(low, uint64(b[i]-'0'), 0)
		if high+carry != 0 || next > p.last {
			break
		}
		v = next
		if v >= p.first {
			ends |= 1 << (i + 1)
		}
		if v == 0 {
			break // no leading zeros
		}
	}
	return ends
}

// isLiteral says whether the label is plain text.
func (l label) isLiteral() bool { return len(l) == 1 && l[0].kind == literal }

// isLoneStar says whether the label is a star and nothing else.
func (l label) isLoneStar() bool { return len(l) == 1 && l[0].kind == star }

// hasStar says whether a star is among the label's parts.
func (l label) hasStar() bool {
	return slices.ContainsFunc(l, func(p part) bool { return p.kind == star })
}

// example returns the shortest text that the label stands for, and "host" for a lone star.
func (l label) example() string {
	if l.isLoneStar() {
		return "host"
	}
	var b []byte
	for _, p := range l {
		switch p.kind {
		case literal:
			b = append(b, p.text...)
		case numbers:
			b = strconv.AppendUint(b, p.first, 10)
		case star:
		}
	}
	return string(b)
}

// appendText appends the label as it is written in a pattern.
func (l label) appendText(b []byte) []byte {
	for _, p := range l {
		switch p.kind {
		case literal:
			b = appendLiteral(b, p.text)
		case numbers:
			b = strconv.AppendUint(append(b, '{'), p.first, 10)
			b = strconv.AppendUint(append(b, ".."...), p.last, 10)
			b = append(b, '}')
		case star:
			b = append(b, '*')
		}
	}
	return b
}

// rank is the label's place in the order of [Pattern.Compare]: the smaller, the more specific.
func (l label) rank() byte {
	if l.isLiteral() {
		return rankLiteral
	}
	if l.isLoneStar() {
		return rankLoneStar
	}
	if !l.hasStar() {
		return rankRange
	}
	octets := 0
	for _, p := range l {
		octets += len(p.text)
	}
	return rankLoneStar - 1 - byte(octets)
}
