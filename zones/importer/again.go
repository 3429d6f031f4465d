package importer

import (
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// publishedRows is the rows of all documents so far, by what they publish: pages print
// some of them twice, and translations of a page print the same ones.
type publishedRows map[string]publishedAt

// publishedAt is where a row was published first.
type publishedAt struct {
	document string
	line     int
}

// isAgain says whether the zone has a row already that publishes what d does, and notes it.
func (p publishedRows) isAgain(r *reading, zone string, d *draft) bool {
	key := zone + "|" + d.content()
	first, again := p[key]
	if !again {
		p[key] = publishedAt{r.document.Name, d.line}
		return false
	}
	what := d.namesText()
	if what == "" {
		what = strings.Join(sortedTexts(d.prefixes, zones.PrefixText), ", ")
	}
	if first.document == r.document.Name {
		r.note(d.line, Normalised, "the row stands in line %d already: %s", first.line, what)
	} else {
		r.note(d.line, Normalised, "the row stands in line %d of %s already: %s", first.line, first.document, what)
	}
	return true
}

// content is what d publishes: the same text for rows that publish the same.
func (d *draft) content() string {
	parts := []string{
		d.name, // where the document names its rows, two with the same content are two
		strings.Join(sortedTexts(d.names, matcher.Pattern.String), " "),
		strings.Join(sortedTexts(d.prefixes, zones.PrefixText), " "),
		strings.Join(sortedTexts(d.ports, zones.Port.String), " "),
	}
	if d.optional {
		parts = append(parts, "optional")
	}
	if d.carveOut {
		parts = append(parts, "carved out")
	}
	return strings.Join(parts, "|")
}

// namesText is the names of d as a note lists them.
func (d *draft) namesText() string {
	texts := make([]string, len(d.names))
	for i, n := range d.names {
		texts[i] = n.String()
	}
	return strings.Join(texts, ", ")
}

// sortedTexts is the texts of values, sorted, each once.
func sortedTexts[V any](values []V, text func(V) string) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = text(v)
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}
