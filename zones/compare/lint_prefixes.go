package compare

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"splitdns/zones"
)

// prefixes looks at the prefixes of one row.
func (l *linter) prefixes(r *row) {
	if len(r.row.Prefixes) == 0 {
		return
	}
	l.nowhere(r)
	l.private(r)
	l.nested(r)
	l.weak(r)
	l.rented(r)
}

// nowhere are blocks that no server on the internet has an address of, and what they are.
var nowhere = table(
	"0.0.0.0/8", `"this network"`,
	"127.0.0.0/8", "loopback",
	"169.254.0.0/16", "link-local",
	"192.0.2.0/24", "documentation",
	"198.51.100.0/24", "documentation",
	"203.0.113.0/24", "documentation",
	"224.0.0.0/4", "multicast",
	"240.0.0.0/4", "reserved",
	"::/127", "unspecified and loopback",
	"2001:db8::/32", "documentation",
	"3fff::/20", "documentation",
	"fe80::/10", "link-local",
	"ff00::/8", "multicast",
)

// inside are blocks for networks of one's own: RFC 1918, RFC 6598 and RFC 4193.
var inside = table("10.0.0.0/8", "private", "100.64.0.0/10", "shared", "172.16.0.0/12", "private", "192.168.0.0/16", "private", "fc00::/7", "unique local")

// ownBlocks are wide blocks of one vendor that rents them to nobody.
var ownBlocks = table("17.0.0.0/8", "Apple")

// rentedBlocks are blocks of which anybody can rent an address, or a place behind one: what
// clouds and content delivery networks publish for their customers. They are not complete:
// those clouds that mix customers with their own services in one list are left out, such as Azure.
// Sources, all public lists of the owners: https://www.cloudflare.com/ips/,
// https://api.fastly.com/public-ip-list, https://www.gstatic.com/ipranges/cloud.json (its
// widest blocks), https://ip-ranges.amazonaws.com/ip-ranges.json (service CLOUDFRONT).
var rentedBlocks = table(
	"104.16.0.0/13", "Cloudflare",
	"104.24.0.0/14", "Cloudflare",
	"141.101.64.0/18", "Cloudflare",
	"162.158.0.0/15", "Cloudflare",
	"172.64.0.0/13", "Cloudflare",
	"188.114.96.0/20", "Cloudflare",
	"198.41.128.0/17", "Cloudflare",
	"2606:4700::/32", "Cloudflare",
	"2a06:98c0::/29", "Cloudflare",
	"146.75.0.0/17", "Fastly",
	"151.101.0.0/16", "Fastly",
	"199.232.0.0/16", "Fastly",
	"2a04:4e40::/32", "Fastly",
	"13.32.0.0/15", "Amazon CloudFront",
	"52.84.0.0/15", "Amazon CloudFront",
	"54.230.0.0/16", "Amazon CloudFront",
	"2600:9000:2000::/36", "Amazon CloudFront",
	"34.64.0.0/10", "Google Cloud",
	"34.128.0.0/10", "Google Cloud",
	"35.184.0.0/13", "Google Cloud",
	"35.192.0.0/13", "Google Cloud",
	"35.208.0.0/12", "Google Cloud",
	"35.224.0.0/12", "Google Cloud",
	"35.240.0.0/13", "Google Cloud",
	"2600:1900::/28", "Google Cloud",
)

// block is a prefix and whose it is, or what for.
type block struct {
	prefix netip.Prefix
	what   string
}

// table makes blocks of prefixes and what they are, in turns.
func table(texts ...string) (blocks []block) {
	for pair := range slices.Chunk(texts, 2) {
		blocks = append(blocks, block{netip.MustParsePrefix(pair[0]), pair[1]})
	}
	return blocks
}

// holding is the first of blocks that holds all of p.
func holding(blocks []block, p netip.Prefix) (block, bool) {
	for _, b := range blocks {
		if b.prefix.Bits() <= p.Bits() && b.prefix.Contains(p.Addr()) {
			return b, true
		}
	}
	return block{}, false
}

