package policy

import "net/netip"

// A Private says whether an answer from public servers may hold private addresses: those
// that mean a machine of the client's own network, or the client itself. A name of
// somebody else's that leads there lets his web pages reach it (DNS rebinding).
type Private uint8

// The values of private_answers. PrivateUnset is one that says nothing.
const (
	PrivateUnset Private = iota
	PrivateAllowed
	PrivateRemoved
)

// privateWords are the values as they stand in the configuration, in order.
var privateWords = [...]string{"", "true", "false"}

// String is the word of the configuration.
func (p Private) String() string { return privateWords[p] }

// PrivateIf is the value for a boolean of the configuration.
func PrivateIf(allowed bool) Private {
	if allowed {
		return PrivateAllowed
	}
	return PrivateRemoved
}

// The prefixes that the library has no word for.
var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")     // RFC 1122, section 3.2.1.3
	shared      = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	siteLocal   = netip.MustParsePrefix("fec0::/10")     // RFC 3879: deprecated, and routed by some
)

// carriers are the prefixes behind which translators and tunnels of any network find an
// IPv4 address, from that octet on. Those that a network has chosen itself are in server.nat64.
var carriers = [...]struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},    // RFC 6052, section 2.1
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},  // RFC 8215, with the usual length of 96
	{netip.MustParsePrefix("::/96"), 12},           // RFC 4291, section 2.5.5.1
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12}, // RFC 2765, section 2.1
	{netip.MustParsePrefix("2002::/16"), 2},        // RFC 3056, section 2
}

// PrivateKind says what kind of private address addr is, "" for one that is public.
// Documentation ranges are public: nobody is reached by them. It does not allocate.
func PrivateKind(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	switch {
	case addr.IsUnspecified():
		return "unspecified"
	case addr.IsLoopback():
		return "loopback"
	case addr.IsLinkLocalUnicast():
		return "link-local"
	case addr.IsPrivate() && addr.Is4():
		return "RFC 1918"
	case addr.IsPrivate():
		return "unique local"
	case thisNetwork.Contains(addr):
		return "this-network"
	case shared.Contains(addr):
		return "shared (RFC 6598)"
	case siteLocal.Contains(addr):
		return "site-local"
	}
	return ""
}

// PrivateKind is the function of this name, and sees what stands in an IPv6 address: an
// IPv4 one that is mapped, or behind a prefix of NAT64 or of another carrier.
func (p *Policy) PrivateKind(addr netip.Addr) string {
	inner := p.unmap(addr)
	if kind := PrivateKind(inner); kind != "" || inner.Is4() {
		return kind
	}
	if v4, ok := carried(inner); ok {
		return PrivateKind(v4)
	}
	return ""
}

// carried is the IPv4 address in an IPv6 address of a carrier.
func carried(addr netip.Addr) (v4 netip.Addr, ok bool) {
	for _, c := range carriers {
		if c.prefix.Contains(addr) {
			b := addr.As16()
			return netip.AddrFrom4([4]byte(b[c.at:])), true
		}
	}
	return netip.Addr{}, false
}
