package localzone

import (
	"cmp"
	"slices"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// A Delegation is a name from which on a zone lets names go.
type Delegation struct {
	Zone string // by the name of its table
	Name matcher.Name
	Line int // in its file, of the last record of the name
}

// Delegations are those whose names are not those of another local zone, by zone and line.
func (s *Set) Delegations() []Delegation {
	if s == nil {
		return nil
	}
	var all []Delegation
	for _, z := range s.zones {
		for wired, n := range z.nodes {
			if set := n.of(wire.TypeNS); set != nil && s.zones[wired] == nil {
				all = append(all, Delegation{z.name, set[0].Name(), n.line})
			}
		}
	}
	slices.SortFunc(all, func(a, b Delegation) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name.Wire(), b.Name.Wire()))
	})
	return all
}

// Knows finds the local zone that answers for name. Names below a delegation are known to none.
func (s *Set) Knows(name matcher.Name) (zone string, ok bool) {
	a, ok, err := s.Answer(wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN})
	return a.Zone, ok && err == nil
}
