package zones

import "net/netip"

// PrefixText is p as zone files and explanations write it: a single address
// without its length.
func PrefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
