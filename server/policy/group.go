package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"splitdns/matcher"
)

// group is patterns by which the same rules match in the same ways.
type group struct {
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

// grouped sorts the patterns that rules match by into groups. Groups and
// patterns are in the order of the policy's patterns.
func (s *search) grouped() []*group {
	var groups []*group
	byUsers, byUses := map[string]*group{}, map[string]*group{}
	for i := range s.policy.patterns {
		u := &s.policy.patterns[i]
		users := u.users()
		g, ok := byUsers[users]
		if !ok {
			uses := s.reached(u)
			key := fmt.Sprint(uses)
			if g = byUses[key]; g == nil && len(uses) > 0 {
				g = &group{uses: uses, first: u.pattern, forms: map[string][]matcher.Pattern{}}
				byUses[key] = g
				groups = append(groups, g)
			}
			byUsers[users] = g
		}
		if g != nil {
			g.add(u.pattern)
		}
	}
	return groups
}

// add puts p into g, if it may overlap others of equal rank.
func (g *group) add(p matcher.Pattern) {
	if form := p.Form(); form != "" {
		g.loose = append(g.loose, loose{p, form})
		g.forms[form] = append(g.forms[form], p)
	}
}

// users names the rules and the zones that list u, for comparison.
func (u *patternUse) users() string {
	var b []byte
	for _, rule := range u.rules {
		b = append(strconv.AppendInt(b, int64(rule), 10), ' ')
	}
	for _, r := range u.rows {
		b = append(append(b, r.zone.zone.Name...), 0)
	}
	return string(b)
}

// reached returns the rules that match by u and state anything, each with the
// closest way in which it does.
func (s *search) reached(u *patternUse) []ruleUse {
	var all []ruleUse
	for _, rule := range u.rules {
		all = append(all, ruleUse{rule: rule, via: ViaNames})
	}
	for _, r := range u.rows {
		all = append(all, r.zone.rules...)
	}
	all = slices.DeleteFunc(all, func(u ruleUse) bool { return s.stated[u.rule] == statement{} })
	slices.SortFunc(all, func(a, b ruleUse) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.via, b.via))
	})
	return slices.CompactFunc(all, func(a, b ruleUse) bool { return a.rule == b.rule })
}

// equalRank lets rivals meet that match by different patterns of equal rank.
// Those of one group have met already.
func (s *search) equalRank(groups []*group) {
	holders := map[string][]int{} // by form: the groups that have it
	for i, g := range groups {
		for form := range g.forms {
			holders[form] = append(holders[form], i)
		}
	}
	for i, g := range groups {
		for _, j := range g.partners(i, holders) {
			if s.full() {
				return
			}
			s.meetOverlapping(g, groups[j])
		}
	}
}

// partners returns the groups behind g, which is group i, that have a form in common with it.
func (g *group) partners(i int, holders map[string][]int) []int {
	var found []int
	for form := range g.forms {
		holding := holders[form]
		behind, _ := slices.BinarySearch(holding, i+1)
		found = append(found, holding[behind:]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// meetOverlapping lets rivals of g and h meet if a pattern of g and one of h are
// of equal rank and overlap.
func (s *search) meetOverlapping(g, h *group) {
	rivals := s.rivals(g, h)
	if len(rivals) == 0 {
		return
	}
	for _, u := range g.loose {
		for _, v := range h.forms[u.form] {
			if u.pattern.Overlaps(v) {
				s.meet(rivals, u.pattern.String()+" and "+v.String())
				return
			}
		}
	}
}
