package policy

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
)

// A Conflict is two rules of equal rank that can match the same name and
// client and state different values for Key. Which of them won would be
// chance, so it is a problem of the configuration.
type Conflict struct {
	Key          string // "pin", "upstream", "answer", "max_ttl" or "private_answers"
	RuleA, RuleB string // in the order of Input.Rules
	Pattern      string // a pattern on which they meet, or two of equal rank that overlap
}

// maxRivals is how many pairs of rules Conflicts names. Nobody reads on, and a
// few thousand rules for the same name are millions of pairs.
const maxRivals = 1000

// Conflicts finds the conflicts among the rules of p, in the order of the
// rules; of more than a thousand pairs of rules it names only a thousand. It
// looks at each pattern and each client prefix by itself, so it errs on one
// side: two rules also meet on a pattern or a prefix of which narrower ones
// leave nothing over. Clients that are not served count like others.
//
// Only rules that meet on a pattern are held against each other: most have names
// of their own. Patterns through which the same rules match meet once for all
// of them, so the work does not grow with the square of a long list; only ranges
// and in-label stars of one form that stand in different lists are held against
// each other one by one. Turned down: each pair of rules by itself, which takes
// half a minute for six thousand rules that have nothing in common.
func (p *Policy) Conflicts() []Conflict {
	s := newSearch(p)
	bundles := s.bundled()
	for _, b := range bundles {
		s.meet(s.rivals(b, b), b.first.String())
	}
	s.equalRank(bundles)
	return s.conflicts()
}

// search looks for patterns on which rules meet that contradict each other.
type search struct {
	policy  *Policy
	stated  []statement // by rule
	classes [][]Class   // by client group: those of its clients, if a rule names it
	met     map[pair]string
	room    []pair // for what rivals returns
}

// pair is two rules by index, the smaller first.
type pair struct{ a, b int }

// newSearch prepares the search for conflicts among the rules of p.
func newSearch(p *Policy) *search {
	s := &search{policy: p, classes: make([][]Class, len(p.groups)), met: map[pair]string{}}
	named := make([]bool, len(p.groups))
	for i := range p.rules {
		s.stated = append(s.stated, p.rules[i].statement())
		for _, group := range p.rules[i].groups {
			named[group] = true
		}
	}
	for c := range p.classes {
		for _, m := range p.classes[c].within {
			if named[m.group()] {
				s.classes[m.group()] = append(s.classes[m.group()], Class(c))
			}
		}
	}
	return s
}

// statement is what a rule states for each of singular, empty for nothing.
type statement [len(singular)]string

// singular are the keys of a rule that only one rule can settle.
var singular = [...]string{"pin", "upstream", "answer", "max_ttl", "private_answers"}

// statement puts together what r states.
func (r *Rule) statement() statement {
	s := statement{r.Pin.String(), r.Upstream}
	if r.Answer.Kind != AnswerUnset {
		s[2] = strconv.Itoa(int(r.Answer.Kind)) + " " + r.Answer.String()
	}
	if r.MaxTTL != 0 {
		s[3] = r.MaxTTL.String()
	}
	s[4] = r.Private.String()
	return s
}

// differs reports whether s and t both state a value for a key of singular, and
// not the same one.
func (s *statement) differs(t *statement, key int) bool {
	return s[key] != t[key] && s[key] != "" && t[key] != ""
}

// contradict reports whether two rules must not match a name in the same way:
// they differ in a value and have a client in common.
func (s *search) contradict(rules pair) bool {
	a, b := &s.stated[rules.a], &s.stated[rules.b]
	for key := range singular {
		if a.differs(b, key) {
			return s.shareClient(&s.policy.rules[rules.a], &s.policy.rules[rules.b])
		}
	}
	return false
}

// shareClient reports whether some client gets a and b by prefixes of equal
// length. Two rules for everybody meet at each client.
func (s *search) shareClient(a, b *compiledRule) bool {
	if len(a.Clients) == 0 || len(b.Clients) == 0 {
		return len(a.Clients) == len(b.Clients)
	}
	meets := func(c Class) bool {
		bitsA, _ := a.applies(s.policy.classes[c])
		bitsB, _ := b.applies(s.policy.classes[c])
		return bitsA == bitsB
	}
	return slices.ContainsFunc(a.groups, func(group int) bool { return slices.ContainsFunc(s.classes[group], meets) })
}

// full reports whether enough was found.
func (s *search) full() bool { return len(s.met) >= maxRivals }

// rivals returns pairs of rules that contradict each other and have not met yet:
// one matches by x and the other by y, both in the same way. They are valid until
// the next call.
func (s *search) rivals(x, y *bundle) []pair {
	found := s.room[:0]
	for i, a := range x.uses {
		others := y.uses
		if x == y {
			others = y.uses[i+1:]
		}
		for _, b := range others {
			rules := pair{min(a.rule, b.rule), max(a.rule, b.rule)}
			if a.via != b.via || !s.contradict(rules) || s.met[rules] != "" {
				continue
			}
			if found = append(found, rules); len(found) == maxRivals {
				return found
			}
		}
	}
	s.room = found
	return found
}

// meet notes where rivals meet.
func (s *search) meet(rivals []pair, where string) {
	for _, rules := range rivals {
		if !s.full() {
			s.met[rules] = where
		}
	}
}

// conflicts returns what was found, in the order of the rules.
func (s *search) conflicts() []Conflict {
	rivals := slices.SortedFunc(maps.Keys(s.met), func(p, q pair) int {
		return cmp.Or(cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
	})
	var found []Conflict
	for _, rules := range rivals {
		for key, name := range singular {
			if !s.stated[rules.a].differs(&s.stated[rules.b], key) {
				continue
			}
			found = append(found, Conflict{
				Key: name, RuleA: s.policy.rules[rules.a].Name, RuleB: s.policy.rules[rules.b].Name, Pattern: s.met[rules],
			})
		}
	}
	return found
}
