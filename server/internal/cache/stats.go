package cache

// Stats is how full a cache is.
type Stats struct {
	Entries int    // also those that have expired and were not asked for since
	Octets  int64  // of memory that they take, about
	Evicted uint64 // entries that made room for others, since the cache was made
}

// Stats counts, one shard after the other.
func (c *Cache) Stats() Stats {
	var all Stats
	for _, s := range c.shards {
		s.mu.RLock()
		all.Entries += s.entries.Len()
		all.Octets += s.octets
		all.Evicted += s.evicted
		s.mu.RUnlock()
	}
	return all
}
