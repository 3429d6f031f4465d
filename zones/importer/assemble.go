package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// assemble sorts the drafts of all documents into zones.
func assemble(all []*reading, o Options) (Result, error) {
	byName := make(map[string]*zones.Zone)
	rows := make(rowNames)
	published := make(publishedRows)
	var result Result
	for _, r := range all {
		s := Summary{Name: r.document.Name, Format: r.format.name, Edition: r.about.Edition}
		for _, d := range r.drafts {
			zone := cmp.Or(o.Zone, d.zone, r.format.name)
			if published.isAgain(r, zone, &d) {
				continue
			}
			r.doubtForeign(zone, &d)
			row := d.row(r)
			s.count(&row)
			z := zoneFor(byName, r, zone)
			z.CatchAll = z.CatchAll || d.catchAll && o.Zone == ""
			row.Name = rows.free(z.Name, row.Name)
			z.Rows = append(z.Rows, row)
		}
		result.Read = append(result.Read, s)
		result.Notes = append(result.Notes, r.allNotes()...)
	}
	for _, z := range byName {
		result.Zones = append(result.Zones, z)
	}
	slices.SortFunc(result.Zones, func(a, b *zones.Zone) int { return strings.Compare(a.Name, b.Name) })
	return result, nil
}

// allNotes is the notes of a document that was read, by line; of nil none.
func (r *reading) allNotes() []Note {
	if r == nil {
		return nil
	}
	r.tallies.sum(r.notes)
	slices.SortStableFunc(r.notes, func(a, b Note) int { return cmp.Compare(a.Line, b.Line) })
	return r.notes
}

// count adds what row has.
func (s *Summary) count(row *zones.Row) {
	s.Rows++
	s.Patterns += row.Patterns.Len()
	s.Prefixes += len(row.Prefixes)
}

// row makes a row of d.
func (d *draft) row(r *reading) zones.Row {
	return zones.Row{
		Name:     d.rowName(),
		Line:     d.line,
		Patterns: matcher.ListOf(d.names...),
		Prefixes: d.prefixes,
		Ports:    d.ports,
		Purpose:  d.purpose,
		Required: !d.optional,
		CarveOut: d.carveOut,
		Source:   cmp.Or(d.source, r.about.Source),
		Date:     cmp.Or(d.date, r.about.Edition),
	}
}

// zoneFor is the zone called name, made after what r says where there is none yet.
func zoneFor(byName map[string]*zones.Zone, r *reading, name string) *zones.Zone {
	z, ok := byName[name]
	if !ok {
		z = &zones.Zone{Name: name, Title: r.about.Title, Vendor: r.about.Vendor, Source: r.about.Source, File: r.document.Name}
		if r.isMixed {
			title, vendor := titled(name)
			z.Title, z.Vendor = cmp.Or(title, z.Title), cmp.Or(vendor, z.Vendor)
		}
		byName[name] = z
	}
	z.Edition = max(z.Edition, r.about.Edition) // of several documents the newest one's
	return z
}

// nameByContent is a name after the first pattern, or the first prefix: never after
// prose, which is translated. The same content has the same name in every edition.
func (d *draft) nameByContent() string {
	text := ""
	switch {
	case len(d.names) > 0:
		text = d.names[0].String()
		if below, ok := strings.CutPrefix(text, "*."); ok {
			text = "any." + below
		}
	case len(d.prefixes) > 0:
		text = zones.PrefixText(d.prefixes[0])
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' })
	name := strings.Trim(strings.Join(words, "-"), "-_")
	return name[:min(len(name), maxRowName)]
}

// maxRowName is how long a name is made here: it leaves room for a number behind it.
const maxRowName = 56

// rowName is the name that the document gives the row, or one after its content.
func (d *draft) rowName() string { return cmp.Or(d.name, d.nameByContent(), "row") }

// rowNames says how often a name was wanted, and whether it is taken, in each zone.
type rowNames map[[2]string]int

// free is name, with a number where the zone has a row of that name.
func (n rowNames) free(zone, name string) string {
	free := name
	for n[[2]string{zone, free}] > 0 {
		n[[2]string{zone, name}]++
		free = fmt.Sprintf("%s-%d", name, n[[2]string{zone, name}])
	}
	n[[2]string{zone, free}]++
	return free
}
