package compare

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"splitdns/matcher"
)

// digits finds the numbers in a name.
var digits = regexp.MustCompile(`\d+`)

// maxNumber is the largest number that is looked at: longer ones are no numbers of hosts.
const maxNumber = 9999

// family is names that differ in one number only.
type family struct {
	before, behind string // the number
	width          int    // with leading zeros, how many digits; else 0
	numbers        []int
}

// leastFamily is how many names make a family.
const leastFamily = 3

// numbers finds names of a row that differ in a number only: one pattern could stand for them,
// and of those in a row that has gaps, some were perhaps forgotten.
func (l *linter) numbers(r *row) {
	for _, f := range families(r) {
		slices.Sort(f.numbers)
		f.numbers = slices.Compact(f.numbers)
		first, last := f.numbers[0], f.numbers[len(f.numbers)-1]
		gaps := last - first + 1 - len(f.numbers)
		switch {
		case len(f.numbers) < leastFamily, gaps*3 > len(f.numbers): // too few to be of one family
		case gaps > 0:
			missing := f.missing()
			l.add(r, Finding{
				Severity: Note, Code: codeFamily, Subjects: missing,
				Text: fmt.Sprintf("%d names from %s to %s are listed, but not %s", len(f.numbers), f.name(first), f.name(last), some(missing)),
				Fix:  "look whether the vendor has them by now",
			})
		case f.width == 0:
			l.add(r, Finding{
				Severity: Note, Code: codeFamily, Subjects: []string{f.name(first), f.name(last)},
				Text: fmt.Sprintf("%d names differ in a number only, from %s to %s", len(f.numbers), f.name(first), f.name(last)),
				Fix:  fmt.Sprintf("write %s{%d..%d}%s", f.before, first, last, f.behind),
			})
		}
	}
}

// families are the families among the names of a row, in the order in which they begin.
func families(r *row) (all []*family) {
	type frame struct {
		before, behind string
		width          int
	}
	byFrame := map[frame]*family{}
	for p := range r.row.Patterns.All() {
		if _, ok := p.Literal(); !ok {
			continue
		}
		for _, m := range members(p) {
			key := frame{m.before, m.behind, m.width}
			if byFrame[key] == nil {
				byFrame[key] = &m
				all = append(all, &m)
				continue
			}
			byFrame[key].numbers = append(byFrame[key].numbers, m.numbers...)
		}
	}
	return all
}

// members are the families that a name could be in, one for each number in it.
func members(p matcher.Pattern) (all []family) {
	text := p.String()
	for _, at := range digits.FindAllStringIndex(text, -1) {
		part := text[at[0]:at[1]]
		n, err := strconv.Atoi(part)
		if err != nil || n > maxNumber {
			continue
		}
		f := family{before: text[:at[0]], behind: text[at[1]:], numbers: []int{n}}
		if len(part) > 1 && part[0] == '0' {
			f.width = len(part)
		}
		all = append(all, f)
	}
	return all
}

// name is the name of f with a number.
func (f *family) name(n int) string {
	return fmt.Sprintf("%s%0*d%s", f.before, cmp.Or(f.width, 1), n, f.behind)
}

// missing are the names between the first and the last that are not there.
func (f *family) missing() (names []string) {
	for i, n := range f.numbers[1:] {
		for gap := f.numbers[i] + 1; gap < n; gap++ {
			names = append(names, f.name(gap))
		}
	}
	return names
}
