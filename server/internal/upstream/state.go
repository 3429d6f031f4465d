package upstream

import (
	"sync/atomic"
	"time"
)

// counts count what was asked of a server, and what came of it.
type counts struct {
	queries, answers, timeouts, errors atomic.Uint64
}

// The states of a server.
const (
	StateOK      = "ok"
	StateResting = "resting" // it was silent for long, and is asked again at Until
	StateProbing = "probing" // its rest is over, and a query shows whether it is back
)

// A ServerState is how a server does, for people. Counts are of the time since
// the group was made.
type ServerState struct {
	Name  string        // its address, with the port if that is not 53
	State string        // StateOK and so on
	Until time.Time     // the end of the rest
	RTT   time.Duration // smoothed; 0: not known

	Queries  uint64 // that were sent, also the same one again
	Answers  uint64 // responses that were accepted, whatever they say
	Timeouts uint64 // queries without a response, or none in time
	Errors   uint64 // others that came to nothing: the connection refused, a malformed response

	WithoutEDNS bool // it does not know EDNS
	LowerCase   bool // it does not keep the case of names
	Cookies     bool // it sends DNS cookies
}

// Servers returns the state of each server, in the order of the configuration. It
// allocates nothing but the result, and no query waits for it.
func (g *Group) Servers() []ServerState {
	now := time.Now()
	states := make([]ServerState, 0, len(g.servers))
	for _, s := range g.servers {
		states = append(states, s.state(now))
	}
	return states
}

// state returns the state of s.
func (s *server) state(now time.Time) ServerState {
	c := s.health.look()
	return ServerState{
		Name: s.name, State: c.state(now), Until: c.until, RTT: c.srtt,
		Queries: s.counts.queries.Load(), Answers: s.counts.answers.Load(),
		Timeouts: s.counts.timeouts.Load(), Errors: s.counts.errors.Load(),
		WithoutEDNS: s.isPlain(now), LowerCase: s.spelling.isLower(now), Cookies: s.cookies.known(now),
	}
}

// state names the state.
func (c condition) state(now time.Time) string {
	switch {
	case c.rank != resting:
		return StateOK
	case c.probing || !now.Before(c.until):
		return StateProbing
	}
	return StateResting
}
