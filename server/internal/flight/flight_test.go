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
		if _, first := f.Join("www", i); first != want {
			t.Errorf("caller %d: first %v, want %v", i, first, want)
		}
	}
	if _, first := f.Join("other", 9); !first {
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
	if _, first := f.Join("www", 3); !first {
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
				turn, first := f.Join(i%3, &told[c*rounds+i])
				all := f.Relieve(i%3, turn-uint64(i%2)) // of this turn, or of one that is over
				if first {
					all = append(all, f.Land(i%3)...)
				}
				for _, w := range all {
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

// Who is let go is not told again, and the work goes on.
func TestRelieve(t *testing.T) {
	var f flight.Flight[string, int]
	turn, _ := f.Join("www", 1)
	f.Join("www", 2)
	if f.Late("www") || f.Late("other") {
		t.Error("late before anybody was let go")
	}
	if got := f.Relieve("www", turn); !slices.Equal(got, []int{1, 2}) || !f.Late("www") {
		t.Errorf("%v are let go, late %v; want 1, 2, true", got, f.Late("www"))
	}
	if _, first := f.Join("www", 3); first {
		t.Error("the work ended with those who were let go")
	}
	if got := f.Land("www"); !slices.Equal(got, []int{3}) || f.Late("www") {
		t.Errorf("%v waited, late %v; want 3, false", got, f.Late("www"))
	}
	if next, first := f.Join("www"); !first || next == turn {
		t.Errorf("the next work has turn %d after %d, first %v", next, turn, first)
	}
	f.Join("www", 4)
	if got := f.Relieve("www", turn); got != nil {
		t.Errorf("%v are let go for work that is over", got)
	}
	if got := f.Land("www"); !slices.Equal(got, []int{4}) {
		t.Errorf("%v waited for work that nobody waits for at first, want 4", got)
	}
}
