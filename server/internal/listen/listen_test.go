package listen_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"splitdns/server/internal/listen"
)

func TestEcho(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(network+" "+addr, func(t *testing.T) {
				peers := make(chan listen.Peer, 1)
				s := serve(t, addr, limits(), func(dst, packet []byte, from listen.Peer) []byte {
					peers <- from
					return echo(dst, packet, from)
				})
				c := dial(t, network, s.Addr().String())
				before := time.Now()
				c.exchange("hello", "hello")
				got := <-peers
				if got.At.Before(before) || got.At.After(time.Now()) {
					t.Errorf("read at %v, want after %v", got.At, before)
				}
				got.At = time.Time{}
				want := listen.Peer{
					Addr:  netip.MustParseAddrPort(c.LocalAddr().String()),
					Local: s.Addr(),
					TCP:   network == "tcp",
				}
				if got != want {
					t.Errorf("peer %v, want %v", got, want)
				}
			})
		}
	}
}

func TestRepliesFromTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the address asked")
	}
	tests := map[string]struct{ bound, asked string }{
		"IPv4":            {"0.0.0.0:0", "127.0.0.2"},
		"IPv4, another":   {"0.0.0.0:0", "127.1.2.3"},
		"IPv6":            {"[::]:0", "::1"},
		"IPv6 link-local": {"[::]:0", linkLocal()},
	}
	for name, test := range tests {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+" "+network, func(t *testing.T) {
				if test.asked == "" {
					t.Skip("no such address here")
				}
				locals := make(chan netip.AddrPort, 1)
				s := serve(t, test.bound, limits(), func(dst, packet []byte, from listen.Peer) []byte {
					locals <- from.Local
					return echo(dst, packet, from)
				})
				dial(t, network, s.at(test.asked)).exchange("hello", "hello")
				want := netip.MustParseAddr(test.asked).WithZone("")
				if got := <-locals; got.Addr().WithZone("") != want || got.Port() != s.Addr().Port() {
					t.Errorf("local address %v, want %v", got, want)
				}
			})
		}
	}
}

// linkLocal is a link-local IPv6 address of this machine, or empty.
func linkLocal() string {
	interfaces, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 {
			continue
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				return p.Addr().WithZone(i.Name).String()
			}
		}
	}
	return ""
}

func TestBothFamiliesOnOnePort(t *testing.T) {
	six := serve(t, "[::]:0", limits(), func(dst, _ []byte, _ listen.Peer) []byte {
		return append(dst, query("six")...)
	})
	addr := netip.AddrPortFrom(netip.IPv4Unspecified(), six.Addr().Port())
	serve(t, addr.String(), limits(), func(dst, _ []byte, _ listen.Peer) []byte {
		return append(dst, query("four")...)
	})
	for _, network := range []string{"udp", "tcp"} {
		dial(t, network, six.at("127.0.0.1")).exchange("which?", "four")
		dial(t, network, six.at("::1")).exchange("which?", "six")
	}
}

func TestSilentHandler(t *testing.T) {
	s := serve(t, "127.0.0.1:0", limits(), func(dst, packet []byte, from listen.Peer) []byte {
		if text(packet) == "secret" {
			return nil
		}
		return echo(dst, packet, from)
	})
	for _, network := range []string{"udp", "tcp"} {
		c := dial(t, network, s.Addr().String())
		c.ask(query("secret"))
		c.exchange("hello", "hello") // the first thing that comes back
	}
}

func TestPanicKillsNobody(t *testing.T) {
	reports := make(chan string, 10)
	l, err := open(netip.MustParseAddrPort("127.0.0.1:0"), limits(),
		handler{
			now: func(_, packet []byte, _ listen.Peer) ([]byte, bool) {
				if text(packet) == "die now" {
					panic("as asked")
				}
				return nil, false
			},
			wait: func(dst, packet []byte, from listen.Peer) []byte {
				if text(packet) == "die" {
					panic("as asked")
				}
				return echo(dst, packet, from)
			},
		}, func(text string) { reports <- text })
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, l)
	for _, network := range []string{"udp", "tcp"} {
		c := dial(t, network, s.Addr().String())
		c.ask(query("die"))
		c.ask(query("die now"))
		c.exchange("hello", "hello")
	}
	eventually(t, "all panics counted", func() bool { return s.Stats().Panics == 4 })
	if got := <-reports; !strings.Contains(got, "panic: as asked") || !strings.Contains(got, "listen_test.go") {
		t.Errorf("report %q, want the cause and the stack", got)
	}
	if len(reports) != 0 {
		t.Errorf("a second report %q, want one", <-reports)
	}
}

