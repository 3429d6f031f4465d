package zones

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"unicode"

	"splitdns/matcher"
	"splitdns/zones/tomlfile"
)

// MaxListSize is the size in octets of the largest list that is read. Long lists
// have some 20 octets a pattern.
const MaxListSize = 48 << 20

// MaxListPatterns is how many patterns a list may have. So many take some 60 MB, and half as
// much again in a matcher.
const MaxListPatterns = 2_000_000

// maxLabels is how many labels the names of a list may have in the mean, if it is as long as it may be.
// Each takes memory in a matcher; names of real lists have fewer than three.
const maxLabels = 4

// maxLine is how long a line of a list may be. The longest pattern is far shorter.
const maxLine = 4096

// usualLine is a little less than most lists have for each pattern.
const usualLine = 20

// ParseList reads a list: one pattern a line, # begins a comment. It becomes a
// zone of one row, named "list". What it normalised are warnings; with any other
// problem there is no zone. Size is about how many octets r has. The list is read
// once, and of its text nothing is kept. The error is that of r.
func ParseList(name, file string, r io.Reader, size int64) (*Zone, tomlfile.Problems, error) {
	l := list{problems: tomlfile.Record{File: file}, most: MaxListPatterns}
	l.patterns.Grow(int(min(size, MaxListSize) / usualLine))
	return l.zone(name, r)
}

// zone reads a list as the zone called name.
func (l *list) zone(name string, r io.Reader) (*Zone, tomlfile.Problems, error) {
	if err := l.read(bufio.NewReaderSize(io.LimitReader(r, MaxListSize+1), 16*maxLine)); err != nil {
		return nil, nil, err
	}
	problems := l.problems.Problems()
	if problems.Errors() {
		return nil, problems, nil
	}
	row := Row{Name: "list", Line: 1, Patterns: l.patterns.List(), Required: true}
	return &Zone{Name: name, File: l.problems.File, Rows: []Row{row}}, problems, nil
}

// list is a list being read.
type list struct {
	patterns matcher.ListBuilder
	problems tomlfile.Record
	most     int // how many patterns it may have
	labels   int // in all lines so far
}

// read reads all lines.
func (l *list) read(r *bufio.Reader) error {
	for octets, isEnd := 0, false; !isEnd; {
		line, size, err := readLine(r)
		if isEnd = err == io.EOF; err != nil && !isEnd {
			return err
		}
		if octets += size; octets > MaxListSize {
			l.problems = tomlfile.Record{File: l.problems.File}
			l.add(0, false, "larger than %d MiB", MaxListSize>>20)
			return nil
		}
		if size == 0 {
			break
		}
		l.problems.LastLine++
		if number := l.problems.LastLine; size > maxLine {
			l.add(number, false, "longer than %d octets; want one pattern a line", maxLine)
		} else {
			l.line(number, line)
		}
		if why := l.tooMany(); why != "" {
			l.add(l.problems.LastLine, false, "%s", why)
			return nil
		}
	}
	if l.patterns.Len() == 0 && len(l.problems.Problems()) == 0 {
		l.add(0, true, "the list is empty")
	}
	return nil
}

// tooMany says of what there is too much.
func (l *list) tooMany() string {
	switch {
	case l.patterns.Len() > l.most:
		return fmt.Sprintf("more than %d patterns", l.most)
	case l.labels > maxLabels*l.most:
		return fmt.Sprintf("more than %d labels in all", maxLabels*l.most)
	}
	return ""
}

// readLine reads a line, and says how long it is: of a line that does not fit into the
// buffer it gives the beginning. It is valid until the next call.
func readLine(r *bufio.Reader) (line []byte, size int, err error) {
	line, err = r.ReadSlice('\n')
	size = len(line)
	for err == bufio.ErrBufferFull {
		var rest []byte
		rest, err = r.ReadSlice('\n')
		size += len(rest)
	}
	return line, size, err
}

// line reads one line.
func (l *list) line(number int, line []byte) {
	if number == 1 {
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	l.labels += 1 + bytes.Count(line, []byte("."))
	isNew, isPlain := l.patterns.AddPlain(line)
	switch {
	case !isPlain:
		l.text(number, string(line))
	case !isNew:
		l.again(number, string(line))
	}
}

// text reads a line that is not just a pattern in its plainest form.
func (l *list) text(number int, line string) {
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
	if !l.patterns.Add(p) {
		l.again(number, text)
	}
}

// again warns of a pattern that stands further up as well.
func (l *list) again(number int, text string) {
	l.add(number, true, "%q stands in this list already, further up: delete this line", text)
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
