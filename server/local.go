package server

import (
	"fmt"
	"net/netip"
	"slices"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// nullAddresses are what `answer = "null"` gives: addresses that lead nowhere
// (RFC 1122, section 3.2.1.3, and RFC 4291, section 2.5.2).
var nullAddresses = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}

// local answers q as a rule says, without asking for its own name.
func (r *Resolver) local(s *snapshot, q Query, d policy.Decision) Outcome {
	if d.Answer.Kind == policy.AnswerCNAME {
		return r.alias(s, q, d)
	}
	m, code := localAnswer(q.Question, d.Answer)
	return Outcome{Decision: d, Response: capTTL(m, d), Source: Source{RTT: -1}, Changed: true, Code: code}
}

// localAnswer is what a, other than a CNAME, says to q, with the extended error
// that goes with it.
func localAnswer(q wire.Question, a policy.Answer) (wire.Message, uint16) {
	empty := wire.NewMessage(q, wire.NoError)
	switch a.Kind {
	case policy.AnswerNXDomain:
		return wire.NewMessage(q, wire.NXDomain).WithSOA(ownTTL), wire.EDEBlocked
	case policy.AnswerRefused:
		return wire.NewMessage(q, wire.Refused), wire.EDEProhibited
	case policy.AnswerNull:
		return orNoData(empty.WithAnswerAddresses(nullAddresses, ownTTL)), wire.EDEBlocked
	case policy.AnswerAddresses:
		return orNoData(empty.WithAnswerAddresses(a.Addresses, ownTTL)), wire.EDEForged
	}
	return empty.WithSOA(ownTTL), wire.EDEBlocked
}

// orNoData gives an answer without a record of the type asked for its SOA.
func orNoData(m wire.Message) wire.Message {
	if !m.Empty() {
		return m
	}
	return m.WithSOA(ownTTL)
}

// alias answers q with a CNAME, followed by what the same upstream group says
// about its target. The addresses are those of another name, so the ranges
// published for this one say nothing about them.
func (r *Resolver) alias(s *snapshot, q Query, d policy.Decision) Outcome {
	head := wire.NewMessage(q.Question, wire.NoError).WithCNAME(d.Answer.Target, ownTTL)
	o := Outcome{Decision: d, Response: head, Source: Source{RTT: -1}, Changed: true, Code: wire.EDEForged}
	if q.Type != wire.TypeCNAME && q.Type != wire.TypeANY {
		target := q
		target.Name = d.Answer.Target
		found, err := r.target(s, target, d)
		if err == nil && slices.Contains(links(found.Response), q.Name) {
			err = fmt.Errorf("%v leads back to %v: the CNAME chain is a loop", target.Name, q.Name)
		}
		if err != nil {
			return failed(q, d, err)
		}
		o = o.before(found, head)
	}
	o.Response = capTTL(o.Response, d)
	return o
}

// before is o with found behind head, the CNAME records that lead to it.
func (o Outcome) before(found Outcome, head wire.Message) Outcome {
	o.Response, o.Source = found.Response.Prepend(head), found.Source
	o.Private, o.Notes, o.Relayed = found.Private, append(o.Notes, found.Notes...), found.Relayed
	if rcode := o.Response.Rcode(); rcode == wire.ServFail {
		return o.servfail()
	}
	return o
}

// target finds what is said about the name of q, which a CNAME of ours leads to: by us, or
// by the upstream group of d, whose answer may have lost addresses.
func (r *Resolver) target(s *snapshot, q Query, d policy.Decision) (Outcome, error) {
	if o, ok, err := r.fromLocalZone(s, q, d); ok {
		return o, err
	}
	if o, ok := s.neverLeaves(q.Question, d); ok {
		return o, nil
	}
	m, source, err := r.lookup(s, q, d.Upstream)
	if err != nil {
		return Outcome{}, err
	}
	kept, private := s.withoutPrivate(m, d)
	o := Outcome{Response: kept, Private: private}
	if len(private) > 0 {
		o.Notes = []wire.EDE{s.privateNote(private, d)}
	}
	return o.relayed(m, source), nil
}

// links are the names that the CNAME records of m lead to: the chain up to its
// end, behind which only targets of service bindings stand.
func links(m wire.Message) []matcher.Name {
	chain := m.Chain()
	return chain[:slices.Index(chain, m.End())+1]
}
