package listen

import (
	"context"
	"sync"
)

// Limiter bounds the queries that wait for an upstream. It may be shared by several listeners, and is
// safe for concurrent use. TCP has at most half of the places, so that connections which always have a
// query waiting leave UDP the other half; of these, it takes what becomes free before UDP does, and the place
// of the oldest UDP query, so that a flood over UDP does not starve it. A limit of 1 is one place for both. Where
// TCP has its half, a query over TCP is put aside for some time; as many may be as may be under way, or as two
// connections may have.
//
// At the limit, the oldest UDP query that waits is shed for a new one: its client is the likeliest to have
// given up, or to have asked again. Who has more than a fair share of the places waiting sheds his own oldest
// one, and others shed that too, so that a flood from one address costs others nothing. What the service does for a query that was shed goes on, and what it
// learns is of use to the next; so that this does not grow, new queries are dropped where the service still
// works for shedFactor times as many as may be under way, and once more for
// clients who have less than their share. Dropping the new one at once was turned down: while
// an upstream is slow, everybody would wait behind queries that nobody waits for any more.
type Limiter struct {
	slots chan struct{} // holds one for each query under way
	tcp   chan struct{} // holds one for each of these that came over TCP, or that waits to be one
	aside chan struct{} // holds one for each query over TCP that was put aside

	mu             sync.Mutex // guards what follows, and the tickets
	oldest, newest *ticket    // of the UDP queries that wait
	fairness       *fairness  // among their clients
	shed           int        // queries that were shed, and that the service has not responded to yet
}

// shedFactor is how many times the limit of queries may be shed and not yet forgotten. One takes some
// hundred octets, and its share of a query to an upstream.
const shedFactor = 3

// NewLimiter returns a limiter for n queries at a time. It panics if n is less than 1.
func NewLimiter(n int) *Limiter {
	if n < 1 {
		panic("listen: a limit below 1 lets no query in")
	}
	return &Limiter{
		slots: make(chan struct{}, n), tcp: make(chan struct{}, (n+1)/2), aside: make(chan struct{}, max(n, 2*connQueries)),
		fairness: newFairness(n),
	}
}

// UnderWay is the number of queries under way now.
func (l *Limiter) UnderWay() int { return len(l.slots) }

// Limit is the number of queries that may be under way.
func (l *Limiter) Limit() int { return cap(l.slots) }

// admit takes a place for the UDP query of t: a free one, or that of another query, which is shed for it.
// The datagram of that one is the caller's. A TCP query that waits goes before t: then it is not admitted.
func (l *Limiter) admit(t *ticket) (shed *datagram, admitted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.share = l.fairness.of(t.d.to.Addr())
	admitted = l.tryUDP()
	if !admitted && l.sheds(t.share) {
		shed = l.shedFor(t.share)
		admitted = l.tryUDP()
	}
	if admitted {
		l.append(t)
	}
	return shed, admitted
}

// shedFor takes the place of a UDP query away, for one of a client with that share. mu is held, and there is one.
func (l *Limiter) shedFor(s *share) *datagram {
	t := l.fairness.victim(s)
	if t == nil {
		t = l.oldest
	}
	d := t.d
	l.remove(t)
	t.shed = true
	l.shed++
	l.releaseUDP()
	return d
}

// tryUDP takes a place if one is free. mu is held.
func (l *Limiter) tryUDP() bool {
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// claim gives the datagram of t to whoever responds to it first; nil if somebody has, or if it was shed. Its
// place is the caller's to release.
func (l *Limiter) claim(t *ticket) *datagram {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.shed {
		t.shed = false
		l.shed--
	}
	if t.d == nil {
		return nil
	}
	d := t.d
	l.remove(t)
	return d
}

// append puts t behind all others. mu is held.
func (l *Limiter) append(t *ticket) {
	t.older = l.newest
	if t.older == nil {
		l.oldest = t
	} else {
		t.older.newer = t
	}
	l.newest = t
	l.fairness.add(t)
}

// remove takes t out, and its datagram from it. mu is held.
func (l *Limiter) remove(t *ticket) {
	if t.older == nil {
		l.oldest = t.newer
	} else {
		t.older.newer = t.newer
	}
	if t.newer == nil {
		l.newest = t.older
	} else {
		t.newer.older = t.older
	}
	l.fairness.remove(t)
	t.d, t.older, t.newer = nil, nil, nil
}

// releaseUDP gives the place of a UDP query back.
func (l *Limiter) releaseUDP() { <-l.slots }

// tryTCP takes a place for a TCP query if one is free.
func (l *Limiter) tryTCP() bool {
	select {
	case l.tcp <- struct{}{}:
	default:
		return false
	}
	select {
	case l.slots <- struct{}{}:
		return true
	default:
		<-l.tcp
		return false
	}
}

// stepAside lets a TCP query wait for a place, on a goroutine of its own, unless too many do.
func (l *Limiter) stepAside() bool {
	select {
	case l.aside <- struct{}{}:
		return true
	default:
		return false
	}
}

// comeBack ends what stepAside began.
func (l *Limiter) comeBack() { <-l.aside }

// waitTCP takes a place for a TCP query: a free one, that of the oldest UDP query, or, where TCP has its half,
// the next one. False: ctx ended before.
func (l *Limiter) waitTCP(ctx context.Context) bool {
	if !put(ctx, nil, l.tcp) {
		return false
	}
	if d := l.makeRoom(); d != nil {
		d.shed()
	}
	if !put(ctx, nil, l.slots) {
		<-l.tcp
		return false
	}
	return true
}

// makeRoom sheds the oldest UDP query, if no place is free. Its datagram is the caller's.
func (l *Limiter) makeRoom() *datagram {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.slots) < cap(l.slots) || !l.sheds(nil) {
		return nil
	}
	return l.shedFor(nil)
}

// sheds reports whether there is a query to be shed for one of a client with that share, and the service has
// forgotten enough of the others: once the limit more for a client who has less than his share, which a flood has
// no part in. mu is held.
func (l *Limiter) sheds(s *share) bool {
	factor := shedFactor
	if s != nil && s.count < l.fairness.fair {
		factor++
	}
	return l.oldest != nil && l.shed < factor*cap(l.slots)
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
