package server

import (
	"fmt"
	"strconv"
	"strings"
)

// maxPublished is how many prefixes an explanation lists.
const maxPublished = 24

// Facts returns the explanation as the lines that `dig CH TXT NAME` shows:
// a word, then key=value tokens. Their form is stable.
func (e Explanation) Facts() []string {
	facts := []string{
		heading("name", e.Name, e.Client, e.SubnetIgnored, e.Config, e.Edition),
		e.matchFact(),
	}
	for _, row := range e.Near {
		facts = append(facts, "near "+row.String())
	}
	facts = append(facts, e.decisionFact(), e.publishedFact())
	if e.Answered != "" {
		facts = append(facts, "answered "+e.Answered)
	}
	if e.Delegated != nil {
		facts = append(facts, e.Delegated.fact())
	}
	for _, a := range e.Answers {
		facts = append(facts, a.fact())
	}
	if len(e.Cache)+len(e.Failures) == 0 && !e.CacheHidden {
		facts = append(facts, "cache none")
	}
	for _, c := range e.Cache {
		facts = append(facts, c.facts()...)
	}
	for _, f := range e.Failures {
		facts = append(facts, f.facts()...)
	}
	facts = append(facts, e.inSetsFacts()...)
	facts = append(facts, e.Shadow.facts()...)
	facts = append(facts, e.feedFacts()...)
	if e.CacheHidden {
		return facts // and no verdict: it would be about what others looked up
	}
	return append(facts, "verdict="+e.Verdict)
}

// heading is the first line of every explanation, with the version of its form.
func heading(key, value, client string, subnetIgnored bool, config, edition string) string {
	t := tokens{"v1"}
	t.add(key, value)
	t.add("client", client)
	if subnetIgnored {
		t.add("subnet", "ignored")
	}
	t.add("config", config)
	t.add("edition", edition)
	return strings.Join(t, " ")
}

// String is the row as tokens.
func (r Row) String() string {
	return "zone=" + r.Zone + " row=" + r.Row + " pattern=" + r.Pattern
}

// matchFact says what the name was found in.
func (e Explanation) matchFact() string {
	t := tokens{"match"}
	if e.Match != nil {
		t = append(t, e.Match.String())
	}
	t.add("rule", strings.Join(e.ruleNames(), ","))
	t.add("rule-pattern", e.RulePattern)
	if len(t) == 1 {
		return "match none"
	}
	return strings.Join(t, " ")
}

// ruleNames returns the rules that apply, the highest rank first.
func (e Explanation) ruleNames() []string {
	var names []string
	for _, s := range e.Rules {
		names = append(names, s.Rule)
	}
	return names
}

// decisionFact says what the rules make of the name.
func (e Explanation) decisionFact() string {
	t := tokens{"decision"}
	if !e.Served {
		t.add("served", "no")
	}
	if e.Log {
		t = append(t, "log")
	}
	t.add("tags", strings.Join(e.Tags, ","))
	if e.Answer.Value == "" && e.Answered == "" {
		t.add("pin", e.Pin.Value)
	}
	if e.Answer.Value == "" && e.Answered == "" || e.alias {
		t.add("upstream", e.Upstream.Value)
	}
	t.add("answer", e.Answer.Value)
	t.add("chain", e.Chain)
	t.add("spared", e.Spared)
	t.add("max_ttl", e.MaxTTL.Value)
	t.add("private_answers", e.Private.Value)
	t.add("sets", strings.Join(setTokens(e.Sets), ","))
	return strings.Join(t, " ")
}

// publishedFact lists what is published for the name.
func (e Explanation) publishedFact() string {
	t := tokens{"published"}
	if len(e.Published) == 0 {
		t = append(t, "no-range")
		if e.CarveOut != nil {
			t.add("carve-out", e.CarveOut.Zone+"/"+e.CarveOut.Row)
		}
	}
	shown := e.Published[:min(maxPublished, len(e.Published))]
	t = append(t, shown...)
	if more := len(e.Published) - len(shown); more > 0 {
		t.add("more", strconv.Itoa(more))
	}
	return strings.Join(t, " ")
}

