package server

import (
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// ours explains the answer to q that takes nobody's but our own knowledge, and reports whether there is one. Of a
// chain that leads elsewhere it says where that is asked.
func (e *Explanation) ours(s *snapshot, q wire.Question, d policy.Decision, class policy.Class) bool {
	a, known, _ := s.config.Local.Answer(q)
	if !a.Delegation.IsZero() {
		e.Delegated = &Delegated{Local: a.Zone, Delegation: a.Delegation.String()}
	}
	o, ok := s.ours(q, d)
	if !ok {
		return false
	}
	e.Answered = o.answered()
	e.addAnswer(o.Response)
	e.opens(s, d, o.Response)
	answer := &e.Answers[len(e.Answers)-1]
	chain := links(o.Response)
	if !known || len(chain) == 0 || len(answer.Addresses) > 0 {
		return true
	}
	answer.CNAME = chain[len(chain)-1].String()
	if a.Next.IsZero() {
		return true
	}
	next := routed(d, s.policy.Decide(a.Next, class))
	if sp := s.special(a.Next, next); sp != nil {
		answer.Special = sp.zone.String()
		return true
	}
	answer.Upstream = next.Upstream
	return true
}

// Delegated is why a name that is below a local zone is asked elsewhere.
type Delegated struct {
	Local      string `json:"local"`      // the local zone
	Delegation string `json:"delegation"` // the name from which on it lets names go
}

// fact says so in tokens.
func (d Delegated) fact() string { return "delegated local=" + d.Local + " delegation=" + d.Delegation }
