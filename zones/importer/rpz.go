package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"splitdns/zones"
)

// rpzFormat is response policy zones: the names of QNAME triggers, x and *.x each as it
// stands, in a row for each action. Triggers by addresses, clients and name servers say
// nothing about names; the prefixes of rpz-ip are noted. Where a local answer leads to is left out.
var rpzFormat = format{
	name:      "rpz",
	what:      "a response policy zone",
	looksLike: isRPZ,
	read:      readRPZ,
}

// rpzActions are the targets of CNAME records that are actions, and their rows.
var rpzActions = map[string]string{
	".": "nxdomain", "*.": "nodata", "rpz-passthru.": "passthru", "rpz-drop.": "drop", "rpz-tcp-only.": "tcp-only",
}

// rpzLocal is the row of names with an answer of the zone's own.
const rpzLocal = "local-data"

// rpzPurposes says what the actions do.
var rpzPurposes = map[string]string{
	"nxdomain": "RPZ: answered with NXDOMAIN",
	"nodata":   "RPZ: answered with NODATA",
	"passthru": "RPZ: not rewritten",
	"drop":     "RPZ: not answered",
	"tcp-only": "RPZ: answered over TCP only",
	rpzLocal:   "RPZ: answered with local data",
}

// isRPZ says whether data is a zone file with an SOA record, and an action or a trigger of RPZ.
func isRPZ(data []byte) bool {
	if looksJSON(data) {
		return false
	}
	hasSOA, hasAction := false, false
	for line := range headOf(data) {
		words := strings.Fields(strings.ToUpper(uncommented(line, ";")))
		at := slices.Index(words, "CNAME")
		hasSOA = hasSOA || slices.Contains(words, "SOA")
		hasAction = hasAction || at >= 0 && at+1 < len(words) && rpzActions[strings.ToLower(words[at+1])] != "" ||
			at > 0 && strings.Contains(words[0], ".RPZ-")
	}
	return hasSOA && hasAction
}

// rpzReading is a policy zone while it is read.
type rpzReading struct {
	*listing
	apex    string // the name of the zone, without a final dot
	origin  string // of relative names
	owner   string // of the last record: a line may leave it out
	last    string // the last name taken over: it may have several records
	lastRow string
	isOwned bool // a record with an owner came
}

// maxOrigin is how long an origin may be, in octets of text: a name of 255 octets of which each
// is escaped. Relative origins add up.
const maxOrigin = 4 * 255

// unknownOrigin stands for the name of a zone that the file does not say. It is no name.
const unknownOrigin = "$"

// readRPZ reads a zone.
func readRPZ(r *reading) error {
	z := rpzReading{listing: newListing(r), apex: unknownOrigin, origin: unknownOrigin}
	if err := z.entries(z.entry); err != nil {
		return err
	}
	z.end()
	return nil
}

// entry reads a directive or a record.
func (z *rpzReading) entry(e zoneEntry) {
	if directive, ok := strings.CutPrefix(e.words[0], "$"); ok && !e.isOwnerless {
		z.directive(e, strings.ToUpper(directive))
		return
	}
	words := e.words
	if !e.isOwnerless {
		z.owner, z.isOwned, words = z.absolute(words[0]), true, words[1:]
	}
	if !z.isOwned {
		z.note(e.line, Skipped, "a record without an owner name")
		return
	}
	words = afterTTL(words)
	if len(words) == 0 {
		z.note(e.line, Skipped, "%q: want a record's type", cut(strings.Join(e.words, " ")))
		return
	}
	z.record(e.line, strings.ToUpper(words[0]), words[1:])
}

// directive follows $ORIGIN; other directives are noted.
func (z *rpzReading) directive(e zoneEntry, name string) {
	switch {
	case name == "TTL":
	case name == "ORIGIN" && len(e.words) > 1:
		z.setOrigin(e, z.absolute(e.words[1]))
	case name == "INCLUDE":
		z.note(e.line, Skipped, "%q: no file is read but the one given", cut(strings.Join(e.words, " ")))
	case name == "GENERATE":
		z.note(e.line, Skipped, "%q: write the names with a range, such as {0..50}-x.example", cut(strings.Join(e.words, " ")))
	default:
		z.note(e.line, Skipped, "directive $%s", cut(name))
	}
}

// setOrigin follows $ORIGIN.
func (z *rpzReading) setOrigin(e zoneEntry, origin string) {
	if len(origin) > maxOrigin {
		z.note(e.line, Skipped, "%q: with the origin before it, longer than any name", cut(strings.Join(e.words, " ")))
		return
	}
	z.origin = origin
	if z.apex == unknownOrigin && !z.isOwned {
		z.apex = z.origin
	}
}

