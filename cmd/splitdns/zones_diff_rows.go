package main

import (
	"cmp"
	"slices"
	"strings"

	"splitdns/zones/compare"
	"splitdns/zones/tomlfile"
)

// zoneTitle is what the heading of a zone says behind its name.
func zoneTitle(z *compare.ZoneDiff) string {
	switch z.Status {
	case compare.Added:
		return " (new): " + counts(z.After)
	case compare.Gone:
		return " (gone): had " + counts(z.Before)
	case compare.Changed:
		if z.Before == z.After {
			return ": " + counts(z.After)
		}
		return ": " + counts(z.Before) + "; now " + counts(z.After)
	}
	return ":" // nothing in its rows, or nothing that was asked for
}

// counts says how much a zone has.
func counts(c compare.Counts) string {
	return plural(c.Rows, "row") + ", " + plural(c.Names, "name") + ", " + plural(c.Prefixes, "prefix")
}

// writeAdded writes a line for each new zone.
func writeAdded(p *page, added []compare.ZoneDiff) {
	if len(added) == 0 {
		return
	}
	p.paragraph("", "")
	p.paragraph("", "New zones:")
	for _, z := range added {
		p.paragraph("  ", z.Name+": "+sentence(counts(z.After), strings.Join(z.Ports.Added, " ")))
	}
}

// nameKinds is the order in which changes of names are shown: what a rule loses comes first.
var nameKinds = []string{compare.GoneName, compare.WiderName, compare.MovedName, compare.NewName, compare.AlsoName}

// mergedNames puts changes of names together that are of one kind; if all, it leaves each for itself.
func mergedNames(changes []compare.NameChange, all bool) (result []compare.NameChange) {
	for _, c := range changes {
		i := slices.IndexFunc(result, func(m compare.NameChange) bool {
			return !all && m.Kind == c.Kind && m.Pattern == c.Pattern && slices.Equal(m.From, c.From) && m.Zone == c.Zone && m.OutOfAll == c.OutOfAll
		})
		if i < 0 {
			result = append(result, c)
			continue
		}
		result[i].Names = slices.Concat(result[i].Names, c.Names)
		result[i].To = slices.Concat(result[i].To, c.To)
		slices.Sort(result[i].To)
		result[i].To = slices.Compact(result[i].To)
	}
	slices.SortStableFunc(result, func(a, b compare.NameChange) int {
		return cmp.Compare(slices.Index(nameKinds, a.Kind), slices.Index(nameKinds, b.Kind))
	})
	return result
}

// writeNames writes that names are found otherwise.
func writeNames(p *page, c compare.NameChange) {
	names := plural(len(c.Names), "name")
	from, to := strings.Join(c.From, ", "), strings.Join(c.To, ", ")
	text := map[string]string{
		compare.NewName:   names + " new, unknown before.",
		compare.GoneName:  names + " no longer known: no rule for a zone finds them.",
		compare.WiderName: names + " only under " + c.Pattern + " now, without a row.",
		compare.MovedName: names + " no longer in " + from + ", whose rules lose them; in " + c.Zone + " now.",
		compare.AlsoName:  names + " also in " + to + " now, whose rules get them.",
	}[c.Kind]
	if c.Kind == compare.WiderName && from != "" {
		text += " Rules for " + from + " lose them; they are in " + c.Zone + " now."
	}
	if c.OutOfAll {
		text += ` Only catch-alls have them: rules for "*" lose them.`
	}
	p.paragraph("  ", text)
	p.list("    names", c.Names)
}

// portsText says what came and what went.
func portsText(d compare.Delta) string {
	var parts []string
	if len(d.Added) > 0 {
		parts = append(parts, "needed now: "+strings.Join(d.Added, " "))
	}
	if len(d.Gone) > 0 {
		parts = append(parts, "no longer: "+strings.Join(d.Gone, " "))
	}
	return strings.Join(parts, "; ")
}

