package upstream_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// A webServer is a server of DNS over HTTPS for one test.
type webServer struct {
	*httptest.Server
	accepted atomic.Int32 // connections
}

// quiet is the log of servers whose clients hang up, as they should.
var quiet = log.New(io.Discard, "", 0)

// newWebServer starts a server that shows a certificate; with HTTP/2 unless it is old.
func newWebServer(t testing.TB, certificate tls.Certificate, old bool, handle http.HandlerFunc, edits ...func(*http.Server)) *webServer {
	t.Helper()
	s := &webServer{Server: httptest.NewUnstartedServer(handle)}
	s.EnableHTTP2 = !old
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.Config.ErrorLog = quiet
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.accepted.Add(1)
		}
	}
	for _, edit := range edits {
		edit(s.Config)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// addr is where s listens.
func (s *webServer) addr() netip.AddrPort { return s.Listener.Addr().(*net.TCPAddr).AddrPort() }

// onHTTPS is a server that must show a certificate of a for dns.example.
func onHTTPS(at netip.AddrPort, a *servertest.Authority) upstream.Server {
	return upstream.Server{
		Addr: at, Transport: upstream.HTTPS, TLSName: "dns.example", CA: a.PEM, Path: "/q?a=b",
		Text: "https://" + at.String() + "/q?a=b#dns.example",
	}
}

// readQuery reads the query in a request.
func readQuery(r *http.Request) (*servertest.Query, error) {
	packet, err := io.ReadAll(r.Body)
	q := &servertest.Query{Packet: packet, Msg: new(dns.Msg)}
	if err == nil {
		err = q.Unpack(packet)
	}
	return q, err
}

// webAnswer answers as it should.
func webAnswer(w http.ResponseWriter, r *http.Request) {
	q, err := readQuery(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/dns-message")
	_, _ = w.Write(servertest.Pack(answer(q)))
}

func TestHTTPS(t *testing.T) {
	a := servertest.NewAuthority(t)
	for name, old := range map[string]bool{"HTTP/2": false, "HTTP/1.1": true} {
		t.Run(name, func(t *testing.T) {
			s := newWebServer(t, a.Certificate(t, nil, "dns.example"), old, func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 == old || r.Method != http.MethodPost || r.RequestURI != "/q?a=b" || r.ContentLength%128 != 0 ||
					r.Header.Get("Content-Type") != "application/dns-message" || r.Header.Get("Accept") != "application/dns-message" ||
					r.UserAgent() != "" || !strings.HasPrefix(r.Host, "dns.example:") || len(r.Header) > 3 {
					t.Errorf("%s %s %s %s %d\n%v", r.Proto, r.Method, r.Host, r.RequestURI, r.ContentLength, r.Header)
				}
				webAnswer(w, r)
			})
			g := groupOf(t, 10*time.Second, onHTTPS(s.addr(), a))
			for range 20 {
				if from := wantAnswer(t, g, "192.0.2.1"); from != "https://"+s.addr().String()+"/q?a=b#dns.example" {
					t.Errorf("from %q, want the server as it was written", from)
				}
			}
			if n := s.accepted.Load(); n != 1 {
				t.Errorf("%v connections, want 1", n)
			}
		})
	}
}

// "SHOULD use a DNS ID of 0 in every DNS request" (RFC 8484, section 4.1), for caches.
func TestHTTPSHasNoID(t *testing.T) {
	a := servertest.NewAuthority(t)
	s := newWebServer(t, a.Certificate(t, nil, "dns.example"), false, func(w http.ResponseWriter, r *http.Request) {
		q, err := readQuery(r)
		if err != nil || q.Id != 0 {
			t.Errorf("ID %v, %v", q.Id, err)
		}
		m := answer(q)
		if strings.HasPrefix(q.Question[0].Name, "other") {
			m.Id = 7
		}
		w.Header().Set("Content-Type", "application/dns-message; charset=x")
		_, _ = w.Write(servertest.Pack(m))
	})
	g := groupOf(t, 10*time.Second, onHTTPS(s.addr(), a))
	wantAnswer(t, g, "192.0.2.1")
	if _, _, err := exchange(g, question("other.example")); err == nil || !strings.Contains(err.Error(), "over HTTPS: wrong response: for another ID") {
		t.Errorf("%v, want the response refused", err)
	}
}

// A burst before there is a connection opens few, and all are answered in their time: over
// HTTP/2, and that with few places, too, and over HTTP/1.1.
func TestHTTPSBurst(t *testing.T) {
	a := servertest.NewAuthority(t)
	for name, c := range map[string]struct {
		old    bool
		places int // at a connection; 0: as usual
	}{"HTTP/2": {false, 0}, "HTTP/2, few places": {false, 3}, "HTTP/1.1": {true, 0}} {
		t.Run(name, func(t *testing.T) {
			s := newWebServer(t, a.Certificate(t, nil, "dns.example"), c.old, webAnswer, func(s *http.Server) {
				s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: c.places}
			})
			g := groupOf(t, 20*time.Second, onHTTPS(s.addr(), a))
			ended := make(chan error, 1000)
			for range cap(ended) {
				upstream.AskOnce(g, question("www.example"), time.Now().Add(30*time.Second), func(err error) { ended <- err })
			}
			for range cap(ended) {
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				if n := upstream.Open(g); n > upstream.MaxHTTPConns {
					t.Fatalf("%v connections, want at most %v", n, upstream.MaxHTTPConns)
				}
			}
			// On a busy machine the library may have closed some.
			if n := s.accepted.Load(); n > 2*upstream.MaxHTTPConns {
				t.Errorf("%v connections, want few", n)
			}
		})
	}
}

