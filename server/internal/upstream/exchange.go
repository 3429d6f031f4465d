package upstream

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"splitdns/server/internal/wire"
)

// rcodeYXDomain is a resolver's proper answer where a DNAME makes a name too long
// (RFC 6672, section 2.2).
const rcodeYXDomain wire.Rcode = 6

const (
	// maxParallel is how many servers are asked at once with [Parallel].
	maxParallel = 4
	// minResend is the least time before the same server is asked again: a resolver
	// that has to ask others itself often takes as long as that.
	minResend = 500 * time.Millisecond
)

// An exchange is one query on its way through the servers of a group. Each time that
// those asked so far are late, or one of them has failed, one more is asked, and when all
// were, they are asked again, after twice as long each time. The first good answer
// ends the exchange. What comes later is only noted with the server.
type exchange struct {
	group *Group
	query wire.UpstreamQuery
	done  func(m wire.Message, from string, err error)
	until time.Time

	alarm alarm   // guarded by the lock of the group's alarms
	first attempt // the room for the first attempt

	mu       sync.Mutex // guards what follows; not held while a server is asked
	tries    []try      // one for each server, in the order in which they are asked
	few      [2]try     // the room for tries, mostly
	turn     int        // of tries: who is asked next
	round    int
	underWay int  // attempts that have not settled
	begun    bool // the first attempt is taken
	ended    bool // done was called, or is about to be

	second *second // the last of them: better than nothing
}

// second is a SERVFAIL or REFUSED.
type second struct {
	message wire.Message
	from    string
}

// A try is what an exchange knows of one server.
type try struct {
	server *server
	rank   rank          // when the exchange began, as are the next two
	cost   time.Duration // 0: not known
	delay  time.Duration // it answers within, nearly always

	began    time.Time // the first attempt
	late     time.Time // when the last attempt is late
	err      error     // why there is no response from it yet
	underWay int       // attempts
	asked    bool
	over     bool // it has spoken, if only to refuse; asking again would not help
	missed   bool // it is noted that the last attempt is late
}

// newExchange returns an exchange that is to begin.
func newExchange(g *Group, q wire.UpstreamQuery, now time.Time, done func(wire.Message, string, error)) *exchange {
	x := &exchange{group: g, query: q, done: done, until: now.Add(g.timeout)}
	x.tries = append(x.few[:0], make([]try, len(g.servers))...)
	for i, s := range g.servers {
		c := s.health.look()
		t := &x.tries[i]
		t.server, t.rank, t.cost, t.delay = s, c.rank, c.cost, c.delay
	}
	if len(x.tries) > 1 {
		slices.SortStableFunc(x.tries, g.strategy.compare)
	}
	return x
}

// start asks the first servers, and perhaps others only to learn how they do.
func (x *exchange) start(now time.Time) {
	x.goOn(now)
	if x.group.strategy == Parallel {
		for range maxParallel - 1 {
			x.beside(now)
		}
	}
	if len(x.tries) > 1 {
		for _, a := range x.copies(now) {
			a.send(now)
		}
	}
}

// goOn asks the next server if none that was asked may still answer, or if there is one
// that was not asked yet, and ends the exchange where there is nobody to wait for.
func (x *exchange) goOn(now time.Time) {
	x.step(now, func() (a *attempt, end bool) {
		if x.underWay == 0 || x.hasFresh() {
			a = x.next(now)
		}
		return a, a == nil && x.underWay == 0
	})
}

// beside asks one more server, unless that is resting.
func (x *exchange) beside(now time.Time) {
	x.step(now, func() (a *attempt, end bool) {
		if x.hasFresh() && x.tries[x.turn].rank != resting {
			a = x.next(now)
		}
		return a, false
	})
}

// late notes who is silent, and asks somebody else too; but where another has at least
// refused, silence is asked only once more.
func (x *exchange) late(now time.Time) {
	x.noteLate(now)
	x.step(now, func() (a *attempt, end bool) {
		a = x.next(now)
		return a, a == nil && x.second != nil
	})
}

