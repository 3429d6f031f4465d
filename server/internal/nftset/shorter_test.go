package nftset_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/nftset"
)

// TestOnlyShorterTimeoutsAreLookedAt has somebody else add elements: his own, and ours again.
func TestOnlyShorterTimeoutsAreLookedAt(t *testing.T) {
	var many []netip.Addr
	for i := range 10_000 {
		many = append(many, nth(1000+i))
	}
	for name, c := range map[string]struct {
		timeout time.Duration
		addrs   []netip.Addr
		looks   int
		lost    int
	}{
		"others":           {time.Second, many, 0, 0},
		"ours, for longer": {2 * time.Hour, many[:100], 0, 0},
		"one of ours":      {time.Second, []netip.Addr{nth(1), nth(2000)}, 1, 1},
		"many of ours":     {time.Second, append([]netip.Addr{nth(1), nth(1)}, many[:9]...), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, healthy())
				ours := []netip.Addr{nth(1), nth(2), nth(3)}
				if err := b.add(time.Hour, ours...); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				if c.timeout > time.Hour {
					c.addrs = ours
				}
				looks, lost, done := looked(b.kernel), b.losses(), puts(b.kernel)
				b.kernel.Others(set4, c.timeout, c.addrs...)
				time.Sleep(5 * time.Second)
				if looked(b.kernel)-looks != c.looks || b.losses()-lost != c.lost || puts(b.kernel)-done != c.lost {
					t.Errorf("%d elements looked up, Lost called %d times, %d transactions, want %d, %d, %d",
						looked(b.kernel)-looks, b.losses()-lost, puts(b.kernel)-done, c.looks, c.lost, c.lost)
				}
				if left := time.Until(b.kernel.Until(set4, nth(1))); left < 50*time.Minute {
					t.Errorf("%v left, want an hour", left)
				}
				b.end()
			})
		})
	}
}

// looked is how many elements were looked up.
func looked(f *nftset.Fake) (n int) {
	f.Change(func() { n = f.Read })
	return n
}
