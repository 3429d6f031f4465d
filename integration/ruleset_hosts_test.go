//go:build linux

package integration_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rulesetZone is a zone whose rows have several lists of ports.
const rulesetZone = `
title = "Our MDM"
[row.core]
names    = ["*.mdm.example"]
prefixes = ["198.18.0.0/24", "2001:db8:f00::/48"]
ports    = ["tcp/443", "tcp/5228-5230"]
[row.time]
names    = ["time.mdm.example"]
ports    = ["udp/123"]
`

// rulesetRecords are what the upstream knows: addresses in the published ranges, and others.
const rulesetRecords = `
.                 SOA  ns.example. root.example. 1 60 60 60 60
a.mdm.example     A    198.18.0.20
a.mdm.example     A    203.0.113.9
a.mdm.example     AAAA 2001:db8:f00::20
time.mdm.example  A    198.18.0.30
www.example       A    198.18.0.40
`

// The sets of that zone for splitdns to fill.
const (
	coreSet = "splitdns-mdm-tcp443.5228-5230"
	timeSet = "splitdns-mdm-udp123"
)

// A fence is a router with a ruleset as splitdns writes it, on which splitdns does not run.
//
//	client ─┐
//	        router ── internet ── far
//	other  ─┘
//
// The internet has every address, but for those of the host far, to which packets of more than
// [narrow] octets do not fit.
type fence struct {
	*firewall
	other, far *host
	rulesFile  string // that was loaded last
}

const (
	narrow = "1300"
	farV4  = "198.51.100.77"
	farV6  = "2001:db8:fa::77"
)

// newFence makes the hosts. No ruleset is loaded.
func newFence(t *testing.T) *fence {
	f := &fence{firewall: newFirewall(t, rulesetRecords)}
	hosts := newHosts(t, "other", "far")
	f.other, f.far = hosts[0], hosts[1]
	f.router.cable("lan2", f.other, "eth0")
	f.router.address("lan2", "10.8.0.1/24", "2001:db8:8::1/64")
	f.other.address("eth0", "10.8.0.10/24", "2001:db8:8::10/64")
	f.other.gateway("10.8.0.1", "2001:db8:8::1")
	f.internet.ip("route", "add", "10.8.0.0/24", "via", "192.0.2.1")
	f.internet.ip("route", "add", "2001:db8:8::/64", "via", "2001:db8:99::1")

	f.internet.cable("far", f.far, "eth0")
	f.internet.address("far", "198.51.100.1/24", "2001:db8:fa::1/64")
	f.far.address("eth0", farV4+"/24", farV6+"/64")
	f.far.gateway("198.51.100.1", "2001:db8:fa::1")
	f.internet.ip("link", "set", "far", "mtu", narrow)
	f.internet.forwards()
	f.internet.address("lo", "198.18.0.20/32", "2001:db8:f00::20/128")
	for _, port := range []string{"22", "443", "5229"} {
		f.internet.echoes(port)
	}
	f.far.echoes("443")
	f.internet.echoesUDP("123")
	f.router.echoes("22")
	f.router.echoes("853")
	return f
}

// echoes starts a server on h that sends back what it gets. It ends with the test.
func (h *host) echoes(port string) {
	h.t.Helper()
	l, err := h.listenTCP(net.JoinHostPort("::", port))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // until the client has enough
			}()
		}
	}()
}

// echoesUDP is echoes for datagrams, at one address of each IP version: the answer comes from
// where the question went to.
func (h *host) echoesUDP(port string) {
	h.t.Helper()
	for _, addr := range []string{"198.18.0.20", "2001:db8:f00::20"} {
		var conn net.PacketConn
		err := h.within(func() (err error) {
			conn, err = net.ListenPacket("udp", net.JoinHostPort(addr, port))
			return err
		})
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { _ = conn.Close() })
		go func() {
			b := make([]byte, 1500)
			for {
				n, from, err := conn.ReadFrom(b)
				if err != nil {
					return // closed
				}
				_, _ = conn.WriteTo(b[:n], from)
			}
		}()
	}
}

// dial opens a connection from h.
func (h *host) dial(network, addr string, limit time.Duration) (conn net.Conn, err error) {
	err = h.within(func() error {
		conn, err = net.DialTimeout(network, addr, limit)
		return err
	})
	return conn, err
}

// talks opens a connection from h, and has something sent back.
func (h *host) talks(network, addr string, limit time.Duration) error {
	conn, err := h.dial(network, addr, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	return echoed(conn, "hello")
}

// echoed has text sent back.
func echoed(conn net.Conn, text string) error {
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, text)
		sent <- err
	}()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != text {
		return fmt.Errorf("%d octets came back as others", len(text))
	}
	return <-sent
}

// open checks that h reaches what is given as "tcp 198.18.0.20:443".
func (f *fence) open(h *host, targets ...string) {
	f.t.Helper()
	for _, target := range targets {
		network, addr, _ := strings.Cut(target, " ")
		if err := h.talks(network, addr, patience); err != nil {
			f.t.Errorf("%s does not reach %s: %v\n%s", h.name, target, err, f.rules())
		}
	}
}

// denied checks that h is told that it must not: by a reset, or by an ICMP error.
func (f *fence) denied(h *host, targets ...string) {
	f.t.Helper()
	for _, target := range targets {
		network, addr, _ := strings.Cut(target, " ")
		err := h.talks(network, addr, patience)
		ok := errors.Is(err, syscall.ECONNREFUSED)
		if network == "udp" { // RFC 792, code 13; RFC 4443, code 1
			ok = errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.EACCES)
		}
		if !ok {
			f.t.Errorf("%s, %s: %v, want it rejected\n%s", h.name, target, err, f.rules())
		}
	}
}

// export loads a ruleset of the zone for the client.
func (f *fence) export(flags ...string) {
	f.t.Helper()
	f.rulesFile = exportRules(f.t, rulesetZone, flags...)
	f.router.run("nft", "-f", f.rulesFile)
}

// exportRules writes a ruleset of the zone mdm, whose file is given, for the client, and returns its path.
func exportRules(t *testing.T, zone string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"mdm.toml": zone, "c.toml": "[zone.mdm]\nfile = \"mdm.toml\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(command, append([]string{
		"zones", "export", "mdm", "-c", "c.toml", "--format", "nft-rules", "--clients", "10.7.0.0/24,2001:db8:7::/64", "-o", "rules.nft",
	}, flags...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "rules.nft")
}

// element puts an address into a set, or takes it out, as splitdns would.
func (f *fence) element(does, set, addr string) {
	f.t.Helper()
	family, timeout := "_6", " timeout 1h"
	if netip.MustParseAddr(addr).Is4() {
		family = "_4"
	}
	if does == "delete" {
		timeout = ""
	}
	f.router.run("nft", does, "element", "inet", "splitdns", set+family, "{ "+addr+timeout+" }")
}
