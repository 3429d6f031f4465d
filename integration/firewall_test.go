//go:build linux

package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// healTime is how long splitdns may take to bring back what somebody removed from a set.
const healTime = 2 * time.Second

// A firewall is a router that lets its client reach, of the internet, only what is in
// two sets. splitdns runs on it, and the web servers of the internet have every address.
//
//	client ── router ── internet
type firewall struct {
	t                        *testing.T
	client, router, internet *host
	upstream                 *upstream
	config                   string // the file
	server                   *process
}

// firewallRules are those of the router. KIND stands for the flags of the sets. What
// nobody let through is rejected, so that no test waits for it.
const firewallRules = `
table inet filter {
	set mdm4 { type ipv4_addr; KIND; }
	set mdm6 { type ipv6_addr; KIND; }
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname "lan" ip daddr @mdm4 tcp dport 80 accept
		iifname "lan" ip6 daddr @mdm6 tcp dport 80 accept
		meta l4proto tcp reject with tcp reset
	}
}
`

// The kinds of sets.
const (
	plainSets    = "flags timeout"
	intervalSets = "flags timeout, interval"
)

// firewallConfig is the configuration without the table [server].
const firewallConfig = `
[upstream.default]
servers = ["192.0.2.53"]
[rule.push]
zones = ["apple-push"]
tags  = ["mdm"]
pin   = "enforce"
sets  = ["inet filter mdm4", "inet filter mdm6"]
[rule.intune]
zones = ["intune"]
pin   = "observe"
sets  = ["inet filter mdm4", "inet filter mdm6"]
`

// firewallServer is the table [server]. Elements live long, unless more is said.
const firewallServer = `
[server]
listen = ["0.0.0.0:53", "[::]:53"]
`

// firewallRecords are what the upstream knows: addresses in the published ranges, and
// in no range.
const firewallRecords = `
.                         SOA   ns.example. root.example. 1 60 60 60 60
1-courier.push.apple.com  A     17.57.144.20
1-courier.push.apple.com  A     198.51.100.9
1-courier.push.apple.com  AAAA  2403:300:a42::20
1-courier.push.apple.com  AAAA  2001:db8:bad::9
2-courier.push.apple.com  HTTPS 1 . ipv4hint=17.57.144.21,198.51.100.9 ipv6hint=2403:300:a42::21
3-courier.push.apple.com  CNAME edge.example.
edge.example              A     17.57.144.22
4-courier.push.apple.com  1 A   17.57.144.23
4-courier.push.apple.com  1 AAAA 2403:300:a42::23
m.manage.microsoft.com    A     20.199.207.198
m.manage.microsoft.com    A     198.51.100.9
m.manage.microsoft.com    AAAA  2620:1ec:40::7
m.manage.microsoft.com    AAAA  2001:db8:bad::9
www.example               A     203.0.113.80
www.example               AAAA  2001:db8:bad::80
`

// newFirewall makes the hosts and starts what runs on them, but for splitdns. The
// ruleset is not loaded.
func newFirewall(t *testing.T, records string) *firewall {
	needs(t, "nft", "dig", "curl")
	hosts := newHosts(t, "client", "router", "internet")
	f := &firewall{t: t, client: hosts[0], router: hosts[1], internet: hosts[2]}
	f.router.cable("lan", f.client, "eth0")
	f.router.cable("wan", f.internet, "eth0")
	f.client.address("eth0", "10.7.0.10/24", "2001:db8:7::10/64")
	f.client.gateway("10.7.0.1", "2001:db8:7::1")
	f.client.resolvers("nameserver 10.7.0.1\n")
	f.router.address("lan", "10.7.0.1/24", "2001:db8:7::1/64")
	f.router.address("wan", "192.0.2.1/24", "2001:db8:99::1/64")
	f.router.gateway("192.0.2.53", "2001:db8:99::53")
	f.router.forwards()
	f.internet.address("eth0", "192.0.2.53/24", "2001:db8:99::53/64")
	f.internet.ip("route", "add", "10.7.0.0/24", "via", "192.0.2.1")
	f.internet.ip("route", "add", "2001:db8:7::/64", "via", "2001:db8:99::1")
	f.internet.ip("route", "add", "local", "default", "dev", "lo", "table", "main") // it has every other address
	f.internet.ip("-6", "route", "add", "local", "default", "dev", "lo", "table", "main")
	f.upstream = f.internet.upstream("192.0.2.53", records)
	f.internet.web()
	return f
}

