// Package listen takes queries from clients over UDP and TCP, on IPv4 and IPv6, and sends the
// responses back from the address that was asked. It knows no DNS message: a query is bytes for a
// [Handler], a response is the bytes that the handler returns.
//
// The loops are our own. The server of a DNS library starts from one packet a system call and a
// parsed message for each query, which costs more than the rest of a query's life, and over TCP it
// holds a fast answer behind a slow one. Batched reading and answers on the reader's own goroutine fit
// behind the same exported names: a handler must therefore not count on a goroutine of its own.
//
// Every query is a goroutine under one [Limiter], which several listeners may share. At the limit a
// UDP query is dropped and counted, as the client will ask again, and reading from TCP connections
// waits. A panic in the handler is counted, the first one is reported with its stack, and that client
// hears nothing: an answer made of a half-finished query would be worse than asking again.
//
// A listener on an unspecified address (0.0.0.0, ::) replies from the address that the query was sent
// to on Linux only. Elsewhere the system chooses the source by its routes, and clients discard what
// comes from another address than the one they asked: there, listen on each address.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Handler answers one query. It appends the response to dst, which is empty, and returns it, or
// returns nothing to stay silent. dst and packet are the listener's, and valid only during the call.
// ctx ends when the listener is closed, not when it begins to drain.
type Handler func(ctx context.Context, dst, packet []byte, from Peer) []byte

// Peer is where a query came from and where it was sent to. IPv4 addresses are never IPv4-mapped.
// Local has the bound address where the system does not tell the one that was asked.
type Peer struct {
	Addr, Local netip.AddrPort
	TCP         bool
}

// Limits bounds what clients can take up. Every field must be set.
type Limits struct {
	// InFlight bounds the queries under way, over UDP and TCP, of all listeners that are given it.
	InFlight *Limiter
	// Connections bounds the TCP connections of one listener. At the limit the one that has been idle
	// longest is closed; a new one is never refused.
	Connections int
	// Idle is how long a TCP connection may be without a query under way, how long one query may
	// take to arrive, and how long a client may leave its responses unread.
	Idle time.Duration
}

// Stats is what a listener has done since it was opened.
type Stats struct {
	UDP, TCP    uint64 // queries handed to the handler
	Dropped     uint64 // UDP queries not handed to it: over the limit, or longer than any query
	Unsent      uint64 // responses that could not be sent, or that the client did not take
	Panics      uint64 // queries during which the handler panicked
	Connections int    // TCP connections open now
	Accepted    uint64 // TCP connections ever accepted
	Evicted     uint64 // of these, closed to make room for a new one
}

// Listener is one address, with its UDP and TCP sockets. It is safe for concurrent use.
type Listener struct {
	addr    netip.AddrPort
	limits  Limits
	handler Handler
	report  func(string)

	udp        *net.UDPConn
	tcp        *net.TCPListener
	packetInfo bool // the UDP socket tells and takes the address that was asked
	opened     time.Time

	stopping  chan struct{} // closed when reading ends
	closed    chan struct{} // closed by Close
	closeOnce sync.Once

	datagrams, messages sync.Pool // of *datagram, *message
	conns               connections
	panicked            sync.Once
	count               struct {
		udp, tcp, dropped, unsent, panics, accepted, evicted atomic.Uint64
	}
}

// portTries is how often Open lets TCP choose a port that may turn out to be taken for UDP.
const portTries = 16

// Open takes addr for TCP, then for UDP on the same port; with port 0, TCP chooses it. TCP comes first
// and without SO_REUSEPORT, so that a second copy of the program is refused. The error says what stands
// in the way and what to do about it, and wraps the system's. report is called with what an
// administrator should read, from several goroutines. Open panics on limits that are not set.
func Open(addr netip.AddrPort, limits Limits, h Handler, report func(string)) (*Listener, error) {
	if limits.InFlight == nil || limits.Connections < 1 || limits.Idle <= 0 || h == nil || report == nil {
		panic("listen: limits, handler or report not set")
	}
	if !addr.IsValid() {
		return nil, errors.New("listening: no address given")
	}
	l := &Listener{
		addr:     netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()),
		limits:   limits,
		handler:  h,
		report:   report,
		opened:   time.Now(),
		stopping: make(chan struct{}),
		closed:   make(chan struct{}),
	}
	l.datagrams.New = func() any { return new(datagram) }
	l.messages.New = func() any { return new(message) }
	l.conns.open = make(map[*conn]struct{})
	if err := l.openSockets(); err != nil {
		return nil, err
	}
	return l, nil
}

// openSockets opens both sockets on one port.
func (l *Listener) openSockets() error {
	var err error
	for range portTries {
		want := l.addr
		if l.tcp, err = openTCP(want); err != nil {
			return explain("TCP", want, err)
		}
		bound := netip.AddrPortFrom(want.Addr(), portOf(l.tcp))
		if l.udp, l.packetInfo, err = openUDP(bound); err == nil {
			l.addr = bound
			return nil
		}
		_ = l.tcp.Close() // nothing was accepted; the error to tell is that of UDP
		if want.Port() != 0 {
			return explain("UDP", bound, err)
		}
	}
	return explain("UDP", l.addr, err)
}

