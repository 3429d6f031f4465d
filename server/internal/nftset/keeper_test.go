package nftset_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

func TestEachElementHasItsOwnVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		stop := make(chan struct{})
		kernel.Stop = stop
		kernel.Fail = func(addrs []netip.Addr) error {
			for _, addr := range addrs {
				if addr == nth(7) {
					return errors.New("cannot allocate memory")
				}
			}
			return nil
		}
		b := start(t, kernel)
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := b.add(time.Minute, nth(i)); (err != nil) != (i == 7) {
					t.Errorf("Add %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		close(stop)
		all.Wait()
		if st := b.Status().Sets[0]; st.State != "failing" || st.Failures["failing"] != 1 || st.Adds != 19 {
			t.Errorf("status %+v", st)
		}
		time.Sleep(10 * time.Second)
		_, bad := b.told()
		if bad != "set inet f m4 (rule mdm): the kernel refuses: cannot allocate memory" {
			t.Errorf("reported %q, want it once", bad)
		}
		kernel.Change(func() { kernel.Fail = nil })
		time.Sleep(2 * time.Second)
		good, _ := b.told()
		if !strings.Contains(good, "1 element is back") || kernel.Until(set4, nth(7)).IsZero() {
			t.Errorf("reported %q", good)
		}
		b.end()
	})
}

func TestABadSetDoesNotSpoilAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		bad := policy.Set{Family: "inet", Table: "f", Name: "full"}
		kernel.Make(bad, "ipv4_addr", 1)
		b := start(t, kernel)
		b.Follow(nftset.Config{Sets: []nftset.Wanted{{Set: bad}, {Set: set4}}})
		synctest.Wait()
		es := of(time.Minute, nth(1), nth(2), nth(1))
		es[0].Set, es[1].Set = bad, bad
		done := make(chan error, 1)
		b.Add(es, func(err error) { done <- err })
		if err := <-done; err == nil || err.Error() != "set inet f full: it is full (size 1)" {
			t.Errorf("Add: %v", err)
		}
		if kernel.Until(set4, nth(1)).IsZero() || kernel.Until(bad, nth(1)).IsZero() {
			t.Error("what could be put in is not in")
		}
		if until, ok := b.Holds(es[2:]); !ok || until.Before(time.Now().Add(time.Minute)) {
			t.Errorf("Holds = %v, %v", until, ok)
		}
		b.end()
	})
}

func TestMemoryIsBoundedAndSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, healthy())
		const most = 65536
		var addrs []netip.Addr
		for i := range most + 100 {
			addrs = append(addrs, nth(i))
		}
		for len(addrs) > 0 {
			n := min(1000, len(addrs))
			if err := b.add(time.Minute, addrs[:n]...); err != nil {
				t.Fatal(err)
			}
			addrs = addrs[n:]
		}
		if st := b.Status(); st.Remembered != most || st.Forgotten != 100 {
			t.Errorf("%d remembered and %d forgotten, want %d and 100", st.Remembered, st.Forgotten, most)
		}
		if b.kernel.Until(set4, nth(most+50)).IsZero() {
			t.Error("an element that cannot be remembered is not in the set")
		}
		time.Sleep(15 * time.Minute)
		if st := b.Status(); st.Remembered != 0 || st.Sets[0].Wanted != 0 {
			t.Errorf("%d remembered after their end", st.Remembered)
		}
		b.end()
	})
}

func TestLostEventsAreNoticed(t *testing.T) {
	for name, lose := range map[string]func(f *nftset.Fake){
		"overrun":  func(f *nftset.Fake) { deaf(f, true); f.Flush(set4); deaf(f, false); f.Overrun() },
		"silently": func(f *nftset.Fake) { deaf(f, true); f.Flush(set4); deaf(f, false) },
		"set anew": func(f *nftset.Fake) { deaf(f, true); f.Make(set4, "ipv4_addr", 0); deaf(f, false) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, healthy())
				time.Sleep(5 * time.Second)
				if err := b.add(time.Hour, nth(1), nth(2)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Second)
				before := b.losses()
				lose(b.kernel)
				time.Sleep(3 * time.Second)
				if b.kernel.Until(set4, nth(1)).IsZero() || b.losses() == before {
					t.Errorf("in until %v, Lost called %d times", b.kernel.Until(set4, nth(1)), b.losses()-before)
				}
				if st := b.Status().Sets[0]; st.Lost != 2 || st.Restored != 2 || st.Heals != 1 {
					t.Errorf("status %+v, want 2 lost and restored", st)
				}
				done := puts(b.kernel)
				time.Sleep(time.Minute)
				if puts(b.kernel) != done {
					t.Errorf("%d transactions for nothing", puts(b.kernel)-done)
				}
				b.end()
			})
		})
	}
}

