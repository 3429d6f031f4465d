// Package flight lets identical work that is under way at the same time be done
// once. It knows nothing of DNS, and starts nothing: what makes two pieces of work
// identical is their key, who comes first does the work, and whoever comes later
// only leaves word. Who has waited long enough may be let go before the work is
// done. Nothing is kept once it is; keeping results is the cache's job.
//
// golang.org/x/sync/singleflight was turned down: there everybody who waits is a
// goroutine, of several kilobytes each, and a dead upstream lets thousands wait.
package flight

import "sync"

// A Flight holds who waits for the work under way, by its key. The zero value is
// ready for use; it must not be copied after the first use. Its methods may be
// called concurrently. Bounding how many wait is left to those who let them in.
type Flight[K comparable, W any] struct {
	mu      sync.Mutex // guards what follows
	works   map[K]work[W]
	waiters int    // of all works
	turns   uint64 // the number of works so far
}

// work is work under way.
type work[W any] struct {
	turn    uint64 // tells it from earlier work of the same key
	waiting []W
	late    bool // see Relieve
}

// Join adds those of w, which may be none, to those who wait for the work of key.
// With first, no such work is under way: it falls to the caller, who ends it with
// Land. turn names this work to Relieve.
func (f *Flight[K, W]) Join(key K, w ...W) (turn uint64, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, underWay := f.works[key]
	if f.works == nil {
		f.works = make(map[K]work[W])
	}
	if !underWay {
		f.turns++
		now.turn = f.turns
	}
	now.waiting = append(now.waiting, w...)
	f.waiters += len(w)
	f.works[key] = now
	return now.turn, !underWay
}

// Land ends the work of key and returns who waits for it, in the order in which
// they joined. Who joins from then on is the first of the next.
func (f *Flight[K, W]) Land(key K) []W {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.works[key].waiting
	delete(f.works, key)
	f.waiters -= len(all)
	return all
}

// Relieve returns who waits for the work of key so far, and Land will not name them
// again. The work goes on, and is late from now on. Of work of another turn, that is
// when the work was done in the meantime, it returns nobody.
func (f *Flight[K, W]) Relieve(key K, turn uint64) []W {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, underWay := f.works[key]
	if !underWay || now.turn != turn {
		return nil
	}
	all := now.waiting
	now.waiting, now.late = nil, true
	f.works[key] = now
	f.waiters -= len(all)
	return all
}

// Late reports whether the work of key is under way, and Relieve has let go those
// who waited for it.
func (f *Flight[K, W]) Late(key K) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.works[key].late
}

// UnderWay is how much work is under way now, and how many wait for it.
func (f *Flight[K, W]) UnderWay() (works, waiters int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.works), f.waiters
}
