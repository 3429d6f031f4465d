package server

import (
	"slices"
	"time"

	"splitdns/server/internal/querylog"
	"splitdns/server/policy"
)

// entry is the line of the query log for q.
func (s *Server) entry(q Query, o Outcome) querylog.Entry {
	e := entry(q, o)
	e.Duration, e.Demo = time.Since(q.Received), s.options.Demo
	return e
}

// entry is what the log's line says of q and o alone.
func entry(q Query, o Outcome) querylog.Entry {
	d := o.Decision
	judged := slices.Clip(o.Private) // what the upstream gave, whether or not a client got it
	for _, a := range o.Judgement.Addresses {
		judged = append(judged, a.Addr)
	}
	pin := d.Pin.String()
	if d.Answer.Given() || o.ours() {
		pin = ""
	}
	return querylog.Entry{
		Time:      q.Received,
		Client:    q.Client,
		Name:      q.Name.String(),
		Type:      q.Type.String(),
		Rcode:     o.Response.Rcode().String(),
		Rules:     d.Rules(),
		Zone:      d.Match.Zone,
		Row:       d.Match.Row,
		Tags:      d.Tags,
		Pin:       pin,
		Verdict:   o.verdict(),
		Addresses: judged,
		Outside:   o.Judgement.Outside(),
		Served:    o.Response.Addresses(),
		Upstream:  o.Source.Upstream,
		RTT:       o.Source.RTT,
		Cache:     o.Source.Cache,
		Shadow:    o.Shadow.Verdict,
		Along:     along(d),

		Sets: setNames(d), SetFailure: o.opening.failed(),
	}
}

// along are the names behind the QNAME by which rules of d apply, in the order of the chain.
// There are seldom any.
func along(d policy.Decision) []string {
	var names []string
	for _, s := range d.Steps {
		if s.Along.IsZero() {
			continue
		}
		if name := s.Along.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
