package compare

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"

	"splitdns/matcher"
	"splitdns/zones"
)

// unit is names that both sides treat alike, as far as a pattern of either tells them
// apart: those of one pattern that no narrower one matches.
type unit struct {
	text    string          // how reports call the names
	pattern matcher.Pattern // the pattern that they come from
	name    matcher.Name    // one of them
}

// maxPieces is into how many pieces one numeric range is cut.
const maxPieces = 256

// numbers finds the ranges of a pattern in its text.
var numbers = regexp.MustCompile(`\{(\d+)\.\.(\d+)\}`)

// units are the patterns of both sides, each once, in the order in which they stand there.
// Where both have a range of numbers in the same place, and one is longer, it is cut: 51 may be
// new where 50 is not. Patterns with two such ranges are looked at by their first numbers only.
func units(sides ...[]*zones.Zone) []unit {
	patterns := distinct(sides)
	cuts := cutsOf(patterns)
	all := make([]unit, 0, len(patterns))
	seen := map[string]bool{} // of pieces: two patterns can have the same
	for _, p := range patterns {
		at := numbers.FindAllStringSubmatchIndex(oddText(p), -1)
		if len(at) != 1 {
			all = append(all, unit{p.String(), p, p.Example()})
			continue
		}
		for _, u := range pieces(p, at[0], cuts[p.Form()]) {
			if !seen[u.text] {
				seen[u.text] = true
				all = append(all, u)
			}
		}
	}
	return all
}

// distinct are the patterns of all zones, each once.
func distinct(sides [][]*zones.Zone) (patterns []matcher.Pattern) {
	seen := map[string]struct{}{}
	for _, side := range sides {
		for _, z := range side {
			for i := range z.Rows {
				for p := range z.Rows[i].Patterns.All() {
					text := p.String()
					if _, ok := seen[text]; !ok {
						seen[text] = struct{}{}
						patterns = append(patterns, p)
					}
				}
			}
		}
	}
	return patterns
}

// oddText is the text of p if it has a range or a star inside a label. Others, nearly all of
// a long list, need no looking at.
func oddText(p matcher.Pattern) string {
	if p.Form() == "" {
		return ""
	}
	return p.String()
}

// cutsOf are the numbers at which a range of some pattern begins, or has just ended, by form, in order.
func cutsOf(patterns []matcher.Pattern) map[string][]uint64 {
	cuts := map[string][]uint64{}
	for _, p := range patterns {
		text := oddText(p)
		for _, at := range numbers.FindAllStringSubmatchIndex(text, -1) {
			first, last := bounds(text, at)
			cuts[p.Form()] = append(cuts[p.Form()], first, last+1)
		}
	}
	for form := range cuts {
		slices.Sort(cuts[form])
		cuts[form] = slices.Compact(cuts[form])
	}
	return cuts
}

// bounds reads a range that numbers has found in text. The matcher has checked it.
func bounds(text string, at []int) (first, last uint64) {
	first, errFirst := strconv.ParseUint(text[at[2]:at[3]], 10, 64)
	last, errLast := strconv.ParseUint(text[at[4]:at[5]], 10, 64)
	if err := cmp.Or(errFirst, errLast); err != nil {
		panic("compare: " + err.Error())
	}
	return first, last
}

// pieces are the units of a pattern with one range, which numbers has found.
func pieces(p matcher.Pattern, at []int, cuts []uint64) []unit {
	text := p.String()
	first, last := bounds(text, at)
	from, isThere := slices.BinarySearch(cuts, first)
	if isThere {
		from++
	}
	to, isThere := slices.BinarySearch(cuts, last)
	if isThere {
		to++
	}
	cuts = cuts[from:max(from, min(to, from+maxPieces-1))]
	all := make([]unit, 0, len(cuts)+1)
	for i := range len(cuts) + 1 {
		end := last
		if i < len(cuts) {
			end = cuts[i] - 1
		}
		all = append(all, piece(p, text[:at[0]], text[at[1]:], [2]uint64{first, end}))
		first = end + 1
	}
	return all
}

// piece is the unit of some numbers of a pattern, which has texts before and behind them.
func piece(p matcher.Pattern, before, behind string, run [2]uint64) unit {
	middle := strconv.FormatUint(run[0], 10)
	if run[1] > run[0] {
		middle = "{" + middle + ".." + strconv.FormatUint(run[1], 10) + "}"
	}
	text := before + middle + behind
	part, err := matcher.ParsePattern(text)
	if err != nil {
		return unit{p.String(), p, p.Example()} // one number in place of a range can make an address of it
	}
	return unit{text, p, part.Example()}
}
