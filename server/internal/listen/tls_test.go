package listen_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"splitdns/server/internal/listen"
)

// newPair makes a certificate for 127.0.0.1 with that number.
func newPair(t testing.TB, number int64) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: "dns.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// encrypted is a server over TLS, with the certificate that it shows.
type encrypted struct {
	*server
	pair atomic.Pointer[tls.Certificate]
}

// serveTLS opens a listener over TLS, or with freshness over HTTPS, and serves it until the test ends.
func serveTLS(t *testing.T, limits listen.Limits, h handler, freshness func([]byte) uint32) *encrypted {
	t.Helper()
	s := openTLS(t, limits, h, freshness)
	s.server = start(t, s.Listener)
	return s
}

// local is any port of this machine.
var local = netip.MustParseAddrPort("127.0.0.1:0")

// openTLS opens a listener for serveTLS.
func openTLS(t *testing.T, limits listen.Limits, h handler, freshness func([]byte) uint32) *encrypted {
	t.Helper()
	s := new(encrypted)
	s.pair.Store(newPair(t, 1))
	l, err := listen.OpenTLS(local, limits, listen.Encrypted{
		Service: h.service(func() {}), Settled: func() {}, Report: func(string) {},
		Certificate: s.pair.Load, Freshness: freshness,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.server = &server{Listener: l}
	return s
}

// trusting is what a client believes that trusts pair.
func trusting(pair *tls.Certificate, protocols ...string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", NextProtos: protocols}
}

// dialTLS connects to s.
func (s *encrypted) dialTLS(t *testing.T) client {
	t.Helper()
	c := dial(t, "tcp", s.Addr().String())
	over := tls.Client(c.Conn, trusting(s.pair.Load(), "dot"))
	if err := over.Handshake(); err != nil {
		t.Fatal(err)
	}
	return client{over, t}
}

// atOnce is a handler that lets nothing wait.
func atOnce(w wait) handler {
	return handler{now: func(dst, packet []byte, from listen.Peer) ([]byte, bool) { return w(dst, packet, from), true }}
}

func TestTLS(t *testing.T) {
	peers := make(chan listen.Peer, 10)
	s := serveTLS(t, limits(), waiting(func(dst, packet []byte, from listen.Peer) []byte {
		peers <- from
		return echo(dst, packet, from)
	}), nil)
	c := s.dialTLS(t)
	c.exchange("hello", "hello")
	if from := <-peers; !from.TCP || !from.Secure || from.HTTP || from.Addr.String() != c.LocalAddr().String() {
		t.Errorf("peer %+v", from)
	}
	state := c.Conn.(*tls.Conn).ConnectionState()
	if state.NegotiatedProtocol != "dot" || state.Version < tls.VersionTLS12 {
		t.Errorf("protocol %q, version %x", state.NegotiatedProtocol, state.Version)
	}
	long := bytes.Repeat([]byte("0123456789abcdef"), listen.MaxDatagram/16)
	c.ask(long)
	<-peers
	if got := c.answer(); !bytes.Equal(got, long) {
		t.Errorf("got %d octets, want %d", len(got), len(long))
	}
	if got := s.Stats(); got.TCP != 2 || got.Accepted != 1 || got.Connections != 1 || got.Handshakes != 0 {
		t.Errorf("stats %+v", got)
	}
}

// RFC 7858, section 3.3: "clients and servers SHOULD support out-of-order" responses, as over TCP.
func TestTLSOutOfOrder(t *testing.T) {
	release := make(chan struct{})
	s := serveTLS(t, limits(), waiting(func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) == "slow" {
			<-release
		}
		return echo(dst, packet, from)
	}), nil)
	c := s.dialTLS(t)
	c.ask(query("slow"))
	c.exchange("fast", "fast")
	close(release)
	if got := text(c.answer()); got != "slow" {
		t.Errorf("got %q, want the slow response", got)
	}
}

func TestTLSPipelined(t *testing.T) {
	s := serveTLS(t, limits(), atOnce(echo), nil)
	c := s.dialTLS(t)
	const n = 5 * listen.ConnQueries
	var all []byte
	for i := range n {
		all = append(all, frame(query(fmt.Sprint(i)))...)
	}
	go c.Write(all) // answers are read meanwhile; what is lost shows there
	seen := make(map[string]bool)
	for range n {
		seen[text(c.answer())] = true
	}
	if len(seen) != n {
		t.Errorf("%d different responses, want %d", len(seen), n)
	}
}

