package server_test

import (
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/config"
)

// loopback is where we listen.
var loopback = []string{"127.0.0.1:53", "[::1]:53"}

// resolvConfs are files of /etc, and the resolvers in them.
var resolvConfs = map[string]struct {
	file   string
	listen []string
	want   []string // none: an error
}{
	"several":                      {"# by NetworkManager\nsearch example\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n", loopback, []string{"192.0.2.53:53", "[2001:db8::53]:53"}},
	"twice the same":               {"nameserver 192.0.2.53\nnameserver 192.0.2.53\n", loopback, []string{"192.0.2.53:53"}},
	"without a last line's end":    {"nameserver\t192.0.2.53", loopback, []string{"192.0.2.53:53"}},
	"link-local with its scope":    {"nameserver fe80::1%eth0\n", loopback, []string{"[fe80::1%eth0]:53"}},
	"IPv4-mapped":                  {"nameserver ::ffff:192.0.2.53\n", loopback, []string{"192.0.2.53:53"}},
	"not an address":               {"nameserver dns.example\nnameserver 192.0.2.53\n", loopback, []string{"192.0.2.53:53"}},
	"itself and another":           {"nameserver 127.0.0.1\nnameserver 192.0.2.53\n", loopback, []string{"192.0.2.53:53"}},
	"only itself":                  {"nameserver 127.0.0.1\nnameserver ::1\n", loopback, nil},
	"itself as this machine":       {"nameserver 0.0.0.0\n", loopback, nil},
	"itself as this machine, IPv6": {"nameserver ::\n", loopback, nil},
	"systemd-resolved beside us":   {"nameserver 127.0.0.53\n", loopback, []string{"127.0.0.53:53"}},
	"we are on every address":      {"nameserver 127.0.0.53\nnameserver 192.0.2.53\n", []string{"0.0.0.0:53"}, []string{"192.0.2.53:53"}},
	"we are on another port":       {"nameserver 127.0.0.1\n", []string{"127.0.0.1:5300"}, []string{"127.0.0.1:53"}},
	"empty":                        {"", loopback, nil},
}

func TestSystemResolvers(t *testing.T) {
	for name, c := range resolvConfs {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "resolv.conf")
			write(t, file, c.file)
			servers, err := server.SystemResolvers(file, addrPorts(c.listen...))
			var got []string
			for _, s := range servers {
				got = append(got, s.String())
			}
			if d := cmp.Diff(c.want, got); d != "" || (err != nil) != (c.want == nil) {
				t.Errorf("error %v (-want +got):\n%s", err, d)
			}
			if err != nil && !strings.Contains(err.Error(), "[upstream.default]") {
				t.Errorf("error %q does not say what to do", err)
			}
		})
	}
	if _, err := server.SystemResolvers("/does/not/exist", nil); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("no file: %v", err)
	}
}

// TestMissingFamily holds that a machine without IPv6 is served over IPv4, and
// that no other address may be left out, nor one that was given.
func TestMissingFamily(t *testing.T) {
	_, missing := net.Listen("tcp4", "198.51.100.77:0")
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken := net.Listen("tcp4", l.Addr().String())
	for _, c := range []struct {
		byDefault bool
		addr      string
		err       error
		want      bool
	}{
		{true, "[::1]:5300", missing, true},
		{true, "[::1]:5300", taken, false},
		{true, "127.0.0.1:5300", missing, false},
		{false, "[::1]:5300", missing, false},
	} {
		got := server.MissingFamily(config.Server{ListenByDefault: c.byDefault}, netip.MustParseAddrPort(c.addr), c.err)
		if c.err == nil || got != c.want {
			t.Errorf("MissingFamily(default: %v, %s, %v) = %v, want %v", c.byDefault, c.addr, c.err, got, c.want)
		}
	}
}

// addrPorts parses addresses.
func addrPorts(texts ...string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, text := range texts {
		all = append(all, netip.MustParseAddrPort(text))
	}
	return all
}

func TestIsSelf(t *testing.T) {
	for _, c := range []struct {
		server, listen string
		want           bool
	}{
		{"127.0.0.1:53", "127.0.0.1:53", true},
		{"127.0.0.1:53", "127.0.0.1:5300", false},
		{"127.0.0.2:53", "127.0.0.1:53", false},
		{"127.0.0.2:53", "0.0.0.0:53", true},
		{"192.0.2.53:53", "0.0.0.0:53", false},
		{"[::1]:53", "0.0.0.0:53", false}, // a socket on :: takes no IPv4, and the reverse
		{"[::1]:53", "[::]:53", true},
		{"0.0.0.0:53", "127.0.0.1:53", true},
		{"0.0.0.0:53", "192.0.2.1:53", false},
		{"[::]:53", "[::1]:53", true},
		{"[::]:53", "127.0.0.1:53", false},
	} {
		if got := server.IsSelf(netip.MustParseAddrPort(c.server), addrPorts(c.listen)); got != c.want {
			t.Errorf("IsSelf(%s, %s) = %v, want %v", c.server, c.listen, got, c.want)
		}
	}
}

