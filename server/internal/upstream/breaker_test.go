package upstream_test

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// stateOf is the state of the server of g at that place of the configuration.
func stateOf(g *upstream.Group, i int) upstream.ServerState { return g.Servers()[i] }

// untilRested asks until the server at that place rests.
func untilRested(t testing.TB, g *upstream.Group, i int) {
	t.Helper()
	askUntil(t, g, "a rest", func(string) bool { return stateOf(g, i).State == upstream.StateResting })
}

// A silent server is rested, and then costs nobody any time, but for the copy of a query now and
// then. It is used again soon after it is back.
func TestSilentServerRests(t *testing.T) {
	for name, s := range map[string]upstream.Strategy{"order": upstream.Order, "parallel": upstream.Parallel} {
		t.Run(name, func(t *testing.T) {
			first, manner := changing(t, atOnce)
			second := good(t)
			g := withStrategy(t, s, first, second)
			wantAnswer(t, g, "192.0.2.1")
			manner.Store(servertest.Script(servertest.Silent))
			untilRested(t, g, 0)
			before := len(first.Queries())
			start := time.Now()
			hedges := hedged(t, g, 100)
			took := time.Since(start)
			if took > prompt {
				t.Errorf("100 queries took %v beside a server that rests", took)
			}
			probes := 1 + int(took/(upstream.MinRest/2))
			if n := len(first.Queries()) - before; n > probes+hedges {
				t.Errorf("%v queries to the server that rests, want %v at most", n, probes+hedges)
			}
			manner.Store(atOnce)
			start = time.Now()
			askUntil(t, g, "the first server is back", func(string) bool { return stateOf(g, 0).State == upstream.StateOK })
			if took := time.Since(start); took > upstream.MaxRest+generous {
				t.Errorf("noticed after %v that the server is back", took)
			}
		})
	}
}

// Rests are longer each time while the server stays silent: a query probes it at the end of
// each.
func TestProbesAreFew(t *testing.T) {
	silent, alive := servertest.New(t, servertest.Silent), good(t)
	g := withStrategy(t, upstream.Order, silent, alive)
	untilRested(t, g, 0)
	before, hedges := len(silent.Queries()), 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		hedges += hedged(t, g, 1)
	}
	if n := len(silent.Queries()) - before; n < 1 || n > 3+hedges {
		t.Errorf("%v probes within 3s, want 1 to %v", n, 3+hedges)
	}
}

// A server that is gone costs no time at all, and rests, too.
func TestClosedServerRests(t *testing.T) {
	closed, alive := servertest.UDP(t), good(t)
	addr := closed.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	o := options(10*time.Second, addr, alive.Addr)
	o.Strategy = upstream.Order
	g := upstream.New(o, func() {})
	t.Cleanup(g.Close)
	start, slowest := time.Now(), time.Duration(0)
	for stateOf(g, 0).State == upstream.StateOK && time.Since(start) < 10*time.Second {
		begun := time.Now()
		wantAnswer(t, g, "192.0.2.1")
		slowest = max(slowest, time.Since(begun))
	}
	if s := stateOf(g, 0); s.State != upstream.StateResting || s.Errors < upstream.RestAfter || s.Timeouts != 0 {
		t.Errorf("%+v, want a rest after errors", s)
	}
	if slowest > upstream.StartDelay {
		t.Errorf("the slowest answer took %v, want no waiting for a server that is gone", slowest)
	}
}

// With all servers silent, each query tries all of them, and the first that is back is
// used at once.
func TestLastServerNeverRests(t *testing.T) {
	first, manner := changing(t, servertest.Silent)
	second := servertest.New(t, servertest.Silent)
	o := options(400*time.Millisecond, first.Addr, second.Addr)
	g := upstream.New(o, func() {})
	t.Cleanup(g.Close)
	for range 8 {
		before := [2]int{len(first.Queries()), len(second.Queries())}
		wantError(t, g)
		if a, b := len(first.Queries()), len(second.Queries()); a == before[0] || b == before[1] {
			t.Fatalf("a query that only some servers got: %v, then %v and %v", before, a, b)
		}
	}
	resting := 0
	for _, s := range g.Servers() {
		if s.State != upstream.StateOK {
			resting++
		}
	}
	if resting > 1 {
		t.Errorf("%v of 2 servers rest, want one that does not: %+v", resting, g.Servers())
	}
	manner.Store(atOnce)
	wantAnswer(t, g, "192.0.2.1")
}

