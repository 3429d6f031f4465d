package config

import (
	"net/netip"
	"slices"
)

// DefaultUpstreamTimeout bounds a query to a group that says nothing else.
const DefaultUpstreamTimeout = defaultTimeout

// ParseAddrPort reads an address as flags and keys take it; without a port it
// gets port 53.
func ParseAddrPort(s string) (netip.AddrPort, error) { return parseAddrPort(s, dnsPort) }

// ParseUpstreamFlag is [ParseUpstream] where there is no file that could say how the
// address of a host is found.
func ParseUpstreamFlag(s string) (UpstreamServer, error) {
	server, err := ParseUpstream(s)
	if err == nil && server.Host != "" {
		err = needsBootstrap(s, server)
	}
	return server, err
}

// WithListen returns c listening on addrs instead.
func (c Config) WithListen(addrs []netip.AddrPort) *Config {
	c.Server.Listen, c.Server.ListenByDefault = addrs, false
	return &c
}

// WithUpstream returns c with servers as its default upstream group.
func (c Config) WithUpstream(servers []UpstreamServer) *Config {
	u := Upstream{Name: DefaultUpstream, Servers: servers, Timeout: DefaultUpstreamTimeout}
	c.Upstreams = slices.Clone(c.Upstreams)
	for i, have := range c.Upstreams {
		if have.Name == DefaultUpstream {
			have.Servers = servers
			c.Upstreams[i] = have
			return &c
		}
	}
	c.Upstreams = append(c.Upstreams, u)
	return &c
}