// Who is slow to shake hands, or never does, keeps nobody waiting, and goes in time.
func TestSlowHandshakes(t *testing.T) {
	lim := limits()
	lim.Idle = briefly
	s := serveTLS(t, lim, atOnce(echo), nil)
	var slow []client
	for i := range 50 {
		c := dial(t, "tcp", s.Addr().String())
		if _, err := c.Write([]byte{22, 3, 1, 2, 0, 1}[:i%6]); err != nil { // the beginning of a ClientHello
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	s.dialTLS(t).exchange("hello", "hello")
	for _, c := range slow {
		c.wantClosed()
	}
	eventually(t, "50 handshakes failed", func() bool { return s.Stats().Handshakes == 50 })
}

func TestNoTLS(t *testing.T) {
	for name, says := range map[string][]byte{
		"a plain query": frame(query("plain")), "HTTP": []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "garbage": bytes.Repeat([]byte{0xff}, 1000),
		"a record without end": {22, 3, 1, 0xff, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			lim := limits()
			lim.Idle = briefly
			s := serveTLS(t, lim, atOnce(func(_, _ []byte, _ listen.Peer) []byte {
				t.Error("a query is handled")
				return nil
			}), nil)
			c := dial(t, "tcp", s.Addr().String())
			if _, err := c.Write(says); err != nil {
				t.Fatal(err)
			}
			_, err := io.Copy(io.Discard, c) // an alert
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still open")
			}
			eventually(t, "the connection gone", func() bool { return s.Stats().Connections == 0 && s.Stats().Handshakes == 1 })
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := serveTLS(t, limits(), atOnce(echo), nil)
	config := trusting(s.pair.Load())
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := tls.Dial("tcp", s.Addr().String(), config); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if _, err := tls.Dial("tcp", s.Addr().String(), trusting(s.pair.Load(), "h2")); err == nil {
		t.Error("a client that wants HTTP is served DNS over TLS")
	}
}

// A new certificate is for new connections; those that are open stay.
func TestCertificateChanges(t *testing.T) {
	s := serveTLS(t, limits(), atOnce(echo), nil)
	before := s.dialTLS(t)
	before.exchange("one", "one")
	s.pair.Store(newPair(t, 2))
	after := s.dialTLS(t) // who trusts the new one only
	after.exchange("two", "two")
	before.exchange("three", "three")
	if got := after.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != 2 {
		t.Errorf("certificate %d, want 2", got)
	}
}

// Clients that come again need no full handshake.
func TestTicketsAreGiven(t *testing.T) {
	s := serveTLS(t, limits(), atOnce(echo), nil)
	config := trusting(s.pair.Load(), "dot")
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i := range 2 {
		c := client{tls.Client(dial(t, "tcp", s.Addr().String()).Conn, config), t}
		c.exchange("hello", "hello")
		if resumed := c.Conn.(*tls.Conn).ConnectionState().DidResume; resumed != (i == 1) {
			t.Errorf("connection %d: resumed %v", i, resumed)
		}
	}
}

func TestIdleTLSIsClosedInGoodOrder(t *testing.T) {
	lim := limits()
	lim.Idle = briefly
	s := serveTLS(t, lim, atOnce(echo), nil)
	c := s.dialTLS(t)
	c.exchange("hello", "hello")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end by close_notify", err)
	}
}

// 1,000 idle connections, and a client that is served beside them; beyond the limit the longest idle go.
func TestThousandIdleTLSConnections(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("load", func(t *testing.T) {
		const n = 1000
		lim := limits()
		lim.Connections, lim.Idle = n, 100*patience
		s := serveTLS(t, lim, atOnce(echo), nil)
		config := trusting(s.pair.Load(), "dot")
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1) // a full handshake takes a client long
		config.CurvePreferences = []tls.CurveID{tls.X25519}
		var g sync.WaitGroup
		for range 8 {
			g.Go(func() {
				for range n / 8 {
					client{tls.Client(dial(t, "tcp", s.Addr().String()).Conn, config), t}.exchange("hello", "hello")
				}
			})
		}
		g.Wait()
		eventually(t, "all of them open", func() bool { return s.Stats().Connections == n })
		listen.Grow(s.Listener)
		s.dialTLS(t).exchange("hello", "hello")
		if got := s.Stats(); got.Connections != n || got.Evicted != 1 {
			t.Errorf("stats %+v, want %d open, 1 evicted", got, n)
		}
	})
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}

func TestCloseWhileShakingHands(t *testing.T) {
	for _, freshness := range []func([]byte) uint32{nil, never} {
		s := serveTLS(t, limits(), atOnce(echo), freshness)
		dial(t, "tcp", s.Addr().String())
		eventually(t, "a connection", func() bool { return s.Stats().Connections == 1 })
		begin := time.Now()
		s.stop()
		if err := <-s.ended; err != nil || time.Since(begin) > patience/2 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	}
}

func TestPortTakenForTLS(t *testing.T) {
	s := serveTLS(t, limits(), atOnce(echo), nil)
	for freshness, want := range map[bool]string{false: "over TLS", true: "over HTTPS"} {
		e := listen.Encrypted{Service: atOnce(echo).service(func() {}), Settled: func() {}, Report: func(string) {}, Certificate: s.pair.Load}
		if freshness {
			e.Freshness = never
		}
		_, err := listen.OpenTLS(s.Addr(), limits(), e)
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) || !bytes.Contains([]byte(err.Error()), []byte("is another resolver")) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// never is the freshness of what no cache may keep.
func never([]byte) uint32 { return 0 }
