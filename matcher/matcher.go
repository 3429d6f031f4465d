package matcher

import "slices"

// Matcher finds the patterns that match a name. It never changes, and is safe for
// concurrent use. [Builder] makes one.
type Matcher[V any] struct {
	arena   arena // of the suffixes of nodes
	nodes   table // without the root; a node that only leads to others has set 0
	root    uint32
	entries []entry[V] // sets, one behind another, each least specific first; entries[0] is in none
	odds    []*odd     // odds[0] is nil
	size    int
}

// entry is a pattern seen from its node, and what was added with it.
type entry[V any] struct {
	value  V
	odd    uint32 // into Matcher.odds
	order  uint32 // in which entries were added
	anchor anchor
	isLast bool // of its set
}

// hasPatternOf says whether e and f, which are of one node, are of one pattern.
func (e *entry[V]) hasPatternOf(f *entry[V]) bool { return e.odd == f.odd && e.anchor == f.anchor }

// Match is a pattern that matches a name, and what was added with it.
type Match[V any] struct {
	Pattern Pattern
	Value   V
}

// Lookup appends to dst every pattern that matches the name that wire begins with, most
// specific first, and returns it. Patterns of equal rank are in the order of their texts,
// and one that was added more than once is there with each value, in the order in which
// they were added. The name is in wire form as in a packet, in any case, uncompressed; if
// it is malformed nothing matches. Lookup does not allocate where dst has room, and keeps
// nothing of wire.
func (m *Matcher[V]) Lookup(dst []Match[V], wire []byte) []Match[V] {
	var n folded
	if n.read(wire) != nil {
		return dst
	}
	return m.walk(dst, &n, inRange)
}

// Near appends to dst every pattern that does not match the name only because of a
// number, as [Pattern.Near] says. Otherwise it is as Lookup.
func (m *Matcher[V]) Near(dst []Match[V], wire []byte) []Match[V] {
	var n folded
	if n.read(wire) != nil {
		return dst
	}
	return m.walk(dst, &n, anyNumber)
}

// Len returns the number of values in m.
func (m *Matcher[V]) Len() int { return m.size }

// walk goes from the root to the left, as far as there are nodes, and collects what
// matches at each. That is from the least to the most specific, so it turns the result round.
func (m *Matcher[V]) walk(dst []Match[V], n *folded, num numeric) []Match[V] {
	begin := len(dst)
	if m.root != 0 {
		dst = m.collect(dst, slot{nowhere, m.root}, n, n.labels, num)
	}
	for left := n.labels - 1; left >= 0; left-- {
		suffix := n.from(left)
		s := m.nodes.find(&m.arena, suffix)
		if s == nil {
			break
		}
		if s.set != 0 {
			dst = m.collect(dst, *s, n, left, num)
		}
	}
	slices.Reverse(dst[begin:])
	return dst
}

// collect appends the entries of a node that match. left is the number of labels to the
// left of the node.
func (m *Matcher[V]) collect(dst []Match[V], node slot, n *folded, left int, num numeric) []Match[V] {
	isMatch := false
	for i := node.set; ; i++ {
		e := &m.entries[i]
		if i == node.set || !e.hasPatternOf(&m.entries[i-1]) {
			isMatch = e.matches(m.odds[e.odd].labels(), n, left, num)
		}
		if isMatch {
			p := Pattern{suffix: m.suffix(node, len(n.from(left))), odd: m.odds[e.odd], fixed: uint8(n.labels - left), anchor: e.anchor}
			dst = append(dst, Match[V]{p, e.value})
		}
		if e.isLast {
			return dst
		}
	}
}

// matches says whether the labels to the left of a node are what e wants there: its tail
// and its anchor. Where any number will do, a hit is no near miss.
func (e *entry[V]) matches(tail []label, n *folded, left int, num numeric) bool {
	return tailMatches(tail, e.anchor, n, left, num) &&
		(num == inRange || !tailMatches(tail, e.anchor, n, left, inRange))
}

// suffix returns the name of a node, of so many octets.
func (m *Matcher[V]) suffix(node slot, size int) Name {
	if node.where == nowhere {
		return Name{rootWire}
	}
	return Name{m.arena.at(node.where)[:size]}
}

// name returns the name of a node, and counts its labels.
func (m *Matcher[V]) name(node slot) (n Name, labels int) {
	if node.where == nowhere {
		return Name{rootWire}, 0
	}
	wire, labels := wireOf(m.arena.at(node.where))
	return Name{wire}, labels
}

// MaxTails is how many patterns with ranges and stars under one suffix a lookup may be given,
// those under the suffixes above counted in. At 10 to 100 ns for each it takes up to a
// millisecond for ten thousand. See [Matcher.Widest].
const MaxTails = 10_000

// Widest returns the suffix below which a lookup has most to do: the number of patterns
// that it may have to compare with a name one by one, there and at the suffixes above, is
// tails. Patterns without ranges and stars inside labels are not among them. Nothing is
// refused here: whoever takes patterns from others holds tails to [MaxTails].
func (m *Matcher[V]) Widest() (suffix Name, tails int) {
	suffix, tails = Name{rootWire}, m.tailsIn(m.root)
	if len(m.odds) < 2 {
		return suffix, tails
	}
	for node := range m.nodes.all {
		n := m.tailsIn(node.set)
		if n == 0 {
			continue // no more than above
		}
		name, _ := m.name(*node)
		n += m.tailsAbove(name)
		if n > tails || n == tails && name.wire < suffix.wire {
			suffix, tails = name, n
		}
	}
	return suffix, tails
}

// tailsAbove counts the patterns that have a tail of all nodes above a name.
func (m *Matcher[V]) tailsAbove(name Name) int {
	n := m.tailsIn(m.root)
	for rest := []byte(name.wire)[1+name.wire[0]:]; len(rest) > 1; rest = rest[1+rest[0]:] {
		n += m.tailsIn(m.nodes.find(&m.arena, rest).set)
	}
	return n
}

// tailsIn counts the patterns of a set that have a tail.
func (m *Matcher[V]) tailsIn(set uint32) (n int) {
	entries := m.set(set)
	for i := range entries {
		if entries[i].odd != 0 && (i == 0 || !entries[i].hasPatternOf(&entries[i-1])) {
			n++
		}
	}
	return n
}

// set returns the entries of a set.
func (m *Matcher[V]) set(set uint32) []entry[V] {
	if set == 0 {
		return nil
	}
	end := set
	for !m.entries[end].isLast {
		end++
	}
	return m.entries[set : end+1]
}
