// Package compare says how two states of what vendors publish differ, for somebody who
// decides whether to roll the new one out, and finds what is doubtful in one state.
//
// [Compare] works on two levels. By row it says what was written otherwise. By meaning it
// says what a running resolver would do otherwise: for each name it takes together what
// all rows of all zones publish, as the server does, and says which names are known,
// through which zones, and which addresses a pin would reject or admit. Rows that were
// merely sorted differently make no difference there.
//
// [Lint] looks at one state. Neither reads files, and neither knows rules: what a rule does
// with a name is the business of the policy.
//
// Sets of addresses are those of go4.org/netipx, which is small, needs nothing else and is
// well tried; a simple twin in the tests holds our counting to it.
package compare

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"splitdns/zones"
)

// Diff is everything that differs between two states. Its JSON form is stable: fields may
// be added, and lists are never null. Titles, editions, sources and dates make no difference.
type Diff struct {
	Summary Summary       `json:"summary"`
	Zones   []ZoneDiff    `json:"zones"`  // by name
	Ranges  []RangeChange `json:"ranges"` // names for which other addresses are published
	Names   []NameChange  `json:"names"`  // names that are found otherwise: newly, no longer, through other zones
}

// IsEmpty says whether the two states are the same.
func (d *Diff) IsEmpty() bool { return len(d.Zones)+len(d.Ranges)+len(d.Names) == 0 }

// Summary is a diff in numbers. Names are patterns; of several ranges of numbers
// that overlap, each part counts.
type Summary struct {
	ZonesBefore int      `json:"zones_before"`
	ZonesAfter  int      `json:"zones_after"`
	ZonesAdded  []string `json:"zones_added"`
	ZonesGone   []string `json:"zones_gone"` // a rule that names one finds nothing

	Singles  Kept `json:"single_addresses"` // those that are printed as such
	Prefixes Kept `json:"prefixes"`         // all others
	IPv6     Kept `json:"ipv6"`             // those of the two that are IPv6

	NamesBefore int `json:"names_before"`
	NamesAfter  int `json:"names_after"`
	NamesNew    int `json:"names_new"`    // nothing matched them before
	NamesGone   int `json:"names_gone"`   // nothing matches them any more
	NamesWider  int `json:"names_wider"`  // had a row of their own; only a wider pattern matches now
	NamesMoved  int `json:"names_moved"`  // no longer in a zone that they were in, but known
	PinsChanged int `json:"pins_changed"` // names with ranges before and after, and not the same
	PinsGained  int `json:"pins_gained"`  // names known before that have ranges for the first time
	PinsLost    int `json:"pins_lost"`    // names still known that have no ranges any more
}

// Kept is what became of the prefixes that were published, whatever for.
type Kept struct {
	Before int `json:"before"` // how many different ones there were
	Kept   int `json:"kept"`   // every address is still published
	Part   int `json:"part"`   // some addresses are
	Gone   int `json:"gone"`   // no address is
	After  int `json:"after"`  // how many different ones there are now
	New    int `json:"new"`    // no address of these was published before
}

// RangeChange is names for which not the same addresses are published as before, in the same way.
//
// A pin judges an address only where something is published for its IP version; any other
// passes. So it rejects nothing where the last range went, and admits nothing where the first came.
type RangeChange struct {
	Zone        string         `json:"zone"`  // of the most specific row that had the names, else that has them
	Names       []string       `json:"names"` // patterns
	KnownBefore bool           `json:"known_before"`
	KnownAfter  bool           `json:"known_after"`
	CarvedOut   bool           `json:"carved_out"` // by the most specific row that has them now
	Before      Size           `json:"before"`     // of what is published
	After       Size           `json:"after"`
	Old         []netip.Prefix `json:"old"`     // what was published, in as few prefixes as can be
	New         []netip.Prefix `json:"new"`     // what is published
	Rejects     []netip.Prefix `json:"rejects"` // what a pin let pass and would now remove
	Admits      []netip.Prefix `json:"admits"`  // what a pin removed and would now let pass
	Rejected    Size           `json:"rejected"`
	Admitted    Size           `json:"admitted"`
	// Judged and Unjudged are the IP versions, 4 and 6, for which something is published
	// for the first time (a pin would now remove all other addresses), and no longer.
	Judged   []int `json:"judged"`
	Unjudged []int `json:"unjudged"`
}

// HadRanges says whether anything was published for the names.
func (c *RangeChange) HadRanges() bool { return len(c.Old) > 0 }

// HasRanges says whether anything is published for the names.
func (c *RangeChange) HasRanges() bool { return len(c.New) > 0 }

