package policy

import (
	"cmp"
	"slices"
	"time"

	"splitdns/matcher"
)

// DefaultUpstream is the upstream group of names that no rule routes.
const DefaultUpstream = "default"

// A Decision is what all matching rules together say for one query, before an
// answer is known. It is a value: whoever changes one changes a copy.
type Decision struct {
	Match Match  // the most specific row of all loaded zones, whether or not a rule names its zone
	Steps []Step // the rules that apply, the highest rank first; none: no rule matches

	Log      bool
	Tags     []string // sorted, each once
	Pin      Pin      // never PinUnset
	Upstream string
	Answer   Answer
	MaxTTL   time.Duration // 0: as the upstream said

	// By says which rule settled the values above that only one rule can.
	By By

	Published Published

	// Chain is the name behind the QNAME because of which a rule blocks. Spared
	// is the rule that would have, but for a row that matches the QNAME or a rule
	// that speaks about the QNAME's answer.
	Chain  matcher.Name
	Spared string
}

// By names the rules that settled a Decision; empty is the default.
type By struct {
	Pin, Upstream, Answer, MaxTTL string
}

// A Step is one rule that applies, with the rank by which it does.
type Step struct {
	Rule    string
	Pattern string // the pattern through which it matched
	Own     bool   // Pattern is the rule's own, not a zone's
	Zone    string // the zone of Pattern, if it is not the rule's own
	Via     Via
	Bits    int          // length of the client prefix that matched, -1 for a rule for everybody
	Along   matcher.Name // the name of the chain that matched, zero for the QNAME

	rule int
	tier int
}

// Matched reports whether any rule applies.
func (d Decision) Matched() bool { return len(d.Steps) > 0 }

// Rules returns the names of the rules that apply, the highest rank first.
func (d Decision) Rules() []string {
	names := make([]string, len(d.Steps))
	for i, s := range d.Steps {
		names[i] = s.Rule
	}
	return names
}

// RulePattern returns the most specific pattern that is a rule's own, or "".
func (d Decision) RulePattern() string {
	for _, s := range d.Steps {
		if s.Own {
			return s.Pattern
		}
	}
	return ""
}

// hit is a pattern that matches a name. Hits of equal rank share a tier.
type hit struct {
	use  *patternUse
	tier int
}

// hits returns the patterns that match name, most specific first.
func (p *Policy) hits(name matcher.Name) []hit {
	var wire [255]byte
	var room [16]uint32
	found := p.matcher.Lookup(room[:0], name.AppendWire(wire[:0]))
	hits := make([]hit, len(found))
	for i, at := range found {
		hits[i].use = &p.patterns[at]
		if i == 0 {
			continue
		}
		hits[i].tier = hits[i-1].tier
		if hits[i-1].use.pattern.Compare(hits[i].use.pattern) != 0 {
			hits[i].tier++
		}
	}
	return hits
}

// Decide says what the rules make of a query for name from a client of class
// c. The answer is not known yet; Along and Judge add what it brings.
//
// A CNAME to name itself would be a loop. It comes from a rule that leads a wide
// pattern to one name below it, so that name is forwarded, as if the rule that
// By.Answer names had said `answer = ""` for it.
func (p *Policy) Decide(name matcher.Name, c Class) Decision {
	hits := p.hits(name)
	d := Decision{Pin: Observe, Upstream: DefaultUpstream, Published: publish(hits)}
	for _, h := range hits {
		if len(h.use.rows) > 0 {
			d.Match = h.use.rows[0].match(h)
			break
		}
	}
	d.Steps = p.steps(hits, c)
	p.settle(&d)
	if d.Answer.Kind == AnswerCNAME && d.Answer.Target == name {
		d.Answer = Answer{Kind: AnswerForward}
	}
	return d
}

// steps returns the rules behind hits that are for clients of c, each once,
// the highest rank first.
func (p *Policy) steps(hits []hit, c Class) []Step {
	var steps []Step
	add := func(h hit, u ruleUse, zone string) {
		bits, ok := p.rules[u.rule].applies(p.classes[c])
		if !ok {
			return
		}
		steps = append(steps, Step{
			Rule: p.rules[u.rule].Name, Pattern: h.use.pattern.String(), Own: u.via == ViaNames, Zone: zone,
			Via: u.via, Bits: bits, rule: u.rule, tier: h.tier,
		})
	}
	for _, h := range hits {
		for _, rule := range h.use.rules {
			add(h, ruleUse{rule: rule, via: ViaNames}, "")
		}
		for _, r := range h.use.rows {
			for _, u := range r.zone.rules {
				add(h, u, r.zone.zone.Name)
			}
		}
	}
	slices.SortStableFunc(steps, compareSteps)
	seen := map[int]bool{}
	return slices.DeleteFunc(steps, func(s Step) bool {
		again := seen[s.rule]
		seen[s.rule] = true
		return again
	})
}

