//go:build linux

package integration_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A lan is the network of a company: clients, a router with a DHCP server, and splitdns
// on a host of its own.
//
//	client ──┐
//	         router ── internet
//	dns ─────┘
type lan struct {
	client, dns, router, internet *host
}

// newLAN makes the hosts and lays the cables. The client has no address of IPv4 yet.
func newLAN(t *testing.T) lan {
	hosts := newHosts(t, "client", "dns", "router", "internet")
	l := lan{hosts[0], hosts[1], hosts[2], hosts[3]}
	l.router.cable("port1", l.client, "eth0")
	l.router.cable("port2", l.dns, "eth0")
	l.router.cable("wan", l.internet, "eth0")
	l.router.bridge("lan", "port1", "port2")
	l.router.address("lan", "10.7.0.1/24", "2001:db8:7::1/64")
	l.router.address("wan", "192.0.2.1/24", "2001:db8:99::1/64")
	l.router.forwards()
	l.dns.address("eth0", "10.7.0.2/24", "2001:db8:7::2/64")
	l.dns.gateway("10.7.0.1", "2001:db8:7::1")
	l.client.address("eth0", "2001:db8:7::10/64")
	l.internet.address("eth0", "192.0.2.53/24", "2001:db8:99::53/64")
	l.internet.gateway("192.0.2.1", "2001:db8:99::1")
	return l
}

// serveDHCP starts a DHCP server on the router, which names dns as the resolver.
func (l lan) serveDHCP(t *testing.T) {
	out := l.router.daemon("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root",
		"--interface=lan", "--bind-interfaces", "--dhcp-authoritative", "--no-ping",
		"--dhcp-range=10.7.0.100,10.7.0.199,255.255.255.0,1h", "--dhcp-option=option:dns-server,10.7.0.2",
		"--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"))
	out.must(t, `DHCP, IP range 10\.7\.0\.100`)
}

// lease gets the client an address and a resolver by DHCP, and returns the address.
func (l lan) lease(t *testing.T) string {
	// A system with resolvconf would write its own file in place of the host's.
	const hidden = `[ ! -e /sbin/resolvconf ] || mount --bind /dev/null /sbin/resolvconf; exec "$@"`
	out := l.client.run("sh", "-c", hidden, "sh",
		"udhcpc", "--interface", "eth0", "--foreground", "--quit", "--now", "--retries", "10", "--timeout", "1")
	match := regexp.MustCompile(`lease of (10\.7\.0\.1\d\d) obtained`).FindStringSubmatch(out)
	if match == nil {
		t.Fatalf("the DHCP client has no lease:\n%s", out)
	}
	settings, err := os.ReadFile(l.client.settings("resolv.conf"))
	if err != nil || !slices.Contains(strings.Split(string(settings), "\n"), "nameserver 10.7.0.2") {
		t.Fatalf("resolv.conf, as the DHCP client wrote it: %v\n%s", err, settings)
	}
	return match[1]
}

// lanConfig pins push for the devices of the LAN.
const lanConfig = `
[server]
listen = ["0.0.0.0:53", "[::]:53"]
[upstream.default]
servers = ["192.0.2.53"]
[client.phones]
addresses = ["10.7.0.0/24", "2001:db8:7::/64"]
[rule.push]
zones   = ["apple-push"]
clients = ["phones"]
tags    = ["mdm", "push"]
pin     = "enforce"
log     = true
`

// lanRecords has an address of the published ranges and one of somebody else's.
const lanRecords = `
.                         SOA  ns.example. root.example. 1 60 60 60 60
12-courier.push.apple.com A    17.57.144.20
12-courier.push.apple.com A    198.51.100.9
12-courier.push.apple.com AAAA 2403:300:a42::20
12-courier.push.apple.com AAAA 2001:db8:bad::9
www.example               A    203.0.113.80
`

// A client that knows nothing but what DHCP told it gets pinned and tagged answers, and
// the log has its name.
func TestLAN(t *testing.T) {
	if !asRoot(t) {
		return
	}
	needs(t, "dig", "dnsmasq", "udhcpc")
	l := newLAN(t)
	l.internet.upstream("192.0.2.53", lanRecords)
	server := l.dns.splitdns("-c", writeConfig(t, lanConfig))
	l.serveDHCP(t)
	client := l.lease(t)

	const name = "12-courier.push.apple.com"
	shows(t, l.client.run("dig", name),
		`status: NOERROR`, `ANSWER: 1,`, `\sA\s+17\.57\.144\.20\n`, `;; SERVER: 10\.7\.0\.2#53\(10\.7\.0\.2\)`,
		`EDE: 17 \(Filtered\): \(?rule=push zone=apple-push row=courier pin=enforce verdict=mixed tags=mdm,push\)?\n`)
	shows(t, l.client.run("dig", "AAAA", name), `ANSWER: 1,`, `\sAAAA\s+2403:300:a42::20\n`)
	shows(t, l.client.run("dig", "+tcp", name), `ANSWER: 1,`, `\sA\s+17\.57\.144\.20\n`, `\(TCP\)`)
	shows(t, l.client.run("dig", "www.example"), `ANSWER: 1,`, `\sA\s+203\.0\.113\.80\n`)
	shows(t, l.client.run("dig", "none.example"), `status: NXDOMAIN`, `ANSWER: 0, AUTHORITY: 1,`)
	shows(t, l.client.run("dig", "+short", "CH", "TXT", name),
		`"v1 name=12-courier\.push\.apple\.com client=`+regexp.QuoteMeta(client)+` `,
		`"match zone=apple-push row=courier pattern=\{0\.\.50\}-courier\.push\.apple\.com rule=push"`,
		`"served A 17\.57\.144\.20"`, `"verdict=mixed"`)
	sawClient(t, server, client, name)

	shows(t, l.client.run("dig", "@2001:db8:7::2", "AAAA", name), `ANSWER: 1,`, `\sAAAA\s+2403:300:a42::20\n`)
	sawClient(t, server, "2001:db8:7::10", name)

	// The upstream's network is none of those that the server is in.
	shows(t, l.internet.run("dig", "@10.7.0.2", "www.example"), `status: REFUSED`, `ANSWER: 0,`, `EDE: 18 \(Prohibited\)`)
	shows(t, l.internet.run("dig", "@2001:db8:7::2", "www.example"), `status: REFUSED`)
}

// shows checks that a text has a match of each pattern.
func shows(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("no match of %#q in\n%s", pattern, text)
		}
	}
}

// sawClient waits for a line of the query log with client and name, and checks what
// else it says.
func sawClient(t *testing.T, server *process, client, name string) {
	t.Helper()
	line := server.stdout.must(t, `(?m)^.*"client":"`+regexp.QuoteMeta(client)+`".*$`)[0]
	var entry struct {
		Client, Name, Verdict string
		Rule, Tags            []string
		Outside               []string
	}
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		t.Fatalf("%v in\n%s", err, line)
	}
	if entry.Client != client || entry.Name != name || entry.Verdict != "mixed" || len(entry.Outside) != 1 ||
		!slices.Equal(entry.Rule, []string{"push"}) || !slices.Equal(entry.Tags, []string{"mdm", "push"}) {
		t.Errorf("the query log says\n%s", line)
	}
}
