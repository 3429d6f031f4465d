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
package cache

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

const (
	maxShards = 16
	// minShard is the fewest entries that are worth a shard: small shards fill
	// unevenly and would evict early.
	minShard = 64
	// maxGroups bounds the responses of one entry: one for each upstream group,
	// and the oldest goes. More groups than that for one name is no real setup.
	maxGroups = 8
	// overhead is what an entry takes besides its names and messages: the LRU
	// list, the map, and the entry itself.
	overhead = 300
)

// A Key finds an entry. DO and CD are in it because the response to a query that
// has them may hold other records, or data that did not validate (RFC 4035,
// section 4.7).
type Key struct {
	Name   matcher.Name
	Type   wire.Type
	Class  wire.Class
	DO, CD bool
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
// given. Its methods may be called concurrently.
type Cache struct {
	seed   maphash.Seed // of this process: nobody can choose names that share a shard
	shards []*shard
}

// New returns an empty cache for that many entries, which together take about that
// many octets at most; with 0 entries it never holds any. A response that would
// fill a large part of a shard is not kept.
func New(entries int, octets int64) *Cache {
	c := &Cache{seed: maphash.MakeSeed()}
	if entries <= 0 {
		return c
	}
	n := min(maxShards, max(1, entries/minShard))
	for i := range n {
		size := entries / n
		if i < entries%n {
			size++
		}
		c.shards = append(c.shards, newShard(size, octets/int64(n)))
	}
	return c
}

// Get returns what the group answered to the question of k, if it still holds at
// now, and marks the entry as used. What has expired is dropped.
func (c *Cache) Get(k Key, group string, now time.Time) (Stored, bool) {
	s := c.shard(k)
	if s == nil {
		return Stored{}, false
	}
	return s.get(k, group, now)
}

// Peek is Get without leaving a trace: nothing is marked as used, nothing dropped.
func (c *Cache) Peek(k Key, group string, now time.Time) (Stored, bool) {
	s := c.shard(k)
	if s == nil {
		return Stored{}, false
	}
	return s.peek(k, group, now)
}

// Put keeps the group's response to the question of k in place of an earlier one.
// A response without a lifetime is not kept.
func (c *Cache) Put(k Key, group string, r Stored) {
	if s := c.shard(k); s != nil && r.Lifetime > 0 {
		s.put(k, group, r)
	}
}

// Len counts the entries, also those that have expired and were not asked for since.
func (c *Cache) Len() int {
	n := 0
	for _, s := range c.shards {
		n += s.len()
	}
	return n
}

// shard returns where the entry of k lies, nil if nothing is kept at all.
func (c *Cache) shard(k Key) *shard {
	if len(c.shards) == 0 {
		return nil
	}
	return c.shards[maphash.Comparable(c.seed, k)%uint64(len(c.shards))]
}

// A shard is a part of the cache with a lock of its own.
type shard struct {
	limit   int64      // octets
	mu      sync.Mutex // guards what follows, and what the entries hold
	entries *simplelru.LRU[Key, *entry]
	octets  int64 // of all entries
}

// An entry holds the responses of a few upstream groups, the oldest first.
type entry struct {
	responses []response
	octets    int64
}

// A response is what one upstream group answered.
type response struct {
	group  string
	stored Stored
	octets int64
}

// newShard returns a shard for that many entries, at least one.
func newShard(size int, octets int64) *shard {
	s := &shard{limit: octets}
	var err error
	s.entries, err = simplelru.NewLRU(size, func(_ Key, e *entry) { s.octets -= e.octets })
	if err != nil {
		panic("cache: " + err.Error()) // only for a size below 1
	}
	return s
}

func (s *shard) get(k Key, group string, now time.Time) (Stored, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries.Get(k)
	if !ok {
		return Stored{}, false
	}
	if r, ok := e.find(group, now); ok {
		return r, true
	}
	e.drop(func(r response) bool { return r.stored.Left(now) == 0 })
	s.account(e)
	if len(e.responses) == 0 {
		s.entries.Remove(k)
	}
	return Stored{}, false
}

func (s *shard) peek(k Key, group string, now time.Time) (Stored, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries.Peek(k)
	if !ok {
		return Stored{}, false
	}
	return e.find(group, now)
}

func (s *shard) put(k Key, group string, r Stored) {
	octets := int64(overhead + 2*len(k.Name.Wire()) + r.Message.Size())
	if octets > s.limit/4 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries.Get(k)
	if !ok {
		e = &entry{}
		s.entries.Add(k, e)
	}
	e.drop(func(r response) bool { return r.group == group })
	if len(e.responses) == maxGroups {
		e.responses = slices.Delete(e.responses, 0, 1)
	}
	e.responses = append(e.responses, response{group, r, octets})
	s.account(e)
	for s.octets > s.limit && s.entries.Len() > 1 { // the last one is the one just put
		s.entries.RemoveOldest()
	}
}

// account brings what the shard holds up to date with a changed entry.
func (s *shard) account(e *entry) {
	var octets int64
	for _, r := range e.responses {
		octets += r.octets
	}
	s.octets += octets - e.octets
	e.octets = octets
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries.Len()
}

// drop forgets the responses that which names.
func (e *entry) drop(which func(response) bool) {
	e.responses = slices.DeleteFunc(e.responses, which)
}

// find returns the group's response if it still holds at now.
func (e *entry) find(group string, now time.Time) (Stored, bool) {
	for _, r := range e.responses {
		if r.group == group {
			return r.stored, r.stored.Left(now) > 0
		}
	}
	return Stored{}, false
}
