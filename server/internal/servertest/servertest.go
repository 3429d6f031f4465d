// Package servertest gives tests upstreams: real sockets on the loopback
// interface that do what a script says, on UDP and TCP at the same port. They
// serve what no proper resolver would send, too. The product does not import it.
package servertest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// A Script says what an upstream does with one query: nothing (the upstream is
// silent), or any number of calls of the query's methods. Scripts run
// concurrently; one that waits should give up when the query's Done is closed.
type Script func(q *Query)

// A Query is one message that an upstream got.
type Query struct {
	*dns.Msg                 // as decoded; empty when it could not be
	Packet   []byte          // as it came, without the length over TCP
	TCP      bool            // how it came
	From     netip.AddrPort  // whence
	Number   int             // counts the upstream's queries, from 1
	Done     <-chan struct{} // closed when the upstream is closed

	upstream *Upstream
	conn     net.Conn // over TCP
}

// Name is the name that is asked for, in lower case: resolvers spell it at random.
func (q *Query) Name() string { return strings.ToLower(q.Question[0].Name) }

// Send sends a packet to whoever asked; over TCP with its length before it.
func (q *Query) Send(packet []byte) {
	if q.TCP {
		q.SendStream(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
		return
	}
	_, _ = q.upstream.udp.WriteToUDPAddrPort(packet, q.From)
}

// SendFrom sends a packet over UDP to whoever asked, but from another port.
func (q *Query) SendFrom(other *net.UDPConn, packet []byte) {
	_, _ = other.WriteToUDPAddrPort(packet, q.From)
}

// SendStream sends octets over TCP as they are.
func (q *Query) SendStream(octets []byte) {
	_, _ = q.conn.Write(octets)
}

// Hang closes the TCP connection.
func (q *Query) Hang() {
	_ = q.conn.Close()
}

// Respond sends a message.
func (q *Query) Respond(m *dns.Msg) {
	q.Send(Pack(m))
}

// Pack returns the message as a packet, and panics for what cannot be packed.
func Pack(m *dns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic("servertest: " + err.Error())
	}
	return b
}

// An Upstream is a resolver for one test.
type Upstream struct {
	Addr netip.AddrPort // where it listens: 127.0.0.1 and a port, UDP and TCP

	script Script
	tls    *tls.Config // nil: connections are plain
	udp    *net.UDPConn
	tcp    *net.TCPListener
	done   context.Context // ends with the test
	tasks  sync.WaitGroup  // a count for each loop and each query's script

	mu      sync.Mutex // guards what follows
	queries []*Query
	conns   map[net.Conn]bool
}

// New starts an upstream that ends with the test.
func New(t testing.TB, script Script) *Upstream {
	t.Helper()
	return start(t, script, nil)
}

// NewTLS starts an upstream whose connections are encrypted, and that ends with the test.
func NewTLS(t testing.TB, config *tls.Config, script Script) *Upstream {
	t.Helper()
	return start(t, script, config)
}

// start starts an upstream; without config its connections are plain.
func start(t testing.TB, script Script, config *tls.Config) *Upstream {
	t.Helper()
	udp, tcp := open(t)
	done, cancel := context.WithCancel(context.Background())
	u := &Upstream{
		Addr: tcp.Addr().(*net.TCPAddr).AddrPort(), script: script, tls: config,
		udp: udp, tcp: tcp, done: done, conns: make(map[net.Conn]bool),
	}
	u.tasks.Go(u.serveUDP)
	u.tasks.Go(u.serveTCP)
	t.Cleanup(func() {
		cancel()
		u.close()
		u.tasks.Wait()
	})
	return u
}

// Closed returns an address of 127.0.0.1 where nothing listens.
func Closed(t testing.TB) netip.AddrPort {
	t.Helper()
	udp, tcp := open(t)
	addr := tcp.Addr().(*net.TCPAddr).AddrPort()
	if err := errors.Join(udp.Close(), tcp.Close()); err != nil {
		t.Fatal(err)
	}
	return addr
}

// UDP opens a socket on 127.0.0.1 that is closed with the test, for SendFrom.
func UDP(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// CloseTCP makes the upstream refuse connections over TCP.
func (u *Upstream) CloseTCP() {
	_ = u.tcp.Close()
}

// Connections is how many there are now.
func (u *Upstream) Connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.conns)
}

// Queries returns what came so far, in order.
func (u *Upstream) Queries() []*Query {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*Query(nil), u.queries...)
}

// open finds a port that is free for both TCP and UDP.
func open(t testing.TB) (*net.UDPConn, *net.TCPListener) {
	t.Helper()
	for range 100 {
		tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err == nil {
			return udp, tcp
		}
		_ = tcp.Close()
	}
	t.Fatal("no port of 127.0.0.1 is free for both TCP and UDP")
	return nil, nil
}

// close ends both loops and every connection.
func (u *Upstream) close() {
	_ = u.udp.Close()
	_ = u.tcp.Close()
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close()
	}
}

func (u *Upstream) serveUDP() {
	buf := make([]byte, 65535)
	for {
		n, from, err := u.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil { // else an ICMP error about something sent earlier
			u.begin(&Query{Packet: append([]byte(nil), buf[:n]...), From: from})
		}
	}
}

func (u *Upstream) serveTCP() {
	for {
		c, err := u.tcp.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns[c] = true
		u.mu.Unlock()
		if u.tls != nil {
			c = tls.Server(c, u.tls)
		}
		u.tasks.Go(func() { u.serveConn(c) })
	}
}

// serveConn reads the queries of one connection until the other end closes it.
func (u *Upstream) serveConn(c net.Conn) {
	defer func() {
		_ = c.Close()
		if encrypted, ok := c.(*tls.Conn); ok {
			c = encrypted.NetConn()
		}
		u.mu.Lock()
		delete(u.conns, c)
		u.mu.Unlock()
	}()
	if u.done.Err() != nil { // accepted while close ran
		return
	}
	from := c.RemoteAddr().(*net.TCPAddr).AddrPort()
	for {
		packet, err := readFramed(c)
		if err != nil {
			return
		}
		u.begin(&Query{Packet: packet, From: from, TCP: true, conn: c})
	}
}

// begin notes a query and runs the script for it.
func (u *Upstream) begin(q *Query) {
	q.upstream, q.Done, q.Msg = u, u.done.Done(), new(dns.Msg)
	if err := q.Msg.Unpack(q.Packet); err != nil {
		q.Msg = new(dns.Msg)
	}
	u.mu.Lock()
	u.queries = append(u.queries, q)
	q.Number = len(u.queries)
	u.mu.Unlock()
	u.tasks.Go(func() { u.script(q) })
}

// readFramed reads one message with its length before it (RFC 1035, section 4.2.2).
func readFramed(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, packet)
	return packet, err
}
