package compare

import (
	"cmp"
	"iter"
	"slices"

	"splitdns/matcher"
	"splitdns/zones"
)

// What became of a zone, or of a row.
const (
	Added   = "added"
	Gone    = "gone"
	Renamed = "renamed" // a row with the same names, or most of them, under another name
	Changed = "changed"
)

// ZoneDiff is a zone that is not the same on both sides, row by row.
type ZoneDiff struct {
	Name   string `json:"name"`
	Status string `json:"status"` // "added", "gone" or "changed"
	// CatchAll is set where the zone has become, or is no longer, one that "*" leaves out.
	CatchAll *Bools    `json:"catch_all,omitempty"`
	Before   Counts    `json:"before"`
	After    Counts    `json:"after"`
	Names    Delta     `json:"names"`    // of the zone as a whole: a name that only moved to another row is in none of these
	Prefixes Delta     `json:"prefixes"` // likewise, as they are written
	Ports    Delta     `json:"ports"`    // likewise: what a firewall needs now, and no longer
	Rows     []RowDiff `json:"rows"`     // those that differ: in the order of the new side, those that are gone last
}

// Counts is how much a zone has. A name or a prefix in several rows counts once.
type Counts struct {
	Rows     int `json:"rows"`
	Names    int `json:"names"`
	Prefixes int `json:"prefixes"` // single addresses included
}

// RowDiff is a row that is not the same on both sides. Of a row that is added or gone, the
// lists have everything in it.
type RowDiff struct {
	Name     string `json:"name"`               // on the new side, if it is there
	OldName  string `json:"old_name,omitempty"` // where it has another name now
	Status   string `json:"status"`             // "added", "gone", "renamed" or "changed"
	Names    Delta  `json:"names"`
	Prefixes Delta  `json:"prefixes"`
	Ports    Delta  `json:"ports"`
	Purpose  *Texts `json:"purpose,omitempty"` // these are nil where both sides agree
	Required *Bools `json:"required,omitempty"`
	CarveOut *Bools `json:"carve_out,omitempty"`
}

// Delta is what came to a list and what went, each in the list's order. The order alone makes no difference.
type Delta struct {
	Added []string `json:"added"`
	Gone  []string `json:"gone"`
}

// IsEmpty says whether nothing came or went.
func (d Delta) IsEmpty() bool { return len(d.Added)+len(d.Gone) == 0 }

// Texts is a text before and after.
type Texts struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// Bools is a statement before and after.
type Bools struct {
	Before bool `json:"before"`
	After  bool `json:"after"`
}

// delta compares two lists as sets. The lists of the result are not nil.
func delta(before, after []string) Delta {
	return Delta{Added: missing(before, after), Gone: missing(after, before)}
}

// missing is what of is without, each once.
func missing(from, of []string) []string {
	have := make(map[string]struct{}, len(from))
	for _, s := range from {
		have[s] = struct{}{}
	}
	lacking := []string{}
	for _, s := range of {
		if _, ok := have[s]; !ok {
			have[s] = struct{}{}
			lacking = append(lacking, s)
		}
	}
	return lacking
}

// changed is the pair of two values, nil where they are equal.
func changed[V comparable, P any](before, after V, pair P) *P {
	if before == after {
		return nil
	}
	return &pair
}

// zoneDiffs compares zones by name and row by row.
func zoneDiffs(before, after []*zones.Zone) []ZoneDiff {
	diffs := []ZoneDiff{}
	for _, old := range before {
		if z := zoneNamed(after, old.Name); z == nil {
			diffs = append(diffs, zoneDiff(old, &zones.Zone{Name: old.Name, CatchAll: old.CatchAll}, Gone))
		} else if d := zoneDiff(old, z, Changed); len(d.Rows) > 0 || d.CatchAll != nil {
			diffs = append(diffs, d)
		}
	}
	for _, z := range after {
		if zoneNamed(before, z.Name) == nil {
			diffs = append(diffs, zoneDiff(&zones.Zone{CatchAll: z.CatchAll}, z, Added))
		}
	}
	slices.SortStableFunc(diffs, func(a, b ZoneDiff) int { return cmp.Compare(a.Name, b.Name) })
	return diffs
}

