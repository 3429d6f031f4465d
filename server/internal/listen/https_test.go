package listen_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"splitdns/server/internal/listen"
)

// minute is the freshness of every response.
func minute([]byte) uint32 { return 60 }

// web is a client of HTTPS.
type web struct {
	*http.Client
	t    *testing.T
	base string
}

// browse returns a client of s that speaks HTTP/2, or 1.1.
func (s *encrypted) browse(t *testing.T, two bool) web {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!two)
	protocols.SetHTTP2(two)
	transport := &http.Transport{TLSClientConfig: trusting(s.pair.Load()), Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return web{&http.Client{Transport: transport, Timeout: patience}, t, "https://" + s.Addr().String()}
}

// send sends a request and reads the response.
func (w web) send(method, path, kind string, body []byte) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.base+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	response, err := w.Do(r)
	if err != nil {
		w.t.Fatalf("%s %.60s: %v", method, path, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response, string(content)
}

// dnsMessage is the type of DNS messages.
const dnsMessage = "application/dns-message"

// inURL is packet as the parameter of a GET request.
func inURL(packet []byte) string {
	return "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(packet)
}

func TestHTTPS(t *testing.T) {
	for _, two := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", two), func(t *testing.T) {
			peers := make(chan listen.Peer, 10)
			s := serveTLS(t, limits(), waiting(func(dst, packet []byte, from listen.Peer) []byte {
				peers <- from
				return echo(dst, packet, from)
			}), minute)
			w := s.browse(t, two)
			for _, r := range []struct {
				method, path string
				body         []byte
			}{
				{"GET", inURL(query("hello?>")), nil},
				{"HEAD", inURL(query("hello?>")), nil},
				{"POST", "/dns-query", query("hello?>")},
				{"POST", "/dns-query", bytes.Repeat([]byte("0123456789abcdef"), listen.MaxDatagram/16)},
			} {
				response, body := w.send(r.method, r.path, dnsMessage, r.body)
				want := string(query("hello?>"))
				if r.method == "HEAD" {
					want = ""
				} else if len(r.body) > 100 {
					want = string(r.body)
				}
				h := response.Header
				if response.StatusCode != 200 || body != want || h.Get("Content-Type") != dnsMessage || h.Get("Cache-Control") != "private, max-age=60" {
					t.Errorf("%s: %s, %v, %d octets", r.method, response.Status, h, len(body))
				}
				if (response.ProtoMajor == 2) != two {
					t.Errorf("HTTP/%d", response.ProtoMajor)
				}
				if from := <-peers; !from.TCP || !from.Secure || !from.HTTP || from.At.IsZero() {
					t.Errorf("peer %+v", from)
				}
			}
			if got := s.Stats(); got.TCP != 4 || got.Accepted != 1 || got.Connections != 1 {
				t.Errorf("stats %+v, want 4 queries on 1 connection", got)
			}
		})
	}
}

