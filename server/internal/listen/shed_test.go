package listen_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/listen"
)

// responding is what answers with the word.
func responding(word string) func([]byte) []byte {
	return func(dst []byte) []byte { return append(dst, query(word)...) }
}

// At the limit the queries that have waited longest give way, and the newest are answered.
func TestOldestIsShed(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(4)
	l, held := holding(t, lim, func() {})
	s := start(t, reportingDrops(l))
	var clients []client
	var queries []listen.Query
	for i := range 12 {
		c := dial(t, "udp", s.Addr().String())
		c.ask(query(fmt.Sprint("query ", i)))
		clients, queries = append(clients, c), append(queries, <-held)
	}
	if got := s.Stats(); got.Shed != 8 || got.Dropped != 8 || lim.InFlight.UnderWay() != 4 {
		t.Errorf("stats %+v and %d under way, want 8 shed, 4 under way", got, lim.InFlight.UnderWay())
	}
	for i, q := range queries {
		if i < 8 {
			q.Respond(notAsked(t))
		} else {
			q.Respond(responding(fmt.Sprint("response ", i)))
		}
	}
	s.Flush()
	for i, c := range clients[8:] {
		if got, want := text(c.answer()), fmt.Sprint("response ", i+8); got != want {
			t.Errorf("client %d: %q, want %q", i+8, got, want)
		}
	}
	if n := lim.InFlight.UnderWay(); n != 0 || listen.ShedNow(lim.InFlight) != 0 {
		t.Errorf("%d places taken, %d shed and not forgotten, want none", n, listen.ShedNow(lim.InFlight))
	}
}

// reportingDrops is l: what holding reports as an error of the test is wanted here.
func reportingDrops(l *listen.Listener) *listen.Listener { return listen.Unreported(l) }

// What the service still works for after it was shed is bounded; beyond that new queries are dropped.
func TestShedQueriesAreBounded(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(2)
	l, held := holding(t, lim, func() {})
	s := start(t, reportingDrops(l))
	c := dial(t, "udp", s.Addr().String())
	var queries []listen.Query
	for range 2 + 2*listen.ShedFactor {
		c.ask(query("more"))
		queries = append(queries, <-held)
	}
	c.ask(query("one too many"))
	eventually(t, "one dropped at once", func() bool { st := s.Stats(); return st.Dropped == st.Shed+1 })
	queries[0].Respond(notAsked(t)) // which makes room
	c.ask(query("one more"))
	queries = append(queries, <-held)
	for _, q := range queries {
		q.Respond(silent)
	}
	if n := lim.InFlight.UnderWay(); n != 0 || listen.ShedNow(lim.InFlight) != 0 {
		t.Errorf("%d places taken, %d shed and not forgotten, want none", n, listen.ShedNow(lim.InFlight))
	}
}

// silent is no response.
func silent(dst []byte) []byte { return dst[:0] }

// A flood over UDP does not keep TCP out: the place of the oldest is for who waits over TCP, up to its half.
func TestTCPShedsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen.NewLimiter(2)
		for range 2 {
			if shed, admitted := listen.NewTicket(l).Admit(); shed || !admitted {
				t.Fatalf("shed %v, admitted %v, with a place free", shed, admitted)
			}
		}
		if !listen.WaitTCP(t.Context(), l) || listen.ShedNow(l) != 1 || l.UnderWay() != 2 {
			t.Errorf("%d shed, %d under way, want the place of the oldest for TCP", listen.ShedNow(l), l.UnderWay())
		}
		waits := make(chan bool, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { waits <- listen.WaitTCP(ctx, l) }()
		synctest.Wait()
		if listen.ShedNow(l) != 1 {
			t.Errorf("%d shed for TCP, which has its half", listen.ShedNow(l))
		}
		cancel()
		if <-waits {
			t.Error("TCP has more than its half")
		}
		if shed, admitted := listen.NewTicket(l).Admit(); !shed || !admitted || l.UnderWay() != 2 {
			t.Errorf("shed %v, admitted %v, %d under way", shed, admitted, l.UnderWay())
		}
	})
}

