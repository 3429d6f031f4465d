package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"splitdns/zones"
)

// A Match names the row that a name was found in. The zero Match is none.
type Match struct {
	Zone, Row, Pattern string
}

// row is a row of a loaded zone with its prefixes compiled.
type row struct {
	zone   *zones.Zone
	row    *zones.Row
	ranges *bart.Lite // nil without prefixes
	v4, v6 bool       // families for which it publishes something
}

// newRow compiles r.
func newRow(z *zones.Zone, r *zones.Row) *row {
	compiled := &row{zone: z, row: r}
	if len(r.Prefixes) == 0 {
		return compiled
	}
	compiled.ranges = new(bart.Lite)
	for _, p := range r.Prefixes {
		compiled.ranges.Insert(p)
		compiled.v4 = compiled.v4 || p.Addr().Is4()
		compiled.v6 = compiled.v6 || p.Addr().Is6()
	}
	return compiled
}

// compareRows puts rows in the order in which they are worth naming where they share a
// pattern: with ranges first, then not of a catch-all, then required by the vendor, then by zone.
func compareRows(a, b *row) int {
	return cmp.Or(
		compareBool(a.ranges != nil, b.ranges != nil),
		compareBool(!a.zone.CatchAll, !b.zone.CatchAll),
		compareBool(a.row.Required, b.row.Required),
		cmp.Compare(a.zone.Name, b.zone.Name),
	)
}

// compareBool orders true before false.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Published is what is published for one name: the union of the prefixes of
// all rows that match it, cut off where a row is carved out. The zero value
// publishes nothing.
type Published struct {
	rows     []*row // with prefixes, most specific first
	carveOut Match  // the row that kept wider ranges away, if one did
}

// publish collects what hits publish, most specific first. A carved-out row
// takes no ranges from wider patterns, so what is wider than it does not count.
func publish(hits []hit) Published {
	var p Published
	var cut Match
	cutTier := len(hits) // behind every tier
	for i := range hits {
		h := &hits[i]
		r := h.Value.row
		switch {
		case r == nil:
			continue
		case h.tier > cutTier:
			if p.lacks(r) {
				p.carveOut = cut
			}
			continue
		case p.lacks(r):
			p.rows = append(p.rows, r)
		}
		if r.row.CarveOut && cutTier > h.tier {
			cut, cutTier = match(hits, i), h.tier
		}
	}
	return p
}

// lacks reports whether r has ranges that p does not count.
func (p Published) lacks(r *row) bool {
	return r.ranges != nil && !slices.Contains(p.rows, r)
}

// Any reports whether anything is published.
func (p Published) Any() bool { return len(p.rows) > 0 }

// CarveOut returns the row because of which wider ranges do not count; the
// zero Match if none had to be kept away.
func (p Published) CarveOut() Match { return p.carveOut }

// Prefixes returns all published prefixes, those of the most specific row
// first, each once.
func (p Published) Prefixes() []netip.Prefix {
	var all []netip.Prefix
	seen := map[netip.Prefix]bool{}
	for _, r := range p.rows {
		for _, prefix := range r.row.Prefixes {
			if !seen[prefix] {
				seen[prefix] = true
				all = append(all, prefix)
			}
		}
	}
	return all
}

// Singles returns the single addresses of one family that the most specific
// row having any publishes.
func (p Published) Singles(v4 bool) []netip.Addr {
	for _, r := range p.rows {
		var singles []netip.Addr
		for _, prefix := range r.row.Prefixes {
			if prefix.IsSingleIP() && prefix.Addr().Is4() == v4 {
				singles = append(singles, prefix.Addr())
			}
		}
		if len(singles) > 0 {
			return singles
		}
	}
	return nil
}

// judge holds one unmapped address against what is published.
func (p Published) judge(addr netip.Addr, strictFamilies bool) Verdict {
	if len(p.rows) == 0 {
		return NoRange
	}
	family := strictFamilies
	for _, r := range p.rows {
		if r.ranges.Contains(addr) {
			return Inside
		}
		family = family || (addr.Is4() && r.v4) || (addr.Is6() && r.v6)
	}
	if !family {
		return NoFamily
	}
	return Outside
}

// A Source is a row that publishes an address.
type Source struct {
	Zone, Row string
	Prefix    netip.Prefix
}

// Sources returns the rows of all loaded zones that publish addr, the longest
// prefix first, and addr as it was judged: unmapped.
func (p *Policy) Sources(addr netip.Addr) ([]Source, netip.Addr) {
	addr = p.unmap(addr)
	var found []Source
	for _, r := range p.rows {
		for _, prefix := range r.row.Prefixes {
			if prefix.Contains(addr) {
				found = append(found, Source{Zone: r.zone.Name, Row: r.row.Name, Prefix: prefix})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Source) int {
		return cmp.Or(
			cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()),
			cmp.Compare(a.Zone, b.Zone),
			cmp.Compare(a.Row, b.Row),
		)
	})
	return found, addr
}
