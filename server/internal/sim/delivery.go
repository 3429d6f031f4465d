package sim

import (
	"fmt"

	"splitdns/matcher"
)

// The names of the content delivery network. A name without published ranges is
// an alias of a site, and each site is served by one of the edges.
var (
	network = mustName("cdn.example")
	sites   = mustName("sites.cdn.example")
)

// edges is how many edges the network has.
const edges = 16

// site is the name by which the network knows a customer's name.
func site(customer matcher.Name) matcher.Name {
	return mustName(fmt.Sprintf("c%08x.sites.cdn.example", uint32(seedOf(customer))))
}

// delivery looks up the names of the network.
func delivery(name matcher.Name) (host, bool) {
	s := seedOf(name)
	switch {
	case name.Below(sites):
		return host{ttl: edgeTTL, alias: mustName(fmt.Sprintf("edge%d.cdn.example", s%edges))}, true
	case name == network || name.Below(network):
		// Two addresses in IPv4 and one in IPv6, none in ordinary.
		return host{ttl: edgeTTL, addresses: ips{s.in(elsewhere[0]), s.in(elsewhere[1]), s.in(elsewhere[3])}}, true
	}
	return host{}, false
}

// mustName reads a name of this package's own.
func mustName(s string) matcher.Name {
	n, err := matcher.ParseName(s)
	if err != nil {
		panic("sim: " + err.Error())
	}
	return n
}
