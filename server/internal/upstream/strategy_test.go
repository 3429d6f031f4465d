package upstream_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// hedged asks so often, as [wantAnswer] does, and returns how often a server may have been asked
// because an answer was late, as it may be on a busy machine: that takes a delay each time.
func hedged(t testing.TB, g *upstream.Group, queries int) (hedges int) {
	t.Helper()
	for range queries {
		start := time.Now()
		wantAnswer(t, g, "192.0.2.1")
		hedges += int(time.Since(start) / upstream.MinDelay)
	}
	return hedges
}

// withStrategy is a group whose timeout no test waits for.
func withStrategy(t testing.TB, s upstream.Strategy, upstreams ...*servertest.Upstream) *upstream.Group {
	t.Helper()
	var addrs []netip.AddrPort
	for _, u := range upstreams {
		addrs = append(addrs, u.Addr)
	}
	o := options(10*time.Second, addrs...)
	o.Strategy = s
	g := upstream.New(o, func() {})
	t.Cleanup(g.Close)
	return g
}

// changing is an upstream whose script may be replaced.
func changing(t testing.TB, script servertest.Script) (*servertest.Upstream, *atomic.Value) {
	t.Helper()
	var current atomic.Value
	current.Store(script)
	return servertest.New(t, func(q *servertest.Query) { current.Load().(servertest.Script)(q) }), &current
}

// after answers when that time has passed.
func after(d time.Duration) servertest.Script {
	return func(q *servertest.Query) {
		select {
		case <-time.After(d):
			q.Respond(answer(q))
		case <-q.Done:
		}
	}
}

// at once answers.
var atOnce servertest.Script = func(q *servertest.Query) { q.Respond(answer(q)) }

// askUntil asks, one query after the other, until that holds.
func askUntil(t testing.TB, g *upstream.Group, what string, holds func(from string) bool) (queries int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; queries++ {
		if holds(wantAnswer(t, g, "192.0.2.1")) {
			return queries
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 20s: %s", what)
		}
	}
}

// The fastest server is found, and left when it becomes slow, and found again.
func TestFastestIsFound(t *testing.T) {
	first, manner := changing(t, after(60*time.Millisecond))
	second := servertest.New(t, after(15*time.Millisecond))
	g := withStrategy(t, upstream.Fastest, first, second)
	inARow := func(u *servertest.Upstream) func(string) bool {
		n := 0
		return func(from string) bool {
			if n++; from != u.Addr.String() {
				n = 0
			}
			return n == 20
		}
	}
	askUntil(t, g, "the second, which is faster", inARow(second))
	manner.Store(atOnce)
	askUntil(t, g, "the first, which has become faster", inARow(first))
}

// Few queries are sent to others than the fastest.
func TestExplorationIsBounded(t *testing.T) {
	first, second := good(t), servertest.New(t, after(100*time.Millisecond))
	g := withStrategy(t, upstream.Fastest, first, second)
	askUntil(t, g, "the second is known", func(string) bool { return stateOf(g, 1).RTT > 0 })
	before := len(second.Queries())
	const queries = 1000
	most := 1 + queries/upstream.ExploreEvery + hedged(t, g, queries)
	if n := len(second.Queries()) - before; before < 1 || n > most {
		t.Errorf("%v of %v queries to the slower server, want at most one in %v", n, queries, upstream.ExploreEvery)
	}
}

// A silent server costs the delay, and each server gets the query once.
func TestHedge(t *testing.T) {
	for name, s := range map[string]upstream.Strategy{"fastest": upstream.Fastest, "order": upstream.Order} {
		silent, alive := servertest.New(t, servertest.Silent), good(t)
		g := withStrategy(t, s, silent, alive)
		start := time.Now()
		if from := wantAnswer(t, g, "192.0.2.1"); from != alive.Addr.String() {
			t.Errorf("%s: from %q, want the second", name, from)
		}
		if took := time.Since(start); took < upstream.StartDelay || took > upstream.StartDelay+generous {
			t.Errorf("%s: took %v, want about %v", name, took, upstream.StartDelay)
		}
		if a, b := len(silent.Queries()), len(alive.Queries()); a != 1 || b != 1 {
			t.Errorf("%s: %v and %v queries, want one each", name, a, b)
		}
	}
}

// The server that was asked first may still be the one that answers, and only the first
// answer counts.
func TestLateAnswerCounts(t *testing.T) {
	for name, second := range map[string]servertest.Script{
		"the other is silent":      servertest.Silent,
		"the other has no answer":  servertest.Rcode(dns.RcodeServerFailure),
		"the other is closed":      nil,
		"the other answers later":  after(time.Second),
		"the other hardly earlier": after(upstream.StartDelay),
	} {
		t.Run(name, func(t *testing.T) {
			slow := servertest.New(t, after(2*upstream.StartDelay))
			other := servertest.Closed(t)
			if second != nil {
				other = servertest.New(t, second).Addr
			}
			g := patient(t, slow.Addr, other)
			ended := begin(g, question("www.example"))
			if o := <-ended; o.err != nil || o.message.Rcode() != wire.NoError {
				t.Fatalf("%v, %v, want an answer", o.message.Rcode(), o.err)
			}
			wantAnswer(t, g, "192.0.2.1") // late ones come meanwhile
			if len(ended) != 0 {
				t.Error("the exchange has ended twice")
			}
		})
	}
}

// The order of the file holds, whoever is faster.
func TestOrder(t *testing.T) {
	first, manner := changing(t, after(15*time.Millisecond))
	second, third := good(t), good(t)
	g := withStrategy(t, upstream.Order, first, second, third)
	hedges := hedged(t, g, 100)
	if n := len(first.Queries()); n != 100 {
		t.Errorf("the first server got %v queries, want all", n)
	}
	if a, b := len(second.Queries()), len(third.Queries()); a > hedges || b > hedges {
		t.Errorf("the others got %v and %v queries, want %v at most", a, b, hedges)
	}
	manner.Store(servertest.Script(servertest.Rcode(dns.RcodeRefused)))
	if from := wantAnswer(t, g, "192.0.2.1"); from != second.Addr.String() {
		t.Errorf("from %q, want the second where the first refuses", from)
	}
}

// All are asked at once, but not too many; the first good answer wins.
func TestParallel(t *testing.T) {
	var upstreams []*servertest.Upstream
	for _, script := range []servertest.Script{servertest.Silent, servertest.Rcode(dns.RcodeServerFailure), servertest.Silent, atOnce, atOnce, atOnce} {
		upstreams = append(upstreams, servertest.New(t, script))
	}
	g := withStrategy(t, upstream.Parallel, upstreams...)
	start := time.Now()
	from := wantAnswer(t, g, "192.0.2.1")
	if took := time.Since(start); took > prompt {
		t.Errorf("took %v, want no waiting", took)
	}
	if from == upstreams[5].Addr.String() {
		t.Error("from the sixth server, which nobody has to ask")
	}
	for i, u := range upstreams[:upstream.MaxParallel] {
		eventually(t, "a query to each of the first", func() bool { return len(u.Queries()) > 0 })
		if n := len(u.Queries()); n != 1 {
			t.Errorf("server %d got %v queries, want 1", i, n)
		}
	}
	if n := len(upstreams[5].Queries()); n != 0 {
		t.Errorf("the sixth server got %v queries, want none", n)
	}
}