// TestPanicBeforeTheWait holds that a query that is not even put aside gives its place back.
func TestPanicBeforeTheWait(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(1)
	l, err := listen.Open(netip.MustParseAddrPort("127.0.0.1:0"), lim, func(dst, packet []byte, _ listen.Peer) ([]byte, func(listen.Query)) {
		if text(packet) == "die" {
			return dst, func(listen.Query) { panic("as asked") }
		}
		return append(dst, packet...), nil
	}, func() {}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, l)
	for _, network := range []string{"udp", "tcp"} {
		c := dial(t, network, s.Addr().String())
		for range 3 {
			c.ask(query("die"))
		}
		c.exchange("hello", "hello")
	}
	if got := s.Stats(); got.Panics != 6 || got.Dropped != 0 || lim.InFlight.UnderWay() != 0 {
		t.Errorf("stats %+v, %d under way, want 6 panics, none dropped, none under way", got, lim.InFlight.UnderWay())
	}
}

func TestOverTheLimit(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(1)
	entered, release := make(chan string, 10), make(chan struct{})
	s := serve(t, "127.0.0.1:0", lim, func(dst, packet []byte, from listen.Peer) []byte {
		entered <- text(packet)
		<-release
		return echo(dst, packet, from)
	})
	first, second := dial(t, "udp", s.Addr().String()), dial(t, "udp", s.Addr().String())
	overTCP := dial(t, "tcp", s.Addr().String())
	first.ask(query("first"))
	if got := <-entered; got != "first" || lim.InFlight.UnderWay() != 1 {
		t.Fatalf("%q is handled, %d under way, want first and 1", got, lim.InFlight.UnderWay())
	}
	second.ask(query("second"))
	eventually(t, "the second query dropped", func() bool { return s.Stats().Dropped == 1 })
	overTCP.ask(query("third"))
	close(release)
	if got := text(first.answer()); got != "first" {
		t.Errorf("first client got %q", got)
	}
	if got := text(overTCP.answer()); got != "third" {
		t.Errorf("TCP client got %q, want its query to have waited", got)
	}
	second.exchange("again", "again")
	if got := s.Stats(); got.UDP != 2 || got.TCP != 1 || got.Dropped != 1 {
		t.Errorf("stats %+v, want 2 over UDP, 1 over TCP, 1 dropped", got)
	}
}

func TestLimiterIsShared(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(1)
	entered, release := make(chan struct{}), make(chan struct{})
	one := serve(t, "127.0.0.1:0", lim, func(dst, packet []byte, from listen.Peer) []byte {
		close(entered)
		<-release
		return echo(dst, packet, from)
	})
	other := serve(t, "127.0.0.1:0", lim, echo)
	c := dial(t, "udp", one.Addr().String())
	c.ask(query("first"))
	<-entered
	dial(t, "udp", other.Addr().String()).ask(query("second"))
	eventually(t, "the other listener drops", func() bool { return other.Stats().Dropped == 1 })
	close(release)
	c.answer()
}

func TestDatagramLongerThanAnyQueryIsDropped(t *testing.T) {
	s := serve(t, "127.0.0.1:0", limits(), echo)
	c := dial(t, "udp", s.Addr().String())
	c.ask(bytes.Repeat([]byte{1}, listen.MaxDatagram+1))
	longest := bytes.Repeat([]byte{2}, listen.MaxDatagram)
	c.ask(longest)
	if got := c.answer(); !bytes.Equal(got, longest) {
		t.Errorf("got %d octets, want the %d of the longest query", len(got), len(longest))
	}
	if got := s.Stats().Dropped; got != 1 {
		t.Errorf("%d dropped, want 1", got)
	}
}

