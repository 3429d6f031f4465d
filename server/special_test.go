package server_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/wire"
)

// outcome is m in a few words: the rcode, the answer's data, and the zone of its SOA.
func outcome(m *dns.Msg) string {
	words := []string{dns.RcodeToString[m.Rcode]}
	for _, rr := range m.Answer {
		data := strings.TrimPrefix(rr.String(), rr.Header().String())
		words = append(words, dns.TypeToString[rr.Header().Rrtype], data)
	}
	for _, rr := range m.Ns {
		words = append(words, "soa="+rr.Header().Name)
	}
	return strings.Join(words, " ")
}

// specialNames are what is said about names that never leave. Each is asked of a server whose
// upstream must not be.
var specialNames = map[string]map[string]string{
	// RFC 6761, section 6.3: "Name resolution APIs and libraries SHOULD recognize localhost names as special and SHOULD
	// always return the IP loopback address for address queries and negative responses for all other query types."
	"RFC 6761, localhost": {
		"localhost A":         "NOERROR A 127.0.0.1",
		"localhost AAAA":      "NOERROR AAAA ::1",
		"LocalHost A":         "NOERROR A 127.0.0.1",
		"a.b.localhost A":     "NOERROR A 127.0.0.1",
		"a.localhost AAAA":    "NOERROR AAAA ::1",
		"localhost MX":        "NOERROR soa=localhost.",
		"localhost HTTPS":     "NOERROR soa=localhost.",
		"localhost NS":        "NOERROR soa=localhost.",
		"a.localhost TXT":     "NOERROR soa=localhost.",
		"localhost ANY":       `NOERROR HINFO "RFC8482" ""`,
		"localhost A +nord":   "NOERROR A 127.0.0.1",
		"localhost A +noedns": "NOERROR A 127.0.0.1",
		"localhost A +do +cd": "NOERROR A 127.0.0.1",
	},
	// RFC 6761, section 6.4: "caching DNS servers SHOULD generate immediate NXDOMAIN responses".
	"RFC 6761, invalid": {
		"invalid A":       "NXDOMAIN soa=invalid.",
		"a.invalid AAAA":  "NXDOMAIN soa=invalid.",
		"a.b.invalid ANY": "NXDOMAIN soa=invalid.",
		"invalid SOA":     "NXDOMAIN soa=invalid.",
	},
	// RFC 6761, section 6.2.
	"RFC 6761, test": {"test NS": "NXDOMAIN soa=test.", "www.test A": "NXDOMAIN soa=test."},
	// RFC 6762, section 22.1: caching DNS servers "SHOULD generate immediate NXDOMAIN responses".
	"RFC 6762, local": {"local A": "NXDOMAIN soa=local.", "printer.local A": "NXDOMAIN soa=local.", "_ipp._tcp.local PTR": "NXDOMAIN soa=local."},
	// RFC 7686, section 2: "they MUST generate NXDOMAIN for all such queries".
	"RFC 7686, onion": {"onion A": "NXDOMAIN soa=onion.", "duckduckgo.onion A": "NXDOMAIN soa=onion.", "a.onion TXT": "NXDOMAIN soa=onion."},
	// RFC 9476, section 2: resolvers "do not need to look them up in the DNS context".
	"RFC 9476, alt": {"alt A": "NXDOMAIN soa=alt.", "a.gns.alt A": "NXDOMAIN soa=alt."},
	// RFC 8375, section 4: a locally served zone.
	"RFC 8375, home.arpa": {
		"home.arpa A":          "NOERROR soa=home.arpa.",
		"home.arpa SOA":        "NOERROR SOA home.arpa. nobody.invalid. 1 3600 1200 604800 60",
		"home.arpa NS":         "NOERROR NS home.arpa.",
		"printer.home.arpa A":  "NXDOMAIN soa=home.arpa.",
		"printer.home.arpa DS": "NXDOMAIN soa=home.arpa.",
		"home.arpa ANY":        `NOERROR HINFO "RFC8482" ""`,
	},
	// RFC 9462, section 6.4: NODATA for all names below resolver.arpa.
	"RFC 9462, resolver.arpa": {
		"_dns.resolver.arpa SVCB": "NOERROR soa=resolver.arpa.",
		"_dns.resolver.arpa A":    "NOERROR soa=resolver.arpa.",
		"resolver.arpa A":         "NOERROR soa=resolver.arpa.",
		"a.resolver.arpa TXT":     "NOERROR soa=resolver.arpa.",
	},
	// RFC 6303, section 3: each zone has an SOA and an NS record at its apex, and nothing else.
	"RFC 6303": {
		"10.in-addr.arpa PTR":                     "NOERROR soa=10.in-addr.arpa.",
		"10.in-addr.arpa NS":                      "NOERROR NS 10.in-addr.arpa.",
		"10.in-addr.arpa SOA":                     "NOERROR SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 60",
		"1.2.3.10.in-addr.arpa PTR":               "NXDOMAIN soa=10.in-addr.arpa.",
		"1.0.16.172.in-addr.arpa PTR":             "NXDOMAIN soa=16.172.in-addr.arpa.",
		"1.0.31.172.in-addr.arpa PTR":             "NXDOMAIN soa=31.172.in-addr.arpa.",
		"1.1.168.192.in-addr.arpa PTR":            "NXDOMAIN soa=168.192.in-addr.arpa.",
		"1.0.0.0.in-addr.arpa PTR":                "NXDOMAIN soa=0.in-addr.arpa.",
		"1.0.254.169.in-addr.arpa PTR":            "NXDOMAIN soa=254.169.in-addr.arpa.",
		"1.2.0.192.in-addr.arpa PTR":              "NXDOMAIN soa=2.0.192.in-addr.arpa.",
		"1.100.51.198.in-addr.arpa PTR":           "NXDOMAIN soa=100.51.198.in-addr.arpa.",
		"1.113.0.203.in-addr.arpa PTR":            "NXDOMAIN soa=113.0.203.in-addr.arpa.",
		"255.255.255.255.in-addr.arpa PTR":        "NOERROR soa=255.255.255.255.in-addr.arpa.",
		"1.d.f.ip6.arpa PTR":                      "NXDOMAIN soa=d.f.ip6.arpa.",
		"1.8.e.f.ip6.arpa PTR":                    "NXDOMAIN soa=8.e.f.ip6.arpa.",
		"1.b.e.f.ip6.arpa PTR":                    "NXDOMAIN soa=b.e.f.ip6.arpa.",
		"1.8.b.d.0.1.0.0.2.ip6.arpa PTR":          "NXDOMAIN soa=8.b.d.0.1.0.0.2.ip6.arpa.",
		strings.Repeat("0.", 32) + "ip6.arpa PTR": "NOERROR soa=" + strings.Repeat("0.", 32) + "ip6.arpa.",
	},
	"RFC 6303, loopback": {
		"1.0.0.127.in-addr.arpa PTR":   "NOERROR PTR localhost.",
		"1.0.0.127.in-addr.arpa A":     "NOERROR soa=127.in-addr.arpa.",
		"a.1.0.0.127.in-addr.arpa PTR": "NXDOMAIN soa=127.in-addr.arpa.",
		"2.0.0.127.in-addr.arpa PTR":   "NXDOMAIN soa=127.in-addr.arpa.",
		// RFC 8020, section 2: an empty non-terminal exists.
		"0.0.127.in-addr.arpa PTR":                       "NOERROR soa=127.in-addr.arpa.",
		"0.127.in-addr.arpa PTR":                         "NOERROR soa=127.in-addr.arpa.",
		"127.in-addr.arpa PTR":                           "NOERROR soa=127.in-addr.arpa.",
		"1." + strings.Repeat("0.", 31) + "ip6.arpa PTR": "NOERROR PTR localhost.",
		"1." + strings.Repeat("0.", 31) + "ip6.arpa NS":  "NOERROR NS 1." + strings.Repeat("0.", 31) + "ip6.arpa.",
	},
	// RFC 7793, section 2.1.
	"RFC 6598": {
		"1.0.64.100.in-addr.arpa PTR":  "NXDOMAIN soa=64.100.in-addr.arpa.",
		"1.0.127.100.in-addr.arpa PTR": "NXDOMAIN soa=127.100.in-addr.arpa.",
	},
}

