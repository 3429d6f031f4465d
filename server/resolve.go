package server

import (
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"splitdns/server/internal/addressfeed"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/flight"
	"splitdns/server/internal/guard"
	"splitdns/server/internal/metrics"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// Query is one question with who asked it and when.
type Query struct {
	wire.Query
	Client   netip.Addr // unmapped, without a scope
	TCP      bool
	Received time.Time
	options  wire.Options   // of the response
	fetched  *fetched       // what an upstream said when it was asked for this query; nil before
	given    *Given         // what upstreams would say: nobody is asked; nil for live queries
	era      uint64         // that of the resolver when the query came
	tally    *metrics.Tally // where it is counted; see [metrics.Book.Or]
}

// Outcome is what became of a query. The answer, the query log and explain
// all read it, so none of them can tell another story.
type Outcome struct {
	Decision  policy.Decision
	Judgement policy.Judgement
	Response  wire.Message
	Source    Source

	Changed       bool       // Response is not what an upstream said
	Pinned        bool       // by what the pin did
	Code          uint16     // the extended error that a change calls for (RFC 8914)
	Notes         []wire.EDE // extended errors besides the annotation
	Relayed       []wire.EDE // those that the upstream sent
	Authoritative bool       // the answer is about this server itself, or of a local zone
	Failure       error      // why nobody had an answer

	Private []netip.Addr // addresses that were removed because public servers must not give them
	Special *special     // the special-use name that was answered
	Local   string       // the local zone that has answered
	Shadow  shadowOutcome
	opening *opening // what the answer needs of sets; nil: nothing

	missing *missing // what has to be asked for before there is an outcome; the rest is not set
}

// Source says where a response came from. The zero value is ourselves.
type Source struct {
	Upstream string        // the group that was asked, now or when the answer was cached
	From     string        // the server of the group that answered
	Cache    string        // "hit", "stale", "miss", "shared" with an identical question under way; "local" and "special" are ours
	RTT      time.Duration // of the upstream; negative if none was asked for this query
	stored   *cache.Stored // for a hit: what lay in the cache
	refresh  *missing      // what is to be asked for, as that is about to expire; nil: nothing
	notes    []wire.EDE    // extended errors about how the response was come by
}

// Resolver finds responses. It outlives reloads: the cache and the queries
// under way stay, what the configuration says is one snapshot.
type Resolver struct {
	current atomic.Pointer[snapshot]
	cache   *cache.Cache
	flight  flight.Flight[flightKey, *waiting]
	due     due
	limit   *limiter
	about   about
	now     func() time.Time // by which answers age

	finished    *finishedTable // answers that need no Resolve
	prefetching atomic.Int32   // answers that are refreshed with nobody waiting
	prefetched  atomic.Uint64  // how many were, so far
	era         era            // ends with each flush
	seen        *sightings
	feeds       *addressfeed.Feeds
	shadowed    shadowCounts
	sets        firewall // for explanations; nil: nobody knows what is in sets
}

// Resolve finds the response to q by what s says. Read it from top to bottom:
// every step that can change what a client gets is a line here. It never waits: where
// an upstream has to be asked, the outcome only says what is missing, and q is to be
// resolved once more with what [Resolver.fetch] brings.
func (r *Resolver) Resolve(s *snapshot, q Query) Outcome {
	class := s.policy.Class(q.Client)
	if !s.policy.Served(class) {
		return refused(q, wire.EDE{Code: wire.EDEProhibited, Text: "this client is not in server.allow"})
	}
	if q.Class == wire.ClassCH {
		return r.chaos(s, q)
	}
	if o, ok := unsupported(q); ok {
		return o
	}
	d := s.policy.Decide(q.Name, class)
	if d.Answer.Given() {
		return s.beside(q, nil, r.local(s, q, d))
	}
	if o, ok := r.localZone(s, q, d); ok {
		return o
	}
	if o, ok := s.neverLeaves(q.Question, d); ok {
		return o
	}
	if q.Type == wire.TypeANY {
		return minimal(q, d)
	}
	m, source, err := r.lookup(s, q, d.Upstream) // in the cache, or from upstream
	if err != nil {
		return failed(q, d, err)
	}
	d = s.policy.Along(d, m.Chain(), class)
	if d.Answer.Given() { // a rule blocks a name of the chain
		o := r.local(s, q, d)
		o.Source = source
		return s.beside(q, &m, o)
	}
	public, private := s.withoutPrivate(m, d) // after the cache, as the pin: a reload takes effect on cached answers
	o := s.pin(public, d)
	o = s.lessPrivate(o, private, d)
	o.Response = capTTL(o.Response, d)
	return s.beside(q, &m, o.relayed(m, source))
}

// unsupported answers what a forwarding resolver does not do: zone transfers and
// classes other than IN.
func unsupported(q Query) (Outcome, bool) {
	switch {
	case q.Class != wire.ClassIN:
		return refused(q, wire.EDE{Code: wire.EDENotSupported, Text: "only classes IN and CH"}), true
	case q.Type == wire.TypeAXFR || q.Type == wire.TypeIXFR:
		return refused(q, wire.EDE{Code: wire.EDEProhibited, Text: "no zone transfers"}), true
	}
	return Outcome{}, false
}

// anyTTL is the lifetime of the answer to ANY, in seconds.
const anyTTL = 3600

// minimal answers ANY without asking anybody (RFC 8482, section 4.2).
func minimal(q Query, d policy.Decision) Outcome {
	return Outcome{Decision: d, Response: capTTL(minimalAnswer(q.Question), d), Source: Source{RTT: -1}}
}

// minimalAnswer is the answer to ANY for a name that may have anything.
func minimalAnswer(q wire.Question) wire.Message {
	return wire.NewMessage(q, wire.NoError).WithAnswer(wire.AnyRecord(q.Name, anyTTL))
}

// What Source.Cache says of answers that come from neither a cache nor an upstream.
const (
	cacheLocal   = "local"
	cacheSpecial = "special"
)

// refused is REFUSED with its reason.
func refused(q Query, why wire.EDE) Outcome {
	return Outcome{
		Response: wire.NewMessage(q.Question, wire.Refused),
		Source:   Source{RTT: -1},
		Notes:    []wire.EDE{why},
	}
}

// failed is what a client gets when nobody had an answer: SERVFAIL and why, or
// REFUSED for a question that must not be forwarded. Where nobody was asked yet, it is
// what is missing.
func failed(q Query, d policy.Decision, err error) Outcome {
	if m, ok := errors.AsType[*missing](err); ok {
		m.sets = len(d.Sets) > 0
		return Outcome{missing: m}
	}
	o := Outcome{Decision: d, Source: Source{Upstream: d.Upstream, Cache: "miss", RTT: -1}, Failure: err}
	if errors.Is(err, errNotCached) {
		o.Source = Source{RTT: -1} // nobody was asked
		o.Response = wire.NewMessage(q.Question, wire.Refused)
		o.Notes = []wire.EDE{{Code: wire.EDENotAuthoritative, Text: err.Error()}}
		return o
	}
	o.Response = wire.NewMessage(q.Question, wire.ServFail)
	o.Notes = []wire.EDE{reason(err)}
	if _, ok := errors.AsType[*cachedError](err); ok {
		o.Source.Cache = "hit"
		o.Notes = append(o.Notes, wire.EDE{Code: wire.EDECachedError})
	}
	if _, ok := errors.AsType[*guard.PanicError](err); ok {
		o.Notes = []wire.EDE{{Text: "internal error: the program's log has more"}}
	}
	return o
}

// relayed is o with where m came from, and with the extended errors that go with
// m: its own, and where a failure has none, that it is the upstream's. An upstream
// that refuses has refused us and not the client, who gets SERVFAIL as with any
// other trouble behind us.
func (o Outcome) relayed(m wire.Message, source Source) Outcome {
	o.Source, o.Notes = source, slices.Concat(o.Notes, source.notes)
	o.Relayed = relayedEDEs(m, source.Upstream)
	if !isFailure(m.Rcode()) {
		return o
	}
	o = o.servfail()
	o.Private, o.Notes = nil, source.notes // of an answer that is none
	if len(o.Relayed) == 0 {
		o.Notes = append(refusal(m, source.Upstream, source.From), o.Notes...)
	}
	return o
}

// failureCode picks the extended error for an upstream failure.
func failureCode(err error) uint16 {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return wire.EDENoReachable
	}
	return wire.EDENetworkError
}

// capTTL holds the response to the rule's max_ttl.
func capTTL(m wire.Message, d policy.Decision) wire.Message {
	if d.MaxTTL == 0 {
		return m
	}
	return m.CapTTL(uint32(d.MaxTTL / time.Second))
}
