package sim

import (
	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// absent are the names that do not exist (RFC 6761, section 6.4, for the first).
var absent = []matcher.Pattern{
	matcher.MustParsePattern(".invalid"),
	matcher.MustParsePattern(".nxdomain.example"),
}

// missing reports whether name does not exist.
func missing(name matcher.Name) bool {
	for _, p := range absent {
		if p.Matches(name) {
			return true
		}
	}
	return false
}

// authorities are the SOA records of DNS zones, the one of akadns.net as recorded
// but for its TTL, which had been counted down. Of other names the SOA record is
// made up (wire.Message.WithSOA).
var authorities = []struct {
	names matcher.Pattern
	soa   string
}{
	{
		matcher.MustParsePattern(".akadns.net"),
		"akadns.net. 180 IN SOA internal.akadns.net. hostmaster.akamai.com. 1629813934 90000 90000 90000 180",
	},
	{
		matcher.MustParsePattern(".example"),
		"example. 300 IN SOA ns.example. nobody.invalid. 1 3600 1200 604800 300",
	},
	{
		matcher.MustParsePattern(".invalid"),
		"invalid. 300 IN SOA ns.example. nobody.invalid. 1 3600 1200 604800 300",
	},
}

// withSOA gives the negative answer m the SOA record that says how long it may be
// kept (RFC 2308, section 3).
func withSOA(m wire.Message) (wire.Message, error) {
	end := m.End()
	for _, a := range authorities {
		if a.names.Matches(end) {
			return m.WithRecords(wire.Authority, a.soa)
		}
	}
	return m.WithSOA(negativeTTL), nil
}