// nowhere finds what is nobody's address on the internet, and everybody's.
func (l *linter) nowhere(r *row) {
	var kinds []string // in the order of the row
	found := map[string][]string{}
	for _, p := range r.row.Prefixes {
		b, ok := holding(nowhere, p)
		if p.Bits() == 0 {
			b.what, ok = everywhere, true
		}
		if !ok {
			continue
		}
		if found[b.what] == nil {
			kinds = append(kinds, b.what)
		}
		found[b.what] = append(found[b.what], zones.PrefixText(p))
	}
	for _, what := range kinds {
		f := Finding{Severity: Problem, Code: codeNowhere, Subjects: found[what], Fix: "delete it; a row without prefixes publishes no range"}
		if f.Text = some(found[what]) + ": " + what + " addresses, which no server on the internet has"; what == everywhere {
			f.Text = some(found[what]) + ": every address there is, so that a pin says nothing"
		}
		l.add(r, f)
	}
}

// everywhere is the kind of prefixes that hold all addresses.
const everywhere = "all"

// private finds private addresses among public ones. A row of nothing else is one's own network.
func (l *linter) private(r *row) {
	var found []string
	for _, p := range r.row.Prefixes {
		if _, ok := holding(inside, p); ok {
			found = append(found, zones.PrefixText(p))
		}
	}
	if len(found) == 0 || len(found) == len(r.row.Prefixes) {
		return
	}
	l.add(r, Finding{
		Severity: Warning, Code: codePrivate, Subjects: found,
		Text: "private addresses among public ones: " + some(found), Fix: "give one's own addresses a row of their own",
	})
}

// nested finds prefixes that lie within others of the row: they add nothing to it.
func (l *linter) nested(r *row) {
	sorted := slices.Clone(r.row.Prefixes)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var within []string
	var wide netip.Prefix // the last that lies in no other
	example := ""
	for _, p := range sorted {
		if !wide.IsValid() || !wide.Overlaps(p) {
			wide = p
			continue
		}
		if within = append(within, zones.PrefixText(p)); example == "" {
			example = zones.PrefixText(wide)
		}
	}
	if len(within) == 0 {
		return
	}
	l.add(r, Finding{
		Severity: Note, Code: codeNested, Subjects: within,
		Text: fmt.Sprintf("%s within others of the row, such as %s in %s: a pin is no narrower for them",
			count(len(within), "prefix lies", "prefixes lie"), within[0], example),
		Fix: "delete them, or the wider ones if the narrower were meant",
	})
}

// Limits of what a pin can mean.
const (
	manyAddresses = 1 << 22 // IPv4 addresses in one row: a thousandth of all
	wide4         = 12      // prefixes shorter than this are wide
	wide6         = 32
)

// weak finds rows with so many addresses that a pin to them says little.
func (l *linter) weak(r *row) {
	var others []netip.Prefix
	var wide []string
	for _, p := range r.row.Prefixes {
		if isOwned(p) || p.Bits() == 0 {
			continue
		}
		others = append(others, p)
		if isWide(p) {
			wide = append(wide, p.String())
		}
	}
	size := RangesOf(others...).Size()
	if len(wide) == 0 && size.IPv4 < manyAddresses {
		return
	}
	text := fmt.Sprintf("%.1f million IPv4 addresses are published", float64(size.IPv4)/1e6)
	if len(wide) > 0 {
		text += ", prefixes as wide as " + some(wide)
	}
	l.add(r, Finding{
		Severity: Warning, Code: codeWeak, Subjects: wide,
		Text: text + ": a pin to so much keeps little out", Fix: "pin to nothing stricter than observe, or find narrower prefixes",
	})
}

// isOwned says whether all of p is one vendor's, or one's own.
func isOwned(p netip.Prefix) bool {
	_, isVendors := holding(ownBlocks, p)
	_, isInside := holding(inside, p)
	return isVendors || isInside
}

// isWide says whether p is as wide as what only the largest have.
func isWide(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return p.Bits() < wide4
	}
	return p.Bits() < wide6
}

// rented finds addresses that others can rent: prefixes within a block of such, or around one.
func (l *linter) rented(r *row) {
	var found, owners []string
	for _, p := range r.row.Prefixes {
		before := len(owners)
		for _, b := range rentedBlocks {
			if p.Bits() > 0 && b.prefix.Overlaps(p) { // all addresses are a problem of their own
				owners = append(owners, b.what)
			}
		}
		if len(owners) > before {
			found = append(found, zones.PrefixText(p))
		}
	}
	if len(found) == 0 {
		return
	}
	slices.Sort(owners)
	l.add(r, Finding{
		Severity: Warning, Code: codeShared, Subjects: found,
		Text: fmt.Sprintf("anybody can rent an address of %s, and %s such: %s", some(slices.Compact(owners)), count(len(found), "prefix has", "prefixes have"), some(found)),
		Fix:  "pin to nothing stricter than observe: such an address does not prove who answers",
	})
}
