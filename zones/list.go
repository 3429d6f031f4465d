package zones

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"splitdns/matcher"
	"splitdns/zones/tomlfile"
)

// MaxListSize is the size in octets of the largest list that is read. Long lists
// have some 20 octets a pattern.
const MaxListSize = 48 << 20

// MaxListPatterns is how many patterns a list may have. So many take some 220 MB,
// and several times that while a matcher is made of them.
const MaxListPatterns = 2_000_000

// maxLine is how long a line of a list may be. The longest pattern is far shorter.
const maxLine = 4096

// ParseList reads a list: one pattern a line, # begins a comment. It becomes a
// zone of one row, named "list". What it normalised are warnings; with any other
// problem there is no zone.
func ParseList(name, file string, data []byte) (*Zone, tomlfile.Problems) {
	return parseList(name, file, data, MaxListPatterns)
}

// parseList is ParseList for a list of at most so many patterns.
func parseList(name, file string, data []byte, most int) (*Zone, tomlfile.Problems) {
	l := list{problems: tomlfile.Record{File: file}, seen: make(map[string]int), most: most}
	if len(data) > MaxListSize {
		l.add(0, false, "larger than %d MiB", MaxListSize>>20)
		return nil, l.problems.Problems()
	}
	l.read(bytes.TrimPrefix(data, []byte("\ufeff")))
	problems := l.problems.Problems()
	if problems.Errors() {
		return nil, problems
	}
	row := Row{Name: "list", Line: 1, Patterns: l.patterns, Required: true}
	return &Zone{Name: name, File: file, Rows: []Row{row}}, problems
}

// list is a list being read.
type list struct {
	patterns []matcher.Pattern
	seen     map[string]int // the line of each pattern
	problems tomlfile.Record
	most     int // how many patterns it may have
}

// read reads all lines.
func (l *list) read(data []byte) {
	for line := range bytes.Lines(data) {
		l.problems.LastLine++
		number := l.problems.LastLine
		if len(line) > maxLine {
			l.add(number, false, "longer than %d octets; want one pattern a line", maxLine)
			continue
		}
		l.line(number, string(line))
		if len(l.patterns) > l.most {
			l.add(number, false, "more than %d patterns", l.most)
			return
		}
	}
	if len(l.patterns) == 0 && len(l.problems.Problems()) == 0 {
		l.add(0, true, "the list is empty")
	}
}

// line reads one line.
func (l *list) line(number int, line string) {
	text := strings.TrimSpace(line)
	if strings.HasPrefix(text, "#") {
		l.comment(number, text)
		return
	}
	for _, mark := range []string{" #", "\t#"} {
		text, _, _ = strings.Cut(text, mark)
	}
	text = strings.TrimSpace(text) // how lists are laid out is not something that a reader need know
	if strings.ContainsFunc(text, unicode.IsSpace) {
		l.add(number, false, "%q: %s", text, severalWords(strings.Fields(text)))
		return
	}
	clean, changes := matcher.Normalise(text)
	if clean == "" {
		return
	}
	p, err := matcher.ParsePattern(clean)
	if err != nil {
		l.add(number, false, "%v", err)
		return
	}
	if len(changes) > 0 {
		l.add(number, true, "%q: %s; read as %q", text, strings.Join(changes, ", "), p)
	}
	if earlier, ok := l.seen[p.String()]; ok {
		l.add(number, true, "%q stands in this list twice, first on line %d", text, earlier)
		return
	}
	l.seen[p.String()] = number
	l.patterns = append(l.patterns, p)
}

// severalWords says what a line of two or more words is, and what it should be. Block
// lists are often files of the form of /etc/hosts: an address, then names.
func severalWords(words []string) string {
	_, err := netip.ParseAddr(words[0])
	switch {
	case err != nil:
		return "want one pattern a line"
	case len(words) > 2:
		return "a line of a hosts file; write the names alone, each on its line"
	}
	return "a line of a hosts file; write the name alone: " + words[1]
}

// comment looks at a comment that may have been meant as a pattern: vendors
// write #-courier.push.apple.com for a run of numbers.
func (l *list) comment(number int, text string) {
	rest, ok := strings.CutPrefix(text, "#-")
	if ok && strings.Contains(rest, ".") && !strings.ContainsAny(rest, " \t") {
		l.add(number, true, "%q is a comment; if # stands for a number, write {0..50}-%s", text, rest)
	}
}

// add records a problem.
func (l *list) add(line int, warning bool, format string, args ...any) {
	l.problems.Add(tomlfile.Problem{File: l.problems.File, Line: line, Text: fmt.Sprintf(format, args...), Warning: warning})
}
