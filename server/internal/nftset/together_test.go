package nftset_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// TestOneCauseIsOneLine has one thing happen to all of 12 sets.
func TestOneCauseIsOneLine(t *testing.T) {
	var c nftset.Config
	for i := range 12 {
		c.Sets = append(c.Sets, nftset.Wanted{Set: policy.Set{Family: "inet", Table: "f", Name: fmt.Sprintf("s%02d", i)}, Rules: []string{"mdm"}})
	}
	c.Grace, c.Min = time.Minute, time.Minute
	of := func(do func(policy.Set)) {
		for _, w := range c.Sets {
			do(w.Set)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		kernel := nftset.NewFake()
		kernel.Deny = true
		b := start(t, kernel)
		time.Sleep(3 * time.Second)
		goodBefore, badBefore := b.told()
		expect := func(what, wantGood, wantBad string) {
			t.Helper()
			time.Sleep(3 * time.Second)
			good, bad := b.told()
			newGood, newBad := strings.TrimPrefix(good[len(goodBefore):], "\n"), strings.TrimPrefix(bad[len(badBefore):], "\n")
			if !strings.HasPrefix(newGood, wantGood) || !strings.HasPrefix(newBad, wantBad) || wantGood == "" && newGood != "" || wantBad == "" && newBad != "" ||
				strings.Contains(newGood+newBad, "\n") {
				t.Errorf("%s: reported %q and %q, want %q and %q", what, newGood, newBad, wantGood, wantBad)
			}
			goodBefore, badBefore = good, bad
		}
		const sets = "sets inet f s00 (rule mdm), inet f s01 (rule mdm), inet f s02 (rule mdm) and 9 more"
		b.Follow(c)
		expect("denied", "", sets+": the kernel does not let splitdns touch nftables: it has no CAP_NET_ADMIN; fix: with systemd")
		kernel.Change(func() { kernel.Deny = false })
		expect("missing", "", sets+": it is not there; fix of the first (`splitdns sets` has those of the others): nft 'add set inet f s00 ")
		of(func(s policy.Set) { kernel.Make(s, "ipv4_addr", 0) })
		expect("made", sets+" are well again after ", "")
		var es []nftset.Element
		of(func(s policy.Set) { es = append(es, nftset.Element{Set: s, Addr: nth(1), TTL: time.Hour}) })
		done := make(chan error, 1)
		b.Add(es, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		of(kernel.Flush)
		expect("flushed", sets+" had lost elements, removed by somebody else: 12 elements are back after ", "")
		kernel.Delete(c.Sets[3].Set)
		expect("one deleted", "", "set inet f s03 (rule mdm): it is not there; fix: nft 'add set inet f s03 ")
		b.end()
	})
}
