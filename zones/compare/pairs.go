package compare

import (
	"cmp"
	"slices"

	"splitdns/zones"
)

// pairRows finds for each row of after the row of before that it was, -1 for none: the one of
// its name, else the one with which it has the most in common. Importers name rows
// after their first name, so that one name more can rename a row.
func pairRows(before, after []zones.Row) []int {
	pairs := make([]int, len(after))
	byName := make(map[string]int, len(before))
	for i := range before {
		byName[before[i].Name] = i
	}
	isTaken := make([]bool, len(before))
	for i := range after {
		old, ok := byName[after[i].Name]
		if pairs[i] = -1; ok {
			pairs[i], isTaken[old] = old, true
		}
	}
	h := newHolders(before, isTaken)
	var found []overlap
	for i := range after {
		if pairs[i] < 0 {
			found = h.appendOverlaps(found, i, &after[i])
		}
	}
	slices.SortFunc(found, overlap.compare)
	for _, o := range found {
		if pairs[o.after] < 0 && !isTaken[o.before] {
			pairs[o.after], isTaken[o.before] = o.before, true
		}
	}
	return pairs
}

// overlap is what two rows have in common.
type overlap struct {
	before, after int
	common        int
	share         float64 // of the smaller row
}

// compare orders overlaps, the best first.
func (o overlap) compare(p overlap) int {
	return cmp.Or(cmp.Compare(p.common, o.common), cmp.Compare(p.share, o.share), cmp.Compare(o.after, p.after), cmp.Compare(o.before, p.before))
}

// holders says which rows list what. Rows that have nothing in common never meet, so that
// finding partners does not take the square of the rows.
type holders struct {
	rows  map[string][]int // by name or prefix
	sizes []int
}

// maxHolders is in how many rows a name or a prefix may stand to say which row is which.
const maxHolders = 16

// newHolders takes in rows but for those that are taken.
func newHolders(rows []zones.Row, isTaken []bool) holders {
	h := holders{map[string][]int{}, make([]int, len(rows))}
	for i := range rows {
		if isTaken[i] {
			continue
		}
		keys := keysOf(&rows[i])
		h.sizes[i] = len(keys)
		for _, key := range keys {
			h.rows[key] = append(h.rows[key], i)
		}
	}
	return h
}

// appendOverlaps appends the rows that have at least half in common with r, which is row number i.
func (h holders) appendOverlaps(found []overlap, i int, r *zones.Row) []overlap {
	keys := keysOf(r)
	common := map[int]int{}
	for _, key := range keys {
		if old := h.rows[key]; len(old) <= maxHolders {
			for _, o := range old {
				common[o]++
			}
		}
	}
	for old, n := range common {
		if share := float64(n) / float64(min(len(keys), h.sizes[old])); share >= 0.5 {
			found = append(found, overlap{old, i, n, share})
		}
	}
	return found
}

// keysOf is what a row is recognised by: all names and prefixes.
func keysOf(r *zones.Row) []string {
	c := rowContent(r)
	return slices.Concat(c.names, c.prefixes)
}
