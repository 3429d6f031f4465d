package config

import (
	"fmt"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones/tomlfile"
)

// compile makes a policy of the rules, and looks at what they say together and at what
// they cannot do. The tables are those of the rules; the default rule has none.
func (l *loader) compile(tables map[string]*tomlfile.Table) {
	compiled := policy.New(l.policyInput(l.cfg.Zones))
	l.cfg.Policy = compiled
	for i := range l.cfg.Rules {
		r := &l.cfg.Rules[i]
		t := tables[r.Name]
		if t == nil {
			continue
		}
		if l.file.Failed() == 0 { // or else what it should do may be among the problems
			l.checkAction(t, r)
		}
		checkBlock(t, r)
		l.checkPin(t, r, compiled)
		l.checkSets(t, r, compiled)
		l.checkTarget(t, r, compiled)
	}
	l.checkLocal(tables)
	l.checkTails(compiled)
	for _, c := range compiled.Conflicts() {
		first, second := tables[c.RuleA], tables[c.RuleB]
		second.Problem(c.Key, "contradicts rule.%s.%s%s: both match %s alike, and neither is the more specific; "+
			"make one pattern or client prefix more specific, or drop %s in one of them",
			c.RuleA, c.Key, onLine(first.LineOf(c.Key)), c.Pattern, c.Key)
	}
}

// checkTails refuses more patterns with ranges and stars under one suffix than a
// query can be held against.
func (l *loader) checkTails(compiled *policy.Policy) {
	if suffix, tails := compiled.Widest(); tails > matcher.MaxTails {
		l.file.Root().Problem("", "%d patterns with ranges or stars in a label lie under %q: every query below it is held against each; "+
			"%d are the most; write `*.` or `.` patterns instead", tails, suffix, matcher.MaxTails)
	}
}

// onLine says where something else stands, if that is known.
func onLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(" on line %d", line)
}

// checkAction warns of a rule that matches and does nothing. Where address feeds can be fetched, every rule has one.
func (l *loader) checkAction(t *tomlfile.Table, r *policy.Rule) {
	says := len(r.Tags)+len(r.Sets) > 0 || r.Pin != policy.PinUnset || r.Upstream != "" || r.Answer.Kind != policy.AnswerUnset || r.MaxTTL > 0 ||
		r.Private != policy.PrivateUnset
	if !r.Log && !says && !l.cfg.HTTP.HasFeeds() {
		t.Warn("", "the rule does nothing; give it log, tags, pin, sets, upstream, answer, max_ttl or private_answers")
	}
}

// checkBlock warns of a rule that takes every name away.
func checkBlock(t *tomlfile.Table, r *policy.Rule) {
	if !r.Answer.Blocks() {
		return
	}
	for _, p := range r.Names {
		if s := p.String(); s == "*" || s == "." {
			t.Warn("answer", "%q in names matches every name: %q blocks them all", s, r.Answer)
		}
	}
}

// checkTarget warns of a CNAME that does not lead where it seems to: the target
// is asked of an upstream, and no rule applies to it.
func (l *loader) checkTarget(t *tomlfile.Table, r *policy.Rule, compiled *policy.Policy) {
	if r.Answer.Kind != policy.AnswerCNAME {
		return
	}
	for _, p := range r.Names {
		if name, ok := p.Literal(); ok && name == r.Answer.Target {
			t.Warn("answer", "%q is one of the names of the rule: no name can be its own CNAME target, so its queries are forwarded", p)
		}
	}
	for _, c := range l.classes(r, compiled) {
		if !l.effort.spend(decideCost) {
			return
		}
		d := compiled.Decide(r.Answer.Target, c)
		if d.Answer.Given() && d.By.Answer != r.Name {
			t.Warn("answer", "rules do not apply to the target: %q is asked of the upstream group, whatever rule.%s answers", r.Answer.Target, d.By.Answer)
			return
		}
	}
}
