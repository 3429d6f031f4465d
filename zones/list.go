package zones

import (
	"fmt"
	"net/netip"
	"strings"

	"splitdns/matcher"
	"splitdns/zones/tomlfile"
)

// MaxListSize is the size in octets of the largest list that is read.
const MaxListSize = 64 << 20

// maxListProblems is how many problems, and how many warnings, of one list are
// kept. A file that is no list at all has one on every line.
const maxListProblems = 100

// ParseList reads a list: one pattern a line, # begins a comment. It becomes a
// zone of one row, named "list". What it normalised are warnings; with any other
// problem there is no zone.
func ParseList(name, file string, data []byte) (*Zone, tomlfile.Problems) {
	l := list{file: file, seen: make(map[string]int)}
	if len(data) > MaxListSize {
		l.add(0, false, "larger than %d MiB", MaxListSize>>20)
		return nil, l.problems
	}
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		l.line(number, strings.TrimRight(line, "\r\n"))
	}
	if len(l.patterns) == 0 && len(l.problems) == 0 {
		l.add(0, true, "the list is empty")
	}
	l.summarise(number)
	if l.errors > 0 {
		return nil, l.problems
	}
	row := Row{Name: "list", Line: 1, Patterns: l.patterns, Required: true}
	return &Zone{Name: name, File: file, Rows: []Row{row}}, l.problems
}

// list is a list being read.
type list struct {
	file     string
	patterns []matcher.Pattern
	seen     map[string]int // the line of each pattern
	problems tomlfile.Problems
	errors   int // problems that are more than a warning
	warnings int
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
	clean, changes := matcher.Normalise(text)
	if clean == "" {
		return
	}
	if strings.ContainsAny(clean, " \t") {
		l.add(number, false, "%q: %s", clean, severalWords(strings.Fields(clean)))
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

// severalWords says what a line of several words is, and what it should be. Block
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

// add records a problem, or only counts it where there are too many of its kind.
func (l *list) add(line int, warning bool, format string, args ...any) {
	count := &l.errors
	if warning {
		count = &l.warnings
	}
	if *count++; *count <= maxListProblems {
		l.problems.Add(tomlfile.Problem{File: l.file, Line: line, Text: fmt.Sprintf(format, args...), Warning: warning})
	}
}

// summarise says how many problems were only counted.
func (l *list) summarise(lastLine int) {
	if more := l.errors - maxListProblems; more > 0 {
		l.problems.Add(tomlfile.Problem{File: l.file, Line: lastLine, Text: fmt.Sprintf("and %d more problems in this list", more)})
	}
	if more := l.warnings - maxListProblems; more > 0 {
		l.problems.Add(tomlfile.Problem{File: l.file, Line: lastLine, Text: fmt.Sprintf("and %d more such warnings in this list", more), Warning: true})
	}
}
