package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"splitdns/zones"
	"splitdns/zones/compare"
)

// mergedRanges are range changes that are shown as one: they come to the same ranges.
type mergedRanges struct {
	compare.RangeChange
	least, most extent // of what was published before
}

// extent is how much is published, as people count it.
type extent struct {
	addresses uint64 // IPv4
	prefixes6 int
}

// extentOf counts prefixes, which hold addresses of IPv4 in this number.
func extentOf(prefixes []netip.Prefix, addresses uint64) extent {
	return extent{addresses, ofVersion(prefixes, 6)}
}

// ofVersion counts the prefixes of an IP version.
func ofVersion(prefixes []netip.Prefix, version int) (n int) {
	for _, p := range prefixes {
		if p.Addr().Is4() == (version == 4) {
			n++
		}
	}
	return n
}

// extentText says how much is published, from least to most.
func extentText(least, most extent) string {
	var parts []string
	if most.addresses > 0 {
		parts = append(parts, fromTo(least.addresses, most.addresses)+" IPv4 "+plainPlural(most.addresses, "address"))
	}
	if most.prefixes6 > 0 {
		parts = append(parts, fromTo(uint64(least.prefixes6), uint64(most.prefixes6))+" IPv6 "+plainPlural(uint64(most.prefixes6), "prefix"))
	}
	return cmp.Or(strings.Join(parts, " and "), "nothing")
}

// fromTo is a number, or two with "to" between.
func fromTo(least, most uint64) string {
	if least == most {
		return number(most)
	}
	return number(least) + " to " + number(most)
}

// merged puts the changes of a zone together that come to the same ranges, the one with
// the most names first; if all, it leaves each for itself.
func merged(changes []compare.RangeChange, all bool) (result []mergedRanges) {
	for _, c := range changes {
		i := slices.IndexFunc(result, func(m mergedRanges) bool {
			return !all && slices.Equal(m.New, c.New) && m.HadRanges() == c.HadRanges() && m.CarvedOut == c.CarvedOut && slices.Equal(m.Judged, c.Judged)
		})
		if before := extentOf(c.Old, c.Before.IPv4); i < 0 {
			result = append(result, mergedRanges{c, before, before})
		} else {
			result[i].add(c, before)
		}
	}
	slices.SortStableFunc(result, func(a, b mergedRanges) int { return cmp.Compare(len(b.Names), len(a.Names)) })
	return result
}

// add adds a change that comes to the same ranges.
func (m *mergedRanges) add(c compare.RangeChange, before extent) {
	m.Names = slices.Concat(m.Names, c.Names)
	rejects := compare.RangesOf(slices.Concat(m.Rejects, c.Rejects)...)
	m.Rejects, m.Rejected = rejects.Prefixes(), rejects.Size()
	admits := compare.RangesOf(slices.Concat(m.Admits, c.Admits)...)
	m.Admits, m.Admitted = admits.Prefixes(), admits.Size()
	m.least = extent{min(m.least.addresses, before.addresses), min(m.least.prefixes6, before.prefixes6)}
	m.most = extent{max(m.most.addresses, before.addresses), max(m.most.prefixes6, before.prefixes6)}
}

// writeRanges writes what a pin would do otherwise for some names.
func writeRanges(p *page, m mergedRanges) {
	names := plural(len(m.Names), "name")
	before, now := extentText(m.least, m.most), extentText(extentOf(m.New, m.After.IPv4), extentOf(m.New, m.After.IPv4))
	switch {
	case !m.HadRanges():
		p.paragraph("  ", names+" with ranges for the first time, "+now+": a pin would judge them.")
	case !m.HasRanges() && m.CarvedOut:
		p.paragraph("  ", names+" carved out now, "+before+" before: a pin would let everything pass.")
	case !m.HasRanges():
		p.paragraph("  ", names+" without ranges now, "+before+" before: a pin would let everything pass.")
	default:
		p.paragraph("  ", names+" with other ranges: "+before+" before, "+now+" now.")
	}
	p.list("    names", m.Names)
	writePrefixes(p, "    a pin would newly reject ", m.Rejects, m.Rejected.IPv4)
	writePrefixes(p, "    a pin would newly admit ", m.Admits, m.Admitted.IPv4)
	if m.HadRanges() && m.HasRanges() {
		writeVersions(p, &m.RangeChange)
	}
}

// writePrefixes writes prefixes, which have so many addresses of IPv4, the shortest first.
func writePrefixes(p *page, what string, prefixes []netip.Prefix, addresses uint64) {
	if len(prefixes) == 0 {
		return
	}
	sorted := slices.Clone(prefixes)
	slices.SortStableFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen()), cmp.Compare(a.Bits(), b.Bits()))
	})
	texts := make([]string, len(sorted))
	for i, prefix := range sorted {
		texts[i] = zones.PrefixText(prefix)
	}
	much := extentOf(prefixes, addresses)
	p.list(what+extentText(much, much), texts)
}

// writeVersions writes which IP versions a pin begins or ceases to judge.
func writeVersions(p *page, c *compare.RangeChange) {
	for _, v := range c.Judged {
		p.paragraph("    ", fmt.Sprintf("IPv%d is judged for the first time: a pin would reject all but %s.", v, plural(ofVersion(c.New, v), "prefix")))
	}
	for _, v := range c.Unjudged {
		p.paragraph("    ", fmt.Sprintf("IPv%d is no longer judged: a pin would let all of it pass.", v))
	}
}
