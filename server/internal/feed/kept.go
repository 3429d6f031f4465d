package feed

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/matcher"
	"splitdns/zones"
)

const (
	// maxKept is how many names and prefixes are kept that are published no longer. Where
	// there are more the oldest go early.
	maxKept = 200_000
	// maxPart is how many of them stand together, as a zone file: those have a limit of their own.
	maxPart = 10_000
)

// keep gives what stays in force of old, a copy in force, where z takes its place at now.
// What stays is rows of their own, so that the reader sees what is published no longer, and what
// was published for a name stays so: the ranges of a row that lost a name are kept for that
// name, and a range that a row lost is kept for the names of the row. Early is how many names and prefixes
// are not kept because there are too many.
func keep(old *Copy, z *zones.Zone, now time.Time, removeAfter time.Duration) (all []Kept, early int, err error) {
	in, err := old.contents()
	if err != nil {
		return nil, 0, err
	}
	groups, err := old.keptZones()
	if err != nil {
		return nil, 0, err
	}
	fresh := newIndex(z)
	for i, group := range groups {
		since := old.Kept[i].Since
		if since.After(now) { // the clock was wrong: it would stay until then
			since = now
		}
		all = appendKept(all, since, vanished(group, fresh))
	}
	rows := vanished(in.zone, fresh)
	for i := range rows {
		mark(&rows[i], now)
	}
	all, early = bounded(unexpired(appendKept(all, now, rows), now, removeAfter))
	return all, early, nil
}

// unexpired is kept without what has been kept for long enough.
func unexpired(kept []Kept, now time.Time, removeAfter time.Duration) []Kept {
	var left []Kept
	for _, k := range kept {
		if now.Sub(k.Since) < removeAfter {
			left = append(left, k)
		}
	}
	return left
}

// bounded is kept without the oldest, where that is too much, and how many names and prefixes these are.
func bounded(kept []Kept) (left []Kept, early int) {
	first, total := len(kept), 0
	for first > 0 && total+kept[first-1].Size <= maxKept {
		first--
		total += kept[first].Size
	}
	for _, k := range kept[:first] {
		early += k.Size
	}
	return kept[first:], early
}

// appendKept adds rows that have gone at since, in parts that are not too large.
func appendKept(all []Kept, since time.Time, rows []zones.Row) []Kept {
	part, size := new(zones.Zone), 0
	taken := make(map[string]bool, len(rows))
	end := func() {
		if len(part.Rows) > 0 {
			all = append(all, Kept{Since: since, Rows: string(zones.AppendFile(nil, part)), Size: size})
		}
		part, size = new(zones.Zone), 0
	}
	for _, whole := range rows {
		for _, r := range cut(whole) {
			n := r.Patterns.Len() + len(r.Prefixes)
			if size+n > maxPart {
				end()
			}
			r.Name = freeName(taken, r.Name)
			part.Rows, size = append(part.Rows, r), size+n
		}
	}
	end()
	return all
}

// cut is r as rows of not too many names.
func cut(r zones.Row) []zones.Row {
	if r.Patterns.Len() <= maxPart {
		return []zones.Row{r}
	}
	var rows []zones.Row
	for names := range slices.Chunk(slices.Collect(r.Patterns.All()), maxPart) {
		r.Patterns = matcher.ListOf(names...)
		rows = append(rows, r)
	}
	return rows
}

// mark has a row say that it is published no longer.
func mark(r *zones.Row, since time.Time) {
	name := r.Name
	if zones.CheckName(name) != nil {
		name = "row"
	}
	r.Name = fmt.Sprintf("%.45s.gone-%s", name, since.UTC().Format("20060102"))
	r.Purpose = strings.TrimSuffix(fmt.Sprintf("no longer published, seen on %s: %s", since.UTC().Format(time.DateOnly), r.Purpose), ": ")
}

// vanished is what the rows of old publish and fresh does not.
func vanished(old *zones.Zone, fresh *index) []zones.Row {
	var gone []zones.Row
	for i := range old.Rows {
		r := &old.Rows[i]
		if r.Patterns.Len() == 0 {
			gone = appendRow(gone, *r, nil, uncovered(r.Prefixes, fresh.plain.covers))
			continue
		}
		gone = appendVanished(gone, r, fresh)
	}
	return gone
}

// narrowing is names of a row that have lost the same prefixes.
type narrowing struct {
	prefixes []netip.Prefix
	names    []matcher.Pattern
}

// appendVanished adds what fresh lacks of a row with names.
func appendVanished(gone []zones.Row, r *zones.Row, fresh *index) []zones.Row {
	var lost []matcher.Pattern // names that have gone
	var order []*narrowing
	byRows := make(map[string]*narrowing) // by the rows that the names stand in now: they may be many, as may the prefixes
	byLost := make(map[string]*narrowing)
	for p := range r.Patterns.All() {
		if !fresh.has(p) {
			lost = append(lost, p)
			continue
		}
		rows := fmt.Sprint(fresh.ranged[fresh.hash(p)])
		n, isKnown := byRows[rows]
		if !isKnown {
			n = narrowed(byLost, uncovered(r.Prefixes, fresh.coverageOf(p).covers))
			byRows[rows] = n
		}
		if n.names = append(n.names, p); len(n.names) == 1 {
			order = append(order, n)
		}
	}
	if len(lost) > 0 {
		gone = appendRow(gone, *r, lost, r.Prefixes)
	}
	for _, n := range order {
		other := *r
		other.CarveOut = false // what wider patterns publish for these names now is for the new rows to say
		if len(n.prefixes) > 0 {
			gone = appendRow(gone, other, n.names, n.prefixes)
		}
	}
	return gone
}

// narrowed is the names that have lost just these prefixes.
func narrowed(byLost map[string]*narrowing, lost []netip.Prefix) *narrowing {
	key := fmt.Sprint(lost)
	n, ok := byLost[key]
	if !ok {
		n = &narrowing{prefixes: lost}
		byLost[key] = n
	}
	return n
}

// appendRow adds r with other names and prefixes, if there are any.
func appendRow(rows []zones.Row, r zones.Row, names []matcher.Pattern, prefixes []netip.Prefix) []zones.Row {
	if len(names)+len(prefixes) == 0 {
		return rows
	}
	r.Patterns, r.Prefixes, r.Line = matcher.ListOf(names...), prefixes, 0
	return append(rows, r)
}

// uncovered are the prefixes that covers does not hold of.
func uncovered(prefixes []netip.Prefix, covers func(netip.Prefix) bool) []netip.Prefix {
	var left []netip.Prefix
	for _, p := range prefixes {
		if !covers(p) {
			left = append(left, p)
		}
	}
	return left
}
