package importer

import "regexp"

// A cell may have names and addresses in turns. Where each line has both, they are pairs,
// and rows of their own. Otherwise nobody can tell which belongs to which: the row has
// all of both, and that is doubted.

// sizes is how much a row has at the beginning or the end of a piece of a cell.
type sizes struct{ names, prefixes, order int }

// part is what a piece of a cell gave a row.
type part struct{ from, to sizes }

// Orders of names (n) and prefixes (p). A bar begins a cell.
var (
	orderPair  = regexp.MustCompile(`^(?:n+p+|p+n)$`)
	orderTurns = regexp.MustCompile(`n[^|]*p[^|]*n`)
)

// sizes is how much p has now.
func (p *printed) sizes() sizes {
	return sizes{len(p.names), len(p.prefixes), len(p.order)}
}

// paired is the rows that a row of a table stands for: one, or one of each pair.
func (p *learnPage) paired(row *printed) []*printed {
	switch {
	case row.isPaired():
		p.note(row.line, Normalised, "each line of the cell has its own name and addresses: read as %d rows", len(row.parts))
	case orderTurns.Match(row.order):
		p.note(row.line, Doubted, "names and addresses in turns in one cell: which belong together is not known; taken over for all of its names")
		return []*printed{row}
	default:
		return []*printed{row}
	}
	rows := make([]*printed, len(row.parts))
	for i, part := range row.parts {
		pair := *row
		pair.names = row.names[part.from.names:part.to.names:part.to.names]
		pair.prefixes = row.prefixes[part.from.prefixes:part.to.prefixes:part.to.prefixes]
		rows[i] = &pair
	}
	return rows
}

// isPaired says whether p has nothing but lines of names with addresses, and two at least.
func (p *printed) isPaired() bool {
	names := 0
	for _, part := range p.parts {
		if !orderPair.Match(p.order[part.from.order:part.to.order]) {
			return false
		}
		names += part.to.names - part.from.names
	}
	return len(p.parts) > 1 && names == len(p.names)
}
