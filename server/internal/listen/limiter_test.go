package listen_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/listen"
)

func TestTCPTakesAtMostHalf(t *testing.T) {
	tests := map[int]struct{ tcp, udp int }{
		2: {tcp: 1, udp: 1},
		4: {tcp: 2, udp: 2},
		5: {tcp: 3, udp: 2},
	}
	for limit, want := range tests {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			lim := limits()
			lim.InFlight = listen.NewLimiter(limit)
			var underWay [2]atomic.Int64 // over UDP, over TCP
			s := serve(t, "127.0.0.1:0", lim, func(_, _ []byte, from listen.Peer) []byte {
				of := &underWay[0]
				if from.TCP {
					of = &underWay[1]
				}
				of.Add(1)
				<-t.Context().Done()
				return nil
			})
			for range 2 {
				c := dial(t, "tcp", s.Addr().String())
				for range limit {
					c.ask(query("over TCP"))
				}
			}
			eventually(t, "half of the places taken", func() bool { return underWay[1].Load() == int64(want.tcp) })
			u := dial(t, "udp", s.Addr().String())
			for range want.udp + 1 {
				u.ask(query("over UDP"))
			}
			eventually(t, "one dropped", func() bool { return s.Stats().Dropped >= 1 })
			eventually(t, "the other places taken", func() bool { return underWay[0].Load() == int64(want.udp) })
			if got := underWay[1].Load(); got != int64(want.tcp) {
				t.Errorf("%d over TCP under way, want %d", got, want.tcp)
			}
			s.stop()
			s.Close()
			<-s.ended
		})
	}
}

// full is a server whose only place under the limit is taken over TCP, until release is closed. names
// are the queries that reached the handler, which answers those that begin with "hit" at once. A query that
// finds no place is told so.
func full(t *testing.T, lim listen.Limits) (s *server, release chan struct{}, names chan string) {
	t.Helper()
	release, names = make(chan struct{}), make(chan string, 100)
	lim.InFlight = listen.NewLimiter(1)
	lim.Overloaded = func(dst, packet []byte, _ listen.Peer) []byte { return append(dst, query("no: "+text(packet))...) }
	s = serveBoth(t, "127.0.0.1:0", lim, handler{
		now: func(dst, packet []byte, _ listen.Peer) ([]byte, bool) {
			return append(dst, packet...), strings.HasPrefix(text(packet), "hit")
		},
		wait: func(dst, packet []byte, from listen.Peer) []byte {
			names <- text(packet)
			<-release
			return echo(dst, packet, from)
		},
	})
	dial(t, "tcp", s.Addr().String()).ask(query("first"))
	if got := <-names; got != "first" {
		t.Fatalf("%q is handled, want first", got)
	}
	return s, release, names
}

func TestEvictedConnectionWaitsNoMore(t *testing.T) {
	lim := limits()
	lim.Connections = 2
	s, release, names := full(t, lim)
	before := runtime.NumGoroutine()
	for range 40 {
		dial(t, "tcp", s.Addr().String()).ask(query("waits in vain"))
	}
	eventually(t, "all others evicted", func() bool { return s.Stats().Evicted == 39 })
	const some = 10 // those of the connections that are left, and of Serve, which may still have been starting
	eventually(t, "no goroutine for them", func() bool { return runtime.NumGoroutine() < before+some })

	for range lim.Connections { // in place of the last two, and without a query
		dial(t, "tcp", s.Addr().String())
	}
	eventually(t, "nothing waits", func() bool { return listen.FromTCP(s.Limiter()) == 1 && listen.Aside(s.Limiter()) == 0 })
	close(release)
	dial(t, "tcp", s.Addr().String()).exchange("last", "last")
	if got := <-names; got != "last" {
		t.Errorf("%q was handled, want nothing of evicted connections", got)
	}
}

// At the limit, the answers that are known come at once, and the connection outlives the query that has no place.
func TestHitsPassAQueryWithoutPlace(t *testing.T) {
	s, release, names := full(t, limits())
	c := dial(t, "tcp", s.Addr().String())
	c.ask(query("miss"))
	start := time.Now()
	for i := range 20 {
		c.exchange(fmt.Sprint("hit ", i), fmt.Sprint("hit ", i))
	}
	if took := time.Since(start); took > listen.PlaceTime/2 {
		t.Errorf("20 hits took %v", took)
	}
	close(release)
	if got := text(c.answer()); got != "miss" {
		t.Errorf("%q, want the answer to the query that was put aside", got)
	}
	if got := <-names; got != "miss" || s.Stats().Dropped != 0 {
		t.Errorf("%q was handled, stats %+v", got, s.Stats())
	}
}

func TestQueryWithoutPlaceIsToldSo(t *testing.T) {
	t.Parallel()
	lim := limits()
	lim.Idle = briefly
	s, release, names := full(t, lim)
	c := dial(t, "tcp", s.Addr().String())
	c.exchange("waits too long", "no: waits too long")
	c.exchange("hit", "hit") // on the same connection
	if got := s.Stats(); got.Dropped != 1 || got.Shed != 1 || listen.FromTCP(s.Limiter()) != 1 || listen.Aside(s.Limiter()) != 0 {
		t.Errorf("stats %+v, want 1 dropped, and nothing waiting", got)
	}
	close(release)
	c.exchange("last", "last")
	if got := <-names; got != "last" {
		t.Errorf("%q was handled, want nothing of the refused query", got)
	}
}

