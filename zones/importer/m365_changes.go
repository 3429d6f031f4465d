package importer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// change is one announcement about a row of another document.
type change struct {
	line    int
	version string // announcements are in force in the order of versions
	row     draft  // what is added, as a row
	from    string // the day when what is added is in use; "" where none is said
	gone    draft  // what is removed; only its names and prefixes
	isEnd   bool   // the row goes whole
}

// readM365Changes reads /changes.
func readM365Changes(r *reading) error {
	root, err := parseJSON(r.document.Data)
	if err != nil {
		return err
	}
	r.mayBeEmpty = true
	for i := range root.items {
		c := &root.items[i]
		set := c.scalar("endpointSetId")
		if c.kind != objectNode || !isSetID(set) {
			return fmt.Errorf("line %d: want a change with an endpointSetId, which is a number", c.line)
		}
		r.changes = append(r.changes, r.m365Change(c, set))
	}
	slices.SortStableFunc(r.changes, func(a, b change) int { return cmp.Compare(a.version, b.version) })
	return nil
}

// m365Change reads one change of a set.
func (r *reading) m365Change(c *node, set string) change {
	r.members(c, "id", "endpointSetId", "changeDescription", "disposition", "impact", "version", "previous", "current", "add", "remove")
	add, remove, current := c.member("add"), c.member("remove"), c.member("current")
	r.members(add, "effectiveDate", "ips", "urls")
	r.members(remove, "effectiveDate", "ips", "urls")
	row := m365Draft(current, set)
	row.line = c.line
	for _, protocol := range []string{"tcp", "udp"} {
		row.ports = append(row.ports, r.ports(current.line, protocol, current.scalar(protocol+"Ports"))...)
	}
	r.patternsOf(&row, add.member("urls"))
	r.prefixesOf(&row, add.member("ips"))
	row.names = unique(r, add.line, row.names, matcher.Pattern.String)
	row.prefixes = unique(r, add.line, row.prefixes, zones.PrefixText)
	row.ports = unique(r, c.line, row.ports, zones.Port.String)
	var gone draft
	r.patternsOf(&gone, remove.member("urls"))
	r.prefixesOf(&gone, remove.member("ips"))
	r.m365Removal(c, set, &gone)
	r.m365Properties(c, set)
	from := dateOf(add.scalar("effectiveDate"))
	if given := add.scalar("effectiveDate"); given != "" && from == "" {
		r.note(add.line, Doubted, "effectiveDate %q is no date", cut(given))
	}
	return change{line: c.line, version: c.scalar("version"), row: row, from: from, gone: gone, isEnd: isWholeRemoval(c)}
}

// isWholeRemoval says whether a change removes its set.
func isWholeRemoval(c *node) bool { return strings.EqualFold(c.scalar("disposition"), "Remove") }

// m365Removal notes what is announced to go. It stays: to remove late harms nobody.
func (r *reading) m365Removal(c *node, set string, gone *draft) {
	when := cmp.Or(dateOf(c.member("remove").scalar("effectiveDate")), m365Edition(c.scalar("version")), "a day that is not said")
	var texts []string
	for _, p := range gone.names {
		texts = append(texts, p.String())
	}
	for _, p := range gone.prefixes {
		texts = append(texts, zones.PrefixText(p))
	}
	switch {
	case len(texts) > 0:
		r.note(c.line, Skipped, "set %s: announced to be removed as of %s, and left: %d, %s", set, when, len(texts), cut(strings.Join(texts, ", ")))
	case isWholeRemoval(c):
		r.note(c.line, Skipped, "set %s: announced to be removed whole as of %s, and left", set, when)
	}
}

// m365Properties notes that more than names and prefixes changes.
func (r *reading) m365Properties(c *node, set string) {
	previous, current := c.member("previous"), c.member("current")
	if strings.EqualFold(c.scalar("disposition"), "Add") || current.kind != objectNode {
		return
	}
	before := make(map[string]string, len(previous.items))
	for _, item := range slices.Backward(previous.items) { // of equal keys the first counts, as everywhere
		before[item.key] = item.text
	}
	for i := range current.items {
		now := &current.items[i]
		if before := before[now.key]; before != now.text {
			r.note(now.line, Skipped, "set %s: %s becomes %q, was %q; the document of /endpoints says what holds", set, cut(now.key), cut(now.text), cut(before))
		}
	}
}

// What documents of Microsoft 365 need beside them.
var errM365Alone = errors.New("only says what becomes of the sets of Microsoft 365; give it together with the document of /endpoints")