func TestSpecialNamesNeverLeave(t *testing.T) {
	for title, names := range specialNames {
		rfc, _, _ := strings.Cut(title, ",")
		b := newBench(t, "", notAsked(t))
		for words, want := range names {
			for range 2 { // the second is finished, where it can be
				m := ask(t, b, words)
				if got := outcome(m); got != want {
					t.Errorf("%s: %s, want %s", words, got, want)
				}
				if m.AuthenticatedData || m.Authoritative || !m.RecursionAvailable {
					t.Errorf("%s: flags of %v, want RA alone", words, m.MsgHdr)
				}
				if !strings.Contains(words, "+noedns") && !strings.HasPrefix(strings.Join(edes(m), "\n"), "0 special-use name, "+rfc+": not forwarded") {
					t.Errorf("%s: %q does not say that %s is why", words, edes(m), rfc)
				}
			}
		}
	}
}

func TestNamesBesideSpecialOnesLeave(t *testing.T) {
	for _, words := range []string{
		"nolocalhost A", "localhost.example A", "tests A", "arpa NS", "in-addr.arpa SOA", "172.in-addr.arpa A", "1.0.15.172.in-addr.arpa PTR",
		"1.0.32.172.in-addr.arpa PTR", "1.0.63.100.in-addr.arpa PTR", "1.0.128.100.in-addr.arpa PTR", "11.in-addr.arpa PTR", "e.f.ip6.arpa PTR",
		"c.e.f.ip6.arpa PTR", "0.0.0.ip6.arpa PTR", "8.8.8.8.in-addr.arpa PTR", "www.example A", "_dns.example SVCB", "254.255.255.255.in-addr.arpa PTR",
		// Off by default: server.keep_clients.
		"use-application-dns.net A", "mask.icloud.com A", "mask-h2.icloud.com AAAA", "mask-canary.icloud.com A",
		// RFC 4035, section 3.1.4.1: DS records are the parent's.
		"home.arpa DS", "10.in-addr.arpa DS",
	} {
		asked := false
		b := newBench(t, "", func(q wire.UpstreamQuery) (wire.Message, string, error) {
			asked = true
			return respond(t, q.Question, "rcode NXDOMAIN"), "192.0.2.53", nil
		})
		if ask(t, b, words); !asked {
			t.Errorf("%s was not forwarded", words)
		}
	}
}