// noteLate notes who is silent. Where the exchange has ended, it is called again as long as
// somebody may be.
func (x *exchange) noteLate(now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.tries {
		switch t := &x.tries[i]; {
		case t.underWay == 0 || t.missed:
		case !now.Before(t.late):
			x.miss(t, now)
		case x.ended:
			x.group.alarms.set(x, t.late)
		}
	}
}

// step does what decide says, which is called with x.mu held: asks, or gives up.
func (x *exchange) step(now time.Time, decide func() (a *attempt, end bool)) {
	x.mu.Lock()
	if x.ended {
		x.mu.Unlock()
		return
	}
	a, end := decide()
	x.ended = end
	x.mu.Unlock()
	if a != nil {
		a.send(now)
	}
	if end {
		x.giveUp(now)
	}
}

// next returns an attempt at the next server that may have a better response, or nil. x.mu
// is held.
func (x *exchange) next(now time.Time) *attempt {
	for range 2 * len(x.tries) { // the rest of this round, and all of the next
		if x.turn == len(x.tries) {
			if x.second != nil && x.round > 0 {
				return nil
			}
			x.round, x.turn = x.round+1, 0
		}
		t := &x.tries[x.turn]
		x.turn++
		if x.isWorth(t) && now.Before(x.until) {
			a := x.attempt(t, now, x.until)
			x.group.alarms.set(x, t.late)
			return a
		}
	}
	return nil
}

// isWorth says whether a server is to be asked in this round. One that rests is asked only
// where the others are silent or gone. x.mu is held.
func (x *exchange) isWorth(t *try) bool {
	if t.over || t.rank == resting && x.second != nil {
		return false
	}
	if x.round > 0 && t.underWay > 0 {
		return t.server.overUDP() // nothing else is lost on the way
	}
	return x.round > 0 || !t.asked
}

// hasFresh says whether there is a server to ask that was not asked yet. x.mu is held.
func (x *exchange) hasFresh() bool {
	for i := x.turn; i < len(x.tries) && x.round == 0; i++ {
		if x.isWorth(&x.tries[i]) {
			return true
		}
	}
	return false
}

// attempt returns an attempt at a server. x.mu is held.
func (x *exchange) attempt(t *try, now, until time.Time) *attempt {
	a := &x.first
	if x.begun {
		a = new(attempt)
	}
	x.begun = true
	*a = attempt{exchange: x, server: t.server, try: t, began: now, until: until}
	if !t.server.overUDP() { // the connection may be dead: half of the time is for another
		a.until = sooner(until, now.Add(x.group.timeout/2))
	}
	a.plain, a.lower = t.server.isPlain(now), t.server.spelling.isLower(now)
	if !t.asked {
		t.began = now
	}
	t.asked, t.missed = true, false
	t.underWay, x.underWay = t.underWay+1, x.underWay+1
	t.late = now.Add(x.wait(t))
	return a
}

// wait is how long to wait for a server before another is asked too. x.mu is held.
func (x *exchange) wait(t *try) time.Duration {
	wait, most := t.delay, x.group.timeout/time.Duration(2*len(x.tries)) // half of the time is for a second round
	if !x.hasFresh() {
		wait = max(wait, minResend)
	}
	return min(wait, most) << min(x.round, 8)
}

// miss notes that a server is late, once for each attempt. One that rests is expected
// to be, and a probe fails only at its end. x.mu is held.
func (x *exchange) miss(t *try, now time.Time) {
	if !t.missed && t.rank != resting {
		x.group.failed(t.server, now, t.late.Sub(t.began), nil)
	}
	t.missed = true
}