// What became of names.
const (
	NewName   = "new"   // nothing matched them before
	GoneName  = "gone"  // nothing matches them any more
	WiderName = "wider" // had a row of their own; a wider pattern matches them now, and takes their place
	MovedName = "moved" // still known, but no longer in a zone that they were in: its rules lose them
	AlsoName  = "also"  // in a further zone, whose rules get them
)

// NameChange is names that are found otherwise, in the same way.
type NameChange struct {
	Kind    string   `json:"kind"`              // "new", "gone", "wider", "moved" or "also"
	Names   []string `json:"names"`             // patterns
	From    []string `json:"from"`              // the zones that matched them and no longer do
	To      []string `json:"to"`                // the zones that match them and did not
	Pattern string   `json:"pattern,omitempty"` // "wider": the one that matches them now
	Zone    string   `json:"zone"`              // of the most specific row that matches them, "gone": that did
	// OutOfAll is set where only catch-alls have the names now, and others had: rules for "*" lose them.
	OutOfAll bool `json:"out_of_all"`
}

// Compare compares two whole states: all zones that are loaded together. It keeps neither.
// No two zones of a state may have one name. It takes some microseconds for each pattern.
func Compare(before, after []*zones.Zone) Diff {
	shared := newPublished()
	c := &comparison{
		before: newSide(before, shared), after: newSide(after, shared),
		ranges: map[rangeKey]*RangeChange{}, names: map[nameKey]*NameChange{},
	}
	for _, u := range units(before, after) {
		c.look(u)
	}
	d := Diff{Summary: c.summary, Zones: zoneDiffs(before, after), Ranges: c.rangeChanges(), Names: c.nameChanges()}
	d.Summary.zones(before, after)
	d.Summary.addresses(before, after)
	return d
}

// Only leaves of d what concerns the named zones. The summary stays that of everything.
func (d *Diff) Only(names ...string) {
	d.Zones = slices.DeleteFunc(d.Zones, func(z ZoneDiff) bool { return !slices.Contains(names, z.Name) })
	d.Ranges = slices.DeleteFunc(d.Ranges, func(c RangeChange) bool { return !slices.Contains(names, c.Zone) })
	d.Names = slices.DeleteFunc(d.Names, func(c NameChange) bool {
		return !slices.ContainsFunc(slices.Concat(c.From, c.To, []string{c.Zone}), func(z string) bool { return slices.Contains(names, z) })
	})
}

// comparison is a comparison under way.
type comparison struct {
	before, after *side
	summary       Summary
	ranges        map[rangeKey]*RangeChange
	names         map[nameKey]*NameChange
	rangeOrder    []rangeKey
	nameOrder     []nameKey
}

// rangeKey is what the names of one RangeChange have in common.
type rangeKey struct {
	zone                    string
	before, after           *Ranges
	knownBefore, knownAfter bool
	carvedOut               bool
}

// nameKey is what the names of one NameChange have in common.
type nameKey struct {
	kind, from, to, zone, pattern string
	outOfAll                      bool
}

// look compares what both sides have for the names of u.
func (c *comparison) look(u unit) {
	a, b := c.before.of(u), c.after.of(u)
	c.count(u, a, b)
	if a.ranges != b.ranges {
		c.lookAtRanges(u, a, b)
	}
	c.lookAtNames(u, a, b)
}

// count counts u for the summary.
func (c *comparison) count(u unit, a, b state) {
	s := &c.summary
	if a.known() && a.pattern.Compare(u.pattern) == 0 {
		s.NamesBefore++
	}
	if b.known() && b.pattern.Compare(u.pattern) == 0 {
		s.NamesAfter++
	}
	if a.ranges == b.ranges || !a.known() || !b.known() {
		return
	}
	switch {
	case a.ranges.IsEmpty():
		s.PinsGained++
	case b.ranges.IsEmpty():
		s.PinsLost++
	default:
		s.PinsChanged++
	}
}

// lookAtRanges notes that other addresses are published for u.
func (c *comparison) lookAtRanges(u unit, a, b state) {
	best := a.best
	if best == nil {
		best = b.best
	}
	key := rangeKey{best.zone.Name, a.ranges, b.ranges, a.known(), b.known(), b.known() && b.best.row.CarveOut}
	change, ok := c.ranges[key]
	if !ok {
		change = newRangeChange(key)
		c.ranges[key] = change
		c.rangeOrder = append(c.rangeOrder, key)
	}
	change.Names = append(change.Names, u.text)
}

