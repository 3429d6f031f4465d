package replay

// NewCounter is a counter of words.
func NewCounter(limit int) *counter[string, int] { return newCounter[string, int](limit) }

// Add counts a word.
func (c *counter[K, V]) Add(k K) *V { return c.add(k, 1) }

// Count is the count of a word, 0 if it was dropped, and the number of words kept.
func (c *counter[K, V]) Count(k K) (n int64, kept int) {
	if have := c.kept[k]; have != nil {
		n = have.n
	}
	return n, len(c.kept)
}

// Dropped is by how much a count may be too low.
func (c *counter[K, V]) Dropped() int64 { return c.dropped }
