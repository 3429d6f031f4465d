package cache

// Rare counts the cuts and failures that are there, and how many of them are said to be.
func (c *Cache) Rare() (there, counted int) {
	for _, s := range c.shards {
		for _, e := range s.entries.Values() {
			if e.rare {
				there++
			}
		}
	}
	for i := range c.rare.counts {
		counted += int(c.rare.counts[i].Load())
	}
	return there, counted
}
