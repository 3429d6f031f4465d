package config_test

import (
	"testing"

	"splitdns/server/config"
	"splitdns/server/policy"
)

func TestPrivateAnswers(t *testing.T) {
	for text, want := range map[string]bool{
		"servers = ['9.9.9.9']":                                 false,
		"servers = ['10.0.0.1', '9.9.9.9']":                     false,
		"servers = ['10.0.0.1']":                                true,
		"servers = ['127.0.0.1:5353', 'fd00::1', '100.64.0.1']": true,
		"servers = ['9.9.9.9']\nprivate_answers = true":         true,
		"servers = ['10.0.0.1']\nprivate_answers = false":       false,
		"servers = ['192.0.2.1']":                               false, // documentation ranges are not private
	} {
		cfg, problems := config.Parse("c.toml", []byte("[upstream.a]\n"+text+"\n"))
		if cfg == nil {
			t.Errorf("%s: %v", text, problems)
			continue
		}
		if got := cfg.Upstreams[0].PrivateAnswers(); got != want {
			t.Errorf("%s: PrivateAnswers() = %v, want %v", text, got, want)
		}
	}
}

func TestRulePrivateAnswers(t *testing.T) {
	for text, want := range map[string]policy.Private{
		"private_answers = true": policy.PrivateAllowed, "private_answers = false": policy.PrivateRemoved, "log = true": policy.PrivateUnset,
	} {
		cfg, problems := config.Parse("c.toml", []byte("[server]\nkeep_clients = true\n[rule.a]\nnames = ['a.example']\n"+text+"\n"))
		if cfg == nil || len(problems) > 0 {
			t.Errorf("%s: %v", text, problems)
			continue
		}
		if got := cfg.Rules[0].Private; got != want || !cfg.Server.KeepClients {
			t.Errorf("%s: %v, want %v; keep_clients is %v, want true", text, got, want, cfg.Server.KeepClients)
		}
	}
}

func TestLocalZoneProblems(t *testing.T) {
	check(t, map[string]mistake{
		"no file": {
			text: "[local.a]\nzone = 'a.example'\n[local.b]\nformat = 'hosts'\n[local.c]\nfile = 'gone.zone'\nzone = 'c.example'\n[local.d]\nfile='x'\nzone='.'\n[local.e]\nfile='x'\nzone='a..b'\n[local.f]\nfile = 'x'\nzone = 5\n",
			want: []string{
				"c.toml:1: local.a: a local zone needs a file",
				"c.toml:3: local.b: a local zone needs a file",
				"c.toml:6: local.c.file: reading gone.zone: no such file or directory",
				`c.toml:10: local.d.zone: ".": the root is no local zone`,
				`c.toml:13: local.e.zone: name "a..b": empty label: two dots with nothing between them, or a dot too many at an end`,
				`c.toml:16: local.f.zone: want a name such as "corp.example", have an integer`,
			},
		},
	})
}
