package upstream_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
)

func TestTimeIsBounded(t *testing.T) {
	for _, n := range []int{1, 3, 8} {
		silent := servertest.New(t, servertest.Silent)
		name := fmt.Sprint(n, " servers")
		addrs := slices.Repeat([]netip.AddrPort{silent.Addr}, n)
		start := time.Now()
		err := wantError(t, newGroup(t, 300*time.Millisecond, addrs...))
		// The first round takes half of the time, and the waits of the second are twice as long.
		if queries := len(silent.Queries()); queries < n || queries > n+n/2+1 {
			t.Errorf("%s: %v queries, want each server asked once, and half of them again", name, queries)
		}
		if took := time.Since(start); took < 290*time.Millisecond || took > 300*time.Millisecond+generous {
			t.Errorf("%s: gave up after %v, want 300ms", name, took)
		}
		if !err.Timeout() || len(err.Failures) != len(addrs) {
			t.Errorf("%s: %v, Timeout() %v; want all silent", name, err, err.Timeout())
		}
		for _, f := range err.Failures {
			if !strings.HasPrefix(f.Text, "no answer in ") {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}

// Close ends what is under way at once, says so to each caller once, and refuses more.
func TestCloseEndsAtOnce(t *testing.T) {
	for name, script := range map[string]servertest.Script{
		"over UDP": servertest.Silent,
		"over TCP": func(q *servertest.Query) {
			if !q.TCP {
				q.Respond(truncated(q))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			const exchanges = 20
			asked := make(chan bool, 3*exchanges)
			u := servertest.New(t, func(q *servertest.Query) {
				script(q)
				asked <- q.TCP
			})
			g := patient(t, u.Addr)
			var ended []<-chan outcome
			for range exchanges {
				ended = append(ended, begin(g, question("www.example")))
			}
			for n := 0; n < exchanges; {
				if tcp := <-asked; tcp == (name == "over TCP") {
					n++
				}
			}
			start := time.Now()
			g.Close()
			if took := time.Since(start); took > prompt {
				t.Errorf("Close took %v", took)
			}
			wantClosed(t, ended)
			if _, _, err := exchange(g, question("www.example")); err != upstream.ErrClosed {
				t.Errorf("Exchange after Close: %v, want %v", err, upstream.ErrClosed)
			}
		})
	}
}

// wantClosed expects of exchanges that each has ended once, and with ErrClosed.
func wantClosed(t *testing.T, exchanges []<-chan outcome) {
	t.Helper()
	for _, ended := range exchanges {
		if len(ended) != 1 {
			t.Fatalf("an exchange has ended %v times after Close, want once", len(ended))
		}
		if o := <-ended; o.err != upstream.ErrClosed || !o.message.IsZero() {
			t.Errorf("%v %q, want %v", o.message.Text(), o.err, upstream.ErrClosed)
		}
	}
}

// Whenever Close comes, each exchange ends once, and none has a socket or a goroutine
// left.
func TestCloseMeetsExchanges(t *testing.T) {
	silent, alive := servertest.New(t, servertest.Silent), good(t)
	truncating := overTCP(t, servertest.Silent)
	before := runtime.NumGoroutine()
	for range 20 {
		g := upstream.New(options(100*time.Millisecond, truncating.Addr, silent.Addr, alive.Addr), func() {})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				ended := begin(g, question("www.example"))
				g.Close()
				if len(ended) != 1 {
					t.Errorf("an exchange has ended %v times after Close, want once", len(ended))
				}
			})
		}
		all.Wait()
	}
	eventually(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}

// Exchanges of all kinds leave no goroutine behind, even one that waits at a socket that
// is out of use.
func TestNoGoroutineIsLeft(t *testing.T) {
	silent := servertest.New(t, servertest.Silent)
	servfail := servertest.New(t, servertest.Rcode(dns.RcodeServerFailure))
	endless := overTCP(t, servertest.Silent)
	before := runtime.NumGoroutine()
	g := newGroup(t, 300*time.Millisecond, silent.Addr, servfail.Addr, endless.Addr)
	var exchanges sync.WaitGroup
	for range 50 {
		exchanges.Go(func() { _, _, _ = exchange(g, question("www.example")) })
	}
	exchanges.Wait()
	g.Close()
	waiting := patient(t, silent.Addr)
	var ended []<-chan outcome
	for range 50 {
		ended = append(ended, begin(waiting, question("www.example")))
	}
	upstream.Retire(waiting)
	waiting.Close()
	wantClosed(t, ended)
	// What the tests' upstreams have for connections ends when they see them closed.
	eventually(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before })
}

// eventually waits for what has no event to wait for.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10s: %s", what)
		}
	}
}

// A dead group slows no other, however many wait for it.
func TestDeadGroupSlowsNoOther(t *testing.T) {
	dead := newGroup(t, 2*time.Second, servertest.New(t, servertest.Silent).Addr)
	alive := patient(t, good(t).Addr)
	var ended []<-chan outcome
	for range 200 {
		ended = append(ended, begin(dead, question("www.example")))
	}
	start := time.Now()
	for range 50 {
		wantAnswer(t, alive, "192.0.2.1")
	}
	if took := time.Since(start); took > generous {
		t.Errorf("50 queries took %v beside a dead group", took)
	}
	dead.Close()
	wantClosed(t, ended)
}
