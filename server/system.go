package server

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// resolvConf is where Unix systems list their resolvers (resolv.conf(5)).
const resolvConf = "/etc/resolv.conf"

// systemResolvers reads the resolvers of this machine from a resolv.conf,
// without those that are this server itself: asking them would ask ourselves.
func systemResolvers(file string, listen []netip.AddrPort) ([]netip.AddrPort, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the system's resolvers: %w; give servers in [upstream.default]", err)
	}
	var servers []netip.AddrPort
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(words[1])
		if err != nil {
			continue // as the C library does
		}
		server := netip.AddrPortFrom(addr.Unmap(), 53)
		if !isSelf(server, listen) && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s names no resolver other than this server; give servers in [upstream.default]", file)
	}
	return servers, nil
}

// isSelf reports whether a query to server would arrive at one of listen. What
// is sent to the unspecified address arrives at loopback.
func isSelf(server netip.AddrPort, listen []netip.AddrPort) bool {
	switch server.Addr() {
	case netip.IPv4Unspecified():
		server = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), server.Port())
	case netip.IPv6Unspecified():
		server = netip.AddrPortFrom(netip.IPv6Loopback(), server.Port())
	}
	return slices.ContainsFunc(listen, func(l netip.AddrPort) bool {
		switch {
		case l.Port() != server.Port():
			return false
		case l.Addr() == server.Addr():
			return true
		}
		return l.Addr().IsUnspecified() && l.Addr().Is4() == server.Addr().Is4() && isOwn(server.Addr())
	})
}

// isOwn reports whether addr is an address of this machine.
func isOwn(addr netip.Addr) bool {
	if addr.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == addr.WithZone("")
	})
}

// localPrefixes are the networks that "local" in server.allow always means:
// loopback, private use (RFC 1918), shared address space (RFC 6598), unique
// local (RFC 4193) and link-local addresses (RFC 3927, RFC 4291).
var localPrefixes = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("fc00::/7"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"),
}

// localNetworks returns what "local" means now: localPrefixes and the on-link
// prefixes of this machine's interfaces, sorted.
func localNetworks() []netip.Prefix {
	networks := slices.Clone(localPrefixes)
	own, err := net.InterfaceAddrs()
	if err != nil {
		return networks // what is always local is local still
	}
	for _, a := range own {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			networks = append(networks, p.Masked())
		}
	}
	slices.SortFunc(networks, netip.Prefix.Compare)
	return slices.Compact(networks)
}
