package upstream

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"splitdns/server/internal/guard"
	"splitdns/server/internal/wire"
)

// plainFor is how long a server that does not know EDNS is asked without it at
// once. It may be replaced by one that does.
const plainFor = 5 * time.Minute

// A server is one resolver of a group.
type server struct {
	addr       netip.AddrPort
	name       string       // addr, without the port if that is 53
	plainUntil atomic.Int64 // Unix time in nanoseconds: until then queries go without EDNS
	sockets    sockets
	open       context.Context // of the group: ends with Close
	overUDP    bool            // it is asked over UDP, and in a stream only where that is not enough

	health   health
	spelling spelling
	cookies  cookies
	counts   counts
}

// newServer returns the server at that address. For heard see New.
func newServer(open context.Context, o Server, heard func()) *server {
	addr := netip.AddrPortFrom(o.Addr.Addr().Unmap(), o.Addr.Port())
	s := &server{addr: addr, name: addr.String(), open: open, overUDP: true}
	s.sockets.to, s.sockets.heard = addr, heard
	if addr.Port() == 53 {
		s.name = addr.Addr().String()
	}
	return s
}

// ask asks the server: over UDP at the next flush, or in a stream at once. w.done is called
// once, from any goroutine: with the response, which is valid, and may be written to, only during the call,
// with a [*silence] when the time of w is up, with a [doubt], or with another error. Until then w is
// the server's; it is not used again.
func (s *server) ask(w *waiting, stream bool) {
	if !stream {
		s.sockets.ask(w)
		return
	}
	s.sockets.work.Go(func() {
		w.done(w.overTCP(s.open, s.addr, time.Until(w.until)))
		s.sockets.heard()
	})
}

// isPlain says whether the server is asked without EDNS at once.
func (s *server) isPlain(now time.Time) bool { return now.UnixNano() < s.plainUntil.Load() }

// becomePlain notes that the server does not know EDNS.
func (s *server) becomePlain() { s.plainUntil.Store(time.Now().Add(plainFor).UnixNano()) }

// decode decodes a response that was accepted. FORMERR, NOTIMP and BADVERS are a
// rcodeError: they say something of this query and this server, nothing to a client.
func decode(response []byte, q wire.Question) (m wire.Message, err error) {
	defer guard.Catch(&err)
	if rcode := headerRcode(response); rcode == wire.FormErr || rcode == wire.NotImp {
		return wire.Message{}, rcodeError(rcode) // whatever else is in it
	}
	m, err = wire.ParseResponse(response, q)
	if err != nil {
		return wire.Message{}, fmt.Errorf("malformed response: %w", err)
	}
	if m.Rcode() == wire.BadVers {
		return wire.Message{}, rcodeError(wire.BadVers)
	}
	return m, nil
}
