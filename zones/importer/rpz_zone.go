package importer

import (
	"strings"
)

// zoneEntry is a directive or a record of a zone file (RFC 1035, section 5.1).
type zoneEntry struct {
	line        int
	words       []string // at least one
	isOwnerless bool     // it begins with a space, so its owner is the last one
}

// maxWords is how many words of an entry are kept; policies have ten.
const maxWords = 64

// zoneWords splits the lines of a zone file into words.
type zoneWords struct {
	entry    zoneEntry
	word     []byte
	isWord   bool // a word has begun, which may be empty within quotes
	isQuoted bool
	depth    int // of parentheses; within them lines go on
}

// entries gives the entries of the document to each.
func (l *listing) entries(each func(zoneEntry)) error {
	var z zoneWords
	err := l.rawLines(func(line int, text string) {
		if z.depth == 0 {
			z = zoneWords{word: z.word[:0], entry: zoneEntry{line: line, isOwnerless: text[0] == ' ' || text[0] == '\t'}}
		}
		z.split(text)
		if z.depth == 0 && len(z.entry.words) > 0 {
			each(z.entry)
		}
	})
	if z.depth > 0 {
		l.note(z.entry.line, Skipped, "an entry whose parenthesis is not closed")
	}
	return err
}

// split adds the words of a line.
func (z *zoneWords) split(text string) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			z.put(c, text[i+1])
			i++
			continue
		}
		if c == ';' && !z.isQuoted {
			break
		}
		z.octet(c)
	}
	z.isQuoted = false // strings end with the line
	z.endWord()
}

// octet reads one octet that is neither escaped nor of a comment.
func (z *zoneWords) octet(c byte) {
	switch {
	case c == '"':
		z.isQuoted, z.isWord = !z.isQuoted, true
	case z.isQuoted:
		z.put(c)
	case c == '(':
		z.endWord()
		z.depth++
	case c == ')':
		z.endWord()
		z.depth = max(z.depth-1, 0)
	case strings.IndexByte(" \t\r\v\f", c) >= 0:
		z.endWord()
	default:
		z.put(c)
	}
}

// put adds octets to the word.
func (z *zoneWords) put(octets ...byte) {
	z.word, z.isWord = append(z.word, octets...), true
}

// endWord ends the word, if one has begun.
func (z *zoneWords) endWord() {
	if z.isWord && len(z.entry.words) < maxWords {
		z.entry.words = append(z.entry.words, string(z.word))
	}
	z.word, z.isWord = z.word[:0], false
}