func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}, 2), make(chan struct{})
	s := serve(t, "127.0.0.1:0", limits(), func(dst, packet []byte, from listen.Peer) []byte {
		entered <- struct{}{}
		<-release
		return echo(dst, packet, from)
	})
	clients := []client{dial(t, "udp", s.Addr().String()), dial(t, "tcp", s.Addr().String())}
	for _, c := range clients {
		c.ask(query("before"))
		<-entered
	}
	s.stop()
	eventually(t, "no more connections taken", func() bool {
		c, err := net.Dial("tcp", s.Addr().String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	clients[1].ask(query("after")) // is left unread, and must not reset the connection
	close(release)
	for _, c := range clients {
		if got := text(c.answer()); got != "before" {
			t.Errorf("%s: got %q after the drain began, want the query's response", c.LocalAddr().Network(), got)
		}
	}
	if _, err := clients[1].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("tcp: read ended with %v, want %v", err, io.EOF)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("Serve = %v after a drain, want nil", err)
	}
}

// notAsked is the answer to a query that nobody waits for any more.
func notAsked(t *testing.T) func(dst []byte) []byte {
	return func(dst []byte) []byte {
		t.Error("asked for the answer to a query that nobody waits for")
		return dst
	}
}

func TestCloseCutsQueriesOff(t *testing.T) {
	lim := limits()
	l, held := holding(t, lim, func() {})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx) }()
	overTCP := dial(t, "tcp", l.Addr().String())
	var queries []listen.Query
	for _, c := range []client{dial(t, "udp", l.Addr().String()), overTCP} {
		c.ask(query("for ever"))
		queries = append(queries, <-held)
	}
	cancel()
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Errorf("Close = %v", err)
	}
	overTCP.wantClosed()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v, want net.ErrClosed", err)
	}
	for _, q := range queries {
		q.Respond(notAsked(t))
	}
	l.Flush()
	if n := lim.InFlight.UnderWay(); n != 0 {
		t.Errorf("%d under way after all have responded, want 0", n)
	}
}

// TestFlush holds that responses over UDP leave together, and those over TCP by themselves, and that
// the listener says when it has handed on what there was.
func TestFlush(t *testing.T) {
	settled := make(chan bool, 100)
	l, held := holding(t, limits(), func() { settled <- true })
	s := start(t, l)
	respond := func(word string) {
		q := <-held
		<-settled
		q.Respond(func(dst []byte) []byte { return append(dst, query(word)...) })
	}
	c := dial(t, "tcp", s.Addr().String())
	c.ask(query("over TCP"))
	respond("at once")
	if got := text(c.answer()); got != "at once" {
		t.Errorf("over TCP: %q", got)
	}
	const n = 3 * 32
	clients := make([]client, n)
	for i := range clients {
		clients[i] = dial(t, "udp", s.Addr().String())
		clients[i].ask(query("over UDP"))
		respond(fmt.Sprint("response ", i))
	}
	s.Flush()
	for i, c := range clients {
		if got, want := text(c.answer()), fmt.Sprint("response ", i); got != want {
			t.Errorf("client %d got %q", i, got)
		}
	}
	if got := s.Stats(); got.UDP != n || got.TCP != 1 || got.Unsent != 0 {
		t.Errorf("stats %+v, want %d over UDP, 1 over TCP", got, n)
	}
}

func TestEveryGoroutineEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("load", func(t *testing.T) {
		s := serve(t, "127.0.0.1:0", limits(), echo)
		var wg sync.WaitGroup
		for range 20 {
			u, c := dial(t, "udp", s.Addr().String()), dial(t, "tcp", s.Addr().String())
			wg.Go(func() {
				for range 20 {
					u.exchange("hello", "hello")
					c.exchange("hello", "hello")
				}
			})
		}
		wg.Wait()
		if got := s.Stats(); got.UDP != 400 || got.TCP != 400 || got.Accepted != 20 {
			t.Errorf("stats %+v, want 400 over each, 20 connections", got)
		}
	})
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}

// TestStopsReadingUnderAFlood stops a listener whose sockets are never empty.
func TestStopsReadingUnderAFlood(t *testing.T) {
	for _, hold := range []time.Duration{0, time.Millisecond} {
		lim := limits()
		lim.Hold = hold
		var stopped atomic.Bool
		var late atomic.Int64
		s := serveBoth(t, "127.0.0.1:0", lim, handler{
			now: func(dst, packet []byte, _ listen.Peer) ([]byte, bool) {
				if stopped.Load() {
					late.Add(1)
				}
				for begin := time.Now(); time.Since(begin) < 100*time.Microsecond; { // slower than the flood
					continue
				}
				return dst, true
			},
			wait: echo,
		})
		over := make(chan struct{})
		var flood sync.WaitGroup
		for range 4 {
			c := dial(t, "udp", s.Addr().String())
			flood.Go(func() {
				for packet := query("more"); ; {
					select {
					case <-over:
						return
					default:
						_, _ = c.Write(packet) // refused in the end
					}
				}
			})
		}
		eventually(t, "a flood", func() bool { return s.Stats().UDP > 100 })
		stopped.Store(true)
		s.stop()
		select {
		case err := <-s.ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Errorf("hold %v: still reading, %d queries handled since", hold, late.Load())
			s.Close()
		}
		close(over)
		flood.Wait()
	}
}
