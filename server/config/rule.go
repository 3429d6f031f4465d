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

// rules reads every [rule.NAME], and then looks at what they say together.
func (l *loader) rules() {
	tables := make(map[string]*tomlfile.Table) // of the rules without problems
	for _, t := range l.file.Named("rule") {
		before := l.file.Failed()
		r := l.rule(t)
		if l.file.Failed() > before {
			continue // what it says together with others is not known
		}
		tables[r.Name] = t
		l.cfg.Rules = append(l.cfg.Rules, r)
	}
	if len(l.file.Named("rule")) == 0 {
		l.cfg.Rules = []policy.Rule{defaultRule()}
	}
	l.checkRules(tables)
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
	}
	r.Zones, r.AllZones = l.ruleZones(t)
	r.Upstream = l.ruleUpstream(t)
	if !t.Has("zones") && !t.Has("names") {
		t.Problem("", `a rule needs zones, names or both; zones = ["*"] takes all that is published`)
	}
	return r
}

// ruleZones reads the zones of a rule.
func (l *loader) ruleZones(t *tomlfile.Table) (names []string, all bool) {
	names = tomlfile.Each(t.SomeTexts("zones"), func(text tomlfile.Text) (string, error) {
		if text.Value == allZones || slices.Contains(l.zones, text.Value) {
			return text.Value, nil
		}
		if editions := editionsWith(text.Value); len(editions) > 0 {
			text.Warn("edition %s has no zone %q; %s has", l.cfg.Edition, text.Value, strings.Join(editions, ", "))
			return text.Value, nil
		}
		return "", unknown(fmt.Sprintf("zone %q", text.Value), text.Value, l.zones)
	})
	all = slices.Contains(names, allZones)
	return slices.DeleteFunc(names, func(s string) bool { return s == allZones }), all
}

// editionsWith gives the bundled editions that have a zone.
func editionsWith(zone string) []string {
	return slices.DeleteFunc(zones.Editions(), func(edition string) bool {
		return !slices.Contains(zones.BundledNames(edition), zone)
	})
}

// ruleClients reads the client groups of a rule.
func (l *loader) ruleClients(t *tomlfile.Table) []string {
	return tomlfile.Each(t.SomeTexts("clients"), func(text tomlfile.Text) (string, error) {
		if slices.Contains(l.clients, text.Value) {
			return text.Value, nil
		}
		if _, err := zones.ParsePrefix(text.Value); err == nil {
			return "", fmt.Errorf("%q: want the name of a client group; addresses stand in [client.NAME]", text.Value)
		}
		return "", unknown(tableNamed("client", text.Value), text.Value, l.clients)
	})
}

// ruleUpstream reads the upstream group of a rule.
func (l *loader) ruleUpstream(t *tomlfile.Table) string {
	text, ok := t.Text("upstream")
	if !ok {
		return ""
	}
	have := l.upstreams
	if !slices.Contains(have, DefaultUpstream) {
		have = slices.Insert(slices.Clone(have), 0, DefaultUpstream)
	}
	if slices.Contains(have, text.Value) {
		return text.Value
	}
	if _, err := parseAddrPort(text.Value, dnsPort); err == nil {
		text.Problem("%q: want the name of an upstream group; addresses stand in [upstream.NAME]", text.Value)
		return ""
	}
	text.Problem("%v", unknown(tableNamed("upstream", text.Value), text.Value, have))
	return ""
}

// tableNamed writes the header of a table, with the name in quotes if it is odd.
func tableNamed(kind, name string) string {
	if zones.CheckName(name) != nil {
		name = fmt.Sprintf("%q", name)
	}
	return "[" + kind + "." + name + "]"
}

// maxListed is how many names a message lists.
const maxListed = 8

// unknown says that there is no such thing, and the nearest name or all that there are.
func unknown(thing, name string, have []string) error {
	// A name that is itself a problem is no way out of this one.
	all := len(have)
	have = slices.DeleteFunc(slices.Clone(have), func(s string) bool { return zones.CheckName(s) != nil })
	near := tomlfile.Nearest(name, have)
	switch {
	case near != "":
		return fmt.Errorf("no %s; did you mean %q?", thing, near)
	case all == 0:
		return fmt.Errorf("no %s; the file has none", thing)
	case len(have) == 0:
		return fmt.Errorf("no %s", thing)
	case len(have) > maxListed:
		return fmt.Errorf("no %s; have %s and %d more", thing, strings.Join(have[:maxListed], ", "), len(have)-maxListed)
	}
	return fmt.Errorf("no %s; have %s", thing, strings.Join(have, ", "))
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
	values := make([]string, len(texts))
	for i, text := range texts {
		values[i] = text.Value
		if _, err := netip.ParseAddr(text.Value); len(texts) > 1 && err != nil {
			text.Problem("%q: want only addresses in a list", text.Value)
		}
	}
	answer, err := policy.ParseAnswer(values)
	if err != nil && len(texts) == 1 {
		badAnswer(texts[0], err)
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
