package config

import (
	"fmt"
	"time"

	"splitdns/server/policy"
	"splitdns/zones/tomlfile"
)

// SetFailure says what a client gets whose addresses could not be put into a set.
type SetFailure uint8

// The values of on_set_failure.
const (
	SetFailureAnswer   SetFailure = iota // the answer; the firewall may stop what follows
	SetFailureServfail                   // SERVFAIL, so that it asks again
)

// setFailureWords are the values of on_set_failure as they are written, in their order.
var setFailureWords = []string{SetFailureAnswer: "answer", SetFailureServfail: "servfail"}

// String gives the word in the file.
func (f SetFailure) String() string { return setFailureWords[f] }

// Defaults of [server] for sets.
const (
	defaultSetGrace = 2 * time.Minute
	defaultSetMin   = 10 * time.Minute
)

// Bounds of how many sets there may be. All of them are looked at time and again.
const (
	maxSets     = 256 // in all rules, each once
	maxRuleSets = 16
)

// setKeys reads those keys of [server] that are about sets.
func setKeys(t *tomlfile.Table, s *Server) {
	s.SetFailure = SetFailure(t.OneOf("on_set_failure", setFailureWords...))
	s.SetGrace = t.Duration("set_grace", defaultSetGrace, 0, time.Hour)
	s.SetMin = t.Duration("set_min", defaultSetMin, time.Second, 24*time.Hour)
}

// ruleSets reads the sets of a rule, and whether all addresses go into them.
func (l *loader) ruleSets(t *tomlfile.Table) (sets []policy.Set, all bool) {
	all = t.OneOf("set_addresses", "inside", "all") == 1
	texts := t.SomeTexts("sets")
	if len(texts) > maxRuleSets {
		texts[maxRuleSets].Problem("more than %d sets", maxRuleSets)
		return nil, all
	}
	return tomlfile.Each(texts, func(text tomlfile.Text) (policy.Set, error) {
		set, err := policy.ParseSet(text.Value)
		if err == nil && !l.sets[set] {
			if len(l.sets) == maxSets {
				return set, fmt.Errorf("more than %d different sets in all rules", maxSets)
			}
			l.sets[set] = true
		}
		return set, err
	}), all
}

// A NamedSet is a set of the configuration.
type NamedSet struct {
	Set   policy.Set
	Rules []string // that name it, in the order of the file
}

// Sets gives each set that a rule names once, in the order of the file.
func (c *Config) Sets() []NamedSet {
	var all []NamedSet
	place := make(map[policy.Set]int)
	for i := range c.Rules {
		for _, set := range c.Rules[i].Sets {
			at, known := place[set]
			if !known {
				at = len(all)
				place[set] = at
				all = append(all, NamedSet{Set: set})
			}
			all[at].Rules = append(all[at].Rules, c.Rules[i].Name)
		}
	}
	return all
}