// web starts a web server on h that says which of its addresses it was reached at. It
// ends with the test.
func (h *host) web() {
	h.t.Helper()
	l, err := h.listenTCP("[::]:80")
	if err != nil {
		h.t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr).AddrPort()
		fmt.Fprintln(w, "this is", at.Addr().Unmap())
	})}
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = s.Serve(l) }) // until it is closed
	h.t.Cleanup(func() {
		_ = s.Close()
		tasks.Wait()
	})
}

// load loads a ruleset.
func (f *firewall) load(rules string) {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "rules.nft")
	if err := os.WriteFile(path, []byte(rules), 0o644); err != nil {
		f.t.Fatal(err)
	}
	f.router.run("nft", "-f", path)
}

// serve starts splitdns.
func (f *firewall) serve(config string) {
	f.t.Helper()
	f.config = writeConfig(f.t, config)
	f.server = f.router.splitdns("-c", f.config)
}

// startFirewall is a firewall with sets of a kind, at work.
func startFirewall(t *testing.T, kind, server, records string) *firewall {
	f := newFirewall(t, records)
	f.load(strings.ReplaceAll(firewallRules, "KIND", kind))
	f.serve(server + firewallConfig)
	return f
}

// url is the web server at an address.
func url(addr string) string {
	return "http://" + netip.AddrPortFrom(netip.MustParseAddr(addr), 80).String() + "/"
}

// reach makes a new connection from the client to the web server at an address.
func (f *firewall) reach(addr string) error {
	visitor := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, at string) (c net.Conn, err error) {
			return c, errors.Join(f.client.within(func() error {
				c, err = new(net.Dialer).DialContext(ctx, network, at)
				return err
			}))
		},
	}}
	response, err := visitor.Get(url(addr))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if want := "this is " + addr + "\n"; err == nil && string(body) != want {
		err = fmt.Errorf("the web server says %q, want %q", body, want)
	}
	return err
}

// passes checks that the client reaches each address.
func (f *firewall) passes(addrs ...string) {
	f.t.Helper()
	for _, addr := range addrs {
		if err := f.reach(addr); err != nil {
			f.t.Fatalf("%s: %v, though it was answered\n%s", addr, err, f.rules())
		}
	}
}

// blocked checks that the firewall rejects each address.
func (f *firewall) blocked(addrs ...string) {
	f.t.Helper()
	for _, addr := range addrs {
		if err := f.reach(addr); !errors.Is(err, syscall.ECONNREFUSED) {
			f.t.Fatalf("%s: %v, want it rejected\n%s", addr, err, f.rules())
		}
	}
}

// rules is the ruleset, with what is in the sets.
func (f *firewall) rules() string {
	f.t.Helper()
	return f.router.run("nft", "list", "ruleset")
}

// holds says whether a set of the table filter has an address.
func (f *firewall) holds(set, addr string) bool {
	out, err := f.router.try("nft", "list", "set", "inet", "filter", set)
	return err == nil && regexp.MustCompile(`[\s{]`+regexp.QuoteMeta(addr)+`[\s,}-]`).MatchString(out)
}

