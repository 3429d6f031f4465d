package zones

import (
	"strings"

	"splitdns/zones/tomlfile"
)

// ParseListOf is ParseList for a list of at most so many patterns.
func ParseListOf(name, file, text string, most int) (*Zone, tomlfile.Problems) {
	l := list{problems: tomlfile.Record{File: file}, most: most}
	z, problems, _ := l.zone(name, strings.NewReader(text)) // a string can always be read
	return z, problems
}
