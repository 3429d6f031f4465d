// Package localzone answers for names that this server itself knows: those of zone files
// (RFC 1035, section 5) and of hosts files. It reads both, and finds answers in them as an
// authoritative server does (RFC 1034, section 4.3.2); everything is in memory and never
// changes. Whom else to ask, and what rules say, is the caller's business.
//
// # Which answers
//
// A name in a hosts file is the most specific thing that can be said of it, so hosts files
// go before zones. They say nothing about other names, also not about those below. Of the
// zones, the one with the longest name answers.
//
// A CNAME is followed through all that is here; where it leads on, the caller has to ask.
// Below a delegation nothing is known here either: a referral, which an authoritative server
// gives, is of no use to stub resolvers, so such a name is left to whoever is asked about
// names that are not local. The DS records of the delegation are ours (RFC 4035, section
// 3.1.4.1). DNSSEC is not spoken: signatures in a file are left out.
package localzone

import (
	"errors"
	"slices"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// A Set is all local zones. It is immutable and safe for concurrent use; the nil Set has none.
type Set struct {
	zones map[string]*Zone // by origin, in wire form
	hosts map[matcher.Name]*host
}

// NewSet makes a set of zones whose origins differ, and of hosts files. Of an address that
// several hosts files list, the first says what it is called.
func NewSet(zones []*Zone, hosts []*Hosts) *Set {
	s := &Set{zones: make(map[string]*Zone, len(zones)), hosts: make(map[matcher.Name]*host)}
	for _, z := range zones {
		s.zones[z.origin.Wire()] = z
	}
	for _, h := range hosts {
		for name, entry := range h.names {
			s.hosts[name] = s.hosts[name].with(entry)
		}
	}
	return s
}

// An Answer is what local zones say to a question.
type Answer struct {
	Zone    string       // the local zone that knows the QNAME, by the name of its table
	Message wire.Message // the answer; where Next is set, only its beginning
	Next    matcher.Name // what the CNAME chain leads to, which is not known here; zero if nothing

	Delegation matcher.Name // where the zone lets the QNAME go, if that is why nothing is known of it
}

// ErrLoop is a CNAME chain that leads back to itself, or goes on for too long.
var ErrLoop = errors.New("the CNAME chain in the local zone is a loop, or too long")

// maxLinks is the longest chain that is followed.
const maxLinks = 16

// Answer answers q, of class IN. ok is false where nothing is known of its name here, and then
// the Answer says at most that the name is below a delegation. For a
// name that no zone could hold it costs a look into a map for each label, and no allocation.
func (s *Set) Answer(q wire.Question) (a Answer, ok bool, err error) {
	if s == nil {
		return Answer{}, false, nil
	}
	source := s.find(q.Name)
	if source == nil {
		return Answer{}, false, nil
	}
	a.Message = wire.NewMessage(q, wire.NoError)
	names := []matcher.Name{q.Name}
	for name := q.Name; ; {
		found := source.answer(name, q.Type)
		if !found.delegation.IsZero() {
			a, ok = a.letGo(found, name, len(names) > 1)
			return a, ok, nil
		}
		if a.Zone == "" {
			a.Zone = found.zone
		}
		a.Message = found.onto(a.Message)
		name = found.next
		switch {
		case name.IsZero():
			return a, true, nil
		case slices.Contains(names, name) || len(names) > maxLinks:
			return a, true, ErrLoop
		}
		names = append(names, name)
		if source = s.find(name); source == nil {
			return a.beyond(name), true, nil
		}
	}
}

// letGo is a where f, which is about name, is a delegation. Behind a chain that is an answer.
func (a Answer) letGo(f found, name matcher.Name, chain bool) (Answer, bool) {
	if chain {
		return a.beyond(name), true
	}
	return Answer{Zone: f.zone, Delegation: f.delegation}, false
}

// beyond is a where the chain leads to a name that is not known here.
func (a Answer) beyond(name matcher.Name) Answer {
	a.Next = name
	return a
}

// source is what knows a name.
type source interface {
	answer(name matcher.Name, t wire.Type) found
}

// found is what a source says about one name.
type found struct {
	zone       string
	delegation matcher.Name // the name belongs to servers elsewhere, of this name on; only zone is set besides
	rcode      wire.Rcode
	records    []wire.Record
	soa        wire.Record  // of a negative answer; zero: none
	next       matcher.Name // that a CNAME among records leads to; zero if there is none to follow
}

// onto is m with f behind what it has.
func (f found) onto(m wire.Message) wire.Message {
	m = m.WithRcode(f.rcode).WithAnswer(f.records...)
	if f.soa != (wire.Record{}) {
		m = m.WithAuthority(f.soa)
	}
	return m
}

// find finds what knows name, nil if nothing does.
func (s *Set) find(name matcher.Name) source {
	if h := s.hosts[name]; h != nil {
		return h
	}
	if len(s.zones) == 0 {
		return nil
	}
	for suffix := name.Wire(); ; suffix = suffix[1+int(suffix[0]):] {
		if z := s.zones[suffix]; z != nil {
			return z
		}
		if len(suffix) == 1 {
			return nil
		}
	}
}