// An answer from a cache has as much less time left as it has waited there (RFC 8484,
// section 5.1).
func TestHTTPSAge(t *testing.T) {
	a := servertest.NewAuthority(t)
	s := newWebServer(t, a.Certificate(t, nil, "dns.example"), false, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Age", strings.TrimSuffix(r.Header.Get("Content-Length"), "28")+"00")
		webAnswer(w, r)
	})
	m, _, err := exchange(groupOf(t, 10*time.Second, onHTTPS(s.addr(), a)), question("www.example"))
	if err != nil || m.Lifetime(time.Hour, time.Hour) != 200*time.Second {
		t.Errorf("%v to live, %v; want the 300s less 100s", m.Lifetime(time.Hour, time.Hour), err)
	}
}

// raw answers with a body of that type, for whoever asks.
func raw(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	}
}

// changed answers with a message that was changed.
func changed(edit func(*dns.Msg)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := readQuery(r)
		if err != nil {
			return
		}
		m := answer(q)
		edit(m)
		raw("application/dns-message", string(servertest.Pack(m)))(w, r)
	}
}

func TestHTTPSServerMisbehaves(t *testing.T) {
	const kind = "application/dns-message"
	a := servertest.NewAuthority(t)
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.example/")
			w.WriteHeader(code)
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	for want, handle := range map[string]http.HandlerFunc{
		"over HTTPS: answered HTTP status 404 Not Found":                 status(404),
		"over HTTPS: answered HTTP status 301 Moved Permanently":         status(301),
		"over HTTPS: answered HTTP status 503 Service Unavailable":       status(503),
		"over HTTPS: answered something else than " + kind:               raw("text/html", "<html>"),
		"over HTTPS: malformed response: shorter than a header":          raw(kind, "short"),
		"over HTTPS: malformed response: larger than 65535 octets":       endless,
		"over HTTPS: wrong response: for another question":               changed(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX }),
		"over HTTPS: wrong response: for being a query":                  changed(func(m *dns.Msg) { m.Response = false }),
		"over HTTPS: truncated response":                                 changed(func(m *dns.Msg) { m.Truncated = true }),
		"answered NOTIMP":                                                changed(func(m *dns.Msg) { m.Rcode = dns.RcodeNotImplemented }),
		"over HTTPS: connection closed before the response was complete": hangs,
		"no answer over HTTPS":                                           silentWeb,
	} {
		for name, old := range map[string]bool{"HTTP/2": false, "HTTP/1.1": true} {
			t.Run(want+", "+name, func(t *testing.T) {
				s := newWebServer(t, a.Certificate(t, nil, "dns.example"), old, handle)
				start := time.Now()
				err := wantError(t, groupOf(t, 600*time.Millisecond, onHTTPS(s.addr(), a)))
				if text := err.Failures[0].Text; !strings.HasPrefix(text, want) && !(handle != nil && strings.Contains(want, "closed") && strings.Contains(text, "stream error")) {
					t.Errorf("%q, want %q", text, want)
				}
				if took := time.Since(start); took > 600*time.Millisecond+generous {
					t.Errorf("took %v", took)
				}
			})
		}
	}
}

// silentWeb never answers.
func silentWeb(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection goes unnoticed
	<-r.Context().Done()
}

// hangs sends half of a response.
func hangs(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/dns-message")
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write(make([]byte, 20))
	panic(http.ErrAbortHandler)
}

