package flight_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"splitdns/server/internal/flight"
)

func TestOneIsFirst(t *testing.T) {
	var f flight.Flight[string, int]
	for i, want := range []bool{true, false, false} {
		if first := f.Join("www", i); first != want {
			t.Errorf("caller %d: first %v, want %v", i, first, want)
		}
	}
	if !f.Join("other", 9) {
		t.Error("another key shares the work")
	}
	if works, waiters := f.UnderWay(); works != 2 || waiters != 4 {
		t.Errorf("%d works and %d waiters under way, want 2 and 4", works, waiters)
	}
	if got := f.Land("www"); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("%v waited, want 0, 1, 2", got)
	}
	if works, waiters := f.UnderWay(); works != 1 || waiters != 1 {
		t.Errorf("%d works and %d waiters under way, want 1 and 1", works, waiters)
	}
	if !f.Join("www", 3) {
		t.Error("whoever comes after the work is not the first of the next")
	}
	if got := f.Land("www"); !slices.Equal(got, []int{3}) {
		t.Errorf("%v waited, want 3", got)
	}
}

func TestLandWithoutWork(t *testing.T) {
	var f flight.Flight[string, int]
	if got := f.Land("www"); got != nil {
		t.Errorf("%v waited for nothing", got)
	}
}

// Everybody who joins is told exactly once, however joining and landing meet.
func TestNobodyIsForgotten(t *testing.T) {
	var f flight.Flight[int, *atomic.Int32]
	const callers, rounds = 8, 2000
	told := make([]atomic.Int32, callers*rounds)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range rounds {
				if !f.Join(i%3, &told[c*rounds+i]) {
					continue
				}
				for _, w := range f.Land(i % 3) {
					w.Add(1)
				}
			}
		})
	}
	all.Wait()
	for i := range told {
		if n := told[i].Load(); n != 1 {
			t.Fatalf("caller %d was told %d times", i, n)
		}
	}
}
