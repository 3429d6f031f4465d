package config

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// dnsPort is the port of an address that is given without one.
const dnsPort = 53

// parseAddrPort reads "192.0.2.1:53", "192.0.2.1", "[2001:db8::1]:53",
// "[2001:db8::1]" or "2001:db8::1". An address alone takes the given port; 0
// means that a port must stand there.
func parseAddrPort(s string, port uint16) (netip.AddrPort, error) {
	if strings.Contains(s, "://") {
		return netip.AddrPort{}, fmt.Errorf("%q: only plain addresses are supported, such as \"192.0.2.1\" or \"192.0.2.1:53\"", s)
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		addr, addrErr := netip.ParseAddr(unbracket(s))
		if addrErr != nil {
			return netip.AddrPort{}, addressError(s, port)
		}
		if port == 0 {
			return netip.AddrPort{}, fmt.Errorf("%q: want a port too, such as %q", s, netip.AddrPortFrom(addr, 9153))
		}
		ap = netip.AddrPortFrom(addr, port)
	}
	switch {
	case ap.Addr().Is4In6():
		return netip.AddrPort{}, fmt.Errorf("%q: an IPv4-mapped address; write %q", s, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
	case ap.Addr().IsMulticast():
		return netip.AddrPort{}, fmt.Errorf("%q: a multicast address", s)
	}
	return ap, nil
}

// unbracket takes the brackets off an IPv6 address.
func unbracket(s string) string {
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]")
	}
	return s
}

// addressError says what is wrong with text that is no address, and how to
// write what was probably meant.
func addressError(s string, port uint16) error {
	if form := otherForm(s); form != "" {
		return fmt.Errorf("%q: %s", s, form)
	}
	host, portText, err := net.SplitHostPort(s)
	if err != nil {
		host, portText = s, strconv.Itoa(int(max(port, 1)))
	}
	number, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return fmt.Errorf("%q: %q is no port; want a number up to 65535", s, portText)
	}
	at := func(addr netip.Addr) netip.AddrPort { return netip.AddrPortFrom(addr, uint16(number)) }
	switch {
	case host == "" || host == "*":
		return fmt.Errorf("%q: every address of the machine is %q and %q", s, at(netip.IPv4Unspecified()), at(netip.IPv6Unspecified()))
	case host == "localhost":
		return fmt.Errorf("%q: a host name; write the address: %q or %q", s, at(netip.AddrFrom4([4]byte{127, 0, 0, 1})), at(netip.IPv6Loopback()))
	case isHostName(host):
		return fmt.Errorf("%q: a host name; write the address, such as %q", s, at(netip.AddrFrom4([4]byte{192, 0, 2, 1})))
	}
	return fmt.Errorf("%q: %s; want an address such as \"192.0.2.1\", \"192.0.2.1:53\" or \"[2001:db8::1]:53\"", s, zones.AddressFault(unbracket(host)))
}

// otherForm says how to write an address that is followed by a length, or by a
// port as other resolvers write it. It gives "" for all else.
func otherForm(s string) string {
	i := strings.IndexAny(s, "/#@")
	if i < 0 {
		return ""
	}
	addr, err := netip.ParseAddr(unbracket(s[:i]))
	if err != nil {
		return ""
	}
	if s[i] == '/' {
		return fmt.Sprintf("want one address, without a length; write %q", addr)
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("a port stands after a colon; write %q", netip.AddrPortFrom(addr, uint16(port)))
}

// isHostName says whether s looks like a name rather than a mistyped address.
func isHostName(s string) bool {
	return !strings.Contains(s, ":") && strings.ContainsAny(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz")
}

// maxListen is how many addresses a key to listen on may have.
const maxListen = 1000

// listenAddresses reads the addresses of a key to listen on. Those taken
// already are where DNS queries are answered.
func listenAddresses(texts []tomlfile.Text, port uint16, taken []netip.AddrPort) []netip.AddrPort {
	if len(texts) > maxListen {
		texts[maxListen].Problem("more than %d addresses", maxListen)
		texts = texts[:maxListen]
	}
	var have []netip.AddrPort
	return tomlfile.Each(texts, func(text tomlfile.Text) (netip.AddrPort, error) {
		ap, err := parseAddrPort(text.Value, port)
		if err != nil {
			return ap, err
		}
		if i := slices.IndexFunc(taken, func(other netip.AddrPort) bool { return overlap(ap, other) }); i >= 0 {
			return ap, fmt.Errorf("%q: DNS queries are answered at %q", text.Value, taken[i])
		}
		if i := slices.IndexFunc(have, func(other netip.AddrPort) bool { return ap != other && overlap(ap, other) }); i >= 0 {
			return ap, fmt.Errorf("%q: cannot be listened on beside %q, which overlaps it", text.Value, have[i])
		}
		have = append(have, ap)
		return ap, nil
	})
}

// overlap says whether only one of a and b can be listened on.
func overlap(a, b netip.AddrPort) bool { return covers(a, b) || covers(b, a) }

// covers says whether listening on a takes in what is sent to b. Port 0 is a
// different port each time.
func covers(a, b netip.AddrPort) bool {
	if a.Port() != b.Port() || a.Port() == 0 {
		return false
	}
	return a == b || a.Addr().IsUnspecified() && a.Addr().Is4() == b.Addr().Is4()
}
