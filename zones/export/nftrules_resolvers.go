package export

import (
	"net/netip"
	"slices"
	"strings"
)

// publicResolvers are addresses that answer DNS over HTTPS for everybody. Where a vendor's published
// ranges take them in, as Google's do, a client could ask there, past the server, on a port that is
// open for something else. From the pages of the operators: developers.google.com/speed/public-dns,
// developers.cloudflare.com/1.1.1.1, quad9.net/service and opendns.com/setupguide.
var publicResolvers = []string{
	"8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844", "2001:4860:4860::64", "2001:4860:4860::6464",
	"1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001",
	"9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9",
	"208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53",
}

// denyResolvers writes that public resolvers are not open, though the published prefixes that are
// open as a whole take them in. Those that the administrator names are not among them.
func (w *writing) denyResolvers(all []reach) {
	if !w.o.Rules.Static {
		return
	}
	said := false
	for _, is4 := range w.o.families() {
		open := w.openResolvers(all, is4)
		if len(open) == 0 {
			continue
		}
		if !said {
			w.rule("# Public resolvers in the published prefixes: a client that asks there is not seen here.")
			said = true
		}
		ip := "ip6"
		if is4 {
			ip = "ip"
		}
		w.rule(ip, "daddr", oneOrSet(open), "goto", w.chain(chainDenied))
	}
}

// openResolvers are the public resolvers of an IP version within the published prefixes of all.
func (w *writing) openResolvers(all []reach, is4 bool) (open []string) {
	var prefixes []netip.Prefix
	for _, r := range all {
		prefixes = append(prefixes, r.prefixes(is4)...)
	}
	for _, text := range publicResolvers {
		addr := netip.MustParseAddr(text)
		if addr.Is4() == is4 && !slices.Contains(w.o.Rules.Resolvers, addr) &&
			slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			open = append(open, text)
		}
	}
	slices.SortFunc(open, strings.Compare)
	return open
}
