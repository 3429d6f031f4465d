package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"splitdns/server/config"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
)

// Exchanger asks one upstream group. from is the server that answered. A
// returned message may be shared; nobody changes it.
type Exchanger interface {
	Exchange(ctx context.Context, q wire.UpstreamQuery) (m wire.Message, from string, err error)
	Close()
}

// errNotCached is the answer to a query without RD for a name that is not in
// the cache: it must not be forwarded (RFC 1034, section 4.3.1). Only
// administrators may look into the cache like that.
var errNotCached = errors.New("not cached, and the query does not ask for recursion")

// errMustWait says that the answer is not known yet, to a query that does not wait.
var errMustWait = errors.New("an upstream must be asked")

// flightKey tells identical questions apart: what is asked, and whom.
type flightKey struct {
	cache.Key
	group string
}

// fetched is what an upstream said, and how long it took.
type fetched struct {
	message wire.Message
	from    string
	rtt     time.Duration
}

// lookup finds what upstream group says about q: in the cache, or by asking.
// Identical questions under way share one upstream query.
func (r *Resolver) lookup(ctx context.Context, s *snapshot, q Query, group string) (wire.Message, Source, error) {
	up, ok := s.upstreams[group]
	if !ok {
		return wire.Message{}, Source{}, fmt.Errorf("no upstream group %q", group)
	}
	key := cacheKey(q)
	source := Source{Upstream: group, Cache: "hit", RTT: -1}
	now := time.Now()
	if !q.RD && !s.admin(q.Client) {
		return wire.Message{}, source, errNotCached // nor does anybody learn what others looked up
	}
	if stored, ok := r.cache.Get(key, up.id, now); ok {
		source.From, source.stored = stored.From, &stored
		return stored.Message.Aged(stored.Age(now)), source, nil
	}
	if !q.RD {
		return wire.Message{}, source, errNotCached
	}
	if !q.waits {
		return wire.Message{}, source, errMustWait
	}
	f, shared, err := r.flight.Do(ctx, flightKey{key, up.id}, func(ctx context.Context) (fetched, error) {
		return r.fetch(ctx, up, key, s)
	})
	if err != nil {
		return wire.Message{}, source, err
	}
	source.From, source.Cache, source.RTT = f.from, "miss", f.rtt
	if shared {
		source.Cache = "shared"
	}
	return f.message, source, nil
}

// fetch asks up and keeps what it said.
func (r *Resolver) fetch(ctx context.Context, up *group, key cache.Key, s *snapshot) (fetched, error) {
	asked := time.Now()
	m, from, err := up.Exchange(ctx, wire.UpstreamQuery{
		Question: wire.Question{Name: key.Name, Type: key.Type, Class: key.Class},
		DO:       key.DO, CD: key.CD, UDPSize: s.config.Server.UDPSize,
	})
	if err != nil {
		return fetched{}, err
	}
	now := time.Now()
	m = m.CapTTL(longest(m, s.config.Cache)) // clients keep it no longer than we do
	r.cache.Put(key, up.id, cache.Stored{
		Message: m, From: from, StoredAt: now,
		Lifetime: m.Lifetime(s.config.Cache.MaxTTL, s.config.Cache.MaxNegativeTTL),
	})
	return fetched{message: m, from: from, rtt: now.Sub(asked)}, nil
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
