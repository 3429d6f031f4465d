package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// DefaultUpstreamTimeout bounds a query to a group that says nothing else.
const DefaultUpstreamTimeout = defaultTimeout

// ParseAddrPort reads an address as flags and keys take it; without a port it
// gets port 53.
func ParseAddrPort(s string) (netip.AddrPort, error) { return parseAddrPort(s, dnsPort) }

// ParseUpstream reads the address of a server to forward to, as flags and keys take
// it; without a port it gets port 53.
func ParseUpstream(s string) (netip.AddrPort, error) {
	ap, err := parseAddrPort(s, dnsPort)
	if err != nil {
		return ap, err
	}
	addr := ap.Addr()
	switch {
	case ap.Port() == 0:
		return ap, fmt.Errorf("%q: port 0 cannot be asked", s)
	case addr.IsUnspecified():
		return ap, fmt.Errorf("%q: no server has this address", s)
	case addr.Is6() && addr.IsLinkLocalUnicast() && addr.Zone() == "":
		return ap, fmt.Errorf("%q: a link-local address needs its interface, such as %q", s, addr.WithZone("eth0"))
	}
	return ap, nil
}

// WithListen returns c listening on addrs instead.
func (c Config) WithListen(addrs []netip.AddrPort) *Config {
	c.Server.Listen, c.Server.ListenByDefault = addrs, false
	return &c
}

// WithUpstream returns c with servers as its default upstream group.
func (c Config) WithUpstream(servers []netip.AddrPort) *Config {
	u := Upstream{Name: DefaultUpstream, Servers: servers, Timeout: DefaultUpstreamTimeout}
	c.Upstreams = slices.Clone(c.Upstreams)
	for i, have := range c.Upstreams {
		if have.Name == DefaultUpstream {
			u.Timeout = have.Timeout
			c.Upstreams[i] = u
			return &c
		}
	}
	c.Upstreams = append(c.Upstreams, u)
	return &c
}
