package server

import (
	"errors"

	"splitdns/server/internal/guard"
	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// serve answers one packet on the listener's own goroutine: parse, resolve, answer,
// log. What cannot be parsed gets the response that the RFCs want, which is often none,
// and goes no further. A query for which an upstream has to be asked is resolved once
// more when that has answered: later begins it. One whose addresses have to be put into
// sets first is answered, with the same outcome, when they are. serve appends to dst and keeps neither
// dst nor packet.
func (s *Server) serve(dst, packet []byte, from listen.Peer) (response []byte, later func(listen.Query)) {
	now := s.resolver.current.Load() // one snapshot for the whole query
	if response, over := s.overRate(dst, now, packet, from); over {
		return response, nil
	}
	if response, ok := s.fast(dst, now, packet, from); ok {
		return response, nil
	}
	q, refusal := parseQuery(packet, from)
	if refusal != nil {
		response = s.refusal(dst, now, refusal, from)
		s.book.Or(from.Tally).Count(s.book.Slot(refusedKind(refusal)))
		return response, nil
	}
	q.era = s.resolver.era.current() // before anything is looked up
	q.options = s.replyOptions(now, q.Sent, []byte(q.Cookie), from)
	if q.Class == wire.ClassCH {
		return dst, s.explainLater(now, q)
	}
	o := s.resolver.Resolve(now, q)
	if o.missing != nil {
		w := &waiting{server: s, now: now, query: q, missing: o.missing}
		return dst, w.begin
	}
	response, later = s.reply(dst, now, q, o) // the firewall hears of the addresses before the client does
	if o.Source.refresh != nil {
		s.resolver.prefetch(s, now, o.Source.refresh, q.Received)
	}
	return response, later
}

// waiting is a query for which an upstream is asked, or whose addresses are put into sets.
type waiting struct {
	server  *Server
	now     *snapshot
	query   Query
	missing *missing
	outcome *Outcome // once nothing is missing
	client  listen.Query
}

// begin asks for what is missing.
func (w *waiting) begin(client listen.Query) {
	w.client = client
	w.server.resolver.fetch(w)
}

// goOn resolves the query once more, with what was missing, and answers it when its
// addresses are in their sets. Where no rule names any, there is nothing to wait for, and
// a query that nobody waits for any longer costs nothing more.
func (w *waiting) goOn(f *fetched) {
	w.query.fetched = f
	if w.mayOpen() {
		if w.outcome = w.resolve(); w.outcome.waits() {
			w.open(w.client)
			return
		}
	}
	w.client.Respond(w.answer)
}

// mayOpen reports whether addresses may have to go into sets: of a name that a rule with sets
// matches, or of one that leads to others, as such a rule may match these.
func (w *waiting) mayOpen() bool {
	f := w.query.fetched
	return len(w.now.sets) > 0 && (w.missing.sets || f.stale != nil || len(f.message.Chain()) > 0)
}

// resolve is what becomes of the query now that nothing is missing. A panic of ours is a
// failure: not the listener is calling, which would catch it.
func (w *waiting) resolve() *Outcome {
	o := new(Outcome)
	var err error
	func() {
		defer guard.Catch(&err)
		*o = w.server.resolver.Resolve(w.now, w.query)
		w.server.held(w.now, w.query, o)
	}()
	if err != nil {
		*o = failed(w.query, policy.Decision{}, err)
	}
	return o
}

// answer appends the response.
func (w *waiting) answer(dst []byte) []byte {
	if w.outcome == nil {
		return w.server.answer(dst, w.now, w.query, w.server.resolver.Resolve(w.now, w.query))
	}
	return w.server.answer(dst, w.now, w.query, *w.outcome)
}

// explainLater answers a query of class CH on a goroutine of its own: it takes more
// work than others should wait for.
func (s *Server) explainLater(now *snapshot, q Query) func(listen.Query) {
	return func(client listen.Query) {
		go func() {
			client.Respond(func(dst []byte) []byte { return s.answer(dst, now, q, s.resolver.Resolve(now, q)) })
			s.flushResponses()
		}()
	}
}

// answer appends the response to q, logs it, and keeps it for the fast path.
func (s *Server) answer(dst []byte, now *snapshot, q Query, o Outcome) []byte {
	packet, whole := now.pack(dst, q, o)
	if q.TCP && !whole {
		o = o.tooLarge()
		packet, _ = now.pack(dst, q, o)
	}
	s.resolver.observe(now, q, o)
	s.resolver.observeFeeds(now, q, o)
	s.resolver.countShadow(now, q, o)
	if o.Decision.Log {
		s.log.Write(s.entry(q, o))
	}
	s.book.Or(q.tally).Count(s.book.Slot(o.kind(o.source())))
	now.countPrivate(o)
	s.reportPanic(q, o)
	s.finish(now, q, o)
	return packet
}

// reportPanic says where the program went wrong in finding o. The first time is
// enough: a panic that clients can cause must not fill the log.
func (s *Server) reportPanic(q Query, o Outcome) {
	if p, ok := errors.AsType[*guard.PanicError](o.Failure); ok {
		s.failed.Add(1)
		s.panicked.Do(func() {
			s.options.Log.Error("a query failed, and later ones may without a word here: "+p.Error(),
				"question", q.Question.String(), "stack", string(p.Stack))
		})
	}
}

// parseQuery reads a query as it came from a client.
func parseQuery(packet []byte, from listen.Peer) (Query, *wire.Refusal) {
	q, refusal := wire.ParseQuery(packet)
	return Query{
		Query:    q,
		Client:   from.Addr.Addr().Unmap().WithZone(""),
		TCP:      from.TCP,
		tally:    from.Tally,
		Received: from.At,
	}, refusal
}