// compareSteps orders by rank: the pattern, the way to it, the client prefix.
// Rules of equal rank that differ are a problem of the configuration; their
// names only keep the outcome the same from run to run.
func compareSteps(a, b Step) int {
	return cmp.Or(
		cmp.Compare(a.tier, b.tier),
		cmp.Compare(a.Via, b.Via),
		cmp.Compare(b.Bits, a.Bits),
		cmp.Compare(a.Rule, b.Rule),
	)
}

// settle fills in what the steps say: log and tags add up, and for the rest
// the first step that says something wins.
func (p *Policy) settle(d *Decision) {
	for _, s := range d.Steps {
		r := &p.rules[s.rule].Rule
		d.Log = d.Log || r.Log
		d.Tags = append(d.Tags, r.Tags...)
		d.take(r)
	}
	d.Tags = unique(d.Tags)
}

// take fills in what r states and no rule of higher rank did.
func (d *Decision) take(r *Rule) {
	if r.Pin != PinUnset && d.By.Pin == "" {
		d.Pin, d.By.Pin = r.Pin, r.Name
	}
	if r.Upstream != "" && d.By.Upstream == "" {
		d.Upstream, d.By.Upstream = r.Upstream, r.Name
	}
	if r.Answer.Kind != AnswerUnset && d.By.Answer == "" {
		d.Answer, d.By.Answer = r.Answer, r.Name
	}
	if r.MaxTTL != 0 && d.By.MaxTTL == "" {
		d.MaxTTL, d.By.MaxTTL = r.MaxTTL, r.Name
	}
}

// unique sorts words, which the caller gives up, and leaves each once.
func unique(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}

// Along adds to d what the names of the answer's chain, SVCB targets among them,
// bring: tags, and a block, if a rule that blocks one of them applies; the first
// such name decides. A block list must not break a managed device, so where a
// loaded row matches the QNAME, or a rule says something about its answer, the
// block yields and d says which rule was spared. d's own steps stay first, and
// of the chain's only those that bring something are added.
//
// It is called for every response. Where no rule blocks or tags, it costs nothing.
func (p *Policy) Along(d Decision, chain []matcher.Name, c Class) Decision {
	if !p.chains {
		return d
	}
	for _, name := range chain {
		d = p.link(d, name, c)
	}
	return d
}

// link adds to d what one name of the chain brings. A rule that blocks it logs, too,
// as if it blocked the QNAME.
func (p *Policy) link(d Decision, name matcher.Name, c Class) Decision {
	link := Decision{Steps: p.steps(p.hits(name), c)}
	p.settle(&link)
	d.Tags = unique(slices.Concat(d.Tags, link.Tags))
	blocker := ""
	switch {
	case d.Answer.Given() || !link.Answer.Blocks():
	case d.Match != Match{} || d.By.Answer != "":
		d.Spared = cmp.Or(d.Spared, link.By.Answer)
	default:
		blocker = link.By.Answer
		d.Answer, d.By.Answer, d.Chain = link.Answer, blocker, name
	}
	for _, step := range link.Steps {
		r, blocks := &p.rules[step.rule], step.Rule == blocker
		d.Log = d.Log || blocks && r.Log
		if blocks || len(r.Tags) > 0 {
			d.Steps = withStep(d.Steps, step, name)
		}
	}
	return d
}

// withStep appends the step of a chain name, unless its rule applies already.
func withStep(steps []Step, s Step, along matcher.Name) []Step {
	if slices.ContainsFunc(steps, func(have Step) bool { return have.rule == s.rule }) {
		return steps
	}
	s.Along = along
	return append(slices.Clip(steps), s) // the caller's own steps stay as they are
}

// Near returns the rows whose patterns name just misses: a range in them does
// not hold its number.
func (p *Policy) Near(name matcher.Name) []Match {
	var wire [255]byte
	var near []Match
	for _, at := range p.matcher.Near(nil, name.AppendWire(wire[:0])) {
		h := hit{use: &p.patterns[at]}
		if len(h.use.rows) > 0 {
			near = append(near, h.use.rows[0].match(h))
		}
	}
	return near
}
