package importer

import "strings"

// A cell of names may say in words what a name is for, before it or behind it. The name is
// still that of the row. Cells of other columns mention names too, and those are no rows:
// the column tells, and where no column is known, the row must leave no choice.

// adopted is how the name in a piece of prose is taken over.
type adopted uint8

const (
	notAdopted   adopted = iota
	nameFirst            // only a name that begins the piece
	nameAnywhere         // or the only name of the piece, wherever it stands
	nameDoubted          // likewise, but doubted in either case
)

// maxColumns is how many columns of a table are remembered.
const maxColumns = 64

// knowHosts remembers the columns of the table whose cells have names.
func (p *learnPage) knowHosts(cells []cell) {
	for i := range cells[:min(len(cells), maxColumns)] {
		if cells[i].hasName {
			p.hosts |= 1 << i
		}
	}
}

// adopt takes over the names in the prose of a row's cells, where they are those of the
// row. The others are mentioned.
func (p *learnPage) adopt(line int, cells []cell, into *printed) {
	hasName, alone := len(into.names) > 0, aloneIn(cells)
	for i := range cells {
		c := &cells[i]
		how := nameFirst
		if !hasName {
			how = p.columnSays(i, alone)
		} else if !c.hasName {
			how = notAdopted
		}
		for _, piece := range c.prose {
			if p.adoptPiece(line, piece, how, into) {
				c.isTaken = true
			} else {
				p.mention(line, piece)
			}
		}
	}
}

// columnSays is how a column takes over names in a row that has no other, where the prose
// of the cell with index alone is the only one with names; -1: of none, or of many.
func (p *learnPage) columnSays(column, alone int) adopted {
	switch {
	case column < maxColumns && p.hosts&(1<<column) != 0:
		return nameAnywhere
	case p.hosts == 0 && alone == column:
		return nameDoubted
	}
	return notAdopted
}

// aloneIn is the index of the only cell that has names in its prose; -1 if there is none,
// or another.
func aloneIn(cells []cell) int {
	alone := -1
	for i := range cells {
		if !hasNameWord(cells[i].prose) {
			continue
		}
		if alone >= 0 {
			return -1
		}
		alone = i
	}
	return alone
}

// hasNameWord says whether one of the pieces has a name among its words.
func hasNameWord(pieces []string) bool {
	for _, piece := range pieces {
		if first, _ := nameWords(readWords(piece)); first >= 0 {
			return true
		}
	}
	return false
}

// nameWords is the place of the first name, -1 if there is none, and how many there are.
func nameWords(words []word) (first, count int) {
	first = -1
	for i, w := range words {
		if w.shape != aName && w.shape != aNumbered {
			continue
		}
		if count++; first < 0 {
			first = i
		}
	}
	return first, count
}

// adoptPiece takes over the names of a piece of prose, and says whether it had any that
// are those of the row.
func (p *learnPage) adoptPiece(line int, piece string, how adopted, into *printed) bool {
	words := readWords(learnAside.ReplaceAllString(piece, " "))
	first, count := nameWords(words)
	if first < 0 || first > 0 && count > 1 || !how.takes(words[first], first == 0, len(into.prefixes) > 0) {
		return false
	}
	if first > 0 || how == nameDoubted {
		p.note(line, Doubted, "a name with words around it, taken over for the row: %s", cutText(strings.TrimSpace(piece)))
	}
	last := first + 1
	if first == 0 {
		last = run(words)
	}
	p.adoptWords(line, piece, words, first, last, into)
	return true
}

// takes says whether a name is taken over from prose, which it may begin, in a row that may
// have prefixes. Without a known column it needs prefixes beside it, or three labels at the
// beginning: a sentence may begin with the name of a product.
func (how adopted) takes(name word, begins, hasPrefix bool) bool {
	switch how {
	case nameFirst:
		return begins
	case nameAnywhere:
		return true
	case nameDoubted:
		return hasPrefix || begins && strings.Count(name.clean, ".") >= 2
	case notAdopted:
	}
	return false
}

// adoptWords takes over words of a piece, and notes the others.
func (p *learnPage) adoptWords(line int, piece string, words []word, first, last int, into *printed) {
	p.asides(line, piece)
	for _, w := range words[first:last] {
		p.take(line, w, into)
	}
	if first > 0 {
		p.note(line, Normalised, "left out the text before a name: %s", cutText(joinWords(words[:first])))
		p.mention(line, joinWords(words[:first]))
	}
	if last < len(words) {
		p.tail(line, words[last:])
	}
}