func TestLocalNetworks(t *testing.T) {
	networks := server.LocalNetworks()
	for _, p := range server.LocalPrefixes {
		if !slices.Contains(networks, p) {
			t.Errorf("%v is missing from %v", p, networks)
		}
	}
	if !slices.IsSortedFunc(networks, netip.Prefix.Compare) {
		t.Errorf("%v is not sorted: two of them would never be equal", networks)
	}
	for _, p := range networks {
		if p != p.Masked() || p.Bits() == 0 {
			t.Errorf("%v is no network", p)
		}
	}
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := server.NewLimiter()
		allowed := func(n int) (count int) {
			for range n {
				if l.Allow(client, time.Now()) {
					count++
				}
			}
			return count
		}
		if n := allowed(2 * server.ExplainBurst); n != server.ExplainBurst {
			t.Errorf("%d allowed at first, want %d", n, server.ExplainBurst)
		}
		time.Sleep(time.Second)
		if n := allowed(2 * server.ExplainBurst); n != server.ExplainRate {
			t.Errorf("%d allowed after a second, want %d", n, server.ExplainRate)
		}
		time.Sleep(time.Hour)
		if n := allowed(2 * server.ExplainBurst); n != server.ExplainBurst {
			t.Errorf("%d allowed after an hour, want %d", n, server.ExplainBurst)
		}
	})
}

// TestTexts holds that a long fact goes on in a record with the same first word,
// and that the rest of a cut token is marked.
func TestTexts(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	words := func(n int) string { return "published" + strings.Repeat(" 192.0.2.0/24", n) }
	for name, c := range map[string]struct {
		fact string
		want []string
	}{
		"short":                     {"match none", []string{"match none"}},
		"one word":                  {"verdict=inside", []string{"verdict=inside"}},
		"255 octets":                {"published " + x(245), []string{"published " + x(245)}},
		"a space at the boundary":   {"published " + x(245) + " y", []string{"published " + x(245), "published y"}},
		"a token over the boundary": {"published " + x(240) + " yyyyyy", []string{"published " + x(240), "published yyyyyy"}},
		"many words":                {words(40), []string{words(18), words(18), words(4)}},
		"a token over 255 octets":   {"v1 name=" + x(600), []string{"v1 name=" + x(247), "v1 +=" + x(250), "v1 +=" + x(103)}},
	} {
		var got []string
		for _, record := range server.Texts([]string{c.fact}) {
			got = append(got, strings.Join(record, "|"))
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// FuzzReverseAddress holds that every address is read from its reverse name, and
// that no other name is taken for one.
func FuzzReverseAddress(f *testing.F) {
	for _, seed := range []string{
		"1.2.0.192.in-addr.arpa", "in-addr.arpa", "ip6.arpa", ".", "01.2.0.192.in-addr.arpa", "1.2.0.192.ip6.arpa",
		"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		"1%eth0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
		"7:.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		f.Add(seed, []byte{192, 0, 2, 1})
	}
	f.Add("example", netip.MustParseAddr("2001:db8::1").AsSlice())
	f.Fuzz(func(t *testing.T, text string, octets []byte) {
		nameIsItsAddress(t, text)
		if addr, ok := netip.AddrFromSlice(octets); ok && !addr.Is4In6() { // of which the library makes the IPv4 name
			addressIsRead(t, addr)
		}
	})
}

// nameIsItsAddress holds that a name that is read as an address is its reverse
// name.
func nameIsItsAddress(t *testing.T, text string) {
	name, err := matcher.ParseName(text)
	if err != nil {
		return
	}
	addr, ok := server.ReverseAddress(name)
	if !ok {
		return
	}
	if back, err := dns.ReverseAddr(addr.String()); err != nil || back != name.String()+"." {
		t.Errorf("%s was read as %v, whose name is %s", name, addr, back)
	}
}

// addressIsRead holds that the reverse name of addr is read as addr.
func addressIsRead(t *testing.T, addr netip.Addr) {
	name, err := matcher.ParseName(reverse(t, addr.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := server.ReverseAddress(name); !ok || got != addr {
		t.Errorf("%s was read as %v, %v, want %v", name, got, ok, addr)
	}
}
