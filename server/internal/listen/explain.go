package listen

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// explain is err, which opening a socket for addr ended with, with what to do about it.
func explain(protocol string, addr netip.AddrPort, err error) error {
	cause := err
	if system, ok := errors.AsType[*os.SyscallError](err); ok {
		cause = system // without the address, which stands in front
	}
	return fmt.Errorf("listening on %s over %s: %w%s", addr, protocol, cause, hint(addr, cause))
}

// hint is what an administrator can do about cause, behind a colon; empty where nothing is known.
func hint(addr netip.AddrPort, cause error) string {
	a := addr.Addr()
	switch {
	case errors.Is(cause, errTaken):
		return takenHint(addr)
	case errors.Is(cause, errForbidden):
		return ": no permission for this port: " + permissionHint
	case errors.Is(cause, errNotHere):
		return fmt.Sprintf(": no interface of this machine has the address %s (%s)", a, addressesHint)
	case errors.Is(cause, errNoFamily):
		return fmt.Sprintf(": this machine does not speak %s", family(a))
	case a.IsLinkLocalUnicast() && a.Is6():
		return fmt.Sprintf(": a link-local address needs an interface that exists, as in %s%%eth0", a.WithZone(""))
	}
	return ""
}

// NoSuchAddress reports whether err, of [Open], says that this machine does not have the address, or
// speaks no protocol of its family.
func NoSuchAddress(err error) bool { return errors.Is(err, errNotHere) || errors.Is(err, errNoFamily) }

// takenHint says who may hold the port of addr.
func takenHint(addr netip.AddrPort) string {
	port := strconv.Itoa(int(addr.Port()))
	h := ": is another resolver, or another splitdns, running? `" + strings.ReplaceAll(socketsHint, "PORT", port) + "` shows it"
	if addr.Port() == dnsPort {
		h += stubHint
	}
	return h
}

// dnsPort is the port of DNS (RFC 1035, section 4.2), which a system's own resolver may hold.
const dnsPort = 53

// family is the IP version of a.
func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}
