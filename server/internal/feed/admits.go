package feed

import (
	"net/netip"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/compare"
)

// A list that shrinks breaks something, and somebody notices. One that grows breaks nothing: a pin lets
// through what it was there to keep out. So a copy is refused that admits what no list of endpoints
// has, or much more than the copy in force, until somebody who has looked at it accepts it.
// What the copy in force has already is not held against the new one.

// How much more than the copy in force a copy may publish: twice as much, and some.
const (
	moreIPv4 = 1 << 20 // addresses: a /12
	moreIPv6 = 1 << 36 // networks of length 64: a /28
)

// How much a first copy may publish.
const (
	mostIPv4 = 1 << 28 // addresses: a sixteenth of all. The widest lists of clouds have half of that
	mostIPv6 = 1 << 47 // networks of length 64: a /17
)

// admission is what a copy admits, beside what was in force.
type admission struct {
	before  *index         // of the copy in force, or else of the bundled zone of the name; nil: neither
	was     compare.Ranges // what that publishes
	ranged  []otherRow     // the names for which it does
	isFirst bool           // there is no copy in force
	fresh   *zones.Zone    // the new copy
	others  []otherRow     // of bundled zones of other vendors, with ranges
	isOurs  bool           // the copy has documents in the format of zone files, whose authors may carve out what they like
}

// otherRow is a pattern for which another zone publishes ranges.
type otherRow struct {
	zone    string
	pattern matcher.Pattern
}

// newAdmission prepares to judge what in admits, beside before, which may be nil.
func newAdmission(before *zones.Zone, in *contents, loaded []*zones.Zone) *admission {
	a := &admission{fresh: in.zone, isFirst: before == nil, isOurs: slices.Contains(in.formats, FormatZone)}
	vendor := ""
	if i := slices.IndexFunc(loaded, func(z *zones.Zone) bool { return z.Name == in.zone.Name }); i >= 0 {
		vendor = loaded[i].Vendor
		if before == nil {
			before = loaded[i]
		}
	}
	if before != nil {
		a.before, a.was, a.ranged = newIndex(before), compare.RangesOf(prefixesOf(before)...), appendRanged(nil, before)
	}
	if before == nil { // the first copy of a zone of somebody's own: what it holds is why it was subscribed to
		return a
	}
	for _, z := range loaded {
		if z.Name != in.zone.Name && (vendor == "" || z.Vendor != vendor) {
			a.others = appendRanged(a.others, z)
		}
	}
	return a
}

// appendRanged adds the patterns of z with ranges.
func appendRanged(all []otherRow, z *zones.Zone) []otherRow {
	eachPattern(z, func(row int, p matcher.Pattern) {
		if len(z.Rows[row].Prefixes) > 0 {
			all = append(all, otherRow{z.Name, p})
		}
	})
	return all
}

// prefixesOf are the prefixes of all rows.
func prefixesOf(z *zones.Zone) (all []netip.Prefix) {
	for i := range z.Rows {
		all = append(all, z.Rows[i].Prefixes...)
	}
	return all
}

// judge says what is wrong; nil if nothing is.
func (a *admission) judge() *Error {
	if a.fresh.CatchAll && a.before != nil && !a.before.zone.CatchAll {
		return errorf(Widened, `it says catch_all, which would take it out of every rule for zones = ["*"]`)
	}
	for _, part := range []func() *Error{a.prefixes, a.growth, a.patterns} {
		if e := part(); e != nil {
			return e
		}
	}
	return nil
}

// prefixes says which prefix no list has.
func (a *admission) prefixes() *Error {
	hasInside := a.before == nil || slices.ContainsFunc(prefixesOf(a.before.zone), compare.IsInside)
	for _, p := range prefixesOf(a.fresh) {
		why := compare.Unbelievable(p)
		if why == "" && !hasInside && compare.IsInside(p) {
			why = "private addresses, of which there were none"
		}
		if why != "" && !a.was.Covers(p) {
			return errorf(Widened, "it publishes %s, %s", zones.PrefixText(p), why)
		}
	}
	return nil
}

// growth says that much more is published than was.
func (a *admission) growth() *Error {
	most := compare.Size{IPv4: mostIPv4, IPv6: mostIPv6}
	is, was := compare.RangesOf(prefixesOf(a.fresh)...).Size(), a.was.Size()
	if !a.isFirst {
		most = compare.Size{IPv4: 2*was.IPv4 + moreIPv4, IPv6: 2*was.IPv6 + moreIPv6}
	}
	switch {
	case is.IPv4 > most.IPv4:
		return errorf(Widened, "it publishes %d IPv4 addresses, and before it were %d", is.IPv4, was.IPv4)
	case is.IPv6 > most.IPv6:
		return errorf(Widened, "it publishes %d IPv6 networks of length 64, and before it were %d", is.IPv6, was.IPv6)
	}
	return nil
}

// patterns says which pattern takes in names that are not the publisher's.
func (a *admission) patterns() (found *Error) {
	eachPattern(a.fresh, func(row int, p matcher.Pattern) {
		if found == nil {
			found = a.pattern(&a.fresh.Rows[row], p)
		}
	})
	return found
}

// pattern says what is wrong with a pattern of a row, beside what was there of it.
func (a *admission) pattern(r *zones.Row, p matcher.Pattern) *Error {
	isRanged := len(r.Prefixes) > 0 && !a.before.hasRanges(p)
	isCarved := a.carvesOut(r, p)
	switch {
	case a.isTooWide(p, isRanged):
		return errorf(Widened, "%s takes in names of everybody", p)
	case !isRanged && !isCarved:
		return nil // no pin is another for it
	case isCarved && a.unpins(p):
		return errorf(Widened, "it carves out %s, for which it published ranges: no pin would hold that", p)
	}
	return a.foreign(p)
}

// isTooWide says whether p takes in names of everybody, as it did not before.
func (a *admission) isTooWide(p matcher.Pattern, isRanged bool) bool {
	return isRanged && compare.IsOfEverybody(p) || a.isNewSuffix(p)
}

// carvesOut says whether r carves out p at its author's will, as no row did before.
func (a *admission) carvesOut(r *zones.Row, p matcher.Pattern) bool {
	return r.CarveOut && a.isOurs && !a.before.isCarved(p)
}

// foreign says whose names p takes in, beside its publisher's.
func (a *admission) foreign(p matcher.Pattern) *Error {
	i := slices.IndexFunc(a.others, func(o otherRow) bool { return o.pattern.Overlaps(p) })
	if i < 0 {
		return nil
	}
	return errorf(Widened, "%s takes in names of zone %s, which publishes ranges for %s", p, a.others[i].zone, a.others[i].pattern)
}

// isSuffix says whether p is all names below a suffix of everybody. Lists of what to block have others
// with stars, such as ads.*, which without ranges harm nobody.
func isSuffix(p matcher.Pattern) bool {
	return !strings.ContainsAny(strings.TrimPrefix(p.String(), "*"), "*{") && compare.IsOfEverybody(p)
}

// isNewSuffix says whether p is all names below a suffix of everybody, and was not there, nor another such
// pattern: a list of top-level domains may have more of these, but not all names.
func (a *admission) isNewSuffix(p matcher.Pattern) bool {
	if !isSuffix(p) || a.before == nil {
		return isSuffix(p)
	}
	return !a.before.has(p) && (!a.before.hasSuffixes || p.String() == "*")
}

// unpins says whether ranges were published for names that p matches.
func (a *admission) unpins(p matcher.Pattern) bool {
	return slices.ContainsFunc(a.ranged, func(o otherRow) bool { return o.pattern.Overlaps(p) })
}
