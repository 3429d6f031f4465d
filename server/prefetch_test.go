package server_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server"
	"splitdns/server/internal/wire"
)

// hundred is an answer for 100 s.
const hundred = "www.example. 100 IN A 192.0.2.1"

// TestPrefetch asks at certain ages of an entry, and looks how often the upstream was asked.
func TestPrefetch(t *testing.T) {
	for name, c := range map[string]struct {
		config, script string
		words          string
		ages           []time.Duration // to ask at, after the first time
		asked          int32           // in all
	}{
		"before the last tenth": {silent, hundred, "www.example", []time.Duration{0, 89 * time.Second}, 1},
		"in the last tenth":     {silent, hundred, "www.example", []time.Duration{90 * time.Second}, 2},
		"and again":             {silent, hundred, "www.example", []time.Duration{95 * time.Second, 96 * time.Second, 99 * time.Second}, 2},
		"a life later":          {silent, hundred, "www.example", []time.Duration{95 * time.Second, 184 * time.Second, 185 * time.Second}, 3},
		"finished before":       {silent, hundred, "www.example", []time.Duration{81 * time.Second, 85 * time.Second, 91 * time.Second}, 2},
		"off":                   {"[cache]\nprefetch = false", hundred, "www.example", []time.Duration{95 * time.Second}, 1},
		"stale is off":          {"[cache]\nstale = \"0s\"", hundred, "www.example", []time.Duration{95 * time.Second}, 2},
		"NODATA": {
			silent, "au example. 100 IN SOA ns.example. host.example. 1 2 3 4 300", "www.example", []time.Duration{95 * time.Second}, 2,
		},
		"NXDOMAIN":      {silent, nxdomain, "www.example", []time.Duration{95 * time.Second}, 1},
		"without RD":    {silent, hundred, "www.example +nord", []time.Duration{95 * time.Second}, 1},
		"a short life":  {silent, "www.example. 9 IN A 192.0.2.1", "www.example", []time.Duration{8900 * time.Millisecond}, 1},
		"barely enough": {silent, "www.example. 10 IN A 192.0.2.1", "www.example", []time.Duration{9 * time.Second}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				b := newBench(t, c.config, counted(&asked, says(t, c.script)))
				ask(t, b, "www.example")
				begin := time.Now()
				for _, age := range c.ages {
					time.Sleep(age - time.Since(begin))
					ask(t, b, c.words)
				}
				if n := asked.Load(); n != c.asked {
					t.Errorf("asked %d times, want %d", n, c.asked)
				}
				if n := b.Status().Cache.Prefetched; n != uint64(c.asked-1) {
					t.Errorf("%d counted as prefetched, want all but the first of %d", n, c.asked)
				}
			})
		})
	}
}

// TestPrefetchHoldsNobodyUp holds that who causes a refresh gets what there is, at once, and
// who comes later the fresh answer; and that identical refreshes are one.
func TestPrefetchHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		b := newBehind(t, silent, counted(&asked, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			time.Sleep(time.Second)
			return respond(t, q.Question, hundred), "192.0.2.53", nil
		}))
		ttl := func(want uint32) {
			t.Helper()
			began := time.Now()
			if m := ask(t, b, "www.example"); m.Answer[0].Header().Ttl != want || !began.Equal(time.Now()) {
				t.Errorf("after %v: %v, want TTL %d at once", time.Since(began), m.Answer, want)
			}
		}
		ask(t, b, "www.example")
		time.Sleep(95 * time.Second)
		ttl(5)
		ttl(5)
		time.Sleep(10 * time.Second) // a finished answer to the second is gone
		ttl(91)
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times, want 2", n)
		}
	})
}

// TestPrefetchFails holds that an answer which cannot be refreshed is given while it holds,
// and that the upstream is not asked with each query.
func TestPrefetchFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		b := newBench(t, silent, counted(&asked, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			if asked.Load() > 1 {
				return wire.Message{}, "", errDown
			}
			return respond(t, q.Question, "www.example. 1000 IN A 192.0.2.1"), "192.0.2.53", nil
		}))
		ask(t, b, "www.example")
		time.Sleep(920 * time.Second)
		for range 30 {
			time.Sleep(time.Second)
			if m := ask(t, b, "www.example"); len(addresses(m)) != 1 || len(edes(m)) != 0 {
				t.Errorf("response %v, want the answer", m)
			}
		}
		if n := asked.Load(); n < 2 || n > 1+30/5 {
			t.Errorf("asked %d times, want once in 5 s at most", n)
		}
	})
}

// TestPrefetchesAreBounded lets many answers come into the last tenth of their life while
// the upstream is silent.
func TestPrefetchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		var down atomic.Bool
		b := newBehind(t, silent, counted(&asked, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			if down.Load() {
				time.Sleep(4 * time.Second)
				return wire.Message{}, "", errDown
			}
			return respond(t, q.Question, q.Name.String()+". 1000 IN A 192.0.2.1"), "192.0.2.53", nil
		}))
		const names = 3 * server.MaxPrefetches
		all := func() {
			for i := range names {
				ask(t, b, fmt.Sprintf("n%d.example", i))
			}
			synctest.Wait() // all refreshes have begun
		}
		all()
		time.Sleep(900 * time.Second)
		down.Store(true)
		all()
		if n := asked.Load() - names; n != server.MaxPrefetches {
			t.Errorf("%d refreshes under way, want %d", n, server.MaxPrefetches)
		}
		time.Sleep(10 * time.Second) // what is finished and what has failed is over
		all()
		if n := asked.Load() - names; n != 2*server.MaxPrefetches {
			t.Errorf("%d refreshes in all, want %d", n, 2*server.MaxPrefetches)
		}
		time.Sleep(4 * time.Second)
	})
}
