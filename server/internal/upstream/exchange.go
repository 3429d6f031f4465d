package upstream

import (
	"context"
	"errors"
	"time"

	"splitdns/server/internal/wire"
)

// rcodeYXDomain is a resolver's proper answer where a DNAME makes a name too long
// (RFC 6672, section 2.2).
const rcodeYXDomain wire.Rcode = 6

// An exchange is one query on its way through the servers of a group.
type exchange struct {
	group *Group
	query wire.UpstreamQuery
	tries []try // one for each server, in the order in which they are asked

	second     wire.Message // the last SERVFAIL or REFUSED: better than nothing
	secondFrom string
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

// newExchange begins with the server that last answered well.
func newExchange(g *Group, q wire.UpstreamQuery) *exchange {
	x := &exchange{group: g, query: q}
	first := int(g.first.Load())
	for i := range g.servers {
		index := (first + i) % len(g.servers)
		x.tries = append(x.tries, try{server: g.servers[index], index: index})
	}
	return x
}

// run asks one server after the other, and those that are silent again, for twice
// as long each time, until one answers well or the time is up.
func (x *exchange) run(ctx context.Context) (wire.Message, string, error) {
	wait := x.firstWait()
	for round := 0; x.goesOn(round); round++ {
		for i := range x.tries {
			t := &x.tries[i]
			if t.over {
				continue
			}
			if m, ok := x.ask(ctx, t, wait); ok {
				return m, t.name, nil
			}
			if ctx.Err() != nil {
				return x.end()
			}
		}
		wait *= 2
	}
	return x.end()
}

// firstWait leaves half of the time for a second round.
func (x *exchange) firstWait() time.Duration {
	return min(maxFirstWait, x.group.timeout/time.Duration(2*max(1, len(x.tries))))
}

// goesOn says whether another round may bring a better response: some server was
// silent so far; but where another has at least refused, silence is asked only
// once more.
func (x *exchange) goesOn(round int) bool {
	if !x.second.IsZero() && round >= 2 {
		return false
	}
	for _, t := range x.tries {
		if !t.over {
			return true
		}
	}
	return false
}

// ask has one server try, and says whether it answered well.
func (x *exchange) ask(ctx context.Context, t *try, wait time.Duration) (wire.Message, bool) {
	start := time.Now()
	m, err := t.converse(ctx, x.query, wait)
	t.asked = true
	if err != nil {
		t.failed(err, time.Since(start))
		if ctx.Err() == nil { // else the caller left, or all time is up: not its fault
			x.group.avoid(t.index)
		}
		return m, false
	}
	switch m.Rcode() {
	case wire.NoError, wire.NXDomain, rcodeYXDomain:
		x.group.prefer(t.index)
		return m, true
	case wire.ServFail, wire.Refused:
		x.second, x.secondFrom = m, t.name
	}
	t.failed(rcodeError(m.Rcode()), 0) // alive, and as good as others for other names
	return m, false
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

// end returns the second best response, or else what each server did.
func (x *exchange) end() (wire.Message, string, error) {
	if !x.second.IsZero() {
		return x.second, x.secondFrom, nil
	}
	e := &Error{Group: x.group.name}
	for _, t := range x.tries {
		e.Failures = append(e.Failures, t.failure())
	}
	return wire.Message{}, "", e
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
