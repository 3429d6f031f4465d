// Package sim is a simulated internet: an upstream group inside the process that
// has an answer for every name. `splitdns serve --demo` and tests use it where
// there is no network. It answers from tables and from the hash of a name, so the
// same question always has the same answer, and time plays no part.
//
//   - Names in the tables (records.go) have the chains and TTLs that were recorded
//     in the world, or that a demonstration needs.
//   - A name that a loaded zone matches and publishes ranges for has addresses in
//     these ranges; what strays.go lists has some outside, or only such.
//   - Any other name that a loaded zone matches leads through a CNAME chain to a
//     content delivery network.
//   - Names below invalid, and nxdomain.example, do not exist. Everything else is a
//     host on its own.
//
// Made-up addresses that are in no published range are from the documentation
// ranges (RFC 5737, RFC 3849). An internet that reads zone files was turned down:
// it would have to be changed with every edition, and would know nothing of the
// zones of an administrator's own configuration.
package sim

import (
	"splitdns/matcher"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
	"splitdns/zones"
)

// from is the server that answers are said to come from.
const from = "simulated"

// maxLinks is the longest chain that is followed. The tables have no longer one.
const maxLinks = 16

// Internet answers queries about the names of some zones, and all others. It
// never changes, so it is safe for concurrent use.
type Internet struct {
	hosts     map[matcher.Name]host // of the tables
	published *policy.Policy        // what is published for a name; it has no rules
}

// host is what there is to know about one name.
type host struct {
	ttl       uint32
	alias     matcher.Name // the target of its CNAME record; zero: it has none
	addresses ips
	https     string // its HTTPS record, in presentation form
}

// New returns an internet in which every pattern of loaded has an answer.
func New(loaded []*zones.Zone) *Internet {
	return &Internet{hosts: tabled(), published: policy.New(policy.Input{Zones: loaded})}
}

// Close does nothing: there is nothing to close.
func (in *Internet) Close() {}

// Flush does nothing: nothing is put off.
func (in *Internet) Flush() {}

// Exchange answers q before it returns. DO and CD change nothing: this internet is not
// signed.
func (in *Internet) Exchange(q wire.UpstreamQuery, done func(m wire.Message, server string, err error)) {
	m, err := in.respond(q.Question)
	done(m, from, err)
}

// respond is the response to q.
func (in *Internet) respond(q wire.Question) (wire.Message, error) {
	if q.Class != wire.ClassIN {
		return wire.NewMessage(q, wire.Refused), nil
	}
	if missing(q.Name) {
		return withSOA(wire.NewMessage(q, wire.NXDomain))
	}
	h := in.host(q.Name)
	m := wire.NewMessage(q, wire.NoError)
	if q.Type == wire.TypeCNAME && !h.alias.IsZero() {
		return m.WithCNAME(h.alias, h.ttl), nil
	}
	m, h = in.follow(m, h)
	m = m.WithAnswerAddresses(h.addresses, h.ttl)
	if q.Type == wire.TypeHTTPS && h.https != "" {
		return m.WithRecords(wire.Answer, h.https)
	}
	if m.Empty() {
		return withSOA(m)
	}
	return m, nil
}

// follow adds the chain from h on to m, and returns the host at its end. Questions
// about CNAME and ANY are not led along a chain (RFC 1034, section 3.6.2).
func (in *Internet) follow(m wire.Message, h host) (wire.Message, host) {
	if t := m.Question().Type; t == wire.TypeCNAME || t == wire.TypeANY {
		return m, host{}
	}
	for links := 0; !h.alias.IsZero() && links < maxLinks; links++ {
		m = m.WithCNAME(h.alias, h.ttl)
		h = in.host(h.alias)
	}
	return m, h
}

// The TTLs of hosts that are in no table, in seconds.
const (
	hostTTL     = 300
	linkTTL     = 300
	edgeTTL     = 60
	negativeTTL = 300
)

// host looks up name.
func (in *Internet) host(name matcher.Name) host {
	if h, ok := in.hosts[name]; ok {
		return h
	}
	if h, ok := delivery(name); ok {
		return h
	}
	d := in.published.Decide(name, 0) // without rules all clients are one class
	switch {
	case d.Published.Any():
		return host{ttl: hostTTL, addresses: within(name, d.Published.Prefixes())}
	case d.Match != policy.Match{}:
		return host{ttl: linkTTL, alias: site(name)}
	}
	return host{ttl: hostTTL, addresses: ips{seedOf(name).in(ordinary)}}
}
