//go:build linux

package integration_test

import (
	"os"
	"testing"

	"github.com/miekg/dns"
)

// The ruleset and the rules that the same command writes for splitdns go together: what was answered
// passes, on the ports of its row.
func TestRulesetFedBySplitdns(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := newFence(t)
	f.export()
	rules, err := os.ReadFile(exportRules(t, rulesetZone, "--splitdns-config"))
	if err != nil {
		t.Fatal(err)
	}
	f.serve(firewallServer + "[upstream.default]\nservers = [\"192.0.2.53\"]\n" + string(rules) + "[zone.mdm]\n" + rulesetFile(t))
	f.denied(f.client, "tcp 198.18.0.20:443", "tcp [2001:db8:f00::20]:443")
	f.answered("a.mdm.example", dns.TypeA, "198.18.0.20", "203.0.113.9")
	f.open(f.client, "tcp 198.18.0.20:443", "tcp 198.18.0.20:5229")
	f.answered("a.mdm.example", dns.TypeAAAA, "2001:db8:f00::20")
	f.open(f.client, "tcp [2001:db8:f00::20]:443")
	f.answered("time.mdm.example", dns.TypeA, "198.18.0.30")
	f.open(f.client, "tcp 198.18.0.30:443") // *.mdm.example is for both
	f.answered("www.example", dns.TypeA, "198.18.0.40")
	f.denied(f.client, "tcp 198.18.0.20:22", "tcp 203.0.113.9:443", "tcp 198.18.0.40:443", "udp 198.18.0.20:123")
}

// rulesetFile is the file of the zone, as a key.
func rulesetFile(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/mdm.toml"
	if err := os.WriteFile(path, []byte(rulesetZone), 0o644); err != nil {
		t.Fatal(err)
	}
	return "file = \"" + path + "\"\n"
}
