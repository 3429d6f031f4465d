package listen_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"splitdns/server/internal/listen"
)

// large answers everything at once with n octets.
func large(n int) handler {
	return atOnce(func(dst, _ []byte, _ listen.Peer) []byte { return append(dst, make([]byte, n)...) })
}

// heap is what is in use, in octets.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what was in pools goes with the second
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// streams opens requests to s over HTTP/2, with a window of no octets for responses, until the server has had
// enough, or there are n. Each has sent body, if it has any, and never ends.
func (s *encrypted) streams(t *testing.T, n int, body []byte) {
	t.Helper()
	c := tls.Client(dial(t, "tcp", s.Addr().String()).Conn, trusting(s.pair.Load(), "h2"))
	framer := http2.NewFramer(c, c)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize}); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, c)
	method, path := http.MethodGet, inURL(query("large"))
	if body != nil {
		method, path = http.MethodPost, "/dns-query"
	}
	for i := range n {
		var block bytes.Buffer
		e := hpack.NewEncoder(&block)
		for _, f := range [][2]string{
			{":method", method}, {":scheme", "https"}, {":authority", "x"}, {":path", path}, {"content-type", dnsMessage},
		} {
			e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		h := http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block.Bytes(), EndHeaders: true, EndStream: body == nil}
		if framer.WriteHeaders(h) != nil || body != nil && framer.WriteData(h.StreamID, false, body) != nil {
			return // it has had enough, which is as good
		}
	}
}

// Clients that never take their responses, or never end their requests, hold no more than the listener's budget,
// and others are served meanwhile.
func TestBudget(t *testing.T) {
	const budget, conns = 2 << 20, 12
	tests := map[string]struct {
		web    bool
		attack func(t *testing.T, s *encrypted)
	}{
		"TLS, responses unread": {false, func(t *testing.T, s *encrypted) {
			c := s.dialTLS(t)
			go func() {
				for range 200 {
					if _, err := c.Write(frame(query("more"))); err != nil {
						return
					}
				}
			}()
		}},
		"HTTPS, responses unread":       {true, func(t *testing.T, s *encrypted) { s.streams(t, listen.MaxStreams, nil) }},
		"HTTPS, bodies that do not end": {true, func(t *testing.T, s *encrypted) { s.streams(t, listen.MaxStreams, make([]byte, 1000)) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var freshness func([]byte) uint32
			if test.web {
				freshness = minute
			}
			lim := limits()
			lim.Idle = 10 * patience
			s := openTLS(t, lim, large(60_000), freshness)
			listen.SetMostUnread(s.Listener, budget)
			s.server = start(t, s.Listener)
			before := heap()
			for range conns {
				test.attack(t, s)
			}
			eventually(t, "the budget reached", func() bool { return held(t, s, budget) > budget/3 || s.Stats().Evicted > 0 })
			if test.web {
				s.browse(t, true).send("GET", inURL(query("another")), "", nil)
			} else {
				s.dialTLS(t).ask(query("another"))
			}
			const overhead = 400 << 10 // of a connection of these tests, on both sides
			if grown, most := heap()-before, 2*budget+conns*overhead; grown > most {
				t.Errorf("%d KB grown, want at most %d", grown>>10, most>>10)
			} else {
				t.Logf("%d KB grown of at most %d, %d KB held, %+v", grown>>10, most>>10, held(t, s, budget)>>10, s.Stats())
			}
		})
	}
}

// held is how many octets are held for the clients of s, which are never more than most.
func held(t *testing.T, s *encrypted, most int) int {
	t.Helper()
	n := listen.Unread(s.Listener)
	if n < 0 || n > most {
		t.Fatalf("%d octets held, want at most %d", n, most)
	}
	return n
}

// The connection that is cut for the budget is one of the client that leaves the most unread, and what it held is free.
func TestGreediestIsCut(t *testing.T) {
	lim := limits()
	lim.Idle = 2 * patience
	l, queries := holding(t, lim, func() {})
	listen.SetMostUnread(l, 300_000)
	s := start(t, l)
	ask := func(from string, n int) client {
		c := dialFrom(t, from, s.Addr().String())
		if err := c.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		for range n {
			if s.Stats().Evicted > 0 {
				break
			}
			c.ask(query("large"))
			(<-queries).Respond(func(dst []byte) []byte { return append(dst, make([]byte, 30_000)...) })
		}
		return c
	}
	honest := ask("127.0.0.2", 2)
	for s.Stats().Evicted == 0 {
		ask("127.0.0.3", 100)
	}
	for range 2 {
		if got := len(honest.answer()); got != 30_000 {
			t.Errorf("the other client: %d octets", got)
		}
	}
	s.Close()
	<-s.ended
}

// What is read at once is counted no longer, however often.
func TestBudgetIsGivenBack(t *testing.T) {
	for _, two := range []bool{false, true} {
		s := serveTLS(t, limits(), large(60_000), minute)
		w := s.browse(t, two)
		for i := range 30 {
			if response, body := w.send("GET", inURL(query(strconv.Itoa(i))), "", nil); response.StatusCode != 200 || len(body) != 60_000 {
				t.Fatalf("%s, %d octets", response.Status, len(body))
			}
		}
		eventually(t, "nothing held", func() bool { return listen.Unread(s.Listener) == 0 })
	}
	s := serveTLS(t, limits(), large(60_000), nil)
	c := s.dialTLS(t)
	for range 30 {
		c.ask(query("large"))
		if got := len(c.answer()); got != 60_000 {
			t.Fatalf("%d octets", got)
		}
	}
	eventually(t, "nothing held", func() bool { return listen.Unread(s.Listener) == 0 })
}

// What the service puts off while it answers at once is due, over whatever the query came.
func TestSettledWithoutWaiting(t *testing.T) {
	var settled atomic.Int64
	service := atOnce(echo).service(func() {})
	plain, err := listen.Open(local, limits(), service, func() { settled.Add(1) }, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	pair := newPair(t, 1)
	encryptedBy := func(freshness func([]byte) uint32) *encrypted {
		l, err := listen.OpenTLS(local, limits(), listen.Encrypted{
			Service: service, Settled: func() { settled.Add(1) }, Report: func(string) {},
			Certificate: func() *tls.Certificate { return pair }, Freshness: freshness,
		})
		if err != nil {
			t.Fatal(err)
		}
		s := &encrypted{server: start(t, l)}
		s.pair.Store(pair)
		return s
	}
	for name, exchange := range map[string]func(){
		"TCP":   func() { dial(t, "tcp", start(t, plain).Addr().String()).exchange("hello", "hello") },
		"TLS":   func() { encryptedBy(nil).dialTLS(t).exchange("hello", "hello") },
		"HTTPS": func() { encryptedBy(minute).browse(t, true).send("POST", "/dns-query", dnsMessage, query("hello")) },
	} {
		before := settled.Load()
		exchange()
		if settled.Load() == before {
			t.Errorf("%s: what was put off is not due", name)
		}
	}
}