// absolute is a name, in lower case and without a final dot, under the origin if it is relative.
func (z *rpzReading) absolute(name string) string {
	name = strings.ToLower(name)
	switch absolute, isAbsolute := strings.CutSuffix(name, "."); {
	case name == "@":
		return z.origin
	case isAbsolute && !strings.HasSuffix(absolute, `\`):
		return absolute
	}
	if z.origin == "" {
		return name
	}
	return name + "." + z.origin
}

// afterTTL leaves out a TTL and a class, which may come in either order.
func afterTTL(words []string) []string {
	for range 2 {
		if len(words) == 0 {
			break
		}
		isTTL := words[0] != "" && words[0][0] >= '0' && words[0][0] <= '9'
		isClass := slices.Contains([]string{"IN", "CH", "HS", "CS"}, strings.ToUpper(words[0]))
		if isTTL || isClass {
			words = words[1:]
		}
	}
	return words
}

// record reads a record of the last owner.
func (z *rpzReading) record(line int, kind string, data []string) {
	switch {
	case kind == "SOA":
		z.apex = z.owner
		if z.origin == unknownOrigin {
			z.origin = z.apex // a zone's file begins with the zone's name as the origin
		}
		if len(data) > 2 {
			z.about.Edition = m365Edition(data[2]) // as serials are often written: a date and a number
		}
		return
	case z.owner == z.apex:
		z.count(line, Skipped, fmt.Sprintf("%s of the zone itself", cut(kind)))
		return
	case slices.Contains([]string{"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "DS", "NS", "DNAME"}, kind):
		z.count(line, Skipped, fmt.Sprintf("%s records, which are no policy", kind))
		return
	}
	trigger, ok := strings.CutSuffix(z.owner, "."+z.apex)
	if !ok && z.apex != "" {
		z.note(line, Skipped, "%q is not in the zone: the name ends with a dot too many", cut(z.owner))
		return
	}
	z.trigger(line, trigger, z.action(kind, data, trigger))
}

// action is what a record does.
func (z *rpzReading) action(kind string, data []string, trigger string) string {
	if kind != "CNAME" || len(data) == 0 {
		return rpzLocal
	}
	target := strings.ToLower(data[0])
	if target == trigger+"." {
		return "passthru" // as it was written before rpz-passthru
	}
	return cmp.Or(rpzActions[target], rpzLocal)
}

// trigger takes over a name, or notes another trigger.
func (z *rpzReading) trigger(line int, trigger, action string) {
	dot := strings.LastIndexByte(trigger, '.') + 1
	switch kind := trigger[dot:]; kind {
	case "rpz-ip":
		z.note(line, Skipped, "a trigger by address, %s (%s)", rpzPrefix(cut(trigger[:max(dot-1, 0)])), action)
		return
	case "rpz-client-ip", "rpz-nsip", "rpz-nsdname":
		z.note(line, Skipped, "a trigger of the kind %s, %q (%s)", kind, cut(trigger[:max(dot-1, 0)]), action)
		return
	}
	if action == rpzLocal {
		z.count(line, Normalised, "left out what a name is answered with")
	}
	if trigger == z.last && action == z.lastRow {
		return // one more record of it
	}
	z.last, z.lastRow = trigger, action
	z.name(z.row(line, action, rpzPurposes[action]), line, trigger)
}

// rpzPrefix is the prefix that an owner name of rpz-ip means: its length, then the parts
// of the address from the last to the first, zz for a run of zeros.
func rpzPrefix(owner string) string {
	words := strings.Split(owner, ".")
	bits, err := strconv.Atoi(words[0])
	parts := words[1:]
	slices.Reverse(parts)
	text := strings.Join(parts, ".")
	if len(parts) != 4 || slices.Contains(parts, "zz") {
		text = strings.Join(parts, ":")
		text = strings.Replace(":"+text+":", ":zz:", "::", 1)
		if !strings.HasPrefix(text, "::") {
			text = text[1:]
		}
		if !strings.HasSuffix(text, "::") {
			text = text[:len(text)-1]
		}
	}
	addr, errAddr := netip.ParseAddr(text)
	p := netip.PrefixFrom(addr, bits)
	if err != nil || errAddr != nil || !p.IsValid() {
		return strconv.Quote(owner)
	}
	return zones.PrefixText(p)
}
