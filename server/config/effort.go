package config

import (
	"slices"

	"splitdns/server/policy"
)

// maxEffort bounds how much is looked at for warnings, over all rules: their
// names may each be held against the patterns of every zone, and their targets
// against every client group. It is a second or two.
const maxEffort = 10_000_000

// decideCost is the effort of one decision of the policy, for a name that many
// patterns match.
const decideCost = 1000

// effort is how much was looked at so far. What comes after maxEffort is not
// known, and so not warned of.
type effort int

// spend says whether there is effort left, and takes cost from it.
func (e *effort) spend(cost int) bool {
	*e += effort(cost)
	return *e <= maxEffort
}

// classOf is a class of clients with the groups that it is in.
type classOf struct {
	class  policy.Class
	groups []string
}

// classes gives the classes of the clients that a rule is for.
func (l *loader) classes(r *policy.Rule, compiled *policy.Policy) []policy.Class {
	if l.known == nil {
		l.known = l.allClasses(compiled)
	}
	var all []policy.Class
	for _, c := range l.known {
		if !l.effort.spend(1 + len(c.groups)*len(r.Clients)) {
			return all
		}
		isIn := func(group string) bool { return slices.Contains(r.Clients, group) }
		if len(r.Clients) == 0 || slices.ContainsFunc(c.groups, isIn) {
			all = append(all, c.class)
		}
	}
	return all
}

// allClasses gives the class of everybody whom no prefix holds, and those of the
// clients of all groups, by an address of each prefix that is given.
func (l *loader) allClasses(compiled *policy.Policy) []classOf {
	all := []classOf{{}}
	seen := map[policy.Class]bool{0: true}
	for _, g := range l.cfg.Clients {
		for _, prefix := range g.Prefixes {
			c := compiled.Class(prefix.Addr())
			if seen[c] || !l.effort.spend(len(l.cfg.Clients)) {
				continue
			}
			seen[c] = true
			all = append(all, classOf{class: c, groups: compiled.Groups(c)})
		}
	}
	return all
}
