package config

import (
	"net/netip"
	"slices"

	"splitdns/server/policy"
	"splitdns/zones/tomlfile"
)

// private reads private_answers of a rule or an upstream group.
func private(t *tomlfile.Table) policy.Private {
	if !t.Has("private_answers") {
		return policy.PrivateUnset
	}
	return policy.PrivateIf(t.Bool("private_answers", false))
}

// PrivateAnswers says whether answers of u may hold private addresses. What the file does
// not say follows from the servers: those at private addresses know the network that they
// are in, and nobody outside answers for them.
func (u Upstream) PrivateAnswers() bool {
	if u.Private != policy.PrivateUnset {
		return u.Private == policy.PrivateAllowed
	}
	return !slices.ContainsFunc(u.Servers, func(ap netip.AddrPort) bool { return policy.PrivateKind(ap.Addr()) == "" })
}
