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

// What may be wrong with the set for IPv4, and a word of what is said about it.
var setFaults = map[string]struct{ rules, said string }{
	"no table":     {"", "no table"},
	"no set":       {"table inet filter { }", "not there"},
	"no timeout":   {faulty("type ipv4_addr"), "timeout"},
	"another type": {faulty("type ether_addr; flags timeout"), "ether_addr"},
	"full":         {faulty("type ipv4_addr; flags timeout; size 1; elements = { 192.0.2.9 }"), "full"},
}

// faulty is a ruleset without rules, and a set for IPv4 of one's own.
func faulty(set string) string {
	return "table inet filter {\nset mdm4 { " + set + "; }\nset mdm6 { type ipv6_addr; flags timeout; }\n}\n"
}

// Where a set cannot be used, this is said, and the answer is what the configuration
// says; when it has been repaired, it works.
func TestFirewallFaults(t *testing.T) {
	if !asRoot(t) {
		return
	}
	for what, fault := range setFaults {
		t.Run(what, func(t *testing.T) { showFault(t, fault.rules, fault.said, "answer") })
	}
	t.Run("servfail", func(t *testing.T) { showFault(t, "", "no table", "servfail") })
}

// showFault starts with faulty rules, and repairs them.
func showFault(t *testing.T, rules, said, failure string) {
	f := newFirewall(t, firewallRecords)
	f.load(rules)
	f.serve(firewallServer + "on_set_failure = \"" + failure + "\"\n" + firewallConfig)
	const name, addr = "1-courier.push.apple.com", "17.57.144.20"
	f.fails(name, said, failure)
	f.fails(name, said, failure) // also from the cache
	f.server.stderr.must(t, `level=ERROR msg="sets? .*inet filter mdm4 .*`+said+`.*; fix( of the first .*)?: `)
	shows(t, f.client.run("dig", "www.example"), `status: NOERROR`, `ANSWER: 1,`)

	f.load("flush ruleset\n" + strings.ReplaceAll(firewallRules, "KIND", plainSets))
	f.soon(healTime, addr+" passes when it is asked for", func() bool {
		got, _, err := f.ask(name, dns.TypeA)
		return err == nil && len(got) == 1 && f.reach(addr) == nil
	})
	f.blocked("17.57.144.99", "198.51.100.9")
	f.server.stderr.must(t, `sets? .*inet filter mdm4 .* (is|are) well again`)
}

// fails asks for a name whose address does not get into its set, and checks that dig
// shows why.
func (f *firewall) fails(name, said, failure string) {
	f.t.Helper()
	out := f.client.run("dig", name)
	shows(f.t, out, `EDE: .*\(set inet filter mdm4: .*`+said)
	if failure == "answer" {
		shows(f.t, out, `status: NOERROR`, `ANSWER: 1,`)
		return
	}
	shows(f.t, out, `status: SERVFAIL`, `ANSWER: 0,`)
}

// Without the right to change sets, splitdns says which one it needs, and answers.
func TestFirewallWithoutRights(t *testing.T) {
	needs(t, "setpriv")
	if !asRoot(t) {
		return
	}
	f := newFirewall(t, firewallRecords)
	f.load(strings.ReplaceAll(firewallRules, "KIND", plainSets))
	f.server = f.router.launch("setpriv", "--bounding-set=-net_admin", command, "serve", "-c", writeConfig(t, firewallServer+firewallConfig))
	f.fails("1-courier.push.apple.com", "CAP_NET_ADMIN", "answer")
	f.server.stderr.must(t, `level=ERROR msg="sets? .*inet filter mdm4 .*CAP_NET_ADMIN`)
	f.blocked("17.57.144.20")
}
