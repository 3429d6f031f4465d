package server

import (
	"errors"
	"fmt"
	"time"

	"splitdns/server/internal/cache"
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

// lookup finds what upstream group says about q: among what was fetched for it, or in
// the cache; of a query with given answers, there. Otherwise the error is a *missing, or says why the group has no answer.
func (r *Resolver) lookup(s *snapshot, q Query, group string) (wire.Message, Source, error) {
	if q.given != nil {
		return q.given.answer(q.Question, group)
	}
	up, ok := s.upstreams[group]
	if !ok {
		return wire.Message{}, Source{}, fmt.Errorf("no upstream group %q", group)
	}
	if !q.RD && !s.admin(q.Client) {
		return wire.Message{}, Source{}, errNotCached // nor does anybody learn what others looked up
	}
	key := flightKey{cacheKey(q), up.id, q.era}
	if f := q.fetched; f.isFor(key) {
		return f.answer(q, group)
	}
	if stored, ok := r.cache.Get(key.Key, up.id, q.Received); ok {
		return s.hit(q, key, up, stored)
	}
	rest, known := r.cache.Rest(key.Key, up.id, q.Received, s.config.Cache.Stale)
	if known && rest.Left(q.Received) > 0 { // there is no such name
		rest.Message = rest.Message.For(q.Question)
		return s.hit(q, key, up, rest)
	}
	m := &missing{key: key, up: up}
	if known {
		m.keep(rest)
	}
	return r.unknown(q, m)
}

// hit is the answer to q that lay in the cache. The error is nil.
func (s *snapshot) hit(q Query, key flightKey, up *group, stored cache.Stored) (wire.Message, Source, error) {
	age := stored.Age(q.Received)
	source := Source{Upstream: up.config.Name, From: stored.From, Cache: "hit", RTT: -1, stored: &stored}
	if q.RD && age >= s.refreshFrom(stored) && !stored.Message.DeniesName() { // that may be about a name above
		source.refresh = &missing{key: key, up: up}
		if s.config.Cache.Stale > 0 {
			source.refresh.stale = &stored // it will have expired when it is needed
		}
	}
	return stored.Message.Aged(age), source, nil
}

// minPrefetched is the shortest lifetime of what is refreshed before its end. Of a
// shorter one, the last tenth is less than a second.
const minPrefetched = 10 * time.Second

// refreshFrom is how old stored is when a hit has it refreshed: in the last tenth of its
// life. What is never refreshed is never so old.
func (s *snapshot) refreshFrom(stored cache.Stored) time.Duration {
	if !s.config.Cache.Prefetch || stored.Lifetime < minPrefetched {
		return stored.Lifetime
	}
	return stored.Lifetime - stored.Lifetime/10
}

// cacheKey is what q is cached under. DO and CD change what upstreams say.
func cacheKey(q Query) cache.Key {
	return cache.Key{Name: q.Name, Type: q.Type, Class: q.Class, DO: q.DO, CD: q.CD}
}
