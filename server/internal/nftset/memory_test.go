package nftset_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// TestMuchForOneSetLeavesOthersKnown has somebody bring so many addresses into one set that not all can
// be remembered. What is brought into another one is known to be there, and put back after a flush.
func TestMuchForOneSetLeavesOthersKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := policy.Set{Family: "inet", Table: "f", Name: "other"}
		kernel := healthy()
		kernel.Make(other, "ipv4_addr", 0)
		b := start(t, kernel)
		b.Follow(nftset.Config{Sets: []nftset.Wanted{{Set: set4}, {Set: other}}, Grace: time.Minute, Min: time.Minute})
		synctest.Wait()
		elements := of(time.Minute, nth(1), nth(2))
		for i := range elements {
			elements[i].Set = other
		}
		bring := func() {
			done := make(chan error, 1)
			b.Add(elements, func(err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		junk := make([]int, 70_000)
		for i := range junk {
			junk[i] = i + 10
		}
		for some := range slices.Chunk(junk, 1000) {
			es := of(time.Minute)
			for _, i := range some {
				es = append(es, of(time.Hour, nth(i))...)
			}
			done := make(chan error, 1)
			b.Add(es, func(err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if some[0] < 3000 {
				bring() // before there is too much
			}
		}
		elements = append(elements, elements[0])
		elements[2].Addr = nth(3)
		bring() // and one of them after
		if _, ok := b.Holds(elements); !ok {
			t.Error("what was put in is not known")
		}
		kernel.Flush(other)
		time.Sleep(2 * time.Second)
		for _, e := range elements {
			if kernel.Until(other, e.Addr).IsZero() {
				t.Errorf("%v is not put back", e.Addr)
			}
		}
		if st := b.Status(); st.Remembered > 65536 || st.Forgotten < 4000 {
			t.Errorf("%d remembered, %d forgotten", st.Remembered, st.Forgotten)
		}
		b.end()
	})
}