// fact says what the rule answers to a type.
func (a Answered) fact() string {
	t := tokens{"answer", a.Type}
	if a.Rcode != "NOERROR" {
		t.add("rcode", a.Rcode)
	}
	if a.CNAME == "" {
		return strings.Join(append(t, orNone(a.Addresses)...), " ")
	}
	t.add("cname", a.CNAME)
	t.add("upstream", a.Upstream)
	t.add("special", a.Special)
	return strings.Join(t, " ")
}

// facts says what the cache holds and, if the client gets something else, what.
func (c Cached) facts() []string {
	rcode := c.Rcode
	if rcode == "NOERROR" {
		rcode = ""
	}
	t := tokens{"cache", c.Type}
	t.add("age", strconv.Itoa(c.Age))
	t.add("ttl", strconv.Itoa(c.TTL))
	t.add("from", c.From)
	if c.Stale {
		t = append(t, "stale")
	}
	t.add("cut", c.Cut)
	if !c.Changed {
		t.add("rcode", rcode)
	}
	for _, a := range c.Addresses {
		t.add(a.Address, a.Verdict)
	}
	facts := []string{strings.Join(t, " ")}
	if c.Changed {
		t = tokens{"served", c.Type}
		t.add("rcode", rcode)
		t = append(t, orNone(c.Served)...)
		t.add("private", strings.Join(c.Private, ","))
		facts = append(facts, strings.Join(t, " "))
	}
	return facts
}

// orNone says "none" for an empty list.
func orNone(words []string) []string {
	if len(words) == 0 {
		return []string{"none"}
	}
	return words
}

// Cascade returns the lines that explain a decision to people: each rule that
// applies, by what rank, and which rule settled which value.
func (e Explanation) Cascade() []string {
	var lines []string
	for i, s := range e.Rules {
		lines = append(lines, fmt.Sprintf("%d. rule %s, by %s", i+1, s.Rule, s.rank()))
	}
	settled := []struct {
		key string
		Settled
	}{{"pin", e.Pin}, {"upstream", e.Upstream}, {"answer", e.Answer}, {"max_ttl", e.MaxTTL}, {"private_answers", e.Private}}
	for _, v := range settled {
		switch {
		case v.Rule != "":
			lines = append(lines, fmt.Sprintf("%s = %q, from rule %s", v.key, v.Value, v.Rule))
		case v.Value != "":
			lines = append(lines, fmt.Sprintf("%s = %q, the default", v.key, v.Value))
		}
	}
	for _, g := range e.Sets {
		lines = append(lines, "sets: "+g.String())
	}
	return lines
}

// rank says by what a rule applies.
func (s Step) rank() string {
	text := s.Pattern
	switch s.Via {
	case "names":
		text += ", a name of its own"
	case "zone":
		text += " of zone " + s.Zone + ", which it names"
	default:
		text += " of zone " + s.Zone + `, through "*"`
	}
	if s.ClientPrefix != nil {
		text += fmt.Sprintf(", for clients in a /%d", *s.ClientPrefix)
	}
	if s.Along != "" {
		text += ", along the chain at " + s.Along
	}
	return text
}

// Facts returns the explanation as the lines that `dig CH TXT -x ADDRESS` shows.
func (e AddressExplanation) Facts() []string {
	facts := []string{heading("address", e.Address, e.Client, e.SubnetIgnored, e.Config, e.Edition)}
	if e.Judged != e.Address {
		facts = append(facts, "judged-as "+e.Judged)
	}
	for _, p := range e.Published {
		facts = append(facts, "published zone="+p.Zone+" row="+p.Row+" prefix="+p.Prefix)
	}
	if len(e.Published) == 0 {
		facts = append(facts, "published none")
	}
	return facts
}
