package policy

import (
	"net/netip"
	"slices"

	"splitdns/matcher"
)

// Foreign reports whether addr, of an answer, leads out of the network and to one machine:
// private, loopback, link-local, multicast and reserved addresses do not, wherever in addr they
// stand. It does not allocate.
func (p *Policy) Foreign(addr netip.Addr) bool {
	inner := p.unmap(addr)
	if v4, ok := carried(inner); ok {
		inner = v4
	}
	return !isReserved(inner) && !inner.IsMulticast() && p.PrivateKind(addr) == ""
}

// HasRule reports whether there is a rule of that name.
func (p *Policy) HasRule(rule string) bool { return p.ruleNamed(rule) >= 0 }

// ruleNamed is the number of the rule of that name, -1 for none.
func (p *Policy) ruleNamed(rule string) int {
	return slices.IndexFunc(p.rules, func(r compiledRule) bool { return r.Name == rule })
}

// PublishedFor returns what is published for the names that a rule takes, for whatever client, in
// no order and perhaps some of it twice: all that its zones publish, and what the loaded zones
// publish for names that its own patterns match. Patterns are infinitely many names, so that the
// latter is found by examples: one of each pattern of the rule, and one of each pattern of a row that
// is among the rule's names. A pattern that overlaps one of the rule with neither example in both
// (`a*.example` and `*b.example`) is missed.
func (p *Policy) PublishedFor(rule string) []netip.Prefix {
	i := p.ruleNamed(rule)
	if i < 0 {
		return nil
	}
	found := map[*row]bool{}
	for _, r := range p.rows {
		if _, ok := p.rules[i].via(r.zone); ok {
			found[r] = true
		} else if len(p.rules[i].Names) > 0 {
			for pattern := range r.row.Patterns.All() {
				p.ownRows(found, i, pattern)
			}
		}
	}
	for _, pattern := range p.rules[i].Names {
		p.ownRows(found, i, pattern)
	}
	var all []netip.Prefix
	for _, r := range p.rows {
		if found[r] {
			all = append(all, r.row.Prefixes...)
		}
	}
	return all
}

// ownRows adds the rows that publish something for an example of pattern, if it is among rule i's own names.
func (p *Policy) ownRows(found map[*row]bool, i int, pattern matcher.Pattern) {
	var room [maxHits]hit
	hits := p.hits(room[:0], pattern.Example())
	isOwn := func(h hit) bool { return h.Value.row == nil && h.Value.uses[0].rule == i }
	if !slices.ContainsFunc(hits, isOwn) {
		return
	}
	for _, r := range publish(hits).rows {
		found[r] = true
	}
}

// JudgeFor holds addr, of an answer for name, against what is published for name. It is not ok
// where the rule matches name for no client.
func (p *Policy) JudgeFor(rule string, name matcher.Name, addr netip.Addr) (v Verdict, ok bool) {
	i := p.ruleNamed(rule)
	var room [maxHits]hit
	hits := p.hits(room[:0], name)
	takes := func(h hit) bool {
		return slices.ContainsFunc(h.Value.uses, func(u ruleUse) bool { return u.rule == i })
	}
	if i < 0 || !slices.ContainsFunc(hits, takes) {
		return NotAsked, false
	}
	return publish(hits).judge(p.unmap(addr), p.strictFamilies), true
}
