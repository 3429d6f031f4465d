package server

import (
	"cmp"

	"splitdns/server/internal/metrics"
	"splitdns/server/internal/wire"
)

// Where answers come from, besides what Source.Cache says.
const (
	fromFinished = "finished" // kept ready to send
	fromHere     = "own"      // made here: a rule's answer, what is refused
)

// noRcode is what stands for silence.
const noRcode = "none"

// source is where o came from, as it is counted.
func (o Outcome) source() string { return cmp.Or(o.Source.Cache, fromHere) }

// kind is how a query is counted that gets o from source.
func (o Outcome) kind(source string) metrics.Kind {
	d := o.Decision
	k := metrics.Kind{Source: source, Rcode: rcodeWord(o.Response.Rcode())}
	if !d.Matched() {
		return k
	}
	k.Rule = d.Steps[0].Rule
	switch {
	case d.Answer.Given():
		k.Rule, k.Act = cmp.Or(d.By.Answer, k.Rule), "answer"
	case o.Changed && o.Pinned:
		k.Rule, k.Act = cmp.Or(d.By.Pin, k.Rule), d.Pin.String()
	default:
		k.Rule = cmp.Or(d.By.Pin, k.Rule)
	}
	if !d.Answer.Given() {
		k.Verdict = o.verdict()
	}
	return k
}

// refusedKind is how a packet is counted that is no query.
func refusedKind(r *wire.Refusal) metrics.Kind {
	if len(r.Response) == 0 {
		return metrics.Kind{Source: fromHere, Rcode: noRcode}
	}
	return metrics.Kind{Source: fromHere, Rcode: rcodeWord(r.Rcode)}
}

// rcodeWord is the mnemonic of an rcode. Those that upstreams alone could choose share one.
func rcodeWord(r wire.Rcode) string {
	switch r {
	case wire.NoError, wire.FormErr, wire.ServFail, wire.NXDomain, wire.NotImp, wire.Refused, wire.NotAuth, wire.BadVers, wire.BadCookie:
		return r.String()
	}
	return metrics.Other
}

// countGroups gives the groups of a snapshot that is not yet in use what counts their exchanges.
// Those taken over from the one before have it.
func (s *Server) countGroups(next *snapshot) {
	for name, g := range next.upstreams {
		if g.count == nil {
			g.count = s.book.Group(name)
		}
	}
}

// countPrivate counts the private addresses that were removed from the answer of o. Every answer
// without some was made anew, so none is missed on the fast path.
func (s *snapshot) countPrivate(o Outcome) {
	if g := s.upstreams[o.Source.Upstream]; g != nil && len(o.Private) > 0 {
		g.count.RemovePrivate(len(o.Private))
	}
}
