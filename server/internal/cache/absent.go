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

// isRare reports whether k is the key of a cut or a failure.
func (k Key) isRare() bool { return k.failure || k.Type == cutType }

// cut finds the nearest cut at or above the name of k that holds at now, or else one of
// the name itself that is no more than stale. It costs one look for each label.
//
// One that has expired says nothing about names below it: they may have stale answers of
// their own. Nor does one of the root or of a top-level domain, though RFC 8020 has no such
// exception: it would be a whole Internet to lose by one wrong answer, which is easier to
// forge where there are few letters to spell at random.
func (c *Cache) cut(k Key, group string, now time.Time, how manner) (r Stored, ok bool) {
	var room [maxKey]byte
	k.Type = cutType
	key, more := c.key(room[:0], k, group)
	if !more {
		return Stored{}, false
	}
	k.Name = matcher.Name{} // that of key
	r, ok = c.cutAt(key, k, now, how)
	for key, more = above(key); more && isBelowTop(key); key, more = above(key) {
		if ok && r.Left(now) > 0 {
			break
		}
		if found, there := c.cutAt(key, k, now, how); there && found.Left(now) > 0 {
			r, ok = found, true
		}
	}
	return r, ok
}

// cutAt is the cut at the name that key begins with.
func (c *Cache) cutAt(key []byte, k Key, now time.Time, how manner) (Stored, bool) {
	if _, hash := c.shard(key); c.rare.none(hash) {
		return Stored{}, false // nearly always, and copies nothing
	}
	return c.at(key, k, now, how)
}

// isBelowTop reports whether the name that key begins with has two labels or more.
func isBelowTop(key []byte) bool { return key[0] != 0 && key[1+int(key[0])] != 0 }

// uncut drops the cuts at and above the name of k.
func (c *Cache) uncut(k Key, group string) {
	var room [maxKey]byte
	k.Type = cutType
	for key, ok := c.key(room[:0], k, group); ok; key, ok = above(key) {
		c.removeAt(key, true)
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

// Rest returns what answers the question of k where Get finds nothing: that there is no
// such name, or none of those above it, which the question of the message names then; and
// where nothing holds any longer, what the group said last, its answer or such a denial,
// for up to stale after that has ceased to hold. It marks the entry as used, and drops
// what is older.
func (c *Cache) Rest(k Key, group string, now time.Time, stale time.Duration) (Stored, bool) {
	return c.rest(k, group, now, manner{stale: stale, uses: true, drops: true})
}

// rest is Rest.
func (c *Cache) rest(k Key, group string, now time.Time, how manner) (Stored, bool) {
	cut, denied := c.cut(k, group, now, how)
	if denied && cut.Left(now) > 0 {
		return cut, true
	}
	answer, answered := c.get(k, group, now, how)
	if !answered || denied && cut.StoredAt.After(answer.StoredAt) {
		return cut, denied
	}
	return answer, true
}

// Peek returns what Get finds, or else Rest. It leaves no trace: nothing is marked as
// used, nothing dropped.
func (c *Cache) Peek(k Key, group string, now time.Time, stale time.Duration) (Stored, bool) {
	if r, ok := c.get(k, group, now, manner{}); ok {
		return r, true
	}
	return c.rest(k, group, now, manner{stale: stale})
}
