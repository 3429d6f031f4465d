package server

import (
	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
)

// overloaded appends the response to a query over TCP or TLS for which there was no place under
// server.queries_in_flight. What came over UDP meets with silence: its client asks again.
func (s *Server) overloaded(dst, packet []byte, from listen.Peer) []byte {
	now := s.resolver.current.Load()
	q, refusal := parseQuery(packet, from)
	if refusal != nil {
		return s.refusal(dst, now, refusal, from)
	}
	q.options = s.replyOptions(now, q.Sent, []byte(q.Cookie), from)
	response, _ := now.pack(dst, q, Outcome{
		Response: wire.NewMessage(q.Question, wire.ServFail),
		Notes:    []wire.EDE{{Code: wire.EDEOther, Text: "overloaded: as many queries wait as server.queries_in_flight lets"}},
	})
	return response
}
