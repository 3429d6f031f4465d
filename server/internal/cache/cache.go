// Package cache keeps what the upstreams said, for as long as they said it holds.
// It is bounded by entries and by memory, and forgets what was not asked for the
// longest time.
//
// Policy is applied after the cache, so a response lies here as it came: pins,
// tags and annotations are not in it, and a reload of the configuration needs no
// flush. How long a response holds is decided by package wire (Message.Lifetime),
// that identical questions share one query by package flight.
//
// The entries lie in shards, each an LRU list of golang-lru's simplelru under its
// own lock: one lock for all was measured at three times the cost of a hit. The
// library's expirable cache was turned down: it has one lifetime for all entries,
// and a goroutine that never ends.
//
// An entry is octets, which a hit makes a message of: a million of them take a third
// of what the messages would, and give the garbage collector little to look at. They
// are found by a hash, and compared in full. A hit reads, and several read at once;
// only once in a while does it move its entry to the front of the list, which is
// changing it.
//
// # No such name
//
// An NXDOMAIN says that a name does not exist, whatever type was asked for, and that
// nothing exists below it (RFC 8020, section 2). So it is kept once for the name, a cut:
// [Cache.Rest] finds it for all types and for all names below, up to the root, as long as
// it holds. What is known of these names from before stays until its own time is over
// (section 2 leaves that open), and an answer which shows that the name exists after all,
// or one below it, ends the cut. An NXDOMAIN at the end of a CNAME chain is about another
// name than was asked for, and is kept as an answer to that question. DO, CD and upstream
// groups are kept apart here too: a group that a rule routes names below to has its own
// entries, which no other group's NXDOMAIN covers.
//
// # Failures and stale answers
//
// That there was no answer is kept as well, for a short time (RFC 9520), beside what the
// cache has of the question: what holds no longer stays there, to be used where nothing
// better can be had (RFC 8767), until it is too old or others need its place.
package cache

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

const (
	maxShards = 16
	// minShard is the fewest entries that are worth a shard: small shards fill
	// unevenly and would evict early.
	minShard = 64
)

// A Key finds an entry. DO and CD are in it because the response to a query that
// has them may hold other records, or data that did not validate (RFC 4035,
// section 4.7).
type Key struct {
	Name   matcher.Name
	Type   wire.Type
	Class  wire.Class
	DO, CD bool

	failure bool // what is kept is that there was no answer
}

// maxKey is the longest name, type, class, flags, and the number of a group.
const maxKey = 255 + 2 + 2 + 1 + binary.MaxVarintLen64

// append appends k for one upstream group. No key is the beginning of another one.
func (k Key) append(dst []byte, group int) []byte {
	dst = k.Name.AppendWire(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(k.Type))
	dst = binary.BigEndian.AppendUint16(dst, uint16(k.Class))
	var flags byte
	if k.DO {
		flags |= 1
	}
	if k.CD {
		flags |= 2
	}
	if k.failure {
		flags |= 4
	}
	return binary.AppendVarint(append(dst, flags), int64(group))
}

// Stored is one upstream group's response in the cache. It is a value; what it
// holds never changes.
type Stored struct {
	Message  wire.Message  // as it was stored, TTLs not counted down
	From     string        // the upstream that sent it
	StoredAt time.Time     // when it came
	Lifetime time.Duration // how long it holds from then on
}

// Age is how long s has been in the cache at now; never below 0, also when the
// clock was set back.
func (s Stored) Age(now time.Time) time.Duration {
	return max(0, now.Sub(s.StoredAt))
}

// Left is how long s still holds at now; 0 when it has expired.
func (s Stored) Left(now time.Time) time.Duration {
	return max(0, s.Lifetime-s.Age(now))
}

// A Cache holds at most a fixed number of entries, and no more octets than it was
// given. An entry is what one upstream group answered to one question. Its methods
// may be called concurrently.
type Cache struct {
	seed   maphash.Seed // of this process: nobody can choose names that share a shard
	start  time.Time    // what the times in entries count from, so that setting the clock changes no age
	words  words        // the names of groups and upstreams
	shards []*shard
	rare   *rare // how many cuts and failures there may be, by their hash
}

// New returns an empty cache for that many entries, which together take about that
// many octets at most; with 0 entries it never holds any. A response that would
// fill a large part of a shard is not kept.
func New(entries int, octets int64) *Cache {
	c := &Cache{seed: maphash.MakeSeed(), start: time.Now()}
	if entries <= 0 {
		return c
	}
	c.rare, octets = newRare(entries, octets)
	n := min(maxShards, max(1, entries/minShard))
	for i := range n {
		size := entries / n
		if i < entries%n {
			size++
		}
		c.shards = append(c.shards, newShard(size, octets/int64(n), c.rare))
	}
	return c
}

