package listen

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/cpu"
)

const (
	// maxDatagram is the longest UDP query that is read. A query is a name and options: with padding
	// (RFC 8467) it has 128 octets, and none has a use for thousands. Longer ones are dropped.
	maxDatagram = 4096
	// keepQuery is the longest query buffer that is kept for another query that must wait.
	keepQuery = 512
	// keepResponse is the longest response buffer that is kept for another query.
	keepResponse = 16384
	// receiveBuffer is how much the system is asked to keep for us while we are busy; it grants less
	// where net.core.rmem_max says so.
	receiveBuffer = 4 << 20
	// leastReceiveBuffer is where we stop asking, on systems that refuse instead of granting less.
	leastReceiveBuffer = 256 << 10
)

// udpSocket is one of a listener's UDP sockets, which has one reader. Its counters have cache lines of
// their own: readers on several cores would otherwise take them from each other with every query.
type udpSocket struct {
	l       *Listener
	conn    *net.UDPConn
	raw     syscall.RawConn // of conn
	waiting sync.WaitGroup  // for the queries that it read and that must wait

	_     cpu.CacheLinePad
	count struct{ answered, dropped, unsent atomic.Uint64 }
	_     cpu.CacheLinePad
}

// arrival is a UDP query as it was read. Its bytes are the reader's.
type arrival struct {
	packet []byte
	info   []byte // the packet info to send with the response
	from   Peer
}

// datagram is a UDP query that must wait, and the room for its response. It belongs to the query's
// goroutine, which puts it back.
type datagram struct {
	arrival // with bytes of its own
	out     []byte
}

// openUDP opens the UDP sockets for addr, as many as readers are of use. The first is bound alone, and so
// is refused wherever another program has the port, even one that would share it. Where the others
// do not come in, that is reported, and those there are go on.
func (l *Listener) openUDP(addr netip.AddrPort) error {
	l.packetInfo = havePacketInfo && addr.Addr().IsUnspecified()
	first, err := l.bindUDP(addr, false)
	if err != nil {
		return err
	}
	l.batched = takesBatches(first.raw)
	l.udp = []*udpSocket{first}
	want := readers()
	if want > 1 {
		err = sharePort(first.raw)
	}
	for err == nil && len(l.udp) < want {
		var next *udpSocket
		if next, err = l.bindUDP(addr, true); err == nil {
			l.udp = append(l.udp, next)
		}
	}
	if err != nil {
		l.report(fmt.Sprintf("listening on %s over UDP with %d of %d sockets: %v", addr, len(l.udp), want, err))
	}
	return nil
}

// bindUDP opens one UDP socket for addr, which shares the port with those that do too, or not. It tells
// the address that was asked if l.packetInfo says so: only one that is bound to no address needs that,
// and the system would look for it with each packet.
func (l *Listener) bindUDP(addr netip.AddrPort, shared bool) (*udpSocket, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if shared {
			err = sharePort(c)
		}
		if err == nil && l.packetInfo {
			err = askForPacketInfo(c, addr.Addr().Is6())
		}
		return err
	}}
	p, err := lc.ListenPacket(context.Background(), network("udp", addr), addr.String())
	if err != nil {
		return nil, err
	}
	conn := p.(*net.UDPConn)
	for size := receiveBuffer; size >= leastReceiveBuffer && conn.SetReadBuffer(size) != nil; size /= 2 {
		continue
	}
	raw, err := conn.SyscallConn()
	return &udpSocket{l: l, conn: conn, raw: raw}, err // which an open one does not have
}

// read reads queries until reading is stopped, answers those that need no waiting, and returns when
// the others are answered too.
func (s *udpSocket) read(queries context.Context) {
	defer s.waiting.Wait()
	turn := s.singles(queries)
	if s.l.batched {
		turn = s.batches(queries)
	}
	failures := 0
	for {
		err := turn()
		if err == nil {
			failures = 0
			continue
		}
		if failures++; !s.l.goesOn("reading from UDP", err, failures) {
			return
		}
	}
}

// answer asks Handler.Now about a, and returns the response if there is one. What must wait is copied and
// goes to a goroutine of its own.
func (s *udpSocket) answer(queries context.Context, dst []byte, a *arrival) []byte {
	response, ok := s.l.now(dst, a.packet, a.from)
	if ok {
		s.count.answered.Add(1)
		return response
	}
	if !s.l.limits.InFlight.tryUDP() {
		s.l.drop()
		return nil
	}
	d := s.l.datagrams.Get().(*datagram)
	d.packet = append(d.packet[:0], a.packet...)
	d.info = append(d.info[:0], a.info...)
	d.from = a.from
	s.waiting.Go(func() { s.wait(queries, d) })
	return nil
}

// wait answers a query that must wait, and gives its place under the limit and its buffers back.
func (s *udpSocket) wait(queries context.Context, d *datagram) {
	response := s.l.wait(queries, d.out[:0], d.packet, d.from)
	s.l.limits.InFlight.releaseUDP()
	s.count.answered.Add(1)
	s.send(response, &d.arrival)
	d.out = kept(d.out, response)
	if cap(d.packet) > keepQuery {
		d.packet = nil
	}
	s.l.datagrams.Put(d)
}

// send sends the response to a, if there is one, by itself.
func (s *udpSocket) send(response []byte, a *arrival) {
	if len(response) == 0 {
		return
	}
	if _, _, err := s.conn.WriteMsgUDPAddrPort(response, a.info, a.from.Addr); err != nil {
		s.count.unsent.Add(1)
	}
}

// kept is the larger of the buffer given to a handler and the one it returned, unless that is too
// large to keep.
func kept(given, returned []byte) []byte {
	if cap(returned) > cap(given) && cap(returned) <= keepResponse {
		return returned[:0]
	}
	return given
}

// unmap is a with an IPv4-mapped address as IPv4.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
