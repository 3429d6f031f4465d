// Package listen takes queries from clients over UDP, TCP, TLS and HTTPS, on IPv4 and IPv6, and sends the
// responses back from the address that was asked. It knows no DNS message: a query is bytes for a
// [Service], a response is the bytes that the service returns.
//
// The loops are our own. The server of a DNS library starts from one packet a system call, a goroutine
// and a parsed message for each query, which costs more than the rest of a query's life, and over TCP
// it holds a fast answer behind a slow one. On Linux a listener has several UDP sockets on its port, each
// with a reader of its own, and many packets are read and sent with one system call (package mmsg);
// answering a query at once allocates nothing. Elsewhere there is one socket, and a call for each packet.
//
// At a moderate load, a packet comes when the reader has gone to sleep, and a goroutine that sleeps is
// dear to wake: the poller of Go's runtime, its scheduler and a second thread all take part, and on a core
// shared with others one query in a hundred was late by milliseconds. So a reader that is held (Limits.Hold)
// waits inside recvmmsg itself, with its place in the scheduler, as a program in C would: at 20,000 queries
// a second that took 1.2 times the CPU time of a bare echo in C instead of 1.4. What it costs: one place
// more in the scheduler; a collection waits for a held reader to notice, 0.3 ms in the mean and never 1 ms
// when measured, instead of 0.03, and while it goes through a million cached answers, with no core to itself,
// one hit in a hundred is late by 18 ms instead of 0.5, as the collector makes up for what a held place did not
// give it; a yield each millisecond, and more places, changed little; and the socket has to leave the runtime's poller, since else each packet
// woke a second thread there, and all was lost. After some 20 ms without a packet a reader waits in poll,
// without its place, so that an idle server takes no time. Turned down were polling without a pause, which
// burns a core, and an epoll of our own, which only adds a system call.
//
// What needs no waiting is answered on the reader's own goroutine and is bounded by the speed of that.
// Every other query is a [Query] under one [Limiter], which several listeners may share: one limit
// before anything is known of a query was turned down, as queries for one slow name then hold up those
// for cached answers. A goroutine for each was turned down too: it would only wait. At the limit a UDP
// query takes the place of the one that has waited longest, of a client with more than a fair share if there is one,
// which is dropped and counted. A query over TCP is put
// aside until there is a place, for two seconds at most, and then told that there was none: reading goes on
// behind it, as whoever pipelines queries would else wait with all of them for one slow name. A panic in the service is counted, the first one is reported with its stack, and that client
// hears nothing: an answer made of a half-finished query would be worse than asking again.
//
// At the limit of TCP connections, one of the client that has the most is closed for a new one.
// Refusing the new one was turned down: whoever holds the connections would keep all others out.
//
// TLS is a stream under the same loop as TCP. HTTP is left to net/http, which speaks on connections that we
// accept, count and close as all others: a server that accepts by itself, behind a limit, was turned down, as
// whoever holds that many connections would keep all others out. A query over HTTPS has a goroutine, since
// net/http knows no other way; streams and connections bound them.
//
// What clients can take up is bounded, in octets; the heap may have twice as much until it is collected:
//
//   - A UDP query that waits: some 600, as many as may be under way, and those shed, shedFactor+1 times as many.
//   - An open connection: 2 KB to read ahead and, once it has sent a query, 4 KB for the longest and 8 KB to send
//     from; over TLS some 40 KB more, over HTTP/2 64 KB for bodies on their way. Limits.Connections times that.
//   - Responses that one client has not taken: 512 KB a connection (maxUnread); over HTTPS 1 MB more, 16 KB for each
//     stream that is open (streamSize, maxStreams), whether its request or its response does not end.
//   - All of the last kind on a listener: 64 MB (maxAllUnread). Beyond, a connection of the client that holds the
//     most is cut and counted as evicted; refusing the response at hand would starve whoever came last.
//   - A query over TCP that was put aside: 4 KB at most and a goroutine; see [Limiter].
//
// Queries end at 4,096 octets over everything (maxQuery). Over UDP longer ones are dropped, over TCP and TLS
// they end the connection, which is not read any further, and over HTTPS they are refused (413, 414). An answer
// for each was turned down: it would have to be read, and no client sends one.
//
// A listener on an unspecified address (0.0.0.0, ::) replies from the address that the query was sent
// to on Linux only. Elsewhere the system chooses the source by its routes, and clients discard what
// comes from another address than the one they asked: there, listen on each address.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"splitdns/server/internal/metrics"
)

