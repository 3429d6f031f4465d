package server

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"splitdns/server/config"
	"splitdns/server/policy"
	"splitdns/zones"
)

// why says in a few words why v is as it is, under a key of want: what matched, what is
// published, who settled it.
func (v Evaluation) why(key string) string {
	switch key {
	case "zone", "row":
		return v.whyMatch()
	case "rule", "tags", "sets", "log":
		return v.whyRules()
	case "pin":
		return cmp.Or(v.whyNotAsked(), settledBy(v.outcome.Decision.By.Pin))
	case "upstream":
		return cmp.Or(v.whyNotAsked(), settledBy(v.outcome.Decision.By.Upstream))
	case "answered":
		return cmp.Or(v.whyNotAsked(), settledBy(v.outcome.Decision.By.Answer))
	case "verdict":
		return cmp.Or(v.whyNotAsked(), v.whyNotTold(), v.whyVerdict())
	}
	return cmp.Or(v.whyNotAsked(), v.whyNotTold(), v.whyServed())
}

// settledBy says which rule has settled something.
func settledBy(rule string) string {
	if rule == "" {
		return "the default: no rule that applies says otherwise"
	}
	return "rule " + rule + " says so"
}

// whyMatch says which row matches the name.
func (v Evaluation) whyMatch() string {
	m := v.outcome.Decision.Match
	if m == (policy.Match{}) {
		return cmp.Or(v.whyRefused(), "no row of the loaded zones matches "+v.Entry.Name)
	}
	return fmt.Sprintf("the most specific pattern is %s, of row %s of %s", m.Pattern, m.Row, m.Zone)
}

// whyRules says which rules apply, and what each brings.
func (v Evaluation) whyRules() string {
	d := v.outcome.Decision
	if !d.Matched() {
		return cmp.Or(v.whyRefused(), fmt.Sprintf("no rule matches %s for %s", v.Entry.Name, v.Entry.Client))
	}
	var all []string
	for _, s := range d.Steps {
		text := "rule " + s.Rule + " by " + s.Pattern
		if s.Zone != "" {
			text += " of zone " + s.Zone
		}
		if !s.Along.IsZero() {
			text += " along the chain at " + s.Along.String()
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// whyRefused says that the client gets nothing at all, or is "".
func (v Evaluation) whyRefused() string {
	if v.Answered != config.AnsweredRefused {
		return ""
	}
	for _, note := range v.outcome.Notes {
		return note.Text
	}
	return "refused"
}

// whyNotAsked says who has answered in place of an upstream, or is "".
func (v Evaluation) whyNotAsked() string {
	d := v.outcome.Decision
	switch v.Answered {
	case config.AnsweredRefused:
		return v.whyRefused()
	case config.AnsweredRule:
		text := fmt.Sprintf("rule %s answers %q", d.By.Answer, d.Answer)
		if !d.Chain.IsZero() {
			text += " because of " + d.Chain.String() + " in the chain"
		}
		return text
	case config.AnsweredLocal:
		return "[local." + v.outcome.Local + "] answers"
	case config.AnsweredSpecial:
		return v.outcome.Special.String()
	case config.AnsweredOwn:
		return "such questions are answered without asking anybody"
	}
	return ""
}

// whyNotTold says that the test gives no answer, or is "".
func (v Evaluation) whyNotTold() string {
	if v.Told {
		return ""
	}
	return "the test gives no answer to judge"
}

// whyVerdict says how the addresses lie to what is published.
func (v Evaluation) whyVerdict() string {
	switch outside := v.outcome.Judgement.Outside(); {
	case len(v.outcome.Judgement.Addresses) == 0:
		return "the answer has no address that is judged"
	case len(outside) > 0:
		return listed(outside) + " outside: " + v.published()
	}
	return v.published()
}

// maxWhy is how many prefixes or addresses are listed.
const maxWhy = 4

// published says what is published for the name.
func (v Evaluation) published() string {
	d := v.outcome.Decision
	var all []string
	for _, p := range d.Published.Prefixes() {
		all = append(all, zones.PrefixText(p))
	}
	cut := d.Published.CarveOut()
	switch {
	case len(all) > 0:
		return fmt.Sprintf("for %s%s is published %s", v.Entry.Name, inRow(d.Match), shortened(all))
	case cut != policy.Match{}:
		return fmt.Sprintf("nothing is published for %s: row %s of %s is carved out", v.Entry.Name, cut.Row, cut.Zone)
	}
	return "nothing is published for " + v.Entry.Name + inRow(d.Match)
}

// inRow names the row that a name is in, in parentheses, if there is one.
func inRow(m policy.Match) string {
	if m == (policy.Match{}) {
		return ""
	}
	return " (row " + m.Row + " of " + m.Zone + ")"
}

// listed are addresses, with their verb.
func listed(addrs []netip.Addr) string {
	if len(addrs) == 1 {
		return addrs[0].String() + " is"
	}
	return shortened(addrTexts(addrs)) + " are"
}

// shortened is a list of words, the first of them where they are many.
func shortened(words []string) string {
	if more := len(words) - maxWhy; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:maxWhy], ", "), more)
	}
	return strings.Join(words, ", ")
}

// whyServed says what became of the addresses that upstreams gave.
func (v Evaluation) whyServed() string {
	o := v.outcome
	var all []string
	if len(o.Private) > 0 {
		all = append(all, fmt.Sprintf("private: %s removed, as from public servers", listed(o.Private)))
	}
	switch outside := o.Judgement.Outside(); {
	case o.Pinned:
		all = append(all, fmt.Sprintf("pin %s: %s outside", o.Decision.Pin, listed(outside)))
	case o.Decision.Pin > policy.Observe && len(outside) > 0:
		all = append(all, fmt.Sprintf("pin %s has removed nothing, though %s outside", o.Decision.Pin, listed(outside)))
	}
	return cmp.Or(strings.Join(all, "; "), "as the upstream gave it")
}
