package scenario_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// patience bounds every wait. It ends only scenarios that fail.
const patience = 20 * time.Second

// A conversation is a socket of a client.
type conversation struct {
	net.Conn
	query   *query        // the last one
	sent    []*query      // on a named conversation: those that have no response yet
	counter *atomic.Int64 // of queries of all clients
}

// conversation is where q goes: a new one, or the one it names.
func (w *world) conversation(q *query) (*conversation, error) {
	if c, ok := w.conversations[q.on]; ok && q.on != "" {
		return c, nil
	}
	network, to := "udp", w.addr(q.ipv6)
	if q.tcp {
		network = "tcp"
	}
	d := net.Dialer{Timeout: patience}
	if q.from != "" {
		local := netip.AddrPortFrom(netip.MustParseAddr(q.from), 0)
		d.LocalAddr = net.UDPAddrFromAddrPort(local)
		if q.tcp {
			d.LocalAddr = net.TCPAddrFromAddrPort(local)
		}
	}
	var nc net.Conn
	var err error
	if q.tls || q.https {
		nc, err = w.dialEncrypted(q)
	} else {
		nc, err = d.Dial(network, to.String())
	}
	if err != nil {
		return nil, err
	}
	c := &conversation{Conn: nc}
	w.open = append(w.open, nc)
	w.conversations[q.on], w.conversations[""] = c, c
	return c, nil
}

// send sends q.
func (c *conversation) send(q *query) error {
	c.counter.Add(1)
	packet := q.packet
	if q.tcp && !q.unframed {
		packet = framed(packet)
	}
	if _, err := c.Write(packet); err != nil {
		return q.errorf("sending: %v", err)
	}
	return nil
}

// receive waits for the next packet.
func (c *conversation) receive() ([]byte, error) { return c.receiveFor(patience) }

// receiveFor waits for the next packet, for that long.
func (c *conversation) receiveFor(d time.Duration) ([]byte, error) {
	_ = c.SetReadDeadline(time.Now().Add(d))
	if c.query.tcp {
		return readFramed(c)
	}
	buf := make([]byte, 65535)
	n, err := c.Read(buf)
	return buf[:n], err
}

// ended says whether the server has closed the connection.
func (c *conversation) ended() error {
	packet, err := c.receive()
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return fmt.Errorf("want the connection closed, got %v:\n%s", err, describe(packet))
}

// sentinel is a query that is answered at once, behind all that was sent before it.
var sentinel = func() []byte {
	m := new(dns.Msg).SetQuestion("sentinel.example.", dns.TypeANY)
	m.Id = 0xFEED
	packet, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packet
}()

// quiet is how long nothing may come behind the sentinel: what an upstream is asked for is
// answered within it, as upstreams here answer at once.
const quiet = 50 * time.Millisecond

// silent says whether nothing was answered: the next response is that to the sentinel, and
// none follows.
func (c *conversation) silent() error {
	if err := c.send(&query{node: c.query.node, packet: sentinel, tcp: c.query.tcp}); err != nil {
		return err
	}
	packet, err := c.receive()
	if err != nil {
		return fmt.Errorf("want only the answer to the query behind it: %w", err)
	}
	if !bytes.HasPrefix(packet, sentinel[:2]) {
		return fmt.Errorf("want no answer, got\n%s", describe(packet))
	}
	if packet, err = c.receiveFor(quiet); err == nil {
		return fmt.Errorf("want no answer, got\n%s", describe(packet))
	}
	return nil
}

// describe is a packet for people.
func describe(packet []byte) string {
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		return fmt.Sprintf("%d octets, %v:\n%s", len(packet), err, hex.Dump(packet[:min(len(packet), 512)]))
	}
	return fmt.Sprintf("%d octets:\n%v", len(packet), m)
}
