package drift

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
)

// maxRowNames is how many names a proposed row has at most.
const maxRowNames = 100

// rowsHead says what the proposed rows are, and where they go.
const rowsHead = `# Proposed by splitdns drift: what was seen, not what a vendor says. Look at its page, or ask whois,
# before you trust an address; one outside may also be somebody who answers in the vendor's name.
# Keep the rows that are right in a file beside the configuration, here seen.toml, and add to that:
#   [zone.seen]
#   file = "seen.toml"
`

// rows is a zone file that covers what r is about, with a comment on its use; "" where there is nothing
// to cover. It publishes no address for a name for which it was not seen, unless there were more names than are
// remembered, and no range wider than the addresses that were seen; but names near a range of
// numbers get what is published for the names in it.
func rows(r *Report, p *policy.Policy) string {
	z := &zones.Zone{Title: "Seen by splitdns, not published"}
	for i := range r.Zones {
		z.Rows = append(z.Rows, outsideRows(&r.Zones[i])...)
	}
	z.Rows = append(z.Rows, nearRows(r.Near, p)...)
	for i := range r.Uncovered {
		if row, ok := uncoveredRow(&r.Uncovered[i], i+1); ok {
			z.Rows = append(z.Rows, row)
		}
	}
	if len(z.Rows) == 0 {
		return ""
	}
	return string(zones.AppendFile([]byte(rowsHead), z))
}

// outsideRows are rows for the addresses seen outside a zone: one for all that were seen for the same names.
func outsideRows(z *Zone) []zones.Row {
	type sameNames struct {
		names     []string
		addresses []netip.Addr
		times     Times
		widened   bool
	}
	var groups []*sameNames // in the order of the addresses
	byNames := map[string]*sameNames{}
	for i := range z.Addresses {
		a := &z.Addresses[i]
		names := a.rowNames()
		key := strings.Join(names, " ")
		g := byNames[key]
		if g == nil {
			g = &sameNames{names: names, times: a.Times}
			byNames[key] = g
			groups = append(groups, g)
		}
		g.addresses, g.times, g.widened = append(g.addresses, a.bare), g.times.also(a.Times), g.widened || a.MoreNames
	}
	var made []zones.Row
	for _, g := range groups {
		row, ok := newRow(fmt.Sprintf("%s-outside-%d", z.Zone, len(made)+1), g.names)
		if !ok {
			continue
		}
		row.Prefixes = aggregated(g.addresses)
		row.Purpose = fmt.Sprintf("Seen outside what %s publishes: %s", z.Zone, g.times.words())
		if g.widened {
			row.Purpose += fmt.Sprintf("; for more than %d names, so for all of the pattern", fewNames)
		}
		made = append(made, row)
	}
	return made
}

// rowNames are the names for which a is to be published.
func (a *Address) rowNames() []string {
	if a.MoreNames {
		return a.patterns
	}
	return literals(a.Names)
}

// literals are those of names that mean themselves in a file: a client may ask for a name
// whose first label is a star.
func literals(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(text string) bool {
		p, err := matcher.ParsePattern(text)
		if err != nil {
			return true
		}
		name, ok := p.Literal()
		return !ok || name.String() != text
	})
}

// words says when and by how many clients something was seen.
func (t Times) words() string {
	clients := "1 client"
	if t.ClientCount != 1 {
		clients = fmt.Sprintf("%d clients", t.ClientCount)
	}
	first, last := t.First.Format(time.DateOnly), t.Last.Format(time.DateOnly)
	if first == last {
		return fmt.Sprintf("%s, by %s", last, clients)
	}
	return fmt.Sprintf("%s to %s, by %s", first, last, clients)
}

// newRow is a row with the first of those patterns; false where there is none.
func newRow(name string, texts []string) (zones.Row, bool) {
	var patterns []matcher.Pattern
	for _, text := range texts[:min(len(texts), maxRowNames)] {
		if p, err := matcher.ParsePattern(text); err == nil {
			patterns = append(patterns, p)
		}
	}
	return zones.Row{Name: name, Patterns: matcher.ListOf(patterns...)}, len(patterns) > 0 && zones.CheckName(name) == nil
}

