package upstream

import (
	"errors"
	"time"

	"splitdns/server/internal/wire"
)

// Bounds that tests reach.
const (
	SocketQueries = socketQueries
	MaxDiscarded  = maxDiscarded
	MinResend     = minResend
	StartDelay    = startDelay
	RestAfter     = restAfter
	RestSpan      = restSpan
	MaxRest       = maxRest
	YieldAfter    = yieldAfter
	ExploreEvery  = exploreEvery
	MaxParallel   = maxParallel
	MaxStrikes    = maxStrikes
)

// newPacked packs q.
func newPacked(q wire.UpstreamQuery) packed { return pack(q, 0) }

// Health is what is known of a server.
type Health struct{ health }

// Failed is what a question without a response makes of h.
func (h *Health) Failed(now time.Time, waited time.Duration) (exhausted bool) {
	return h.failed(now, waited)
}

// Answered is what a good answer makes of h, and Heard what any response does.
func (h *Health) Answered(now time.Time, rtt time.Duration) { h.answered(now, rtt) }

// Heard notes a response.
func (h *Health) Heard() { h.heard() }

// Refused notes a SERVFAIL or REFUSED.
func (h *Health) Refused() { h.refused() }

// Rest begins a rest, and returns how long it is.
func (h *Health) Rest(now time.Time, spread float64) time.Duration {
	h.rest(now, spread)
	return h.look().until.Sub(now)
}

// Claim says whether to probe.
func (h *Health) Claim(now time.Time) bool { return h.claim(now) }

// Look returns the round-trip time, the delay and whether h rests, or yields to others.
func (h *Health) Look() (srtt, delay time.Duration, rests, yields bool) {
	c := h.look()
	return c.srtt, c.delay, c.rank == resting, c.rank == yielded
}

// Cost is what servers are compared by.
func (h *Health) Cost() time.Duration { return h.look().cost }

// FindCookie returns the first COOKIE option of a response.
func FindCookie(response []byte) (option []byte, ok bool) { return findCookie(response) }

// Spell puts a name in wire form into random case.
func Spell(name []byte) { spell(name) }

// Accepts packs q, lets edit make a response of the packet, and says whether that
// is accepted as the response to it.
func Accepts(q wire.UpstreamQuery, edit func(query []byte) (response []byte)) (query []byte, ok bool) {
	p := newPacked(q)
	return p.packet, p.mismatch(edit(append([]byte(nil), p.packet...))) == ""
}

// Funnel lets the queries to the first server of g leave from one socket only, as long
// as that takes more.
func Funnel(g *Group) error {
	s := &g.servers[0].sockets
	s.mu.Lock()
	defer s.mu.Unlock()
	one, err := s.open()
	for i := range s.inUse {
		s.inUse[i] = one
	}
	return err
}

// Retire takes the sockets to the first server of g out of use, as their age does.
func Retire(g *Group) {
	s := &g.servers[0].sockets
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		c.retire()
	}
}

// Waiting is how many sockets to the first server of g there are, and how many queries
// wait there.
func Waiting(g *Group) (sockets, queries int) {
	s := &g.servers[0].sockets
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		c.mu.Lock()
		queries += len(c.waiting)
		c.mu.Unlock()
	}
	return len(s.all), queries
}

// AskOnce asks the first server of g once, and has done called with whether it was
// silent until then.
func AskOnce(g *Group, q wire.UpstreamQuery, until time.Time, done func(silent bool)) {
	s := &g.servers[0].sockets
	s.ask(&waiting{packed: newPacked(q), until: until, done: func(_ []byte, err error) {
		_, silent := errors.AsType[*silence](err)
		done(silent)
	}})
	s.flush()
}
