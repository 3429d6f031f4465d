package importer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"splitdns/matcher"
	"splitdns/zones"
)

// The pages of Microsoft Learn are written for people, in many languages. So nothing
// here looks at words: what is a name, a prefix, a port or a range of numbers is told by
// its shape, and what belongs together by the table, the list or the block it stands in.
// A name in the middle of a sentence is no row; it is noted, because somebody may want
// it to be one.

// learnFormat is Markdown of Microsoft Learn.
var learnFormat = format{
	name:      "ms-learn",
	what:      "a page of Microsoft Learn in Markdown",
	looksLike: isLearn,
	read:      readLearn,
}

// learnPage is a page while it is read.
type learnPage struct {
	*reading
	lines    []string // of the page, without front matter and comments
	printed  []*printed
	mentions []mention
	section  int                  // counts headings
	hosts    uint64               // the columns of the present table that have had names, a bit each
	web      map[int][]zones.Port // what the prose of a section says of HTTP and HTTPS
	anywhere []zones.Port         // what the first section that says something says

	numberedNames int // names with a # so far
}

// printed is what stands together in one place of a page.
type printed struct {
	line     int
	isRow    bool // of a table; otherwise a list, or a block of names and prefixes
	names    []spot[matcher.Pattern]
	prefixes []spot[netip.Prefix]
	ports    []zones.Port
	purpose  string
	optional bool
	section  int
	order    []byte // of names (n) and prefixes (p); a bar begins each cell of a table
	parts    []part // the pieces of cells that gave something
	isRest   bool   // what only a copy has: the names do not belong together
}

// spot is a value with its line.
type spot[V any] struct {
	value V
	line  int
}

// mention is a name or a prefix that stands in a sentence.
type mention struct {
	line int
	text string
}

// size is how many names and prefixes p has.
func (p *printed) size() int { return len(p.names) + len(p.prefixes) }

// Shapes of a whole page.
var (
	learnKey  = regexp.MustCompile(`(?m)^ms\.[a-z]+:`)
	learnRule = regexp.MustCompile(`^\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?\s*)?$`)
)

// isLearn says whether data is Markdown with the front matter of Learn, or with a table.
func isLearn(data []byte) bool {
	head := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 1<<20)], []byte("\ufeff")), " \t\r\n")
	if len(head) == 0 || head[0] == '{' || head[0] == '<' && !bytes.HasPrefix(head, []byte("<!--")) {
		return false
	}
	if bytes.HasPrefix(head, []byte("---")) && learnKey.Match(head[:min(len(head), 8192)]) {
		return true
	}
	for line := range bytes.Lines(head) {
		if len(line) < 1024 && learnRule.Match(bytes.TrimRight(line, "\r\n")) {
			return true
		}
	}
	return false
}

// learnMaxSize is how large a page may be, in octets. The largest has some 50,000.
const learnMaxSize = 2 << 20

// What is no page in Markdown.
var (
	errLearnText = errors.New("it is no text in UTF-8")
	errLearnSize = fmt.Errorf("it is larger than %d MiB", learnMaxSize>>20)
)

// readLearn reads a page.
func readLearn(r *reading) error {
	data := bytes.TrimPrefix(r.document.Data, []byte("\ufeff"))
	switch {
	case len(data) > learnMaxSize:
		return errLearnSize
	case !utf8.Valid(data), bytes.IndexByte(data, 0) >= 0:
		return errLearnText
	}
	p := &learnPage{reading: r, web: make(map[int][]zones.Port)}
	p.lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	p.about = zones.Zone{Title: "A page of Microsoft Learn", Vendor: "Microsoft", Source: sourceOf(r.document, "")}
	p.isMixed = true
	p.frontMatter()
	p.dropComments()
	p.walk()
	p.settle()
	return nil
}

// frontMatter reads the title and the date between the first two lines of hyphens.
func (p *learnPage) frontMatter() {
	if strings.TrimSpace(p.lines[0]) != "---" {
		p.note(0, Doubted, "the page has no front matter, and so no date")
		return
	}
	var keys []string
	for i, line := range p.lines[1:] {
		if strings.TrimSpace(line) == "---" {
			p.note(1, Skipped, "the front matter, but for title and ms.date: %s", strings.Join(keys, ", "))
			clear(p.lines[:i+2])
			p.checkDate()
			return
		}
		key, value, isPair := strings.Cut(line, ":")
		if isPair {
			keys = append(keys, cmp.Or(p.frontKey(i+2, strings.TrimSpace(key), learnValue(value)), strings.TrimSpace(key)))
		}
	}
	p.note(1, Doubted, "the front matter has no end; read as text")
}

// frontKey takes over one value of the front matter, and returns how a note shows it.
func (p *learnPage) frontKey(line int, key, value string) string {
	if len(findTokens(value)) > 0 && key != "title" {
		return cut(key + ": " + value)
	}
	switch key {
	case "title":
		p.about.Title = learnText(cmp.Or(value, p.about.Title))
	case "ms.date":
		p.about.Edition = learnDate(value)
		if p.about.Edition == "" {
			p.note(line, Doubted, "ms.date: %q is no date such as 03/24/2026", value)
		}
	}
	return ""
}

// checkDate says that a page without a date has none.
func (p *learnPage) checkDate() {
	if p.about.Edition == "" {
		p.note(0, Doubted, "the page has no date (ms.date)")
	}
}

// learnValue is a value of the front matter without quotation marks.
func learnValue(value string) string { return strings.Trim(strings.TrimSpace(value), `'"`) }

// learnDate reads a date as Learn writes it: the month first.
func learnDate(value string) string {
	for _, layout := range []string{"1/2/2006", time.DateOnly} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return ""
}

// dropComments takes out what stands between <!-- and -->, which may be many lines. What
// it has of names and prefixes is noted line by line.
func (p *learnPage) dropComments() {
	var kept strings.Builder
	begin := 0 // the line in which the comment began; 0: outside
	found := false
	for i, line := range p.lines {
		kept.Reset()
		for line != "" {
			if begin == 0 {
				text, rest, opens := strings.Cut(line, "<!--")
				kept.WriteString(text)
				line = rest
				if opens {
					begin, found = i+1, false
				}
				continue
			}
			text, rest, closes := strings.Cut(line, "-->")
			found = p.comment(i+1, text) || found
			line = rest
			if closes {
				p.commentEnd(begin, i+1, found)
				begin = 0
			}
		}
		p.lines[i] = kept.String()
	}
	if begin > 0 {
		p.note(begin, Doubted, "a comment without end: everything behind it is skipped")
	}
}

// comment notes what a line of a comment has, and says whether it had anything.
func (p *learnPage) comment(line int, text string) bool {
	tokens := findTokens(text)
	if len(tokens) > 0 {
		p.note(line, Skipped, "in a comment: %s", strings.Join(tokens, ", "))
	}
	return len(tokens) > 0
}

// commentEnd notes a comment in which there was nothing.
func (p *learnPage) commentEnd(begin, end int, found bool) {
	if !found {
		p.note(begin, Skipped, "a comment of lines %d to %d, without names and prefixes", begin, end)
	}
}