func TestForbiddenAndMissingAreToldOnceForEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		kernel.Deny = true
		b := start(t, kernel)
		time.Sleep(10 * time.Second)
		for i := range 10 {
			if err := b.add(time.Hour, nth(i)); err == nil || !strings.Contains(err.Error(), "it has no CAP_NET_ADMIN") {
				t.Errorf("Add: %v", err)
			}
		}
		_, bad := b.told()
		if strings.Count(bad, "\n") != 0 || !strings.Contains(bad, "AmbientCapabilities") || !strings.Contains(bad, "setcap") {
			t.Errorf("reported %q", bad)
		}
		kernel.Change(func() { kernel.Deny = false })
		kernel.Delete(set4)
		time.Sleep(2 * time.Second)
		_, bad = b.told()
		if strings.Count(bad, "\n") != 1 || !strings.Contains(bad, "it is not there") {
			t.Errorf("reported %q", bad)
		}
		kernel.Make(set4, "ipv6_addr", 0)
		time.Sleep(time.Second)
		if st := b.Status().Sets[0]; st.State != "ok" || st.Type != "ipv6_addr" || len(st.Failures) == 0 {
			t.Errorf("status %+v", st)
		}
		if err := b.add(time.Hour, nth(1)); err != nil { // of the other version now
			t.Errorf("Add: %v", err)
		}
		kernel.Make(set4, "ipv4_addr", 0)
		time.Sleep(time.Second)
		if kernel.Until(set4, nth(9)).IsZero() {
			t.Error("what could not be added did not come back")
		}
		b.end()
	})
}

func TestReloadKeepsWhatIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, healthy())
		other := policy.Set{Family: "inet", Table: "f", Name: "gone"}
		if err := b.add(time.Hour, nth(1)); err != nil {
			t.Fatal(err)
		}
		b.Follow(nftset.Config{Min: time.Minute, Sets: []nftset.Wanted{{Set: set4, Rules: []string{"a", "b"}}, {Set: other, Rules: []string{"a"}}}})
		synctest.Wait()
		if _, ok := b.Holds(of(time.Hour, nth(1))); !ok {
			t.Error("an element is forgotten")
		}
		_, bad := b.told()
		if want := "set inet f gone (rule a): it is not there"; !strings.HasPrefix(bad, want) {
			t.Errorf("reported %q, want %q", bad, want)
		}
		b.Follow(nftset.Config{Sets: []nftset.Wanted{{Set: other, Rules: []string{"a"}}}})
		synctest.Wait()
		if _, ok := b.Holds(of(time.Hour, nth(1))); ok {
			t.Error("a set that is not in the configuration holds an element")
		}
		if err := b.add(time.Hour, nth(1)); err == nil {
			t.Error("Add into a set that is not in the configuration is fine")
		}
		if _, bad = b.told(); strings.Count(bad, "it is not there") != 2 {
			t.Errorf("reported %q, want the missing set once for each reload", bad)
		}
		b.end()
	})
}

func TestWithoutSetsNothingIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := healthy()
		k := nftset.NewWith(nftset.Options{}, kernel)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		k.Follow(nftset.Config{})
		time.Sleep(time.Hour)
		if kernel.Asks != 0 {
			t.Errorf("%d questions, want 0", kernel.Asks)
		}
		if until, ok := k.Holds(nil); !ok || !until.After(time.Now()) {
			t.Errorf("Holds(nil) = %v, %v", until, ok)
		}
		k.Follow(nftset.Config{Sets: []nftset.Wanted{{Set: set4}}})
		synctest.Wait()
		if st := k.Status().Sets[0].State; st != "ok" {
			t.Errorf("state %q, want ok", st)
		}
		cancel()
		<-done
	})
}

func TestHoldsNotesTheLastFewAndDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, healthy())
		es := of(time.Minute, nth(1), nth(2))
		if err := b.add(time.Minute, nth(1), nth(2)); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { b.Holds(es) }); n != 0 {
			t.Errorf("Holds allocates %v times, want 0", n)
		}
		for i := range 6 {
			es[0].Name, es[0].Client = fmt.Sprintf("n%d.example", i), nth(i)
			b.Holds(es)
		}
		held, err := b.Elements(set4)
		if err != nil || len(held) != 2 || len(held[0].Names) != 4 || len(held[0].Clients) != 4 || held[0].Other {
			t.Errorf("Elements = %+v, %v", held, err)
		}
		b.end()
	})
}

func BenchmarkHolds(b *testing.B) {
	k := start(b, healthy())
	defer k.end()
	es := of(time.Minute, nth(1), nth(2))
	if err := k.add(time.Minute, nth(1), nth(2)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := k.Holds(es); !ok {
			b.Fatal("not held")
		}
	}
}