// A response after the query was shed goes nowhere, whoever has its room by then.
func TestLateResponseIsHarmless(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(1)
	l, held := holding(t, lim, func() {})
	s := start(t, reportingDrops(l))
	first, second := dial(t, "udp", s.Addr().String()), dial(t, "udp", s.Addr().String())
	first.ask(query("first"))
	shed := <-held
	second.ask(query("second"))
	q := <-held
	for range 3 {
		shed.Respond(notAsked(t))
	}
	q.Respond(responding("for the second"))
	q.Respond(notAsked(t))
	shed.Respond(notAsked(t))
	s.Flush()
	if got := text(second.answer()); got != "for the second" {
		t.Errorf("the second gets %q", got)
	}
	if got := s.Stats(); got.UDP != 1 || got.Shed != 1 || lim.InFlight.UnderWay() != 0 {
		t.Errorf("stats %+v, %d under way", got, lim.InFlight.UnderWay())
	}
}

// A service that responds and then panics has responded: the place is given back once, and the room of the query,
// which may be another's by then, is left alone.
func TestPanicAfterTheResponse(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			lim := limits()
			lim.InFlight = listen.NewLimiter(1)
			var l *listen.Listener
			l, err := listen.Open(netip.MustParseAddrPort("127.0.0.1:0"), lim, func(dst, _ []byte, _ listen.Peer) ([]byte, func(listen.Query)) {
				return dst, func(q listen.Query) {
					q.Respond(responding("answer"))
					panic("after the response")
				}
			}, func() { l.Flush() }, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			s := start(t, l)
			c := dial(t, network, s.Addr().String())
			for range 10 {
				c.exchange("hello", "answer")
			}
			eventually(t, "10 panics", func() bool { return s.Stats().Panics == 10 })
			if st := s.Stats(); st.UDP+st.TCP != 10 || lim.InFlight.UnderWay() != 0 {
				t.Errorf("stats %+v, %d under way", st, lim.InFlight.UnderWay())
			}
		})
	}
}

// Readers, responders and sheds at once: every query is answered or counted, nothing stays.
func TestSheddingUnderLoad(t *testing.T) {
	lim := limits()
	lim.InFlight = listen.NewLimiter(8)
	var late atomic.Int64
	s := serve(t, "127.0.0.1:0", lim, func(dst, packet []byte, from listen.Peer) []byte {
		if late.Add(1)%3 == 0 {
			time.Sleep(time.Millisecond)
		}
		return echo(dst, packet, from)
	})
	const n = 4
	clients := make([]client, n)
	for i := range clients {
		clients[i] = dial(t, "udp", s.Addr().String())
	}
	for i := range 2000 {
		clients[i%n].ask(query(fmt.Sprint("query ", i)))
	}
	eventually(t, "nothing under way", func() bool {
		return lim.InFlight.UnderWay() == 0 && listen.ShedNow(lim.InFlight) == 0 && s.Stats().UDP > 0
	})
	counts := s.Stats()
	if all := counts.UDP + counts.Dropped; all > 2000 || counts.Panics > 0 {
		t.Errorf("stats %+v", counts)
	}
	clients[0].ask(query("last"))
	for text(clients[0].answer()) != "last" { // behind whatever is left to be read
		continue
	}
}

// TestOrderOfShedding holds the limiter's list to a slice.
func TestOrderOfShedding(t *testing.T) {
	const limit = 5
	l := listen.NewLimiter(limit)
	var waiting, tickets []*listen.Ticket
	for i := range 1000 {
		next := listen.NewTicket(l)
		shed, admitted := next.Admit()
		if full := len(waiting) == limit; full != shed || !admitted {
			t.Fatalf("step %d: shed %v, admitted %v, with %d waiting", i, shed, admitted, len(waiting))
		}
		if shed {
			if waiting[0].Claim() {
				t.Fatalf("step %d: the oldest is not the one that was shed", i)
			}
			waiting = waiting[1:]
		}
		waiting, tickets = append(waiting, next), append(tickets, next)
		if i%3 == 0 {
			at := i % len(waiting)
			if !waiting[at].Claim() {
				t.Fatalf("step %d: number %d cannot be claimed", i, at)
			}
			listen.Release(l)
			waiting = slices.Delete(waiting, at, at+1)
		}
	}
	for _, ticket := range tickets {
		if slices.Contains(waiting, ticket) != ticket.Claim() {
			t.Error("claimed twice, or not at all")
		}
	}
}
