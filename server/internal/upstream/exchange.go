package upstream

import (
	"errors"
	"time"

	"splitdns/server/internal/wire"
)

// rcodeYXDomain is a resolver's proper answer where a DNAME makes a name too long
// (RFC 6672, section 2.2).
const rcodeYXDomain wire.Rcode = 6

// An exchange is one query on its way through the servers of a group: one after the
// other, and those that are silent again, for twice as long each time, until one
// answers well or the time is up. It has one question under way at a time, and goes
// on where that ends, so nothing in it needs a lock.
type exchange struct {
	group *Group
	query wire.UpstreamQuery
	done  func(m wire.Message, from string, err error)
	until time.Time

	tries []try  // one for each server, in the order in which they are asked
	few   [1]try // the room for tries, mostly
	turn  int    // of tries: who is asked next
	round int
	wait  time.Duration // how long a server is waited for in this round

	second *refusal // the last of them: better than nothing
}

// A refusal is a SERVFAIL or REFUSED.
type refusal struct {
	message wire.Message
	from    string
}

// A try is what an exchange knows of one server.
type try struct {
	*server
	index  int  // in the group
	over   bool // it has spoken, if only to refuse; asking again would not help
	asked  bool
	waited time.Duration // how long it was silent
	err    error         // why there is no response from it yet
}

// An attempt is one server's chance to answer in one round.
type attempt struct {
	*exchange
	*try
	began    time.Time
	plain    bool // without EDNS
	fallback bool // plain, since the server did not understand it otherwise
}

// newExchange begins with the server that last answered well.
func newExchange(g *Group, q wire.UpstreamQuery, now time.Time, done func(wire.Message, string, error)) *exchange {
	x := &exchange{group: g, query: q, done: done, until: now.Add(g.timeout)}
	x.tries = append(x.few[:0], make([]try, len(g.servers))...)
	first := int(g.first.Load())
	for i := range x.tries {
		index := (first + i) % len(g.servers)
		x.tries[i] = try{server: g.servers[index], index: index}
	}
	x.wait = min(maxFirstWait, g.timeout/time.Duration(2*max(1, len(x.tries)))) // half of the time is for a second round
	return x
}

// next asks the next server that may have a better response, or ends the exchange.
func (x *exchange) next(now time.Time) {
	for x.goesOn(now) {
		if x.turn == len(x.tries) {
			x.round, x.turn, x.wait = x.round+1, 0, 2*x.wait
			continue
		}
		t := &x.tries[x.turn]
		x.turn++
		if !t.over {
			t.asked = true
			a := &attempt{exchange: x, try: t, began: now, plain: t.isPlain(now)}
			a.send(now)
			return
		}
	}
	x.giveUp()
}

// goesOn says whether there is time, and a server that was silent so far; but
// where another has at least refused, silence is asked only once more.
func (x *exchange) goesOn(now time.Time) bool {
	if x.second != nil && x.round >= 2 || x.left(now) <= 0 {
		return false
	}
	for i := range x.tries {
		if !x.tries[i].over {
			return true
		}
	}
	return false
}

// left is how much time there is.
func (x *exchange) left(now time.Time) time.Duration { return x.until.Sub(now) }

// send asks over UDP; what comes of it is for heard.
func (a *attempt) send(now time.Time) {
	until := now.Add(min(a.wait, a.left(now)))
	a.ask(&waiting{packed: newPacked(a.question()), done: a.heard, until: until}, false)
}

// question is the query as this server gets it.
func (a *attempt) question() wire.UpstreamQuery {
	q := a.query
	if a.plain {
		q.UDPSize, q.DO = 0, false
	}
	return q
}

// heard takes what came over UDP. A truncated response is no more than the reason to
// ask over TCP at once (RFC 7766, section 5), and so are responses that somebody guessed.
func (a *attempt) heard(response []byte, err error) {
	if err != errGuessed && (err != nil || !isTruncated(response)) {
		a.judge(response, err)
		return
	}
	now := time.Now()
	until := now.Add(min(2*a.wait, a.left(now)))
	a.ask(&waiting{packed: newPacked(a.question()), done: a.judge, until: until}, true)
}

// judge decodes a response. A server that does not know EDNS is asked once more,
// without (RFC 6891, section 7).
func (a *attempt) judge(response []byte, err error) {
	var m wire.Message
	if err == nil {
		m, err = decode(response, a.query.Question)
	}
	if _, refused := errors.AsType[rcodeError](err); refused && !a.plain {
		a.plain, a.fallback = true, true
		a.send(time.Now())
		return
	}
	if err == nil && a.fallback {
		a.becomePlain() // it was EDNS indeed
	}
	a.settle(m, err)
}

// settle ends the exchange with m, or goes on with the next server.
func (a *attempt) settle(m wire.Message, err error) {
	x := a.exchange
	switch {
	case x.group.open.Err() != nil:
		x.end(wire.Message{}, "", ErrClosed)
		return
	case err != nil:
		now := time.Now()
		a.failed(err, now.Sub(a.began))
		if x.left(now) > 0 { // else it had no time for an answer
			x.group.avoid(a.index)
		}
	case isAnswer(m.Rcode()):
		x.group.prefer(a.index)
		x.end(m, a.name, nil)
		return
	default: // alive, and as good as others for other names
		if rcode := m.Rcode(); rcode == wire.ServFail || rcode == wire.Refused {
			x.second = &refusal{m, a.name}
		}
		a.failed(rcodeError(m.Rcode()), 0)
	}
	x.next(time.Now())
}

// isAnswer says whether a response with rcode answers the question.
func isAnswer(rcode wire.Rcode) bool {
	return rcode == wire.NoError || rcode == wire.NXDomain || rcode == rcodeYXDomain
}

// failed notes that a server gave no answer. Only one that was silent is asked again.
func (t *try) failed(err error, took time.Duration) {
	t.err = err
	if _, silent := errors.AsType[*silence](err); silent {
		t.waited += took
		return
	}
	t.over = true
}

// giveUp ends the exchange with the second best response, or else with what each
// server did.
func (x *exchange) giveUp() {
	if x.second != nil {
		x.end(x.second.message, x.second.from, nil)
		return
	}
	e := &Error{Group: x.group.name}
	for i := range x.tries {
		e.Failures = append(e.Failures, x.tries[i].failure())
	}
	x.end(wire.Message{}, "", e)
}

// end tells the caller.
func (x *exchange) end(m wire.Message, from string, err error) {
	defer x.group.underWay.Done()
	x.done(m, from, err)
}

// failure puts into words what became of a server.
func (t *try) failure() Failure {
	if !t.asked {
		return Failure{Server: t.name, Text: "not asked, no time left", Timeout: true}
	}
	s, silent := errors.AsType[*silence](t.err)
	if !silent {
		return Failure{Server: t.name, Text: t.err.Error()}
	}
	return Failure{Server: t.name, Text: s.text(t.waited), Timeout: true}
}
