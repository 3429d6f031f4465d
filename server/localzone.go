package server

import (
	"errors"
	"fmt"
	"slices"

	"splitdns/server/internal/localzone"
	"splitdns/server/policy"
)

// localZone answers q from the local zones, if one of them knows its name. What a rule says
// about an upstream does not matter: whoever puts a name into a local zone means it, and a
// delegation in the zone lets names go. Such answers are neither pinned nor judged; rules block names
// of their chain as in other answers.
func (r *Resolver) localZone(s *snapshot, q Query, d policy.Decision) (Outcome, bool) {
	o, ok, err := r.fromLocalZone(s, q, d)
	switch {
	case err != nil:
		return failed(q, d, err), ok
	case !ok:
		return Outcome{}, false
	}
	o.Decision = s.policy.Along(d, o.Response.Chain(), s.policy.Class(q.Client))
	if o.Decision.Answer.Given() { // a rule blocks a name of the chain
		blocked := r.local(s, q, o.Decision)
		blocked.Source = o.Source
		return blocked, true
	}
	return o, true
}

// fromLocalZone is localZone for whoever has a use for the error. A chain that leads
// elsewhere is followed there, by whoever is asked for that name itself; without RD, its
// beginning is all there is to say (RFC 1034, section 4.3.2, step 3).
func (r *Resolver) fromLocalZone(s *snapshot, q Query, d policy.Decision) (o Outcome, ok bool, err error) {
	a, ok, err := s.config.Local.Answer(q.Question)
	if err != nil {
		return Outcome{}, ok, fmt.Errorf("local.%s: %w", a.Zone, err)
	}
	if !ok {
		return Outcome{}, false, nil
	}
	o = localOutcome(a, d)
	if !a.Next.IsZero() {
		o, err = r.leading(s, q, o, a, routed(d, s.policy.Decide(a.Next, s.policy.Class(q.Client))))
	}
	return o, true, err
}

// leading is o, the beginning of a chain that a local zone has said in a, with where that leads.
// d says who is asked there.
func (r *Resolver) leading(s *snapshot, q Query, o Outcome, a localzone.Answer, d policy.Decision) (Outcome, error) {
	target := q
	target.Name = a.Next
	found, err := r.target(s, target, d)
	switch {
	case errors.Is(err, errNotCached):
		return o, nil
	case err == nil && slices.Contains(links(found.Response), q.Name):
		err = fmt.Errorf("local.%s: %v leads back to %v: the CNAME chain is a loop", a.Zone, a.Next, q.Name)
	}
	if err != nil {
		return Outcome{}, err
	}
	o = o.before(found, a.Message)
	o.Source.stored = nil // it is not all of the answer
	o.Response = capTTL(o.Response, d)
	return o, nil
}

// routed is d with what next, the decision for another name, says of whom to ask.
func routed(d, next policy.Decision) policy.Decision {
	d.Upstream, d.By.Upstream, d.Steps = next.Upstream, next.By.Upstream, next.Steps
	d.Private, d.By.Private = next.Private, next.By.Private
	return d
}

// localOutcome is what a says, without what its chain leads to elsewhere.
func localOutcome(a localzone.Answer, d policy.Decision) Outcome {
	return Outcome{
		Decision: d, Response: capTTL(a.Message, d), Source: Source{Cache: cacheLocal, RTT: -1},
		Local: a.Zone, Authoritative: true,
	}
}