// nearRows are rows for names that just miss a range: the wider range, or the names themselves, with
// what is published for the names inside the range and the addresses that were seen besides: a pin must
// not take from a name what it has had while no row covered it.
func nearRows(near []Near, p *policy.Policy) []zones.Row {
	var made []zones.Row
	for first := 0; first < len(near); {
		n := &near[first]
		var names []string
		var seen []netip.Addr
		times, last := n.Times, first
		for ; last < len(near) && near[last].Zone == n.Zone && near[last].Pattern == n.Pattern; last++ {
			names = append(names, near[last].rowNames()...)
			seen = append(seen, near[last].addrs...)
			times = times.also(near[last].Times)
		}
		first = last
		row, ok := newRow(fmt.Sprintf("%s-near-%d", n.Zone, len(made)+1), union(names, nil))
		if !ok {
			continue
		}
		published := publishedFor(n.Pattern, p)
		row.Prefixes = slices.Concat(published, aggregated(outsideOf(published, seen, p)))
		row.Purpose = fmt.Sprintf("Numbers outside %s, with its ranges and what was seen besides: %s", n.Pattern, times.words())
		made = append(made, row)
	}
	return made
}

// rowNames is the wider pattern that holds n, or else its name.
func (n *Near) rowNames() []string {
	if n.Wider != "" {
		return []string{n.Wider}
	}
	return literals([]string{n.Name})
}

// publishedFor is what is published for names that a pattern matches.
func publishedFor(pattern string, p *policy.Policy) []netip.Prefix {
	parsed, err := matcher.ParsePattern(pattern)
	if err != nil {
		return nil
	}
	return p.Decide(parsed.Example(), 0).Published.Prefixes()
}

// outsideOf are the addresses in none of prefixes, as p judges them. Where nothing is published, there
// is nothing to hold a name to, so there are none.
func outsideOf(prefixes []netip.Prefix, addrs []netip.Addr, p *policy.Policy) []netip.Addr {
	var outside []netip.Addr
	for _, a := range addrs {
		_, bare := p.Sources(a)
		isIn := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(bare) })
		if !isIn && len(prefixes) > 0 {
			outside = append(outside, bare)
		}
	}
	return outside
}

// uncoveredRow is a row for the names below a suffix. It publishes no ranges: where a name lies
// that nobody publishes is not known after a few answers.
func uncoveredRow(s *Suffix, number int) (zones.Row, bool) {
	var names []string
	times := s.Names[0].Times
	for _, n := range s.Names {
		names = append(names, n.Name)
		times = times.also(n.Times)
	}
	names = literals(names)
	row, ok := newRow(fmt.Sprintf("uncovered-%d", number), names)
	row.Purpose = fmt.Sprintf("Below %s, and in no row: %s", s.Suffix, times.words())
	if len(names) > maxRowNames {
		row.Purpose += fmt.Sprintf("; %d of %d names", maxRowNames, len(names))
	}
	return row, ok
}

// aggregated is the fewest prefixes that hold addrs and nothing else.
func aggregated(addrs []netip.Addr) []netip.Prefix {
	addrs = slices.Clone(addrs)
	slices.SortFunc(addrs, netip.Addr.Compare)
	var merged []netip.Prefix
	for _, a := range slices.Compact(addrs) {
		p := netip.PrefixFrom(a, a.BitLen())
		for len(merged) > 0 && areHalves(merged[len(merged)-1], p) {
			p = netip.PrefixFrom(merged[len(merged)-1].Addr(), p.Bits()-1)
			merged = merged[:len(merged)-1]
		}
		merged = append(merged, p)
	}
	return merged
}

// areHalves reports whether p and q, which is behind it, are the two halves of a prefix.
func areHalves(p, q netip.Prefix) bool {
	if p.Bits() != q.Bits() || p.Bits() == 0 || p.Addr().Is4() != q.Addr().Is4() {
		return false
	}
	whole := netip.PrefixFrom(p.Addr(), p.Bits()-1)
	return whole.Masked().Addr() == p.Addr() && whole.Contains(q.Addr())
}
