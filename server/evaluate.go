package server

import (
	"errors"
	"net/netip"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/querylog"
	"splitdns/server/internal/wire"
)

// Given is what upstreams would say to a question, whichever group is asked, and to where a
// CNAME of ours leads. The zero value is that nobody knows.
type Given struct {
	Known     bool // false: only Chain counts
	Rcode     wire.Rcode
	Chain     []matcher.Name // the names that the answer leads to, in order
	Addresses []netip.Addr   // wherever they stand in the answer
	NotCached bool           // nobody may be asked: see [errNotCached]
	Failed    bool           // nobody has an answer
}

// errGivenFailure stands for whatever kept an upstream from answering.
var errGivenFailure = errors.New("no upstream has an answer")

// answer is what group says to q, as lookup gives it.
func (g *Given) answer(q wire.Question, group string) (wire.Message, Source, error) {
	source := Source{Upstream: group, Cache: cacheUntold, RTT: -1}
	switch {
	case g.NotCached:
		return wire.Message{}, source, errNotCached
	case g.Failed:
		return wire.Message{}, source, errGivenFailure
	}
	m := wire.NewMessage(q, g.Rcode)
	for _, name := range g.Chain {
		m = m.WithCNAME(name, ownTTL)
	}
	if g.Known {
		source.Cache = "miss"
		m = m.Bearing(g.Addresses, ownTTL)
	}
	return m, source, nil
}

// cacheUntold marks what would come from an upstream whose answer is not known.
const cacheUntold = "untold"

// An Evaluator says what would become of questions if upstreams gave the answers that it is
// told: by Resolve itself, so that it cannot tell another story than live traffic. It
// asks nobody and keeps nothing, and is safe for concurrent use.
type Evaluator struct {
	resolver Resolver // which asks nobody
	now      *snapshot
}

// NewEvaluator returns an evaluator for c. local is what "local" in server.allow means.
// Where c has no default group, the system's resolvers say whether its answers may hold
// private addresses, as for a server on this machine.
func NewEvaluator(c *config.Config, local []netip.Prefix) *Evaluator {
	s := newSnapshot(c, local)
	groups, err := withSystemResolvers(c, c.Server.Listen)
	if err != nil {
		groups = c.Upstreams // a server would not start
	}
	s.public = publicGroups(groups)
	s.shadow = nil // what is not live is not judged by it
	return &Evaluator{now: s}
}

// Evaluation is what would become of a question.
type Evaluation struct {
	// Entry is the query's line in the log. Of an answer that is not told, rcode, verdict
	// and served say nothing.
	Entry    querylog.Entry
	Answered string // who answers, as package config has the words
	Logged   bool   // a rule logs it
	Told     bool   // what a client gets is known

	outcome Outcome
}

// Evaluate says what becomes of q from client.
func (e *Evaluator) Evaluate(q wire.Question, client netip.Addr, g Given) Evaluation {
	query := Query{Query: wire.Query{Question: q, RD: true}, Client: client.Unmap().WithZone(""), given: &g}
	o := e.resolver.Resolve(e.now, query)
	v := Evaluation{Entry: entry(query, o), Answered: o.answeredBy(), Logged: o.Decision.Log, Told: true, outcome: o}
	isBlock := o.Decision.Answer.Blocks()
	if o.Source.Cache == cacheUntold && !isBlock {
		v.Told = false
		v.Entry.Rcode, v.Entry.Verdict, v.Entry.Served = "", "not-asked", nil
	}
	return v
}

// answeredBy is who has answered.
func (o Outcome) answeredBy() string {
	switch {
	case o.Local != "":
		return config.AnsweredLocal
	case o.Special != nil:
		return config.AnsweredSpecial
	case o.Decision.Answer.Given():
		return config.AnsweredRule
	case o.Source.Upstream != "":
		return config.AnsweredUpstream
	case o.Response.Rcode() == wire.Refused:
		return config.AnsweredRefused
	}
	return config.AnsweredOwn
}
