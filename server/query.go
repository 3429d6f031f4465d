package server

import (
	"context"
	"errors"
	"time"

	"splitdns/server/internal/flight"
	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
)

// serve answers one packet: parse, resolve, answer, log. What cannot be parsed
// gets the response that the RFCs want, which is often none, and goes no further.
// It appends to dst and keeps neither dst nor packet.
func (s *Server) serve(ctx context.Context, dst, packet []byte, from listen.Peer) []byte {
	q, refusal := parseQuery(packet, from)
	q.waits = true
	dst, _ = s.answer(ctx, dst, q, refusal)
	return dst
}

// now is serve for what needs no waiting: cached answers and those of our own. It
// says false, and has done nothing, where an upstream would have to be asked, or
// where the answer takes more work than others should wait for.
func (s *Server) now(dst, packet []byte, from listen.Peer) ([]byte, bool) {
	if response, ok := s.fast(dst, packet, from); ok {
		return response, true
	}
	q, refusal := parseQuery(packet, from)
	return s.answer(context.Background(), dst, q, refusal)
}

// answer is what serve and now have in common: everything but whether to wait.
func (s *Server) answer(ctx context.Context, dst []byte, q Query, refusal *wire.Refusal) ([]byte, bool) {
	if refusal != nil {
		return append(dst, refusal.Response...), true
	}
	if q.Class == wire.ClassCH && !q.waits {
		return dst, false // an explanation
	}
	now := s.resolver.current.Load() // one snapshot for the whole query
	o := s.resolver.Resolve(ctx, now, q)
	if errors.Is(o.Failure, errMustWait) {
		return dst, false
	}
	packet, whole := now.pack(dst, q, o)
	if q.TCP && !whole {
		o = o.tooLarge()
		packet, _ = now.pack(dst, q, o)
	}
	if o.Decision.Log {
		s.log.Write(s.entry(q, o))
	}
	s.reportPanic(q, o)
	s.finish(now, q, o)
	return packet, true
}

// reportPanic says where the program went wrong in finding o. The first time is
// enough: a panic that clients can cause must not fill the log.
func (s *Server) reportPanic(q Query, o Outcome) {
	if p, ok := errors.AsType[*flight.PanicError](o.Failure); ok {
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
		Received: time.Now(),
	}, refusal
}
