package matcher

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// isASCII says whether s holds ASCII only.
func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// errNotASCII shows the ASCII form of a name or pattern, where there is one.
func errNotASCII(s string) error {
	ascii, ok := asciiForm(s)
	if !ok {
		return errors.New("not ASCII: write the xn-- form of the name")
	}
	return fmt.Errorf("not ASCII: write %q", ascii)
}

// lookupForm maps labels as programs do that look names up (RFC 5891, section 5).
// Stars and underscores are none of its business.
var lookupForm = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// asciiForm returns s with each label that is not ASCII as an A-label (RFC 5890,
// section 2.3.2.1). Some text has none, or only an empty one: then ok is false.
//
// A character takes four octets at most in UTF-8, so longer text is no name. Punycode
// takes time with the square of its length.
func asciiForm(s string) (ascii string, ok bool) {
	if len(s) > 4*maxName || strings.ContainsFunc(s, isStrayPunct) {
		return "", false
	}
	ascii, err := lookupForm.ToASCII(s)
	if err != nil || !isASCII(ascii) || strings.Contains("."+strings.TrimSuffix(ascii, ".")+".", "..") {
		return "", false
	}
	return ascii, true
}

// isStrayPunct says whether r is punctuation that was hardly meant to be part of
// a name, such as the dash that a text processor made of a hyphen. The dots of
// East Asian scripts are.
func isStrayPunct(r rune) bool {
	return r > unicode.MaxASCII && unicode.IsPunct(r) && r != '\u3002' && r != '\uff0e' && r != '\uff61'
}
