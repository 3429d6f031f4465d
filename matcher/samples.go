package matcher

import (
	"cmp"
	"iter"
	"slices"
)

// Samples yields patterns that stand for all, with the values that each was added with:
// every pattern with ranges or stars inside labels, and of the others with the same values
// one at least. There are few of them even where a list has a million. They come by the
// order in which they, or others with the same values, were added.
func (m *Matcher[V]) Samples() iter.Seq2[Pattern, []V] {
	return func(yield func(Pattern, []V) bool) {
		for _, s := range m.samples() {
			name, labels := m.name(s.node)
			e := s.entries[0]
			values := make([]V, 0, len(s.entries))
			for _, e := range slices.Backward(s.entries) { // the last added is the first of its set
				values = append(values, e.value)
			}
			if !yield(Pattern{suffix: name, odd: m.odds[e.odd], fixed: uint8(labels), anchor: e.anchor}, values) {
				return
			}
		}
	}
}

// sample is a pattern: its node, and what a set has of it.
type sample[V any] struct {
	node    slot
	entries []entry[V]
}

// samples returns what [Matcher.Samples] yields.
func (m *Matcher[V]) samples() (all []sample[V]) {
	for _, node := range m.firstNodes() {
		for set := m.set(node.set); len(set) > 0; {
			n := 1
			for n < len(set) && set[n].hasPatternOf(&set[0]) {
				n++
			}
			all = append(all, sample[V]{node, set[:n]})
			set = set[n:]
		}
	}
	slices.SortFunc(all, func(a, b sample[V]) int {
		first, second := a.entries[len(a.entries)-1], b.entries[len(b.entries)-1]
		return cmp.Or(cmp.Compare(first.order, second.order), cmp.Compare(a.node.where, b.node.where))
	})
	return all
}

// firstNodes returns for each set the first node in the arena that has it.
func (m *Matcher[V]) firstNodes() []slot {
	first := make([]slot, len(m.entries)) // by set; zero for none
	if m.root != 0 {
		first[m.root] = slot{nowhere, m.root}
	}
	for node := range m.nodes.all {
		if have := &first[node.set]; node.set != 0 && (have.set == 0 || node.where < have.where) {
			*have = *node
		}
	}
	return slices.DeleteFunc(first, func(s slot) bool { return s.set == 0 })
}
