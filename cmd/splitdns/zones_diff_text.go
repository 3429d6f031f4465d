package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"splitdns/zones/compare"
	"splitdns/zones/tomlfile"
)

// diffText is how to write a comparison for people.
type diffText struct {
	old, current string // as they were given
	all          bool   // no list is shortened
	isPart       bool   // the summary is of more than what follows
}

// writeDiff writes d: the summary, then zone by zone, those first that a pin treats otherwise.
func writeDiff(w io.Writer, d *compare.Diff, t diffText) error {
	p := &page{Writer: bufio.NewWriter(w), all: t.all}
	p.paragraph("", "From "+tomlfile.Shown(t.old)+" to "+tomlfile.Shown(t.current)+":")
	if d.IsEmpty() {
		p.paragraph("", "nothing differs but perhaps titles, sources and dates.")
		return p.Flush()
	}
	switch {
	case t.isPart:
		p.paragraph("", "In all zones together:")
	case hasOnlyLabels(d):
		p.paragraph("", "Only the names and purposes of rows differ: what is published is the same, and rules and pins do the same.")
	}
	writeSummary(p, &d.Summary)
	var added []compare.ZoneDiff
	for _, s := range sections(d) {
		if s.rows.Status == compare.Added && len(s.ranges) == 0 && !t.all {
			added = append(added, s.rows)
			continue
		}
		writeSection(p, s)
	}
	writeAdded(p, added)
	return p.Flush()
}

// hasOnlyLabels says whether nothing differs but how rows are called and what they say of themselves.
func hasOnlyLabels(d *compare.Diff) bool {
	isOther := func(r compare.RowDiff) bool { return !isRelabelled(r) }
	return len(d.Ranges)+len(d.Names) == 0 && !slices.ContainsFunc(d.Zones, func(z compare.ZoneDiff) bool {
		return z.Status != compare.Changed || z.CatchAll != nil || slices.ContainsFunc(z.Rows, isOther)
	})
}

// writeSummary writes s in a few sentences.
func writeSummary(p *page, s *compare.Summary) {
	p.item("Zones", sentence(
		fmt.Sprintf("%d before, %d now", s.ZonesBefore, s.ZonesAfter),
		some(len(s.ZonesAdded), "new"), gone(len(s.ZonesGone), s.ZonesGone)))
	p.item("Addresses", addressSentence(s))
	p.item("Names", sentence(
		fmt.Sprintf("%s before, %s now", number(s.NamesBefore), number(s.NamesAfter)),
		some(s.NamesNew, "new"), some(s.NamesGone, "no longer known"),
		some(s.NamesWider, "only by a wider pattern now"), some(s.NamesMoved, "moved out of a zone")))
	p.item("Pins", pinSentence(s))
}

// pinSentence says for how many names a pin does otherwise.
func pinSentence(s *compare.Summary) string {
	if s.PinsChanged+s.PinsGained+s.PinsLost == 0 {
		return "the same ranges for every name"
	}
	return sentence("other ranges for "+plural(s.PinsChanged, "name"),
		"ranges for the first time for "+number(s.PinsGained), "none any more for "+number(s.PinsLost))
}

// addressSentence says what became of the prefixes.
func addressSentence(s *compare.Summary) string {
	added := cmp.Or(some(s.Singles.New+s.Prefixes.New, "new"), "none new")
	if s.IPv6.New > 0 {
		added += ", " + number(s.IPv6.New) + " of them IPv6"
	}
	if s.IPv6.New > 0 && s.IPv6.Before == 0 {
		added += ", for which nothing was published"
	}
	return sentence(kept(s.Singles, plainPlural(uint64(s.Singles.Before), "single address")), kept(s.Prefixes, plainPlural(uint64(s.Prefixes.Before), "prefix")), added)
}

// kept says what became of prefixes of one kind.
func kept(k compare.Kept, what string) string {
	text := fmt.Sprintf("%s of the %s %s are still published", number(k.Kept), number(k.Before), what)
	switch {
	case k.Before == 0:
		return ""
	case k.Kept == 0:
		text = fmt.Sprintf("none of the %s %s is still published", number(k.Before), what)
	case k.Before == 1:
		return "the only " + what + " is still published"
	case k.Kept == k.Before:
		return fmt.Sprintf("all %s %s are still published", number(k.Before), what)
	}
	if k.Part > 0 {
		text += fmt.Sprintf(" (%s in part)", number(k.Part))
	}
	return text
}

// gone names what is gone.
func gone(n int, names []string) string {
	if n == 0 {
		return "none gone"
	}
	return fmt.Sprintf("%d gone: %s", n, strings.Join(names, ", "))
}

// some is a number and what it counts; "" for none.
func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return number(n) + " " + what
}

// sentence joins the parts that say something.
func sentence(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// section is everything that differs about one zone.
type section struct {
	name   string
	rows   compare.ZoneDiff
	ranges []compare.RangeChange // of names that both sides know
	names  []compare.NameChange
}

// sections sorts d into zones, the most important first.
func sections(d *compare.Diff) []*section {
	byName := map[string]*section{}
	of := func(zone string) *section {
		if byName[zone] == nil {
			byName[zone] = &section{name: zone}
		}
		return byName[zone]
	}
	for _, z := range d.Zones {
		of(z.Name).rows = z
	}
	for _, c := range d.Ranges {
		if c.KnownBefore && c.KnownAfter {
			of(c.Zone).ranges = append(of(c.Zone).ranges, c)
		}
	}
	for _, c := range d.Names {
		zone := c.Zone
		if len(c.From) > 0 {
			zone = c.From[0] // whose rules lose them
		}
		of(zone).names = append(of(zone).names, c)
	}
	var all []*section
	for _, s := range byName {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *section) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.name, b.name))
	})
	return all
}

// rank orders sections by what a running resolver would do otherwise; the least is the first.
func (s *section) rank() int {
	loses := slices.ContainsFunc(s.names, func(c compare.NameChange) bool { return len(c.From) > 0 || c.Kind == compare.WiderName })
	switch {
	case slices.ContainsFunc(s.ranges, func(c compare.RangeChange) bool { return c.HadRanges() }):
		return 0
	case len(s.ranges) > 0:
		return 1
	case s.rows.Status == compare.Gone:
		return 2
	case loses:
		return 3
	case s.rows.Status == compare.Added:
		return 5
	}
	return 4
}

// writeSection writes what differs about one zone.
func writeSection(p *page, s *section) {
	p.paragraph("", "")
	p.paragraph("", s.name+zoneTitle(&s.rows))
	if s.rows.Status == compare.Gone {
		p.paragraph("  ", "A rule that names this zone would find nothing.")
	}
	if c := s.rows.CatchAll; c != nil {
		p.paragraph("  ", map[bool]string{true: `It is a catch-all now: "*" leaves it out.`, false: `It is no catch-all any more: "*" has it.`}[c.After])
	}
	for _, m := range merged(s.ranges, p.all) {
		writeRanges(p, m)
	}
	for _, c := range mergedNames(s.names, p.all) {
		writeNames(p, c)
	}
	if ports := s.rows.Ports; !ports.IsEmpty() && s.rows.Status == compare.Changed {
		p.item("  ports", portsText(ports))
	}
	writeRows(p, s.rows.Rows)
}
