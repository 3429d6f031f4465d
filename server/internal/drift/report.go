package drift

import (
	"cmp"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/matcher"
	"splitdns/server/policy"
)

// Report is what was seen that the loaded zones do not say. Its JSON form is stable.
type Report struct {
	Now       time.Time `json:"now"`  // until when was looked
	From      time.Time `json:"from"` // since when
	Config    string    `json:"config"`
	Edition   string    `json:"edition"`
	Zones     []Zone    `json:"zones"`     // with addresses outside, by name
	Near      []Near    `json:"near"`      // names that just miss a range of numbers
	Uncovered []Suffix  `json:"uncovered"` // names that no row covers, by suffix
	Shadow    *Shadow   `json:"shadow,omitempty"`
	Lost      uint64    `json:"lost"` // sightings that there was no room for
	Rows      string    `json:"rows"` // a zone file that covers all this; "" where there is nothing to cover
}

// Times says when, how often and by whom something was seen.
type Times struct {
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Count       uint64    `json:"count"`
	Clients     []string  `json:"clients"`      // the first few
	ClientCount int       `json:"client_count"` // how many in all; about, where there are more
}

// Zone is a zone with the addresses that were seen outside what it publishes.
type Zone struct {
	Zone      string    `json:"zone"`
	Addresses []Address `json:"addresses"` // those that most clients have seen first
}

// Address is an address outside the published ranges.
type Address struct {
	Address   string   `json:"address"`
	Nearest   *Nearest `json:"nearest"`   // null: nothing is published for its IP version
	Elsewhere []string `json:"elsewhere"` // the rows that publish it, for other names, as ZONE/ROW
	Names     []string `json:"names"`     // the first few
	MoreNames bool     `json:"more_names"`
	Times

	bare     netip.Addr // as it is judged
	patterns []string   // by which Names are in their rows
	seen     []*Seen    // what Times is about
}

// Near is a name that just misses a range of numbers.
type Near struct {
	Name      string   `json:"name"`
	Zone      string   `json:"zone"`
	Row       string   `json:"row"`
	Pattern   string   `json:"pattern"`
	Wider     string   `json:"wider"` // the pattern with a range that holds it; "" where that is far away
	Addresses []string `json:"addresses"`
	Times

	addrs []netip.Addr // those of Addresses
}

// Suffix is a suffix of vendors with the names below it that no row covers.
type Suffix struct {
	Suffix string   `json:"suffix"`
	Zones  []string `json:"zones"` // that have names there
	Names  []Name   `json:"names"` // those that most clients have asked for first
}

// Name is a name that no row covers.
type Name struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"` // the first few
	Times

	addrs []netip.Addr // those of Addresses
}

// Shadow is what the shadow policy would have judged otherwise.
type Shadow struct {
	Shadow  string    `json:"shadow"`  // what it is: "edition 2020-09-08"
	Answers uint64    `json:"answers"` // that were judged by both
	Differ  uint64    `json:"differ"`
	Names   []Differs `json:"names"` // those that most clients have asked for first
}

// Differs is a name for which the verdicts are not the same.
type Differs struct {
	Name   string `json:"name"`
	Zone   string `json:"zone"`
	Active string `json:"active"`
	Shadow string `json:"shadow"`
	Times
}

// Scope is what a report is about.
type Scope struct {
	Zone  string    // "": all
	Since time.Time // zero: whenever it was
}

// Sightings are what a report is made of.
type Sightings struct {
	Outside   []Seen // addresses, by zone
	Uncovered []Seen // names, by suffix
	Policy    *policy.Policy
	Suffixes  *Suffixes
}

// NewReport judges what was seen by the policy that is given now.
func NewReport(s Sightings, scope Scope) Report {
	r := Report{Zones: []Zone{}, Near: []Near{}, Uncovered: []Suffix{}}
	r.addOutside(s, scope)
	r.addUncovered(s, scope)
	r.finish()
	r.Rows = rows(&r, s.Policy)
	return r
}

