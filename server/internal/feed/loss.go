package feed

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/compare"
)

// index tells what a zone publishes. Names are told apart by their hashes, with a seed that
// nobody outside knows: lists have millions.
type index struct {
	seed   maphash.Seed
	names  map[uint64]struct{}
	ranged map[uint64][]int // the rows that publish ranges for a name
	carved map[uint64]struct{}
	zone   *zones.Zone
	all    coverage // of every row
	plain  coverage // of the rows without names
	of     map[int]coverage

	hasSuffixes bool // there are patterns that take in names of everybody
}

// newIndex looks through z.
func newIndex(z *zones.Zone) *index {
	x := &index{seed: maphash.MakeSeed(), names: map[uint64]struct{}{}, ranged: map[uint64][]int{}, carved: map[uint64]struct{}{}, zone: z, of: map[int]coverage{}}
	eachPattern(z, func(row int, p matcher.Pattern) {
		h := x.hash(p)
		x.names[h] = struct{}{}
		if len(z.Rows[row].Prefixes) > 0 {
			x.ranged[h] = append(x.ranged[h], row)
		}
		if z.Rows[row].CarveOut {
			x.carved[h] = struct{}{}
		}
		x.hasSuffixes = x.hasSuffixes || isSuffix(p)
	})
	var all, plain []netip.Prefix
	for i := range z.Rows {
		all = append(all, z.Rows[i].Prefixes...)
		if z.Rows[i].Patterns.Len() == 0 {
			plain = append(plain, z.Rows[i].Prefixes...)
		}
	}
	x.all, x.plain = newCoverage(all), newCoverage(plain)
	return x
}

// hash stands for a name.
func (x *index) hash(p matcher.Pattern) uint64 { return maphash.String(x.seed, p.String()) }

// has says whether the name is published.
func (x *index) has(p matcher.Pattern) bool {
	_, ok := x.names[x.hash(p)]
	return ok
}

// hasRanges says whether ranges are published for the name. A nil index publishes none.
func (x *index) hasRanges(p matcher.Pattern) bool { return x != nil && len(x.ranged[x.hash(p)]) > 0 }

// isCarved says whether a row with the name is carved out. A nil index has none.
func (x *index) isCarved(p matcher.Pattern) bool {
	if x == nil {
		return false
	}
	_, ok := x.carved[x.hash(p)]
	return ok
}

// coverageOf is what is published for a name.
func (x *index) coverageOf(p matcher.Pattern) coverage {
	rows := x.ranged[x.hash(p)]
	if len(rows) == 1 {
		return x.row(rows[0])
	}
	var together []netip.Prefix
	for _, row := range rows {
		together = append(together, x.zone.Rows[row].Prefixes...)
	}
	return newCoverage(together)
}

// row is the coverage of one row.
func (x *index) row(i int) coverage {
	c, ok := x.of[i]
	if !ok {
		c = newCoverage(x.zone.Rows[i].Prefixes)
		x.of[i] = c
	}
	return c
}

// A loss is how much of what was published has gone, as it is written.
type loss struct {
	names    int
	prefixes int // of which an address has gone
}

// lossOf is what of old is not in fresh.
func lossOf(old *zones.Zone, fresh *index) loss {
	var l loss
	seen := make(map[uint64]struct{})
	eachPattern(old, func(_ int, p matcher.Pattern) {
		h := fresh.hash(p)
		if _, again := seen[h]; again {
			return
		}
		seen[h] = struct{}{}
		if !fresh.has(p) {
			l.names++
		}
	})
	prefixes := make(map[netip.Prefix]struct{})
	for i := range old.Rows {
		for _, p := range old.Rows[i].Prefixes {
			prefixes[p] = struct{}{}
		}
	}
	for p := range prefixes {
		if !fresh.all.covers(p) {
			l.prefixes++
		}
	}
	return l
}

// tooMuch says what has shrunk by more than so many percent; nil if nothing has.
func tooMuch(l compare.Loss, percent int) *Error {
	if l.Percent() <= percent {
		return nil
	}
	lost := ""
	if l.PinsLost > 0 {
		lost = fmt.Sprintf(", %d of %d names with ranges have none any more", l.PinsLost, l.Pinned)
	}
	return errorf(Shrunk, "%d of %d names and %d of %d prefixes have gone%s, and max_loss is %d %%",
		l.NamesGone, l.Names, l.PrefixesGone, l.Prefixes, lost, percent)
}

// coverage is ranges of addresses, in order and apart from each other.
type coverage []addrRange

// addrRange is the addresses from first to last.
type addrRange struct{ first, last netip.Addr }

// newCoverage is what prefixes hold together.
func newCoverage(prefixes []netip.Prefix) coverage {
	ranges := make([]addrRange, 0, len(prefixes))
	for _, p := range prefixes {
		ranges = append(ranges, addrRange{p.Masked().Addr(), lastOf(p)})
	}
	slices.SortFunc(ranges, func(a, b addrRange) int { return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last)) })
	var c coverage
	for _, r := range ranges {
		if n := len(c); n > 0 && joins(c[n-1], r) {
			if c[n-1].last.Less(r.last) {
				c[n-1].last = r.last
			}
			continue
		}
		c = append(c, r)
	}
	return c
}

// joins says whether b, which does not begin before a, overlaps it or begins behind it.
func joins(a, b addrRange) bool {
	next := a.last.Next()
	return a.first.Is4() == b.first.Is4() && (b.first.Compare(a.last) <= 0 || next.IsValid() && b.first == next)
}

// covers says whether every address of p is in c.
func (c coverage) covers(p netip.Prefix) bool {
	first, last := p.Masked().Addr(), lastOf(p)
	i, found := slices.BinarySearchFunc(c, first, func(r addrRange, a netip.Addr) int { return r.first.Compare(a) })
	if !found {
		i--
	}
	return i >= 0 && c[i].first.Is4() == first.Is4() && last.Compare(c[i].last) <= 0
}

// lastOf is the last address of p.
func lastOf(p netip.Prefix) netip.Addr {
	octets := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(octets); bit++ {
		octets[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(octets)
	return last
}