// No more are put aside than there is room for: the others are told at once.
func TestPuttingAsideIsBounded(t *testing.T) {
	s, release, _ := full(t, limits())
	defer close(release)
	c := dial(t, "tcp", s.Addr().String())
	for _, aside := range []int{100, 200, 2 * listen.ConnQueries} {
		c := dial(t, "tcp", s.Addr().String())
		for listen.Aside(s.Limiter()) < aside {
			before := listen.Aside(s.Limiter())
			c.ask(query("put aside"))
			eventually(t, "one more put aside", func() bool { return listen.Aside(s.Limiter()) == before+1 })
		}
	}
	c.exchange("one more", "no: one more")
}

// A query that was put aside is answered after reading has stopped.
func TestQueryWithoutPlaceIsAnsweredWhenStopping(t *testing.T) {
	s, release, _ := full(t, limits())
	c := dial(t, "tcp", s.Addr().String())
	c.ask(query("late"))
	eventually(t, "put aside", func() bool { return listen.Aside(s.Limiter()) == 1 })
	s.stop()
	close(release)
	if got := text(c.answer()); got != "late" {
		t.Errorf("%q, want the answer", got)
	}
}

func TestNothingIsAskedForALostConnection(t *testing.T) {
	tests := map[string]func(s *server, c client){
		"reset by the client": func(s *server, c client) {
			if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
				c.t.Fatal(err)
			}
			c.Close()
			eventually(c.t, "the connection gone", func() bool { return s.Stats().Connections == 0 })
		},
		"evicted": func(s *server, c client) {
			dial(c.t, "tcp", s.Addr().String())
			c.wantClosed()
		},
	}
	for name, lose := range tests {
		t.Run(name, func(t *testing.T) {
			lim := limits()
			lim.Connections = 1
			l, held := holding(t, lim, func() {})
			s := start(t, l)
			c := dial(t, "tcp", s.Addr().String())
			c.ask(query("for nobody"))
			q := <-held
			lose(s, c)
			q.Respond(notAsked(t))
			if n := lim.InFlight.UnderWay() + listen.FromTCP(lim.InFlight); n != 0 {
				t.Errorf("%d places taken after the response, want 0", n)
			}
		})
	}
}

func TestDropsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type report struct {
			at time.Duration
			n  uint64
		}
		var got []report
		d, stopping, start := listen.NewDrops(), make(chan struct{}), time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.Run(stopping, func(n uint64) { got = append(got, report{time.Since(start), n}) })
		}()
		drop := func(n int) {
			for range n {
				d.Add()
			}
		}
		time.Sleep(5 * time.Second)
		drop(3)
		time.Sleep(listen.DropsEvery - 1)
		drop(1)
		time.Sleep(10 * listen.DropsEvery)
		drop(7)
		time.Sleep(time.Second)
		close(stopping)
		<-done
		want := []report{{15 * time.Second, 4}, {116*time.Second - 1, 7}}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("reports %v, want %v", got, want)
		}
	})
}

func TestReportOfDrops(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(1)
	reports := make(chan string, 10)
	s := startReporting(t, lim, waiting(untilEnd(t)), func(text string) { reports <- text })
	u := dial(t, "udp", s.Addr().String())
	for range 4 {
		u.ask(query("one too many"))
	}
	u.ask(make([]byte, listen.MaxDatagram+1)) // for another reason
	eventually(t, "all but one dropped", func() bool { return s.Stats().Dropped == 4 })
	s.stop()
	got := <-reports
	if want := "dropped 3 queries: 1 under way is the limit, server.queries_in_flight"; !strings.HasSuffix(got, want) {
		t.Errorf("report %q, want it to end in %q", got, want)
	}
	s.Close()
	<-s.ended
	if len(reports) > 0 {
		t.Errorf("another report: %q", <-reports)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(2)
	lim.Idle = 100 * patience
	s := startReporting(t, lim, handler{
		now: func(dst, packet []byte, _ listen.Peer) ([]byte, bool) {
			return append(dst, make([]byte, 60000)...), text(packet) == "more"
		},
		wait: untilEnd(t),
	}, func(string) {})
	addr := s.Addr().String()
	dial(t, "udp", addr).ask(query("slow"))
	for range 3 { // one is answered, the others wait for a place
		dial(t, "tcp", addr).ask(query("slow"))
	}
	dial(t, "tcp", addr)
	greedy := dial(t, "tcp", addr)
	go func() {
		for {
			if _, err := greedy.Write(frame(query("more"))); err != nil {
				return // closed, as is wanted
			}
		}
	}()
	eventually(t, "the limit reached, and responses unread", func() bool {
		return lim.InFlight.UnderWay() == 2 && listen.Busy(s.Listener) == 4
	})
	s.stop()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Error("Serve goes on after Close")
	}
}
