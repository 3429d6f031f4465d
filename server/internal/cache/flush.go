package cache

import (
	"strings"

	"splitdns/matcher"
)

// Flush forgets what all groups answered for name, of all types, and with below for
// all names below it too. It returns how many entries that were. It looks at every
// entry, one shard at a time: others wait for one shard at most. What denies a name above
// denies name, too, and is forgotten with it.
func (c *Cache) Flush(below bool, name matcher.Name) int {
	return c.flush(func(owner string, isCut bool) bool {
		return owner == name.Wire() || below && isBelow(owner, name.Wire()) || isCut && isBelow(name.Wire(), owner)
	})
}

// FlushBelow is Flush for the names below name, without name itself.
func (c *Cache) FlushBelow(name matcher.Name) int {
	return c.flush(func(owner string, isCut bool) bool {
		return isBelow(owner, name.Wire()) || isCut && (owner == name.Wire() || isBelow(name.Wire(), owner))
	})
}

// FlushAll forgets everything, and returns how many entries that were.
func (c *Cache) FlushAll() int {
	return c.flush(func(string, bool) bool { return true })
}

// flush forgets the entries of which drop is true: it gets the name, in wire form, and whether
// the entry is a cut there.
func (c *Cache) flush(drop func(name string, isCut bool) bool) int {
	n := 0
	for _, s := range c.shards {
		n += s.flush(drop)
	}
	return n
}

// flush is flush of the cache for one shard.
func (s *shard) flush(drop func(name string, isCut bool) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, hash := range s.entries.Keys() {
		e, _ := s.entries.Peek(hash)
		if owner := ownerOf(e.octets); drop(owner, isCutAt(e.octets[len(owner):])) {
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

// isCutAt reports whether an entry is a cut, by its octets behind the name.
func isCutAt(rest string) bool { return rest[0] == 0 && rest[1] == cutType }

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
