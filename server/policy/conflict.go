package policy

import (
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// A Conflict is two rules of equal rank that can match the same name and
// client and state different values for Key. Which of them won would be
// chance, so it is a problem of the configuration.
type Conflict struct {
	Key          string // "pin", "upstream", "answer" or "max_ttl"
	RuleA, RuleB string // in the order of Input.Rules
	Pattern      string // a pattern on which they meet
}

// Conflicts finds all conflicts among the rules of in.
func Conflicts(in Input) []Conflict {
	classes, _ := classify(in.Allow, in.Clients)
	rules := New(Input{Rules: in.Rules, Clients: in.Clients}).rules
	var found []Conflict
	for i := range rules {
		for j := i + 1; j < len(rules); j++ {
			a, b := &rules[i], &rules[j]
			keys := differences(&a.Rule, &b.Rule)
			if len(keys) == 0 || !sameClients(a, b, classes) {
				continue
			}
			if pattern, ok := meet(&a.Rule, &b.Rule, in.Zones); ok {
				for _, key := range keys {
					found = append(found, Conflict{Key: key, RuleA: a.Name, RuleB: b.Name, Pattern: pattern})
				}
			}
		}
	}
	return found
}

// differences returns the keys for which a and b both state a value, and not
// the same one.
func differences(a, b *Rule) []string {
	var keys []string
	if a.Pin != b.Pin && a.Pin != PinUnset && b.Pin != PinUnset {
		keys = append(keys, "pin")
	}
	if a.Upstream != b.Upstream && a.Upstream != "" && b.Upstream != "" {
		keys = append(keys, "upstream")
	}
	if !a.Answer.Equal(b.Answer) && a.Answer.Kind != AnswerUnset && b.Answer.Kind != AnswerUnset {
		keys = append(keys, "answer")
	}
	if a.MaxTTL != b.MaxTTL && a.MaxTTL != 0 && b.MaxTTL != 0 {
		keys = append(keys, "max_ttl")
	}
	return keys
}

// sameClients reports whether some client gets a and b by prefixes of equal
// length. Two rules for everybody meet at each client, served or not.
func sameClients(a, b *compiledRule, classes []class) bool {
	return slices.ContainsFunc(classes, func(c class) bool {
		bitsA, okA := a.applies(c)
		bitsB, okB := b.applies(c)
		return okA && okB && bitsA == bitsB
	})
}

// meet finds a pattern by which a and b match in the same way.
func meet(a, b *Rule, loaded []*zones.Zone) (string, bool) {
	reachA, reachB := reach(a, loaded), reach(b, loaded)
	for _, p := range reachA.patterns {
		if via, ok := reachB.via[p.String()]; ok && via == reachA.via[p.String()] {
			return p.String(), true
		}
	}
	for _, p := range reachA.loose {
		for _, q := range reachB.loose {
			if reachA.via[p.String()] == reachB.via[q.String()] && p.Compare(q) == 0 && p.Overlaps(q) {
				return p.String() + " and " + q.String(), true
			}
		}
	}
	return "", false
}

// reached is every pattern by which a rule matches, with the closest way to it.
type reached struct {
	patterns []matcher.Pattern
	via      map[string]Via
	loose    []matcher.Pattern // those that another pattern can equal in rank without being the same
}

// reach collects the patterns of r.
func reach(r *Rule, loaded []*zones.Zone) reached {
	all := reached{via: map[string]Via{}}
	add := func(p matcher.Pattern, via Via) {
		if have, ok := all.via[p.String()]; ok {
			all.via[p.String()] = min(have, via)
			return
		}
		all.via[p.String()] = via
		all.patterns = append(all.patterns, p)
		if strings.ContainsAny(strings.TrimPrefix(p.String(), "*."), "*{") {
			all.loose = append(all.loose, p)
		}
	}
	for _, p := range r.Names {
		add(p, ViaNames)
	}
	for _, z := range loaded {
		via, ok := r.via(z)
		if !ok {
			continue
		}
		for i := range z.Rows {
			for _, p := range z.Rows[i].Patterns {
				add(p, via)
			}
		}
	}
	return all
}
