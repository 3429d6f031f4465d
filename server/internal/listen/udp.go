package listen

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/cpu"

	"splitdns/server/internal/metrics"
)

const (
	// maxDatagram is the longest UDP query that is read. A query is a name and options: with padding
	// (RFC 8467) it has 128 octets, and none has a use for thousands. Longer ones are dropped.
	maxDatagram = 4096
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
	l      *Listener
	conn   *net.UDPConn
	raw    syscall.RawConn // of conn, or what has taken its place
	closer io.Closer
	held   bool // its reader waits inside the system call
	tally  *metrics.Tally

	_     cpu.CacheLinePad
	count struct{ answered, dropped, unsent, overflowed atomic.Uint64 }
	_     cpu.CacheLinePad

	outbox outbox
}

// arrival is a UDP query as it was read. Its bytes are the reader's.
type arrival struct {
	packet []byte
	info   []byte // the packet info to send with the response
	from   Peer
	name   []byte // from as the system has it, where there are batches
}

// datagram is a UDP query that must wait, and then its response.
type datagram struct {
	s          *udpSocket
	info, name []byte
	to         netip.AddrPort
	response   []byte
}

// outbox holds the responses to queries that waited until they are sent.
type outbox struct {
	mu           sync.Mutex // guards what follows
	ready, spare []*datagram
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
	l.batched = haveBatches(first.raw)
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
	if l.batched && l.limits.Hold > 0 {
		l.holdUDP(addr)
	}
	return nil
}

// holdUDP has the readers wait inside the system call. Those that cannot wait as others do.
func (l *Listener) holdUDP(addr netip.AddrPort) {
	for _, s := range l.udp {
		if err := s.hold(l.limits.Hold); err != nil {
			l.report(fmt.Sprintf("listening on %s over UDP as if server.udp_hold were 0s: %v", addr, err))
			return
		}
	}
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
	return &udpSocket{l: l, conn: conn, raw: raw, closer: conn}, err // which an open one does not have
}

// read reads queries until reading is stopped, and answers those that need no waiting.
func (s *udpSocket) read() {
	turn := s.singles()
	if s.l.batched {
		turn = s.batches()
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

// stop has the reader notice that reading is stopped.
func (s *udpSocket) stop() {
	if s.held {
		s.stopHeld()
		return
	}
	_ = s.conn.SetReadDeadline(longAgo) // an error: closed already
}

// lost is how many packets the system had no room for, as far as it has said.
func (s *udpSocket) lost() uint64 {
	if n, ok := s.overflowed(); ok {
		s.count.overflowed.Store(n)
	}
	return s.count.overflowed.Load()
}

// answer asks the service about a, and returns the response if there is one. What must wait takes a
// place, if need be that of the query that has waited longest, which is dropped.
func (s *udpSocket) answer(dst []byte, a *arrival) []byte {
	response, later := s.l.handle(dst, a.packet, a.from)
	if later == nil {
		s.count.answered.Add(1)
		return response
	}
	s.l.waiting.Add(1)
	d := s.l.datagrams.Get().(*datagram)
	d.s, d.to, d.info, d.name = s, a.from.Addr, append(d.info[:0], a.info...), append(d.name[:0], a.name...)
	t := &ticket{limiter: s.l.limits.InFlight, d: d}
	shed, admitted := t.limiter.admit(t)
	if shed != nil {
		shed.shed()
	}
	if !admitted {
		d.drop()
		return nil
	}
	s.l.begin(later, t)
	return nil
}

// drop ends a query that has no place under the limit.
func (d *datagram) drop() {
	d.s.l.drop()
	d.free()
}

// shed ends a query whose place another has.
func (d *datagram) shed() {
	d.s.l.count.shed.Add(1)
	d.drop()
}

// respond leaves the response in the outbox, and gives the place under the limit back.
func (d *datagram) respond(answer func(dst []byte) []byte) {
	d.response = d.s.l.answer(d.response[:0], answer)
	d.s.l.limits.InFlight.releaseUDP()
	d.s.count.answered.Add(1)
	if len(d.response) == 0 {
		d.free()
		return
	}
	d.s.outbox.add(d)
}

// free ends the query.
func (d *datagram) free() {
	l := d.s.l
	if cap(d.response) > keepResponse {
		d.response = nil
	}
	l.datagrams.Put(d)
	l.waiting.Done()
}

// add leaves d to be sent.
func (o *outbox) add(d *datagram) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ready = append(o.ready, d)
}

// take returns what is to be sent. It is the caller's until he gives it back.
func (o *outbox) take() []*datagram {
	o.mu.Lock()
	defer o.mu.Unlock()
	ready := o.ready
	o.ready, o.spare = o.spare, nil
	return ready
}

// giveBack takes the room of what was sent.
func (o *outbox) giveBack(sent []*datagram) {
	clear(sent)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare = sent[:0]
}

// flush sends what is in the outbox.
func (s *udpSocket) flush() {
	all := s.outbox.take()
	if len(all) == 0 {
		return
	}
	if s.l.batched {
		s.sendBatch(all)
	} else {
		for _, d := range all {
			s.send(d.response, d.info, d.to)
		}
	}
	for _, d := range all {
		d.free()
	}
	s.outbox.giveBack(all)
}

// send sends a response, if there is one, by itself.
func (s *udpSocket) send(response, info []byte, to netip.AddrPort) {
	if len(response) == 0 {
		return
	}
	if _, _, err := s.conn.WriteMsgUDPAddrPort(response, info, to); err != nil {
		s.count.unsent.Add(1)
	}
}

// kept is the larger of the buffer given to a service and the one it returned, unless that is too
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
