package export

import (
	"strconv"
	"strings"

	"splitdns/zones"
)

const (
	// clientsOfRules is the client group of those who are given by prefix.
	clientsOfRules = "nft-clients"

	// maxRuleName is how long the name of a rule may be.
	maxRuleName = 63
)

// configHead says what to do with the server's side.
const configHead = `
What this is: rules of splitdns by which it fills the sets of the ruleset that the command above
writes without --splitdns-config. They belong into its configuration, in the place of those that an
earlier export gave. Load the ruleset first: splitdns says which sets it does not find. A
configuration without rules has one that logs all that is published; with these, write it out.

Only addresses inside the published ranges go into a set, where there are any for the name, and
private ones never do. set_addresses = "all" in a rule takes those outside as well.

Where nothing is published and anybody can register a name that matches, as in clouds, splitdns
check warns: such a stranger could have his addresses let in. Put the hosts that you need in the
place of that name, or publish ranges for it in a zone of your own.`

// rulesConfig writes the server's side of a ruleset: a rule for each pair of sets, for the zone
// where all of its names lead to them, else for the names.
func (w *writing) rulesConfig(all []reach) {
	for text := range strings.Lines(configHead) {
		w.line(strings.TrimRight("# "+text, " \n"))
	}
	groups := w.configClients()
	for i, r := range all {
		if len(r.named()) == 0 {
			continue
		}
		if i == 0 || all[i-1].zone != r.zone {
			w.about("#", r.zone)
		} else {
			w.line()
		}
		w.entry(`[rule.`, tomlText(fitting("nft-"+r.label(), maxRuleName)), `]`)
		w.configNames(r)
		w.tomlList("clients", groups)
		var sets []string
		for _, is4 := range w.o.families() {
			sets = append(sets, w.o.Table+" "+w.ruleSet(r, is4))
		}
		w.tomlList("sets", sets)
	}
}

// configClients writes the group of those who are given by prefix, and gives the names of all.
func (w *writing) configClients() (groups []string) {
	var prefixes []string
	for _, c := range w.o.Rules.Clients {
		if c.Name != "" {
			groups = append(groups, c.Name)
			continue
		}
		for _, p := range c.Prefixes {
			prefixes = append(prefixes, zones.PrefixText(p))
		}
	}
	if len(prefixes) == 0 {
		return groups
	}
	w.line()
	w.line("[client.", clientsOfRules, "]")
	w.tomlList("addresses", prefixes)
	return append(groups, clientsOfRules)
}

// configNames writes which names a rule is for.
func (w *writing) configNames(r reach) {
	if r.whole {
		w.tomlList("zones", []string{r.zone.Name})
		return
	}
	var names []string
	seen := map[string]bool{}
	for _, row := range r.rows {
		for p := range row.Patterns.All() {
			if text := p.String(); !seen[text] {
				seen[text] = true
				names = append(names, text)
			}
		}
	}
	w.tomlList("names", names)
}

// longList is from how many values on a list has a line for each of them.
const longList = 4

// tomlList writes a key and a list of texts.
func (w *writing) tomlList(key string, values []string) {
	before, between, after := "", ", ", ""
	if len(values) >= longList {
		before, between, after = "\n    ", ",\n    ", ",\n"
	}
	quoted := make([]string, 0, len(values))
	for _, v := range values {
		quoted = append(quoted, tomlText(v))
	}
	w.line(key, " = [", before, strings.Join(quoted, between), after, "]")
}

// tomlText is s, a name, a pattern or a prefix, as a text of TOML. They are of printable ASCII,
// where TOML and Go have the same two escapes.
func tomlText(s string) string { return strconv.Quote(s) }
