package compare

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// side is one of the two states that are compared: a whole set of zones.
type side struct {
	rows    []*row
	matcher *matcher.Matcher[*row]
	room    []matcher.Match[*row]
	shared  *published
	byRows  map[string]*Ranges // what sets of rows publish
}

// row is a row with its zone and a number of its own on its side.
type row struct {
	zone   *zones.Zone
	row    *zones.Row
	number int
}

// published keeps each set of addresses once, for both sides: equal sets are one pointer.
type published struct {
	byText map[string]*Ranges
	none   *Ranges
}

// newPublished keeps nothing yet but the empty set.
func newPublished() *published {
	none := &Ranges{}
	return &published{byText: map[string]*Ranges{"": none}, none: none}
}

// one is the one pointer for sets equal to r.
func (p *published) one(r Ranges) *Ranges {
	var text strings.Builder
	for _, run := range r.runs() {
		text.WriteString(run.String() + " ")
	}
	if have, ok := p.byText[text.String()]; ok {
		return have
	}
	p.byText[text.String()] = &r
	return &r
}

// newSide prepares lookups among all.
func newSide(all []*zones.Zone, shared *published) *side {
	s := &side{shared: shared, byRows: map[string]*Ranges{}}
	var b matcher.Builder[*row]
	for _, z := range all {
		for i := range z.Rows {
			r := &row{zone: z, row: &z.Rows[i], number: len(s.rows)}
			b.AddList(r.row.Patterns, r)
			s.rows = append(s.rows, r)
		}
	}
	s.matcher = b.Build()
	return s
}

// state is what one side has for a name.
type state struct {
	best    *row            // the most specific row that matches; nil: the name is unknown
	pattern matcher.Pattern // of best
	zones   string          // the names of all zones that match, sorted, with spaces between
	ranges  *Ranges         // what is published; never nil
	inAll   bool            // a zone matches that "*" in a rule includes
}

// known says whether any row matches.
func (s state) known() bool { return s.best != nil }

// of is what s has for the names of u.
//
// It is the union of the prefixes of all rows that match, of which a row that is carved out
// takes none of wider patterns: the rule of the server's policy, with which a test there
// holds this one together.
func (s *side) of(u unit) state {
	s.room = s.matcher.Lookup(s.room[:0], []byte(u.name.Wire()))
	hits := s.room
	for len(hits) > 0 && hits[0].Pattern.Compare(u.pattern) < 0 {
		hits = hits[1:] // for the example only, which stands for names without a row of their own
	}
	if len(hits) == 0 {
		return state{ranges: s.shared.none}
	}
	return state{
		best: bestOf(hits), pattern: hits[0].Pattern, zones: zoneNames(hits), ranges: s.ranges(counted(hits)),
		inAll: slices.ContainsFunc(hits, func(h matcher.Match[*row]) bool { return !h.Value.zone.CatchAll }),
	}
}

// bestOf is the row most worth naming of those of the most specific pattern: one that publishes
// something, and one that is not of a catch-all.
func bestOf(hits []matcher.Match[*row]) *row {
	best := hits[0].Value
	for _, h := range hits[1:] {
		if h.Pattern.Compare(hits[0].Pattern) != 0 {
			break
		}
		if rank(h.Value) < rank(best) {
			best = h.Value
		}
	}
	return best
}

// rank orders rows that share a pattern; the least is the best.
func rank(r *row) (n int) {
	if len(r.row.Prefixes) == 0 {
		n += 2
	}
	if r.zone.CatchAll {
		n++
	}
	return n
}

// counted are the hits of rows whose prefixes count: down to the rank of the first row that is carved out.
func counted(hits []matcher.Match[*row]) []matcher.Match[*row] {
	for i, h := range hits {
		if !h.Value.row.CarveOut {
			continue
		}
		end := i + 1
		for end < len(hits) && hits[end].Pattern.Compare(h.Pattern) == 0 {
			end++
		}
		return hits[:end]
	}
	return hits
}

// zoneNames are the names of the zones of hits, sorted.
func zoneNames(hits []matcher.Match[*row]) string {
	if len(hits) == 1 {
		return hits[0].Value.zone.Name
	}
	var names []string
	for _, h := range hits {
		if !slices.Contains(names, h.Value.zone.Name) {
			names = append(names, h.Value.zone.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// ranges is what the rows of hits publish together.
func (s *side) ranges(hits []matcher.Match[*row]) *Ranges {
	var key []byte
	for _, h := range hits {
		if len(h.Value.row.Prefixes) > 0 {
			key = append(strconv.AppendInt(key, int64(h.Value.number), 10), ' ')
		}
	}
	if len(key) == 0 {
		return s.shared.none
	}
	if have, ok := s.byRows[string(key)]; ok {
		return have
	}
	var all []netip.Prefix
	for _, h := range hits {
		all = append(all, h.Value.row.Prefixes...)
	}
	r := s.shared.one(RangesOf(all...))
	s.byRows[string(key)] = r
	return r
}
