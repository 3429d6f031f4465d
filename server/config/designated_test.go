package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"splitdns/server/config"
)

func TestDesignated(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir, "a", -time.Hour, 30*24*time.Hour, certificateFor{names: []string{"dns.example"}, addresses: []string{"192.0.2.1"}})
	const pair = "certificate = 'a.pem'\nkey = 'a.key'\n"
	const named = pair + "name = 'dns.example'\n"
	for name, c := range map[string]struct {
		text, want string
		problems   []string
	}{
		"both": {
			"[tls]\nlisten = ['192.0.2.1', '[2001:db8::1]', '192.0.2.1:8853']\nhttps = ['192.0.2.1']\n" + named,
			"[{dns.example [dot] 853  [192.0.2.1 2001:db8::1]} {dns.example [dot] 8853  [192.0.2.1]} {dns.example [h2] 443 /dns-query{?dns} [192.0.2.1]}]", nil,
		},
		"every address": {
			"[tls]\nlisten = ['192.0.2.1', '[::]']\n" + named, "[{dns.example [dot] 853  []}]", nil,
		},
		"an interface":     {"[tls]\nlisten = ['fe80::1%eth0']\n" + named, "[{dns.example [dot] 853  [fe80::1]}]", nil},
		"a port to choose": {"[tls]\nlisten = ['192.0.2.1:0']\n" + named, "[]", nil},
		"no name":          {"[tls]\nlisten = ['192.0.2.1']\n" + pair, "[]", nil},
		"an empty name":    {"[tls]\nlisten = ['192.0.2.1']\nname = ''\n" + pair, "[]", nil},
		"nothing to designate": {
			"[tls]\nname = 'dns.example'\n", "[]", []string{"c.toml:2: warning: tls.name: not needed: neither tls.listen nor tls.https"},
		},
		"no host name": {
			"[tls]\nlisten = ['192.0.2.1']\nname = '192.0.2.1'\n" + pair, "",
			[]string{`c.toml:3: tls.name: "192.0.2.1" is no host name; want a name that the certificate is for, such as "dns.corp.example"`},
		},
		"another's certificate": {
			"[tls]\nlisten = ['192.0.2.1']\nname = 'other.example'\n" + pair, "[{other.example [dot] 853  [192.0.2.1]}]",
			[]string{"c.toml:3: warning: tls.name: the certificate is not for it: x509: certificate is valid for dns.example, not other.example"},
		},
		"an address that it is for": {
			"[server]\nlisten = ['192.0.2.1:53', '10.0.0.1:53', '127.0.0.1:53', '[::]:53']\n[tls]\nlisten = ['192.0.2.1']\n" + named,
			"[{dns.example [dot] 853  [192.0.2.1]}]", nil,
		},
		"an address that it is not for": {
			"[server]\nlisten = ['192.0.2.2:53']\n[tls]\nlisten = ['192.0.2.1']\n" + named, "[{dns.example [dot] 853  [192.0.2.1]}]",
			[]string{"c.toml:5: warning: tls.certificate: not for 192.0.2.2, which server.listen has: clients that are sent to tls.name"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, _, problems := loadTLS(t, dir, c.text)
			for _, want := range c.problems {
				if !strings.HasPrefix(problems, want) {
					t.Errorf("problems %s, want %s", problems, want)
				}
			}
			if len(c.problems) == 0 && problems != "" {
				t.Error(problems)
			}
			if got := shown(cfg); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// shown is what cfg designates; "" without one.
func shown(cfg *config.Config) string {
	if cfg == nil {
		return ""
	}
	return fmt.Sprint(cfg.Designated)
}

func TestNothingIsForwardedToEncryptedListeners(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "a", -time.Hour, 30*24*time.Hour)
	cfg, _, problems := loadTLS(t, dir, `[tls]
listen = ["192.0.2.1", "0.0.0.0:8853"]
https = ["192.0.2.1"]
certificate = "a.pem"
key = "a.key"
[upstream.a]
servers = ["tls://192.0.2.1#dns.example", "tls://127.0.0.1:8853#dns.example", "https://192.0.2.1/dns-query", "tls://192.0.2.2#dns.example"]
`)
	want := []string{
		`c.toml:7: upstream.a.servers[0]: "tls://192.0.2.1#dns.example": our own address, tls.listen has "192.0.2.1:853"; queries would go in a circle`,
		`c.toml:7: upstream.a.servers[1]: "tls://127.0.0.1:8853#dns.example": our own address, tls.listen has "0.0.0.0:8853"; queries would go in a circle`,
		`c.toml:7: upstream.a.servers[2]: "https://192.0.2.1/dns-query": our own address, tls.https has "192.0.2.1:443"; queries would go in a circle`,
	}
	if cfg != nil || strings.TrimSpace(problems) != strings.Join(want, "\n") {
		t.Errorf("problems:\n%s\nwant\n%s", problems, strings.Join(want, "\n"))
	}
}
