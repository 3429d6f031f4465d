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
)

// limiter is a fixed table of token buckets. Clients whose addresses fall into
// one bucket share it, so that no number of clients makes it grow.
type limiter struct {
	seed    maphash.Seed
	mu      sync.Mutex // guards buckets
	buckets [1024]bucket
}

// bucket holds how many requests are left, as of a time.
type bucket struct {
	left float64
	at   time.Time
}

// newLimiter returns a limiter whose buckets are full.
func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

// allow takes one request from client's bucket, if one is left.
func (l *limiter) allow(client netip.Addr, now time.Time) bool {
	i := maphash.Comparable(l.seed, client) % uint64(len(l.buckets))
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.buckets[i]
	b.left = min(explainBurst, b.left+now.Sub(b.at).Seconds()*explainRate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
