package importer

import (
	"regexp"
	"strings"
)

// Shapes of lines.
var (
	learnQuote   = regexp.MustCompile(`^\s*(?:>\s?)+`)
	learnFence   = regexp.MustCompile("^\\s*(?:```|~~~)")
	learnHeading = regexp.MustCompile(`^\s{0,3}#{1,6}(?:\s|$)`)
	learnTab     = regexp.MustCompile(`\]\(#tab/[^()]*\)\s*$`) // a heading that begins a tab of its section
	learnItem    = regexp.MustCompile(`^\s*(?:[-*+]|\d{1,9}[.)])\s+(.*)$`)
)

// walker is the state of a walk over the lines of a page.
type walker struct {
	*learnPage
	columns int      // of the table that the line may be in; 0: outside of tables
	isFence bool     // the line is in a block of code
	list    *printed // the list that an item would belong to
	block   *printed // the block of names and prefixes that a line would belong to
	before  string   // the line of prose directly before
}

// walk reads the page line by line.
func (p *learnPage) walk() {
	w := walker{learnPage: p}
	for i, line := range p.lines {
		w.line(i+1, learnQuote.ReplaceAllString(line, ""))
	}
	w.end()
}

// end ends the list and the block.
func (w *walker) end() {
	for _, p := range []*printed{w.list, w.block} {
		if p != nil && p.size() > 0 {
			w.printed = append(w.printed, p)
		}
	}
	w.list, w.block = nil, nil
}

// line reads one line.
func (w *walker) line(number int, line string) {
	before := w.before
	w.before = ""
	switch {
	case learnFence.MatchString(line):
		w.end()
		w.isFence, w.columns = !w.isFence, 0
	case w.isFence:
		w.text(number, line)
	case strings.TrimSpace(line) == "":
		w.columns = 0
		w.endBlock()
	case w.isTable(number, line):
		w.end()
		w.table(number, line)
	case learnHeading.MatchString(line):
		w.end()
		if w.columns = 0; !learnTab.MatchString(line) {
			w.section++
		}
		w.prose(number, w.plain(number, line))
	default:
		w.item(number, line, before)
	}
}

// endBlock ends the block, but not the list: its items may stand apart.
func (w *walker) endBlock() {
	list := w.list
	w.list = nil
	w.end()
	w.list = list
}

// isTable says whether a line is one of a table: it begins with a bar, or has one and
// stands below the header, or is the header or the rule below it.
func (w *walker) isTable(number int, line string) bool {
	if !strings.Contains(line, "|") {
		return false
	}
	isHeader := number < len(w.lines) && learnRule.MatchString(learnQuote.ReplaceAllString(w.lines[number], ""))
	return w.columns > 0 || isHeader || learnRule.MatchString(line) || strings.HasPrefix(strings.TrimSpace(line), "|")
}

// table reads a line of a table.
func (w *walker) table(number int, line string) {
	cells, _ := splitCells(line)
	switch {
	case learnRule.MatchString(line):
		w.columns, w.hosts = len(cells), 0
	case number < len(w.lines) && learnRule.MatchString(learnQuote.ReplaceAllString(w.lines[number], "")):
		w.prose(number, w.plain(number, line))
	default:
		w.row(number, line, w.columns)
	}
}

// item reads an item of a list, or else a line of text.
func (w *walker) item(number int, line, before string) {
	m := learnItem.FindStringSubmatch(line)
	if m == nil {
		w.columns = 0
		if w.list != nil {
			w.end()
		}
		w.text(number, line)
		w.before = line
		return
	}
	w.endBlock()
	if w.list == nil {
		w.list = &printed{line: number, section: w.section, purpose: purposeOf(before)}
	}
	if w.list.size() == 0 {
		w.list.line = number
	}
	if text := w.plain(number, m[1]); !w.segment(number, text, inItem, w.list) {
		w.prose(number, text)
	}
}

// text reads a line of code or of prose: it belongs to a block if it is nothing but
// names and prefixes.
func (w *walker) text(number int, line string) {
	if w.block == nil {
		w.block = &printed{line: number, section: w.section}
	}
	text := w.plain(number, line)
	if w.segment(number, text, inText, w.block) {
		return
	}
	if !w.isFence && w.block.size() > 0 {
		w.endBlock()
	}
	w.prose(number, text)
}

// purposeOf is the line before a list, if it ends as one that introduces a list.
func purposeOf(line string) string {
	line = strings.TrimSpace(line)
	for _, colon := range []string{":", "：", ":**"} {
		if text, ok := strings.CutSuffix(line, colon); ok {
			return learnText(text)
		}
	}
	return ""
}
