package compare

import (
	"net/netip"

	"splitdns/zones"
)

// zones counts the zones of both sides.
func (s *Summary) zones(before, after []*zones.Zone) {
	s.ZonesBefore, s.ZonesAfter = len(before), len(after)
	d := delta(namesOf(before), namesOf(after))
	s.ZonesAdded, s.ZonesGone = d.Added, d.Gone
}

// namesOf are the names of zones.
func namesOf(all []*zones.Zone) (names []string) {
	for _, z := range all {
		names = append(names, z.Name)
	}
	return names
}

// addresses counts what became of the prefixes of both sides.
func (s *Summary) addresses(before, after []*zones.Zone) {
	old, current := rangesOf(before), rangesOf(after)
	for _, p := range prefixesOf(before) {
		s.of(p, func(k *Kept) { k.left(p, current) })
	}
	for _, p := range prefixesOf(after) {
		isNew := !old.Meets(p)
		s.of(p, func(k *Kept) {
			k.After++
			if isNew {
				k.New++
			}
		})
	}
}

// of has every count changed to which p belongs.
func (s *Summary) of(p netip.Prefix, change func(*Kept)) {
	if p.IsSingleIP() {
		change(&s.Singles)
	} else {
		change(&s.Prefixes)
	}
	if p.Addr().Is6() {
		change(&s.IPv6)
	}
}

// left counts what current has left of p.
func (k *Kept) left(p netip.Prefix, current Ranges) {
	k.Before++
	switch {
	case current.Covers(p):
		k.Kept++
	case current.Meets(p):
		k.Part++
	default:
		k.Gone++
	}
}

// prefixesOf are the prefixes of all rows, each once.
func prefixesOf(all []*zones.Zone) (prefixes []netip.Prefix) {
	seen := map[netip.Prefix]bool{}
	for _, z := range all {
		for i := range z.Rows {
			for _, p := range z.Rows[i].Prefixes {
				if !seen[p] {
					seen[p] = true
					prefixes = append(prefixes, p)
				}
			}
		}
	}
	return prefixes
}

// Loss is how much of one zone its next edition takes away.
type Loss struct {
	Names, NamesGone       int // no pattern of the new edition matches those that are gone
	Prefixes, PrefixesGone int // the new edition does not publish all of those that are gone
	Pinned, PinsLost       int // names with ranges, and those of them that are known still and have none any more
}

// Lost compares two editions of one zone, however each is sorted into rows: a guard
// against lists that were cut off. A name that a wider pattern has taken in, and a prefix that
// was joined with others to a shorter one, is not lost.
func Lost(before, after *zones.Zone) Loss {
	old, current := []*zones.Zone{before}, []*zones.Zone{after}
	var l Loss
	shared := newPublished()
	last, next := newSide(old, shared), newSide(current, shared)
	for _, u := range units(old) {
		l.Names++
		s, isPinned := next.of(u), !last.of(u).ranges.IsEmpty()
		if isPinned {
			l.Pinned++
		}
		switch {
		case !s.known():
			l.NamesGone++
		case isPinned && s.ranges.IsEmpty():
			l.PinsLost++
		}
	}
	published := rangesOf(current)
	for _, p := range prefixesOf(old) {
		l.Prefixes++
		if !published.Covers(p) {
			l.PrefixesGone++
		}
	}
	return l
}

// Percent is the greatest of the shares that are lost, in percent, rounded up: what is not
// nothing is not 0.
func (l Loss) Percent() int {
	return max(percent(l.NamesGone, l.Names), percent(l.PrefixesGone, l.Prefixes), percent(l.PinsLost, l.Pinned))
}

// percent is how much part is of all.
func percent(part, all int) int {
	if all == 0 {
		return 0
	}
	return (100*part + all - 1) / all
}
