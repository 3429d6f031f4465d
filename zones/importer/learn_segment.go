package importer

import (
	"html"
	"net/netip"
	"regexp"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// place is where a segment stands: how sure it is that names in it are meant as rows.
type place uint8

const (
	inText place = iota // a line that stands alone
	inItem              // of a list
	inCell              // of a table
)

// escapedBreak is a break that was escaped by mistake.
const escapedBreak = `&lt;\s*/?\s*br\s*/?\s*&gt;`

// Markup within a line.
var (
	learnLink  = regexp.MustCompile(`!?\[([^\[\]]*)\]\(([^()]*)\)`)
	learnTag   = regexp.MustCompile(`<(/?[A-Za-z][^<>]*)>`)
	learnAuto  = regexp.MustCompile(`<(https?:[^<>\s]*)>`)
	learnAngle = regexp.MustCompile(`<([^<>\s/]*)>`)
	learnAside = regexp.MustCompile(`\([^()]*\)?|（[^（）]*）?`)
	learnBreak = regexp.MustCompile(`(?i)<\s*[/\\]?\s*(?:br|p|div|li|ul|ol)\b[^<>]*>|` + escapedBreak)
)

// plain is a segment without links and tags, whose targets are noted.
func (p *learnPage) plain(line int, raw string) string {
	text := p.freeNames(line, learnAuto.ReplaceAllString(raw, " $1 "))
	var targets []string
	text = learnLink.ReplaceAllStringFunc(text, func(link string) string {
		parts := learnLink.FindStringSubmatch(link)
		targets = append(targets, parts[2])
		return parts[1]
	})
	text = learnTag.ReplaceAllStringFunc(text, func(tag string) string {
		targets = append(targets, tag)
		return " "
	})
	for _, target := range targets {
		if len(findTokens(target)) > 0 {
			p.note(line, Skipped, "a reference, no endpoint: %s", cutText(target))
		}
	}
	return strings.NewReplacer("\u00a0", " ", "＃", "#").Replace(html.UnescapeString(text))
}

// freeNames takes the angle brackets off names: they are no tags.
func (p *learnPage) freeNames(line int, text string) string {
	return learnAngle.ReplaceAllStringFunc(text, func(angle string) string {
		name := angle[1 : len(angle)-1]
		if s := shapeOf(narrow(name)); s != aName && s != aNumbered {
			return angle
		}
		p.note(line, Normalised, "%q: a name in angle brackets; read as text", angle)
		return " " + name + " "
	})
}

// segment reads plain text between two breaks of a line, and says whether it was taken:
// its names and prefixes are then in into. Otherwise it is prose.
func (p *learnPage) segment(line int, text string, where place, into *printed) bool {
	joined, lengths := joinLengths(learnAside.ReplaceAllString(text, " "))
	words := readWords(joined)
	from, to, doubt := extent(words, where)
	if from == to {
		return false
	}
	for _, apart := range lengths {
		p.note(line, Normalised, "%q: an address and its length; read as one prefix", apart)
	}
	p.asides(line, text)
	if doubt != "" {
		p.note(line, Doubted, "%s: %s", doubt, cutText(strings.TrimSpace(text)))
	}
	if from > 0 {
		p.note(line, Normalised, "left out the label %s", cutText(joinWords(words[:from])))
	}
	for _, w := range words[from:to] {
		p.take(line, w, into)
	}
	if to < len(words) {
		p.tail(line, words[to:])
	}
	return true
}

// asides notes what stands in parentheses.
func (p *learnPage) asides(line int, text string) {
	for _, aside := range learnAside.FindAllString(text, -1) {
		p.note(line, Normalised, "left out the remark %s", cutText(aside))
		p.mention(line, aside)
	}
}

// tail notes the words behind the names of a segment.
func (p *learnPage) tail(line int, words []word) {
	rest := joinWords(words)
	p.note(line, Normalised, "left out the text behind a name: %s", cutText(rest))
	p.mention(line, rest)
}

// take takes over one word.
func (p *learnPage) take(line int, w word, into *printed) {
	if w.isTidied && w.isEndpoint() {
		p.note(line, Normalised, "%q: read as %q", w.text, w.clean)
	}
	switch w.shape {
	case aName:
		p.takeName(line, w, into)
	case aPrefix:
		if w.port != "" {
			p.note(line, Skipped, "%q: read as %q, without the port %s", w.text, w.clean, w.port)
		}
		if prefix, ok := p.learnPrefix(line, w.clean); ok {
			into.prefixes = append(into.prefixes, spot[netip.Prefix]{prefix, line})
			into.order = append(into.order, 'p')
		}
	case aNumbered:
		if pattern, ok := p.numbered(line, w.clean); ok {
			into.addName(line, pattern)
		}
	case aFile, aWord:
		p.mention(line, w.text)
	}
}

// addName adds a name.
func (p *printed) addName(line int, pattern matcher.Pattern) {
	p.names = append(p.names, spot[matcher.Pattern]{pattern, line})
	p.order = append(p.order, 'n')
}

// takeName takes over a name, which may have been printed as a URL or with a port.
func (p *learnPage) takeName(line int, w word, into *printed) {
	if w.rest != "" {
		p.note(line, Doubted, "%q: a URL with a path; read as the name %q", w.text, w.clean)
	} else if w.isURL {
		p.note(line, Normalised, "%q: a URL; read as the name %q", w.text, w.clean)
	}
	if pattern, ok := p.pattern(line, w.clean); ok {
		into.addName(line, pattern)
	}
	if w.port != "" {
		into.ports = append(into.ports, p.ports(line, "tcp", w.port)...)
	}
}

// The shortest lengths of a prefix that is believed: a table that was cut off ends in
// the middle of one.
const (
	shortest4 = 8
	shortest6 = 19
)

// learnPrefix reads a prefix, and doubts it where it is too wide to be meant.
func (p *learnPage) learnPrefix(line int, printed string) (netip.Prefix, bool) {
	given, err := netip.ParsePrefix(printed)
	if err == nil && (given.Bits() < shortest4 || given.Addr().Is6() && given.Bits() < shortest6) {
		p.note(line, Doubted, "%q: not taken over, for it is too wide to be meant: perhaps it was cut off", printed)
		return netip.Prefix{}, false
	}
	return p.prefix(line, printed)
}

// extent says which words of a segment are its names and prefixes: none, if it is prose;
// and what is doubtful about taking them.
func extent(words []word, where place) (from, to int, doubt string) {
	c := countWords(words)
	last := len(words)
	switch {
	case c.endpoints == 0:
		return 0, 0, ""
	case c.others == 0:
		return 0, last, ""
	case where == inText && !c.isLabelled(3):
		return 0, 0, ""
	case c.isLabelled(1):
		return c.first, last, ""
	case c.first == 0 && words[0].isSet(where):
		return 0, run(words), ""
	case c.isDense(where):
		return c.first, last, "names or prefixes with words between them"
	}
	return 0, 0, ""
}

// isSet says whether w stands out from the text behind it: it is set as code, or is a URL
// at the beginning of an item.
func (w *word) isSet(where place) bool { return w.ticked || where == inItem && w.isURL }

// isLabelled says whether a segment is a label with a colon, and at least so many names
// and prefixes.
func (c *wordCount) isLabelled(least int) bool {
	return c.labelled && c.between == 0 && c.endpoints >= least
}

// wordCount is what a segment consists of.
type wordCount struct {
	endpoints, prefixes int
	others              int  // words that are neither names nor prefixes
	between             int  // of these, those behind the first name or prefix
	first               int  // the place of that
	labelled            bool // a colon stands before it
}

// isDense says whether a segment with other words has enough names and prefixes to be
// meant as a row: prefixes seldom stand in prose.
func (c *wordCount) isDense(where place) bool {
	others := c.others
	if c.labelled {
		others = c.between
	}
	return where == inCell && c.endpoints == c.prefixes || c.endpoints > 1 && c.endpoints > others
}

// countWords counts words by their shapes.
func countWords(words []word) (c wordCount) {
	for i := range words {
		w := &words[i]
		switch {
		case !w.isEndpoint():
			c.others++
			if c.endpoints > 0 {
				c.between++
			} else {
				c.labelled = w.isLabel
			}
			continue
		case c.endpoints == 0:
			c.first = i
		}
		c.endpoints++
		if w.shape == aPrefix {
			c.prefixes++
		}
	}
	return c
}

// run is how many names and prefixes words begins with.
func run(words []word) int {
	for i, w := range words {
		if !w.isEndpoint() {
			return i
		}
	}
	return len(words)
}

// prose reads plain text that is no row: it may mention names, prefixes and ports.
func (p *learnPage) prose(line int, text string) {
	p.mention(line, text)
	p.prosePorts(line, text)
}

// mention keeps what text mentions, for a note when all rows are known.
func (p *learnPage) mention(line int, text string) {
	for _, token := range findTokens(text) {
		p.mentions = append(p.mentions, mention{line, token})
	}
}

// webPorts are the ports for rows of a section that print none.
func (p *learnPage) webPorts(section int) []zones.Port {
	if ports, ok := p.web[section]; ok {
		return ports
	}
	return p.anywhere
}
