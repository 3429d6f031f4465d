package matcher

import (
	"slices"
	"strings"
)

// Builder collects patterns and makes a [Matcher] of them. The zero value is ready for use.
//
// Nodes whose patterns came with the same values share a set: the patterns of a list, which
// have one value, need no more than one set for each way of anchoring them.
type Builder[V any] struct {
	arena arena
	nodes table // their sets are the last of a chain of links
	root  uint32
	links []link[V]         // links[0] is none
	odds  []*odd            // odds[0] is nil
	texts map[string]uint32 // of odds, by text
	size  int
}

// link is an entry, and the link of that which was added to the same nodes before.
type link[V any] struct {
	entry  entry[V]
	before uint32
}

// step is what a pattern that is not odd adds to a set: the set and its anchor. Maps of
// plain numbers are several times as fast as those of structs.
type step uint64

func newStep(set uint32, a anchor) step { return step(set)<<8 | step(a) }

// Add adds a pattern and what a lookup returns with it. A pattern may be added more than
// once, each time with a value of its own. The zero Pattern is ignored: it matches nothing.
func (b *Builder[V]) Add(p Pattern, v V) {
	if !p.suffix.IsZero() {
		b.add(p, nowhere, v, nil)
	}
}

// AddList adds the patterns of a list with one value. The names of a long list are not
// copied: the Matcher will hold on to them.
func (b *Builder[V]) AddList(l List, v V) {
	isLong := len(l.chunks) > 1 // a chunk for each of many short lists would be too many
	base := nowhere
	if isLong {
		base = b.arena.first(b.arena.adopt(l.chunks...))
		b.reserve(l.Len() + l.Len()*3/4) // names of long lists have hardly more suffixes
	}
	steps := make(map[step]uint32)
	for p, where := range l.places {
		if isLong {
			b.add(p, base+where, v, steps)
		} else {
			b.add(p, nowhere, v, steps)
		}
	}
}

// odd numbers what is odd about a pattern: the same where it is the same pattern.
func (b *Builder[V]) odd(o *odd) uint32 {
	if o == nil {
		return 0
	}
	n, ok := b.texts[o.text]
	if !ok {
		n = uint32(len(b.odds))
		b.texts[o.text] = n
		b.odds = append(b.odds, o)
	}
	return n
}

// add adds a pattern whose suffix stands at an address of the arena, or nowhere. Steps are
// those taken with the same value, nil if there will be no more.
func (b *Builder[V]) add(p Pattern, where address, v V, steps map[step]uint32) {
	b.size++
	set := b.set(p.suffix.wire, where)
	taken := newStep(*set, p.anchor)
	if next, ok := steps[taken]; ok && p.odd == nil {
		*set = next
		return
	}
	if len(b.links) == 0 {
		b.links, b.odds, b.texts = make([]link[V], 1), []*odd{nil}, make(map[string]uint32)
	}
	order := uint32(len(b.links))
	b.links = append(b.links, link[V]{entry[V]{value: v, odd: b.odd(p.odd), order: order, anchor: p.anchor}, *set})
	*set = order
	if p.odd == nil && steps != nil {
		steps[taken] = *set
	}
}

// set returns where the set of the node with this suffix is kept, until the next call. It makes
// the node if there is none, and markers for those of its ancestors that are not there yet.
func (b *Builder[V]) set(suffix string, where address) *uint32 {
	if suffix == rootWire {
		return &b.root
	}
	var room [maxName]byte
	text := append(room[:0], suffix...)
	b.reserve(maxLabels)
	if have := b.nodes.find(&b.arena, text); have != nil {
		return &have.set
	}
	if where == nowhere {
		where = b.arena.append(text)
	}
	made := b.nodes.add(slot{where: where}, text)
	for {
		where += address(1 + text[0])
		text = text[1+text[0]:]
		if len(text) == 1 || b.nodes.find(&b.arena, text) != nil {
			return &made.set
		}
		b.nodes.add(slot{where: where}, text)
	}
}

// reserve makes room for more nodes. Where that was not foreseen, it is as much again, so
// that each node is moved about once; Build gives back what is too much.
func (b *Builder[V]) reserve(more int) {
	if (b.nodes.used+more)*8 >= len(b.nodes.slots)*7 {
		b.nodes = b.resized(2*b.nodes.used + more)
	}
}

// resized returns the nodes in a table with room for so many.
func (b *Builder[V]) resized(nodes int) table {
	var room [maxName]byte
	return b.nodes.resized(nodes, func(where address) []byte {
		wire, _ := wireOf(b.arena.at(where))
		return append(room[:0], wire...)
	})
}

// Build returns a Matcher of the patterns added. The builder gives up what it holds, and is
// ready for use as if it were new.
func (b *Builder[V]) Build() *Matcher[V] {
	if b.nodes.used*8 < len(b.nodes.slots)*5 {
		b.nodes = b.resized(b.nodes.used)
	}
	m := &Matcher[V]{arena: arena{chunks: b.arena.chunks}, nodes: b.nodes, root: b.root, odds: b.odds, size: b.size}
	m.entries = make([]entry[V], 1)
	sets := make([]uint32, len(b.links)) // by their last links
	m.root = b.flat(m, sets, m.root)
	for node := range m.nodes.all {
		node.set = b.flat(m, sets, node.set)
	}
	m.entries = slices.Clip(m.entries)
	*b = Builder[V]{}
	return m
}

// flat returns the set of m that the chain from its last link on makes. It leaves it in sets.
func (b *Builder[V]) flat(m *Matcher[V], sets []uint32, last uint32) uint32 {
	if last == 0 {
		return 0
	}
	if sets[last] != 0 {
		return sets[last]
	}
	begin := len(m.entries)
	for at := last; at != 0; at = b.links[at].before {
		m.entries = append(m.entries, b.links[at].entry)
	}
	slices.SortStableFunc(m.entries[begin:], b.leastSpecificFirst)
	m.entries[len(m.entries)-1].isLast = true
	sets[last] = uint32(begin)
	return uint32(begin)
}

// leastSpecificFirst orders two entries of one node in reverse of the order that a lookup
// returns them in. What their patterns have in common on the right does not matter.
func (b *Builder[V]) leastSpecificFirst(d, e entry[V]) int {
	p, q := Pattern{odd: b.odds[d.odd], anchor: d.anchor}, Pattern{odd: b.odds[e.odd], anchor: e.anchor}
	if c := q.Compare(p); c != 0 || d.odd == 0 {
		return c
	}
	return strings.Compare(q.odd.text, p.odd.text)
}
