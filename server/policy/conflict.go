package policy

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"splitdns/matcher"
)

// A Conflict is two rules of equal rank that can match the same name and
// client and state different values for Key. Which of them won would be
// chance, so it is a problem of the configuration.
type Conflict struct {
	Key          string // "pin", "upstream", "answer" or "max_ttl"
	RuleA, RuleB string // in the order of Input.Rules
	Pattern      string // a pattern on which they meet, or two of equal rank that overlap
}

// Conflicts finds all conflicts among the rules of in, in the order of the
// rules. It looks at each pattern and each client prefix by itself, so it errs
// on one side: two rules also meet on a pattern or a prefix of which narrower
// ones leave nothing over. Clients that are not served count like others.
//
// Patterns through which the same rules match meet once for all of them, so the
// work does not grow with the square of a long list; only ranges and in-label
// stars that stand in different lists under the same suffix are held against each
// other one by one. Turned down: each pair of rules by itself, which walks the
// lists again for every pair.
func Conflicts(in Input) []Conflict {
	p := compile(in).policy
	rivals := p.rivals()
	if len(rivals) == 0 {
		return nil
	}
	s := search{open: map[pair]bool{}, met: map[pair]string{}}
	for _, r := range rivals {
		s.open[r.pair] = true
	}
	groups := grouped(p.patterns)
	for _, g := range groups {
		s.meet(g[0], g[0])
	}
	s.equalRank(groups)

	var found []Conflict
	for _, r := range rivals {
		pattern, ok := s.met[r.pair]
		if !ok {
			continue
		}
		for _, key := range r.keys {
			found = append(found, Conflict{Key: key, RuleA: p.rules[r.a].Name, RuleB: p.rules[r.b].Name, Pattern: pattern})
		}
	}
	return found
}

// pair is two rules by index, the smaller first.
type pair struct{ a, b int }

// rival is a pair of rules that must not match a name in the same way: they
// contradict each other and have a client in common.
type rival struct {
	pair
	keys []string // what they contradict each other in
}

// rivals finds all rivals, in the order of the rules.
func (p *Policy) rivals() []rival {
	var found []rival
	for i := range p.rules {
		for j := i + 1; j < len(p.rules); j++ {
			a, b := &p.rules[i], &p.rules[j]
			if keys := differences(&a.Rule, &b.Rule); len(keys) > 0 && p.shareClient(a, b) {
				found = append(found, rival{pair: pair{i, j}, keys: keys})
			}
		}
	}
	return found
}

// differences returns the keys for which a and b both state a value, and not
// the same one.
func differences(a, b *Rule) []string {
	var keys []string
	if contradict(a.Pin, b.Pin) {
		keys = append(keys, "pin")
	}
	if contradict(a.Upstream, b.Upstream) {
		keys = append(keys, "upstream")
	}
	if a.Answer.Kind != AnswerUnset && b.Answer.Kind != AnswerUnset && !a.Answer.Equal(b.Answer) {
		keys = append(keys, "answer")
	}
	if contradict(a.MaxTTL, b.MaxTTL) {
		keys = append(keys, "max_ttl")
	}
	return keys
}

// contradict reports whether a and b are both stated and differ.
func contradict[V comparable](a, b V) bool {
	var unset V
	return a != b && a != unset && b != unset
}

// shareClient reports whether some client gets a and b by prefixes of equal
// length. Two rules for everybody meet at each client.
func (p *Policy) shareClient(a, b *compiledRule) bool {
	return slices.ContainsFunc(p.classes, func(c class) bool {
		bitsA, okA := a.applies(c)
		bitsB, okB := b.applies(c)
		return okA && okB && bitsA == bitsB
	})
}

// grouped sorts patterns into groups that the same rules reach in the same
// ways. Groups and patterns stay in the order given.
func grouped(patterns []patternUse) [][]*patternUse {
	var groups [][]*patternUse
	numbers := map[string]int{}
	for i := range patterns {
		users := patterns[i].users()
		n, ok := numbers[users]
		if !ok {
			n = len(groups)
			numbers[users] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], &patterns[i])
	}
	return groups
}

// users names the rules and the zones that list u, for comparison.
func (u *patternUse) users() string {
	var b []byte
	for _, rule := range u.rules {
		b = append(strconv.AppendInt(b, int64(rule), 10), ' ')
	}
	for _, r := range u.rows {
		b = append(append(b, r.zone.zone.Name...), ' ')
	}
	return string(b)
}

// reached returns the rules that match by u, with each way in which they do.
func (u *patternUse) reached() []ruleUse {
	var all []ruleUse
	for _, rule := range u.rules {
		all = append(all, ruleUse{rule: rule, via: ViaNames})
	}
	for _, r := range u.rows {
		all = append(all, r.zone.rules...)
	}
	// The closest way first, and then the others of the same rule away.
	slices.SortFunc(all, func(a, b ruleUse) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.via, b.via))
	})
	return slices.CompactFunc(all, func(a, b ruleUse) bool { return a.rule == b.rule })
}

// search looks for patterns on which rivals meet.
type search struct {
	open map[pair]bool   // rivals that have not met yet
	met  map[pair]string // where the others did
}

// meetings returns the open rivals of which one matches by u and the other by
// v, both in the same way.
func (s *search) meetings(u, v *patternUse) []pair {
	var found []pair
	for _, a := range u.reached() {
		for _, b := range v.reached() {
			rivals := pair{min(a.rule, b.rule), max(a.rule, b.rule)}
			if a.via == b.via && s.open[rivals] {
				found = append(found, rivals)
			}
		}
	}
	return found
}

// meet notes the rivals that meet where u and v both match.
func (s *search) meet(u, v *patternUse) {
	where := u.pattern.String()
	if u != v {
		where += " and " + v.pattern.String()
	}
	for _, rivals := range s.meetings(u, v) {
		delete(s.open, rivals)
		s.met[rivals] = where
	}
}

// equalRank lets rivals meet that match by different patterns of equal rank.
// Those of one group have met already.
func (s *search) equalRank(groups [][]*patternUse) {
	for i, g := range groups {
		for _, h := range groups[i+1:] {
			if len(s.meetings(g[0], h[0])) == 0 {
				continue
			}
			if u, v, ok := overlapping(g, h); ok {
				s.meet(u, v)
			}
		}
	}
}

// overlapping finds two different patterns of equal rank, one of g and one of h,
// that can match the same name.
func overlapping(g, h []*patternUse) (u, v *patternUse, ok bool) {
	shapes := map[string][]*patternUse{}
	for _, v := range h {
		if shape := shapeOf(v.pattern); shape != "" {
			shapes[shape] = append(shapes[shape], v)
		}
	}
	for _, u := range g {
		for _, v := range shapes[shapeOf(u.pattern)] {
			if u.pattern.Compare(v.pattern) == 0 && u.pattern.Overlaps(v.pattern) {
				return u, v, true
			}
		}
	}
	return nil, nil, false
}

// shapeOf returns what patterns of equal rank that overlap have in common: the
// labels to the right of the last range or star. It is empty without one, since
// then no other pattern is of equal rank.
func shapeOf(p matcher.Pattern) string {
	text := p.String()
	last := strings.LastIndexAny(text, "*}")
	if last < 0 {
		return ""
	}
	_, suffix, _ := strings.Cut(text[last:], ".")
	return "." + suffix
}
