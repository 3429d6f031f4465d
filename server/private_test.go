package server_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// privateUpstreams are a public group, which is the default, and others.
const privateUpstreams = `
[upstream.default]
servers = ["10.0.0.53", "9.9.9.9"]
[upstream.inside]
servers = ["10.0.0.53", "[fd00::53]:5353", "127.0.0.1:53"]
[upstream.trusted]
servers = ["9.9.9.9"]
private_answers = true
[upstream.strict]
servers = ["10.0.0.53"]
private_answers = false
[rule.inside]
names    = ["inside.example"]
upstream = "inside"
[rule.trusted]
names    = ["trusted.example"]
upstream = "trusted"
[rule.strict]
names    = ["*.strict.example"]
upstream = "strict"
log      = true
[rule.lifted]
names           = ["lifted.strict.example"]
private_answers = true
[rule.wide]
names           = [".wide.example"]
private_answers = true
[rule.narrow]
names           = ["narrow.wide.example"]
private_answers = false
[rule.alias]
names  = ["alias.example"]
answer = "www.example"
`

// privateAddresses are addresses with what they are to a client; "": public.
var privateAddresses = map[string]string{
	"10.0.0.9": "RFC 1918", "172.16.0.1": "RFC 1918", "172.31.255.255": "RFC 1918", "192.168.1.1": "RFC 1918",
	"127.0.0.1": "loopback", "127.255.255.254": "loopback", "169.254.169.254": "link-local", "0.0.0.0": "unspecified",
	"0.1.2.3": "this-network", "100.64.0.1": "shared (RFC 6598)", "100.127.255.255": "shared (RFC 6598)",
	"::1": "loopback", "::": "unspecified", "fe80::1": "link-local", "febf::1": "link-local", "fc00::1": "unique local", "fdff::1": "unique local",
	"64:ff9b::a00:9": "RFC 1918", "64:ff9b::7f00:1": "loopback", "::10.0.0.9": "RFC 1918", "::127.0.0.1": "loopback",

	// RFC 5737, RFC 3849: nobody is reached by documentation ranges.
	"192.0.2.1": "", "198.51.100.1": "", "203.0.113.1": "", "2001:db8::1": "",
	"172.15.0.1": "", "172.32.0.1": "", "100.63.0.1": "", "100.128.0.1": "", "8.8.8.8": "", "1.0.0.1": "", "2606:4700::1111": "",
	"64:ff9b::808:808": "", "fec0::1": "site-local", "fbff::1": "",
}

func TestPrivateAddressesAreRemoved(t *testing.T) {
	for address, kind := range privateAddresses {
		addr := netip.MustParseAddr(address)
		family, words := "A", "www.example"
		if addr.Is6() {
			family, words = "AAAA", "www.example AAAA"
		}
		b := newBench(t, privateUpstreams, says(t, "ad\nwww.example. 300 IN "+family+" "+address))
		for range 2 { // from the upstream, then from the cache
			m := ask(t, b, words+" +do")
			gone := outcome(m) == "NOERROR soa=www.example."
			if gone != (kind != "") {
				t.Errorf("%s: %s, want it private: %v", address, outcome(m), kind != "")
			}
			if gone && m.AuthenticatedData {
				t.Errorf("%s: AD is set on a changed answer", address)
			}
			want := fmt.Sprintf("17 private address %s (%s) from upstream default removed; to allow it: private_answers = true in a rule for the name, or in [upstream.default]", addr, kind)
			if got := edes(m); gone && !slices.Equal(got, []string{want}) {
				t.Errorf("%s: extended errors %q, want %q", address, got, want)
			}
		}
	}
}

func TestPrivateAddressesAreRemovedWhereverTheyHide(t *testing.T) {
	tests := map[string]struct{ words, upstream, want string }{
		"one of two": {"www.example", "www.example. 300 IN A 10.0.0.9\nwww.example. 300 IN A 192.0.2.1", "NOERROR A 192.0.2.1"},
		"behind a chain": {
			"www.example", "www.example. 300 IN CNAME a.example.\na.example. 300 IN A 10.0.0.9", "NOERROR CNAME a.example. soa=a.example.",
		},
		"IPv4 hints": {
			"www.example HTTPS", "www.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=10.0.0.9,192.0.2.1",
			`NOERROR HTTPS 1 . alpn="h2" ipv4hint="192.0.2.1"`,
		},
		"IPv6 hints": {
			"www.example HTTPS", "www.example. 300 IN HTTPS 1 . alpn=h2 ipv6hint=fd00::1,fe80::1", `NOERROR HTTPS 1 . alpn="h2"`,
		},
		"hints of SVCB": {
			"_dns.example SVCB", "_dns.example. 300 IN SVCB 1 a.example. mandatory=ipv4hint ipv4hint=127.0.0.1", `NOERROR SVCB 1 a.example.`,
		},
		"additional section": {
			"example MX", "example. 300 IN MX 10 mx.example.\nar mx.example. 300 IN A 10.0.0.9", "NOERROR MX 10 mx.example.",
		},
		"TXT is text": {"www.example TXT", `www.example. 300 IN TXT "10.0.0.9"`, `NOERROR TXT "10.0.0.9"`},
	}
	for title, test := range tests {
		b := newBench(t, privateUpstreams, says(t, test.upstream))
		m := ask(t, b, test.words)
		if got := outcome(m); got != test.want {
			t.Errorf("%s: %s, want %s", title, got, test.want)
		}
		for _, rr := range m.Extra {
			if _, isOPT := rr.(*dns.OPT); !isOPT {
				t.Errorf("%s: the additional section has %v", title, rr)
			}
		}
		if want := !strings.HasPrefix(title, "TXT"); want != (len(edes(m)) == 1) {
			t.Errorf("%s: extended errors %q", title, edes(m))
		}
	}
}

