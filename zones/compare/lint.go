package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"splitdns/matcher"
	"splitdns/zones"
)

// Severity is how bad a finding is.
type Severity uint8

// The severities, the worst first.
const (
	Problem Severity = iota // it must not stay so
	Warning                 // a pin or a rule may well do something else than was meant
	Note                    // somebody may want to know
)

// String gives the word that reports use.
func (s Severity) String() string { return [...]string{"problem", "warning", "note"}[s] }

// MarshalText gives the word that reports use.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that is doubtful about a row, or about a zone.
type Finding struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"` // one of Codes
	Zone     string   `json:"zone"`
	Row      string   `json:"row,omitempty"` // empty for the zone as a whole
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"` // of the row; 0 where it is not known
	Text     string   `json:"text"`           // what is doubtful, and why it matters
	Fix      string   `json:"fix"`            // what to do about it
	Subjects []string `json:"subjects"`       // the names or prefixes that it is about, all of them
}

// Codes are what findings can be about. They are stable.
var Codes = []string{
	codeNowhere, codePrivate, codeNested, codeWeak, codeShared, codeStale, codeReplaced,
	codeCopies, codeOutside, codeApex, codeInherits, codeIdle, codeSuffix, codeCatchAll, codeSwallows, codeFamily, codePorts,
}

// The codes.
const (
	codeNowhere  = "no-place"       // addresses that can be nobody's on the internet
	codePrivate  = "private"        // private addresses among public ones
	codeNested   = "nested"         // prefixes within others of the row
	codeWeak     = "weak-range"     // so many addresses that a pin says little
	codeShared   = "shared-range"   // addresses that others can rent
	codeStale    = "stale"          // published long ago
	codeReplaced = "replaced"       // a newer edition no longer has the addresses
	codeCopies   = "copies-differ"  // one name, several rows, other prefixes
	codeOutside  = "outside-wider"  // rows whose prefixes lie outside those of a pattern that takes their names in
	codeApex     = "apex-gap"       // *.x without x
	codeInherits = "inherits"       // names without ranges below a pattern with ranges
	codeIdle     = "idle-carve-out" // carved out of nothing
	codeSuffix   = "public-suffix"  // a pattern for names of everybody
	codeCatchAll = "catch-all"      // a pattern for a whole vendor, or a zone for such
	codeSwallows = "swallows"       // a pattern that takes in names of other zones
	codeFamily   = "numbers"        // names that differ in a number only
	codePorts    = "no-ports"       // a row that says nothing of ports
)

// LintOptions say how to look.
type LintOptions struct {
	Now    time.Time     // to what the age of a publication is counted; zero: ages are not looked at
	MaxAge time.Duration // how old a publication may be; 0: DefaultMaxAge
	Only   []string      // the zones to report on; none: all
	// Newest are the zones of the newest edition there is: addresses that an older zone of the
	// same name has and it has not are reported.
	Newest []*zones.Zone
	// Pinned are the rules that change answers, with a pin stricter than observe, by the zone
	// that they name.
	Pinned map[string][]string
}

// DefaultMaxAge is from which age on a publication is stale. Vendors' lists change monthly.
const DefaultMaxAge = 180 * 24 * time.Hour

// Lint finds what is doubtful in zones that are loaded together, the worst first, then by zone
// and row. What it reports about one zone may lie in another. It keeps nothing of all, and
// takes some microseconds for each pattern.
func Lint(all []*zones.Zone, o LintOptions) []Finding {
	l := &linter{LintOptions: o, side: newSide(all, newPublished()), found: []Finding{}}
	l.MaxAge = cmp.Or(o.MaxAge, DefaultMaxAge)
	for _, r := range l.side.rows {
		l.prefixes(r)
		l.numbers(r)
	}
	for _, z := range all {
		l.ages(z)
		l.replaced(z)
		l.ports(z)
		l.catchAll(z)
	}
	l.names()
	l.copies()
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Line, b.Line))
	})
	return l.found
}

// linter is a lint under way.
type linter struct {
	LintOptions
	side  *side
	found []Finding
}

// add records a finding about a row; its fields that say where are filled in.
func (l *linter) add(r *row, f Finding) {
	f.Row, f.Line = r.row.Name, r.row.Line
	l.addZone(r.zone, f)
}

