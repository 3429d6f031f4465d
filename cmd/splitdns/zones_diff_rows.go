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
	return ": the same rows"
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
			return !all && m.Kind == c.Kind && m.Pattern == c.Pattern && slices.Equal(m.From, c.From) && m.Zone == c.Zone
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
		compare.WiderName: names + " without a row of their own now, only under " + c.Pattern + ".",
		compare.MovedName: names + " no longer in " + from + ", whose rules lose them; in " + c.Zone + " now.",
		compare.AlsoName:  names + " also in " + to + " now, whose rules get them.",
	}[c.Kind]
	if c.Kind == compare.WiderName && from != "" {
		text += " Rules for " + from + " lose them; they are in " + c.Zone + " now."
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

// writeRows writes how the rows of a zone differ. Rows that came or went are only named
// where there are many.
func writeRows(p *page, rows []compare.RowDiff) {
	came, went := rowNames(rows, compare.Added), rowNames(rows, compare.Gone)
	if !p.all && len(came) > shortList {
		p.list("  + "+plural(len(came), "row"), came)
	}
	if !p.all && len(went) > shortList {
		p.list("  - "+plural(len(went), "row"), went)
	}
	for _, r := range rows {
		switch {
		case r.Status == compare.Added && (p.all || len(came) <= shortList):
			p.paragraph("  ", "+ row "+r.Name+": "+rowCounts(r.Names.Added, r.Prefixes.Added, r.Ports.Added))
		case r.Status == compare.Gone && (p.all || len(went) <= shortList):
			p.paragraph("  ", "- row "+r.Name+": "+rowCounts(r.Names.Gone, r.Prefixes.Gone, r.Ports.Gone))
		case r.Status == compare.Renamed:
			p.paragraph("  ", "~ row "+r.Name+", before "+r.OldName)
		case r.Status == compare.Changed:
			p.paragraph("  ", "~ row "+r.Name)
		}
		if isEdit := r.Status == compare.Renamed || r.Status == compare.Changed; isEdit || p.all {
			writeDifferences(p, &r, isEdit)
		}
	}
}

// rowNames are the names of the rows with a status.
func rowNames(rows []compare.RowDiff, status string) (names []string) {
	for _, r := range rows {
		if r.Status == status {
			names = append(names, r.Name)
		}
	}
	return names
}

// writeDifferences writes what differs in a row, of one that is on both sides also what it says of itself.
func writeDifferences(p *page, r *compare.RowDiff, isEdit bool) {
	for _, d := range []struct {
		what string
		compare.Delta
	}{{"names", r.Names}, {"prefixes", r.Prefixes}, {"ports", r.Ports}} {
		p.list("    + "+d.what, d.Added)
		p.list("    - "+d.what, d.Gone)
	}
	if !isEdit {
		return
	}
	if r.Purpose != nil {
		p.item("    purpose", tomlfile.Shown(r.Purpose.After))
		p.item("    before", tomlfile.Shown(r.Purpose.Before))
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