// Get returns what the group answered to the question of k, if it still holds at
// now, and marks the entry as used.
func (c *Cache) Get(k Key, group string, now time.Time) (Stored, bool) {
	return c.get(k, group, now, manner{uses: true})
}

// A manner is how entries are looked for.
type manner struct {
	stale time.Duration // an entry is found for that long after its time
	uses  bool          // what is found is marked as used
	drops bool          // what is older is dropped
}

// get finds the entry of k.
func (c *Cache) get(k Key, group string, now time.Time, how manner) (Stored, bool) {
	var room [maxKey]byte
	key, ok := c.key(room[:0], k, group)
	if !ok {
		return Stored{}, false
	}
	return c.at(key, k, now, how)
}

// at is get for k as key, or for the name that key begins with if k has none.
func (c *Cache) at(key []byte, k Key, now time.Time, how manner) (r Stored, ok bool) {
	s, hash := c.shard(key)
	if k.isRare() && c.rare.none(hash) {
		return Stored{}, false
	}
	e, due, ok := s.find(hash, key)
	if !ok {
		return Stored{}, false
	}
	if k.Name.IsZero() {
		k.Name, _, _ = matcher.NameFromWire(key)
	}
	r, ok = c.read(e, k, len(key), now.Add(-how.stale))
	switch {
	case !ok && how.drops:
		s.drop(hash, e)
	case ok && due && how.uses:
		s.use(hash, e)
	}
	return r, ok
}

// Put keeps the group's response to the question of k in place of all that it
// contradicts: an earlier response, failures, and what said that there is no such
// name. A response without a lifetime is not kept, but ends those as well.
func (c *Cache) Put(k Key, group string, r Stored) {
	if len(c.shards) == 0 {
		return
	}
	c.remove(k.asFailure(), group)
	if r.Message.DeniesName() {
		c.remove(k, group)
		k.Type = cutType
	} else {
		c.uncut(k, group)
	}
	if r.Lifetime <= 0 {
		c.remove(k, group)
		return
	}
	c.store(k, group, r)
}

// store keeps r under k.
func (c *Cache) store(k Key, group string, r Stored) {
	var room [1024]byte // enough for most
	key := k.append(room[:0], c.words.add(group))
	s, hash := c.shard(key)
	octets := binary.AppendVarint(key, int64(c.words.add(r.From)))
	octets = binary.AppendVarint(octets, int64(r.StoredAt.Sub(c.start)))
	octets = binary.AppendVarint(octets, int64(r.Lifetime))
	s.put(hash, entry{octets: string(r.Message.AppendCompact(octets)), rare: k.isRare()})
}

// remove drops the entry of k.
func (c *Cache) remove(k Key, group string) {
	var room [maxKey]byte
	if key, ok := c.key(room[:0], k, group); ok {
		c.removeAt(key, k.isRare())
	}
}

// removeAt drops the entry of key, which is a cut or a failure if it is rare.
func (c *Cache) removeAt(key []byte, rare bool) {
	s, hash := c.shard(key)
	if rare && c.rare.none(hash) {
		return
	}
	if e, _, ok := s.find(hash, key); ok {
		s.drop(hash, e)
	}
}

// read returns what is kept in e under k, which takes up size octets in it, if it
// still holds at now.
func (c *Cache) read(e entry, k Key, size int, now time.Time) (s Stored, ok bool) {
	from, rest := number(e.octets[size:])
	stored, rest := number(rest)
	lifetime, rest := number(rest)
	s.StoredAt, s.Lifetime = c.start.Add(time.Duration(stored)), time.Duration(lifetime)
	if s.Left(now) == 0 {
		return Stored{}, false
	}
	s.From = c.words.word(int(from))
	s.Message = wire.ParseCompact(rest, wire.Question{Name: k.Name, Type: k.Type, Class: k.Class})
	return s, true
}

// number reads the number that s begins with.
func number(s string) (v int64, rest string) {
	v, size := binary.Varint([]byte(s[:min(len(s), binary.MaxVarintLen64)]))
	return v, s[size:]
}

// Len counts the entries, also those that have expired and were not asked for since.
func (c *Cache) Len() int {
	n := 0
	for _, s := range c.shards {
		n += s.len()
	}
	return n
}

// key appends what the group's answer to the question of k is found by. ok is false
// if there is nothing of that group at all.
func (c *Cache) key(dst []byte, k Key, group string) (key []byte, ok bool) {
	n, ok := c.words.number(group)
	if !ok {
		return dst, false
	}
	return k.append(dst, n), true
}

// shard returns where the entry of key lies, and by which hash.
func (c *Cache) shard(key []byte) (s *shard, hash uint64) {
	hash = maphash.Bytes(c.seed, key)
	return c.shards[hash%uint64(len(c.shards))], hash
}
