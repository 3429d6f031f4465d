package tomlfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// mistake is a place where the decoder stopped.
type mistake struct {
	message string // what the decoder said
	data    []byte // the whole text
	start   int    // where what the decoder was reading begins
	at      int    // the character that it did not expect
	line    int    // of at
}

// syntaxProblem puts the decoder's error into words for those who write the file.
func syntaxProblem(err error, s *scanner, scanErr error) Problem {
	pe, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return Problem{Text: strings.TrimSpace(err.Error())}
	}
	if s.twice != nil && strings.Contains(pe.Message, "already") {
		return s.twice.problem()
	}
	m := newMistake(pe, s.data)
	p := Problem{Line: m.line, Text: m.text()}
	switch {
	case strings.Contains(pe.Message, "already"):
		_, p.Key, _ = strings.Cut(pe.Message, "'")
		p.Key, _, _ = strings.Cut(p.Key, "'")
	case scanErr == nil:
	case s.openText > 0 && strings.Contains(pe.Message, "EOF"):
		p.Line = s.openText
	case s.open > 0 && s.open < m.line:
		what, _, _ := strings.Cut(p.Text, "; ") // the hint is for text where it belongs
		p.Text = fmt.Sprintf("%s; the list or table begun on line %d is still open here", what, s.open)
	}
	return p
}

// newMistake finds the place of an error. The decoder's own line is that after
// the place where what it stumbled over is the end of a line.
func newMistake(pe toml.ParseError, data []byte) mistake {
	last := max(len(data)-1, 0)
	m := mistake{message: pe.Message, data: data, start: min(max(pe.Position.Start, 0), last)}
	m.at = min(max(pe.Position.Start+pe.Position.Len-1, m.start), last)
	for m.at > 0 && m.at < len(data) && !utf8.RuneStart(data[m.at]) {
		m.at--
	}
	m.line = 1 + bytes.Count(data[:m.at], []byte("\n"))
	return m
}

// text says what is wrong.
func (m mistake) text() string {
	if r := m.character(); isCurly(r) {
		return fmt.Sprintf("%c: use straight quotes, as in \"text\"", r)
	}
	for _, s := range sayings {
		if strings.Contains(m.message, s.part) {
			return s.say(m)
		}
	}
	return m.message
}

// saying is how one kind of the decoder's messages is said here.
type saying struct {
	part string // of the decoder's message
	say  func(mistake) string
}

// words makes a saying that is always the same.
func words(text string) func(mistake) string {
	return func(mistake) string { return text }
}

// sayings are the decoder's messages, those that hold a part of another first.
var sayings = []saying{
	{"control characters", mistake.control},
	{"NULL bytes", words("the text is UTF-16; TOML is UTF-8")},
	{"invalid UTF-8 byte", mistake.octet},
	{"strings cannot contain newlines", mistake.openString},
	{`expected '"""'`, words(`the text has no closing """`)},
	{`expected "'''"`, words("the text has no closing '''")},
	{`expected '"'`, mistake.openString},
	{`expected "'"`, mistake.openString},
	{"end table name", mistake.header},
	{"table array name", words("the header begins with [[ and does not end with ]]")},
	{"table names cannot be empty", words("the header has an empty name")},
	{"top-level item", mistake.afterValue},
	{"'.' or '='", mistake.afterKey},
	{"key separator", words("a key without a value; want KEY = VALUE")},
	{"keys cannot start with", words("a dot without a word beside it")},
	{"unexpected '.'", words("a dot without a word beside it")},
	{"unexpected '='", words("= without a key before it")},
	{"array terminator", func(m mistake) string { return "want a comma or ] after a value of the list, have " + m.found() }},
	{"inline table terminator", func(m mistake) string { return "want a comma or } after a value of the table, have " + m.found() }},
	{"unexpected comma", words("a comma without a value before it")},
	{"expected value", mistake.value},
	{"leading zeroes", mistake.leadingZeros},
	{"datetime", func(m mistake) string { return m.word() + ": no such date or time; text stands in quotes" }},
	{"invalid escape", mistake.escape},
	{"hexadecimal digits", words(`\x takes two hexadecimal digits, \u four and \U eight; a backslash itself is \\`)},
	{"Escaped character", words(`the number after \u or \U is no character; a backslash itself is \\`)},
	{"is out of range for", func(m mistake) string { return m.word() + ": a number out of range" }},
	{"nteger", mistake.number},
	{"float", mistake.number},
	{"expected a digit", mistake.number},
	{"number", mistake.number},
	{"already", words("given twice, or as a value and as a table")},
}

