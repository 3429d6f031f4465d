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

// Markup within a line.
var (
	learnLink  = regexp.MustCompile(`!?\[([^\[\]]*)\]\(([^()]*)\)`)
	learnTag   = regexp.MustCompile(`<(/?[A-Za-z][^<>]*)>`)
	learnAuto  = regexp.MustCompile(`<(https?:[^<>\s]*)>`)
	learnAside = regexp.MustCompile(`\([^()]*\)?|（[^（）]*）?`)
	learnBreak = regexp.MustCompile(`(?i)<\s*/?\s*br\s*/?\s*>`)
)

// plain is a segment without links and tags, whose targets are noted.
func (p *learnPage) plain(line int, raw string) string {
	text := learnAuto.ReplaceAllString(raw, " $1 ")
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

// segment reads plain text between two breaks of a line, and says whether it was taken:
// its names and prefixes are then in into. Otherwise it is prose.
func (p *learnPage) segment(line int, text string, where place, into *printed) bool {
	words := readWords(learnAside.ReplaceAllString(text, " "))
	from, to, doubt := extent(words, where)
	if from == to {
		return false
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
	switch w.shape {
	case aName:
		p.takeName(line, w, into)
	case aPrefix:
		if prefix, ok := p.learnPrefix(line, w.clean); ok {
			into.prefixes = append(into.prefixes, spot[netip.Prefix]{prefix, line})
		}
	case aNumbered:
		if pattern, ok := p.numbered(line, w.clean); ok {
			into.names = append(into.names, spot[matcher.Pattern]{pattern, line})
		}
	case aFile, aWord:
	}
}

// takeName takes over a name, which may have been printed as a URL or with a port.
func (p *learnPage) takeName(line int, w word, into *printed) {
	if w.rest != "" {
		p.note(line, Doubted, "%q: a URL with a path; read as the name %q", w.text, w.clean)
	} else if w.isURL {
		p.note(line, Normalised, "%q: a URL; read as the name %q", w.text, w.clean)
	}
	if pattern, ok := p.pattern(line, w.clean); ok {
		into.names = append(into.names, spot[matcher.Pattern]{pattern, line})
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
	ends, others, first, label, onlyPrefixes := survey(words)
	last := len(words)
	switch {
	case ends == 0:
		return 0, 0, ""
	case others == 0:
		return 0, last, ""
	case label >= 0 && label < first && others == label+1 && (where != inText || ends > 2):
		return first, last, ""
	case where == inText:
		return 0, 0, ""
	case label >= 0 && label < first && ends > 1 && ends > others-label-1:
		return first, last, "names with words between them"
	case first == 0 && (words[0].ticked || where == inItem && words[0].isURL):
		return 0, run(words), ""
	case where == inCell && onlyPrefixes, ends > 1 && ends > others:
		return first, last, "names or prefixes with words between them"
	}
	return 0, 0, ""
}

// survey counts names and prefixes (ends) and other words. First is the first of the
// former, label the last word before it if that ends in a colon, else -1.
func survey(words []word) (ends, others, first, label int, onlyPrefixes bool) {
	label, onlyPrefixes = -1, true
	for i, w := range words {
		if !w.isEndpoint() {
			others++
			if ends == 0 && w.isLabel {
				label = i
			}
			continue
		}
		if ends == 0 {
			first = i
		}
		ends++
		onlyPrefixes = onlyPrefixes && w.shape == aPrefix
	}
	return ends, others, first, label, onlyPrefixes
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
