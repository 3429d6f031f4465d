package server

import (
	"splitdns/server/internal/listen"
	"splitdns/server/internal/wire"
)

// replyOptions is what the OPT record of the response says to a client at from who has sent that: a cookie
// for a cookie, over TCP and TLS how long a connection may be idle, and over TLS padding for padding. Both
// ways of answering use it.
func (s *Server) replyOptions(now *snapshot, sent wire.Sent, cookie []byte, from listen.Peer) (o wire.Options) {
	if len(cookie) > 0 && now.config.Server.Cookies {
		o.HasCookie = true
		o.Cookie, _ = s.cookies.Answer(cookie, from.Addr.Addr(), from.At)
	}
	if sent.Keepalive && from.TCP && !from.HTTP { // HTTP has its own ways
		o.HasKeepalive, o.Keepalive = true, s.started.Server.TCPIdle // as the sockets have it
	}
	if sent.Padding && from.Secure { // RFC 8467, section 4.1; on a plain way it would hide nothing
		o.Block = wire.MaxBlock
	}
	return o
}
