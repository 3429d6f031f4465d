//go:build linux

package integration_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// What somebody removed from the sets comes back by itself.
func TestFirewallHeals(t *testing.T) {
	if !asRoot(t) {
		return
	}
	for _, kind := range []string{plainSets, intervalSets} {
		t.Run(kind, func(t *testing.T) {
			f := startFirewall(t, kind, firewallServer, firewallRecords)
			rules := strings.ReplaceAll(firewallRules, "KIND", kind)
			const name = "1-courier.push.apple.com"
			f.answered(name, dns.TypeA, "17.57.144.20")
			f.answered(name, dns.TypeAAAA, "2403:300:a42::20")
			for _, change := range []struct {
				what string
				do   func()
			}{
				{"flush set", func() {
					f.router.run("nft", "flush", "set", "inet", "filter", "mdm4")
					f.router.run("nft", "flush", "set", "inet", "filter", "mdm6")
				}},
				{"flush ruleset, then nft -f", func() {
					f.router.run("nft", "flush", "ruleset")
					f.load(rules)
				}},
				{"flush ruleset within nft -f", func() { f.load("flush ruleset\n" + rules) }},
				{"a set removed, and made again", func() {
					f.router.run("nft", "flush", "chain", "inet", "filter", "forward")
					f.router.run("nft", "delete", "set", "inet", "filter", "mdm4")
					f.load(rules)
				}},
			} {
				change.do()
				t.Log(change.what)
				f.heals("17.57.144.20", "2403:300:a42::20")
				f.passes("17.57.144.20", "2403:300:a42::20")
				f.blocked("17.57.144.99", "2403:300:a42::99", "198.51.100.9")
			}
		})
	}
}

// Where a set is missing, clients get what the configuration says; once it is there, it
// works.
func TestFirewallWithoutSets(t *testing.T) {
	if !asRoot(t) {
		return
	}
	for failure, want := range map[string][]string{
		"answer":   {`status: NOERROR`, `ANSWER: 1,`, `EDE: .*\bmdm4\b`},
		"servfail": {`status: SERVFAIL`, `ANSWER: 0,`, `EDE: .*\bmdm4\b`},
	} {
		t.Run(failure, func(t *testing.T) {
			f := newFirewall(t, firewallRecords)
			f.serve(firewallServer + "on_set_failure = \"" + failure + "\"\n" + firewallConfig)
			f.server.stderr.must(t, `inet filter mdm4`)
			f.server.stderr.must(t, `inet filter mdm6`)
			const name, addr = "1-courier.push.apple.com", "17.57.144.20"
			shows(t, f.client.run("dig", name), want...)
			shows(t, f.client.run("dig", name), want...) // also from the cache
			shows(t, f.client.run("dig", "www.example"), `status: NOERROR`, `ANSWER: 1,`)

			f.load(strings.ReplaceAll(firewallRules, "KIND", plainSets))
			f.soon(healTime, addr+" passes when it is asked for", func() bool {
				got, _, err := f.ask(name, dns.TypeA)
				return err == nil && len(got) == 1 && f.reach(addr) == nil
			})
			f.blocked("17.57.144.99", "198.51.100.9")
		})
	}
}
