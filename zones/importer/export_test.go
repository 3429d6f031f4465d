package importer

import "net/netip"

// LooksLike are the formats whose shape data has, in the order in which they are tried.
func LooksLike(data []byte) []string {
	var names []string
	for _, f := range formats {
		if f.looksLike(data) {
			names = append(names, f.name)
		}
	}
	return names
}

// Subtract is subtract.
func Subtract(from, minus []netip.Prefix) []netip.Prefix {
	left, _ := subtract(from, minus)
	return left
}
