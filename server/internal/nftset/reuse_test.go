package nftset_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/nftset"
)

// A client asks for a name again and again and uses its address at any time within the TTL.
type client struct {
	b      *bench
	addr   netip.Addr
	may    *sync.Map // addr -> until when it may be used
	random *rand.Rand
}

// live asks until ctx ends. An answer is cached as a resolver does it: its TTL runs down.
func (c client) live(ctx context.Context, t *testing.T) {
	var cached time.Time
	for ctx.Err() == nil {
		if !cached.After(time.Now()) {
			cached = time.Now().Add(time.Duration(1+c.random.IntN(3600)) * time.Second)
		}
		ttl := time.Until(cached)
		if _, ok := c.b.Holds(of(ttl, c.addr)); !ok {
			if err := c.b.add(ttl, c.addr); err != nil {
				t.Errorf("Add: %v", err)
			}
		}
		c.may.Store(c.addr, time.Now().Add(ttl))
		if until := c.b.kernel.Until(set4, c.addr); until.Before(time.Now().Add(ttl)) && !healing(c.b) {
			t.Errorf("%v is in the set until %v, and may be used for %v yet", c.addr, until, ttl)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(c.random.Int64N(int64(2 * ttl)))):
		}
	}
}

// healing reports whether the set may lack elements for a flush.
func healing(b *bench) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(b.flushed) < 2*time.Second
}

// TestNoGapOverHoursOfReuse is the promise of the package: an address that a client may use is in
// its set, and within two seconds of a flush it is again.
func TestNoGapOverHoursOfReuse(t *testing.T) {
	for name, c := range map[string]struct{ old, flush, tight bool }{
		"new": {}, "new, flushed": {flush: true}, "new, tight": {tight: true},
		"old": {old: true}, "old, flushed": {old: true, flush: true}, "old, tight": {old: true, tight: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kernel := healthy()
				kernel.Old = c.old
				b := start(t, kernel)
				if c.tight { // nothing stays for longer than it has to
					b.Follow(nftset.Config{Sets: []nftset.Wanted{{Set: set4, Rules: []string{"mdm"}}}})
				}
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Hour)
				defer cancel()
				var clients sync.WaitGroup
				may := &sync.Map{}
				for i := range 50 {
					r := rand.New(rand.NewPCG(uint64(i), 1))
					clients.Go(func() { client{b, nth(i), may, r}.live(ctx, t) })
				}
				for ctx.Err() == nil {
					time.Sleep(1777 * time.Millisecond)
					if c.flush && rand.IntN(200) == 0 {
						b.mu.Lock()
						b.flushed = time.Now()
						b.mu.Unlock()
						kernel.Flush(set4)
						time.Sleep(2 * time.Second)
					}
					may.Range(func(addr, until any) bool {
						if now := time.Now(); until.(time.Time).After(now) && kernel.Until(set4, addr.(netip.Addr)).Before(until.(time.Time)) {
							t.Errorf("%v may be used until %v, and is in the set until %v", addr, until, kernel.Until(set4, addr.(netip.Addr)))
						}
						return true
					})
				}
				clients.Wait()
				good, bad := b.told()
				if bad != "" || c.old != strings.Contains(good, "this kernel ignores the timeout") || strings.Count(good, "this kernel") > 1 {
					t.Errorf("reported %q and %q", good, bad)
				}
				st := b.Status()
				if want := map[bool]string{true: "delete and add", false: "add"}[c.old]; st.Recipe != want {
					t.Errorf("recipe %q, want %q", st.Recipe, want)
				}
				t.Logf("%+v, %d transactions", st, puts(kernel))
				b.end()
			})
		})
	}
}