// soon waits until something holds, and fails the test if that takes too long.
func (f *firewall) soon(limit time.Duration, what string, holds func() bool) {
	f.t.Helper()
	for start := time.Now(); !holds(); {
		if took := time.Since(start); took > limit {
			f.t.Fatalf("after %s not yet: %s\n%s", took, what, f.rules())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// heals waits until addresses are back in the set for their IP version.
func (f *firewall) heals(addrs ...string) {
	f.t.Helper()
	f.soon(healTime, fmt.Sprint(addrs, " back in their sets"), func() bool {
		return !slices.ContainsFunc(addrs, func(addr string) bool { return !f.holds(setOf(addr), addr) })
	})
}

// setOf is the set for an address.
func setOf(addr string) string {
	if netip.MustParseAddr(addr).Is4() {
		return "mdm4"
	}
	return "mdm6"
}

// ask asks splitdns from the client, and returns the addresses and how long they may be
// used.
func (f *firewall) ask(name string, qtype uint16) (addrs []string, ttl time.Duration, err error) {
	var conn net.Conn
	err = f.client.within(func() error {
		conn, err = net.Dial("udp", "10.7.0.1:53")
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	m, _, err := (&dns.Client{Timeout: patience}).ExchangeWithConn(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), &dns.Conn{Conn: conn})
	if err != nil {
		return nil, 0, err
	}
	for _, rr := range m.Answer {
		ttl = time.Duration(rr.Header().Ttl) * time.Second
		switch rr := rr.(type) {
		case *dns.A:
			addrs = append(addrs, rr.A.String())
		case *dns.AAAA:
			addrs = append(addrs, rr.AAAA.String())
		}
	}
	if len(addrs) == 0 {
		err = fmt.Errorf("%s has no address:\n%s", name, m)
	}
	return addrs, ttl, err
}

// answered checks which addresses the client gets for a name.
func (f *firewall) answered(name string, qtype uint16, want ...string) {
	f.t.Helper()
	got, _, err := f.ask(name, qtype)
	if err != nil {
		f.t.Fatal(err)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		f.t.Errorf("%s %s: %q, want %q", name, dns.Type(qtype), got, want)
	}
}

// What was answered, and is published, passes; nothing else does.
func TestFirewall(t *testing.T) {
	if !asRoot(t) {
		return
	}
	for _, kind := range []string{plainSets, intervalSets} {
		t.Run(kind, func(t *testing.T) {
			f := startFirewall(t, kind, firewallServer, firewallRecords)
			f.opensForAnswers()
			f.opensForHints()
			f.opensForRulesThatObserve()
			f.staysClosed()
		})
	}
}

// opensForAnswers does it as a user would.
func (f *firewall) opensForAnswers() {
	const name = "1-courier.push.apple.com"
	for _, addr := range []string{"17.57.144.20", "2403:300:a42::20"} {
		if out, err := f.client.try("curl", "-sS", url(addr)); err == nil {
			f.t.Errorf("%s passes before it was answered: %s", addr, out)
		}
	}
	shows(f.t, f.client.run("dig", name), `ANSWER: 1,`, `\sA\s+17\.57\.144\.20\n`, `EDE: 17 \(Filtered\): .*verdict=mixed`)
	shows(f.t, f.client.run("curl", "-sS", url("17.57.144.20")), `^this is 17\.57\.144\.20\n$`)
	f.blocked("2403:300:a42::20", "198.51.100.9")
	shows(f.t, f.client.run("dig", "AAAA", name), `ANSWER: 1,`, `\sAAAA\s+2403:300:a42::20\n`)
	shows(f.t, f.client.run("curl", "-sS", url("2403:300:a42::20")), `^this is 2403:300:a42::20\n$`)
	f.blocked("198.51.100.9", "2001:db8:bad::9")
	f.answered("3-courier.push.apple.com", dns.TypeA, "17.57.144.22")
	f.passes("17.57.144.22")
}

// opensForHints takes the addresses of HTTPS records.
func (f *firewall) opensForHints() {
	f.blocked("17.57.144.21", "2403:300:a42::21")
	shows(f.t, f.client.run("dig", "HTTPS", "2-courier.push.apple.com"), `ANSWER: 1,`)
	f.passes("17.57.144.21", "2403:300:a42::21")
	f.blocked("198.51.100.9")
}

// opensForRulesThatObserve finds answers with addresses that were never published.
func (f *firewall) opensForRulesThatObserve() {
	f.answered("m.manage.microsoft.com", dns.TypeA, "198.51.100.9", "20.199.207.198")
	f.passes("20.199.207.198")
	f.answered("m.manage.microsoft.com", dns.TypeAAAA, "2001:db8:bad::9", "2620:1ec:40::7")
	f.passes("2620:1ec:40::7")
	f.blocked("198.51.100.9", "2001:db8:bad::9")
}

// staysClosed tries what was published, but never answered, and what no rule names.
func (f *firewall) staysClosed() {
	f.answered("www.example", dns.TypeA, "203.0.113.80")
	f.answered("www.example", dns.TypeAAAA, "2001:db8:bad::80")
	f.blocked("203.0.113.80", "2001:db8:bad::80", "17.57.144.19", "17.57.144.99", "2403:300:a42::99", "20.199.207.199")
}