// m365Together gives the sets their edition, and what was announced for them.
func m365Together(all []*reading) error {
	var sets, others []*reading
	for _, r := range all {
		if r.mayBeEmpty {
			others = append(others, r)
		} else {
			sets = append(sets, r)
		}
	}
	m := newMerger(sets)
	for _, o := range others {
		if len(sets) == 0 {
			return fmt.Errorf("%s: %w", o.document.Name, errM365Alone)
		}
		for _, r := range sets {
			r.about.Edition = max(r.about.Edition, o.about.Edition)
		}
		o.settle()
		for i := range o.changes {
			o.announce(&m, &o.changes[i])
		}
	}
	return nil
}

// settle leaves out of changes what later ones of the same row remove again.
func (r *reading) settle() {
	gone := make(map[string]map[string]bool) // by row
	ended := make(map[string]bool)
	for i := len(r.changes) - 1; i >= 0; i-- {
		c := &r.changes[i]
		row := &c.row
		if gone[row.name] == nil {
			gone[row.name] = make(map[string]bool)
		}
		size := row.size()
		row.names = missing(row.names, gone[row.name], matcher.Pattern.String)
		row.prefixes = missing(row.prefixes, gone[row.name], zones.PrefixText)
		if ended[row.name] {
			row.names, row.prefixes = nil, nil
		}
		if n := size - row.size(); n > 0 {
			r.note(c.line, Skipped, "%s: %d of what is added, which a later change removes", row.name, n)
		}
		ended[row.name] = ended[row.name] || c.isEnd
		mark(gone[row.name], c.gone.names, matcher.Pattern.String)
		mark(gone[row.name], c.gone.prefixes, zones.PrefixText)
	}
}

// announce adds to its set what a change adds.
func (r *reading) announce(m *merger, c *change) {
	if c.row.size() == 0 {
		return
	}
	added := 0
	for _, part := range r.m365Parts(c.row) {
		added += m.merge(part)
	}
	r.note(c.line, Normalised, "%s: took over what is announced as of %s: names and prefixes added: %d, there already: %d",
		c.row.name, cmp.Or(c.from, "a day that is not said"), added, c.row.size()-added)
}

// size is how many names and prefixes d has.
func (d *draft) size() int { return len(d.names) + len(d.prefixes) }

// merger finds the drafts that others are merged into.
type merger struct {
	into   *reading // takes drafts of which there are none yet
	places map[[2]string]*mergePlace
}

// mergePlace is one draft.
type mergePlace struct {
	r     *reading
	draft int
	there map[string]bool // the texts of its names and prefixes; nil until somebody asks
}

// newMerger makes a merger for the drafts of sets.
func newMerger(sets []*reading) merger {
	m := merger{places: make(map[[2]string]*mergePlace)}
	for _, r := range sets {
		if m.into == nil {
			m.into = r
		}
		for i := range r.drafts {
			key := [2]string{r.drafts[i].zone, r.drafts[i].name}
			if m.places[key] == nil {
				m.places[key] = &mergePlace{r: r, draft: i}
			}
		}
	}
	return m
}

// merge adds a part to the draft of its name and zone, or as a draft of its own. It says
// how much was not there yet.
func (m *merger) merge(part draft) int {
	key := [2]string{part.zone, part.name}
	place := m.places[key]
	if place == nil {
		place = &mergePlace{r: m.into, draft: len(m.into.drafts)}
		m.places[key] = place
		empty := part
		empty.names, empty.prefixes = nil, nil
		m.into.drafts = append(m.into.drafts, empty)
	}
	d := &place.r.drafts[place.draft]
	if place.there == nil {
		place.there = make(map[string]bool)
		mark(place.there, d.names, matcher.Pattern.String)
		mark(place.there, d.prefixes, zones.PrefixText)
	}
	size := d.size()
	d.names = append(d.names, missing(part.names, place.there, matcher.Pattern.String)...)
	d.prefixes = append(d.prefixes, missing(part.prefixes, place.there, zones.PrefixText)...)
	mark(place.there, part.names, matcher.Pattern.String)
	mark(place.there, part.prefixes, zones.PrefixText)
	return d.size() - size
}

// mark puts the texts of values into there.
func mark[V any](there map[string]bool, values []V, text func(V) string) {
	for _, v := range values {
		there[text(v)] = true
	}
}

// missing are the values whose texts are not there.
func missing[V any](values []V, there map[string]bool, text func(V) string) []V {
	var out []V
	for _, v := range values {
		if !there[text(v)] {
			out = append(out, v)
		}
	}
	return out
}
