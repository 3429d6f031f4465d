package tomlfile

import (
	"bytes"
	"errors"
	"slices"
)

// maxDepth bounds how deep tables and lists may be nested, and how many parts
// a key may have with those of its tables. The decoder recurses without a bound
// of its own.
const maxDepth = 8

// MaxNodes bounds how many tables, keys and elements of lists a file may have. A
// file of so many, made to hurt, takes 400 MB and two seconds. Without a bound the
// decoder needs hundreds of times the size of a file.
const MaxNodes = 300_000

// maxKey is how many octets a part of a key may have. Problems and the keys of
// list elements repeat it.
const maxKey = 256

// errNodes says that a file has more than MaxNodes.
var errNodes = errors.New("too many tables, keys and elements")

// errKey says that part of a key is longer than maxKey.
var errKey = errors.New("a key is too long")

// errDepth says that a file is nested deeper than maxDepth.
var errDepth = errors.New("tables and lists are nested too deep")

// errScan says that the scanner lost its way, as it does in text that is not TOML.
var errScan = errors.New("not TOML")

// node is the place of a table, a list or a value, and of all that is in it.
type node struct {
	line   int
	header bool             // of a table: it has a header of its own
	keys   map[string]*node // of a table
	items  []*node          // of a list or of an array of tables
}

// child gives the node of a key of n, made on the given line if there was none.
func (s *scanner) child(n *node, key string, line int) *node {
	if c := n.keys[key]; c != nil {
		return c
	}
	if n.keys == nil {
		n.keys = make(map[string]*node)
	}
	c := s.node(line)
	n.keys[key] = c
	return c
}

// node makes a node.
func (s *scanner) node(line int) *node {
	s.nodes++
	return &node{line: line}
}

// tooMany says whether the file has more than MaxNodes so far.
func (s *scanner) tooMany() error {
	if s.nodes > MaxNodes {
		return errNodes
	}
	return nil
}

// last gives the table that a header below an array of tables means: its last one.
func (n *node) last() *node {
	if len(n.items) == 0 {
		return n
	}
	return n.items[len(n.items)-1]
}

// scanner finds the line of every key and every list element. It reads text
// that the decoder accepts exactly as the decoder does; in other text it may
// stop with an error at any place, but it always stops.
type scanner struct {
	data  []byte
	pos   int
	line  int // of pos, from 1
	depth int
	nodes int // how many were made
	root  *node
	keys  [][]string // every key with its tables, in the order of the file
	twice *duplicate // the first key that was given twice
	open  int        // where the outermost list or inline table begins that did not end

	openText int // where a text of several lines begins that did not end
}

// duplicate is a key that stands in a file twice.
type duplicate struct {
	key           []string
	line, earlier int
}

// scan reads a whole file.
func scan(data []byte) (*scanner, error) {
	s := &scanner{data: bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), line: 1, root: &node{line: 1}}
	table, path := s.root, []string(nil)
	for {
		s.skipBlank()
		if s.pos == len(s.data) {
			return s, nil
		}
		var err error
		if s.peek() == '[' {
			table, path, err = s.header()
		} else {
			err = s.keyValue(table, path)
		}
		if err != nil {
			return s, err
		}
	}
}

// peek gives the byte at the current place, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// take moves over text if it stands at the current place. It must hold no newline.
func (s *scanner) take(text string) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(text)) {
		return false
	}
	s.pos += len(text)
	return true
}

// skipSpace moves over spaces and tabs.
func (s *scanner) skipSpace() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.pos++
	}
}

// skipBlank moves over spaces, newlines and comments.
func (s *scanner) skipBlank() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case '\n':
			s.line++
			s.pos++
		case ' ', '\t', '\r':
			s.pos++
		case '#':
			end := bytes.IndexByte(s.data[s.pos:], '\n')
			if end < 0 {
				end = len(s.data) - s.pos
			}
			s.pos += end
		default:
			return
		}
	}
}

// header reads [table] or [[table]] and gives the table that it opens.
func (s *scanner) header() (*node, []string, error) {
	line, closing := s.line, "]"
	array := s.take("[[")
	if array {
		closing = "]]"
	} else {
		s.pos++
	}
	path, err := s.key()
	if err != nil {
		return nil, nil, err
	}
	if !s.take(closing) {
		return nil, nil, errScan
	}
	s.keys = append(s.keys, path)
	table := s.root
	for i, part := range path {
		table = s.child(table, part, line)
		if array && i == len(path)-1 {
			table.items = append(table.items, s.node(line))
		}
		table = table.last()
	}
	if !array {
		s.openTable(table, path, line)
	}
	return table, path, s.tooMany()
}

