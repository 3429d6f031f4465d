//go:build linux

package main

import (
	"testing"
	"time"
)

// testSource is a source for a job of some names.
func testSource(t *testing.T, m mode, missShare float64) *source {
	t.Helper()
	s, err := newSource(job{
		Mode: m, MissShare: missShare,
		Hot:      []string{"a.example", "bb.example", "ccc.example", "dddd.example"},
		Suffixes: []string{".one.example", ".three.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMissesAreNew(t *testing.T) {
	s := testSource(t, modeClosed, 1)
	seen := map[string]bool{}
	var packet [maxQuery]byte
	for range 10_000 {
		n, isNew := s.take(packet[:], 1)
		name := string(packet[headerSize:questionEnd(packet[:n])])
		if !isNew || len(name) < numberDigits || seen[name] {
			t.Fatalf("%q: new is %v, seen before is %v", name, isNew, seen[name])
		}
		seen[name] = true
	}
}

func TestAFillAsksEachNameOnceAndTheLoadAnyOfThem(t *testing.T) {
	const many = 1000
	j := job{Mode: modeFill, Many: many, Hot: []string{"a.example"}, Suffixes: []string{".one.example", ".three.example"}}
	names := func() map[string]bool {
		s, err := newSource(j)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		var packet [maxQuery]byte
		for range many {
			n, isNew := s.take(packet[:], 1)
			if isNew != (j.Mode == modeFill) {
				t.Fatalf("%s: new is %v", j.Mode, isNew)
			}
			seen[string(packet[headerSize:questionEnd(packet[:n])])] = true
		}
		return seen
	}
	filled := names()
	if len(filled) != many {
		t.Errorf("a fill asks %d names, want %d", len(filled), many)
	}
	j.Mode = modeOpen
	for name := range names() {
		if !filled[name] {
			t.Fatalf("%q was not asked before", name)
		}
	}
}

func TestTrainsHaveOneLength(t *testing.T) {
	s := testSource(t, modeClosed, 0.1)
	var packet [maxQuery]byte
	length := 0
	for i := range 3 * drawsCount { // over the end of the row, twice
		n, _ := s.take(packet[:], 0)
		if i%trainLength != 0 && n != length {
			t.Fatalf("query %d has %d octets, the one before %d", i, n, length)
		}
		length = n
	}
}

func TestEachHotQuestionOnce(t *testing.T) {
	s := testSource(t, modeTCP, 0.5)
	s.draws = s.each()
	seen := map[string]bool{}
	var packet [maxQuery]byte
	for range s.draws {
		n, isNew := s.take(packet[:], 0)
		if isNew {
			t.Error("a miss")
		}
		seen[string(packet[:n])] = true
	}
	if len(seen) != 8 {
		t.Errorf("%d questions, want 4 names with 2 types", len(seen))
	}
}

func TestFlightFindsWhatIsAnswered(t *testing.T) {
	f, s := newFlight(16), testSource(t, modeOpen, 0)
	for i := range 70_000 { // over the end of the IDs
		q := f.add(s, time.Duration(i))
		response := responded(q.packet())
		if f.waiting != 1 {
			t.Fatalf("%d wait, want 1", f.waiting)
		}
		if got := f.answered(response); got != q || got.sent != time.Duration(i) {
			t.Fatalf("query %d was not found", i)
		}
		if f.answered(response) != nil {
			t.Fatalf("query %d was answered twice", i)
		}
		if lost := f.giveUp(0); lost != 0 || f.room() != 16 {
			t.Fatalf("%d lost, room for %d, want 0 and 16", lost, f.room())
		}
	}
	if f.answered(nil) != nil {
		t.Error("nothing answers a query")
	}
}

func TestFlightGivesUp(t *testing.T) {
	f, s := newFlight(8), testSource(t, modeOpen, 0)
	var late []byte
	for i := range 8 {
		q := f.add(s, time.Duration(i))
		if i == 2 {
			late = responded(q.packet())
		}
		if i == 6 {
			f.answered(responded(q.packet()))
		}
	}
	if f.room() != 0 {
		t.Errorf("room for %d, want none", f.room())
	}
	if lost := f.giveUp(4); lost != 4 || f.waiting != 3 || f.room() != 4 {
		t.Errorf("%d lost, %d wait, room for %d, want 4, 3 and 4", lost, f.waiting, f.room())
	}
	if f.answered(late) != nil {
		t.Error("a lost query was answered")
	}
	if lost := f.giveUp(100); lost != 3 || f.waiting != 0 || f.room() != 8 {
		t.Errorf("%d lost, %d wait, room for %d, want 3, 0 and 8", lost, f.waiting, f.room())
	}
}

func TestFlightTakesBackWhatWasNotSent(t *testing.T) {
	f, s := newFlight(8), testSource(t, modeOpen, 0)
	f.add(s, 1)
	response := responded(f.add(s, 1).packet())
	f.undo(1)
	if f.waiting != 1 || f.room() != 7 || f.answered(response) != nil {
		t.Errorf("%d wait, room for %d, want 1 and 7", f.waiting, f.room())
	}
}

func TestAskingDoesNotAllocate(t *testing.T) {
	a := &asker{job: job{Expect: expectation{Answer: true}}, tally: &tally{}, source: testSource(t, modeOpen, 0.5)}
	f := newFlight(16)
	var packet [packetSize]byte
	if n := testing.AllocsPerRun(1000, func() {
		q := f.add(a.source, 1)
		size := respond(&packet, copy(packet[:], q.packet()))
		if s := f.answered(packet[:size]); s != nil {
			a.count(s, packet[:size], 5)
		}
		f.giveUp(0)
	}); n != 0 {
		t.Errorf("a query and its answer allocate %v times, want 0", n)
	}
	if a.tally.wrong != 0 || a.tally.hits.n+a.tally.misses.n != a.tally.answered {
		t.Errorf("tally: %d answered, %d wrong", a.tally.answered, a.tally.wrong)
	}
}

func TestCeilPower(t *testing.T) {
	for n, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 4, 32: 32, 33: 64} {
		if got := ceilPower(n); got != want {
			t.Errorf("ceilPower(%d) = %d, want %d", n, got, want)
		}
	}
}