// newRangeChange works out what names with key have in common.
func newRangeChange(key rangeKey) *RangeChange {
	change := &RangeChange{
		Zone: key.zone, KnownBefore: key.knownBefore, KnownAfter: key.knownAfter, CarvedOut: key.carvedOut,
		Before: key.before.Size(), After: key.after.Size(),
		Old: orEmpty(key.before.Prefixes()), New: orEmpty(key.after.Prefixes()),
		Rejects: []netip.Prefix{}, Admits: []netip.Prefix{}, Judged: []int{}, Unjudged: []int{},
	}
	for _, version := range []int{4, 6} {
		before, after := key.before.family(version == 4), key.after.family(version == 4)
		switch {
		case before.IsEmpty() && !after.IsEmpty():
			change.Judged = append(change.Judged, version)
		case !before.IsEmpty() && after.IsEmpty():
			change.Unjudged = append(change.Unjudged, version)
		case !before.IsEmpty():
			rejects, admits := before.Without(after), after.Without(before)
			change.Rejects = append(change.Rejects, rejects.Prefixes()...)
			change.Admits = append(change.Admits, admits.Prefixes()...)
			change.Rejected = change.Rejected.plus(rejects.Size())
			change.Admitted = change.Admitted.plus(admits.Size())
		}
	}
	return change
}

// plus adds sizes.
func (s Size) plus(t Size) Size { return Size{s.IPv4 + t.IPv4, s.IPv6 + t.IPv6} }

// orEmpty is list, never nil.
func orEmpty[V any](list []V) []V {
	if list == nil {
		return []V{}
	}
	return list
}

// lookAtNames notes that u is found otherwise.
func (c *comparison) lookAtNames(u unit, a, b state) {
	key, ok := nameKeyOf(u, a, b)
	if !ok {
		return
	}
	c.countNames(key)
	change, ok := c.names[key]
	if !ok {
		change = &NameChange{
			Kind: key.kind, From: orEmpty(strings.Fields(key.from)), To: orEmpty(strings.Fields(key.to)), Pattern: key.pattern, Zone: key.zone,
			OutOfAll: key.outOfAll,
		}
		c.names[key] = change
		c.nameOrder = append(c.nameOrder, key)
	}
	change.Names = append(change.Names, u.text)
}

// nameKeyOf says how u is found otherwise, if it is.
func nameKeyOf(u unit, a, b state) (key nameKey, ok bool) {
	if !a.known() && !b.known() {
		return key, false
	}
	key.kind, key.zone = kindOf(u, a, b), zoneOf(a, b)
	key.outOfAll = a.inAll && b.known() && !b.inAll
	if key.kind == WiderName {
		key.pattern = b.pattern.String()
	}
	if a.zones == b.zones {
		return key, key.kind != ""
	}
	from, to := strings.Fields(a.zones), strings.Fields(b.zones)
	key.from, key.to = strings.Join(missing(to, from), " "), strings.Join(missing(from, to), " ")
	if key.kind == "" {
		key.kind = AlsoName
		if key.from != "" {
			key.kind = MovedName
		}
	}
	return key, true
}

// kindOf is the kind of change that the patterns alone show, if any.
func kindOf(u unit, a, b state) string {
	switch {
	case !a.known():
		return NewName
	case !b.known():
		return GoneName
	case a.pattern.Compare(u.pattern) == 0 && b.pattern.Compare(u.pattern) > 0:
		return WiderName
	}
	return ""
}

// zoneOf is the zone of the most specific row that matches now, or that did.
func zoneOf(a, b state) string {
	if b.known() {
		return b.best.zone.Name
	}
	return a.best.zone.Name
}

// countNames counts a name with key for the summary.
func (c *comparison) countNames(key nameKey) {
	s := &c.summary
	switch key.kind {
	case NewName:
		s.NamesNew++
	case GoneName:
		s.NamesGone++
	case WiderName:
		s.NamesWider++
	}
	if key.from != "" && key.kind != GoneName {
		s.NamesMoved++
	}
}

// rangeChanges are all changes of ranges, by zone.
func (c *comparison) rangeChanges() []RangeChange {
	all := make([]RangeChange, 0, len(c.rangeOrder))
	for _, key := range c.rangeOrder {
		all = append(all, *c.ranges[key])
	}
	slices.SortStableFunc(all, func(a, b RangeChange) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(len(b.Names), len(a.Names)))
	})
	return all
}

// nameChanges are all changes of names, by zone.
func (c *comparison) nameChanges() []NameChange {
	all := make([]NameChange, 0, len(c.nameOrder))
	for _, key := range c.nameOrder {
		all = append(all, *c.names[key])
	}
	slices.SortStableFunc(all, func(a, b NameChange) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Kind, b.Kind), cmp.Compare(len(b.Names), len(a.Names)))
	})
	return all
}
