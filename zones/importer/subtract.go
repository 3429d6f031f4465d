package importer

import (
	"net/netip"
	"slices"

	"splitdns/zones"
)

// span is the addresses of one family from first to last, both of them in it.
type span struct{ first, last netip.Addr }

// subtract gives the addresses of from that no prefix of minus covers, as the fewest
// prefixes, IPv4 before IPv6, in order. Prefixes may overlap; they have to be masked. A hole
// makes up to 128 prefixes of one: not ok says that there are more than a list may have.
func subtract(from, minus []netip.Prefix) (out []netip.Prefix, ok bool) {
	holes := spans(minus)
	for _, s := range spans(from) {
		for len(holes) > 0 && holes[0].last.Less(s.first) {
			holes = holes[1:]
		}
		if out = s.without(holes, out); len(out) > zones.MaxListPatterns {
			return nil, false
		}
	}
	return out, true
}

// without appends to out the prefixes of what is in s and in none of the holes, which are in order. It
// ends early where that is more than a list may have.
func (s span) without(holes []span, out []netip.Prefix) []netip.Prefix {
	for _, h := range holes {
		if !overlaps(s, h) || len(out) > zones.MaxListPatterns {
			break
		}
		if s.first.Less(h.first) {
			out = span{s.first, h.first.Prev()}.appendPrefixes(out)
		}
		if !h.last.Less(s.last) {
			return out
		}
		s.first = h.last.Next()
	}
	return s.appendPrefixes(out)
}

// overlaps says whether an address is in both.
func overlaps(a, b span) bool {
	return a.first.BitLen() == b.first.BitLen() && !a.last.Less(b.first) && !b.last.Less(a.first)
}

// spans is the union of prefixes, in order: no two of the spans overlap or touch.
func spans(prefixes []netip.Prefix) []span {
	all := make([]span, 0, len(prefixes))
	for _, p := range prefixes {
		all = append(all, span{p.Addr(), lastOf(p)})
	}
	slices.SortFunc(all, func(a, b span) int { return a.first.Compare(b.first) })
	out := all[:0]
	for _, s := range all {
		if len(out) == 0 || !out[len(out)-1].meets(s) {
			out = append(out, s)
		} else if before := &out[len(out)-1]; before.last.Less(s.last) {
			before.last = s.last
		}
	}
	return out
}

// meets says whether next, which does not begin before s, overlaps it or begins right behind it.
func (s span) meets(next span) bool {
	if s.first.BitLen() != next.first.BitLen() {
		return false
	}
	return !s.last.Less(next.first) || s.last.Next() == next.first
}

// appendPrefixes appends the fewest prefixes that make up s.
func (s span) appendPrefixes(out []netip.Prefix) []netip.Prefix {
	for {
		p := s.widest()
		out = append(out, p)
		last := lastOf(p)
		if last == s.last {
			return out
		}
		s.first = last.Next()
	}
}

// widest is the widest prefix that begins where s does and does not reach beyond it.
func (s span) widest() netip.Prefix {
	best := netip.PrefixFrom(s.first, s.first.BitLen())
	for bits := best.Bits() - 1; bits >= 0; bits-- {
		p := netip.PrefixFrom(s.first, bits)
		if p.Masked() != p || s.last.Less(lastOf(p)) {
			return best
		}
		best = p
	}
	return best
}

// lastOf is the last address of p.
func lastOf(p netip.Prefix) netip.Addr {
	octets := p.Addr().AsSlice()
	for i := range octets {
		if free := 8*(i+1) - p.Bits(); free > 0 {
			octets[i] |= byte(1<<min(free, 8) - 1)
		}
	}
	last, _ := netip.AddrFromSlice(octets)
	return last
}
