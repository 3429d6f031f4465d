package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// allZones is what stands for every loaded zone but the catch-alls.
const allZones = "*"

// rules reads every [rule.NAME], and then makes a policy of them.
func (l *loader) rules() {
	tables := make(map[string]*tomlfile.Table) // of the rules without problems
	named := l.named("rule", maxRules)
	for _, t := range named {
		before := l.file.Failed()
		r := l.rule(t)
		if l.file.Failed() > before {
			continue // what it says together with others is not known
		}
		tables[r.Name] = t
		l.cfg.Rules = append(l.cfg.Rules, r)
	}
	if len(named) == 0 {
		l.cfg.Rules = []policy.Rule{defaultRule()}
	}
	l.compile(tables)
}

// rule reads one rule.
func (l *loader) rule(t *tomlfile.Table) policy.Rule {
	checkName(t)
	r := policy.Rule{
		Name:    t.Name(),
		Names:   zones.Patterns(t.SomeTexts("names")),
		Clients: l.ruleClients(t),
		Log:     t.Bool("log", false),
		Tags:    ruleTags(t),
		Pin:     rulePin(t),
		Answer:  ruleAnswer(t),
		MaxTTL:  t.Duration("max_ttl", 0, time.Second, maxTTL),
		Private: private(t),
	}
	r.Zones, r.AllZones = l.ruleZones(t)
	r.Sets, r.SetsAll = l.ruleSets(t)
	r.Upstream = l.ruleUpstream(t)
	if !t.Has("zones") && !t.Has("names") {
		t.Problem("", `a rule needs zones, names or both; zones = ["*"] takes all that is published`)
	}
	return r
}

// ruleZones reads the zones of a rule.
func (l *loader) ruleZones(t *tomlfile.Table) (names []string, all bool) {
	names = tomlfile.Each(t.SomeTexts("zones"), func(text tomlfile.Text) (string, error) {
		if text.Value == allZones || l.zones.has[text.Value] {
			return text.Value, nil
		}
		if editions := l.elsewhere[text.Value]; len(editions) > 0 {
			text.Warn("edition %s has no zone %q; %s has", l.cfg.Edition, text.Value, strings.Join(editions, ", "))
			return text.Value, nil
		}
		return "", l.unknown(fmt.Sprintf("zone %q", text.Value), text.Value, l.zones.names)
	})
	all = slices.Contains(names, allZones)
	return slices.DeleteFunc(names, func(s string) bool { return s == allZones }), all
}

// ruleClients reads the client groups of a rule.
func (l *loader) ruleClients(t *tomlfile.Table) []string {
	return tomlfile.Each(t.SomeTexts("clients"), func(text tomlfile.Text) (string, error) {
		if l.clients.has[text.Value] {
			return text.Value, nil
		}
		if _, err := zones.ParsePrefix(text.Value); err == nil {
			return "", fmt.Errorf("%q: want the name of a client group; addresses stand in [client.NAME]", text.Value)
		}
		return "", l.unknown(tableNamed("client", text.Value), text.Value, l.clients.names)
	})
}

// ruleUpstream reads the upstream group of a rule.
func (l *loader) ruleUpstream(t *tomlfile.Table) string {
	text, ok := t.Text("upstream")
	if !ok {
		return ""
	}
	if text.Value == DefaultUpstream || l.upstreams.has[text.Value] {
		return text.Value
	}
	if _, err := parseAddrPort(text.Value, dnsPort); err == nil {
		text.Problem("%q: want the name of an upstream group; addresses stand in [upstream.NAME]", text.Value)
		return ""
	}
	have := l.upstreams.names
	if !l.upstreams.has[DefaultUpstream] {
		have = slices.Insert(slices.Clone(have), 0, DefaultUpstream)
	}
	text.Problem("%v", l.unknown(tableNamed("upstream", text.Value), text.Value, have))
	return ""
}

// tableNamed writes the header of a table, with the name in quotes if it is odd.
func tableNamed(kind, name string) string {
	if zones.CheckName(name) != nil {
		name = fmt.Sprintf("%q", name)
	}
	return "[" + kind + "." + name + "]"
}

// ruleTags reads the tags of a rule.
func ruleTags(t *tomlfile.Table) []string {
	return tomlfile.Each(t.Texts("tags"), func(text tomlfile.Text) (string, error) {
		return text.Value, zones.CheckName(text.Value)
	})
}

// rulePin reads the pin of a rule.
func rulePin(t *tomlfile.Table) policy.Pin {
	text, ok := t.Text("pin")
	if !ok {
		return policy.PinUnset
	}
	pin, err := policy.ParsePin(text.Value)
	if err == nil {
		return pin
	}
	if near := tomlfile.Nearest(text.Value, pinWords()); near != "" {
		err = fmt.Errorf("%v; did you mean %q?", err, near)
	}
	text.Problem("%v", err)
	return policy.PinUnset
}

// answerWords are the values of answer that are neither an address nor a name.
var answerWords = []string{"nxdomain", "nodata", "refused", "null"}

// ruleAnswer reads the answer of a rule.
func ruleAnswer(t *tomlfile.Table) policy.Answer {
	texts := t.TextOrTexts("answer")
	if len(texts) == 0 {
		return policy.Answer{}
	}
	if len(texts) == 1 {
		answer, err := policy.ParseAnswer([]string{texts[0].Value})
		if err != nil {
			badAnswer(texts[0], err)
		}
		return answer
	}
	if len(texts) > maxAddresses {
		texts[maxAddresses].Problem("more than %d addresses", maxAddresses)
		return policy.Answer{}
	}
	return answerAddresses(t, texts)
}

// maxAddresses is how many addresses an answer may have. No more IPv6 addresses
// fit into a DNS message by far.
const maxAddresses = 1000

// answerAddresses reads an answer of several addresses.
func answerAddresses(t *tomlfile.Table, texts []tomlfile.Text) policy.Answer {
	var values []string
	for _, text := range texts {
		_, err := netip.ParseAddr(text.Value)
		if err == nil {
			_, err = policy.ParseAnswer([]string{text.Value})
		} else {
			err = fmt.Errorf("%q: want only addresses in a list", text.Value)
		}
		if err != nil {
			text.Problem("%v", err)
			continue
		}
		values = append(values, text.Value)
	}
	if len(values) < len(texts) {
		return policy.Answer{}
	}
	answer, err := policy.ParseAnswer(values)
	if err != nil { // of all together
		t.Problem("answer", "%v", err)
	}
	return answer
}

// badAnswer records what is wrong with an answer: most often a word is misspelt.
func badAnswer(text tomlfile.Text, err error) {
	switch near := tomlfile.Nearest(text.Value, answerWords); {
	case near == "":
		text.Problem("%v", err)
	case strings.EqualFold(near, text.Value):
		text.Problem("%q: write it in lower case: %q", text.Value, near)
	default:
		text.Problem("%q: did you mean %q?", text.Value, near)
	}
}