// character is what the decoder did not expect.
func (m mistake) character() rune {
	r, _ := utf8.DecodeRune(m.data[min(m.at, len(m.data)):])
	return r
}

// found names the character for users.
func (m mistake) found() string {
	for _, end := range []string{"unexpected EOF", "got end of file", `'\x00'`} { // the decoder's ways to say it
		if strings.Contains(m.message, end) {
			return "the end of the file"
		}
	}
	if c := m.character(); c != '\n' && c != '\r' {
		return fmt.Sprintf("%q", c)
	}
	return "the end of the line"
}

// maxWordShown is how much of a word is quoted.
const maxWordShown = 40

// word gives the value at the mistake up to where it ends. It is empty where there is none.
func (m mistake) word() string {
	rest := bytes.TrimLeft(m.data[m.start:], " \t")
	if end := bytes.IndexAny(rest, ",]}#\r\n \t"); end >= 0 {
		rest = rest[:end]
	}
	if len(rest) > maxWordShown {
		return strings.ToValidUTF8(string(rest[:maxWordShown]), "") + "..."
	}
	return string(rest)
}

// control says which character has no place in a file.
func (m mistake) control() string {
	_, code, _ := strings.Cut(m.message, ": ")
	code = strings.Trim(code, "'")
	if code == "0x0d" {
		return "a line ends with a lone carriage return (CR); lines end with LF or CR LF"
	}
	return fmt.Sprintf("octet %s: a control character has no place in the file", code)
}

// octet says which octet is no text.
func (m mistake) octet() string {
	_, octet, _ := strings.Cut(m.message, ": ")
	return fmt.Sprintf("octet %s: the text is not UTF-8", octet)
}

// openString says that a string does not end on its line.
func (m mistake) openString() string {
	begin := bytes.LastIndexByte(m.data[:m.at], '\n') + 1
	line, _, _ := bytes.Cut(m.data[begin:], []byte("\n"))
	if bytes.ContainsFunc(line, isCurly) {
		return `the string has no closing quote; use straight quotes, as in "text"`
	}
	return "the string has no closing quote on its line"
}

// isCurly says whether r is a quote as word processors set them.
func isCurly(r rune) bool { return strings.ContainsRune("“”„‟‘’‚‛«»″′", r) }

// header says what is wrong with the header of a table.
func (m mistake) header() string {
	switch found := m.found(); found {
	case "the end of the line", "the end of the file":
		return "the header has no closing ]"
	default:
		return fmt.Sprintf("want ] after the name in the header, have %s; a name has only letters a-z, digits, hyphen and underscore", found)
	}
}

// afterKey says what stands where = should.
func (m mistake) afterKey() string {
	switch found := m.found(); found {
	case "the end of the line", "the end of the file":
		return "a key without a value; want KEY = VALUE"
	default:
		return fmt.Sprintf("want = after the key, have %s", found)
	}
}

// afterValue says what stands behind a value or a header, where nothing should.
func (m mistake) afterValue() string {
	text := "want the end of the line, have " + m.found()
	if before := m.data[max(m.at-1, 0)]; isBare(before) {
		text += "; text stands in quotes"
	}
	return text
}

// value says what to do about a word that is no value: most often the quotes
// are missing.
func (m mistake) value() string {
	word := m.word()
	switch lower := strings.ToLower(word); {
	case word == "" || strings.Contains(m.message, "unexpected EOF"):
		return "want a value, have " + m.found()
	case lower == "true" || lower == "false":
		return word + ": no value; write " + lower
	}
	return word + ": no value; text stands in quotes, and booleans are true or false"
}

// leadingZeros shows a number without them.
func (m mistake) leadingZeros() string {
	return fmt.Sprintf("%s: a number has no zeros in front; text stands in quotes", m.word())
}

// number says that something begins like a number and is none.
func (m mistake) number() string { return m.word() + ": no number; text stands in quotes" }

// escape says how to write a backslash, or what stands behind one that is not needed.
func (m mistake) escape() string {
	_, escaped, _ := strings.Cut(m.message, `\`)
	c, _ := utf8.DecodeRuneInString(escaped)
	if c < utf8.RuneSelf && isBare(byte(c)) && c != '-' && c != '_' {
		return fmt.Sprintf(`"\%c": no escape; a backslash itself is \\`, c)
	}
	return fmt.Sprintf(`"\%c": no escape; write %c without the backslash`, c, c)
}
