package matcher

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of RFC 1035, section 2.3.4, in octets.
const (
	maxLabel  = 63
	maxName   = 255               // with the length octets and the root label
	maxLabels = (maxName - 1) / 2 // without the root label
)

// rootWire is the root in wire form.
const rootWire = "\x00"

var (
	errEmpty       = errors.New("empty")
	errEmptyLabel  = errors.New("empty label: two dots with nothing between them, or a dot too many at an end")
	errLongLabel   = errors.New("a label is longer than 63 octets")
	errLongName    = errors.New("longer than 255 octets")
	errRunOff      = errors.New("runs off the end")
	errPointer     = errors.New("compression pointer")
	errLabelType   = errors.New("unknown label type")
	errEscape      = errors.New(`want \DDD, a number up to 255, or one ASCII character after a backslash`)
	errUnprintable = errors.New(`space or control character; write it as \DDD`)
)

// Name is a domain name: absolute, in lower case, not necessarily a hostname (any
// octet may stand in a label). It is comparable, two names are the same name if
// they are equal. The zero value is no name, not even the root.
type Name struct {
	wire string // length-prefixed labels, the root label included
}

// ParseName reads a name in presentation form (RFC 1035, section 5.1): \DDD and \X
// are understood, the final dot is optional, "." is the root.
func ParseName(s string) (Name, error) {
	n, err := parseName(s)
	if err != nil {
		return Name{}, fmt.Errorf("name %q: %w", s, err)
	}
	return n, nil
}

// parseName is ParseName without the input in its errors.
func parseName(s string) (Name, error) {
	if s == "." {
		return Name{rootWire}, nil
	}
	if s == "" {
		return Name{}, errEmpty
	}
	if !isASCII(s) {
		return Name{}, errNotASCII(s)
	}
	var wire, label []byte
	for rest := s; rest != ""; {
		var err error
		if label, rest, err = parseNameLabel(label[:0], rest); err != nil {
			return Name{}, err
		}
		wire = append(append(wire, byte(len(label))), label...)
	}
	if len(wire) >= maxName {
		return Name{}, errLongName
	}
	return Name{string(wire) + rootWire}, nil
}

// parseNameLabel appends the octets of the label that s begins with to label, and
// returns what follows the label's dot.
func parseNameLabel(label []byte, s string) (octets []byte, rest string, err error) {
	for s != "" && s[0] != '.' {
		if s[0] <= ' ' || s[0] == 0x7f {
			return nil, "", errUnprintable
		}
		c, size, err := parseOctet(s)
		if err != nil {
			return nil, "", err
		}
		label, s = append(label, c), s[size:]
	}
	if len(label) > maxLabel {
		return nil, "", errLongLabel
	}
	if len(label) == 0 {
		return nil, "", errEmptyLabel
	}
	return label, strings.TrimPrefix(s, "."), nil
}

// parseOctet reads one octet, in lower case, from the beginning of s: a character, \X or \DDD.
func parseOctet(s string) (c byte, size int, err error) {
	if s[0] != '\\' {
		return lower(s[0]), 1, nil
	}
	if len(s) >= 4 && isDigit(s[1]) && isDigit(s[2]) && isDigit(s[3]) {
		v := int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
		if v > 255 {
			return 0, 0, errEscape
		}
		return lower(byte(v)), 4, nil
	}
	if len(s) < 2 || isDigit(s[1]) || s[1] > '~' {
		return 0, 0, errEscape
	}
	return lower(s[1]), 2, nil
}

// NameFromWire reads the uncompressed name that b begins with, and says how many
// octets it takes. A compression pointer, a name that runs off the end of b and one
// over 255 octets are errors. The name does not share memory with b.
func NameFromWire(b []byte) (n Name, size int, err error) {
	var f folded
	if err := f.read(b); err != nil {
		return Name{}, 0, fmt.Errorf("name on the wire: %w", err)
	}
	return Name{string(f.wire())}, f.size, nil
}

// String returns the name in presentation form, in lower case, without the final
// dot; the root is ".". Octets that are not printable ASCII, and those that mean
// something in a zone file, are escaped, so the text holds no space. ParseName
// reads it back. The zero value gives "".
func (n Name) String() string {
	if n.wire == rootWire {
		return "."
	}
	var room [maxText]byte
	b := room[:0]
	for rest := n.wire; len(rest) > 1; {
		end := 1 + int(rest[0])
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = appendEscaped(b, rest[1:end], `."();\@$`)
		rest = rest[end:]
	}
	return string(b)
}

// maxText is how long names are as text, but for those with many octets that are escaped.
const maxText = 255

// appendEscaped appends octets in presentation form, with a backslash before those in special, which
// has neither letters nor digits.
func appendEscaped(b []byte, octets, special string) []byte {
	for i := range len(octets) {
		switch c := octets[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9': // most are
			b = append(b, c)
		case c <= ' ' || c > '~':
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		case strings.IndexByte(special, c) >= 0:
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return b
}

// Wire returns the name in wire form: lower case, uncompressed, with the root label.
// The zero value gives "".
func (n Name) Wire() string { return n.wire }

// AppendWire appends the name in wire form to dst.
func (n Name) AppendWire(dst []byte) []byte { return append(dst, n.wire...) }

// IsZero says whether n is the zero value, which is no name.
func (n Name) IsZero() bool { return n.wire == "" }

// Below says whether n is strictly below suffix: it ends in all of suffix's labels
// and has more of them.
func (n Name) Below(suffix Name) bool {
	rest := n.wire
	for len(rest) > 1 && len(rest) > len(suffix.wire) {
		rest = rest[1+int(rest[0]):]
	}
	return rest == suffix.wire && len(rest) < len(n.wire) && rest != ""
}

// Parent returns n without its first label: the root for a name of one label, and the zero
// value for the root. It shares memory with n.
func (n Name) Parent() Name {
	if len(n.wire) <= 1 {
		return Name{}
	}
	return Name{n.wire[1+int(n.wire[0]):]}
}

// lower folds an ASCII letter to lower case (RFC 4343).
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
