package export

import (
	"cmp"
	"net/netip"
	"slices"

	"splitdns/zones"
)

// prefixesOf gives the prefixes of zones of one IP version, sorted, without those that
// lie within others: sets of intervals refuse overlaps.
func prefixesOf(all []*zones.Zone, is4 bool) []netip.Prefix {
	var found []netip.Prefix
	for _, z := range all {
		for i := range z.Rows {
			found = append(found, z.Rows[i].Prefixes...)
		}
	}
	return apart(found, is4)
}

// apart gives those of all that are of one IP version, sorted, none within another. It uses up all.
func apart(all []netip.Prefix, is4 bool) []netip.Prefix {
	found := all[:0]
	for _, p := range all {
		if p.Addr().Is4() == is4 {
			found = append(found, p.Masked())
		}
	}
	slices.SortFunc(found, comparePrefixes)
	kept := found[:0]
	for _, p := range found {
		if len(kept) == 0 || !kept[len(kept)-1].Contains(p.Addr()) {
			kept = append(kept, p)
		}
	}
	return kept
}

// comparePrefixes orders by address, then the wider first: whatever holds a prefix stands before it.
func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// families are the IP versions that o asks for, IPv4 first.
func (o *Options) families() (is4 []bool) {
	switch o.Family {
	case 4:
		return []bool{true}
	case 6:
		return []bool{false}
	}
	return []bool{true, false}
}

// setName is what the set of a zone for an IP version is called.
func (o *Options) setName(zone string, is4 bool) string {
	return familyName(o.SetPrefix+zone, is4)
}

// familyName is name with the IP version at its end.
func familyName(name string, is4 bool) string {
	if is4 {
		return name + "_4"
	}
	return name + "_6"
}
