package upstream

import (
	"sync"
	"time"
)

const (
	// startDelay is how long a server of which nothing is known is waited for before
	// another is asked too. Nearly all resolvers answer from their cache within it.
	startDelay = 200 * time.Millisecond
	// minDelay keeps a moment's hiccup of a near server from doubling the queries.
	minDelay = 20 * time.Millisecond
	// maxDelay is the longest that a lost datagram goes unnoticed.
	maxDelay = time.Second

	// restAfter is how many questions in a row, over no less than restSpan, go without
	// any response before a server is rested. One name that is slow is not enough, nor
	// are many that were asked at the same moment.
	restAfter = 4
	restSpan  = 200 * time.Millisecond
	// minRest is the first rest; each that follows is twice as long, up to maxRest.
	// Longer ones would save next to nothing: a rest ends with a single query.
	minRest = time.Second
	maxRest = 4 * time.Second

	// yieldAfter is how many SERVFAIL and REFUSED in a row, for whatever names, make a
	// server stand behind those that answer.
	yieldAfter = 20
)

// A rank is how good a choice a server is. A lower one is better.
type rank int

// The ranks.
const (
	atHand  rank = iota
	yielded      // it is there, but has answered nothing well for long
	resting      // it was silent for long
)

// health is how a server has done lately: its round-trip time, and a circuit breaker. It
// knows nothing of other servers, and takes the time from its caller. The zero value is
// that of a server of which nothing is known.
type health struct {
	mu        sync.Mutex    // guards what follows
	srtt      time.Duration // smoothed (RFC 6298, section 2); 0: not known
	rttvar    time.Duration
	cost      time.Duration // srtt, if silence were a slow answer; 0: not known
	measured  time.Time
	failures  int       // in a row
	failing   time.Time // the first of them
	unhelpful int       // SERVFAIL and REFUSED in a row
	rests     int       // in a row; 0: it is not resting
	until     time.Time // the end of the rest
	probing   bool      // a query is under way that may end the rest
}

// A condition is the health of a server at a moment.
type condition struct {
	rank     rank
	srtt     time.Duration // 0: not known
	cost     time.Duration // the same, if silence were a slow answer
	measured time.Time
	delay    time.Duration // it answers within, nearly always
	until    time.Time     // the end of its rest
	probing  bool
	failing  time.Time // since then there was no answer, if it does not answer
}

// look returns the condition.
func (h *health) look() condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := condition{srtt: h.srtt, cost: h.cost, measured: h.measured, delay: startDelay, until: h.until, probing: h.probing, failing: h.failing}
	if h.srtt > 0 {
		c.delay = min(max(h.srtt+4*h.rttvar, minDelay), maxDelay)
	}
	switch {
	case h.rests > 0:
		c.rank = resting
	case h.unhelpful >= yieldAfter:
		c.rank = yielded
	}
	return c
}

// heard notes that the server is there. It ends a rest, and what was measured before one
// is forgotten.
func (h *health) heard() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures = 0
	if h.rests > 0 {
		h.rests, h.probing, h.until, h.srtt, h.cost = 0, false, time.Time{}, 0, 0
	}
}

// answered notes a good answer, and that it took rtt (RFC 6298, section 2).
func (h *health) answered(now time.Time, rtt time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unhelpful, rtt = 0, max(rtt, 1)
	h.pay(now, rtt)
	if h.srtt == 0 {
		h.srtt, h.rttvar = rtt, rtt/2
		return
	}
	h.rttvar += ((h.srtt - rtt).Abs() - h.rttvar) / 4
	h.srtt = smoothed(h.srtt, rtt)
}

// pay takes what a question took into the cost. h.mu is held.
func (h *health) pay(now time.Time, took time.Duration) {
	h.measured = now
	if h.cost == 0 {
		h.cost = took
	}
	h.cost = smoothed(h.cost, took)
}

// smoothed takes a sample into an average, never 0. A quarter of it counts, more than with
// TCP, since the samples of the servers that are not asked first are few.
func smoothed(average, sample time.Duration) time.Duration {
	return max(average+(sample-average)/4, 1)
}

// refused notes a SERVFAIL or REFUSED. It may be for the name that was asked, so
// it takes many of them to mean something.
func (h *health) refused() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unhelpful++
}

// failed notes a question without any response, and reports whether it is time to rest.
// Having waited costs twice that time, so that a server that loses much falls behind one that
// is slower; a connection that is refused costs none.
func (h *health) failed(now time.Time, waited time.Duration) (exhausted bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if waited > 0 {
		h.pay(now, 2*waited)
	}
	if h.failures++; h.failures == 1 {
		h.failing = now
	}
	return h.rests == 0 && h.failures >= restAfter && now.Sub(h.failing) >= restSpan
}

// rest begins a rest, or, after a probe without a response, the next one. spread, from
// 0 to 1, keeps many servers from being probed at the same moment.
func (h *health) rest(now time.Time, spread float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	length := min(minRest<<min(h.rests, 8), maxRest)
	h.rests, h.probing = h.rests+1, false
	h.until = now.Add(length*3/4 + time.Duration(spread*float64(length)/2))
}

// claim reports whether the rest is over, so that the caller is to probe the server: nobody else
// is told so until that has ended.
func (h *health) claim(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rests == 0 || h.probing || now.Before(h.until) {
		return false
	}
	h.probing = true
	return true
}
