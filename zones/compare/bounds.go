package compare

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"

	"splitdns/matcher"
)

// The shortest prefixes that are believed of a publication. The widest blocks that one vendor has
// are 17.0.0.0/8 and some of length 19 to 24 of IPv6.
const (
	shortest4 = 8
	shortest6 = 19
)

// Unbelievable says why no vendor publishes p for a service on the internet: it is wider than what
// any of them has, or meets a block that no server has an address of. It is "" where nothing is
// wrong. Documentation's addresses harm nobody, and are left to Lint.
func Unbelievable(p netip.Prefix) string {
	shortest := shortest6
	if p.Addr().Is4() {
		shortest = shortest4
	}
	if p.Bits() < shortest {
		return fmt.Sprintf("wider than /%d: so much nobody has", shortest)
	}
	for _, b := range nowhere {
		if b.what != "documentation" && b.prefix.Overlaps(p) {
			return b.what + " addresses"
		}
	}
	if mapped.Overlaps(p) {
		return "IPv4 addresses within IPv6"
	}
	return ""
}

// mapped is the addresses of IPv4 written as those of IPv6 (RFC 4291, section 2.5.5.2).
var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// IsInside says whether p meets a block for networks of one's own: RFC 1918, RFC 6598 and RFC 4193.
func IsInside(p netip.Prefix) bool {
	for _, b := range inside {
		if b.prefix.Overlaps(p) {
			return true
		}
	}
	return false
}

// IsOfEverybody says whether p takes in names below a suffix under which anybody can register
// one, such as .com and *a.co.uk, or all names.
func IsOfEverybody(p matcher.Pattern) bool {
	suffix, isWide := looseSuffix(p.String())
	if !isWide || suffix == "home.arpa" { // for everybody at home, RFC 8375
		return false
	}
	ending, icann := publicsuffix.PublicSuffix(suffix)
	return suffix == "" || suffix == ending && icann
}

// looseSuffix is the name below which the pattern with that text takes in names that it does not spell, "" for
// the root. It is not wide where it is but one name.
func looseSuffix(text string) (suffix string, isWide bool) {
	if i := strings.LastIndexAny(text, "*}"); i >= 0 {
		_, suffix, _ = strings.Cut(text[i:], ".")
		return suffix, true
	}
	return strings.CutPrefix(text, ".")
}
