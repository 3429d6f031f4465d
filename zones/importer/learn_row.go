package importer

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"splitdns/zones"
)

// cell is a cell of a table's row.
type cell struct {
	text     string
	pieces   []string // between breaks
	isTaken  bool     // it has names or prefixes of the row
	prose    []string // the pieces of which nothing was taken
	hasName  bool     // names of the row among what it has
	protocol bool     // it has nothing but names of protocols
}

// splitCells splits a line of a table at its bars, and says whether one ends it.
func splitCells(line string) (cells []string, closed bool) {
	line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00")
	line = strings.TrimPrefix(line, "|")
	line, closed = strings.CutSuffix(line, "|")
	for text := range strings.SplitSeq(line, "|") {
		cells = append(cells, strings.ReplaceAll(text, "\x00", "|"))
	}
	return cells, closed
}

// row reads a row of a table with so many columns; 0: not known.
func (p *learnPage) row(line int, text string, columns int) {
	texts, closed := splitCells(text)
	into := &printed{line: line, isRow: true, section: p.section}
	if len(texts) < columns && !closed {
		texts[len(texts)-1] = p.brokenOff(line, texts[len(texts)-1])
	}
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i] = p.cell(line, text, into)
	}
	p.adopt(line, cells, into)
	p.leaveStorage(line, texts, into)
	p.knowHosts(cells)
	if into.size() == 0 {
		return
	}
	p.columnsOf(line, cells, into)
	p.printed = append(p.printed, p.paired(into)...)
}

// learnEscaped is a break that was escaped by mistake.
var learnEscaped = regexp.MustCompile(`(?i)` + escapedBreak)

// cell reads a cell of a row.
func (p *learnPage) cell(line int, text string, into *printed) cell {
	c := cell{text: text, pieces: learnBreak.Split(text, -1), protocol: isProtocol(text)}
	names := len(into.names)
	into.order = append(into.order, '|')
	if m := learnEscaped.FindString(text); m != "" {
		p.note(line, Normalised, "%q: an escaped break; read as a break", m)
	}
	for _, piece := range c.pieces {
		if strings.TrimSpace(piece) == "" {
			continue
		}
		piece = p.plain(line, piece)
		from := into.sizes()
		if p.segment(line, piece, inCell, into) {
			c.isTaken = true
			into.parts = append(into.parts, part{from, into.sizes()})
		} else {
			c.prose = append(c.prose, piece)
		}
	}
	c.hasName = len(into.names) > names
	return c
}

// brokenOff is the last cell of a row that was cut off, without its last word: nobody
// knows how that went on.
func (p *learnPage) brokenOff(line int, text string) string {
	at := strings.LastIndexFunc(text, func(c rune) bool { return isSeparator(c) || c == '`' || c == '>' })
	p.note(line, Doubted, "the row breaks off, its last word is not taken over: %s", cutText(text[at+1:]))
	return text[:at+1]
}

// columnsOf reads what else the cells of a row say.
func (p *learnPage) columnsOf(line int, cells []cell, into *printed) {
	firsts := into.firstLabels()
	into.ports = append(into.ports, p.portsOf(line, cells)...)
	for i := range cells {
		c := &cells[i]
		switch {
		case c.isTaken || c.protocol:
		case p.isLabels(line, c, firsts):
		case isCategory(c):
			into.optional = strings.Contains(strings.ToLower(c.text), "optional")
		case into.purpose == "" && isPurpose(c.text):
			into.purpose = learnText(c.text)
		}
	}
}

// isPurpose says whether the text of a cell may be what a row is for: it has letters,
// and does not refer to another page.
func isPurpose(text string) bool {
	return strings.ContainsFunc(text, unicode.IsLetter) && !learnLink.MatchString(text) && !portWord.MatchString(text)
}

// isCategory says whether a cell says whether the row is required.
func isCategory(c *cell) bool {
	return slices.ContainsFunc(c.pieces, func(piece string) bool {
		piece = strings.ToLower(strings.TrimSpace(piece))
		return piece == "required" || piece == "optional"
	})
}

// isLabels says whether a cell lists single labels, such as names of storage accounts,
// which are no host names. They are noted. The first labels of the row's names are given.
func (p *learnPage) isLabels(line int, c *cell, firsts map[string]bool) bool {
	var labels []string
	for _, piece := range c.pieces {
		label := strings.Trim(strings.TrimSpace(piece), "`")
		switch {
		case label == "":
		case !learnLabel.MatchString(label):
			return false
		default:
			labels = append(labels, label)
		}
	}
	if !areLabels(labels, firsts) {
		return false
	}
	p.note(line, Skipped, "single labels, no host names: %s", strings.Join(labels, ", "))
	p.typos(line, labels, firsts)
	return true
}

// learnLabel is a label that stands alone in a cell.
var learnLabel = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{2,62}$`)

// areLabels says whether words are labels of hosts: one has letters and digits, or is the
// first label of a name of the row.
func areLabels(words []string, firsts map[string]bool) bool {
	for _, w := range words {
		if strings.ContainsAny(w, "0123456789") && strings.ContainsFunc(w, unicode.IsLetter) || firsts[strings.ToLower(w)] {
			return true
		}
	}
	return false
}

// firstLabels are the first labels of the names of p.
func (p *printed) firstLabels() map[string]bool {
	firsts := make(map[string]bool, len(p.names))
	for _, n := range p.names {
		first, _, _ := strings.Cut(n.value.String(), ".")
		firsts[first] = true
	}
	return firsts
}

// maxTypos is how many pairs of labels and names are compared.
const maxTypos = 10_000

// typos doubts labels that are almost, but not quite, the first label of a name beside them.
func (p *learnPage) typos(line int, labels []string, firsts map[string]bool) {
	if len(labels)*len(firsts) > maxTypos {
		return
	}
	for _, label := range labels {
		label = strings.ToLower(label)
		for first := range firsts {
			if !firsts[label] && isTypo(label, first) {
				p.note(line, Doubted, "%q and the name that begins with %q: one of them may be a typing error", label, first)
			}
		}
	}
}

// isTypo says whether long labels a and b differ in two neighbouring octets at most.
func isTypo(a, b string) bool {
	if min(len(a), len(b)) < 8 {
		return false
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	a, b = a[same:], b[same:]
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return isSwap(a, b)
}

// isSwap says whether a and b are two octets in either order, or one octet and none.
func isSwap(a, b string) bool {
	return len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0] || len(a)+len(b) == 1
}

// portsOf are the ports of a row: those of a cell that says protocols and ports, or those
// of the cell beside one that says protocols.
func (p *learnPage) portsOf(line int, cells []cell) []zones.Port {
	var ports []zones.Port
	for i := range cells {
		if c := &cells[i]; !c.isTaken && !c.protocol && portWord.MatchString(c.text) {
			ports = append(ports, p.readPorts(line, nil, c.text)...)
		}
	}
	if len(ports) > 0 {
		return ports
	}
	for i := range cells {
		if cells[i].protocol {
			return p.readPorts(line, protocolsOf(cells[i].text), numbersBeside(cells, i))
		}
	}
	return nil
}

// numbersBeside is the cell with ports beside that with protocols: behind it, else before
// it; "" if there is none.
func numbersBeside(cells []cell, protocol int) string {
	for _, i := range []int{protocol + 1, protocol - 1} {
		if i >= 0 && i < len(cells) && !cells[i].isTaken && strings.ContainsAny(wideDigits.Replace(cells[i].text), "0123456789") {
			return cells[i].text
		}
	}
	return ""
}
