package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

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
}

// newServer returns the server at that address.
func newServer(addr netip.AddrPort) *server {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	s := &server{addr: addr, name: addr.String()}
	if addr.Port() == 53 {
		s.name = addr.Addr().String()
	}
	return s
}

// converse has the server answer q, once more without EDNS if it does not know
// that (RFC 6891, section 7). Each part waits for at most wait, twice that over TCP.
func (s *server) converse(ctx context.Context, q wire.UpstreamQuery, wait time.Duration) (wire.Message, error) {
	plain := q
	plain.UDPSize, plain.DO = 0, false
	if time.Now().UnixNano() < s.plainUntil.Load() {
		return s.ask(ctx, plain, wait)
	}
	m, err := s.ask(ctx, q, wait)
	if _, refused := errors.AsType[rcodeError](err); !refused {
		return m, err
	}
	m, err = s.ask(ctx, plain, wait)
	if err == nil {
		s.plainUntil.Store(time.Now().Add(plainFor).UnixNano()) // it was EDNS indeed
	}
	return m, err
}

// ask sends q over UDP, and over TCP as soon as a truncated response says that
// this is needed (RFC 7766, section 5).
func (s *server) ask(ctx context.Context, q wire.UpstreamQuery, wait time.Duration) (wire.Message, error) {
	p := newPacked(q)
	response, truncated, err := p.overUDP(ctx, s.addr, wait)
	if err != nil {
		return wire.Message{}, err
	}
	if truncated {
		p = newPacked(q)
		if response, err = p.overTCP(ctx, s.addr, 2*wait); err != nil {
			return wire.Message{}, err
		}
	}
	return decode(response, q.Question)
}

// decode decodes a response that was accepted. FORMERR, NOTIMP and BADVERS are a
// rcodeError: they say something of this query and this server, nothing to a client.
func decode(response []byte, q wire.Question) (wire.Message, error) {
	if rcode := headerRcode(response); rcode == wire.FormErr || rcode == wire.NotImp {
		return wire.Message{}, rcodeError(rcode) // whatever else is in it
	}
	m, err := wire.ParseResponse(response, q)
	if err != nil {
		return wire.Message{}, fmt.Errorf("malformed response: %w", err)
	}
	if m.Rcode() == wire.BadVers {
		return wire.Message{}, rcodeError(wire.BadVers)
	}
	return m, nil
}
