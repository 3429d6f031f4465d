package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"splitdns/zones"
)

// copies finds patterns that stand in several rows with other prefixes.
func (l *linter) copies() {
	c := &copied{holders: map[string][]*row{}, names: map[[2]*row][]string{}}
	for _, r := range l.side.rows {
		if len(r.row.Prefixes) > 0 {
			c.add(r)
		}
	}
	for _, pair := range c.pairs {
		l.copiesDiffer(pair[0], pair[1], c.names[pair])
	}
}

// copied is which patterns stand in more than one row.
type copied struct {
	holders map[string][]*row // by pattern
	names   map[[2]*row][]string
	pairs   [][2]*row // in the order in which they were found
}

// add takes in a row.
func (c *copied) add(r *row) {
	for p := range r.row.Patterns.All() {
		text := p.String()
		have := c.holders[text]
		if slices.Contains(have, r) || len(have) == maxHolders {
			continue
		}
		c.holders[text] = append(have, r)
		for _, other := range have {
			pair := [2]*row{other, r}
			if c.names[pair] == nil {
				c.pairs = append(c.pairs, pair)
			}
			c.names[pair] = append(c.names[pair], text)
		}
	}
}

// copiesDiffer reports two rows that publish different ranges for the same names.
func (l *linter) copiesDiffer(a, b *row, names []string) {
	here, there := RangesOf(b.row.Prefixes...), RangesOf(a.row.Prefixes...)
	onlyHere, onlyThere := here.Without(there), there.Without(here)
	if onlyHere.IsEmpty() && onlyThere.IsEmpty() {
		return
	}
	what := "row " + a.row.Name
	if a.zone != b.zone {
		what = "zone " + a.zone.Name + ", " + what
	}
	if isConsolidated(a) != isConsolidated(b) {
		what += " (table against consolidated list)"
	}
	l.add(b, Finding{
		Severity: Warning, Code: codeCopies, Subjects: names,
		Text: fmt.Sprintf("publishes other ranges for %s than %s; only here: %s; only there: %s", some(names), what, prefixList(onlyHere), prefixList(onlyThere)),
		Fix:  "none is needed to be safe: answers are held to both together; if one copy is known to be right, delete the other",
	})
}

// isConsolidated says whether a row repeats what tables say, as some vendors print it below them.
func isConsolidated(r *row) bool { return strings.Contains(r.row.Name, "consolidated") }

// prefixList is some of what r has.
func prefixList(r Ranges) string {
	var texts []string
	for _, p := range r.Prefixes() {
		texts = append(texts, zones.PrefixText(p))
	}
	return cmp.Or(some(texts), "nothing")
}