// writeRows writes how the rows of a zone differ.
func writeRows(p *page, rows []compare.RowDiff) {
	writeWhole(p, "+", rowsWith(rows, compare.Added))
	if !p.all {
		rows = writeRelabelled(p, rows)
	}
	for _, r := range rows {
		switch r.Status {
		case compare.Renamed:
			p.paragraph("  ", "~ row "+r.Name+", before "+r.OldName)
		case compare.Changed:
			p.paragraph("  ", "~ row "+r.Name)
		default:
			continue
		}
		writeDifferences(p, &r)
		writeStatements(p, &r)
	}
	writeWhole(p, "-", rowsWith(rows, compare.Gone))
}

// isRelabelled says whether r has only another name or another purpose: everything that a
// rule, a pin or a firewall goes by is the same.
func isRelabelled(r compare.RowDiff) bool {
	return (r.Status == compare.Renamed || r.Status == compare.Changed) && r.Required == nil && r.CarveOut == nil &&
		r.Names.IsEmpty() && r.Prefixes.IsEmpty() && r.Ports.IsEmpty()
}

// writeRelabelled names the rows that have only another name or purpose, and gives the others.
func writeRelabelled(p *page, rows []compare.RowDiff) (others []compare.RowDiff) {
	var labels []string
	for _, r := range rows {
		switch {
		case !isRelabelled(r):
			others = append(others, r)
		case r.Status == compare.Renamed:
			labels = append(labels, r.Name+" (before "+r.OldName+")")
		default:
			labels = append(labels, r.Name)
		}
	}
	if len(labels) > 0 {
		p.list("  ~ "+plural(len(labels), "row")+" with only another name or purpose", labels)
	}
	return others
}

// writeWhole writes rows that came or went. Many are only named.
func writeWhole(p *page, sign string, rows []compare.RowDiff) {
	if !p.all && len(rows) > shortList {
		var names []string
		for _, r := range rows {
			names = append(names, r.Name)
		}
		p.list("  "+sign+" "+plural(len(rows), "row"), names)
		return
	}
	for _, r := range rows {
		names, prefixes, ports := slices.Concat(r.Names.Added, r.Names.Gone), slices.Concat(r.Prefixes.Added, r.Prefixes.Gone), slices.Concat(r.Ports.Added, r.Ports.Gone)
		p.paragraph("  ", sign+" row "+r.Name+": "+rowCounts(names, prefixes, ports))
		if p.all {
			writeDifferences(p, &r)
		}
	}
}

// rowsWith are the rows with a status.
func rowsWith(rows []compare.RowDiff, status string) []compare.RowDiff {
	return slices.DeleteFunc(slices.Clone(rows), func(r compare.RowDiff) bool { return r.Status != status })
}

// writeDifferences writes what came to the lists of a row, and what went.
func writeDifferences(p *page, r *compare.RowDiff) {
	for _, d := range []struct {
		what string
		compare.Delta
	}{{"names", r.Names}, {"prefixes", r.Prefixes}, {"ports", r.Ports}} {
		p.list("    + "+d.what, d.Added)
		p.list("    - "+d.what, d.Gone)
	}
}

// writeStatements writes what a row says otherwise of itself.
func writeStatements(p *page, r *compare.RowDiff) {
	if r.Purpose != nil {
		p.item("    purpose", cmp.Or(tomlfile.Shown(r.Purpose.After), "(none)"))
		p.item("    before", cmp.Or(tomlfile.Shown(r.Purpose.Before), "(none)"))
	}
	if r.Required != nil {
		p.item("    required", map[bool]string{true: "yes, before no", false: "no, before yes"}[r.Required.After])
	}
	if r.CarveOut != nil {
		p.item("    carve-out", map[bool]string{true: "yes: takes no ranges from wider patterns any more", false: "no longer: takes the ranges of wider patterns"}[r.CarveOut.After])
	}
}

// rowCounts says how much a row has.
func rowCounts(names, prefixes, ports []string) string {
	parts := []string{plural(len(names), "name")}
	if len(prefixes) > 0 {
		parts = append(parts, plural(len(prefixes), "prefix"))
	}
	return strings.Join(append(parts, ports...), ", ")
}
