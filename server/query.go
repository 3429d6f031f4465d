package server

import (
	"context"
	"time"

	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
)

// serve answers one packet: parse, resolve, answer, log. What cannot be parsed
// gets the reply that the RFCs want, which is often none, and goes no further.
// It appends to dst and keeps neither dst nor packet.
func (s *Server) serve(ctx context.Context, dst, packet []byte, from listen.Peer) []byte {
	q, refusal := parseQuery(packet, from)
	if refusal != nil {
		return append(dst, refusal.Reply...)
	}
	now := s.resolver.current.Load() // one snapshot for the whole query
	o := s.resolver.Resolve(ctx, now, q)
	dst = now.pack(dst, q, o, from.TCP)
	if o.Decision.Log {
		s.log.Write(s.entry(q, o))
	}
	return dst
}

// parseQuery reads a query as it came from a client.
func parseQuery(packet []byte, from listen.Peer) (Query, *wire.Refusal) {
	q, refusal := wire.ParseQuery(packet)
	return Query{
		Query:    q,
		Client:   from.Addr.Addr().Unmap().WithZone(""),
		Received: time.Now(),
	}, refusal
}