// addOutside adds the addresses that are still outside.
func (r *Report) addOutside(s Sightings, scope Scope) {
	byZone := map[string]addresses{}
	for i := range s.Outside {
		if s.Outside[i].Last.Before(scope.Since) {
			continue
		}
		for zone, a := range s.outside(&s.Outside[i]) {
			if scope.Zone != "" && scope.Zone != zone {
				continue
			}
			if byZone[zone] == nil {
				byZone[zone] = addresses{}
			}
			byZone[zone][a.Address] = a.with(byZone[zone][a.Address])
		}
	}
	for _, zone := range slices.Sorted(maps.Keys(byZone)) {
		r.Zones = append(r.Zones, Zone{zone, byZone[zone].sorted()})
	}
}

// addresses are those outside of one zone, by their text.
type addresses map[string]*Address

// sorted are all, those that most clients have seen first.
func (as addresses) sorted() []Address {
	all := make([]Address, 0, len(as))
	for _, a := range as {
		all = append(all, *a)
	}
	slices.SortFunc(all, func(a, b Address) int {
		return cmp.Or(a.compare(b.Times), a.bare.Compare(b.bare), cmp.Compare(a.Address, b.Address))
	})
	return all
}

// outside gives the address of seen for each of its names for which it is outside, with
// the name's zone.
func (s *Sightings) outside(seen *Seen) iter.Seq2[string, *Address] {
	return func(yield func(string, *Address) bool) {
		for _, name := range seen.Names {
			if zone, a := s.judge(seen, name); a != nil && !yield(zone, a) {
				return
			}
		}
	}
}

// judge judges the address of seen for one of its names. Where it is not outside, there is none.
func (s *Sightings) judge(seen *Seen, name matcher.Name) (zone string, a *Address) {
	d := s.Policy.Decide(name, 0)
	if s.Policy.Judge(d, []netip.Addr{seen.Addr}).Verdict != policy.Outside {
		return "", nil
	}
	sources, bare := s.Policy.Sources(seen.Addr)
	a = &Address{
		Address: seen.Addr.String(), Nearest: nearest(bare, d.Published.Prefixes()), Elsewhere: []string{},
		Names: []string{name.String()}, MoreNames: seen.MoreNames, Times: timesOf(seen), bare: bare, patterns: []string{d.Match.Pattern},
		seen: []*Seen{seen},
	}
	for _, source := range sources {
		if row := source.Zone + "/" + source.Row; !slices.Contains(a.Elsewhere, row) {
			a.Elsewhere = append(a.Elsewhere, row)
		}
	}
	return d.Match.Zone, a
}

// with is a with what is known about the same address from another name, which may be nil.
func (a *Address) with(b *Address) *Address {
	if b == nil {
		return a
	}
	b.Names, b.patterns = union(b.Names, a.Names), union(b.patterns, a.patterns)
	b.MoreNames = b.MoreNames || a.MoreNames
	if a.Nearest != nil && (b.Nearest == nil || a.Nearest.nearer(b.Nearest)) {
		b.Nearest = a.Nearest
	}
	if !slices.Contains(b.seen, a.seen[0]) {
		b.seen = append(b.seen, a.seen...)
		b.Times = b.plus(a.Times)
	}
	return b
}

// union is the words of both, sorted, each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// timesOf is when, how often and by whom seen was seen.
func timesOf(seen *Seen) Times {
	return Times{First: seen.First, Last: seen.Last, Count: seen.Count, Clients: addressTexts(seen.Clients), ClientCount: seen.ClientCount}
}

// addressTexts are addresses in words.
func addressTexts(addrs []netip.Addr) []string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return texts
}

// plus is t and u together.
func (t Times) plus(u Times) Times {
	if u.First.Before(t.First) {
		t.First = u.First
	}
	if u.Last.After(t.Last) {
		t.Last = u.Last
	}
	t.Count += u.Count
	t.Clients = union(t.Clients, u.Clients)
	t.ClientCount = max(t.ClientCount, u.ClientCount, len(t.Clients))
	return t
}

// compare puts first what most clients have seen, then what was seen most often.
func (t Times) compare(u Times) int {
	return cmp.Or(cmp.Compare(u.ClientCount, t.ClientCount), cmp.Compare(u.Count, t.Count))
}

// also is t and u together, where the clients of one may be those of the other; the few
// that are named are t's.
func (t Times) also(u Times) Times {
	if len(t.Clients) < fewClients {
		return t.plus(u)
	}
	clients := t.Clients
	t = t.plus(Times{First: u.First, Last: u.Last, Count: u.Count, ClientCount: u.ClientCount})
	t.Clients = clients
	return t
}

