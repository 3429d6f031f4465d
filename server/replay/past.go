package replay

import (
	"net/netip"
	"slices"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/querylog"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// questionOf is the question of an entry. Only class IN is logged.
func questionOf(was querylog.Entry) (q wire.Question, err error) {
	q.Class = wire.ClassIN
	if q.Name, err = matcher.ParseName(was.Name); err != nil {
		return q, err
	}
	q.Type, err = wire.ParseType(was.Type)
	return q, err
}

// here is who answered where the log does not tell a local zone from a special-use name.
const here = "here"

// answeredBy is who answered, as far as the log tells: nothing is pinned but what an
// upstream says, and a rule's answer is not judged.
func answeredBy(was querylog.Entry) string {
	isRefused := was.Rcode == wire.Refused.String() && was.Verdict == "" && was.Upstream == ""
	switch {
	case was.Pin != "" && isRefused:
		return config.AnsweredRefused
	case was.Pin != "":
		return config.AnsweredUpstream
	case was.Verdict == "":
		return here
	}
	return config.AnsweredRule
}

// answersNow is who answers in the same words.
func answersNow(v server.Evaluation) string {
	switch v.Answered {
	case config.AnsweredLocal, config.AnsweredSpecial:
		return here
	case config.AnsweredOwn: // to ANY, whatever the pin
		return config.AnsweredUpstream
	}
	return v.Answered
}

// givenBy is what an upstream said, as far as the log tells.
func givenBy(was querylog.Entry) (g server.Given, err error) {
	for _, text := range was.Along {
		name, err := matcher.ParseName(text)
		if err != nil {
			return g, err
		}
		g.Chain = append(g.Chain, name)
	}
	if g.Rcode, err = wire.ParseRcode(was.Rcode); err != nil {
		return g, err
	}
	g.Addresses = was.Addresses
	switch answeredBy(was) {
	case config.AnsweredRefused:
		g.NotCached = true
	case config.AnsweredUpstream:
		g.Known, g.Failed = true, g.Rcode == wire.ServFail
	default: // what a CNAME of ours led to is not judged, and stands among what was served
		isBlocked := was.Verdict == policy.NotAsked.String() && len(g.Chain) > 0
		g.Known = was.Upstream != "" && !isBlocked
		g.Addresses = union(was.Served, was.Addresses)
	}
	return g, nil
}

// mayLackRD reports whether the query of an entry may have been one without RD that a CNAME
// of ours led elsewhere: nobody was asked there.
func mayLackRD(was querylog.Entry) bool { return was.Pin == "" && was.Upstream == "" }

// union is the addresses of a and b, each once.
func union(a, b []netip.Addr) []netip.Addr {
	all := slices.Clone(a)
	for _, addr := range b {
		if !slices.Contains(all, addr) {
			all = append(all, addr)
		}
	}
	return all
}
