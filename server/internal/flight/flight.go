// Package flight lets identical work that is under way at the same time be done
// once. It knows nothing of DNS, and starts nothing: what makes two pieces of work
// identical is their key, who comes first does the work, and whoever comes later
// only leaves word. Nothing is kept once the work is done; keeping results is the
// cache's job.
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
	waiting map[K][]W
	waiters int // in waiting
}

// Join adds w to those who wait for the work of key. With first, no such work is
// under way: it falls to the caller, who ends it with Land.
func (f *Flight[K, W]) Join(key K, w W) (first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, underWay := f.waiting[key]
	if f.waiting == nil {
		f.waiting = make(map[K][]W)
	}
	f.waiting[key] = append(all, w)
	f.waiters++
	return !underWay
}

// Land ends the work of key and returns who waited for it, in the order in which
// they joined. Who joins from then on is the first of the next.
func (f *Flight[K, W]) Land(key K) []W {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.waiting[key]
	delete(f.waiting, key)
	f.waiters -= len(all)
	return all
}

// UnderWay is how much work is under way now, and how many wait for it.
func (f *Flight[K, W]) UnderWay() (works, waiters int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting), f.waiters
}
