package nftset_test

import (
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// TestStatusTellsWantedFromIn holds that what the kernel did not take does not count as in.
func TestStatusTellsWantedFromIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := nftset.NewFake()
		kernel.Make(set4, "ipv4_addr", 1)
		b := start(t, kernel)
		synctest.Wait()
		if err := b.add(time.Hour, nth(1), nth(2), nth(3)); err == nil {
			t.Error("all are in a set with room for one")
		}
		if st := b.Status().Sets[0]; st.In != 1 || st.Wanted != 3 {
			t.Errorf("%d in and %d wanted, want 1 and 3", st.In, st.Wanted)
		}
		kernel.Delete(set4)
		time.Sleep(time.Second)
		if st := b.Status().Sets[0]; st.In != 0 || st.Wanted != 3 {
			t.Errorf("%d in and %d wanted of a set that is gone, want 0 and 3", st.In, st.Wanted)
		}
		b.end()
	})
}

// TestStatusKnowsTheVersion holds that an address of the other version is not looked for in a set,
// not even in one that nobody has seen.
func TestStatusKnowsTheVersion(t *testing.T) {
	for name, want := range map[string][2]bool{"inet f m4": {true, false}, "inet f m6": {false, true}, "ip6 f m": {false, true}, "inet f mdm": {true, true}} {
		set, err := policy.ParseSet(name)
		if err != nil {
			t.Fatal(err)
		}
		st := nftset.Unseen(nftset.Wanted{Set: set}, time.Now())
		got := [2]bool{st.Takes(nth(1)), st.Takes(v6)}
		if got != want || st.State != "unknown" {
			t.Errorf("%s takes IPv4, IPv6: %v, want %v", name, got, want)
		}
	}
}
