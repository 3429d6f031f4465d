package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// A subject is a candidate that was built.
type subject struct {
	candidate
	find   find
	build  time.Duration
	octets float64 // for each rule

	next  map[string]int             // where the next turn goes on in the queries of a kind
	turns map[string][]time.Duration // of one lookup, by kind: one for each round
}

// A bench is all candidates with one number of rules.
type bench struct {
	rules    []rule
	asked    map[string][]query
	subjects []*subject
}

// newBench builds each candidate, and checks it.
func newBench(candidates []candidate, rules []rule, p pace) (*bench, error) {
	b := &bench{rules: rules, asked: queries(rules, p.Queries)}
	right := map[bool]find{false: buildMap(rules), true: buildMap(anew(rules, true))}
	for _, c := range candidates {
		if c.Most != 0 && len(rules) > c.Most {
			continue
		}
		s := &subject{candidate: c, next: map[string]int{}, turns: map[string][]time.Duration{}}
		s.raise(rules, p.Builds)
		if err := c.check(s.find, right[c.Whole], b.asked); err != nil {
			return nil, fmt.Errorf("%d rules: %w", len(rules), err)
		}
		b.subjects = append(b.subjects, s)
	}
	return b, nil
}

// raise builds the candidate some times, and keeps what it built last.
func (s *subject) raise(rules []rule, times int) {
	var took []time.Duration
	for range times {
		s.find = nil
		before := heap()
		own := anew(rules, s.Whole)
		runtime.GC() // what was left over shall not be collected on the candidate's time
		began := time.Now()
		s.find = s.Build(own)
		took = append(took, time.Since(began))
		s.octets = float64(heap()-before) / float64(len(rules))
	}
	s.build = median(took)
}

// heap is how many octets are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// measure makes the rounds. Who begins a round changes.
func (b *bench) measure(p pace) {
	for round := range p.Rounds {
		for _, kind := range queryKinds {
			for i := range b.subjects {
				s := b.subjects[(i+round)%len(b.subjects)]
				s.turn(kind, b.asked[kind], p.Turn)
			}
		}
	}
}

// lookupsAtATime is how many lookups are made between two looks at the clock.
const lookupsAtATime = 128

// turn looks up queries of a kind for some time, where the turn before has ended.
func (s *subject) turn(kind string, asked []query, long time.Duration) {
	s.some(kind, asked) // the caches are still another's
	n := 0
	began := time.Now()
	for time.Since(began) < long {
		s.some(kind, asked)
		n += lookupsAtATime
	}
	s.turns[kind] = append(s.turns[kind], time.Since(began)/time.Duration(n))
}

// some makes some lookups.
func (s *subject) some(kind string, asked []query) {
	at := s.next[kind]
	for i := range asked[at : at+lookupsAtATime] {
		s.find(&asked[at+i])
	}
	s.next[kind] = (at + lookupsAtATime) % len(asked)
}

// median is the one in the middle, or the one after it.
func median[T int | float64 | time.Duration](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