// Peer is where a query came from, where it was sent to, and when. IPv4 addresses are never IPv4-mapped.
// Local has the bound address where the system does not tell the one that was asked. At is when the
// query was read, the same for all that were read together. Tally is for the service to count it, shared by
// as few others as possible; nil if nobody gave any.
type Peer struct {
	Addr, Local netip.AddrPort
	TCP         bool // or what runs over it
	Secure      bool // over TLS
	HTTP        bool
	At          time.Time
	Tally       *metrics.Tally
}

// Limits bounds what clients can take up. Every field but Hold, Overloaded, Now and Tally must be set.
type Limits struct {
	// InFlight bounds the queries that wait for their answers, over UDP and TCP, of all listeners that
	// are given it.
	InFlight *Limiter
	// Connections bounds the TCP connections of one listener. At the limit one of the client with the
	// most of them, the longest idle, is closed; a new one is never refused. A client is an address,
	// or for IPv6 its /64.
	Connections int
	// Hold is how long a UDP reader waits for queries inside the system call, with a place of Go's
	// scheduler held: answers come sooner and cost less than where each query wakes the scheduler. With 0
	// it does not, and on other systems than Linux neither. All other work needs a place as well, so the
	// first listener with it raises [runtime.GOMAXPROCS] by one, for the whole process and for good: from
	// then on it no longer follows a change of the processors that the process may use.
	Hold time.Duration
	// Idle is how long a TCP connection may be without a query under way, how long one query may
	// take to arrive, and how long a client may leave its responses unread: over HTTPS, with the time for a place.
	Idle time.Duration
	// Overloaded gives the response to a query over TCP or TLS for which there was no place of InFlight,
	// as a [Service] does; nil: silence. Over HTTPS it is 503.
	Overloaded func(dst, packet []byte, from Peer) []byte
	// Now tells when a query was read, for Peer.At; [time.Now] if it is nil.
	Now func() time.Time
	// Tally gives a new tally for queries that come by a transport, for Peer.Tally; nil if nobody counts.
	// Each UDP socket has one of its own, and all TCP connections of a listener share one.
	Tally func(transport string) *metrics.Tally
}

// Listener is one address, with its TCP socket and its UDP sockets. It is safe for concurrent use.
type Listener struct {
	addr    netip.AddrPort
	limits  Limits
	service Service
	settled func()
	report  func(string)

	udp        []*udpSocket // all of one port; none with TLS
	tcp        *net.TCPListener
	packetInfo bool // the UDP sockets tell and take the address that was asked
	batched    bool // many packets are read and sent with one system call
	opened     time.Time
	tls        *tls.Config // of every connection; nil: they are plain
	web        *web        // speaks HTTP on them; nil: they carry bare DNS messages

	stopping  chan struct{} // closed when reading ends
	closed    chan struct{} // closed by Close
	closeOnce sync.Once

	waiting sync.WaitGroup // for UDP queries that must wait

	datagrams, rooms sync.Pool // of *datagram, *room
	bodies           sync.Pool // of *body
	mostUnread       int       // octets held for the clients of all connections
	conns            connections
	drops            *drops
	tally            *metrics.Tally // of connections
	panicked         sync.Once
	count            struct {
		tcp, dropped, shed, unsent, panics, accepted, evicted, handshakes atomic.Uint64 // those of UDP: see udpSocket
	}
}

// portTries is how often Open lets TCP choose a port that may turn out to be taken for UDP.
const portTries = 16

// Open takes addr for TCP, then for UDP on the same port; with port 0, TCP chooses it. TCP comes first
// and without SO_REUSEPORT, which the UDP sockets need to share the port: a second copy of the program is
// refused before it could join them. The error says what stands
// in the way and what to do about it, and wraps the system's.
//
// settled is called when some queries have been handed to h and no more are there to be read at once:
// what was put off for them is due. report is called with what an administrator should read. Both are
// called from several goroutines. Open panics on limits that are not set.
func Open(addr netip.AddrPort, limits Limits, h Service, settled func(), report func(string)) (*Listener, error) {
	l, err := newListener(addr, limits, h, settled, report)
	if err == nil {
		err = l.openSockets()
	}
	if err != nil {
		return nil, err
	}
	l.openTallies("tcp")
	return l, nil
}

