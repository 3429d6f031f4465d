package server

import (
	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
)

// refusal appends the response to what is no query: a cookie in it is answered all the same, as clients that know this
// server's may take nothing without one (RFC 7873, section 5.3).
func (s *Server) refusal(dst []byte, now *snapshot, r *wire.Refusal, from listen.Peer) []byte {
	if r.Cookie == nil || !now.config.Server.Cookies {
		return append(dst, r.Response...)
	}
	cookie, good := s.cookies.Answer(r.Cookie, from.Addr.Addr(), from.At)
	return r.AppendCookie(dst, wire.Options{Cookie: cookie, HasCookie: true}, good)
}
