package server

import (
	"bytes"
	"hash/maphash"
	"math"
	"math/bits"
	"sync/atomic"
	"time"

	"splitdns/server/internal/querylog"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// finished is an answer that needs no more work: for one question, one client
// class and one generation of the configuration. It never changes.
type finished struct {
	wire.Finished
	key        []byte // as wire.Glance.AppendKey makes it
	class      policy.Class
	generation uint64

	made     time.Time
	stored   time.Time     // when its TTLs began to count; zero: they do not
	lifetime time.Duration // from stored on
	limit    uint32        // seconds: the rule's max_ttl
	log      bool
	entry    querylog.Entry // what the log gets, but for time, client and duration
}

// age is how long the TTLs of f have counted at a time.
func (f *finished) age(at time.Time) time.Duration {
	if f.stored.IsZero() {
		return 0
	}
	return max(0, at.Sub(f.stored))
}

// fresh reports whether f still holds at a time, and is young enough: who asks for
// an older one goes the ordinary way, which marks its entry in the cache as used.
func (f *finished) fresh(at time.Time) bool {
	return f.age(at) < f.lifetime && at.Sub(f.made) < renewFinished
}

// The bounds of what is kept finished.
const (
	maxFinishedSize   = 1232 // octets: larger ones are rare, and mostly not for UDP
	maxFinishedJudged = 16   // addresses in the log's entry
	finishedRoom      = 4096 // octets that one takes at most, with its key and entry
	renewFinished     = 10 * time.Second
)

// finishedTable holds finished answers, each in one of two places that its key
// gives; where both are taken the older key gives way. It is small, of fixed size
// and without locks: whatever is lost is made again from the cache.
//
// A part of the cache's entries was turned down: finding an entry takes the lock
// of its LRU list, and moving it to the front a write that all readers share.
type finishedTable struct {
	seed  maphash.Seed // of this process: nobody can choose names that share a place
	slots []atomic.Pointer[finished]
}

// newFinishedTable returns a table beside a cache of that many entries and octets,
// of which it may take a quarter more.
func newFinishedTable(entries int, octets int64) *finishedTable {
	room := min(int64(entries), octets/4/finishedRoom)
	size := 1 << (bits.Len64(uint64(max(4, room))) - 1) // a power of two, not above room
	return &finishedTable{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[finished], size)}
}

// places returns the two places for a key and class.
func (t *finishedTable) places(key []byte, class policy.Class) (first, second *atomic.Pointer[finished]) {
	h := (maphash.Bytes(t.seed, key) + uint64(class)*0x9E3779B97F4A7C15) & uint64(len(t.slots)-1)
	return &t.slots[h], &t.slots[h^1]
}

// find returns the finished answer for key, or nil.
func (t *finishedTable) find(key []byte, class policy.Class, generation uint64) *finished {
	first, second := t.places(key, class)
	for _, place := range [...]*atomic.Pointer[finished]{first, second} {
		if f := place.Load(); f != nil && f.generation == generation && f.class == class && bytes.Equal(f.key, key) {
			return f
		}
	}
	return nil
}

// put keeps f.
func (t *finishedTable) put(f *finished) {
	first, second := t.places(f.key, f.class)
	if old := second.Load(); old != nil && old.class == f.class && bytes.Equal(old.key, f.key) {
		second.Store(f)
		return
	}
	if old := first.Load(); old != nil && !bytes.Equal(old.key, f.key) {
		second.Store(old)
	}
	first.Store(f)
}

// finish keeps the answer to q finished, if the same will do for the next client of
// its class.
func (s *Server) finish(now *snapshot, q Query, o Outcome) {
	class := now.policy.Class(q.Client)
	if !q.keeps() || !o.keeps() || !now.policy.Served(class) {
		return
	}
	var room [wire.MaxKey]byte
	key := q.AppendKey(room[:0])
	if old := s.resolver.finished.find(key, class, now.generation); old != nil && old.fresh(q.Received) {
		return // this client only takes less than it gives
	}
	f := &finished{key: bytes.Clone(key), class: class, generation: now.generation, made: q.Received, lifetime: math.MaxInt64}
	f.limit = math.MaxUint32
	if o.Decision.MaxTTL != 0 {
		f.limit = uint32(o.Decision.MaxTTL / time.Second)
	}
	response := now.response(q, o)
	if stored := o.Source.stored; stored != nil {
		f.stored, f.lifetime = stored.StoredAt, stored.Lifetime
		response.Message = stored.Message // TTLs as they were then
	}
	if f.log = o.Decision.Log; f.log {
		f.entry = s.entry(q, o)
	}
	if f.Finished = response.Finish(); f.Size(true) <= maxFinishedSize {
		s.resolver.finished.put(f)
	}
}

// keeps reports whether q is of the kind that the fast path reads.
func (q Query) keeps() bool {
	return q.Class == wire.ClassIN && !q.Type.IsMeta() && q.RD
}

// keeps reports whether o stays the same but for its TTLs: an answer from the cache
// that was not changed, or one of our own, whose TTLs do not count down.
func (o Outcome) keeps() bool {
	if o.Failure != nil || o.Response.Rcode() > maxPlainRcode || len(o.Judgement.Addresses) > maxFinishedJudged {
		return false
	}
	return o.Source.Upstream == "" || o.Source.stored != nil && !o.Changed
}

// maxPlainRcode is the highest rcode that needs no OPT record (RFC 6891, section 6.1.3).
const maxPlainRcode = 15
