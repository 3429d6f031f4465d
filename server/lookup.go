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
// the cache. Otherwise the error is a *missing, or says why the group has no answer.
func (r *Resolver) lookup(s *snapshot, q Query, group string) (wire.Message, Source, error) {
	up, ok := s.upstreams[group]
	if !ok {
		return wire.Message{}, Source{}, fmt.Errorf("no upstream group %q", group)
	}
	if !q.RD && !s.admin(q.Client) {
		return wire.Message{}, Source{}, errNotCached // nor does anybody learn what others looked up
	}
	key := flightKey{cacheKey(q), up.id}
	if f := q.fetched; f != nil && f.key == key {
		return f.answer(q, group)
	}
	if stored, ok := r.cache.Get(key.Key, up.id, q.Received); ok {
		response, source := hit(q, group, stored)
		if q.RD && stored.Age(q.Received) >= s.refreshFrom(stored) {
			source.refresh = s.refresh(key, up, source.stored)
		}
		return response, source, nil
	}
	rest, ok := r.cache.Rest(key.Key, up.id, q.Received, s.config.Cache.Stale)
	if ok && rest.Left(q.Received) > 0 { // no such name; that is never refreshed
		rest.Message = rest.Message.For(q.Question)
		response, source := hit(q, group, rest)
		return response, source, nil
	}
	if !q.RD {
		return wire.Message{}, Source{}, errNotCached
	}
	m := &missing{key: key, up: up}
	if ok {
		kept := rest // on the heap only if there is one
		m.stale = &kept
	}
	return r.unknown(q, m, group)
}

// hit is the answer to q that lay in the cache.
func hit(q Query, group string, stored cache.Stored) (wire.Message, Source) {
	source := Source{Upstream: group, From: stored.From, Cache: "hit", RTT: -1, stored: &stored}
	return stored.Message.Aged(stored.Age(q.Received)), source
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

// refresh is what has to be asked for to refresh stored.
func (s *snapshot) refresh(key flightKey, up *group, stored *cache.Stored) *missing {
	m := &missing{key: key, up: up}
	if s.config.Cache.Stale > 0 {
		m.stale = stored // it will have expired when it is needed
	}
	return m
}

// cacheKey is what q is cached under. DO and CD change what upstreams say.
func cacheKey(q Query) cache.Key {
	return cache.Key{Name: q.Name, Type: q.Type, Class: q.Class, DO: q.DO, CD: q.CD}
}
