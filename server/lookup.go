package server

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"splitdns/server/config"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/guard"
	"splitdns/server/internal/wire"
)

// Exchanger asks one upstream group. It has done called exactly once, from any goroutine
// and perhaps before Exchange returns; from is the server that answered. A message may be
// shared; nobody changes it. The query may be put off until Flush. Close ends all
// exchanges, and returns when done was called for each.
type Exchanger interface {
	Exchange(q wire.UpstreamQuery, done func(m wire.Message, from string, err error))
	Flush()
	Close()
}

// errNotCached is the answer to a query without RD for a name that is not in
// the cache: it must not be forwarded (RFC 1034, section 4.3.1). Only
// administrators may look into the cache like that.
var errNotCached = errors.New("not cached, and the query does not ask for recursion")

// missing is what an upstream has to be asked for before a query can be resolved.
type missing struct {
	key flightKey
	up  *group
}

// Error is never read.
func (*missing) Error() string { return "an upstream must be asked" }

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
}

// lookup finds what upstream group says about q: among what was fetched for it, or in
// the cache. Otherwise the error is a *missing.
func (r *Resolver) lookup(s *snapshot, q Query, group string) (wire.Message, Source, error) {
	up, ok := s.upstreams[group]
	if !ok {
		return wire.Message{}, Source{}, fmt.Errorf("no upstream group %q", group)
	}
	source := Source{Upstream: group, Cache: "hit", RTT: -1}
	if !q.RD && !s.admin(q.Client) {
		return wire.Message{}, source, errNotCached // nor does anybody learn what others looked up
	}
	key := flightKey{cacheKey(q), up.id, q.era}
	if f := q.fetched; f != nil && f.key == key {
		return f.message, f.source(group), f.err
	}
	if stored, ok := r.cache.Get(key.Key, up.id, q.Received); ok {
		kept := stored // on the heap only if there is one
		source.From, source.stored = stored.From, &kept
		return stored.Message.Aged(stored.Age(q.Received)), source, nil
	}
	if !q.RD {
		return wire.Message{}, source, errNotCached
	}
	return wire.Message{}, source, &missing{key, up}
}

// source is where f came from.
func (f *fetched) source(group string) Source {
	source := Source{Upstream: group, From: f.from, Cache: "miss", RTT: f.rtt}
	if f.shared {
		source.Cache = "shared"
	}
	return source
}

// fetch asks an upstream for what w misses, and has it go on with what that said.
// Identical questions under way share one upstream query.
func (r *Resolver) fetch(w *waiting) {
	if !r.flight.Join(w.missing.key, w) {
		return
	}
	if err := r.exchange(w); err != nil {
		r.land(&fetched{key: w.missing.key, err: err})
	}
	r.due.add(w.missing.up)
}

// exchange asks the upstream. The error is a panic of ours.
func (r *Resolver) exchange(w *waiting) (err error) {
	defer guard.Catch(&err)
	m, asked := w.missing, w.query.Received // a moment ago
	m.up.count.Begin()
	m.up.Exchange(m.query(w.now), func(response wire.Message, from string, err error) {
		now := r.now()
		f := &fetched{key: m.key, message: response, from: from, err: err, rtt: now.Sub(asked)}
		m.up.count.End(f.rtt, err == nil)
		if err == nil {
			f.err = r.keep(w.now, m, f, now)
		}
		r.land(f)
	})
	return nil
}

// land has all go on that wait for f. The first of them has asked.
func (r *Resolver) land(f *fetched) {
	for i, w := range r.flight.Land(f.key) {
		if i == 1 {
			again := *f
			again.shared = true
			f = &again
		}
		w.goOn(f)
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

// query is what an upstream is asked for what is missing: nothing of the client's but
// the question, DO and CD.
func (m *missing) query(s *snapshot) wire.UpstreamQuery {
	return wire.UpstreamQuery{
		Question: wire.Question{Name: m.key.Name, Type: m.key.Type, Class: m.key.Class},
		DO:       m.key.DO, CD: m.key.CD, UDPSize: s.config.Server.UDPSize,
	}
}

// keep puts what an upstream said into the cache, and makes it what clients get: they
// keep it no longer than we do. The error is a panic of ours.
func (r *Resolver) keep(s *snapshot, m *missing, f *fetched, now time.Time) (err error) {
	defer guard.Catch(&err)
	f.message = f.message.CapTTL(longest(f.message, s.config.Cache))
	r.era.keep(m.key.era, func() {
		r.cache.Put(m.key.Key, m.up.id, cache.Stored{
			Message: f.message, From: f.from, StoredAt: now,
			Lifetime: f.message.Lifetime(s.config.Cache.MaxTTL, s.config.Cache.MaxNegativeTTL),
		})
	})
	return nil
}

// longest is the highest TTL, in seconds, of what c lets be kept of m.
func longest(m wire.Message, c config.Cache) uint32 {
	limit := c.MaxTTL
	if m.Empty() {
		limit = min(limit, c.MaxNegativeTTL)
	}
	return uint32(limit / time.Second)
}

// cacheKey is what q is cached under. DO and CD change what upstreams say.
func cacheKey(q Query) cache.Key {
	return cache.Key{Name: q.Name, Type: q.Type, Class: q.Class, DO: q.DO, CD: q.CD}
}
