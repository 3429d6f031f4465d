package cache

import (
	"time"

	"splitdns/matcher"
)

// cutType is the type under which a cut is kept. It is reserved: no answer is about it
// (RFC 6895, section 3.1).
const cutType = 0

// asFailure is the key of failures beside k.
func (k Key) asFailure() Key {
	k.failure = true
	return k
}

// Cut returns what the group said that there is no such name: that of k, or one above
// it, which the question of the message names. It holds still, and is marked as used.
func (c *Cache) Cut(k Key, group string, now time.Time) (Stored, bool) {
	return c.cut(k, group, now, manner{uses: true})
}

// cut finds the nearest cut at or above the name of k. It costs one look for each label.
func (c *Cache) cut(k Key, group string, now time.Time, how manner) (Stored, bool) {
	var room [maxKey]byte
	k.Type = cutType
	key, ok := c.key(room[:0], k, group)
	k.Name = matcher.Name{} // that of key
	for ; ok; key, ok = above(key) {
		if r, found := c.at(key, k, now, how); found {
			return r, true
		}
	}
	return Stored{}, false
}

// uncut drops the cuts at and above the name of k.
func (c *Cache) uncut(k Key, group string) {
	var room [maxKey]byte
	k.Type = cutType
	for key, ok := c.key(room[:0], k, group); ok; key, ok = above(key) {
		c.removeAt(key)
	}
}

// above is key for the name without its first label, if it has one.
func above(key []byte) ([]byte, bool) {
	if key[0] == 0 {
		return nil, false
	}
	return key[1+int(key[0]):], true
}

// PutFailure keeps that the group had no answer to the question of k, and why: r is what
// to say in its place. What the cache has of the question otherwise stays.
func (c *Cache) PutFailure(k Key, group string, r Stored) {
	if len(c.shards) > 0 && r.Lifetime > 0 {
		c.store(k.asFailure(), group, r)
	}
}

// Failure returns why the group had no answer to the question of k, if that is still to
// be remembered at now. It leaves no trace: a failure is not worth its place for longer.
func (c *Cache) Failure(k Key, group string, now time.Time) (Stored, bool) {
	return c.get(k.asFailure(), group, now, manner{})
}

// Stale returns what the group said last of the question of k, its answer or that there
// is no such name, for up to atMost after that has ceased to hold. It marks the entry as
// used, and drops what is older.
func (c *Cache) Stale(k Key, group string, now time.Time, atMost time.Duration) (Stored, bool) {
	return c.last(k, group, now, manner{stale: atMost, uses: true, drops: true})
}

// Peek returns what answers the question of k from the cache: what Get finds, or else
// Cut, or else Stale. It leaves no trace: nothing is marked as used, nothing dropped.
func (c *Cache) Peek(k Key, group string, now time.Time, atMost time.Duration) (Stored, bool) {
	if r, ok := c.get(k, group, now, manner{}); ok {
		return r, true
	}
	if r, ok := c.cut(k, group, now, manner{}); ok {
		return r, true
	}
	return c.last(k, group, now, manner{stale: atMost})
}

// last returns the answer to the question of k or the nearest cut, whichever came later.
func (c *Cache) last(k Key, group string, now time.Time, how manner) (Stored, bool) {
	answer, answered := c.get(k, group, now, how)
	cut, denied := c.cut(k, group, now, how)
	if !answered || denied && cut.StoredAt.After(answer.StoredAt) {
		return cut, denied
	}
	return answer, true
}
