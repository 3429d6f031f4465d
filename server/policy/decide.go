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
	Sets     []SetUse // those of the rules of highest rank first; see [Policy.Admits]
	Pin      Pin      // never PinUnset
	Upstream string
	Answer   Answer
	MaxTTL   time.Duration // 0: as the upstream said
	Private  Private       // PrivateUnset: as the upstream group has it

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
	Pin, Upstream, Answer, MaxTTL, Private string
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

// Routed reports whether a rule states an upstream for the name. One for all names there are
// says nothing about this one.
func (d Decision) Routed() bool {
	if d.By.Upstream == "" {
		return false
	}
	i := slices.IndexFunc(d.Steps, func(s Step) bool { return s.Rule == d.By.Upstream })
	return i < 0 || d.Steps[i].Pattern != "." && d.Steps[i].Pattern != "*"
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

// hit is a pattern that matches a name, and where it stands. Hits of equal rank share a tier.
type hit struct {
	matcher.Match[*source]
	tier int
	text string // of the pattern, once it is needed
}

// maxHits is for how many hits there is room without allocating.
const maxHits = 8

// hits puts into room, which is empty, the patterns that match name, most specific
// first; those that several rows and rules have stand there once for each.
func (p *Policy) hits(room []hit, name matcher.Name) []hit {
	var wire [255]byte
	var found [maxHits]matcher.Match[*source]
	for i, m := range p.matcher.Lookup(found[:0], name.AppendWire(wire[:0])) {
		room = append(room, hit{Match: m})
		if i == 0 {
			continue
		}
		room[i].tier = room[i-1].tier
		if room[i-1].Pattern.Compare(m.Pattern) != 0 {
			room[i].tier++
		}
	}
	return room
}

// pattern returns the text of the pattern of hits[i]. It is made once for all hits that share it.
func pattern(hits []hit, i int) string {
	h := &hits[i]
	switch {
	case h.text != "":
	case i > 0 && h.Pattern == hits[i-1].Pattern:
		h.text = pattern(hits, i-1)
	default:
		h.text = h.Pattern.String()
	}
	return h.text
}

// match names the row of hits[i].
func match(hits []hit, i int) Match {
	r := hits[i].Value.row
	return Match{Zone: r.zone.Name, Row: r.row.Name, Pattern: pattern(hits, i)}
}

// Decide says what the rules make of a query for name from a client of class
// c. The answer is not known yet; Along and Judge add what it brings.
//
// A CNAME to name itself would be a loop. It comes from a rule that leads a wide
// pattern to one name below it, so that name is forwarded, as if the rule that
// By.Answer names had said `answer = ""` for it.
func (p *Policy) Decide(name matcher.Name, c Class) Decision {
	var room [maxHits]hit
	hits := p.hits(room[:0], name)
	d := Decision{Pin: Observe, Upstream: DefaultUpstream, Published: publish(hits)}
	if i := slices.IndexFunc(hits, func(h hit) bool { return h.Value.row != nil }); i >= 0 {
		d.Match = match(hits, i)
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
	for i := range hits {
		for _, u := range hits[i].Value.uses {
			bits, ok := p.rules[u.rule].applies(p.classes[c])
			if !ok {
				continue
			}
			if steps == nil {
				steps = make([]Step, 0, len(hits)-i)
			}
			steps = append(steps, p.step(hits, i, u, bits))
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

// step is u, which applies to clients with a prefix of so many bits, because of hits[i].
func (p *Policy) step(hits []hit, i int, u ruleUse, bits int) Step {
	s := Step{
		Rule: p.rules[u.rule].Name, Pattern: pattern(hits, i), Own: u.via == ViaNames,
		Via: u.via, Bits: bits, rule: u.rule, tier: hits[i].tier,
	}
	if r := hits[i].Value.row; r != nil {
		s.Zone = r.zone.Name
	}
	return s
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

// settle fills in what the steps say: log, tags and sets add up, and for the rest
// the first step that says something wins.
func (p *Policy) settle(d *Decision) {
	for _, s := range d.Steps {
		r := &p.rules[s.rule].Rule
		d.Log = d.Log || r.Log
		d.Tags = append(d.Tags, r.Tags...)
		d.takeSets(r)
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
	d.takePrivate(r)
}

// takePrivate is take for private_answers.
func (d *Decision) takePrivate(r *Rule) {
	if r.Private != PrivateUnset && d.By.Private == "" {
		d.Private, d.By.Private = r.Private, r.Name
	}
}

// unique sorts words, which the caller gives up, and leaves each once.
func unique(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}

// Along adds to d what the names of the answer's chain, SVCB targets among them,
// bring: tags, sets, and a block, if a rule that blocks one of them applies; the first
// such name decides. A block list must not break a managed device, so where a
// loaded row matches the QNAME, or a rule says something about its answer, the
// block yields and d says which rule was spared. d's own steps stay first, and
// of the chain's only those that bring something are added.
//
// It is called for every response. Where no rule blocks, tags or has sets, it costs nothing.
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
	var room [maxHits]hit
	hits := p.hits(room[:0], name)
	link := Decision{Steps: p.steps(hits, c)}
	p.settle(&link)
	d.Tags = unique(slices.Concat(d.Tags, link.Tags))
	d.Sets = withSets(d.Sets, link.Sets, hits, name)
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
		if blocks || len(r.Tags)+len(r.Sets) > 0 {
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
// not hold its number. Of rows that share a pattern it gives one.
func (p *Policy) Near(name matcher.Name) []Match {
	var wire [255]byte
	var near []Match
	for _, m := range p.matcher.Near(nil, name.AppendWire(wire[:0])) {
		isNamed := len(near) > 0 && near[len(near)-1].Pattern == m.Pattern.String()
		if m.Value.row != nil && !isNamed {
			near = append(near, match([]hit{{Match: m}}, 0))
		}
	}
	return near
}
