package nftset_test

import (
	"net/netip"
	"testing"
	"time"
)

// TestWhatOthersMakeShorterIsPutRight has somebody else add our elements again. Before Linux 6.12 that
// changes nothing.
func TestWhatOthersMakeShorterIsPutRight(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, `table inet f {
		set s { type ipv4_addr; flags timeout; }
		set i { type ipv4_addr; flags interval,timeout; }
	}`)
	ours := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	r := run(t, "inet f s", "inet f i")
	for _, set := range []string{"inet f s", "inet f i"} {
		r.state(set, "ok")
		if err := r.add(set, "192.0.2.1", "192.0.2.2"); err != nil {
			t.Fatal(err)
		}
		long := func() bool {
			left, err := r.Remaining(setOf(t, set), ours)
			return err == nil && len(left) == 2 && left[ours[0]] > 9*time.Minute
		}
		wait(t, "known to be in", func() bool { _, ok := r.Holds(elements(t, set, "192.0.2.1", "192.0.2.2")); return ok })
		lost := r.losses()
		nft(t, "add element "+set+" { 192.0.2.1 timeout 2s }")
		took := wait(t, "as long as before", long)
		t.Logf("%s: put right after %v", set, took)
		if !oldKernel(t) {
			wait(t, "told", func() bool { return r.losses() > lost })
		}
		time.Sleep(2500 * time.Millisecond) // the shorter time is over
		if !has(set, "192.0.2.1") || !has(set, "192.0.2.2") || !long() {
			t.Errorf("%s: an element ended early:\n%s", set, nftList(t, set))
		}
	}
}
