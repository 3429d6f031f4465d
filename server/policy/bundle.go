package policy

import (
	"cmp"
	"slices"
	"strconv"

	"splitdns/matcher"
)

// bundle is patterns by which the same rules match in the same ways.
type bundle struct {
	uses  []ruleUse // one for each rule that states anything, by rule; never empty
	first matcher.Pattern
	loose []loose                      // patterns that may overlap others of equal rank
	forms map[string][]matcher.Pattern // the same, by form
}

// loose is a pattern that has a matcher.Pattern.Form.
type loose struct {
	pattern matcher.Pattern
	form    string
}

// bundled sorts the patterns that rules match by into bundles. Of patterns that stand
// in the same places, and that overlap no others of equal rank, it need not see all.
func (s *search) bundled() []*bundle {
	var bundles []*bundle
	byUsers, byUses := map[string]*bundle{}, map[string]*bundle{}
	for pattern, sources := range s.policy.matcher.Samples() {
		users := usersKey(sources)
		b, ok := byUsers[users]
		if !ok {
			uses := s.reached(sources)
			key := usesKey(uses)
			if b = byUses[key]; b == nil && len(uses) > 0 {
				b = &bundle{uses: uses, first: pattern, forms: map[string][]matcher.Pattern{}}
				byUses[key] = b
				bundles = append(bundles, b)
			}
			byUsers[users] = b
		}
		if b != nil {
			b.add(pattern)
		}
	}
	return bundles
}

// add puts p into b, if it may overlap others of equal rank.
func (b *bundle) add(p matcher.Pattern) {
	if form := p.Form(); form != "" {
		b.loose = append(b.loose, loose{p, form})
		b.forms[form] = append(b.forms[form], p)
	}
}

// usersKey names the rules and the zones of sources, for comparison.
func usersKey(sources []*source) string {
	var b []byte
	for _, from := range sources {
		if from.row != nil {
			b = append(append(b, from.row.zone.Name...), 0)
		} else {
			b = appendNumber(b, from.uses[0].rule)
		}
	}
	return string(b)
}

// usesKey names uses, for comparison.
func usesKey(uses []ruleUse) string {
	var b []byte
	for _, u := range uses {
		b = appendNumber(appendNumber(b, u.rule), int(u.via))
	}
	return string(b)
}

// appendNumber appends n and a space.
func appendNumber(b []byte, n int) []byte {
	return append(strconv.AppendInt(b, int64(n), 10), ' ')
}

// reached returns the rules that match by way of sources and state anything, each with
// the closest way in which it does.
func (s *search) reached(sources []*source) []ruleUse {
	var all []ruleUse
	for _, from := range sources {
		all = append(all, from.uses...)
	}
	all = slices.DeleteFunc(all, func(u ruleUse) bool { return s.stated[u.rule] == statement{} })
	slices.SortFunc(all, func(a, b ruleUse) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.via, b.via))
	})
	return slices.CompactFunc(all, func(a, b ruleUse) bool { return a.rule == b.rule })
}

// equalRank lets rivals meet that match by different patterns of equal rank.
// Those of one bundle have met already.
func (s *search) equalRank(bundles []*bundle) {
	holders := map[string][]int{} // by form: the bundles that have it
	for i, b := range bundles {
		for form := range b.forms {
			holders[form] = append(holders[form], i)
		}
	}
	for i, b := range bundles {
		for _, j := range b.partners(i, holders) {
			if s.full() {
				return
			}
			s.meetOverlapping(b, bundles[j])
		}
	}
}

// partners returns the bundles behind b, which is bundle i, that have a form in common with it.
func (b *bundle) partners(i int, holders map[string][]int) []int {
	var found []int
	for form := range b.forms {
		holding := holders[form]
		behind, _ := slices.BinarySearch(holding, i+1)
		found = append(found, holding[behind:]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// meetOverlapping lets rivals of x and y meet if a pattern of x and one of y are
// of equal rank and overlap.
func (s *search) meetOverlapping(x, y *bundle) {
	rivals := s.rivals(x, y)
	if len(rivals) == 0 {
		return
	}
	for _, u := range x.loose {
		for _, v := range y.forms[u.form] {
			if u.pattern.Overlaps(v) {
				s.meet(rivals, u.pattern.String()+" and "+v.String())
				return
			}
		}
	}
}