func TestClientsAreKept(t *testing.T) {
	b := newBench(t, "[server]\nkeep_clients = true\n", notAsked(t))
	for _, name := range []string{"use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com", "mask-canary.icloud.com"} {
		for _, qtype := range []string{"A", "AAAA", "HTTPS", "TXT"} {
			m := ask(t, b, name+" "+qtype)
			if got, want := outcome(m), "NXDOMAIN soa="+name+"."; got != want {
				t.Errorf("%s %s: %s, want %s", name, qtype, got, want)
			}
			if text := strings.Join(edes(m), "\n"); !strings.Contains(text, "server.keep_clients") {
				t.Errorf("%s: %q does not name the key", name, text)
			}
		}
	}
}

func TestRulesGoBeforeSpecialNames(t *testing.T) {
	const rules = `
[server]
keep_clients = true
[upstream.internal]
servers = ["10.0.0.53"]
[rule.corp]
names    = [".home.arpa", "*.10.in-addr.arpa", "*.lab.local"]
upstream = "internal"
[rule.default]
names    = ["mask.icloud.com"]
upstream = "default"
[rule.answer]
names    = ["printer.local"]
answer   = "192.0.2.1"
[rule.all]
names    = ["."]
upstream = "internal"
[rule.tagged]
names    = ["*.test"]
tags     = ["odd"]
`
	tests := map[string]string{
		"a.home.arpa":            "internal",
		"home.arpa":              "internal",
		"1.0.0.10.in-addr.arpa":  "internal",
		"a.lab.local":            "internal",
		"mask.icloud.com":        "default",
		"www.example":            "internal",
		"printer.local":          "NOERROR A 192.0.2.1",
		"10.in-addr.arpa":        "NOERROR soa=10.in-addr.arpa.",
		"lab.local":              "NXDOMAIN soa=local.",
		"mask-h2.icloud.com":     "NXDOMAIN soa=mask-h2.icloud.com.",
		"a.test":                 "NXDOMAIN soa=test.",
		"localhost":              "NOERROR A 127.0.0.1", // a rule for all names says nothing about this one
		"1.0.0.127.in-addr.arpa": "NOERROR soa=127.in-addr.arpa.",
	}
	for name, want := range tests {
		asked := ""
		b, err := server.NewBench(parseConfig(t, rules), func(u config.Upstream) server.Exchanger {
			return exchange(func(q wire.UpstreamQuery) (wire.Message, string, error) {
				asked = u.Name
				return respond(t, q.Question, "rcode NXDOMAIN"), "192.0.2.53", nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		got := outcome(ask(t, b, name))
		if asked != "" {
			got = asked
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestTargetOfARuleNeverLeavesEither(t *testing.T) {
	b := newBench(t, "[rule.here]\nnames = ['here.example']\nanswer = 'a.localhost'\n", notAsked(t))
	if got, want := outcome(ask(t, b, "here.example")), "NOERROR CNAME a.localhost. A 127.0.0.1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestListenersAreDesignated(t *testing.T) {
	c := parseConfig(t, "")
	c.Designated = []config.Designated{
		{Name: name(t, "dns.example"), ALPN: []string{"dot"}, Port: 853, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}},
		{Name: name(t, "dns.example"), ALPN: []string{"h2"}, Port: 443, Path: "/dns-query{?dns}"},
	}
	b, err := server.NewBench(c, everywhere(notAsked(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := `NOERROR SVCB 1 dns.example. alpn="dot" port="853" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"` +
		` SVCB 2 dns.example. alpn="h2" port="443" dohpath="/dns-query{?dns}"`
	if got := outcome(ask(t, b, "_dns.resolver.arpa SVCB")); got != want {
		t.Errorf("%s,\nwant %s", got, want)
	}
	if got, want := outcome(ask(t, b, "_dns.resolver.arpa A")), "NOERROR soa=resolver.arpa."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// name reads a name.
func name(t testing.TB, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSpecialNamesAreExplained(t *testing.T) {
	b := newBench(t, "[server]\nkeep_clients = true\n", notAsked(t))
	for asked, want := range map[string]string{
		"localhost":          "match none|decision|published no-range|answered special=localhost why=RFC6761|answer A 127.0.0.1|answer AAAA ::1|answer HTTPS none|cache none|verdict=not-asked",
		"a.onion":            "match none|decision|published no-range|answered special=onion why=RFC7686|answer A rcode=NXDOMAIN none",
		"mask-h2.icloud.com": "answered special=mask-h2.icloud.com why=server.keep_clients",
	} {
		if got := strings.Join(texts(ask(t, b, asked+" CH TXT")), "|"); !strings.Contains(got, want) {
			t.Errorf("%s: %s,\nwant %s", asked, got, want)
		}
	}
}

func TestSpecialNamesAreLogged(t *testing.T) {
	b := newBench(t, "[rule.a]\nnames = ['*.test']\nlog = true\n", notAsked(t))
	m := ask(t, b, "a.test")
	if got, want := fmt.Sprint(edes(m)), "0 rule=a]"; !strings.HasSuffix(got, want) {
		t.Errorf("extended errors %s, want the last %q", got, want)
	}
	entry := b.Entries()
	for _, want := range []string{`"rcode":"NXDOMAIN"`, `"pin":""`, `"verdict":""`, `"upstream":""`, `"cache":"special"`, `"addresses":[]`} {
		if !strings.Contains(entry, want) {
			t.Errorf("the log has no %s: %s", want, entry)
		}
	}
}

func TestLookingForSpecialNamesDoesNotAllocate(t *testing.T) {
	b := newBench(t, "", notAsked(t))
	ordinary, reverse := name(t, "www.example"), name(t, "9.8.7.6.in-addr.arpa")
	if n := testing.AllocsPerRun(1000, func() { b.IsSpecial(ordinary); b.IsSpecial(reverse) }); n != 0 {
		t.Errorf("looking for a special name allocates %v times, want 0", n)
	}
}
