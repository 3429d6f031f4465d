package export

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"

	"splitdns/zones"
)

const (
	// maxIPSet is how long the name of a set may be, with room for the mark of the set that
	// takes its place: ipset(8) has 31 octets.
	maxIPSet = 30

	// maxElements bounds a set in the kernel, which reserves no memory for it. It is the same
	// for all sets of ordinary size: `create -exist` refuses a set that is there with another.
	maxElements = 1 << 20
)

// writeIPSet writes a file for `ipset restore`. Each set is filled aside and then swapped, so
// that packets meet the old elements or the new ones. What a run that was broken off left
// behind is emptied first.
func writeIPSet(w *writing) error {
	w.noNames(noteNames)
	for _, z := range w.zones {
		w.about("#", z)
		for _, is4 := range w.o.families() {
			w.ipSet(z, is4)
		}
	}
	return nil
}

// ipSet writes one set.
func (w *writing) ipSet(z *zones.Zone, is4 bool) {
	prefixes := netPrefixes(prefixesOf([]*zones.Zone{z}, is4))
	family := "inet6"
	if is4 {
		family = "inet"
	}
	kind := " hash:net family " + family + " maxelem " + strconv.Itoa(max(maxElements, len(prefixes))) + " -exist"
	name := w.o.ipSetName(z.Name, is4)
	aside := name + "~"
	w.line("create ", name, kind)
	w.line("create ", aside, kind)
	w.line("flush ", aside)
	for _, p := range prefixes {
		w.entry("add ", aside, " ", zones.PrefixText(p))
	}
	w.line("swap ", aside, " ", name)
	w.line("destroy ", aside)
}

// netPrefixes is prefixes for hash:net, which has none of length zero.
func netPrefixes(prefixes []netip.Prefix) []netip.Prefix {
	if len(prefixes) == 0 || prefixes[0].Bits() > 0 {
		return prefixes
	}
	if prefixes[0].Addr().Is4() {
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/1"), netip.MustParsePrefix("128.0.0.0/1")}
	}
	return []netip.Prefix{netip.MustParsePrefix("::/1"), netip.MustParsePrefix("8000::/1")}
}

// ipSetName is setName within the length that ipset has. A long one is cut, with a
// fingerprint of the whole in it.
func (o *Options) ipSetName(zone string, is4 bool) string {
	return familyName(shortened(o.SetPrefix+zone, maxIPSet-len("_4")), is4)
}

// fingerprint is how many hexadecimal digits stand for what was cut.
const fingerprint = 8

// shortened is name within limit octets.
func shortened(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:limit-fingerprint-1] + "+" + hex.EncodeToString(sum[:fingerprint/2])
}