// zoneNamed is the zone of a name, or nil.
func zoneNamed(all []*zones.Zone, name string) *zones.Zone {
	for _, z := range all {
		if z.Name == name {
			return z
		}
	}
	return nil
}

// zoneDiff compares two states of a zone.
func zoneDiff(before, after *zones.Zone, status string) ZoneDiff {
	a, b := contentOf(before), contentOf(after)
	return ZoneDiff{
		Name:     after.Name,
		Status:   status,
		CatchAll: changed(before.CatchAll, after.CatchAll, Bools{before.CatchAll, after.CatchAll}),
		Before:   a.counts(before),
		After:    b.counts(after),
		Names:    delta(a.names, b.names),
		Prefixes: delta(a.prefixes, b.prefixes),
		Ports:    delta(a.ports, b.ports),
		Rows:     rowDiffs(before.Rows, after.Rows),
	}
}

// content is everything that rows list, as text.
type content struct{ names, prefixes, ports []string }

// contentOf is what all rows of z list.
func contentOf(z *zones.Zone) (c content) {
	for i := range z.Rows {
		row := rowContent(&z.Rows[i])
		c.names = append(c.names, row.names...)
		c.prefixes = append(c.prefixes, row.prefixes...)
		c.ports = append(c.ports, row.ports...)
	}
	return c
}

// counts counts c, which is the content of z.
func (c content) counts(z *zones.Zone) Counts {
	return Counts{len(z.Rows), len(missing(nil, c.names)), len(missing(nil, c.prefixes))}
}

// rowContent is what r lists.
func rowContent(r *zones.Row) (c content) {
	c.names = texts(r.Patterns.All(), matcher.Pattern.String)
	c.prefixes = texts(slices.Values(r.Prefixes), zones.PrefixText)
	c.ports = texts(slices.Values(r.Ports), zones.Port.String)
	return c
}

// texts are the texts of values.
func texts[V any](values iter.Seq[V], text func(V) string) (all []string) {
	for v := range values {
		all = append(all, text(v))
	}
	return all
}

// rowDiffs compares the rows of a zone.
func rowDiffs(before, after []zones.Row) []RowDiff {
	diffs := []RowDiff{}
	pairs := pairRows(before, after)
	isLeft := make([]bool, len(before))
	for i := range after {
		if pairs[i] < 0 {
			diffs = append(diffs, rowDiff(&zones.Row{Required: after[i].Required}, &after[i], Added))
			continue
		}
		old := &before[pairs[i]]
		isLeft[pairs[i]] = true
		d := rowDiff(old, &after[i], Changed)
		if old.Name != after[i].Name {
			d.Status, d.OldName = Renamed, old.Name
		}
		if !d.isSame() {
			diffs = append(diffs, d)
		}
	}
	for i := range before {
		if !isLeft[i] {
			d := rowDiff(&before[i], &zones.Row{Required: before[i].Required}, Gone)
			d.Name = before[i].Name
			diffs = append(diffs, d)
		}
	}
	return diffs
}

// rowDiff compares two states of a row.
func rowDiff(before, after *zones.Row, status string) RowDiff {
	a, b := rowContent(before), rowContent(after)
	return RowDiff{
		Name:     after.Name,
		Status:   status,
		Names:    delta(a.names, b.names),
		Prefixes: delta(a.prefixes, b.prefixes),
		Ports:    delta(a.ports, b.ports),
		Purpose:  changed(before.Purpose, after.Purpose, Texts{before.Purpose, after.Purpose}),
		Required: changed(before.Required, after.Required, Bools{before.Required, after.Required}),
		CarveOut: changed(before.CarveOut, after.CarveOut, Bools{before.CarveOut, after.CarveOut}),
	}
}

// isSame says whether a row of both sides has not changed.
func (d *RowDiff) isSame() bool {
	return d.Status == Changed && d.Names.IsEmpty() && d.Prefixes.IsEmpty() && d.Ports.IsEmpty() &&
		d.Purpose == nil && d.Required == nil && d.CarveOut == nil
}
