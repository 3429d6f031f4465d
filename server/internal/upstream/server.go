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
	name       string       // what messages call it
	plainUntil atomic.Int64 // Unix time in nanoseconds: until then queries go without EDNS
	transport  Transport
	sockets    sockets
	streams    *streams        // of TCP, or of TLS
	https      *https          // nil: it is asked otherwise
	open       context.Context // of the group: ends with Close

	health   health
	spelling spelling
	cookies  cookies
	counts   counts
	trouble  trouble
}

// newServer returns a server. For heard see New.
func newServer(open context.Context, o Server, heard func()) *server {
	s := &server{name: o.text(), transport: o.Transport, open: open}
	s.sockets.to, s.sockets.heard = netip.AddrPortFrom(o.Addr.Addr().Unmap(), o.Addr.Port()), heard
	switch o.Transport {
	case HTTPS:
		s.https = newHTTPS(open, o, heard)
	case TLS:
		s.streams = newStreams(open, o, TLS, heard)
	default:
		s.streams = newStreams(open, o, TCP, heard)
	}
	return s
}

// ask asks the server: over UDP at the next flush, or at once in a stream, where that is
// wanted or the server's only way. w.done is called once, from any goroutine: with the
// response, which is valid, and may be written to, only during the call, with a
// [*silence] when the time of w is up, with a [doubt], or with another error. w is the
// server's until then, and not used again.
func (s *server) ask(w *waiting, stream bool) {
	switch {
	case s.https != nil:
		s.https.ask(w)
	case stream || s.transport != Plain:
		s.streams.ask(w)
	default:
		s.sockets.ask(w)
	}
}

// close ends what waits. The context of the group has ended.
func (s *server) close() {
	s.sockets.close()
	if s.https != nil {
		s.https.close()
		return
	}
	s.streams.close()
}

// wait returns when nothing is left of what was asked. Nobody asks any more.
func (s *server) wait() {
	s.sockets.work.Wait()
	if s.https != nil {
		s.https.work.Wait()
		return
	}
	s.streams.work.Wait()
}

// overUDP says whether the server is asked over UDP, and in a stream only where that is not
// enough.
func (s *server) overUDP() bool { return s.transport == Plain }

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
