package importer

import (
	"net/netip"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/compare"
)

// A pin lets through what any zone publishes for a name. So what a document slips in would open
// the pins of others too, and nobody would see it: it is doubted here.

// isBelieved says whether a prefix may be one of a publication. One that is not is noted, and is
// not to be taken over; private ones are, for they may be one's own network's.
func (r *reading) isBelieved(line int, p netip.Prefix) bool {
	if why := compare.Unbelievable(p); why != "" {
		r.note(line, Doubted, "%s: not taken over: %s", zones.PrefixText(p), why)
		return false
	}
	if compare.IsInside(p) {
		r.note(line, Doubted, "%s: private addresses, which nobody has on the internet: with them a pin lets names lead into one's own network", zones.PrefixText(p))
	}
	return true
}

// doubtSuffix notes a pattern for the names of everybody.
func (r *reading) doubtSuffix(line int, p matcher.Pattern) {
	if compare.IsOfEverybody(p) {
		r.note(line, Doubted, "%q takes in names of everybody", p)
	}
}

// ranged is a pattern for which a bundled zone publishes ranges.
type ranged struct {
	pattern matcher.Pattern
	zone    *zones.Zone
}

// appendRanged adds the patterns for which z publishes ranges.
func appendRanged(all []ranged, z *zones.Zone) []ranged {
	for i := range z.Rows {
		for p := range z.Rows[i].Patterns.All() {
			if len(z.Rows[i].Prefixes) > 0 {
				all = append(all, ranged{p, z})
			}
		}
	}
	return all
}

// doubtForeign notes the names of a draft with ranges for which a bundled zone of another vendor
// publishes its own. The vendor is the document's, or that of the bundled zone that the draft is for.
func (r *reading) doubtForeign(zone string, d *draft) {
	if len(d.prefixes) == 0 {
		return
	}
	vendor := r.about.Vendor
	if z, ok := bundled().zones[zone]; ok && vendor == "" {
		vendor = z.Vendor
	}
	for _, name := range d.names {
		for _, other := range bundled().ranged {
			if other.zone.Vendor != vendor && other.zone.Name != zone && other.pattern.Overlaps(name) {
				r.note(d.line, Doubted, "%q is of zone %s of %s: a pin of it would let these ranges through, too", name, other.zone.Name, other.zone.Vendor)
				break
			}
		}
	}
}