func TestHTTPSHandshakes(t *testing.T) {
	a := servertest.NewAuthority(t)
	for want, addr := range misbehaving(t) {
		want = strings.Replace(want, "%", "HTTPS", 1)
		if !strings.HasPrefix(want, "no answer") {
			want = "over HTTPS: " + want
		}
		wantFailure(t, groupOf(t, 600*time.Millisecond, onHTTPS(addr, a)), want)
	}
	for want, certificate := range certificates(t, a) {
		s := newWebServer(t, certificate, false, webAnswer)
		wantFailure(t, groupOf(t, 10*time.Second, onHTTPS(s.addr(), a)), "over HTTPS: "+want)
	}
}

// A connection that the server has closed meanwhile costs no answer.
func TestHTTPSConnectionIsReplaced(t *testing.T) {
	a := servertest.NewAuthority(t)
	for name, old := range map[string]bool{"HTTP/2": false, "HTTP/1.1": true} {
		s := newWebServer(t, a.Certificate(t, nil, "dns.example"), old, webAnswer)
		g := groupOf(t, 10*time.Second, onHTTPS(s.addr(), a))
		for range 10 {
			wantAnswer(t, g, "192.0.2.1")
			s.CloseClientConnections()
		}
		if n := s.accepted.Load(); n < 10 {
			t.Errorf("%s: %v connections, want one after the other", name, n)
		}
	}
}

// A connection that has died without a sign is not waited for again.
func TestHTTPSSilentConnectionIsReplaced(t *testing.T) {
	a := servertest.NewAuthority(t)
	var mu sync.Mutex
	dead := ""
	n := 0
	s := newWebServer(t, a.Certificate(t, nil, "dns.example"), false, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if n++; n == 2 {
			dead = r.RemoteAddr
		}
		silent := r.RemoteAddr == dead
		mu.Unlock()
		if silent {
			<-r.Context().Done()
			return
		}
		webAnswer(w, r)
	})
	g := groupOf(t, 2*time.Second, onHTTPS(s.addr(), a))
	wantAnswer(t, g, "192.0.2.1")
	wantAnswer(t, g, "192.0.2.1")
	if n := s.accepted.Load(); n != 2 {
		t.Errorf("%v connections, want a second one", n)
	}
}

// A dead server takes up no more than its bounds, and nothing when its group is closed.
func TestHTTPSIsBounded(t *testing.T) {
	a := servertest.NewAuthority(t)
	addr := hostile(t, absorb)
	before := runtime.NumGoroutine()
	g := upstream.New(upstream.Options{Name: "default", Servers: []upstream.Server{onHTTPS(addr, a)}, Timeout: 20 * time.Second}, func() {})
	refused := make(chan error, 5000)
	for range cap(refused) {
		g.Exchange(question("www.example"), func(_ wire.Message, _ string, err error) { refused <- err })
	}
	if err := <-refused; err == nil || !strings.Contains(err.Error(), "over HTTPS: more than 1000 queries wait for answers") {
		t.Errorf("%v, want that there are too many", err)
	}
	if n := upstream.Open(g); n > upstream.MaxHTTPConns {
		t.Errorf("%v connections", n)
	}
	g.Close()
	if n := len(refused); n != cap(refused)-1 {
		t.Errorf("%v outcomes, want %v", n, cap(refused)-1)
	}
	eventually(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}

// The default path, and addresses in the URL.
func TestHTTPSURL(t *testing.T) {
	for name, want := range map[string]string{"127.0.0.1": "127.0.0.1:%s/dns-query", "::1": "[::1]:%s/dns-query"} {
		l, err := net.Listen("tcp", net.JoinHostPort(name, "0"))
		if err != nil {
			t.Log("no IPv6 on this machine: ", err)
			continue
		}
		a := servertest.NewAuthority(t)
		asked := make(chan string, 1)
		s := &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- r.Host + r.URL.Path
			webAnswer(w, r)
		})}
		var tasks sync.WaitGroup
		tasks.Go(func() { _ = s.Serve(tls.NewListener(l, a.Config(t, name))) })
		at := l.Addr().(*net.TCPAddr).AddrPort()
		server := onHTTPS(at, a)
		server.TLSName, server.Path = name, ""
		wantAnswer(t, groupOf(t, 10*time.Second, server), "192.0.2.1")
		if got, want := <-asked, fmt.Sprintf(want, strconv.Itoa(int(at.Port()))); got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
		_ = s.Close()
		tasks.Wait()
	}
}
