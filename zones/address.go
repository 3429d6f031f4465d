package zones

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// ParsePrefix reads a prefix, or a single address as the prefix of full length.
func ParsePrefix(s string) (netip.Prefix, error) {
	p, fault := parsePrefix(s)
	addr := p.Addr()
	switch {
	case fault != "":
		return netip.Prefix{}, fmt.Errorf("%q: %s", s, fault)
	case addr.Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q: an IPv4-mapped address; write it as IPv4, such as %q", s, addr.Unmap())
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q: bits are set beyond the prefix length; write %q", s, p.Masked())
	}
	return p, nil
}

// parsePrefix is ParsePrefix for any prefix at all, and says what is wrong otherwise.
func parsePrefix(s string) (p netip.Prefix, fault string) {
	text, length, isPrefix := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil && !isPrefix:
		return p, noPrefix(s)
	case err != nil:
		return p, AddressFault(text) + wantPrefix
	case addr.Zone() != "":
		return p, fmt.Sprintf("an interface has no place here; write %q", strings.Replace(s, "%"+addr.Zone(), "", 1))
	case !isPrefix:
		return netip.PrefixFrom(addr, addr.BitLen()), ""
	}
	if p, err = netip.ParsePrefix(s); err == nil {
		return p, ""
	}
	return netip.Prefix{}, lengthFault(addr, length)
}

// wantPrefix is the form of prefixes.
const wantPrefix = `; want an address or a prefix, such as "192.0.2.1" or "192.0.2.0/24"`

// noPrefix says what is wrong with text in place of a single address or a prefix.
func noPrefix(s string) string {
	first, last, _ := strings.Cut(s, "-")
	if isAddress(strings.TrimSpace(first)) && isAddress(strings.TrimSpace(last)) {
		return `a run of addresses; write it as prefixes, such as "192.0.2.0/24"`
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return fmt.Sprintf("a port has no place here; write %q", ap.Addr())
	}
	return AddressFault(s) + wantPrefix
}

// isAddress says whether s is an address.
func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// lengthFault says what is wrong with the length of a prefix of addr.
func lengthFault(addr netip.Addr, length string) string {
	mask := net.ParseIP(length).To4()
	ones, bits := net.IPMask(mask).Size()
	if p := netip.PrefixFrom(addr, ones); bits == 32 && addr.Is4() {
		return fmt.Sprintf("a netmask; write the prefix length: %q", p.Masked())
	}
	return fmt.Sprintf("%q is no prefix length; want a number up to %d", length, addr.BitLen())
}

// AddressFault says what is wrong with text that is no IP address.
func AddressFault(s string) string {
	switch {
	case s == "":
		return "no address at all"
	case s != strings.TrimSpace(s):
		return "spaces around the address"
	case strings.Contains(s, ":"):
		return "no IPv6 address"
	case strings.Contains(s, "*"):
		return "a star has no place in an address"
	case strings.Trim(s, "0123456789.") != "":
		return "no address"
	}
	return fault4(strings.Split(s, "."))
}

// fault4 says what is wrong with the numbers of an IPv4 address.
func fault4(numbers []string) string {
	for _, n := range numbers {
		v, err := strconv.ParseUint(n, 10, 64)
		switch {
		case n == "":
			return "a dot too many"
		case err != nil || v > 255:
			return fmt.Sprintf("%s is no part of an IPv4 address, which has numbers up to 255", n)
		case len(n) > 1 && n[0] == '0':
			return fmt.Sprintf("%s: an IPv4 address has no zeros before its numbers", n)
		}
	}
	return fmt.Sprintf("an IPv4 address has 4 numbers, this has %d", len(numbers))
}
