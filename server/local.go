package server

import (
	"context"
	"net/netip"

	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// nullAddresses are what `answer = "null"` gives: addresses that lead nowhere
// (RFC 1122, section 3.2.1.3, and RFC 4291, section 2.5.2).
var nullAddresses = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}

// local answers q as a rule says, without asking for its own name.
func (r *Resolver) local(ctx context.Context, s *snapshot, q Query, d policy.Decision) Outcome {
	if d.Answer.Kind == policy.AnswerCNAME {
		return r.alias(ctx, s, q, d)
	}
	o := Outcome{Decision: d, Source: Source{RTT: -1}, Changed: true, Code: wire.EDEBlocked}
	empty := wire.NewMessage(q.Question, wire.NoError)
	switch d.Answer.Kind {
	case policy.AnswerNXDomain:
		o.Response = wire.NewMessage(q.Question, wire.NXDomain).WithSOA(ownTTL)
	case policy.AnswerRefused:
		o.Response = wire.NewMessage(q.Question, wire.Refused)
		o.Code = wire.EDEProhibited
	case policy.AnswerNull:
		o.Response = orNoData(empty.WithAnswerAddresses(nullAddresses, ownTTL))
	case policy.AnswerAddresses:
		o.Response = orNoData(empty.WithAnswerAddresses(d.Answer.Addresses, ownTTL))
		o.Code = wire.EDEForged
	default:
		o.Response = empty.WithSOA(ownTTL)
	}
	o.Response = capTTL(o.Response, d)
	return o
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
func (r *Resolver) alias(ctx context.Context, s *snapshot, q Query, d policy.Decision) Outcome {
	head := wire.NewMessage(q.Question, wire.NoError).WithCNAME(d.Answer.Target, ownTTL)
	o := Outcome{Decision: d, Response: head, Source: Source{RTT: -1}, Changed: true, Code: wire.EDEForged}
	if q.Type != wire.TypeCNAME {
		target := q
		target.Name = d.Answer.Target
		m, source, err := r.lookup(ctx, s, target, d.Upstream)
		if err != nil {
			return failed(q, d, err)
		}
		o.Response, o.Source = m.Prepend(head), source
	}
	o.Response = capTTL(o.Response, d)
	return o
}
