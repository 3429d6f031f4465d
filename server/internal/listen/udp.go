package listen

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
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

// datagram is one UDP query and the room for its response. It belongs to the reader, then to the
// query's goroutine, which puts it back.
type datagram struct {
	in   [maxDatagram + 1]byte // one more, to tell a longer query
	info [packetInfoSize]byte  // the address asked, as the system tells and takes it
	out  []byte

	size, infoSize int
	from           Peer
}

// openUDP opens the UDP socket for addr; packetInfo says that it tells the address that was asked,
// which only one that is bound to no address needs.
func openUDP(addr netip.AddrPort) (s *net.UDPConn, packetInfo bool, err error) {
	packetInfo = havePacketInfo && addr.Addr().IsUnspecified()
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if !packetInfo {
			return nil
		}
		return askForPacketInfo(c, addr.Addr().Is6())
	}}
	p, err := lc.ListenPacket(context.Background(), network("udp", addr), addr.String())
	if err != nil {
		return nil, false, err
	}
	s = p.(*net.UDPConn)
	for size := receiveBuffer; size >= leastReceiveBuffer && s.SetReadBuffer(size) != nil; size /= 2 {
		continue
	}
	return s, packetInfo, nil
}

// readUDP reads queries until reading is stopped, answers those that need no waiting, and returns when
// the others are answered too.
func (l *Listener) readUDP(queries context.Context) {
	var underWay sync.WaitGroup
	defer underWay.Wait()
	d, failures := l.datagrams.Get().(*datagram), 0
	for {
		if err := d.read(l); err != nil {
			if failures++; !l.goesOn("reading from UDP", err, failures) {
				return
			}
			continue
		}
		failures = 0
		if d.size > maxDatagram {
			l.count.dropped.Add(1)
			continue
		}
		if response, ok := l.now(d.out[:0], d.in[:d.size], d.from); ok {
			l.sendUDP(d, response)
			continue
		}
		if !l.limits.InFlight.tryUDP() {
			l.drop()
			continue
		}
		query := d
		underWay.Go(func() { l.waitUDP(queries, query) })
		d = l.datagrams.Get().(*datagram)
	}
}

// read waits for a query.
func (d *datagram) read(l *Listener) error {
	var info []byte // none unless asked for: the kernel would look for what to put there
	if l.packetInfo {
		info = d.info[:]
	}
	n, infoSize, _, from, err := l.udp.ReadMsgUDPAddrPort(d.in[:], info)
	if err != nil {
		return err
	}
	d.size, d.infoSize = n, infoSize
	d.from = Peer{Addr: unmap(from), Local: l.addr}
	if l.packetInfo {
		var asked netip.Addr
		asked, d.infoSize = turnPacketInfo(info[:infoSize])
		if asked.IsValid() {
			d.from.Local = netip.AddrPortFrom(asked, l.addr.Port())
		}
	}
	return nil
}

// waitUDP answers a query that must wait, and gives its place under the limit and its buffers back.
func (l *Listener) waitUDP(queries context.Context, d *datagram) {
	response := l.wait(queries, d.out[:0], d.in[:d.size], d.from)
	l.limits.InFlight.releaseUDP()
	l.sendUDP(d, response)
	l.datagrams.Put(d)
}

// sendUDP sends the response to d, if there is one, and keeps its buffer.
func (l *Listener) sendUDP(d *datagram, response []byte) {
	l.count.udp.Add(1)
	if len(response) > 0 {
		_, _, err := l.udp.WriteMsgUDPAddrPort(response, d.info[:d.infoSize], d.from.Addr)
		if err != nil {
			l.count.unsent.Add(1)
		}
	}
	d.out = kept(d.out, response)
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