// What is no query gets the status that says so, and reaches nobody.
func TestHTTPSRefuses(t *testing.T) {
	s := serveTLS(t, limits(), atOnce(func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) != "silence" {
			t.Errorf("handled: %q", packet)
		}
		return nil
	}), minute)
	good := query("refused")
	tests := map[string]struct {
		method, path, kind string
		body               []byte
		want               int
	}{
		"another path":       {"GET", strings.Replace(inURL(good), "dns-query", "other", 1), "", nil, 404},
		"the root":           {"POST", "/", dnsMessage, good, 404},
		"another method":     {"PUT", "/dns-query", dnsMessage, good, 405},
		"OPTIONS":            {"OPTIONS", "/dns-query", "", nil, 405},
		"no parameter":       {"GET", "/dns-query", "", nil, 400},
		"two parameters":     {"GET", inURL(good) + "&dns=AAAA", "", nil, 400},
		"padded base64":      {"GET", "/dns-query?dns=AAAAAAAAAAAAAAAAAA==", "", nil, 400},
		"plain base64":       {"GET", "/dns-query?dns=AAAAAAAAAAAAAAAA%2B/%2B/", "", nil, 400},
		"less than a header": {"GET", "/dns-query?dns=AAAA", "", nil, 400},
		"an empty body":      {"POST", "/dns-query", dnsMessage, nil, 400},
		"no type":            {"POST", "/dns-query", "", good, 415},
		"another type":       {"POST", "/dns-query", "application/json", good, 415},
		"too large":          {"POST", "/dns-query", dnsMessage, make([]byte, listen.MaxDatagram+1), 413},
		"a long parameter":   {"GET", inURL(make([]byte, listen.MaxDatagram+1)), "", nil, 414},
		"far too large":      {"POST", "/dns-query", dnsMessage, make([]byte, 1<<22), 413},
		"nothing to say":     {"POST", "/dns-query", dnsMessage, query("silence"), 400},
	}
	for _, two := range []bool{false, true} {
		w := s.browse(t, two)
		for name, c := range tests {
			response, _ := w.send(c.method, c.path, c.kind, c.body)
			if response.StatusCode != c.want || response.Header.Get("Cache-Control") != "" {
				t.Errorf("HTTP/2 %v, %s: %s, want %d", two, name, response.Status, c.want)
			}
			if c.want == 405 && response.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s: Allow: %s", name, response.Header.Get("Allow"))
			}
		}
	}
	if response, _ := s.browse(t, false).send("GET", "/dns-query?dns="+strings.Repeat("A", 64<<10), "", nil); response.StatusCode != 431 {
		t.Errorf("a header of 64 KiB: %s, want 431", response.Status)
	}
}

// What is not answered ends, with a status that says it: no place under the limit, a panic.
func TestHTTPSUnanswered(t *testing.T) {
	lim := limits()
	lim.InFlight, lim.Idle = listen.NewLimiter(1), briefly
	release := make(chan struct{})
	s := serveTLS(t, lim, handler{
		now: func(dst, packet []byte, _ listen.Peer) ([]byte, bool) {
			if text(packet) == "panic" {
				panic("of the test")
			}
			return dst, false
		},
		wait: func(dst, packet []byte, from listen.Peer) []byte {
			<-release
			return echo(dst, packet, from)
		},
	}, minute)
	w := s.browse(t, true)
	done := make(chan int)
	go func() {
		response, _ := w.send("POST", "/dns-query", dnsMessage, query("first"))
		done <- response.StatusCode
	}()
	eventually(t, "the first under way", func() bool { return lim.InFlight.UnderWay() == 1 })
	if response, _ := w.send("POST", "/dns-query", dnsMessage, query("second")); response.StatusCode != 503 {
		t.Errorf("without a place: %s, want 503", response.Status)
	}
	if response, _ := w.send("POST", "/dns-query", dnsMessage, query("panic")); response.StatusCode != 400 {
		t.Errorf("after a panic: %s", response.Status)
	}
	close(release)
	if status := <-done; status != 200 {
		t.Errorf("the first: %d", status)
	}
	if got := s.Stats(); got.Dropped != 1 || got.Panics != 1 || lim.InFlight.UnderWay() != 0 || listen.FromTCP(lim.InFlight) != 0 {
		t.Errorf("stats %+v", got)
	}
}

// Over HTTP/2 a fast answer passes a slow one on the same connection.
func TestHTTPSOutOfOrder(t *testing.T) {
	release := make(chan struct{})
	s := serveTLS(t, limits(), waiting(func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) == "slow" {
			<-release
		}
		return echo(dst, packet, from)
	}), minute)
	w := s.browse(t, true)
	w.send("POST", "/dns-query", dnsMessage, query("first"))
	slow := make(chan string)
	go func() {
		_, body := w.send("POST", "/dns-query", dnsMessage, query("slow"))
		slow <- body
	}()
	eventually(t, "it waits", func() bool { return listen.Busy(s.Listener) == 1 })
	w.send("POST", "/dns-query", dnsMessage, query("fast"))
	close(release)
	if got := <-slow; text([]byte(got)) != "slow" {
		t.Errorf("got %q", got)
	}
	if n := s.Stats().Accepted; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// A client that leaves takes nothing with it: its place comes back with the answer, which nobody makes.
