package compare

import (
	"cmp"
	"slices"
	"strings"

	"splitdns/zones"
)

// catchAll says that a zone is a catch-all, and which rules pin by it all the same. What it is
// for is easily forgotten once it stands in a rule.
func (l *linter) catchAll(z *zones.Zone) {
	if !z.CatchAll {
		return
	}
	widest := widestOf(z)
	text := "a catch-all"
	if len(widest) > 0 {
		text += ", as wide as " + some(widest)
	}
	f := Finding{
		Severity: Note, Code: codeCatchAll, Subjects: widest,
		Text: text + `: rules for zones = ["*"] leave it out, and those that name it take in names of other zones`,
		Fix:  "none is needed, as long as rules that name it only log or observe",
	}
	if rules := l.Pinned[z.Name]; len(rules) > 0 {
		f.Severity = Warning
		f.Text = text + ", and " + count(len(rules), "rule pins", "rules pin") + " by it to more than observe (" + some(rules) +
			"): answers for names of other zones below it are changed, too"
		f.Fix = `name the zones that are meant in the rule, or write pin = "observe"`
	}
	l.addZone(z, f)
}

// widestOf gives the patterns of z for all names below a suffix whose suffix has the fewest
// labels, in the zone's order.
func widestOf(z *zones.Zone) (widest []string) {
	fewest := 0
	for i := range z.Rows {
		for p := range z.Rows[i].Patterns.All() {
			suffix, isWide := wideSuffix(p)
			if !isWide {
				continue
			}
			labels := labelsOf(suffix)
			if widest == nil || labels < fewest {
				widest, fewest = nil, labels
			}
			if labels == fewest && !slices.Contains(widest, p.String()) {
				widest = append(widest, p.String())
			}
		}
	}
	return widest
}

// labelsOf counts the labels of a suffix, which is "" for the root.
func labelsOf(suffix string) int {
	return cmp.Compare(len(suffix), 0) + strings.Count(suffix, ".")
}
