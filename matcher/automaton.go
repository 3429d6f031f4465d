package matcher

import (
	"slices"
	"strconv"
)

// place is where the reading of a label has got to: in front of the octet offset of a part.
type place struct {
	part, offset int
	// Inside a range: how many digits the number will have, and whether its digits so
	// far are those of the smallest and of the largest number of that many digits.
	size      int
	low, high bool
}

// commonText says whether there is a text that both l and m stand for, neither of them
// a lone star. It reads the two as automata side by side, one octet a round: after n rounds,
// frontier holds the pairs of places in which texts of n octets leave them for the first time.
func commonText(l, m label) bool {
	// Octets that only stars stand for can be left out of a common text.
	alphabet := octetsOf(l, m)
	frontier := [][2]place{{}}
	reached := map[[2]place]bool{frontier[0]: true}
	for range maxLabel {
		var next [][2]place
		for _, pair := range frontier {
			next = append(next, stepBoth(l, m, pair, alphabet)...)
		}
		frontier = frontier[:0]
		for _, pair := range next {
			if l.ends(pair[0]) && m.ends(pair[1]) {
				return true
			}
			if !reached[pair] {
				reached[pair] = true
				frontier = append(frontier, pair)
			}
		}
	}
	return false
}

// octetsOf returns the digits and the octets of all literals.
func octetsOf(labels ...label) []byte {
	octets := []byte("0123456789")
	for _, l := range labels {
		for _, p := range l {
			octets = append(octets, p.text...)
		}
	}
	slices.Sort(octets)
	return slices.Compact(octets)
}

// stepBoth returns the pairs of places that one octet of the alphabet leads to.
func stepBoth(l, m label, from [2]place, alphabet []byte) (pairs [][2]place) {
	for _, c := range alphabet {
		rights := m.step(from[1], c)
		for _, left := range l.step(from[0], c) {
			for _, right := range rights {
				pairs = append(pairs, [2]place{left, right})
			}
		}
	}
	return pairs
}

// step returns the places that reading c leads to.
func (l label) step(at place, c byte) (places []place) {
	for at.part < len(l) && l[at.part].kind == star {
		places = append(places, place{part: at.part}) // the star takes c
		at.part++                                     // or nothing
	}
	if at.part == len(l) {
		return places
	}
	p := &l[at.part]
	if p.kind == numbers {
		return append(places, p.stepNumber(at, c)...)
	}
	if p.text[at.offset] != c {
		return places
	}
	at.offset++
	return append(places, at.leaving(len(p.text)))
}

// stepNumber returns the places that reading the digit c leads to inside a range.
func (p *part) stepNumber(at place, c byte) (places []place) {
	first, last := strconv.FormatUint(p.first, 10), strconv.FormatUint(p.last, 10)
	if at.size > 0 {
		return at.afterDigit(nil, c, first, last)
	}
	for size := len(first); size <= len(last); size++ {
		begin := place{part: at.part, size: size, low: size == len(first), high: size == len(last)}
		places = begin.afterDigit(places, c, first, last)
	}
	return places
}

// afterDigit appends the place that reading c leads to, if c can be the next digit of a
// number from first to last.
func (at place) afterDigit(places []place, c byte, first, last string) []place {
	least, most := byte('0'), byte('9')
	if at.offset == 0 {
		least = '1'
	}
	if at.low {
		least = first[at.offset]
	}
	if at.high {
		most = last[at.offset]
	}
	if c < least || c > most {
		return places
	}
	at.low = at.low && c == least
	at.high = at.high && c == most
	at.offset++
	if !at.low && !at.high { // only how many digits are to come counts now: fewer places to tell apart
		at.size, at.offset = at.size-at.offset+1, 1
	}
	return append(places, at.leaving(at.size))
}

// leaving returns the beginning of the next part if at is behind all of the size octets of this one.
func (at place) leaving(size int) place {
	if at.offset < size {
		return at
	}
	return place{part: at.part + 1}
}

// ends says whether the label can end at a place.
func (l label) ends(at place) bool {
	return at.offset == 0 && !slices.ContainsFunc(l[at.part:], func(p part) bool { return p.kind != star })
}
