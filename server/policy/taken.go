package policy

import (
	"iter"
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
// no order and perhaps some of it twice: all that its zones publish, and what the other loaded zones
// publish for names of the rule, as a pin lets through whatever zone publishes it. Patterns are infinitely
// many names, so that the latter is found by examples: one of each pattern of the rule and of its zones, and
// one of each pattern of a row that is among the rule's names. A pattern that overlaps one of the rule with
// neither example in both (`a*.example` and `*b.example`) is missed. It looks up as many names as there are
// patterns.
func (p *Policy) PublishedFor(rule string) []netip.Prefix {
	i := p.ruleNamed(rule)
	if i < 0 {
		return nil
	}
	found := map[*row]bool{}
	for _, z := range p.zones {
		_, takes := p.rules[i].via(z)
		for j := range z.Rows {
			if takes || len(z.Rows[j].Prefixes) > 0 {
				p.addPublished(found, i, z.Rows[j].Patterns.All())
			}
		}
	}
	p.addPublished(found, i, slices.Values(p.rules[i].Names))
	var all []netip.Prefix
	for _, r := range p.rows {
		if _, takes := p.rules[i].via(r.zone); takes || found[r] {
			all = append(all, r.row.Prefixes...)
		}
	}
	return all
}

// addPublished adds the rows that publish something for examples of patterns, if they are among the names of rule i.
func (p *Policy) addPublished(found map[*row]bool, i int, patterns iter.Seq[matcher.Pattern]) {
	var room [maxHits]hit
	for pattern := range patterns {
		hits := p.hits(room[:0], pattern.Example())
		if !takes(hits, i) {
			continue
		}
		for _, r := range publish(hits).rows {
			found[r] = true
		}
	}
}

// takes reports whether a rule takes one of hits, for whatever client.
func takes(hits []hit, rule int) bool {
	return slices.ContainsFunc(hits, func(h hit) bool {
		return slices.ContainsFunc(h.Value.uses, func(u ruleUse) bool { return u.rule == rule })
	})
}

// JudgeFor holds addr, of an answer for name, against what is published for name. It is not ok
// where the rule matches name for no client.
func (p *Policy) JudgeFor(rule string, name matcher.Name, addr netip.Addr) (v Verdict, ok bool) {
	i := p.ruleNamed(rule)
	var room [maxHits]hit
	hits := p.hits(room[:0], name)
	if i < 0 || !takes(hits, i) {
		return NotAsked, false
	}
	return publish(hits).judge(p.unmap(addr), p.strictFamilies), true
}
