package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
	"splitdns/server/policy"
)

func TestSetDefaults(t *testing.T) {
	s := config.Default().Server
	if s.SetFailure != config.SetFailureAnswer || s.SetGrace != 2*time.Minute || s.SetMin != 10*time.Minute {
		t.Errorf("on_set_failure %v, set_grace %v, set_min %v; want answer, 2m, 10m", s.SetFailure, s.SetGrace, s.SetMin)
	}
	if sets := config.Default().Sets(); len(sets) != 0 {
		t.Errorf("Sets = %v, want none", sets)
	}
}

func TestSetsNamesEachOnceWithItsRules(t *testing.T) {
	cfg, problems := config.Parse("c.toml", []byte("[rule.b]\nnames = ['b.example']\nsets = ['inet filter mdm4', 'inet filter mdm6']\n"+
		"[rule.a]\nnames = ['a.example']\nsets = ['ip fw x', 'inet  filter mdm6']\n[rule.c]\nnames = ['c.example']\nlog = true\n"))
	if cfg == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []config.NamedSet{
		{Set: policy.Set{Family: "inet", Table: "filter", Name: "mdm4"}, Rules: []string{"b"}},
		{Set: policy.Set{Family: "inet", Table: "filter", Name: "mdm6"}, Rules: []string{"b", "a"}},
		{Set: policy.Set{Family: "ip", Table: "fw", Name: "x"}, Rules: []string{"a"}},
	}
	if diff := cmp.Diff(want, cfg.Sets()); diff != "" {
		t.Errorf("Sets (-want +got):\n%s", diff)
	}
}

func TestSetProblems(t *testing.T) {
	var many strings.Builder
	for i := range 17 {
		fmt.Fprintf(&many, "\n'inet filter s%d',", i)
	}
	var rules strings.Builder
	for i := range 257 {
		fmt.Fprintf(&rules, "[rule.r%[1]d]\nnames = ['r%[1]d.example']\nsets = ['inet filter s%[1]d']\n", i)
	}
	check(t, map[string]mistake{
		"values": {
			text: "[server]\non_set_failure = 'servfial'\nset_grace = '2h'\nset_min = '0s'\n[rule.a]\nnames = ['a.example']\n" +
				"sets = ['mdm4', 'inet6 filter mdm4', 'inet filter 4mdm', 5]\nset_addresses = 'published'\n[rule.b]\nnames = ['b.example']\nsets = []\n" +
				"[rule.c]\nnames = ['c.example']\nsets = 'inet filter mdm4'\nset_addresses = true\n",
			want: []string{
				`c.toml:2: server.on_set_failure: "servfial": did you mean "servfail"?`,
				`c.toml:3: server.set_grace: "2h": want 0s to 1h`,
				`c.toml:4: server.set_min: "0s": want 1s to 24h`,
				`c.toml:7: rule.a.sets[3]: want a set such as "inet filter mdm4", have an integer`,
				`c.toml:7: rule.a.sets[0]: "mdm4": want the family and the name of a table, and the name of a set, such as "inet filter mdm4"`,
				`c.toml:7: rule.a.sets[1]: "inet6 filter mdm4": no family "inet6": want one of inet, ip, ip6, bridge, netdev, arp`,
				`c.toml:7: rule.a.sets[2]: "inet filter 4mdm": "4mdm" is no name that nft takes: want a letter, then letters, digits and / \ _ . -, at most 255`,
				`c.toml:8: rule.a.set_addresses: "published": want "inside" or "all"`,
				`c.toml:11: rule.b.sets: the list is empty; leave the key out`,
				`c.toml:14: rule.c.sets: want a list of strings, have a string; write ["inet filter mdm4"]`,
				`c.toml:15: rule.c.set_addresses: want "inside" or "all", have a boolean`,
			},
		},
		"twice": {
			text: "[rule.a]\nnames = ['a.example']\nsets = ['inet filter mdm4', 'inet  filter  mdm4']\n",
			want: []string{`c.toml:3: warning: rule.a.sets[1]: "inet  filter  mdm4" stands in this list twice, first as rule.a.sets[0]`},
		},
		"too many in a rule": {
			text: "[rule.a]\nnames = ['a.example']\nsets = [" + many.String() + "]\n",
			want: []string{`c.toml:20: rule.a.sets[16]: more than 16 sets`},
		},
		"too many in all rules": {
			text: rules.String(),
			want: []string{`c.toml:771: rule.r256.sets[0]: more than 256 different sets in all rules`},
		},
		"a rule that does nothing else": {
			text: "[rule.a]\nnames = ['a.example']\nsets = ['inet filter mdm4']\n",
		},
		"keys of the server without any set": {
			text: "[server]\non_set_failure = 'servfail'\nset_grace = '0s'\nset_min = '24h'\n",
		},
	})
}
