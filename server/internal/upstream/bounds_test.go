package upstream_test

import (
	"context"
	"errors"
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

func TestCancelledContextEndsAtOnce(t *testing.T) {
	for name, script := range map[string]servertest.Script{
		"over UDP": servertest.Silent,
		"over TCP": func(q *servertest.Query) {
			if !q.TCP {
				q.Respond(truncated(q))
			}
		},
	} {
		asked := make(chan bool, 10)
		u := servertest.New(t, func(q *servertest.Query) {
			script(q)
			asked <- q.TCP
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for q := range asked {
				if q == (name == "over TCP") {
					cancel()
					return
				}
			}
		}()
		start := time.Now()
		_, _, err := patient(t, u.Addr).Exchange(ctx, question("www.example"))
		if !errors.Is(err, context.Canceled) || err.Error() != "upstream default: context canceled" {
			t.Errorf("%s: %v, want context canceled", name, err)
		}
		if took := time.Since(start); took > generous {
			t.Errorf("%s: took %v, want it to end at once", name, took)
		}
	}
}

func TestCloseWaitsAndRefuses(t *testing.T) {
	asked := make(chan bool)
	silent := servertest.New(t, func(*servertest.Query) { asked <- true })
	g := upstream.New("default", []netip.AddrPort{silent.Addr}, 200*time.Millisecond)
	ended := make(chan time.Time, 1)
	go func() {
		_, _, _ = g.Exchange(context.Background(), question("www.example"))
		ended <- time.Now()
	}()
	<-asked
	go func() { <-asked }() // the second try
	g.Close()
	closed := time.Now()
	if end := <-ended; closed.Before(end.Add(-100 * time.Millisecond)) {
		t.Errorf("Close returned %v before the exchange under way", end.Sub(closed))
	}
	if _, _, err := g.Exchange(t.Context(), question("www.example")); err != upstream.ErrClosed {
		t.Errorf("Exchange after Close: %v, want %v", err, upstream.ErrClosed)
	}
}

// Exchanges of all kinds leave no goroutine behind.
func TestNoGoroutineIsLeft(t *testing.T) {
	silent := servertest.New(t, servertest.Silent)
	servfail := servertest.New(t, servertest.Rcode(dns.RcodeServerFailure))
	endless := overTCP(t, servertest.Silent)
	before := runtime.NumGoroutine()
	g := newGroup(t, 300*time.Millisecond, silent.Addr, servfail.Addr, endless.Addr)
	var exchanges sync.WaitGroup
	for i := range 50 {
		exchanges.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*10*time.Millisecond)
			defer cancel()
			_, _, _ = g.Exchange(ctx, question("www.example"))
		})
	}
	exchanges.Wait()
	// What the tests' upstreams have for connections ends when they see them closed.
	after := runtime.NumGoroutine()
	for range 1000 {
		if after <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
		after = runtime.NumGoroutine()
	}
	t.Errorf("%v goroutines, %v before", after, before)
}

// A dead group slows no other, however many wait for it.
func TestDeadGroupSlowsNoOther(t *testing.T) {
	dead := newGroup(t, 2*time.Second, servertest.New(t, servertest.Silent).Addr)
	alive := patient(t, good(t).Addr)
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range 200 {
		waiting.Go(func() { _, _, _ = dead.Exchange(ctx, question("www.example")) })
	}
	start := time.Now()
	for range 50 {
		wantAnswer(t, alive, "192.0.2.1")
	}
	if took := time.Since(start); took > generous {
		t.Errorf("50 queries took %v beside a dead group", took)
	}
	cancel()
	waiting.Wait()
}
