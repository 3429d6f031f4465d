package importer

import (
	"cmp"
	"net/netip"
	"slices"

	"splitdns/matcher"
	"splitdns/zones"
)

// settle makes drafts of what was printed, when all of it is known.
func (p *learnPage) settle() {
	p.joinCopies()
	slices.SortStableFunc(p.printed, func(a, b *printed) int { return cmp.Compare(a.line, b.line) })
	var drafts []learnDraft
	for _, printed := range p.printed {
		drafts = append(drafts, p.homed(printed)...)
	}
	for _, d := range p.carved(drafts) {
		p.add(d.draft)
	}
	p.settleMentions()
}

// learnDraft is a draft, and whether content delivery networks answer its names.
type learnDraft struct {
	draft
	cdn bool
}

// homed makes a draft of each home that the names of a printed row have. The prefixes
// are published for all of them.
func (p *learnPage) homed(row *printed) []learnDraft {
	sorted, guessed := groups(row.names, !row.isRest)
	for _, n := range guessed {
		p.note(n.line, Doubted, "%q: no zone is known to have it; look where it was put", n.value)
	}
	if len(sorted) == 0 {
		sorted = []group{{home: defaultHome}}
		p.note(row.line, Doubted, "prefixes without a name: put into zone %s", defaultHome.zone)
	}
	var drafts []learnDraft
	for _, g := range sorted {
		d := draft{
			zone: g.home.zone, line: row.line, prefixes: values(row.prefixes), names: values(g.names),
			ports: row.ports, purpose: row.purpose, optional: row.optional,
		}
		if len(d.ports) == 0 {
			d.ports = p.webPorts(row.section)
		}
		drafts = append(drafts, learnDraft{d, g.home.cdn})
	}
	return drafts
}

// values are the values of spots.
func values[V any](spots []spot[V]) []V {
	all := make([]V, len(spots))
	for i, s := range spots {
		all[i] = s.value
	}
	return all
}

// carved carves out the names of content delivery networks that lie below a pattern with
// prefixes, and have none of their own: they are not served from there. Rows that have
// other names too are split.
func (p *learnPage) carved(drafts []learnDraft) []learnDraft {
	ranges := withPrefixes(drafts)
	var all []learnDraft
	for _, d := range drafts {
		if len(d.prefixes) > 0 {
			all = append(all, d)
			continue
		}
		below, beside := d, d
		below.names, beside.names = nil, nil
		for _, name := range d.names {
			wider, isBelow := widerThan(ranges, name)
			if isBelow && !d.cdn {
				p.note(d.line, Doubted, "%q has no prefixes of its own; it is held to those of %q", name, wider)
			}
			if isBelow && d.cdn {
				below.names = append(below.names, name)
			} else {
				beside.names = append(beside.names, name)
			}
		}
		all = append(all, p.carve(below, beside)...)
	}
	return all
}

// carve is the rows that have names.
func (p *learnPage) carve(below, beside learnDraft) []learnDraft {
	var all []learnDraft
	if len(below.names) > 0 {
		below.carveOut = true
		p.note(below.line, Normalised, "carved out, for they lie below a pattern with prefixes and have none: %s", below.namesText())
		all = append(all, below)
	}
	if len(beside.names) > 0 {
		all = append(all, beside)
	}
	return all
}

// withPrefixes is the patterns of the rows that have prefixes.
func withPrefixes(drafts []learnDraft) *matcher.Matcher[struct{}] {
	var b matcher.Builder[struct{}]
	for _, d := range drafts {
		for _, name := range d.names {
			if len(d.prefixes) > 0 {
				b.Add(name, struct{}{})
			}
		}
	}
	return b.Build()
}

// widerThan is a pattern around name; not ok if there is none, or if name itself is among
// the patterns.
func widerThan(patterns *matcher.Matcher[struct{}], name matcher.Pattern) (wider matcher.Pattern, ok bool) {
	for _, m := range patterns.Lookup(nil, []byte(name.Example().Wire())) {
		if m.Pattern.String() == name.String() {
			return wider, false
		}
		wider, ok = m.Pattern, true
	}
	return wider, ok
}

// settleMentions notes what sentences mention: what a row has anyway, and what none has.
func (p *learnPage) settleMentions() {
	var b matcher.Builder[int]
	prefixes := make(map[netip.Prefix]int)
	for _, d := range p.drafts {
		for _, name := range d.names {
			b.Add(name, d.line)
		}
		for _, prefix := range d.prefixes {
			prefixes[prefix] = d.line
		}
	}
	rows := b.Build()
	for _, m := range p.mentions {
		switch row := rowOf(m.text, rows, prefixes); {
		case row > 0:
			p.note(m.line, Skipped, "in a sentence: %s; the row of line %d has it", m.text, row)
		case shapeOf(m.text) == aFile:
			p.note(m.line, Skipped, "in a sentence, and rather a file than a name: %s", m.text)
		default:
			p.note(m.line, Doubted, "in a sentence, and in no row: %s", m.text)
		}
	}
}

// rowOf is the line of a row that has what text spells; 0 if none has.
func rowOf(text string, rows *matcher.Matcher[int], prefixes map[netip.Prefix]int) int {
	if prefix, err := zones.ParsePrefix(narrowAddress(text)); err == nil {
		return prefixes[prefix]
	}
	clean, _ := matcher.Normalise(narrow(text))
	pattern, err := matcher.ParsePattern(clean)
	if err != nil {
		return 0
	}
	if found := rows.Lookup(nil, []byte(pattern.Example().Wire())); len(found) > 0 {
		return found[0].Value
	}
	return 0
}
