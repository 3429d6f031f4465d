package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"splitdns/server/config"
)

func TestRulesBesideLocalZones(t *testing.T) {
	dir := t.TempDir()
	const zone = "@ 60 SOA ns.example. h 1 2 3 4 5\nwww A 10.0.0.2\n"
	for name, text := range map[string]string{
		"plain.zone": zone, "open.zone": zone + "sub NS ns.sub\n", "sub.zone": zone, "hosts": "10.0.0.9 printer.example\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const start = "[upstream.corp]\nservers = ['10.0.0.1']\n[local.office]\nfile = 'hosts'\nformat = 'hosts'\n[local.lab]\nzone = 'lab.example'\nfile = "
	const unasked = `local.lab answers these itself, so "corp" is never asked for them; leave them out, or the local zone`
	const delegated = `open.zone:3: warning: sub.lab.example is delegated, and no rule says who knows its names: they are asked of the default upstream group; ` +
		`state an upstream in a rule for names = [".sub.lab.example"]`
	for text, want := range map[string]string{
		"'plain.zone'\n[rule.r]\nupstream = 'corp'\nnames = ['.lab.example']":     `c.toml:10: warning: rule.r.upstream: ".lab.example" in names: ` + unasked,
		"'plain.zone'\n[rule.r]\nupstream = 'corp'\nnames = ['www.lab.example']":  `c.toml:10: warning: rule.r.upstream: "www.lab.example" in names: ` + unasked,
		"'plain.zone'\n[rule.r]\nupstream = 'corp'\nnames = ['.example']":         "",
		"'plain.zone'\n[rule.r]\nupstream = 'corp'\nnames = ['printer.example']":  `c.toml:10: warning: rule.r.upstream: "printer.example" in names: local.office answers`,
		"'open.zone'\n[rule.r]\nupstream = 'corp'\nnames = ['.lab.example']":      "",
		"'open.zone'\n[rule.r]\nupstream = 'corp'\nnames = ['*.sub.lab.example']": "",
		"'open.zone'\n[rule.r]\ntags = ['a']\nnames = ['*.sub.lab.example']":      delegated,
		"'open.zone'\n": delegated,
		"'open.zone'\n[local.sub]\nzone = 'sub.lab.example'\nfile = 'sub.zone'": "",
	} {
		path := filepath.Join(dir, "c.toml")
		if err := os.WriteFile(path, []byte(start+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems := config.Load(path)
		got := strings.TrimSpace(strings.ReplaceAll(problems.String(), dir+string(filepath.Separator), ""))
		if want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%q:\n%s, want\n%s", text, got, want)
		}
	}
}

func TestUnknownFormatStandsAlone(t *testing.T) {
	_, problems := config.Parse("c.toml", []byte("[local.a]\nfile = 'x'\nformat = 'dnsmasq'\n"))
	if got, want := problems.String(), "c.toml:3: local.a.format: \"dnsmasq\": want \"zone\" or \"hosts\"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPlainServerOnThePortOfTLS(t *testing.T) {
	for server, want := range map[string]string{
		"192.0.2.1:853":       `c.toml:2: warning: upstream.default.servers[0]: "192.0.2.1:853": port 853 is that of TLS, and this is asked without; for TLS write "tls://192.0.2.1"` + "\n",
		"tls://192.0.2.1:853": "",
	} {
		_, problems := config.Parse("c.toml", []byte("[upstream.default]\nservers = ['"+server+"']\n"))
		if got := problems.String(); got != want {
			t.Errorf("%s: %s, want %s", server, got, want)
		}
	}
}
