package cache

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A shard is a part of the cache with a lock of its own.
type shard struct {
	limit   int64 // octets
	mu      sync.RWMutex
	entries *simplelru.LRU[uint64, entry] // by the hash of the key; of two keys with one hash the later stays
	octets  int64                         // of all entries
	puts    uint32                        // so far
	rare    *rare                         // of all shards
	evicted uint64                        // so far: see Stats
}

// An entry is one response. It never changes, but is put in place of itself when it
// is used.
type entry struct {
	octets string // the key, from whom, when and for how long, and the compact message
	used   uint32 // how many puts there had been when it came to the front of the list
	rare   bool   // it is a cut or a failure
}

// overhead is what an entry takes besides its octets: the element of the list and the
// slot of the map.
const overhead = 136

// size is about how much memory e takes: an allocation is rounded up, by an eighth
// at most if it is not small.
func (e entry) size() int64 { return overhead + int64(len(e.octets)+len(e.octets)/8) }

// newShard returns a shard for that many entries, at least one.
func newShard(size int, octets int64, r *rare) *shard {
	s := &shard{limit: octets, rare: r}
	var err error
	s.entries, err = simplelru.NewLRU(size, s.count(-1))
	if err != nil {
		panic("cache: " + err.Error()) // only for a size below 1
	}
	return s
}

// count returns what counts an entry that comes, for n = 1, or goes, for -1. The lock is held.
func (s *shard) count(n int64) func(hash uint64, e entry) {
	return func(hash uint64, e entry) {
		s.octets += n * e.size()
		if e.rare {
			s.rare.add(hash, int32(n))
		}
	}
}

// find returns the entry of key. due says that it is time to mark it as used: a
// quarter of the list may have come before it since the last time. So an entry that
// is always in use is never near the list's end, and of its hits hardly one changes
// the list.
func (s *shard) find(hash uint64, key []byte) (e entry, due, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok = s.entries.Peek(hash)
	if len(e.octets) < len(key) || e.octets[:len(key)] != string(key) {
		return entry{}, false, false
	}
	return e, int(s.puts-e.used) > s.entries.Len()/4, ok
}

// use brings e to the front of the list if it is still there.
func (s *shard) use(hash uint64, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, ok := s.entries.Peek(hash); ok && now.octets == e.octets {
		e.used = s.puts
		s.entries.Add(hash, e)
	}
}

// drop removes e if it is still there.
func (s *shard) drop(hash uint64, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now, ok := s.entries.Peek(hash); ok && now.octets == e.octets {
		s.entries.Remove(hash)
	}
}

// put keeps e, which begins with its key, in place of an earlier entry. One that is too
// large only takes its place away.
func (s *shard) put(hash uint64, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.size() > s.limit/4 {
		s.entries.Remove(hash)
		return
	}
	s.puts++
	e.used = s.puts
	before, _ := s.entries.Peek(hash)
	if before.octets != "" {
		s.count(-1)(hash, before)
	}
	s.count(1)(hash, e)
	if s.entries.Add(hash, e) {
		s.evicted++
	}
	for s.octets > s.limit && s.entries.Len() > 1 { // the last one is the one just put
		s.entries.RemoveOldest()
		s.evicted++
	}
}

func (s *shard) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries.Len()
}
