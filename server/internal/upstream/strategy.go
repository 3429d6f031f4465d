package upstream

import (
	"cmp"
	"math/rand/v2"
	"time"
)

const (
	// copyTime bounds the wait for a server that is asked only to learn how it does.
	copyTime = time.Second
	// exploreEvery is in how many queries one is also sent to a server that is not the
	// fastest, so that it is found when it has become that; exploreNewEvery, as long as there is
	// a server of which nothing is known.
	exploreEvery    = 64
	exploreNewEvery = 16
	// exploreGap is the time in which what was measured is not measured again so.
	exploreGap = 100 * time.Millisecond
)

// A Strategy says which servers of a group are asked, and in what order. Those that rest
// come last.
type Strategy int

// The strategies.
const (
	Fastest  Strategy = iota // the fastest first, the next when it is late
	Order                    // as they stand in the configuration, the next when one is late
	Parallel                 // the four fastest at once
)

// compare puts the better choice first.
func (s Strategy) compare(a, b try) int {
	if s == Order || a.rank != b.rank {
		return cmp.Compare(a.rank, b.rank)
	}
	return cmp.Compare(cmp.Or(a.cost, startDelay), cmp.Or(b.cost, startDelay)) // what is not known is better than bad
}

// copies returns attempts that show how servers do: one whose rest is over, and now and
// then one that is not the fastest. Their answers are as good as others.
func (x *exchange) copies(now time.Time) (copies []*attempt) {
	explored := x.group.explored(x.tries, now)
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.tries {
		t := &x.tries[i]
		if x.ended || t.asked {
			continue
		}
		probe := t.rank == resting && t.server.health.claim(now)
		if probe || t.server == explored {
			a := x.attempt(t, now, sooner(x.until, now.Add(copyTime)))
			a.probe = probe
			copies = append(copies, a)
		}
	}
	return copies
}

// explored returns the server that is to be measured by this query, mostly none: the one
// that was measured longest ago.
func (g *Group) explored(tries []try, now time.Time) *server {
	if g.strategy != Fastest {
		return nil
	}
	turn, every := g.turns.Add(1), uint64(exploreEvery)
	for i := range tries[1:] {
		if tries[1+i].cost == 0 {
			every = exploreNewEvery
		}
	}
	if turn%every != 0 {
		return nil
	}
	var oldest *server
	last := now.Add(-exploreGap)
	for i := range tries[1:] {
		if t := &tries[1+i]; t.rank != resting {
			if measured := t.server.health.look().measured; measured.Before(last) {
				oldest, last = t.server, measured
			}
		}
	}
	return oldest
}

// failed notes that nothing came from s within that time, 0 where it was said at once
// that nobody is there, by err. The last server of a group that does not rest goes on: with all down, each
// query still tries them.
func (g *Group) failed(s *server, now time.Time, waited time.Duration, err error) {
	if !s.health.failed(now, waited) {
		return
	}
	g.resting.Lock()
	defer g.resting.Unlock()
	for _, other := range g.servers {
		if other != s && other.health.look().rank != resting {
			s.health.rest(now, rand.Float64())
			g.noteTrouble(s, now, true, err)
			return
		}
	}
	g.noteTrouble(s, now, false, err)
}

// sooner returns the earlier of two times.
func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
