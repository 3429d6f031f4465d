package upstream_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// onTLS is the server at an address that must show a certificate of a for name.
func onTLS(at netip.AddrPort, a *servertest.Authority, name string) upstream.Server {
	return upstream.Server{
		Addr: at, Transport: upstream.TLS, TLSName: name, CA: a.PEM, Text: "tls://" + at.String() + "#" + name,
	}
}

func TestTLS(t *testing.T) {
	a := servertest.NewAuthority(t)
	config := a.Config(t, "dns.example")
	config.NextProtos = []string{"dot"}
	states := make(chan tls.ConnectionState, 100)
	config.VerifyConnection = func(s tls.ConnectionState) error { states <- s; return nil }
	u := servertest.NewTLS(t, config, func(q *servertest.Query) {
		q.Respond(answer(q))
		if q.Number == 20 {
			q.Hang()
		}
	})
	g := groupOf(t, 10*time.Second, onTLS(u.Addr, a, "dns.example"))
	for range 21 {
		if from := wantAnswer(t, g, "192.0.2.1"); from != "tls://"+u.Addr.String()+"#dns.example" {
			t.Errorf("from %q, want the server as it was written", from)
		}
	}
	if n := connections(u); n != 2 {
		t.Errorf("%v connections, want one until it was closed, and another", n)
	}
	first, second := <-states, <-states
	if first.DidResume || !second.DidResume || first.NegotiatedProtocol != "dot" || first.ServerName != "dns.example" || first.Version < tls.VersionTLS12 {
		t.Errorf("handshakes %+v, %+v; want ALPN dot, and the second session resumed", first, second)
	}
}

// Queries over TLS are padded to a multiple of 128 octets (RFC 8467, section 4.1), and
// those that are not encrypted never are.
func TestPadding(t *testing.T) {
	a := servertest.NewAuthority(t)
	respond := func(q *servertest.Query) { q.Respond(answer(q)) }
	encrypted := servertest.NewTLS(t, a.Config(t, "dns.example"), respond)
	plain := servertest.New(t, respond)
	padded := func(q *servertest.Query) bool {
		for _, o := range q.IsEdns0().Option {
			if o.Option() == dns.EDNS0PADDING {
				return true
			}
		}
		return false
	}
	for _, name := range []string{"a.example", strings.Repeat("long.", 20) + "example", strings.Repeat("long.", 45) + "example"} {
		for _, s := range []upstream.Server{onTLS(encrypted.Addr, a, "dns.example"), {Addr: plain.Addr}, onTCP(plain)} {
			if _, _, err := exchange(groupOf(t, 10*time.Second, s), question(name)); err != nil {
				t.Error(err)
			}
		}
	}
	for _, q := range encrypted.Queries() {
		if len(q.Packet)%128 != 0 || !padded(q) {
			t.Errorf("%d octets over TLS\n%v", len(q.Packet), q.Msg)
		}
	}
	for _, q := range plain.Queries() {
		if padded(q) {
			t.Errorf("padded, and not encrypted\n%v", q.Msg)
		}
	}
}

// hostile is a server over TCP that does what serve says with each connection.
func hostile(t testing.TB, serve func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		tasks.Wait()
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// absorb reads until the other end closes.
func absorb(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// reset ends a connection with a RST, once it has heard something.
func reset(c net.Conn) {
	_, _ = c.Read(make([]byte, 1<<14))
	_ = c.(*net.TCPConn).SetLinger(0)
}

// babble writes as long as somebody reads.
func babble(c net.Conn) {
	go absorb(c)
	for {
		if _, err := c.Write([]byte("220 mail.example ESMTP\r\n")); err != nil {
			return
		}
	}
}

// misbehaving are servers whose connections never come to be; each is described by what
// is said of it.
func misbehaving(t *testing.T) map[string]netip.AddrPort {
	return map[string]netip.AddrPort{
		"connection closed during the TLS handshake":    hostile(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<14)) }),
		"TLS handshake: connection reset by peer":       hostile(t, reset),
		"what answers there does not speak TLS":         hostile(t, babble),
		"connection refused":                            servertest.Closed(t),
		"no answer over %: no end of the TLS handshake": hostile(t, absorb),
	}
}

