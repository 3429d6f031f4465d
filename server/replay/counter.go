package replay

import (
	"cmp"
	"slices"
)

// counter counts how often keys stand in a log, with bounded memory: when there are too
// many, those that stood there the least are dropped. V is what is kept with a count.
type counter[K comparable, V any] struct {
	limit   int // how many are kept; up to twice as many are there for a while
	kept    map[K]*counted[V]
	dropped int64 // by so much a count may be too low
}

// counted is a count with what belongs to it.
type counted[V any] struct {
	n     int64
	value V
}

// newCounter returns a counter of limit keys.
func newCounter[K comparable, V any](limit int) *counter[K, V] {
	return &counter[K, V]{limit: limit, kept: make(map[K]*counted[V])}
}

// add counts k n times more, and gives what is kept with it.
func (c *counter[K, V]) add(k K, n int64) *V {
	have := c.kept[k]
	if have == nil {
		if len(c.kept) >= 2*c.limit {
			c.prune()
		}
		have = new(counted[V])
		c.kept[k] = have
	}
	have.n += n
	return &have.value
}

// prune drops the half with the smallest counts.
func (c *counter[K, V]) prune() {
	counts := make([]int64, 0, len(c.kept))
	for _, have := range c.kept {
		counts = append(counts, have.n)
	}
	slices.Sort(counts)
	least := counts[len(counts)-c.limit]
	spare := 0 // how many of just that count may stay
	for _, n := range counts[len(counts)-c.limit:] {
		if n == least {
			spare++
		}
	}
	for k, have := range c.kept {
		switch {
		case have.n > least:
		case have.n == least && spare > 0:
			spare--
		default:
			delete(c.kept, k)
		}
	}
	c.dropped += least // what is dropped may come again, and be dropped again
}

// merge counts what other has counted; join puts together what is kept with a key.
func (c *counter[K, V]) merge(other *counter[K, V], join func(into, from *V)) {
	for k, from := range other.kept {
		join(c.add(k, from.n), &from.value)
	}
	c.dropped += other.dropped
}

// ranked is a key with its count.
type ranked[K comparable, V any] struct {
	key   K
	n     int64
	value *V
}

// ranking lists all keys, the most frequent first; order decides among equals.
func (c *counter[K, V]) ranking(order func(a, b K) int) []ranked[K, V] {
	all := make([]ranked[K, V], 0, len(c.kept))
	for k, have := range c.kept {
		all = append(all, ranked[K, V]{k, have.n, &have.value})
	}
	slices.SortFunc(all, func(a, b ranked[K, V]) int { return cmp.Or(cmp.Compare(b.n, a.n), order(a.key, b.key)) })
	return all
}