// openTCP opens the TCP socket for addr, of its own family only. Keep-alive probes are off: the idle
// time is shorter than any of them.
func openTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false) // Landlock's rules for TCP do not cover it
	s, err := lc.Listen(context.Background(), network("tcp", addr), addr.String())
	if err != nil {
		return nil, err
	}
	return s.(*net.TCPListener), nil
}

// network is Go's name for a protocol on the family of addr. With the family in it, a socket on ::
// takes no IPv4, so that 0.0.0.0 can have a socket of its own.
func network(protocol string, addr netip.AddrPort) string {
	if addr.Addr().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}

// portOf is the port that s is bound to.
func portOf(s *net.TCPListener) uint16 {
	return s.Addr().(*net.TCPAddr).AddrPort().Port()
}

// Addr is the address listened on, with the port that was chosen if none was given.
func (l *Listener) Addr() netip.AddrPort { return l.addr }

// Serve answers queries until ctx is cancelled. Then it stops reading, lets the queries under way
// finish, and returns when their responses have been sent and every goroutine it started has ended. It
// does not bound the time that takes: the caller does, with Close. The error is nil unless Close cut
// queries off; it is then [net.ErrClosed]. Serve is called once.
func (l *Listener) Serve(ctx context.Context) error {
	queries, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var loops sync.WaitGroup
	loops.Go(func() { l.readUDP(queries) })
	loops.Go(func() { l.acceptTCP(queries) })
	finished := make(chan struct{})
	go func() {
		loops.Wait()
		close(finished)
	}()

	select {
	case <-ctx.Done():
	case <-l.closed:
	}
	l.stopReading()
	select {
	case <-finished:
		return l.Close()
	case <-l.closed:
		cancel()
		<-finished
		return fmt.Errorf("listening on %s: closed before its queries ended: %w", l.addr, net.ErrClosed)
	}
}

// stopReading ends the loops and the reading on every connection. Whoever sets a read deadline looks
// at stopping afterwards, so none of those set here is lost.
func (l *Listener) stopReading() {
	close(l.stopping)
	past := time.Unix(1, 0)
	_ = l.udp.SetReadDeadline(past) // errors here and below: closed already
	_ = l.tcp.Close()
	for _, c := range l.conns.all() {
		_ = c.nc.SetReadDeadline(past)
	}
}

// Close closes the sockets and every connection at once, and ends the context of the queries under
// way. It may be called at any time, more than once.
func (l *Listener) Close() error {
	var err error
	l.closeOnce.Do(func() {
		close(l.closed)
		err = errors.Join(ignoreClosed(l.tcp.Close()), ignoreClosed(l.udp.Close()))
		for _, c := range l.conns.all() {
			_ = c.nc.Close()
		}
	})
	return err
}

// ignoreClosed is err, or nil if it says that a socket had been closed before.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Stats is what the listener has done so far. The figures are read one after the other.
func (l *Listener) Stats() Stats {
	return Stats{
		UDP:         l.count.udp.Load(),
		TCP:         l.count.tcp.Load(),
		Dropped:     l.count.dropped.Load(),
		Unsent:      l.count.unsent.Load(),
		Panics:      l.count.panics.Load(),
		Connections: len(l.conns.all()),
		Accepted:    l.count.accepted.Load(),
		Evicted:     l.count.evicted.Load(),
	}
}

// answer calls the handler. After a panic the response is empty.
func (l *Listener) answer(ctx context.Context, dst, packet []byte, from Peer) (response []byte) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		response = nil
		l.count.panics.Add(1)
		l.panicked.Do(func() {
			l.report(fmt.Sprintf("listening on %s: a query was left unanswered, panic: %v\n%s(later ones are only counted)",
				l.addr, cause, debug.Stack()))
		})
	}()
	return l.handler(ctx, dst, packet, from)
}

// reportAfter is the number of errors in a row, over about a quarter of a second, after which a loop
// says that it cannot go on.
const reportAfter = 10

// goesOn says whether a loop shall try again after err, the inRow-th one without a success between. It
// waits a little longer each time: what a system call of these loops fails with (no file descriptors,
// no memory) passes or does not, and is no reason to end the program. report is called once in a row.
func (l *Listener) goesOn(doing string, err error, inRow int) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	if inRow == reportAfter {
		l.report(fmt.Sprintf("listening on %s: %s: %v: trying again", l.addr, doing, err))
	}
	select {
	case <-l.stopping:
		return false
	case <-time.After(min(time.Duration(inRow-1)*5*time.Millisecond, time.Second)):
		return true
	}
}
