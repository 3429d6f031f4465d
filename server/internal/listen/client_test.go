package listen_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"splitdns/server/internal/listen"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// echo answers with the query.
func echo(dst, packet []byte, _ listen.Peer) []byte {
	return append(dst, packet...)
}

// limits are generous ones.
func limits() listen.Limits {
	return listen.Limits{InFlight: listen.NewLimiter(1000), Connections: 100, Hold: time.Millisecond, Idle: patience}
}

// query is a packet long enough for a header, which holds text.
func query(text string) []byte {
	return []byte(fmt.Sprintf("%-*s", listen.HeaderSize, text))
}

// text is what query was given.
func text(packet []byte) string { return strings.TrimRight(string(packet), " ") }

// server is a listener that is being served.
type server struct {
	*listen.Listener
	stop  func() // begins the drain
	ended chan error
}

// wait is how a handler answers that has nothing to say at once. It may block.
type wait = func(dst, packet []byte, from listen.Peer) []byte

// handler answers at once, or where now says false with wait, on a goroutine for each query.
type handler struct {
	now  func(dst, packet []byte, from listen.Peer) (response []byte, ok bool)
	wait wait
}

// waiting is a handler that lets every query wait.
func waiting(w wait) handler {
	return handler{
		now:  func(_, _ []byte, _ listen.Peer) ([]byte, bool) { return nil, false },
		wait: w,
	}
}

// service is h as a listener asks it. flush is called after each response.
func (h handler) service(flush func()) listen.Service {
	return func(dst, packet []byte, from listen.Peer) ([]byte, func(listen.Query)) {
		if response, ok := h.now(dst, packet, from); ok {
			return response, nil
		}
		packet = bytes.Clone(packet)
		return nil, func(q listen.Query) {
			go func() {
				q.Respond(func(dst []byte) []byte { return h.wait(dst, packet, from) })
				flush()
			}()
		}
	}
}

// open opens a listener for h.
func open(addr netip.AddrPort, limits listen.Limits, h handler, report func(string)) (*listen.Listener, error) {
	var l *listen.Listener
	l, err := listen.Open(addr, limits, h.service(func() { l.Flush() }), func() {}, report)
	return l, err
}

// holding is a listener that lets every query wait, and leaves it to the test.
func holding(t *testing.T, limits listen.Limits, settled func()) (*listen.Listener, <-chan listen.Query) {
	t.Helper()
	held := make(chan listen.Query, 100)
	l, err := listen.Open(netip.MustParseAddrPort("127.0.0.1:0"), limits, func(dst, _ []byte, _ listen.Peer) ([]byte, func(listen.Query)) {
		return dst, func(q listen.Query) { held <- q }
	}, settled, func(text string) { t.Error(text) })
	if err != nil {
		t.Fatal(err)
	}
	return l, held
}

// serve opens a listener for queries that all wait, and serves it until the test ends, if it is not
// ended before.
func serve(t *testing.T, addr string, limits listen.Limits, w wait) *server {
	t.Helper()
	return serveBoth(t, addr, limits, waiting(w))
}

// serveBoth is serve for a handler that does not let all of them wait. Nothing is reported but drops.
func serveBoth(t *testing.T, addr string, limits listen.Limits, h handler) *server {
	t.Helper()
	l, err := open(netip.MustParseAddrPort(addr), limits, h, func(text string) {
		if !strings.Contains(text, "dropped") {
			t.Error(text)
		}
	})
	if err != nil {
		if strings.HasPrefix(addr, "[") {
			t.Skipf("no IPv6 here: %v", err)
		}
		t.Fatal(err)
	}
	return start(t, l)
}

// startReporting is serveBoth for a test that looks at the reports, or ends the server itself.
func startReporting(t *testing.T, limits listen.Limits, h handler, report func(string)) *server {
	t.Helper()
	l, err := open(netip.MustParseAddrPort("127.0.0.1:0"), limits, h, report)
	if err != nil {
		t.Fatal(err)
	}
	return start(t, l)
}

// start serves l until the test ends.
func start(t *testing.T, l *listen.Listener) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &server{Listener: l, stop: cancel, ended: make(chan error, 1)}
	go func() {
		s.ended <- l.Serve(ctx)
		close(s.ended)
	}()
	t.Cleanup(func() {
		cancel()
		hung := time.AfterFunc(patience, func() { l.Close() })
		defer hung.Stop()
		if err := <-s.ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// at is the listener's port at another address.
func (s *server) at(addr string) string {
	return netip.AddrPortFrom(netip.MustParseAddr(addr), s.Addr().Port()).String()
}

// client is a client's socket. Over UDP it takes packets from the address it asked, and no other.
type client struct {
	net.Conn
	t *testing.T
}

// dial connects to addr.
func dial(t *testing.T, network, addr string) client {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return client{c, t}
}

// dialFrom connects over TCP from a loopback address, which Linux has many of.
func dialFrom(t *testing.T, from, addr string) client {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a second loopback address is needed")
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return client{c, t}
}

// ask sends a packet, over TCP behind its length.
func (c client) ask(packet []byte) {
	c.t.Helper()
	if c.LocalAddr().Network() == "tcp" {
		packet = frame(packet)
	}
	if _, err := c.Write(packet); err != nil {
		c.t.Fatal(err)
	}
}

// frame is packet behind its length.
func frame(packet []byte) []byte {
	return append([]byte{byte(len(packet) >> 8), byte(len(packet))}, packet...)
}

// answer reads a response.
func (c client) answer() []byte {
	c.t.Helper()
	if c.LocalAddr().Network() == "tcp" {
		b, err := listen.ReadMessage(c, nil, 65535)
		if err != nil {
			c.t.Fatalf("reading a response: %v", err)
		}
		return b
	}
	b := make([]byte, 65536)
	n, err := c.Read(b)
	if err != nil {
		c.t.Fatalf("reading a response: %v", err)
	}
	return b[:n]
}

// exchange asks and compares the response.
func (c client) exchange(ask, want string) {
	c.t.Helper()
	c.ask(query(ask))
	if got := text(c.answer()); got != want {
		c.t.Errorf("asked %q: got %q, want %q", ask, got, want)
	}
}

// wantClosed waits for the server to close the connection.
func (c client) wantClosed() {
	c.t.Helper()
	n, err := c.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Errorf("read %d octets and %v, want a closed connection", n, err)
	}
}

// eventually waits for what has no event to wait for.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
