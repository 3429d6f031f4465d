package nftset_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/nftset"
)

func TestKernelThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		kernel.Stop = make(chan struct{})
		b := start(t, kernel)
		begin := time.Now()
		for i := range 3 {
			err := b.add(time.Minute, nth(i))
			if took := time.Since(begin); took > 500*time.Millisecond || err == nil || !strings.Contains(err.Error(), "set inet f m4: the kernel did not answer") {
				t.Errorf("after %v: %v", took, err)
			}
			begin = time.Now()
		}
		close(kernel.Stop)
		synctest.Wait()
		if _, ok := b.Holds(of(time.Minute, nth(0), nth(1), nth(2))); !ok {
			t.Error("what came too late is not in")
		}
		good, bad := b.told()
		if strings.Count(bad, "has taken no addresses") != 1 || !strings.Contains(good, "takes addresses again, after 1.5s") {
			t.Errorf("reported %q and %q", good, bad)
		}
		b.end()
	})
}

func TestRequestsGoOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		kernel.Stop = make(chan struct{})
		b := start(t, kernel)
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				if err := b.add(time.Minute, nth(i/2)); err != nil { // each twice
					t.Errorf("Add: %v", err)
				}
			})
			if i == 0 {
				synctest.Wait() // it is on its way, and the others gather
			}
		}
		synctest.Wait()
		if q := b.Status().Queue; q != 999 {
			t.Errorf("%d requests wait, want 999", q)
		}
		close(kernel.Stop)
		all.Wait()
		if puts(kernel) != 2 {
			t.Errorf("%d transactions, want 2", puts(kernel))
		}
		b.end()
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		kernel.Stop = make(chan struct{})
		b := start(t, kernel)
		b.Follow(nftset.Config{Min: time.Minute, Queue: 300, Sets: []nftset.Wanted{{Set: set4}}})
		refused := 0
		for i := range 500 {
			b.Add(of(time.Minute, nth(i)), func(err error) {
				if err != nil && strings.Contains(err.Error(), "too many answers wait") {
					refused++
				}
			})
			if i == 0 {
				synctest.Wait()
			}
		}
		if want := 500 - 1 - 300; refused != want {
			t.Errorf("%d refused, want %d", refused, want)
		}
		close(kernel.Stop)
		synctest.Wait()
		for i := range 500 {
			if kernel.Until(set4, nth(i)).IsZero() {
				t.Fatalf("element %d is not in when the kernel answers again", i)
			}
		}
		b.end()
	})
}

// TestQueuedElementsAreBounded holds that many addresses in each request take no more room.
func TestQueuedElementsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		kernel.Stop = make(chan struct{})
		b := start(t, kernel)
		var addrs []netip.Addr
		for i := range 1000 {
			addrs = append(addrs, nth(i))
		}
		refused := 0
		for i := range 400 {
			b.Add(of(time.Minute, addrs...), func(err error) {
				if err != nil && strings.Contains(err.Error(), "too many answers wait") {
					refused++
				}
			})
			if i == 0 {
				synctest.Wait()
			}
		}
		if want := 400 - 1 - 262; refused != want {
			t.Errorf("%d refused, want %d", refused, want)
		}
		close(kernel.Stop)
		b.end()
	})
}

func TestPendingRequestsFailAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, healthy())
		b.end()
		if err := b.add(time.Minute, nth(1)); err == nil || err.Error() != "splitdns is stopping" {
			t.Errorf("Add after the end: %v", err)
		}
	})
}
