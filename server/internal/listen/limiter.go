package listen

import "context"

// Limiter bounds the queries that wait for an upstream. It may be shared by several listeners, and is
// safe for concurrent use. TCP has at most half of the places, so that connections which always have a
// query waiting leave UDP the other half; of these, it takes what becomes free before UDP does, so that
// a flood over UDP does not starve it. A limit of 1 is one place for both.
type Limiter struct {
	slots chan struct{} // holds one for each query under way
	tcp   chan struct{} // holds one for each of these that came over TCP, or that waits to be one
}

// NewLimiter returns a limiter for n queries at a time. It panics if n is less than 1.
func NewLimiter(n int) *Limiter {
	if n < 1 {
		panic("listen: a limit below 1 lets no query in")
	}
	return &Limiter{slots: make(chan struct{}, n), tcp: make(chan struct{}, (n+1)/2)}
}

// UnderWay is the number of queries under way now.
func (l *Limiter) UnderWay() int { return len(l.slots) }

// Limit is the number of queries that may be under way.
func (l *Limiter) Limit() int { return cap(l.slots) }

// tryUDP takes a place for a UDP query if one is free.
func (l *Limiter) tryUDP() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// releaseUDP gives the place of a UDP query back.
func (l *Limiter) releaseUDP() { <-l.slots }

// waitTCP takes a place for a TCP query when one is free; false if ctx ended or stopping was closed before.
func (l *Limiter) waitTCP(ctx context.Context, stopping <-chan struct{}) bool {
	if !put(ctx, stopping, l.tcp) {
		return false
	}
	if !put(ctx, stopping, l.slots) {
		<-l.tcp
		return false
	}
	return true
}

// releaseTCP gives the place of a TCP query back.
func (l *Limiter) releaseTCP() {
	<-l.slots
	<-l.tcp
}

// put takes one of places when there is one; false if ctx ended or stopping was closed before.
func put(ctx context.Context, stopping <-chan struct{}, places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	case <-stopping:
		return false
	}
}