// newListener returns a listener without sockets. It panics on limits that are not set.
func newListener(addr netip.AddrPort, limits Limits, h Service, settled func(), report func(string)) (*Listener, error) {
	if limits.InFlight == nil || limits.Connections < 1 || limits.Idle <= 0 {
		panic("listen: limits not set")
	}
	if h == nil || settled == nil || report == nil {
		panic("listen: service or report not set")
	}
	if !addr.IsValid() {
		return nil, errors.New("listening: no address given")
	}
	if limits.Now == nil {
		limits.Now = time.Now
	}
	l := &Listener{
		addr:     netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()),
		limits:   limits,
		service:  h,
		settled:  settled,
		report:   report,
		opened:   time.Now(),
		stopping: make(chan struct{}),
		closed:   make(chan struct{}),
		drops:    newDrops(),

		mostUnread: maxAllUnread,
	}
	l.datagrams.New = func() any { return new(datagram) }
	l.rooms.New = func() any { return new(room) }
	l.bodies.New = func() any { return new(body) }
	l.conns.clients = make(map[netip.Prefix]*crowd)
	return l, nil
}

// openTallies gives each reader its tally, if somebody counts. That of the connections is
// named after what runs over them.
func (l *Listener) openTallies(stream string) {
	if l.limits.Tally == nil {
		return
	}
	l.tally = l.limits.Tally(stream)
	for _, s := range l.udp {
		s.tally = l.limits.Tally("udp")
	}
}

// openSockets opens the sockets for TCP and for UDP, all on one port.
func (l *Listener) openSockets() error {
	var err error
	for range portTries {
		want := l.addr
		if l.tcp, err = openTCP(want); err != nil {
			return explain("TCP", want, err)
		}
		bound := netip.AddrPortFrom(want.Addr(), portOf(l.tcp))
		if err = l.openUDP(bound); err == nil {
			l.addr = bound
			return nil
		}
		_ = l.tcp.Close() // nothing was accepted; the error to tell is that of UDP
		for _, s := range l.udp {
			_ = s.closer.Close()
		}
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
// does not bound the time that takes: the caller does, with Close. The error is nil unless Close ended it
// before; it is then [net.ErrClosed]. Serve is called once.
func (l *Listener) Serve(ctx context.Context) error {
	var loops sync.WaitGroup
	for _, s := range l.udp {
		loops.Go(s.read)
	}
	loops.Go(l.acceptTCP)
	if l.web != nil {
		loops.Go(l.web.run)
	}
	loops.Go(func() { l.drops.run(l.stopping, l.reportDrops) })
	finished := make(chan struct{})
	go func() {
		loops.Wait()
		l.waiting.Wait()
		close(finished)
	}()

	cut := false
	select {
	case <-ctx.Done():
	case <-l.closed:
		cut = true
	}
	l.stopReading()
	select {
	case <-finished:
		if !cut {
			return l.Close()
		}
	case <-l.closed:
		loops.Wait()
	}
	return fmt.Errorf("listening on %s: closed before its queries ended: %w", l.addr, net.ErrClosed)
}

// isStopping says whether reading has been stopped.
func (l *Listener) isStopping() bool {
	select {
	case <-l.stopping:
		return true
	default:
		return false
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// stopReading ends the loops and the reading on every connection. Whoever sets a read deadline looks
// at stopping afterwards, so none of those set here is lost.
func (l *Listener) stopReading() {
	close(l.stopping)
	for _, s := range l.udp {
		s.stop()
	}
	_ = l.tcp.Close() // errors here and below: closed already
	for _, c := range l.conns.all() {
		if !c.handed.Load() { // what speaks HTTP is told in its own words
			_ = c.nc.SetReadDeadline(longAgo)
		}
	}
}

// Close closes the sockets and every connection at once; responses to the queries under way go
// nowhere. It may be called at any time, more than once.
func (l *Listener) Close() error {
	var err error
	l.closeOnce.Do(func() {
		close(l.closed)
		err = ignoreClosed(l.tcp.Close())
		for _, s := range l.udp {
			s.stop() // else the reader of one that is held would not notice
			s.lost() // as it will not be said any more
			err = errors.Join(err, ignoreClosed(s.closer.Close()))
		}
		if l.web != nil {
			_ = l.web.server.Close() // its connections are closed below
		}
		for _, c := range l.conns.all() {
			c.cut()
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

// Flush sends the responses over UDP that were left to be sent together.
func (l *Listener) Flush() {
	for _, s := range l.udp {
		s.flush()
	}
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