// A server that answers SERVFAIL or REFUSED to whatever is asked is there, and does not rest,
// but stands behind the others. It is asked where they have no answer.
func TestRefusingServerYields(t *testing.T) {
	for name, rcode := range map[string]int{"SERVFAIL": dns.RcodeServerFailure, "REFUSED": dns.RcodeRefused} {
		t.Run(name, func(t *testing.T) {
			first, manner := changing(t, servertest.Rcode(rcode))
			second, other := changing(t, atOnce)
			g := withStrategy(t, upstream.Order, first, second)
			hedges := hedged(t, g, 2*upstream.YieldAfter)
			if n := len(first.Queries()); n < upstream.YieldAfter || n > upstream.YieldAfter+hedges {
				t.Errorf("the first server got %v queries, want %v", n, upstream.YieldAfter)
			}
			if s := stateOf(g, 0); s.State != upstream.StateOK {
				t.Errorf("%+v, want no rest", s)
			}
			manner.Store(atOnce)
			other.Store(servertest.Script(servertest.Rcode(dns.RcodeServerFailure)))
			if from := wantAnswer(t, g, "192.0.2.1"); from != first.Addr.String() {
				t.Errorf("from %q, want the first", from)
			}
		})
	}
}

// A server that rests is not waited for where another says that it has no answer.
func TestRestingServerDelaysNoRefusal(t *testing.T) {
	silent, second := servertest.New(t, servertest.Silent), servertest.New(t, onlyWWW)
	g := withStrategy(t, upstream.Order, silent, second)
	untilRested(t, g, 0)
	start := time.Now()
	m, from, err := exchange(g, question("bogus.example"))
	if err != nil || m.Rcode() != wire.ServFail || from != second.Addr.String() {
		t.Errorf("%v from %q, %v; want the second server's SERVFAIL", m.Rcode(), from, err)
	}
	if took := time.Since(start); took > upstream.StartDelay {
		t.Errorf("took %v, want no waiting", took)
	}
}

// A server that answers some queries and not others is not rested, and each query is
// answered.
func TestFlappingServer(t *testing.T) {
	flapping := servertest.New(t, func(q *servertest.Query) {
		if q.Number%3 != 0 {
			q.Respond(answer(q))
		}
	})
	g := withStrategy(t, upstream.Order, flapping, good(t))
	for range 60 {
		wantAnswer(t, g, "192.0.2.1")
	}
	if s := stateOf(g, 0); s.State != upstream.StateOK || s.Queries != 60 {
		t.Errorf("%+v, want 60 queries and no rest", s)
	}
}

func TestServers(t *testing.T) {
	silent, alive := servertest.New(t, servertest.Silent), good(t)
	g := withStrategy(t, upstream.Order, silent, alive)
	for range 3 {
		wantAnswer(t, g, "192.0.2.1")
	}
	a, b := stateOf(g, 0), stateOf(g, 1)
	if a.Name != silent.Addr.String() || a.State != upstream.StateOK || a.Queries != 3 || a.Answers != 0 {
		t.Errorf("%+v, want 3 queries without an answer", a)
	}
	if b.Queries != 3 || b.Answers != 3 || b.Errors+b.Timeouts != 0 || b.RTT <= 0 || b.RTT > prompt || b.WithoutEDNS || b.LowerCase || b.Cookies {
		t.Errorf("%+v, want 3 answers and a round-trip time", b)
	}
	if n := testing.AllocsPerRun(100, func() { g.Servers() }); n > 1 {
		t.Errorf("Servers allocates %v times, want once", n)
	}
}
