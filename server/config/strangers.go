package config

import (
	"fmt"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/compare"
	"splitdns/zones/tomlfile"
)

// takeable is a pattern that matches names which anybody could get.
type takeable struct {
	pattern string
	row     string       // "ZONE/ROW"; "" for a rule's own names
	name    matcher.Name // one of those names

	// lacks is how many IP versions there are for which nothing is published for name: addresses of
	// these cannot be judged, and go into the sets of every rule that matches.
	lacks int
}

// text shows p with where it stands.
func (p takeable) text() string {
	if p.row == "" {
		return p.pattern
	}
	return p.pattern + " (" + p.row + ")"
}

// takeEffort is the effort of finding out whether a pattern matches names that anybody could get.
const takeEffort = 10

// addTakeable adds to all those of patterns that are takeable.
func (l *loader) addTakeable(all []takeable, p matcher.Pattern, row string, compiled *policy.Policy) []takeable {
	if _, isOne := p.Literal(); isOne || !l.effort.spend(takeEffort) {
		return all
	}
	name, ok := compare.Takeable(p)
	if !ok || !l.spendDecision() {
		return all
	}
	lacks := l.unjudged(compiled.Decide(name, 0).Published)
	return append(all, takeable{pattern: p.String(), row: row, name: name, lacks: lacks})
}

// spendDecision is effort.spend for a decision about a name that may be one of every rule's.
func (l *loader) spendDecision() bool {
	const perRule = 10
	return l.effort.spend(decideCost + perRule*len(l.cfg.Rules))
}

// unjudged is for how many IP versions addresses pass because nothing is published.
func (l *loader) unjudged(p policy.Published) int {
	v4, v6 := false, false
	for _, prefix := range p.Prefixes() {
		v4, v6 = v4 || prefix.Addr().Is4(), v6 || prefix.Addr().Is6()
	}
	switch {
	case !v4 && !v6:
		return 2
	case v4 && v6, l.cfg.Server.StrictFamilies:
		return 0
	}
	return 1
}

// takeableOf gives the takeable patterns of a zone, which is looked through once.
func (l *loader) takeableOf(z *zones.Zone, compiled *policy.Policy) []takeable {
	if known, ok := l.takeable[z]; ok {
		if !l.effort.spend(takeEffort * len(known)) {
			return nil
		}
		return known
	}
	var all []takeable
	for i := range z.Rows {
		row := &z.Rows[i]
		if !l.effort.spend(row.Patterns.Len()) {
			break
		}
		for p := range row.Patterns.All() {
			all = l.addTakeable(all, p, z.Name+"/"+row.Name, compiled)
		}
	}
	l.takeable[z] = all
	return all
}

// takeableBy gives the takeable patterns by which a rule matches, its own first, each once.
func (l *loader) takeableBy(r *policy.Rule, compiled *policy.Policy) []takeable {
	var all []takeable
	for _, p := range r.Names {
		all = l.addTakeable(all, p, "", compiled)
	}
	for _, z := range l.cfg.Zones {
		if slices.Contains(r.Zones, z.Name) || r.AllZones && !z.CatchAll {
			all = append(all, l.takeableOf(z, compiled)...)
		}
	}
	seen := make(map[string]bool)
	return slices.DeleteFunc(all, func(p takeable) bool {
		again := seen[p.pattern]
		seen[p.pattern] = true
		return again
	})
}

// checkStrangers warns of patterns by which anybody could put addresses of his own into the sets of
// a rule: he registers a name that matches, and has a client look it up. What is published for the
// name keeps him out, as far as the rule or a pin holds addresses to it.
func (l *loader) checkStrangers(t *tomlfile.Table, r *policy.Rule, compiled *policy.Policy) {
	var open, half, outside []takeable
	for _, p := range l.takeableBy(r, compiled) {
		switch {
		case p.lacks == 2:
			open = append(open, p)
		case r.SetsAll && !l.isPinned(p.name, r, compiled):
			outside = append(outside, p)
		case p.lacks == 1:
			half = append(half, p)
		}
	}
	const register = "anybody can register a name that matches %s, and "
	if len(open) > 0 {
		t.Warn("sets", register+"have addresses of his own let in, as nothing is published for it; "+
			"name the hosts or the zones that are needed, or publish ranges for it in a zone of your own", l.oneOf(open))
	}
	if len(half) > 0 {
		t.Warn("sets", register+"have addresses of his own let in, as only those of one IP version are published for it; "+
			`write [server] pin_families = "strict", or name the hosts that are needed`, l.oneOf(half))
	}
	if len(outside) > 0 {
		t.Warn("set_addresses", register+`"all" lets in what he gives it, although ranges are published for it; `+
			`leave it out, or pin to %q`, l.oneOf(outside), policy.Enforce)
	}
}

// isPinned says whether a pin keeps addresses outside the published ranges from all clients of r.
func (l *loader) isPinned(name matcher.Name, r *policy.Rule, compiled *policy.Policy) bool {
	return !slices.ContainsFunc(l.classes(r, compiled), func(c policy.Class) bool {
		return l.spendDecision() && compiled.Decide(name, c).Pin < policy.Enforce
	})
}

// maxTexts is how many patterns a warning names.
const maxTexts = 5

// oneOf names the pattern, or the first of several and how many there are.
func (l *loader) oneOf(patterns []takeable) string {
	var texts []string
	for _, p := range patterns[:min(maxTexts, len(patterns))] {
		texts = append(texts, p.text())
	}
	list := strings.Join(texts, ", ")
	switch n := len(patterns); {
	case n == 1:
		return list
	case n <= maxTexts:
		return "one of " + list
	default:
		if !l.effort.spend(0) { // not all were looked at
			return fmt.Sprintf("one of at least %d patterns, such as %s", n, list)
		}
		return fmt.Sprintf("one of %d patterns, such as %s", n, list)
	}
}
