package config

import (
	"net/netip"
	"slices"

	"splitdns/server/policy"
	"splitdns/zones/tomlfile"
)

// checkSets warns of sets that nothing goes into, and of those that strangers could fill.
func (l *loader) checkSets(t *tomlfile.Table, r *policy.Rule, compiled *policy.Policy) {
	if len(r.Sets) == 0 {
		if t.Has("set_addresses") {
			t.Warn("set_addresses", "stands without sets: no address goes anywhere; give the rule sets, or leave this out")
		}
		return
	}
	for _, set := range r.Sets {
		if word := set.NftWord(); word != "" {
			t.Warn("sets", "%q: nft takes %q for a word of its language: no ruleset and no nft command can make this set; choose another name", set, word)
		}
	}
	if r.Answer.Blocks() {
		t.Warn("sets", "the rule answers %q: no address ever goes into them; leave out one of the two", r.Answer)
		return
	}
	admitted := func(a netip.Addr) bool { return compiled.Admits(policy.SetUse{All: true}, a) }
	if r.Answer.Kind == policy.AnswerAddresses && !slices.ContainsFunc(r.Answer.Addresses, admitted) {
		t.Warn("sets", "the rule answers with %s: none of these goes into a set, as they lead into this network or to nobody", r.Answer)
		return
	}
	l.checkStrangers(t, r, compiled)
}
