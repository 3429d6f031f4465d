package importer

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"splitdns/matcher"
	"splitdns/zones"
)

// How much of a text its format shows in, and how long a line of it may be.
const (
	headSize  = 256 << 10
	headLines = 500
	maxLine   = 4096
	maxLines  = 2 * zones.MaxListPatterns
)

// errLines is said of a text with too many lines.
var errLines = fmt.Errorf("more than %d lines", maxLines)

// listing is a text of one line for each thing, while it is read. It puts names and
// prefixes into rows that are known by their names, since such lists have no rows.
type listing struct {
	*reading
	rows  map[string]*listRow
	order []*listRow
	size  int // names and prefixes in all rows
}

// listRow is a row of a listing.
type listRow struct {
	draft
	seen map[string]struct{} // the texts of its names and prefixes
}

// newListing begins to read r. It is about a list whose publisher says nothing of it.
func newListing(r *reading) *listing {
	r.about = zones.Zone{Source: sourceOf(r.document, "")}
	return &listing{reading: r, rows: make(map[string]*listRow)}
}

// lines gives every line that is not blank to each, without spaces around. Then the rows are
// the drafts of the reading.
func (l *listing) lines(each func(line int, text string)) error {
	if err := l.rawLines(func(line int, text string) { each(line, strings.TrimSpace(text)) }); err != nil {
		return err
	}
	l.end()
	return nil
}

// rawLines gives every line that is not blank to each as it stands.
func (l *listing) rawLines(each func(line int, text string)) error {
	line := 0
	for text := range bytes.Lines(bytes.TrimPrefix(l.document.Data, []byte("\ufeff"))) {
		line++
		text = bytes.TrimRight(text, "\r\n")
		switch {
		case len(text) > maxLine:
			l.count(line, Skipped, fmt.Sprintf("a line of more than %d octets", maxLine))
		case len(bytes.TrimSpace(text)) > 0:
			each(line, string(text))
		}
		if err := l.tooMuch(line); err != nil {
			return err
		}
	}
	return nil
}

// tooMuch says of what there is too much up to a line.
func (l *listing) tooMuch(line int) error {
	switch {
	case line > maxLines:
		return errLines
	case l.size > zones.MaxListPatterns:
		return errPatterns
	case len(l.order)+len(l.drafts) > maxRows:
		return errRows
	}
	return nil
}

// end makes drafts of the rows.
func (l *listing) end() {
	for _, row := range l.order {
		if len(row.names)+len(row.prefixes) > 0 {
			l.drafts = append(l.drafts, row.draft)
		}
	}
	if l.size > maxFile {
		l.note(0, Doubted, "%d names and prefixes are too many for a zone file; let the configuration read the list itself", l.size)
	}
}

// maxFile is how many values fit into a zone file of the size that is read (4 MiB).
const maxFile = 120_000

// row is the row called name, made in line if there is none.
func (l *listing) row(line int, name, purpose string) *listRow {
	row, ok := l.rows[name]
	if !ok {
		row = &listRow{draft: draft{name: name, line: line, purpose: purpose}, seen: make(map[string]struct{})}
		l.rows[name] = row
		l.order = append(l.order, row)
	}
	return row
}

// name takes over a name, or notes what is wrong with it.
func (l *listing) name(row *listRow, line int, printed string) {
	if len(printed) > maxNote {
		l.note(line, Skipped, "%q: %v", cut(printed), errPrinted)
		return
	}
	p, ok := l.pattern(line, printed)
	if ok && l.isNew(row, line, p.String()) {
		row.names = append(row.names, p)
	}
}

// prefixOf takes over a prefix, or notes what is wrong with it.
func (l *listing) prefixOf(row *listRow, line int, printed string) {
	p, ok := l.prefix(line, cut(printed))
	if ok && l.isNew(row, line, zones.PrefixText(p)) {
		row.prefixes = append(row.prefixes, p)
	}
}

// isNew says whether text is not in row yet, and counts it.
func (l *listing) isNew(row *listRow, line int, text string) bool {
	if _, ok := row.seen[text]; ok {
		l.count(line, Normalised, "a name or a prefix that stands further up already")
		return false
	}
	row.seen[text] = struct{}{}
	l.size++
	return true
}

// Rows of lists that have no others.
const (
	listName   = "list" // as a list has that the configuration reads
	listRanges = "prefixes"
)

// list is the row of the names of a list without rows.
func (l *listing) list(line int) *listRow { return l.row(line, listName, "") }

// ranges is the row of the prefixes of a list: not that of its names, since the list
// does not say that they belong together.
func (l *listing) ranges(line int) *listRow { return l.row(line, listRanges, "") }

// uncommented is text up to the first of the marks that has a space before it, or begins it.
func uncommented(text string, marks ...string) string {
	for _, mark := range marks {
		if strings.HasPrefix(text, mark) {
			return ""
		}
		for _, space := range []string{" ", "\t"} {
			text, _, _ = strings.Cut(text, space+mark)
		}
	}
	return strings.TrimSpace(text)
}

// fit is how a line looks to a format.
type fit uint8

const (
	foreign fit = iota // not of the format
	usual              // of this format and of others
	telling            // of this format only
)

// mostFit says whether data is text of which a line at least is telling, and four of five
// are not foreign. Blank lines and those that begin with a mark do not count.
func mostFit(data []byte, fits func(line string) fit, marks ...string) bool {
	if looksJSON(data) {
		return false
	}
	total, fitting, told := 0, 0, 0
	for line := range headOf(data) {
		line = uncommented(strings.TrimSpace(line), marks...)
		if line == "" {
			continue
		}
		total++
		switch fits(line) {
		case telling:
			told++
			fitting++
		case usual:
			fitting++
		case foreign:
		}
		if total == headLines {
			break
		}
	}
	return told > 0 && 5*fitting >= 4*total
}

// headOf gives the first lines of data, none of them cut off.
func headOf(data []byte) func(yield func(string) bool) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(data) > headSize {
		data = data[:headSize]
		data = data[:bytes.LastIndexByte(data, '\n')+1]
	}
	return strings.Lines(string(data))
}

// isNameLike says whether text is a name or a pattern of two labels or more.
func isNameLike(text string) bool {
	clean, _ := matcher.Normalise(text)
	if len(text) > maxNote || !strings.Contains(clean, ".") || strings.ContainsFunc(clean, unicode.IsSpace) {
		return false
	}
	if rest, glued := strings.CutPrefix(clean, "*"); glued && isGlued(rest) {
		clean = rest
	}
	_, err := matcher.ParsePattern(clean)
	return err == nil
}

// isPrefixLike says whether text is an address or a prefix.
func isPrefixLike(text string) bool {
	_, err := netip.ParsePrefix(text)
	return err == nil || isAddr(text)
}
