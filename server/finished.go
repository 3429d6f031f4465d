package server

import (
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"splitdns/server/internal/cache"
	"splitdns/server/internal/metrics"
	"splitdns/server/internal/querylog"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// finished is an answer that needs no more work: for one question, one client
// class and one generation of the configuration. It never changes.
type finished struct {
	wire.Finished
	hash       uint64 // of the question and the class
	generation uint64
	class      policy.Class
	limit      uint32        // seconds: the rule's max_ttl
	until      time.Duration // when it ends, on the table's clock: up to here all that find reads is one cache line

	stored time.Duration // when its TTLs began to count
	counts bool          // they do
	opened bool          // its addresses are in sets
	slot   metrics.Slot  // where a query is counted that gets it
	line   querylog.Line // what the log gets; zero: nothing
}

// age is how long the TTLs of f have counted at a time.
func (f *finished) age(at time.Duration) time.Duration {
	if !f.counts {
		return 0
	}
	return max(0, at-f.stored)
}

// size is about how much memory f takes.
func (f *finished) size() int64 {
	return int64(int(unsafe.Sizeof(*f)) + f.Memory() + f.line.Memory())
}

// The bounds of what is kept finished.
const (
	maxFinishedSize   = 1232 // octets: larger ones are rare, and mostly not for UDP
	maxFinishedJudged = 16   // addresses in the log's entry
	finishedRoom      = 256  // octets that few take less than
	finishedPlaces    = 4    // where an answer may lie
	// renewFinished is for how long a finished answer is given at most. Who asks for
	// an older one goes the ordinary way, which marks its entry in the cache as used.
	renewFinished = 10 * time.Second
)

// finishedTable holds finished answers, each in one of a few places that its key
// gives; where all are taken, the one that ends first gives way. It is of fixed size
// and read without locks: whatever is lost is made again from the cache.
//
// A part of the cache's entries was turned down: finding an entry takes the lock
// of its LRU list, and moving it to the front a write that all readers share.
type finishedTable struct {
	seed  maphash.Seed // of this process: nobody can choose names that share a place
	start time.Time    // when the table's clock began
	slots []atomic.Pointer[finished]
	limit int64 // octets

	mu     sync.Mutex // held to write to slots; guards what follows
	octets int64      // of all that is there
	kept   int        // how many that are
	hand   int        // where room was made last
}

// newFinishedTable returns a table beside a cache of that many entries and octets,
// of which it may take a quarter more.
func newFinishedTable(entries int, octets int64) *finishedTable {
	octets /= 4
	room := max(finishedPlaces, min(int64(entries), octets/finishedRoom))
	size := 2 << bits.Len64(uint64(room)) // a power of two, of which half or more stays empty
	t := &finishedTable{seed: maphash.MakeSeed(), start: time.Now(), slots: make([]atomic.Pointer[finished], size)}
	t.limit = max(0, octets-int64(size)*int64(unsafe.Sizeof(t.slots[0])))
	return t
}

// clock is the time that has passed since the table was made. It is all that a
// finished answer knows of time: a number, which no setting of the clock changes.
func (t *finishedTable) clock(at time.Time) time.Duration { return at.Sub(t.start) }

// hash stands for a key and class.
func (t *finishedTable) hash(key []byte, class policy.Class) uint64 {
	return maphash.Bytes(t.seed, key) + uint64(class)*0x9E3779B97F4A7C15
}

// places returns where an answer may lie.
func (t *finishedTable) places(hash uint64) []atomic.Pointer[finished] {
	first := hash & uint64(len(t.slots)-finishedPlaces)
	return t.slots[first : first+finishedPlaces]
}

// find returns the finished answer for key that still holds at a time, or nil.
func (t *finishedTable) find(key []byte, class policy.Class, generation uint64, at time.Duration) *finished {
	hash := t.hash(key, class)
	places := t.places(hash)
	for i := range places {
		f := places[i].Load()
		if f != nil && f.hash == hash && f.class == class && f.generation == generation && at < f.until && f.Answers(key) {
			return f
		}
	}
	return nil
}

// put keeps f, and makes room where there is too much.
func (t *finishedTable) put(f *finished) {
	t.mu.Lock()
	defer t.mu.Unlock()
	places := t.places(f.hash)
	t.set(&places[f.choose(places)], f)
	for t.octets > t.limit {
		t.hand = (t.hand + 1) % len(t.slots)
		t.set(&t.slots[t.hand], nil)
	}
}

// choose picks a place for f: that of an earlier answer to the same question, an empty
// one, or that of the answer which ends first.
func (f *finished) choose(places []atomic.Pointer[finished]) int {
	best, ends := 0, time.Duration(math.MaxInt64)
	for i := range places {
		old := places[i].Load()
		switch {
		case old == nil:
			best, ends = i, math.MinInt64
		case old.hash == f.hash:
			return i
		case old.until < ends:
			best, ends = i, old.until
		}
	}
	return best
}

// set puts f, which may be nil, into a place. t.mu is held.
func (t *finishedTable) set(place *atomic.Pointer[finished], f *finished) {
	if f != nil {
		t.octets += f.size()
		t.kept++
	}
	if old := place.Swap(f); old != nil {
		t.octets -= old.size()
		t.kept--
	}
}

// finish keeps the answer to q finished, if the same will do for the next client of
// its class.
func (s *Server) finish(now *snapshot, q Query, o Outcome) {
	class := now.policy.Class(q.Client)
	if !q.keeps() || !o.keeps() || !now.policy.Served(class) {
		return
	}
	t := s.resolver.finished
	var room [wire.MaxKey]byte
	key, made := q.AppendKey(room[:0]), t.clock(q.Received)
	if t.find(key, class, now.generation, made) != nil {
		return // this client only takes less than it gives
	}
	f := &finished{hash: t.hash(key, class), class: class, generation: now.generation, until: made + renewFinished}
	f.limit = math.MaxUint32
	if o.Decision.MaxTTL != 0 {
		f.limit = uint32(o.Decision.MaxTTL / time.Second)
	}
	response := now.response(q, o)
	if stored := o.Source.stored; stored != nil {
		f.stored, f.counts = t.clock(stored.StoredAt), true
		f.until = min(f.until, f.stored+now.given(stored, made-f.stored))
		response.Message = stored.Message // TTLs as they were then
	}
	if o.Decision.Log {
		f.line = finishedLine(s.entry(q, o))
	}
	f.slot = s.book.Slot(o.kind(fromFinished))
	if f.Finished = response.Finish(); f.Size(true) <= maxFinishedSize {
		s.resolver.era.keep(q.era, func() { s.putFinished(f, o.opening) })
	}
}

// putFinished puts f into the table, unless it rests on what may be in sets no longer.
func (s *Server) putFinished(f *finished, p *opening) {
	t := s.resolver.finished
	if p == nil {
		t.put(f)
		return
	}
	f.opened, f.until = true, p.bound(t, f)
	s.setUse.era.keep(p.era, func() { t.put(f) })
}

// given is up to which age an answer of that age is given from finished octets: the
// first query after refreshFrom must find its entry, or that is never refreshed.
func (s *snapshot) given(stored *cache.Stored, age time.Duration) time.Duration {
	if from := s.refreshFrom(*stored); age < from {
		return from
	}
	return stored.Lifetime
}

// finishedLine is the entry of a query like that of e that gets a finished answer.
// It takes so little time that to find out how much would take as long.
func finishedLine(e querylog.Entry) querylog.Line {
	e.Duration = 0
	return querylog.NewLine(e)
}

// keeps reports whether q is of the kind that the fast path reads.
func (q Query) keeps() bool {
	return q.Class == wire.ClassIN && !q.Type.IsMeta() && q.RD
}

// keeps reports whether o stays the same but for its TTLs: an answer from the cache
// that was not changed, or one of our own, whose TTLs do not count down.
func (o Outcome) keeps() bool {
	if o.Failure != nil || !o.opening.keeps() || o.Response.Rcode() > maxPlainRcode || len(o.Judgement.Addresses) > maxFinishedJudged {
		return false
	}
	return o.Source.Upstream == "" || o.Source.stored != nil && !o.Changed
}

// maxPlainRcode is the highest rcode that needs no OPT record (RFC 6891, section 6.1.3).
const maxPlainRcode = 15
