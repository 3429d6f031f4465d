package importer

import (
	"strings"
)

// namesFormat is plain lists, one pattern a line: x is exactly that name, *.x every name below,
// .x both. Comments begin with #, ;, ! or //, also behind a name. The files of
// dnscrypt-proxy have this form as well; there a plain name means all below too,
// and only =x is exact. Prefixes of a list are a row of their own.
var namesFormat = format{
	name:      "names",
	what:      "a list of names",
	looksLike: func(data []byte) bool { return mostFit(data, namesFit, "#", ";", "!", "//") },
	read:      readNames,
}

// namesFit says how a line looks.
func namesFit(line string) fit {
	line, _, _ = strings.Cut(line, " @")
	if isNameLike(strings.TrimPrefix(line, "=")) || isPrefixLike(line) {
		return telling
	}
	return foreign
}

// readNames reads a plain list.
func readNames(r *reading) error {
	l := newListing(r)
	return l.lines(func(line int, text string) {
		l.numbered(line, text)
		if text = uncommented(text, "#", ";", "!", "//"); text != "" {
			l.namesLine(line, text)
		}
	})
}

// numbered doubts a comment that may have been meant as a pattern: vendors write
// #-courier.push.apple.com for a run of numbers.
func (l *listing) numbered(line int, text string) {
	if rest, ok := strings.CutPrefix(text, "#-"); ok && isNameLike(rest) {
		l.note(line, Doubted, "%q is a comment; if # stands for a number, the pattern is {0..50}-%s", cut(text), cut(rest))
	}
}

// namesLine reads one name or prefix.
func (l *listing) namesLine(line int, text string) {
	text, schedule, isTimed := strings.Cut(text, " @")
	if isTimed {
		l.count(line, Doubted, "left out when a name is meant: @"+cut(schedule))
	}
	exact, isExact := strings.CutPrefix(text, "=")
	switch {
	case len(strings.Fields(text)) > 1:
		l.note(line, Skipped, "%q: want one name a line", cut(text))
	case isPrefixLike(text):
		l.prefixOf(l.ranges(line), line, text)
	case isExact:
		l.count(line, Doubted, "names with = are of dnscrypt-proxy, where those without it mean all below as well; each is read as that name only")
		l.name(l.list(line), line, exact)
	default:
		if strings.HasSuffix(text, ".*") {
			l.count(line, Doubted, "a star at the end stands for one label here")
		}
		l.name(l.list(line), line, text)
	}
}
