package server

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
)

const (
	// clientPatience is how long a client waits for an upstream where a stale answer is at
	// hand (RFC 8767, section 5: 1.8 seconds, as most stub resolvers ask again after two).
	// It is real time, whatever the clock says by which answers age.
	clientPatience = 1800 * time.Millisecond
	// staleTTL is the TTL of stale answers, in seconds (RFC 8767, section 4).
	staleTTL = 30
)

// unknown is what there is instead of an answer that holds: none yet, since an upstream
// has to be asked; an answer that has expired, where the upstream has failed a moment ago
// or takes too long; or else that failure. So what has failed is asked again once in
// cache.failure_ttl, stale answers or not. Without RD there is nothing of all that.
func (r *Resolver) unknown(q Query, m *missing) (wire.Message, Source, error) {
	if !q.RD {
		return wire.Message{}, Source{}, errNotCached
	}
	f, failed := r.remembered(m.key, q.Received)
	switch {
	case failed:
		f.stale = m.stale
	case m.stale != nil && r.flight.Late(m.key):
		f = &fetched{key: m.key, stale: m.stale, late: true}
	default:
		return wire.Message{}, Source{}, m
	}
	return f.answer(q, m.up.config.Name)
}

// remembered is the failure of the question key, if there was one a moment ago.
func (r *Resolver) remembered(key flightKey, now time.Time) (*fetched, bool) {
	stored, ok := r.cache.Failure(key.Key, key.group, now)
	if !ok {
		return nil, false
	}
	f := &fetched{key: key, message: stored.Message, from: stored.From, rtt: -1, again: true}
	if f.from == "" { // nobody said that, it is what we made of it
		f.err = &cachedError{stored.Message.EDEs()[0]}
	}
	return f, true
}

// A cachedError is an upstream's failure from before.
type cachedError struct{ reason wire.EDE }

// Error is what was said of it the first time.
func (e *cachedError) Error() string { return e.reason.Text }

// reason is err as an extended error.
func reason(err error) wire.EDE {
	if e, ok := errors.AsType[*cachedError](err); ok {
		return e.reason
	}
	return wire.EDE{Code: failureCode(err), Text: err.Error()}
}

// isFor reports whether f is what was asked for key; nil is for none.
func (f *fetched) isFor(key flightKey) bool { return f != nil && f.key == key }

// answer is what f says to q, or what is stale in its place.
func (f *fetched) answer(q Query, group string) (wire.Message, Source, error) {
	source := f.source(group)
	if f.stale == nil {
		if f.again {
			source.notes = []wire.EDE{{Code: wire.EDECachedError}}
		}
		return f.message, source, f.err
	}
	source.From, source.Cache, source.RTT = f.stale.From, "stale", -1
	source.notes = f.staleNotes(q.Received, group)
	return f.stale.Message.For(q.Question).Stale(staleTTL), source, nil
}

// staleNotes says that the answer is stale, and why.
func (f *fetched) staleNotes(now time.Time, group string) []wire.EDE {
	note := wire.EDE{Code: wire.EDEStale, Text: fmt.Sprintf("expired %v ago", expired(*f.stale, now))}
	if f.stale.Message.Rcode() == wire.NXDomain {
		note.Code = wire.EDEStaleNXDomain
	}
	switch {
	case f.late:
		note.Text += fmt.Sprintf("; upstream %s: no answer in %v", group, clientPatience)
		return []wire.EDE{note}
	case f.err != nil:
		return []wire.EDE{note, reason(f.err)}
	}
	return append([]wire.EDE{note}, refusal(f.message, group, f.from)...)
}

// expired is for how long s has no longer held at now, in whole seconds.
func expired(s cache.Stored, now time.Time) time.Duration {
	return max(0, s.Age(now)-s.Lifetime).Truncate(time.Second)
}

// source is where f came from.
func (f *fetched) source(group string) Source {
	source := Source{Upstream: group, From: f.from, Cache: "miss", RTT: f.rtt}
	switch {
	case f.again:
		source.Cache = "hit"
	case f.shared:
		source.Cache = "shared"
	}
	return source
}

// refusal says that an upstream's response m is no answer: by its own extended errors, or
// where it has none, that it is the upstream's.
func refusal(m wire.Message, group, from string) []wire.EDE {
	if len(m.EDEs()) > 0 {
		return relayedEDEs(m, group)
	}
	text := fmt.Sprintf("upstream %s: %s: answered %v", group, from, m.Rcode())
	return []wire.EDE{{Code: wire.EDENoReachable, Text: text}}
}

// relayedEDEs are the extended errors of m, which are never taken for ours.
func relayedEDEs(m wire.Message, group string) (edes []wire.EDE) {
	for _, e := range m.EDEs() {
		e.Text = strings.TrimSuffix("upstream "+group+": "+e.Text, ": ")
		edes = append(edes, e)
	}
	return edes
}