// addZone records a finding about a zone.
func (l *linter) addZone(z *zones.Zone, f Finding) {
	if len(l.Only) > 0 && !slices.Contains(l.Only, z.Name) {
		return
	}
	f.Zone, f.File, f.Subjects = z.Name, z.File, orEmpty(f.Subjects)
	l.found = append(l.found, f)
}

// ages finds rows that were published long ago. What has moved since matters most where
// answers are held to it.
func (l *linter) ages(z *zones.Zone) {
	var stale []string
	oldest, hasRanges := "", false
	for i := range z.Rows {
		r := &z.Rows[i]
		date := cmp.Or(r.Date, z.Edition)
		published, ok := dateOf(date)
		if l.Now.IsZero() || !ok || l.Now.Sub(published) <= l.MaxAge {
			continue
		}
		stale = append(stale, r.Name)
		if oldest == "" || date < oldest {
			oldest = date
		}
		hasRanges = hasRanges || len(r.Prefixes) > 0
	}
	if len(stale) == 0 {
		return
	}
	published, _ := dateOf(oldest)
	f := Finding{
		Severity: Note, Code: codeStale, Subjects: stale,
		Text: fmt.Sprintf("%s older than %d days, the oldest is of %s: %d days",
			count(len(stale), "row is", "rows are"), days(l.MaxAge), oldest, days(l.Now.Sub(published))),
		Fix: "take a newer edition, or look at the source for names that came since",
	}
	if hasRanges {
		f.Severity, f.Fix = Warning, "take a newer edition; until then pin to nothing stricter than observe"
	}
	l.addZone(z, f)
}

// dateOf reads a date as zones have it, with or without a day.
func dateOf(text string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, "2006-01"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// days is a duration in days.
func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// replaced finds addresses that the newest edition of the zone no longer has.
func (l *linter) replaced(z *zones.Zone) {
	newest := zoneNamed(l.Newest, z.Name)
	if newest == nil || z.Edition == "" || newest.Edition <= z.Edition || !z.HasRanges() {
		return
	}
	var s Summary
	s.addresses([]*zones.Zone{z}, []*zones.Zone{newest})
	if s.Singles.Gone+s.Prefixes.Gone == 0 {
		return
	}
	current := rangesOf([]*zones.Zone{newest})
	var gone []string
	for _, p := range prefixesOf([]*zones.Zone{z}) {
		if !current.Meets(p) {
			gone = append(gone, zones.PrefixText(p))
		}
	}
	l.addZone(z, Finding{
		Severity: Warning, Code: codeReplaced, Subjects: gone,
		Text: fmt.Sprintf("edition %s no longer publishes %d of the %d single addresses and %d of the %d prefixes; "+
			"whoever rents them now passes a pin to this zone, and the vendor does not",
			newest.Edition, s.Singles.Gone, s.Singles.Before, s.Prefixes.Gone, s.Prefixes.Before),
		Fix: "use edition " + newest.Edition + ", or pin to nothing stricter than observe",
	})
}

// ports finds rows that name no ports where others of the zone do.
func (l *linter) ports(z *zones.Zone) {
	var without []string
	for i := range z.Rows {
		if r := &z.Rows[i]; len(r.Ports) == 0 && r.Patterns.Len() > 0 {
			without = append(without, r.Name)
		}
	}
	if len(without) == 0 || len(without) == len(z.Rows) && z.Vendor == "" {
		return // a list of one's own, of names only
	}
	l.addZone(z, Finding{
		Severity: Note, Code: codePorts, Subjects: without,
		Text: fmt.Sprintf("%s no ports (%s): nobody can make a firewall rule of that", count(len(without), "row names", "rows name"), some(without)),
		Fix:  `say which, such as ports = ["tcp/443"]`,
	})
}

// some are the first of values, as a sentence has them, and how many more there are.
func some(values []string) string {
	const shown = 3
	if len(values) <= shown+1 {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:shown], ", "), len(values)-shown)
}

// count is a number and what it counts.
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// wideSuffix is the suffix of a pattern for all names below it, `*.x` or `.x`; "" is the root.
func wideSuffix(p matcher.Pattern) (suffix string, ok bool) {
	text := p.String()
	if text == "*" || text == "." {
		return "", true
	}
	if p.Form() != "" {
		return "", false
	}
	suffix, isBelow := strings.CutPrefix(text, "*.")
	if !isBelow {
		suffix, isBelow = strings.CutPrefix(text, ".")
	}
	return suffix, isBelow
}