// openTable notes the header of a table.
func (s *scanner) openTable(table *node, path []string, line int) {
	if table.header && s.twice == nil {
		s.twice = &duplicate{key: path, line: line, earlier: table.line}
	}
	table.header = true
	table.line = line // of a table that was implicit so far too: the header is the better place
}

// keyValue reads key = value into the table at path.
func (s *scanner) keyValue(table *node, path []string) error {
	line := s.line
	key, err := s.key()
	if err != nil {
		return err
	}
	if !s.take("=") {
		return errScan
	}
	full := slices.Concat(path, key)
	if len(full) > maxDepth {
		return errDepth
	}
	s.keys = append(s.keys, full)
	for _, part := range key[:len(key)-1] {
		table = s.child(table, part, line)
	}
	name := key[len(key)-1]
	if old := table.keys[name]; old != nil && s.twice == nil {
		s.twice = &duplicate{key: full, line: line, earlier: old.line}
	}
	n := s.child(table, name, line)
	s.skipSpace()
	return s.value(n, full)
}

// key reads a key of one or more parts, and the space around it.
func (s *scanner) key() ([]string, error) {
	var parts []string
	for {
		s.skipSpace()
		part, err := s.keyPart()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		switch {
		case len(parts) > maxDepth:
			return nil, errDepth
		case len(part) > maxKey:
			return nil, errKey
		}
		s.skipSpace()
		if !s.take(".") {
			return parts, nil
		}
	}
}

// keyPart reads one part of a key, bare or quoted.
func (s *scanner) keyPart() (string, error) {
	start := s.pos
	switch s.peek() {
	case '"':
		end, ok := s.quoted('"', true)
		if !ok {
			return "", errScan
		}
		return unescape(s.data[start+1 : end])
	case '\'':
		end, ok := s.quoted('\'', false)
		if !ok {
			return "", errScan
		}
		return string(s.data[start+1 : end]), nil
	}
	for isBare(s.peek()) {
		s.pos++
	}
	if s.pos == start {
		return "", errScan
	}
	return string(s.data[start:s.pos]), nil
}

// isBare says whether c may stand in a key without quotes.
func isBare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// quoted moves over a string of one line and gives the place of its closing quote.
func (s *scanner) quoted(quote byte, escapes bool) (end int, ok bool) {
	for s.pos++; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '\n':
			return 0, false
		case c == '\\' && escapes:
			s.pos++
		case c == quote:
			s.pos++
			return s.pos - 1, true
		}
	}
	s.pos = len(s.data)
	return 0, false
}

// value reads the value of n, whose key is path.
func (s *scanner) value(n *node, path []string) error {
	if err := s.tooMany(); err != nil {
		return err
	}
	switch s.peek() {
	case '[', '{':
		return s.nested(n, path)
	case '"', '\'':
		return s.stringValue(s.peek())
	}
	start := s.pos
	for s.pos < len(s.data) && !bytes.ContainsRune([]byte(",]}#\r\n"), rune(s.data[s.pos])) {
		s.pos++
	}
	if s.pos == start {
		return errScan
	}
	return nil
}

// stringValue moves over a string, of one line or of several.
func (s *scanner) stringValue(quote byte) error {
	fence := string([]byte{quote, quote, quote})
	if !s.take(fence) {
		if _, ok := s.quoted(quote, quote == '"'); !ok {
			return errScan
		}
		return nil
	}
	begin := s.line
	for s.pos < len(s.data) {
		if s.take(fence) {
			// Up to two quotes may stand right before the closing three (TOML 1.0, "String").
			for range 2 {
				s.take(fence[:1])
			}
			return nil
		}
		if s.data[s.pos] == '\\' && quote == '"' {
			s.pos++
		}
		if s.peek() == '\n' {
			s.line++
		}
		s.pos++
	}
	s.pos, s.openText = len(s.data), begin
	return errScan
}

// nested reads a list or an inline table.
func (s *scanner) nested(n *node, path []string) error {
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	begin := s.line
	if err := s.elements(n, path); err != nil {
		s.open = begin
		return err
	}
	s.depth--
	return nil
}

// elements reads what is in a list or an inline table, and its end.
func (s *scanner) elements(n *node, path []string) error {
	closing, element := "]", s.item
	if s.peek() == '{' {
		closing, element = "}", s.keyValue
	}
	s.pos++
	for {
		s.skipBlank()
		if s.take(closing) {
			return nil
		}
		if err := element(n, path); err != nil {
			return err
		}
		s.skipBlank()
		if !s.take(",") && string(s.peek()) != closing {
			return errScan
		}
	}
}

// item reads an element of the list n.
func (s *scanner) item(n *node, path []string) error {
	c := s.node(s.line)
	n.items = append(n.items, c)
	return s.value(c, path)
}
