package server

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"splitdns/server/config"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/guard"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// maxPrefetches is how many answers may be refreshed at once that nobody waits for.
const maxPrefetches = 64

// missing is what an upstream has to be asked for before a query can be resolved.
type missing struct {
	key   flightKey
	up    *group
	stale *cache.Stored // what there is in its place if the upstream has no answer; nil: nothing
	sets  bool          // a rule with sets matches the name
}

// Error is never read.
func (*missing) Error() string { return "an upstream must be asked" }

// keep has stored be what there is in m's place.
func (m *missing) keep(stored cache.Stored) { m.stale = &stored }

// flightKey tells identical questions apart: what is asked, and whom. Those of
// different eras are never identical: who asks after a flush gets nothing from before.
type flightKey struct {
	cache.Key
	group string
	era   uint64
}

// fetched is what an upstream said, and how long it took.
type fetched struct {
	key     flightKey
	message wire.Message
	from    string
	err     error
	rtt     time.Duration
	shared  bool // it was asked for another query

	again bool          // it is a failure from before
	stale *cache.Stored // what is answered in its place
	late  bool          // it has said nothing yet
}

// failed reports whether the upstream had no answer.
func (f *fetched) failed() bool { return f.err != nil || isFailure(f.message.Rcode()) }

// isFailure reports whether a response with rcode is no answer.
func isFailure(rcode wire.Rcode) bool { return rcode == wire.ServFail || rcode == wire.Refused }

// fetching is an upstream on its way to be asked.
type fetching struct {
	*missing
	server *Server
	now    *snapshot
	asked  time.Time
	asker  *waiting // for whom; nil: for nobody who waits

	timer  *time.Timer // runs out when nobody need wait any longer; nil: they must
	landed sync.Once
}

// fetch asks an upstream for what w misses, and has it go on with what that said.
// Identical questions under way share one upstream query.
func (r *Resolver) fetch(w *waiting) {
	turn, first := r.flight.Join(w.missing.key, w)
	if !first {
		return
	}
	r.begin(&fetching{missing: w.missing, server: w.server, now: w.now, asked: w.query.Received, asker: w}, turn)
}

// prefetch asks an upstream for m, which is about to expire, where nobody waits for it.
// It does so only while few others are under way, and not after a failure.
func (r *Resolver) prefetch(s *Server, now *snapshot, m *missing, asked time.Time) {
	if _, failed := r.cache.Failure(m.key.Key, m.up.id, asked); failed {
		return
	}
	if r.prefetching.Add(1) > maxPrefetches {
		r.prefetching.Add(-1)
		return
	}
	turn, first := r.flight.Join(m.key)
	if !first {
		r.prefetching.Add(-1)
		return
	}
	r.prefetched.Add(1)
	r.begin(&fetching{missing: m, server: s, now: now, asked: asked}, turn)
}

// begin asks the upstream, for the flight's work of that turn.
func (r *Resolver) begin(x *fetching, turn uint64) {
	if x.stale != nil {
		x.timer = time.AfterFunc(clientPatience, func() { r.relieve(x, turn) })
	}
	if err := r.exchange(x); err != nil {
		r.land(x, &fetched{key: x.key, err: err})
	}
	r.due.add(x.up)
}

// exchange asks the upstream. The error is a panic of ours.
func (r *Resolver) exchange(x *fetching) (err error) {
	defer guard.Catch(&err)
	x.up.count.Begin()
	x.up.Exchange(x.query(x.now), func(response wire.Message, from string, err error) {
		now := r.now()
		f := &fetched{key: x.key, message: response, from: from, err: err, rtt: now.Sub(x.asked)}
		x.up.count.End(f.rtt, !f.failed())
		if err := r.keep(x, f, now); err != nil {
			f.err, f.stale = err, nil
		}
		r.land(x, f)
	})
	return nil
}

// relieve has all go on with what is stale that wait for x, which goes on itself: what the
// upstream says later is for the cache.
func (r *Resolver) relieve(x *fetching, turn uint64) {
	f := &fetched{key: x.key, stale: x.stale, late: true}
	for _, w := range r.flight.Relieve(x.key, turn) {
		w.goOn(f)
	}
	x.server.flushResponses()
}

// land has all go on that wait for what x has brought.
func (r *Resolver) land(x *fetching, f *fetched) {
	x.landed.Do(func() {
		if x.timer != nil {
			x.timer.Stop()
		}
		if x.asker == nil {
			r.prefetching.Add(-1)
		}
		shared := *f
		shared.shared = true
		for _, w := range r.flight.Land(x.key) {
			if w == x.asker {
				w.goOn(f)
			} else {
				w.goOn(&shared)
			}
		}
	})
}

// keep puts what an upstream said into the cache, and makes it what clients get: they
// keep it no longer than we do. The error is a panic of ours.
func (r *Resolver) keep(x *fetching, f *fetched, now time.Time) (err error) {
	defer guard.Catch(&err)
	c := x.now.config.Cache
	if f.failed() {
		f.stale = x.stale
		r.remember(f, now, c.FailureTTL)
		return nil
	}
	f.message = f.message.CapSOA().CapTTL(longest(f.message, c))
	r.era.keep(x.key.era, func() {
		r.cache.Put(x.key.Key, x.key.group, cache.Stored{
			Message: f.message, From: f.from, StoredAt: now,
			Lifetime: f.message.Lifetime(c.MaxTTL, c.MaxNegativeTTL),
		})
	})
	return nil
}

// remember keeps the failure f for a while, so that not every query asks once more
// (RFC 9520, section 3.2). An end of ours is nobody's failure.
func (r *Resolver) remember(f *fetched, now time.Time, ttl time.Duration) {
	if errors.Is(f.err, upstream.ErrClosed) {
		return
	}
	m := f.message
	if f.err != nil {
		question := wire.Question{Name: f.key.Name, Type: f.key.Type, Class: f.key.Class}
		m = wire.NewMessage(question, wire.ServFail).WithEDEs(reason(f.err))
	}
	r.era.keep(f.key.era, func() {
		r.cache.PutFailure(f.key.Key, f.key.group, cache.Stored{Message: m, From: f.from, StoredAt: now, Lifetime: ttl})
	})
}

// longest is the highest TTL, in seconds, of what c lets be kept of m.
func longest(m wire.Message, c config.Cache) uint32 {
	limit := c.MaxTTL
	if m.Empty() {
		limit = min(limit, c.MaxNegativeTTL)
	}
	return uint32(limit / time.Second)
}

// query is what an upstream is asked for what is missing: nothing of the client's but
// the question, DO and CD.
func (m *missing) query(s *snapshot) wire.UpstreamQuery {
	return wire.UpstreamQuery{
		Question: wire.Question{Name: m.key.Name, Type: m.key.Type, Class: m.key.Class},
		DO:       m.key.DO, CD: m.key.CD, UDPSize: s.config.Server.UDPSize,
	}
}

// due are the upstream groups that queries were left with to be sent together.
type due struct {
	any    atomic.Bool // there are some
	mu     sync.Mutex  // guards groups
	groups []*group
}

// add adds up.
func (d *due) add(up *group) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Contains(d.groups, up) {
		d.groups = append(d.groups, up)
	}
	d.any.Store(true)
}

// flush sends the queries, and reports whether there were any. Without, it costs next to
// nothing.
func (d *due) flush() bool {
	if !d.any.Swap(false) {
		return false
	}
	d.mu.Lock()
	groups := d.groups
	d.groups = nil
	d.mu.Unlock()
	for _, up := range groups {
		up.Flush()
	}
	return true
}
