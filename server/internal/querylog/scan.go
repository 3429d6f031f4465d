package querylog

// scanner moves over JSON (RFC 8259) and says whether it is. It keeps to what package
// encoding/json takes, but for nesting.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

// maxDepth is how deep lists and objects may lie in a line. The log has a depth of one.
const maxDepth = 16

// peek gives the octet at the current place, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// take moves over c if it stands at the current place.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos == len(s.data) {
		return false
	}
	s.pos++
	return true
}

// space moves over white space.
func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// value moves over a value.
func (s *scanner) value() bool {
	switch s.peek() {
	case '"':
		return s.text()
	case '[':
		return s.nested(']')
	case '{':
		return s.nested('}')
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// word moves over a word.
func (s *scanner) word(word string) bool {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// nested moves over a list or an object with its elements.
func (s *scanner) nested(closing byte) bool {
	s.pos++
	if s.depth++; s.depth > maxDepth {
		return false
	}
	s.space()
	if s.take(closing) {
		s.depth--
		return true
	}
	for closing == '}' && s.member() || closing == ']' && s.value() {
		s.space()
		if s.take(closing) {
			s.depth--
			return true
		}
		if !s.take(',') {
			return false
		}
		s.space()
	}
	return false
}

// member moves over a key and its value.
func (s *scanner) member() bool {
	if !s.text() {
		return false
	}
	s.space()
	if !s.take(':') {
		return false
	}
	s.space()
	return s.value()
}

// text moves over a string.
func (s *scanner) text() bool {
	if !s.take('"') {
		return false
	}
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return true
		case c < ' ':
			return false
		case c == '\\':
			if !s.escape() {
				return false
			}
		default:
			s.pos++
		}
	}
	return false
}

// escape moves over an escape in a string.
func (s *scanner) escape() bool {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
	default:
		return false
	}
	const digits = 4
	if len(s.data)-s.pos <= digits {
		return false
	}
	for _, c := range s.data[s.pos+1 : s.pos+1+digits] {
		if !isHex(c) {
			return false
		}
	}
	s.pos += 1 + digits
	return true
}

// isHex says whether c is a hexadecimal digit.
func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// number moves over a number.
func (s *scanner) number() bool {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if !s.take('e') && !s.take('E') {
		return true
	}
	if !s.take('+') {
		s.take('-')
	}
	return s.digits()
}

// digits moves over one digit or more.
func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); '0' <= c && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}
