package upstream_test

import (
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
)

// byHost is a server whose address the bootstrap servers know. It is on that port.
func byHost(port uint16, a *servertest.Authority, bootstrap ...netip.AddrPort) upstream.Server {
	return upstream.Server{
		Addr: netip.AddrPortFrom(netip.Addr{}, port), Host: "dns.example", Bootstrap: bootstrap,
		Transport: upstream.TLS, TLSName: "dns.example", CA: a.PEM, Text: "tls://dns.example",
	}
}

// hanging is a server with TLS that closes each connection behind its first answer.
func hanging(t testing.TB, a *servertest.Authority) *servertest.Upstream {
	t.Helper()
	return servertest.NewTLS(t, a.Config(t, "dns.example"), func(q *servertest.Query) {
		q.Respond(answer(q))
		q.Hang()
	})
}

// The bootstrap servers are asked when the first connection is opened, and then no more.
func TestBootstrap(t *testing.T) {
	a := servertest.NewAuthority(t)
	u := hanging(t, a)
	knows := servertest.New(t, servertest.Records(t, "dns.example. 60 IN CNAME a.example.", "a.example. 60 IN A 127.0.0.1"))
	for _, over := range []upstream.Transport{upstream.TLS, upstream.HTTPS} {
		before := len(knows.Queries())
		s := byHost(u.Addr.Port(), a, servertest.Closed(t), knows.Addr)
		if s.Transport = over; over == upstream.HTTPS {
			s.Addr = netip.AddrPortFrom(netip.Addr{}, newWebServer(t, a.Certificate(t, nil, "dns.example"), false, webAnswer).addr().Port())
		}
		g := groupOf(t, 10*time.Second, s)
		if n := len(knows.Queries()); n != before {
			t.Errorf("%v queries before anything was asked", n)
		}
		for range 5 {
			if from := wantAnswer(t, g, "192.0.2.1"); from != "tls://dns.example" {
				t.Errorf("from %q", from)
			}
		}
		types := map[uint16]int{}
		for _, q := range knows.Queries()[before:] {
			types[q.Question[0].Qtype]++
		}
		if types[dns.TypeA] != 1 || types[dns.TypeAAAA] != 1 || len(types) != 2 {
			t.Errorf("%v: asked %v, want A and AAAA once", over, types)
		}
	}
}

// The next address is tried where one takes no connection, and is the first from then on.
func TestBootstrapTriesAllAddresses(t *testing.T) {
	a := servertest.NewAuthority(t)
	u := hanging(t, a)
	knows := servertest.New(t, servertest.Records(t, "dns.example. 60 IN A 127.0.0.2", "dns.example. 60 IN A 0.0.0.0", "dns.example. 60 IN A 127.0.0.1"))
	g := groupOf(t, 10*time.Second, byHost(u.Addr.Port(), a, knows.Addr))
	wantAnswer(t, g, "192.0.2.1")
	wantAnswer(t, g, "192.0.2.1")
}

// What the bootstrap servers did is said, by the name that could not be found.
func TestBootstrapFails(t *testing.T) {
	a := servertest.NewAuthority(t)
	silent, closed := servertest.New(t, servertest.Silent), servertest.Closed(t)
	unknown := servertest.New(t, servertest.Records(t, "example. 60 IN SOA a. b. 1 1 1 1 1"))
	nodata := servertest.New(t, servertest.Records(t, "dns.example. 60 IN TXT a", "example. 60 IN SOA a. b. 1 1 1 1 1"))
	refused := servertest.New(t, servertest.Records(t, "dns.example. 60 IN A 127.0.0.1"))
	for want, bootstrap := range map[string]netip.AddrPort{
		"over TLS: bootstrap of dns.example: " + closed.String() + ": connection refused": closed,
		"over TLS: bootstrap of dns.example: NXDOMAIN from " + unknown.Addr.String():      unknown.Addr,
		"over TLS: bootstrap of dns.example: no address from " + nodata.Addr.String():     nodata.Addr,
		"over TLS: bootstrap of dns.example: " + silent.Addr.String() + ": no answer":     silent.Addr,
		"over TLS: 127.0.0.1:" + port(closed) + ": connection refused":                    refused.Addr,
	} {
		start := time.Now()
		wantFailure(t, groupOf(t, 8*time.Second, byHost(closed.Port(), a, bootstrap)), want)
		if took := time.Since(start); took > 2*time.Second+generous {
			t.Errorf("%s: took %v", want, took)
		}
	}
	err := wantError(t, groupOf(t, 300*time.Millisecond, byHost(closed.Port(), a, silent.Addr)))
	if text := err.Failures[0].Text; !strings.HasSuffix(text, ": no address from the bootstrap servers") || !err.Timeout() {
		t.Errorf("%q, want that there is no address yet", text)
	}
}

