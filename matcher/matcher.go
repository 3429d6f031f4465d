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
	for wire, s := range m.nodes {
		n := m.tailsIn(s)
		if n == 0 {
			continue // no more than above
		}
		for rest := wire; rest != rootWire; {
			rest = rest[1+rest[0]:]
			n += m.tailsIn(m.at(rest))
		}
		if n > tails || n == tails && wire < suffix.wire {
			suffix, tails = Name{wire}, n
		}
	}
	return suffix, tails
}

// at returns the node of a suffix.
func (m *Matcher[V]) at(suffix string) span {
	if suffix == rootWire {
		return m.root
	}
	return m.nodes[suffix]
}

// tailsIn counts the entries of a node that have a tail.
func (m *Matcher[V]) tailsIn(s span) (n int) {
	for _, e := range m.entries[s.at : s.at+s.n] {
		if e.tail != 0 {
			n++
		}
	}
	return n
}

// Builder collects patterns and makes a [Matcher] of them. The zero value is ready for use.
type Builder[V any] struct {
	added []addition[V]
}

// addition is one call of Add.
type addition[V any] struct {
	pattern Pattern
	value   V
}

// Add adds a pattern and what a lookup returns for it. A pattern may be added more than
// once, each time with a value of its own. The zero Pattern is ignored: it matches nothing.
func (b *Builder[V]) Add(p Pattern, v V) {
	if p.suffix.IsZero() {
		return
	}
	b.added = append(b.added, addition[V]{p, v})
}

// Build returns a Matcher of the patterns added so far. The builder can be used on; what it
// built does not change.
func (b *Builder[V]) Build() *Matcher[V] {
	m := &Matcher[V]{
		nodes:   make(map[string]span),
		entries: make([]entry[V], 0, len(b.added)),
		tails:   [][]label{nil},
	}
	order, nodes := b.byNode(m.nodes)
	for _, node := range nodes {
		added := order[node.at : node.at+node.n]
		slices.SortFunc(added, b.leastSpecificFirst)
		for _, i := range added {
			m.append(b.added[i].pattern, b.added[i].value)
		}
		m.put(b.added[added[0]].pattern.suffix.wire, node)
	}
	return m
}

// byNode returns the indexes of what was added, those of one node next to each other, and
// where in there each node lies. It leaves the suffixes of the nodes in suffixes. Sorting
// everything by suffix would take several times as long for a million patterns, since most
// nodes have only one.
func (b *Builder[V]) byNode(suffixes map[string]span) (order []uint32, nodes []span) {
	nodeOf := make([]uint32, len(b.added)) // index into nodes
	for i := range b.added {
		suffix := b.added[i].pattern.suffix.wire
		node, ok := suffixes[suffix]
		if !ok {
			node.at = uint32(len(nodes))
			suffixes[suffix] = node
			nodes = append(nodes, span{})
		}
		nodeOf[i] = node.at
		nodes[node.at].n++
	}
	at := uint32(0)
	for i := range nodes {
		at, nodes[i] = at+nodes[i].n, span{at: at}
	}
	order = make([]uint32, len(b.added))
	for i, n := range nodeOf {
		node := &nodes[n]
		order[node.at+node.n] = uint32(i)
		node.n++
	}
	return order, nodes
}

// leastSpecificFirst orders two indexes of one node in reverse of the order that a lookup
// returns them in.
func (b *Builder[V]) leastSpecificFirst(i, j uint32) int {
	p, q := &b.added[i].pattern, &b.added[j].pattern
	return cmp.Or(
		q.Compare(*p),
		strings.Compare(q.text, p.text),
		cmp.Compare(j, i),
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
func (m *Matcher[V]) put(suffix string, node span) {
	if suffix == rootWire {
		m.root = node
		delete(m.nodes, suffix)
		return
	}
	m.nodes[suffix] = node
	for {
		suffix = suffix[1+suffix[0]:]
		if _, ok := m.nodes[suffix]; ok || suffix == rootWire {
			return
		}
		m.nodes[suffix] = span{}
	}
}
