package cache

import (
	"strings"

	"splitdns/matcher"
)

// Flush forgets what all groups answered for name, of all types, and with below for
// all names below it too. It returns how many entries that were. It looks at every
// entry, one shard at a time: others wait for one shard at most.
func (c *Cache) Flush(below bool, name matcher.Name) int {
	if below {
		return c.flush(func(owner string) bool { return isBelow(owner, name.Wire()) || owner == name.Wire() })
	}
	return c.flush(func(owner string) bool { return owner == name.Wire() })
}

// FlushBelow is Flush for the names below name, without name itself.
func (c *Cache) FlushBelow(name matcher.Name) int {
	return c.flush(func(owner string) bool { return isBelow(owner, name.Wire()) })
}

// FlushAll forgets everything, and returns how many entries that were.
func (c *Cache) FlushAll() int {
	return c.flush(func(string) bool { return true })
}

// flush forgets the entries of the names, in wire form, of which drop is true.
func (c *Cache) flush(drop func(name string) bool) int {
	n := 0
	for _, s := range c.shards {
		n += s.flush(drop)
	}
	return n
}

// flush is flush of the cache for one shard.
func (s *shard) flush(drop func(name string) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, hash := range s.entries.Keys() {
		e, _ := s.entries.Peek(hash)
		if drop(ownerOf(e.octets)) {
			s.entries.Remove(hash)
			n++
		}
	}
	return n
}

// ownerOf is the name, in wire form, that an entry's octets begin with.
func ownerOf(octets string) string {
	end := 0
	for octets[end] != 0 {
		end += 1 + int(octets[end])
	}
	return octets[:end+1]
}

// isBelow reports whether name lies below suffix; both are in wire form.
func isBelow(name, suffix string) bool {
	if len(name) <= len(suffix) || !strings.HasSuffix(name, suffix) {
		return false
	}
	at := 0
	for at < len(name)-len(suffix) { // the suffix must begin with a label of the name
		at += 1 + int(name[at])
	}
	return at == len(name)-len(suffix)
}