// port is the port of an address.
func port(ap netip.AddrPort) string {
	_, port, _ := strings.Cut(ap.String(), ":")
	return port
}

// After a failure the bootstrap servers have a rest, and then it works.
func TestBootstrapRecovers(t *testing.T) {
	a := servertest.NewAuthority(t)
	u := hanging(t, a)
	var well atomic.Bool
	records := servertest.Records(t, "dns.example. 60 IN A 127.0.0.1")
	knows := servertest.New(t, func(q *servertest.Query) {
		if well.Load() {
			records(q)
			return
		}
		servertest.Rcode(dns.RcodeRefused)(q)
	})
	g := groupOf(t, 10*time.Second, byHost(u.Addr.Port(), a, knows.Addr))
	for range 20 {
		wantFailure(t, g, "over TLS: bootstrap of dns.example: REFUSED from "+knows.Addr.String())
	}
	if n := len(knows.Queries()); n > 4 {
		t.Errorf("%v queries, want a rest between two failures", n)
	}
	well.Store(true)
	eventually(t, "an answer", func() bool {
		_, _, err := exchange(g, question("www.example"))
		return err == nil
	})
	well.Store(false) // addresses that were good are kept
	upstream.Forget(g)
	for range 3 {
		wantAnswer(t, g, "192.0.2.1")
	}
}

// Closing does not wait for bootstrap servers.
func TestCloseEndsBootstrap(t *testing.T) {
	silent := servertest.New(t, servertest.Silent)
	before := runtime.NumGoroutine()
	for _, over := range []upstream.Transport{upstream.TLS, upstream.HTTPS} {
		s := byHost(1, servertest.NewAuthority(t), silent.Addr)
		s.Transport = over
		g := upstream.New(upstream.Options{Name: "default", Servers: []upstream.Server{s}}, func() {})
		ended := begin(g, question("www.example"))
		eventually(t, "a query", func() bool { return len(silent.Queries()) > 0 })
		start := time.Now()
		g.Close()
		if took := time.Since(start); took > prompt {
			t.Errorf("Close took %v", took)
		}
		wantClosed(t, []<-chan outcome{ended})
	}
	eventually(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}

// Addresses where nothing works, or somebody else, are not trusted for their TTL.
func TestBootstrapIsAskedAgainWhereNothingWorks(t *testing.T) {
	a := servertest.NewAuthority(t)
	u := hanging(t, a)
	stranger, err := tls.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), u.Addr.Port()).String(), a.Config(t, "other.example"))
	if err != nil {
		t.Skip("no other address on this machine: ", err)
	}
	var served sync.WaitGroup
	served.Go(func() { greet(stranger) })
	t.Cleanup(func() {
		_ = stranger.Close()
		served.Wait()
	})
	for was, want := range map[string]string{
		"127.0.0.2": "over TLS: 127.0.0.2:" + port(u.Addr) + ": connection refused",
		"127.0.0.3": "over TLS: certificate is for other.example, want dns.example",
	} {
		var moved atomic.Bool
		before := servertest.Records(t, "dns.example. 86400 IN A "+was)
		after := servertest.Records(t, "dns.example. 86400 IN A 127.0.0.1")
		knows := servertest.New(t, func(q *servertest.Query) {
			if moved.Load() {
				after(q)
				return
			}
			before(q)
		})
		g := groupOf(t, 10*time.Second, byHost(u.Addr.Port(), a, knows.Addr))
		for range 20 {
			wantFailure(t, g, want)
		}
		if n := len(knows.Queries()); n > 4 {
			t.Errorf("%s: %v queries, want a rest between two lookups", was, n)
		}
		moved.Store(true)
		eventually(t, "an answer", func() bool {
			_, _, err := exchange(g, question("www.example"))
			return err == nil
		})
	}
}

// A TTL counts between bounds, and the rests grow until there is a connection, whatever lookups find.
func TestWhenBootstrapIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := upstream.NewHost()
		found := func(life time.Duration) func() { return func() { h.Found(life) } }
		for i, step := range []struct {
			do   func()
			want time.Duration // until the next lookup
		}{
			{found(24 * time.Hour), time.Hour},
			{h.Fails, time.Second},
			{h.Fails, time.Second}, // of another connection
			{found(time.Second), time.Minute},
			{h.Fails, 2 * time.Second},
			{found(30 * time.Minute), 30 * time.Minute},
			{h.Fails, 4 * time.Second},
			{h.Works, 4 * time.Second},
			{found(time.Hour), time.Hour},
			{h.Fails, time.Second},
		} {
			if step.do(); h.Next() != step.want {
				t.Errorf("step %d: %v until the next lookup, want %v", i, h.Next(), step.want)
			}
		}
	})
}

// greet ends each connection behind its TLS handshake.
func greet(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_ = c.(*tls.Conn).Handshake()
		_ = c.Close()
	}
}
