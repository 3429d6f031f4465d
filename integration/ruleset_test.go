//go:build linux

package integration_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The clients reach the zones on their ports, and nothing else; nobody else notices.
func TestRuleset(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := newFence(t)
	f.export()
	for _, v := range []struct{ in, not string }{{"198.18.0.20", "198.18.0.21"}, {"2001:db8:f00::20", "2001:db8:f00::21"}} {
		at := func(network, addr, port string) string { return network + " " + net.JoinHostPort(addr, port) }
		f.denied(f.client, at("tcp", v.in, "443"), at("udp", v.in, "123"))
		f.element("add", coreSet, v.in)
		f.open(f.client, at("tcp", v.in, "443"), at("tcp", v.in, "5229"))
		f.denied(f.client, at("tcp", v.in, "22"), at("tcp", v.not, "443"), at("tcp", v.not, "5229"), at("udp", v.in, "123"))
		f.element("add", timeSet, v.in)
		f.open(f.client, at("udp", v.in, "123"))
		f.denied(f.client, at("tcp", v.in, "22"), at("tcp", v.not, "443"))

		f.open(f.other, at("tcp", v.in, "22"), at("tcp", v.not, "443"), at("udp", v.in, "123"))
		f.element("delete", coreSet, v.in)
		f.denied(f.client, at("tcp", v.in, "443"))
		f.open(f.client, at("udp", v.in, "123"))
	}
	shows(t, f.rules(), `meta l4proto tcp counter packets [1-9]`, `counter packets [1-9].* reject with icmpx`, `_4 tcp dport 443 counter packets 1 `)

	// What others open to the clients is theirs, and so is the router, unless --input was asked for.
	f.client.echoes("443")
	f.open(f.internet, "tcp 10.7.0.10:443", "tcp [2001:db8:7::10]:443")
	f.open(f.client, "tcp 10.7.0.1:22", "tcp [2001:db8:7::1]:22")
}

