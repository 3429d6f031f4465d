package server

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// The rate at which one client may ask for explanations, which cost more than
// cached answers and are never needed in bulk.
const (
	explainRate  = 20 // a second
	explainBurst = 40
	// For all clients together: so that many, or one with many addresses, cannot
	// have us send more.
	explainRateAll  = 500
	explainBurstAll = 1000
)

// limiter is a fixed table of token buckets. Clients whose addresses fall into
// one bucket share it, so that no number of clients makes it grow.
type limiter struct {
	seed    maphash.Seed
	mu      sync.Mutex // guards what follows
	all     bucket
	buckets [1024]bucket
}

// bucket holds how many explanations are left, as of a time.
type bucket struct {
	left float64
	at   time.Time
}

// newLimiter returns a limiter whose buckets are full.
func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

// allow takes one explanation from client's bucket and from that of all, if both have
// one left.
func (l *limiter) allow(client netip.Addr, now time.Time) bool {
	i := maphash.Comparable(l.seed, client) % uint64(len(l.buckets))
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buckets[i].take(now, explainRate, explainBurst) && l.all.take(now, explainRateAll, explainBurstAll)
}

// take fills b for the time since the last call, and takes one explanation from it.
func (b *bucket) take(now time.Time, rate, burst float64) bool {
	b.left = min(burst, b.left+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