// settle ends the exchange with m, or goes on with the next server. What came of a has
// been noted with the server, but for silence.
func (x *exchange) settle(a *attempt, now time.Time, m wire.Message, err error) {
	if err == nil && !isAnswer(m.Rcode()) {
		err = rcodeError(m.Rcode())
	}
	if x.group.open.Err() != nil {
		err = ErrClosed
	}
	ends, idle := x.note(a, now, m, err)
	if idle {
		x.group.alarms.drop(x)
	}
	switch {
	case ends && err != nil:
		x.end(wire.Message{}, "", err)
	case ends:
		x.end(m, a.server.name, nil)
	default:
		x.goOn(now)
	}
}

// note keeps what came of a, and reports whether that ends the exchange, and whether nothing is under
// way after its end.
func (x *exchange) note(a *attempt, now time.Time, m wire.Message, err error) (ends, idle bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.underWay, a.try.underWay = x.underWay-1, a.try.underWay-1
	if a.rtt == 0 && err != ErrClosed {
		x.unheard(a, now, err)
	}
	if !x.ended {
		ends = err == nil || err == ErrClosed
		x.noteFailure(a, m, err)
	}
	x.ended = x.ended || ends
	return ends, x.ended && x.underWay == 0
}

// noteFailure keeps why a server gave no answer, if it gave none. x.mu is held.
func (x *exchange) noteFailure(a *attempt, m wire.Message, err error) {
	if err == nil {
		return
	}
	a.try.failed(err)
	if refusal, ok := err.(rcodeError); ok && !m.IsZero() && isRefusal(wire.Rcode(refusal)) {
		x.second = &second{m, a.server.name}
	}
}

// unheard notes that nothing came from a server. x.mu is held.
func (x *exchange) unheard(a *attempt, now time.Time, err error) {
	_, silent := errors.AsType[*silence](err)
	switch {
	case a.probe:
		a.server.health.rest(now, rand.Float64())
		x.group.noteTrouble(a.server, now, true, nil)
	case silent:
		x.miss(a.try, now)
	default:
		x.group.failed(a.server, now, 0, err)
	}
}

// isAnswer says whether a response with rcode answers the question.
func isAnswer(rcode wire.Rcode) bool {
	return rcode == wire.NoError || rcode == wire.NXDomain || rcode == rcodeYXDomain
}

// isRefusal says whether a client may get a response with rcode where there is no better one.
func isRefusal(rcode wire.Rcode) bool { return rcode == wire.ServFail || rcode == wire.Refused }

// failed notes that a server gave no answer. Only one that was silent is asked again.
func (t *try) failed(err error) {
	s, silent := errors.AsType[*silence](err)
	before, also := errors.AsType[*silence](t.err)
	if silent && (t.over || also && before.discarded > s.discarded) {
		return // what is known tells more
	}
	t.over, t.err = t.over || !silent, err
}

// giveUp ends the exchange with the second best response, or else with what each
// server did. x.ended is set.
func (x *exchange) giveUp(now time.Time) {
	x.group.alarms.drop(x)
	if x.second != nil { // no longer written to
		x.end(x.second.message, x.second.from, nil)
		return
	}
	e := &Error{Group: x.group.name}
	x.mu.Lock()
	for i := range x.tries {
		e.Failures = append(e.Failures, x.tries[i].failure(now))
	}
	x.mu.Unlock()
	x.end(wire.Message{}, "", e)
}

// end tells the caller. x.ended is set.
func (x *exchange) end(m wire.Message, from string, err error) {
	defer x.group.underWay.Done()
	x.done(m, from, err)
}

// failure puts into words what became of a server.
func (t *try) failure(now time.Time) Failure {
	if !t.asked {
		return Failure{Server: t.server.name, Text: "not asked, no time left", Timeout: true}
	}
	if s, silent := errors.AsType[*silence](t.err); silent {
		return Failure{Server: t.server.name, Text: s.text(now.Sub(t.began)), Timeout: true}
	}
	return Failure{Server: t.server.name, Text: t.err.Error()}
}