// Loaded again, even with other clients and options, a ruleset cuts nothing that it allows: elements,
// connections and the administrator's own rules stay.
func TestRulesetLoadedAgain(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := newFence(t)
	f.export()
	conns := map[string]net.Conn{}
	for _, addr := range []string{"198.18.0.20", "2001:db8:f00::20"} {
		f.element("add", coreSet, addr)
		conn, err := f.client.dial("tcp", net.JoinHostPort(addr, "443"), patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := echoed(conn, "before"); err != nil {
			t.Fatal(err)
		}
		conns[addr] = conn
	}
	f.router.run("nft", "add", "rule", "inet", "splitdns", "splitdns-exceptions", "ip", "daddr", "198.18.0.99", "tcp", "dport", "22", "accept")
	f.open(f.client, "tcp 198.18.0.99:22")
	for _, flags := range [][]string{nil, {"--input", "--interface", "lan"}, {"--clients", "10.9.0.0/16"}, {"--drop", "--static"}, nil} {
		f.export(flags...)
		for addr, conn := range conns {
			f.open(f.client, "tcp "+net.JoinHostPort(addr, "443"))
			if err := echoed(conn, "after"); err != nil {
				t.Errorf("%q: the connection to %s is cut: %v", flags, addr, err)
			}
		}
		f.open(f.client, "tcp 198.18.0.99:22")
	}
	for addr, conn := range conns { // it outlives the element
		f.element("delete", coreSet, addr)
		f.denied(f.client, "tcp "+net.JoinHostPort(addr, "443"))
		if err := echoed(conn, "and on"); err != nil {
			t.Errorf("the connection to %s ends with its element: %v", addr, err)
		}
	}
}

// No packet finds the clients without rules while the ruleset is loaded again and again.
func TestRulesetWithoutGap(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := newFence(t)
	f.export()
	f.element("add", coreSet, "198.18.0.20")
	stop, found := make(chan struct{}), make(chan error)
	go func() {
		defer close(found)
		for {
			if err := f.client.talks("tcp", "198.18.0.21:443", patience); !errors.Is(err, syscall.ECONNREFUSED) {
				found <- fmt.Errorf("what is denied: %w", err)
			}
			if err := f.client.talks("tcp", "198.18.0.20:443", patience); err != nil {
				found <- fmt.Errorf("what is open: %w", err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	go func() {
		defer close(stop)
		for range 20 {
			if out, err := f.router.try("nft", "-f", f.rulesFile); err != nil {
				found <- fmt.Errorf("%w: %s", err, out)
			}
		}
	}()
	for err := range found {
		t.Error(err)
	}
}

// What path MTU discovery and neighbour discovery need comes through, even where everybody is held
// to be a client, and so are those that send the errors.
func TestRulesetLetsICMPPass(t *testing.T) {
	if !asRoot(t) {
		return
	}
	for name, flags := range map[string][]string{
		"one network": {"--input", "--interface", "lan"},
		"everybody":   {"--input", "--clients", "0.0.0.0/0,::/0"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFence(t)
			f.export(flags...)
			f.sendsMuch(farV4)
			f.sendsMuch(farV6)
			for _, h := range []*host{f.client, f.router} {
				h.ip("neigh", "flush", "all")
			}
			f.open(f.client, "tcp ["+farV6+"]:443", "tcp "+farV4+":443")
		})
	}
}

// sendsMuch checks that the client learns how narrow the way to an address is.
func (f *fence) sendsMuch(addr string) {
	f.t.Helper()
	f.element("add", coreSet, addr)
	conn, err := f.client.dial("tcp", net.JoinHostPort(addr, "443"), patience)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		f.t.Fatal(err)
	}
	if err := echoed(conn, strings.Repeat("0123456789", 20_000)); err != nil {
		f.t.Errorf("%s: %v\n%s", addr, err, f.rules())
	}
	shows(f.t, f.client.run("ip", "route", "get", addr), `\bmtu `+narrow+`\b`)
}

// With --input, the clients have of the router what they cannot do without.
func TestRulesetInput(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := newFence(t)
	f.export("--input")
	f.open(f.client, "tcp 10.7.0.1:853", "tcp [2001:db8:7::1]:853")
	f.denied(f.client, "tcp 10.7.0.1:22", "tcp [2001:db8:7::1]:22", "tcp 10.8.0.1:22")
	f.open(f.other, "tcp 10.8.0.1:22", "tcp [2001:db8:8::1]:22")
	f.open(f.router, "tcp 10.7.0.1:22", "tcp [2001:db8:7::1]:22")
}

// The other ways of a ruleset: published prefixes at once, one interface, one IP version, silence,
// and a resolver elsewhere.
func TestRulesetOptions(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := newFence(t)
	f.export("--static")
	f.open(f.client, "tcp 198.18.0.20:443", "tcp [2001:db8:f00::20]:5229")
	f.denied(f.client, "tcp 198.18.0.20:22", "udp 198.18.0.20:123", "tcp 198.18.1.20:443", "tcp [2001:db8:f01::20]:443")

	f.export("--interface", "lan2")
	f.open(f.client, "tcp 198.18.0.20:22")
	f.export("--clients", "10.8.0.0/24", "--interface", "lan,lan2")
	f.denied(f.client, "tcp 198.18.0.20:22")
	f.denied(f.other, "tcp 198.18.0.20:22")
	f.open(f.other, "tcp [2001:db8:f00::20]:22") // nobody said which addresses they have by IPv6

	f.export("--static", "--family", "4")
	f.open(f.client, "tcp 198.18.0.20:443")
	f.denied(f.client, "tcp [2001:db8:f00::20]:443")

	f.export("--ports", "zone", "--resolver", "198.18.0.53,2001:db8:f00::53")
	f.element("add", "splitdns-mdm-tcp443.5228-5230.udp123", "198.18.0.20")
	f.open(f.client, "tcp 198.18.0.20:443", "udp 198.18.0.20:123")
	f.internet.echoes("853")
	f.denied(f.client, "tcp 198.18.0.20:853")
	f.open(f.client, "tcp 198.18.0.53:853", "tcp [2001:db8:f00::53]:853")

	f.export("--drop")
	if err := f.client.talks("tcp", "198.18.0.21:443", 300*time.Millisecond); !isTimeout(err) {
		t.Errorf("%v, want silence", err)
	}
	shows(t, f.rules(), `counter packets [1-9]\d* bytes \d+ drop`)
}

// isTimeout says whether nothing came.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// Tens of thousands of published prefixes load, and load again.
func TestRulesetOfManyPrefixes(t *testing.T) {
	if !asRoot(t) {
		return
	}
	needs(t, "nft")
	router := newHosts(t, "router")[0]
	const many = 1 << 16
	prefixes := make([]string, 0, many)
	for i := range many / 2 {
		prefixes = append(prefixes, fmt.Sprintf(`"11.%d.%d.0/25"`, i/128, i%128*2), fmt.Sprintf(`"2001:db8:%x::/64"`, 2*i))
	}
	file := exportRules(t, `
[row.a]
names    = ["a.example"]
ports    = ["tcp/443"]
prefixes = [`+strings.Join(prefixes, ",")+"]", "--static")
	if out, err := router.try("nft", "-f", file); strings.Contains(out, "Message too long") {
		t.Skip("the kernel takes transactions of this size from the root of the machine only (net.core.wmem_max)")
	} else if err != nil {
		t.Fatal(err)
	}
	router.run("nft", "-f", file)
	for family, prefix := range map[string]string{"4": "11.255.254.0/25", "6": "2001:db8:fffe::/64"} {
		router.run("nft", "get", "element", "inet", "splitdns", "splitdns-mdm-tcp443_published"+family, "{ "+prefix+" }")
	}
}
