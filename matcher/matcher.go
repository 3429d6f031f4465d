package matcher

import (
	"cmp"
	"slices"
	"strings"
)

// Matcher finds the values of all patterns that match a name. It never changes, and is
// safe for concurrent use. [Builder] makes one.
type Matcher[V any] struct {
	nodes   map[string]span // by suffix, in wire form; without the root
	root    span
	entries []entry[V]
	tails   [][]label // tails[0] is the empty tail
}

// span is where a node's entries lie, least specific first. A node that only leads to
// others has none.
type span struct {
	at, n uint32
}

// entry is a pattern seen from its node, and what was added with it.
type entry[V any] struct {
	value  V
	tail   uint32 // into Matcher.tails
	anchor anchor
}

// Lookup appends to dst the values of every pattern that matches the name that wire
// begins with, most specific first, and returns it. Patterns of equal rank are in the
// order of their texts, values of the same pattern in the order in which they were
// added. The name is in wire form as in a packet, in any case, uncompressed; if it is
// malformed nothing matches. Lookup does not allocate where dst has room, and keeps
// nothing of wire.
func (m *Matcher[V]) Lookup(dst []V, wire []byte) []V {
	var n folded
	if n.read(wire) != nil {
		return dst
	}
	return m.walk(dst, &n, inRange)
}

// Near appends to dst the values of every pattern that does not match the name only
// because of a number, as [Pattern.Near] says. Otherwise it is as Lookup.
func (m *Matcher[V]) Near(dst []V, wire []byte) []V {
	var n folded
	if n.read(wire) != nil {
		return dst
	}
	return m.walk(dst, &n, anyNumber)
}

// Len returns the number of values in m.
func (m *Matcher[V]) Len() int { return len(m.entries) }

// walk goes from the root to the left, as far as there are nodes, and collects what
// matches at each. That is from the least to the most specific, so it turns the result round.
func (m *Matcher[V]) walk(dst []V, n *folded, num numeric) []V {
	begin := len(dst)
	dst = m.collect(dst, m.root, n, n.labels, num)
	for left := n.labels - 1; left >= 0; left-- {
		s, ok := m.nodes[string(n.from(left))]
		if !ok {
			break
		}
		dst = m.collect(dst, s, n, left, num)
	}
	slices.Reverse(dst[begin:])
	return dst
}

// collect appends the values of a node's entries that match. left is the number of
// labels to the left of the node.
func (m *Matcher[V]) collect(dst []V, s span, n *folded, left int, num numeric) []V {
	entries := m.entries[s.at : s.at+s.n]
	for i := range entries {
		e := &entries[i]
		tail := m.tails[e.tail]
		if !tailMatches(tail, e.anchor, n, left, num) {
			continue
		}
		if num == anyNumber && tailMatches(tail, e.anchor, n, left, inRange) {
			continue // a hit, not a near miss
		}
		dst = append(dst, e.value)
	}
	return dst
}

// Builder collects patterns and makes a [Matcher] of them. The zero value is ready for use.
type Builder[V any] struct {
	added []addition[V]
}

// addition is one call of Add.
type addition[V any] struct {
	pattern Pattern
	value   V
	turn    int
}

// Add adds a pattern and what a lookup returns for it. A pattern may be added more than
// once, each time with a value of its own. The zero Pattern is ignored: it matches nothing.
func (b *Builder[V]) Add(p Pattern, v V) {
	if p.suffix.IsZero() {
		return
	}
	b.added = append(b.added, addition[V]{p, v, len(b.added)})
}

// Build returns a Matcher of the patterns added so far. The builder can be used on; what it
// built does not change.
func (b *Builder[V]) Build() *Matcher[V] {
	added := slices.Clone(b.added)
	slices.SortFunc(added, leastSpecificFirst)
	m := &Matcher[V]{
		nodes:   make(map[string]span),
		entries: make([]entry[V], 0, len(added)),
		tails:   [][]label{nil},
	}
	for i := 0; i < len(added); {
		at, suffix := i, added[i].pattern.suffix.wire
		for ; i < len(added) && added[i].pattern.suffix.wire == suffix; i++ {
			m.append(added[i].pattern, added[i].value)
		}
		m.put(suffix, span{uint32(at), uint32(i - at)})
	}
	return m
}

// leastSpecificFirst brings the patterns of each node together, in reverse of the order
// that a lookup returns them in.
func leastSpecificFirst[V any](a, b addition[V]) int {
	if c := strings.Compare(a.pattern.suffix.wire, b.pattern.suffix.wire); c != 0 {
		return c
	}
	return cmp.Or(
		b.pattern.Compare(a.pattern),
		strings.Compare(b.pattern.text, a.pattern.text),
		cmp.Compare(b.turn, a.turn),
	)
}

// append adds an entry behind the others.
func (m *Matcher[V]) append(p Pattern, v V) {
	e := entry[V]{value: v, anchor: p.anchor}
	if len(p.tail) > 0 {
		e.tail = uint32(len(m.tails))
		m.tails = append(m.tails, p.tail)
	}
	m.entries = append(m.entries, e)
}

// put makes a node, and markers for those of its ancestors that are not there yet.
func (m *Matcher[V]) put(suffix string, s span) {
	if suffix == rootWire {
		m.root = s
		return
	}
	m.nodes[suffix] = s
	for {
		suffix = suffix[1+suffix[0]:]
		if _, ok := m.nodes[suffix]; ok || suffix == rootWire {
			return
		}
		m.nodes[suffix] = span{}
	}
}
