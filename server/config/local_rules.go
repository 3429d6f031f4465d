package config

import (
	"fmt"
	"slices"

	"splitdns/matcher"
	"splitdns/server/internal/localzone"
	"splitdns/server/policy"
	"splitdns/zones/tomlfile"
)

// maxDelegations is how many delegations are held against the rules.
const maxDelegations = 1000

// checkLocal holds rules and local zones against each other: who is asked must be meant. The tables are those of
// the rules.
func (l *loader) checkLocal(tables map[string]*tomlfile.Table) {
	delegations := l.cfg.Local.Delegations()
	delegations = delegations[:min(len(delegations), maxDelegations)]
	for i := range l.cfg.Rules {
		r := &l.cfg.Rules[i]
		if t := tables[r.Name]; t != nil && r.Upstream != "" {
			l.checkLocalUpstream(t, r, delegations)
		}
	}
	for _, d := range delegations {
		if below, err := matcher.ParseName("host." + d.Name.String()); err == nil && !l.routed(d.Name) && !l.routed(below) {
			l.others.Add(tomlfile.Problem{File: l.localPaths[d.Zone], Line: d.Line, Warning: true, Text: fmt.Sprintf(
				"%v is delegated, and no rule says who knows its names: they are asked of the default upstream group; "+
					"state an upstream in a rule for names = [%q]", d.Name, "."+d.Name.String())})
		}
	}
}

// checkLocalUpstream warns of names that a local zone answers, so that the upstream of r is never asked for them.
func (l *loader) checkLocalUpstream(t *tomlfile.Table, r *policy.Rule, delegations []localzone.Delegation) {
	for _, p := range r.Names {
		zone, ok := l.cfg.Local.Knows(p.Example())
		_, isName := p.Literal()
		isOpen := func(d localzone.Delegation) bool { return d.Zone == zone }
		if ok && (isName || !slices.ContainsFunc(delegations, isOpen)) {
			t.Warn("upstream", "%q in names: local.%s answers these itself, so %q is never asked for them; leave them out, or the local zone", p, zone, r.Upstream)
		}
	}
}

// routed says whether any rule states an upstream for name.
func (l *loader) routed(name matcher.Name) bool {
	if l.cfg.Policy.Decide(name, 0).Routed() {
		return true
	}
	return slices.ContainsFunc(l.cfg.Rules, func(r policy.Rule) bool {
		return r.Upstream != "" && slices.ContainsFunc(r.Names, func(p matcher.Pattern) bool { return p.Matches(name) })
	})
}
