package export

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"splitdns/zones"
)

// formatRules is the ruleset. It is a table of its own for packets of some clients, with sets
// that the server fills from its answers. Each zone has a pair of sets, for IPv4 and IPv6, for
// each list of ports that its rows have, so that nothing is open but what a row says. The name
// of a set holds its zone and its ports: elements outlive the file that is loaded again, and
// must not come to mean other ports.
//
// What was turned down: one pair for each zone, which opens the ports of one row for the names
// of another (it is there as an option); sets of address and port together, which a rule of the
// server's cannot feed; and published ranges in the sets that the server feeds, as elements
// within an interval are refused and sets of intervals are slower.
const formatRules = "nft-rules"

// What becomes of ports: a pair of sets for each list of ports, or one with all of the zone's.
const (
	portsOfRows = "rows"
	portsOfZone = "zone"
)

// DefaultPorts is how exact a ruleset is with ports.
const DefaultPorts = portsOfRows

// Rules are the options of a ruleset. The zero value of all but Clients stands for the default.
type Rules struct {
	Clients      []Clients    // whose packets are judged; needed
	Ports        string       // rows, zone
	DefaultPorts []zones.Port // of rows that have none; nil leaves such rows out
	Static       bool         // published prefixes are open before an answer has brought an address
	Drop         bool         // what is denied is dropped without a word
	Input        bool         // judge also what goes to the router itself
	Interfaces   []string     // where the clients' packets come in; none is anywhere
	Resolvers    []netip.Addr // servers beyond the router that they may ask, too
	Config       bool         // write the server's side of it, in TOML, not the ruleset
}

// Clients are a client group of the configuration or, without a name, prefixes.
type Clients struct {
	Name     string
	Prefixes []netip.Prefix
}

// rulesOptions are the flags that have a meaning for a ruleset.
var rulesOptions = []string{
	"family", "table", "set-prefix", "clients", "ports", "default-ports", "static", "drop", "input", "interface", "resolver", "splitdns-config",
}