// wantFailure expects what the only server of g did, whatever the times in it are.
func wantFailure(t *testing.T, g *upstream.Group, want string) {
	t.Helper()
	f := wantError(t, g).Failures[0]
	before, after, timed := strings.Cut(f.Text, " in ")
	if _, rest, ok := strings.Cut(after, ":"); timed && ok {
		before += ":" + rest
	}
	if before != want {
		t.Errorf("%q, want %q", f.Text, want)
	}
}

func TestTLSServerMisbehaves(t *testing.T) {
	a := servertest.NewAuthority(t)
	for want, addr := range misbehaving(t) {
		want = strings.Replace(want, "%", "TLS", 1)
		if !strings.HasPrefix(want, "no answer") {
			want = "over TLS: " + want
		}
		t.Run(want, func(t *testing.T) {
			start := time.Now()
			wantFailure(t, groupOf(t, 600*time.Millisecond, onTLS(addr, a, "dns.example")), want)
			if took := time.Since(start); took > 600*time.Millisecond+generous {
				t.Errorf("took %v", took)
			}
		})
	}
}

// certificates are those that are not what they should be, with what is said of them.
func certificates(t *testing.T, a *servertest.Authority) map[string]tls.Certificate {
	expired := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(86400, 0)
	}
	now := time.Now().UTC().Format(time.DateOnly)
	return map[string]tls.Certificate{
		"certificate is for other.example, want dns.example":                                 a.Certificate(t, nil, "other.example"),
		"certificate is for a.example, b.example, c.example and 2 more, want dns.example":    a.Certificate(t, nil, "a.example", "b.example", "c.example", "d.example", "192.0.2.1"),
		"certificate is for no name, want dns.example":                                       a.Certificate(t, nil),
		"certificate is for ?[31mred.example, want dns.example":                              a.Certificate(t, nil, "\x1b[31mred.example"),
		"certificate is valid from 1970-01-01 to 1970-01-02, and the clock here says " + now: a.Certificate(t, expired, "dns.example"),
		"certificate of an unknown authority; if it is your own, give its file as ca":        servertest.NewAuthority(t).Certificate(t, nil, "dns.example"),
		"certificate: certificate specifies an incompatible key usage":                       a.Certificate(t, clientOnly, "dns.example"),
	}
}

