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
// delegation in the zone lets names go. Such answers are neither pinned nor judged.
func (r *Resolver) localZone(s *snapshot, q Query, d policy.Decision) (Outcome, bool) {
	o, ok, err := r.fromLocalZone(s, q, d)
	if err != nil {
		return failed(q, d, err), ok
	}
	return o, ok
}

// fromLocalZone is localZone for whoever has a use for the error. A chain that leads
// elsewhere is followed there; without RD, its beginning is all there is to say (RFC 1034,
// section 4.3.2, step 3).
func (r *Resolver) fromLocalZone(s *snapshot, q Query, d policy.Decision) (o Outcome, ok bool, err error) {
	a, ok, err := s.config.Local.Answer(q.Question)
	if err != nil {
		return Outcome{}, ok, fmt.Errorf("local.%s: %w", a.Zone, err)
	}
	o = localOutcome(a, d)
	if !ok || a.Next.IsZero() {
		return o, ok, nil
	}
	target := q
	target.Name = a.Next
	found, err := r.target(s, target, d)
	switch {
	case errors.Is(err, errNotCached):
		return o, true, nil
	case err == nil && slices.Contains(links(found.Response), q.Name):
		err = fmt.Errorf("local.%s: %v leads back to %v: the CNAME chain is a loop", a.Zone, a.Next, q.Name)
	}
	if err != nil {
		return Outcome{}, true, err
	}
	o = o.before(found, a.Message)
	o.Source.stored = nil // it is not all of the answer
	o.Response = capTTL(o.Response, d)
	return o, true, nil
}

// localOutcome is what a says, without what its chain leads to elsewhere.
func localOutcome(a localzone.Answer, d policy.Decision) Outcome {
	return Outcome{
		Decision: d, Response: capTTL(a.Message, d), Source: Source{Cache: cacheLocal, RTT: -1},
		Local: a.Zone, Authoritative: true,
	}
}
