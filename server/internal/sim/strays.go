package sim

import (
	"cmp"

	"splitdns/matcher"
)

// stray says what of a name's addresses lies outside the published ranges.
type stray uint8

// The strays. The zero value is a name with all its addresses inside.
const (
	mixed   stray = iota + 1 // one address besides
	outside                  // all of them
)

// strays are the names with addresses outside, as happens when a publication is
// behind the times. A single label stands for every name that begins with it, so
// that zones of one's own have such names too.
var strays = map[string]stray{
	"mixed":   mixed,
	"outside": outside,

	"portal.manage.microsoft.com": mixed,
	"mtalk4.google.com":           mixed,
	"office.live.com":             mixed,
	"r.manage.microsoft.com":      outside,
	"graph.microsoft.com":         outside,
	"security.microsoft.com":      outside,
	"vpn.corp.example":            outside,
}

// strayOf is the stray of name.
func strayOf(name matcher.Name) stray {
	wire := name.Wire()
	return cmp.Or(strays[name.String()], strays[wire[1:1+int(wire[0])]])
}