// TestMappedAddressIsPrivate is about ::ffff:10.0.0.9, which the library's presentation format has no AAAA record for.
func TestMappedAddressIsPrivate(t *testing.T) {
	mapped := wire.AddressRecord(name(t, "www.example"), netip.MustParseAddr("2001:db8::1"), 300)
	b := newBench(t, privateUpstreams, func(q wire.UpstreamQuery) (wire.Message, string, error) {
		m := &dns.Msg{Question: []dns.Question{{Name: "www.example.", Qtype: dns.TypeAAAA, Qclass: dns.ClassINET}}}
		m.Response = true
		m.Answer = []dns.RR{&dns.AAAA{
			Hdr:  dns.RR_Header{Name: "www.example.", Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: mapped.TTL()},
			AAAA: netip.MustParseAddr("::ffff:10.0.0.9").AsSlice(),
		}}
		packet, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		response, err := wire.ParseResponse(packet, q.Question)
		return response, "192.0.2.53", err
	})
	if got, want := outcome(ask(t, b, "www.example AAAA")), "NOERROR soa=www.example."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWhoMayGivePrivateAddresses(t *testing.T) {
	for asked, allowed := range map[string]bool{
		"www.example": false, "inside.example": true, "trusted.example": true, "a.strict.example": false, "lifted.strict.example": true,
		"wide.example": true, "a.wide.example": true, "narrow.wide.example": false,
	} {
		b := newBench(t, privateUpstreams, says(t, asked+". 300 IN A 10.0.0.9"))
		for _, from := range []string{"miss", "hit"} {
			if got := len(addresses(ask(t, b, asked))) == 1; got != allowed {
				t.Errorf("%s, %s: a private address is let through: %v, want %v", asked, from, got, allowed)
			}
		}
	}
}

func TestTargetOfARuleMayNotBePrivateEither(t *testing.T) {
	b := newBench(t, privateUpstreams, says(t, "www.example. 300 IN A 10.0.0.9"))
	m := ask(t, b, "alias.example")
	if got, want := outcome(m), "NOERROR CNAME www.example. soa=www.example."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := strings.Join(edes(m), "\n"); !strings.Contains(got, "17 private address 10.0.0.9") {
		t.Errorf("extended errors %q do not say why", got)
	}
}

func TestReloadLetsPrivateAddressesThrough(t *testing.T) {
	const group = "[upstream.default]\nservers = ['9.9.9.9']\n"
	b := newBench(t, group, says(t, "www.example. 300 IN A 10.0.0.9"))
	if got := addresses(ask(t, b, "www.example")); len(got) != 0 {
		t.Fatalf("addresses %v, want none", got)
	}
	b.Reload(parseConfig(t, group+"private_answers = true\n"), nil)
	if got := addresses(ask(t, b, "www.example")); len(got) != 1 {
		t.Errorf("addresses %v after the reload, want one, from the cache", got)
	}
}

func TestRemovedAddressesAreLoggedAndExplained(t *testing.T) {
	b := newBench(t, privateUpstreams, says(t, "a.strict.example. 300 IN A 10.0.0.9\na.strict.example. 300 IN A 192.0.2.1"))
	want := []string{
		"17 private address 10.0.0.9 (RFC 1918) from upstream strict removed; to allow it: private_answers = true in a rule for the name, or in [upstream.strict]",
		"17 rule=strict pin=observe verdict=no-range",
	}
	if got := edes(ask(t, b, "a.strict.example")); !slices.Equal(got, want) {
		t.Errorf("extended errors %q,\nwant %q", got, want)
	}
	facts := strings.Join(texts(ask(t, b, "a.strict.example CH TXT")), "|")
	if want := "192.0.2.1=no-range|served A 192.0.2.1 private=10.0.0.9"; !strings.Contains(facts, want) {
		t.Errorf("%s, want %s", facts, want)
	}
	lifted := strings.Join(texts(ask(t, b, "lifted.strict.example CH TXT")), "|")
	if want := "decision log pin=observe upstream=strict private_answers=true"; !strings.Contains(lifted, want) {
		t.Errorf("%s, want %s", lifted, want)
	}
	entry := b.Entries()
	for _, want := range []string{`"addresses":["10.0.0.9","192.0.2.1"]`, `"served":["192.0.2.1"]`} {
		if !strings.Contains(entry, want) {
			t.Errorf("the log has no %s: %s", want, entry)
		}
	}
}

func TestFailuresHaveNoPrivateAddresses(t *testing.T) {
	b := newBench(t, privateUpstreams, says(t, "rcode SERVFAIL\nwww.example. 300 IN A 10.0.0.9"))
	if got := outcome(ask(t, b, "www.example")); got != "SERVFAIL" {
		t.Errorf("%s, want SERVFAIL", got)
	}
}

func TestOneExtendedErrorSaysThatAddressesWereRemoved(t *testing.T) {
	b := newBench(t, "[server]\nannotate = 'off'\n"+privateUpstreams, says(t, "\nwww.example. 300 IN A 10.0.0.9"))
	if got := edes(ask(t, b, "www.example")); len(got) != 1 || !strings.HasPrefix(got[0], "17 private address 10.0.0.9") {
		t.Errorf("extended errors %q, want one", got)
	}
}
