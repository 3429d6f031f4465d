package server

import (
	"net/netip"

	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// ownTTL is the lifetime of answers of our own, in seconds.
const ownTTL = 60

// pin judges the addresses of m against what is published for its name, and
// does to those outside what the decision's pin says. A NODATA stays a NODATA
// and an NXDOMAIN an NXDOMAIN: where no address was, none is missed.
func (s *snapshot) pin(m wire.Message, d policy.Decision) Outcome {
	o := Outcome{Decision: d, Judgement: s.policy.Judge(d, m.Addresses()), Response: m}
	outside := o.Judgement.Outside()
	if d.Pin == policy.Observe || len(outside) == 0 {
		return o
	}
	kept, _ := m.WithoutAddresses(among(outside))
	emptied := kept.Empty() && !m.Empty()
	if d.Pin == policy.Prefer && (emptied || !anyInside(o.Judgement)) {
		return o // nothing published is left to prefer
	}
	o.Response, o.Changed, o.Pinned, o.Code = kept, true, true, wire.EDEFiltered
	if emptied {
		o.Response, o.Code = refilled(kept, d)
	}
	return o
}

// refilled is what becomes of an A or AAAA answer that has lost every address: with
// substitute the single addresses that are published, else NODATA.
func refilled(emptied wire.Message, d policy.Decision) (m wire.Message, code uint16) {
	if d.Pin == policy.Substitute && emptied.Rcode() == wire.NoError {
		if singles := d.Published.Singles(emptied.Question().Type == wire.TypeA); len(singles) > 0 {
			return emptied.WithAnswerAddresses(singles, ownTTL), wire.EDEForged
		}
	}
	return emptied.WithSOA(ownTTL), wire.EDEFiltered
}

// among returns a test for membership in addrs.
func among(addrs []netip.Addr) func(netip.Addr) bool {
	set := make(map[netip.Addr]bool, len(addrs))
	for _, a := range addrs {
		set[a] = true
	}
	return func(a netip.Addr) bool { return set[a] }
}

// anyInside reports whether an address of the answer is published.
func anyInside(j policy.Judgement) bool {
	return j.Verdict == policy.Inside || j.Verdict == policy.Mixed
}
