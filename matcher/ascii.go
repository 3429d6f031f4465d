package matcher

import (
	"errors"
	"strings"
	"unicode"
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
	return errors.New("not ASCII: write " + ascii)
}