func TestHTTPSClientLeaves(t *testing.T) {
	lim := limits()
	release := make(chan struct{})
	var handled atomic.Int64
	s := serveTLS(t, lim, waiting(func(dst, packet []byte, from listen.Peer) []byte {
		handled.Add(1)
		<-release
		return echo(dst, packet, from)
	}), minute)
	ctx, cancel := context.WithCancel(t.Context())
	w := s.browse(t, true)
	r, err := http.NewRequestWithContext(ctx, "GET", w.base+inURL(query("left")), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		eventually(t, "handled", func() bool { return handled.Load() == 1 })
		cancel()
	}()
	if response, err := w.Do(r); err == nil {
		response.Body.Close()
		t.Error("answered")
	}
	eventually(t, "the request gone", func() bool { return listen.Busy(s.Listener) == 0 })
	if lim.InFlight.UnderWay() != 1 {
		t.Error("the place is free before the query has ended")
	}
	close(release)
	eventually(t, "the place free", func() bool { return lim.InFlight.UnderWay() == 0 })
}

// At the limit of connections the longest idle goes, of HTTPS too.
func TestHTTPSEviction(t *testing.T) {
	lim := limits()
	lim.Connections = 3
	s := serveTLS(t, lim, atOnce(echo), minute)
	var all []web
	for i := range 4 {
		w := s.browse(t, i%2 == 0)
		w.send("POST", "/dns-query", dnsMessage, query("hello"))
		all = append(all, w)
		listen.Grow(s.Listener)
	}
	eventually(t, "3 left", func() bool { return s.Stats().Connections == 3 })
	if got := s.Stats(); got.Evicted != 1 || got.Accepted != 4 {
		t.Errorf("stats %+v, want 1 evicted", got)
	}
	all[3].send("POST", "/dns-query", dnsMessage, query("hello"))
	if n := s.Stats().Accepted; n != 4 {
		t.Errorf("the newest connection is gone: %d accepted", n)
	}
}

// When the listener stops, requests under way are answered, and idle connections end.
func TestHTTPSDrains(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("drain", func(t *testing.T) {
		release := make(chan struct{})
		var waits atomic.Int64
		s := serveTLS(t, limits(), waiting(func(dst, packet []byte, from listen.Peer) []byte {
			waits.Add(1)
			<-release
			return echo(dst, packet, from)
		}), minute)
		silent := tls.Client(dial(t, "tcp", s.Addr().String()).Conn, trusting(s.pair.Load(), "http/1.1"))
		if err := silent.Handshake(); err != nil {
			t.Fatal(err)
		}
		var g sync.WaitGroup
		for _, two := range []bool{false, true} {
			w := s.browse(t, two)
			g.Go(func() {
				if response, body := w.send("POST", "/dns-query", dnsMessage, query("under way")); response.StatusCode != 200 || text([]byte(body)) != "under way" {
					t.Errorf("HTTP/2 %v: %s %q", two, response.Status, body)
				}
			})
		}
		eventually(t, "both under way", func() bool { return waits.Load() == 2 })
		s.stop()
		close(release)
		g.Wait()
		begin := time.Now()
		if err := <-s.ended; err != nil || time.Since(begin) > patience/3 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}

func TestCloseEndsHTTPS(t *testing.T) {
	lim := limits()
	s := serveTLS(t, lim, waiting(untilEnd(t)), minute)
	w := s.browse(t, true)
	ended := make(chan error)
	go func() {
		r, err := http.NewRequest("GET", w.base+inURL(query("cut")), http.NoBody)
		if err == nil {
			var response *http.Response
			if response, err = w.Do(r); err == nil && response.StatusCode == http.StatusServiceUnavailable {
				err = errors.New(response.Status)
			}
		}
		ended <- err
	}()
	eventually(t, "under way", func() bool { return lim.InFlight.UnderWay() == 1 })
	s.Close()
	if err := <-ended; err == nil {
		t.Error("answered after Close")
	}
	<-s.ended
}