// clientOnly makes a certificate of a client.
func clientOnly(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

func TestCertificateIsVerified(t *testing.T) {
	a := servertest.NewAuthority(t)
	for want, certificate := range certificates(t, a) {
		u := servertest.NewTLS(t, &tls.Config{Certificates: []tls.Certificate{certificate}}, servertest.Silent)
		wantFailure(t, groupOf(t, 10*time.Second, onTLS(u.Addr, a, "dns.example")), "over TLS: "+want)
		if len(u.Queries()) > 0 {
			t.Errorf("%s: a query was sent", want)
		}
	}
	byAddress := servertest.NewTLS(t, a.Config(t, "127.0.0.1"), func(q *servertest.Query) { q.Respond(answer(q)) })
	wantAnswer(t, groupOf(t, 10*time.Second, onTLS(byAddress.Addr, a, "127.0.0.1")), "192.0.2.1")
	wantFailure(t, groupOf(t, 10*time.Second, onTLS(byAddress.Addr, a, "127.0.0.2")), "over TLS: certificate is for 127.0.0.1, want 127.0.0.2")
	var stranger servertest.Authority // the system knows none of ours
	wantFailure(t, groupOf(t, 10*time.Second, onTLS(byAddress.Addr, &stranger, "127.0.0.1")), "over TLS: certificate of an unknown authority; if it is your own, give its file as ca")
}

// Nothing older than TLS 1.2 is spoken, and no other protocol.
func TestTLSVersionAndProtocol(t *testing.T) {
	a := servertest.NewAuthority(t)
	for name, edit := range map[string]func(*tls.Config){
		"TLS 1.1": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"HTTP":    func(c *tls.Config) { c.NextProtos = []string{"h2"} },
	} {
		config := a.Config(t, "dns.example")
		edit(config)
		u := servertest.NewTLS(t, config, servertest.Silent)
		err := wantError(t, groupOf(t, 10*time.Second, onTLS(u.Addr, a, "dns.example")))
		if text := err.Failures[0].Text; !strings.HasPrefix(text, "over TLS: TLS handshake refused: ") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// What was said of responses over TCP holds inside of TLS.
func TestTLSServerSendsGarbage(t *testing.T) {
	a := servertest.NewAuthority(t)
	for want, script := range map[string]servertest.Script{
		"over TLS: malformed response: shorter than a header":          func(q *servertest.Query) { q.SendStream([]byte{0, 5, 1, 2, 3, 4, 5}) },
		"over TLS: connection closed before the response was complete": func(q *servertest.Query) { q.SendStream([]byte{1, 0, 1, 2}); q.Hang() },
		"over TLS: truncated response":                                 func(q *servertest.Query) { q.Respond(truncated(q)) },
		"over TLS: too many wrong responses": func(q *servertest.Query) {
			q.SendStream([]byte(strings.Repeat("\x00\x0cabcdefghijkl", 200)))
		},
		"no answer over TLS": func(q *servertest.Query) { q.SendStream([]byte{255, 255, 1, 2}) },
	} {
		u := servertest.NewTLS(t, a.Config(t, "dns.example"), script)
		wantFailure(t, groupOf(t, 500*time.Millisecond, onTLS(u.Addr, a, "dns.example")), want)
	}
}

// A server that does not read what it is sent holds up nobody.
func TestServerThatDoesNotRead(t *testing.T) {
	a := servertest.NewAuthority(t)
	config := a.Config(t, "dns.example")
	stuck := make(chan struct{})
	addr := hostile(t, func(c net.Conn) {
		if tls.Server(c, config).Handshake() == nil {
			<-stuck
		}
	})
	g := groupOf(t, time.Second, onTLS(addr, a, "dns.example"))
	start := time.Now()
	var all sync.WaitGroup
	for range 5000 {
		all.Add(1)
		g.Exchange(question("www.example"), func(wire.Message, string, error) { all.Done() })
	}
	all.Wait()
	g.Close()
	if took := time.Since(start); took > time.Second+generous {
		t.Errorf("took %v", took)
	}
	close(stuck)
}

// Close ends what is under way, wherever it is.
func TestCloseEndsConnections(t *testing.T) {
	a := servertest.NewAuthority(t)
	silent := servertest.NewTLS(t, a.Config(t, "dns.example"), servertest.Silent)
	for name, addr := range map[string]netip.AddrPort{"no handshake": hostile(t, absorb), "no answer": silent.Addr} {
		for _, over := range []upstream.Transport{upstream.TLS, upstream.HTTPS} {
			s := onTLS(addr, a, "dns.example")
			s.Transport = over
			g := groupOf(t, 20*time.Second, s)
			var ended []<-chan outcome
			for range 50 {
				ended = append(ended, begin(g, question("www.example")))
			}
			eventually(t, "a connection", func() bool { return upstream.Open(g) > 0 })
			start := time.Now()
			g.Close()
			if took := time.Since(start); took > prompt {
				t.Errorf("%s, %v: Close took %v", name, over, took)
			}
			wantClosed(t, ended)
			eventually(t, "no connection", func() bool { return upstream.Open(g) == 0 })
			if _, _, err := exchange(g, question("www.example")); !errors.Is(err, upstream.ErrClosed) {
				t.Errorf("%s, %v: %v after Close", name, over, err)
			}
		}
	}
}