// addUncovered adds the names that still no row covers.
func (r *Report) addUncovered(s Sightings, scope Scope) {
	bySuffix := map[matcher.Name]*Suffix{}
	for name, n := range s.uncovered(scope.Since) {
		if near := s.Policy.Near(name); len(near) > 0 {
			r.addNear(n, near[0], scope)
			continue
		}
		suffix, ok := s.Suffixes.Of(name)
		if !ok || scope.Zone != "" && !slices.Contains(s.Suffixes.Zones(suffix), scope.Zone) {
			continue
		}
		if bySuffix[suffix] == nil {
			bySuffix[suffix] = &Suffix{Suffix: suffix.String(), Zones: s.Suffixes.Zones(suffix)}
		}
		bySuffix[suffix].Names = append(bySuffix[suffix].Names, n)
	}
	for _, u := range bySuffix {
		slices.SortFunc(u.Names, func(a, b Name) int { return cmp.Or(a.compare(b.Times), strings.Compare(a.Name, b.Name)) })
		r.Uncovered = append(r.Uncovered, *u)
	}
	slices.SortFunc(r.Uncovered, func(a, b Suffix) int { return strings.Compare(a.Suffix, b.Suffix) })
}

// uncovered are the names that still no row matches, each once.
func (s *Sightings) uncovered(since time.Time) map[matcher.Name]Name {
	names := map[matcher.Name]Name{}
	for i := range s.Uncovered {
		seen := &s.Uncovered[i]
		if seen.Last.Before(since) || s.Policy.Decide(seen.Name, 0).Match != (policy.Match{}) {
			continue
		}
		n := Name{Name: seen.Name.String(), Addresses: addressTexts(seen.Addresses), Times: timesOf(seen), addrs: seen.Addresses}
		if have, ok := names[seen.Name]; ok { // kept under another suffix, too
			n.Addresses, n.Times = union(n.Addresses, have.Addresses), n.plus(have.Times)
			n.addrs = append(n.addrs, have.addrs...)
		}
		names[seen.Name] = n
	}
	return names
}

// addNear adds a name that just misses the range of a row.
func (r *Report) addNear(n Name, m policy.Match, scope Scope) {
	if scope.Zone == "" || scope.Zone == m.Zone {
		r.Near = append(r.Near, Near{
			Name: n.Name, Zone: m.Zone, Row: m.Row, Pattern: m.Pattern, Addresses: n.Addresses, Times: n.Times, addrs: n.addrs,
		})
	}
}

// finish orders the near misses and says what ranges would hold them.
func (r *Report) finish() {
	slices.SortFunc(r.Near, func(a, b Near) int {
		return cmp.Or(strings.Compare(a.Zone, b.Zone), strings.Compare(a.Pattern, b.Pattern), a.compare(b.Times), strings.Compare(a.Name, b.Name))
	})
	names := map[string][]string{} // by pattern
	for _, n := range r.Near {
		names[n.Pattern] = append(names[n.Pattern], n.Name)
	}
	for i := range r.Near {
		n := &r.Near[i]
		if p, ok := wider(n.Pattern, names[n.Pattern]); ok && covers(p, n.Name) {
			n.Wider = p.String()
		}
	}
}

// covers reports whether p matches the name of that text.
func covers(p matcher.Pattern, name string) bool {
	n, err := matcher.ParseName(name)
	return err == nil && p.Matches(n)
}

// Differing are names that a shadow judges otherwise. The note of each is both verdicts.
func Differing(all []Seen, scope Scope) []Differs {
	names := []Differs{}
	for i := range all {
		seen := &all[i]
		if seen.Last.Before(scope.Since) || scope.Zone != "" && scope.Zone != seen.Group {
			continue
		}
		active, shadow, _ := strings.Cut(seen.Note, " ")
		names = append(names, Differs{Name: seen.Name.String(), Zone: seen.Group, Active: active, Shadow: shadow, Times: timesOf(seen)})
	}
	slices.SortFunc(names, func(a, b Differs) int {
		return cmp.Or(a.compare(b.Times), strings.Compare(a.Name, b.Name), strings.Compare(a.Active, b.Active), strings.Compare(a.Shadow, b.Shadow))
	})
	return names
}