// interfaceName is what Linux and nft take in quotes for an interface.
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,15}$`)

// checkRules checks the options of a ruleset.
func checkRules(o *Options) error {
	if err := checkTable(o); err != nil {
		return err
	}
	if !strings.HasPrefix(o.Table, "inet ") {
		return &OptionError{"table", fmt.Sprintf("%q: want family inet: a table of another one lets IPv4 or IPv6 pass", o.Table)}
	}
	if o.SetPrefix == "" {
		return &OptionError{"set-prefix", "want one: the ruleset empties chains, which must have names that no other chain of the table has"}
	}
	if !slices.ContainsFunc(o.Rules.Clients, func(c Clients) bool { return len(c.Prefixes) > 0 }) {
		return &OptionError{"clients", "want the prefixes of those whom the ruleset is for, or client groups of a configuration"}
	}
	for _, name := range o.Rules.Interfaces {
		if !interfaceName.MatchString(name) {
			return &OptionError{"interface", fmt.Sprintf("%q: want the name of an interface, such as br-lan", name)}
		}
	}
	return oneOf("ports", &o.Rules.Ports, portsOfRows, portsOfZone)
}

// reach is what of a zone is open on the same ports.
type reach struct {
	zone  *zones.Zone
	ports []zones.Port // canonical
	rows  []*zones.Row
	whole bool // rows are all of the zone's that have names
}

// What becomes of rows, prefixes and clients that a ruleset cannot have as they are.
const (
	notePortless = "left out: without ports (see --default-ports)"
	noteNameless = "left out: without names, whose answers would open addresses (see --static)"
	noteFeeding  = "not open as a whole: an address is when an answer has brought it (see --static)"
	notePrivate  = "private: the server puts no such address into a set (see --static)"
	noteByNames  = "whose names stand in the server's rules: export again when they change (or see --ports zone)"
	noteManySets = "more than the 256 that the server takes: name fewer zones (or see --ports zone)"
	noteNo4      = "no IPv4 prefix in --clients: what they send by IPv4 is not held back"
	noteNo6      = "no IPv6 prefix in --clients: what they send by IPv6 is not held back"
)

// writeRules writes a ruleset, or the server's side of it.
func writeRules(w *writing) error {
	var all []reach
	for _, z := range w.zones {
		all = append(all, w.reaches(z)...)
	}
	if len(all) == 0 {
		return nil // New says that there is nothing
	}
	w.clientNotes()
	w.setsNote(all)
	if w.o.Rules.Config {
		w.rulesConfig(all)
		return nil
	}
	w.ruleset(all)
	return nil
}

// maxServerSets is how many sets the server takes in all of its rules.
const maxServerSets = 256

// setsNote says that there are more sets than the server takes.
func (w *writing) setsNote(all []reach) {
	sets := 0
	for _, r := range all {
		if len(r.named()) > 0 {
			sets += len(w.o.families())
		}
	}
	if sets > maxServerSets {
		w.notes.count("sets", noteManySets, sets)
	}
}

// clientNotes says whose packets the ruleset does not see.
func (w *writing) clientNotes() {
	if len(w.clients(true)) == 0 {
		w.notes.say(noteNo4)
	}
	if len(w.clients(false)) == 0 {
		w.notes.say(noteNo6)
	}
}

// clients are the prefixes of all clients of an IP version, sorted, none within another.
func (w *writing) clients(is4 bool) []netip.Prefix {
	var found []netip.Prefix
	for _, c := range w.o.Rules.Clients {
		found = append(found, c.Prefixes...)
	}
	return apart(found, is4)
}

// reaches sorts the rows of a zone by their ports, in the order of the file.
func (w *writing) reaches(z *zones.Zone) (found []reach) {
	named := 0
	for i := range z.Rows {
		r := &z.Rows[i]
		if r.Patterns.Len() > 0 {
			named++
		}
		ports, ok := w.openPorts(z, r)
		if !ok {
			continue
		}
		j := slices.IndexFunc(found, func(have reach) bool {
			return w.o.Rules.Ports == portsOfZone || slices.Equal(have.ports, ports)
		})
		if j < 0 {
			j = len(found)
			found = append(found, reach{zone: z})
		}
		found[j].rows = append(found[j].rows, r)
		found[j].ports = canonical(slices.Concat(found[j].ports, ports))
	}
	for i := range found {
		found[i].whole = !w.o.Required && len(found[i].named()) == named
	}
	w.byNames(found)
	return found
}

// byNames notes a zone that the server's rules cannot name as a whole.
func (w *writing) byNames(found []reach) {
	if slices.ContainsFunc(found, func(r reach) bool { return !r.whole && len(r.named()) > 0 }) {
		w.notes.add("zones", noteByNames, found[0].zone.Name)
	}
}

// openPorts are the ports of a row of z, if anything can be open for it.
func (w *writing) openPorts(z *zones.Zone, r *zones.Row) (ports []zones.Port, ok bool) {
	ports = canonical(r.Ports)
	if len(ports) == 0 {
		ports = canonical(w.o.Rules.DefaultPorts)
	}
	switch row := z.Name + "/" + r.Name; {
	case len(ports) == 0:
		w.notes.add("rows", notePortless, row)
	case r.Patterns.Len() == 0 && !w.o.Rules.Static:
		w.notes.add("rows", noteNameless, row)
	default:
		w.notePrefixes(r)
		return ports, true
	}
	return nil, false
}

// notePrefixes notes what a ruleset makes of the prefixes of a row.
func (w *writing) notePrefixes(r *zones.Row) {
	if w.o.Rules.Static {
		return
	}
	for _, p := range r.Prefixes {
		if p.Addr().IsPrivate() {
			w.notes.add("prefixes", notePrivate, zones.PrefixText(p))
		} else {
			w.notes.count("prefixes", noteFeeding, 1)
		}
	}
}

// named are the rows of r that have names.
func (r reach) named() (rows []*zones.Row) {
	for _, row := range r.rows {
		if row.Patterns.Len() > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// prefixes are those of the rows, of one IP version.
func (r reach) prefixes(is4 bool) []netip.Prefix {
	var found []netip.Prefix
	for _, row := range r.rows {
		found = append(found, row.Prefixes...)
	}
	return apart(found, is4)
}

// canonical is ports in order, those that touch each other made one: the same ports, however
// a row lists them.
func canonical(ports []zones.Port) []zones.Port {
	sorted := slices.SortedFunc(slices.Values(ports), func(a, b zones.Port) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.First, b.First))
	})
	merged := sorted[:0]
	for _, p := range sorted {
		i := len(merged) - 1
		if i >= 0 && merged[i].Protocol == p.Protocol && int(p.First) <= int(merged[i].Last)+1 {
			merged[i].Last = max(merged[i].Last, p.Last)
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// numbers are the ports of one protocol, as nft writes them.
func (r reach) numbers(protocol string) (words []string) {
	for _, p := range r.ports {
		if p.Protocol != protocol {
			continue
		}
		word := strconv.Itoa(int(p.First))
		if p.Last > p.First {
			word += "-" + strconv.Itoa(int(p.Last))
		}
		words = append(words, word)
	}
	return words
}

// Protocols that have ports, in the order of rules.
var protocols = []string{"tcp", "udp"}

// label names r within the names of sets and rules: mdm-tcp443.5228-5230.udp123. No two are
// the same, since what follows the last hyphen before a letter is the ports.
func (r reach) label() string {
	var words []string
	for _, protocol := range protocols {
		if numbers := r.numbers(protocol); len(numbers) > 0 {
			words = append(words, protocol+strings.Join(numbers, "."))
		}
	}
	return r.zone.Name + "-" + strings.Join(words, ".")
}

// maxRuleSet bounds the names of sets. Linux takes 255 octets, people less.
const maxRuleSet = 120

// ruleSet is the name of the set that the server feeds.
func (w *writing) ruleSet(r reach, is4 bool) string {
	return familyName(w.o.SetPrefix+fitting(r.label(), maxRuleSet), is4)
}

// publishedSet is the name of the set of published prefixes.
func (w *writing) publishedSet(r reach, is4 bool) string {
	return fixedName(w.o.SetPrefix+fitting(r.label(), maxRuleSet)+"_published", is4)
}

// clientSet is the name of the set of the clients.
func (w *writing) clientSet(is4 bool) string { return fixedName(w.o.SetPrefix+"clients", is4) }

// fixedName is the name of a set whose elements are those of the file. No set of a zone has such
// a one in the format nft, whatever the zone is called.
func fixedName(name string, is4 bool) string {
	if is4 {
		return name + "4"
	}
	return name + "6"
}

// fitting is name within limit octets, all of which nft and the configuration take in names.
// The end of a long one is a fingerprint of the whole.
func fitting(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:limit-fingerprint-1] + "-" + hex.EncodeToString(sum[:fingerprint/2])
}
