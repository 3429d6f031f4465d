package server

import (
	"slices"
	"time"

	"splitdns/server/internal/querylog"
)

// entry is the line of the query log for q.
func (s *Server) entry(q Query, o Outcome) querylog.Entry {
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
		Duration:  time.Since(q.Received),
		Shadow:    o.Shadow.Verdict,
		Demo:      s.options.Demo,
	}
}
