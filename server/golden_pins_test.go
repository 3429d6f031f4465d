package server_test

import (
	"slices"
	"strings"
	"testing"

	"splitdns/server/internal/wire"
)

// The parts of scripts that many cells use.
const (
	soa   = "au example. 3600 IN SOA ns.example. host.example. 1 2 3 4 300\n"
	chain = "dual.example. 300 IN CNAME edge.cdn.test.\n"
	sig   = " 13 2 300 20300101000000 20200101000000 7 example. c2lnbmF0dXJl\n"
)

// answerCells are the forms that an upstream's answer can have. Inside are
// 192.0.2.1 and 2001:db8:1::1, outside 198.51.100.x and 2001:db8:f::x.
var answerCells = []golden{
	{"A inside", "dual.example A", "dual.example. 300 IN A 192.0.2.1"},
	{"A mixed", "dual.example A", "dual.example. 300 IN A 198.51.100.1\ndual.example. 300 IN A 192.0.2.1\ndual.example. 300 IN A 198.51.100.2"},
	{"A outside, single addresses published", "dual.example A", "dual.example. 300 IN A 198.51.100.1\ndual.example. 300 IN A 198.51.100.2"},
	{"A outside, only ranges published", "range.example A", "range.example. 300 IN A 198.51.100.1"},
	{"A nothing published", "bare.example A", "bare.example. 300 IN A 198.51.100.1"},
	{"A carved out of what is published around it", "cut.wide.example A", "cut.wide.example. 300 IN A 198.51.100.1"},
	{"A beside the carved-out name", "x.wide.example A", "x.wide.example. 300 IN A 198.51.100.1\nx.wide.example. 300 IN A 192.0.2.1"},
	{"A of a name that no rule and no zone knows", "www.example.net A", "www.example.net. 300 IN A 198.51.100.1"},
	{"A without EDNS, mixed", "dual.example A +noedns", "dual.example. 300 IN A 198.51.100.1\ndual.example. 300 IN A 192.0.2.1"},
	{"A with CD, mixed", "dual.example A +cd", "dual.example. 300 IN A 198.51.100.1\ndual.example. 300 IN A 192.0.2.1"},

	{"AAAA inside", "dual.example AAAA", "dual.example. 300 IN AAAA 2001:db8:1::1"},
	{"AAAA mixed", "dual.example AAAA", "dual.example. 300 IN AAAA 2001:db8:f::1\ndual.example. 300 IN AAAA 2001:db8:1::1"},
	{"AAAA outside, single addresses published", "dual.example AAAA", "dual.example. 300 IN AAAA 2001:db8:f::1"},
	{"AAAA outside, only ranges published", "range.example AAAA", "range.example. 300 IN AAAA 2001:db8:f::1"},
	{"AAAA where only IPv4 is published", "four.example AAAA", "four.example. 300 IN AAAA 2001:db8:f::1"},
	{"AAAA IPv4-mapped, mixed", "four.example AAAA", "four.example. 300 IN AAAA ::ffff:198.51.100.1\nfour.example. 300 IN AAAA ::ffff:192.0.2.1"},
	{"AAAA NAT64, mixed", "four.example AAAA", "four.example. 300 IN AAAA 64:ff9b::c633:6401\nfour.example. 300 IN AAAA 64:ff9b::c000:201"},
	{"AAAA NAT64, outside, single addresses published", "dual.example AAAA", "dual.example. 300 IN AAAA 64:ff9b::c633:6401"},

	{"HTTPS hints inside", "dual.example HTTPS", "dual.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8:1::1"},
	{"HTTPS hints mixed", "dual.example HTTPS", "dual.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=198.51.100.1,192.0.2.1 ipv6hint=2001:db8:f::1"},
	{"HTTPS hints outside, mandatory with another key", "dual.example HTTPS", "dual.example. 300 IN HTTPS 1 . mandatory=alpn,ipv4hint alpn=h2 ipv4hint=198.51.100.1"},
	{"HTTPS hints outside, mandatory alone", "dual.example HTTPS", "dual.example. 300 IN HTTPS 1 . mandatory=ipv4hint ipv4hint=198.51.100.1"},
	{"HTTPS mixed over both IP versions, mandatory", "dual.example HTTPS", "dual.example. 300 IN HTTPS 1 . mandatory=ipv4hint,ipv6hint ipv4hint=198.51.100.1 ipv6hint=2001:db8:1::1"},
	{"HTTPS without hints", "dual.example HTTPS", "dual.example. 300 IN HTTPS 1 . alpn=h2"},
	{"HTTPS hints where only IPv4 is published", "four.example HTTPS", "four.example. 300 IN HTTPS 1 . ipv4hint=198.51.100.1,192.0.2.1 ipv6hint=2001:db8:f::1"},
	{"HTTPS additional section, mixed", "dual.example HTTPS", "dual.example. 300 IN HTTPS 1 edge.cdn.test. alpn=h2\nar edge.cdn.test. 300 IN A 198.51.100.1\nar edge.cdn.test. 300 IN A 192.0.2.1"},
	{"MX additional section, outside", "dual.example MX", "dual.example. 300 IN MX 10 mx.cdn.test.\nar mx.cdn.test. 300 IN A 198.51.100.1"},
	{"TXT", "dual.example TXT", `dual.example. 300 IN TXT "v=spf1 ip4:198.51.100.1 -all"`},

	{"ANY", "dual.example ANY", "rcode SERVFAIL"},

	{"CNAME chain, inside", "dual.example A", chain + "edge.cdn.test. 60 IN A 192.0.2.1"},
	{"CNAME chain, mixed", "dual.example A", chain + "edge.cdn.test. 60 IN CNAME e1.cdn.test.\ne1.cdn.test. 20 IN A 198.51.100.1\ne1.cdn.test. 20 IN A 192.0.2.1"},
	{"CNAME chain, outside", "dual.example A", chain + "edge.cdn.test. 60 IN A 198.51.100.1"},
	{"CNAME chain, outside, only ranges published", "range.example AAAA", "range.example. 300 IN CNAME edge.cdn.test.\nedge.cdn.test. 60 IN AAAA 2001:db8:f::1"},
	{"DNAME chain, outside", "x.dual.example A", "dual.example. 300 IN DNAME cdn.test.\nx.dual.example. 300 IN CNAME x.cdn.test.\nx.cdn.test. 60 IN A 198.51.100.1"},
	{"CNAME asked for", "dual.example CNAME", chain},

	{"NODATA", "dual.example AAAA", soa},
	{"NODATA without a SOA", "dual.example AAAA", ""},
	{"NODATA behind a chain", "dual.example AAAA", chain + "au cdn.test. 60 IN SOA ns.cdn.test. host.cdn.test. 1 2 3 4 30"},
	{"NXDOMAIN", "x.dual.example A", "rcode NXDOMAIN\n" + soa},
	{"NXDOMAIN behind a chain", "dual.example A", "rcode NXDOMAIN\n" + chain + "au cdn.test. 60 IN SOA ns.cdn.test. host.cdn.test. 1 2 3 4 30"},
	{"SERVFAIL", "dual.example A", "rcode SERVFAIL"},
	{"REFUSED", "dual.example A", "rcode REFUSED"},

	{"signed, inside", "dual.example A +do", "ad\ndual.example. 300 IN A 192.0.2.1\ndual.example. 300 IN RRSIG A" + sig},
	{"signed, inside, without DO but AD", "dual.example A +ad", "ad\ndual.example. 300 IN A 192.0.2.1\ndual.example. 300 IN RRSIG A" + sig},
	{"signed, mixed", "dual.example A +do +ad", "ad\ndual.example. 300 IN A 198.51.100.1\ndual.example. 300 IN A 192.0.2.1\ndual.example. 300 IN RRSIG A" + sig},
	{"signed, outside, behind a signed chain", "dual.example A +do", "ad\n" + chain + "dual.example. 300 IN RRSIG CNAME" + sig +
		"edge.cdn.test. 60 IN A 198.51.100.1\nedge.cdn.test. 60 IN RRSIG A" + strings.Replace(sig, "example.", "cdn.test.", 1)},
	{"signed HTTPS, mixed", "dual.example HTTPS +do", "ad\ndual.example. 300 IN HTTPS 1 . ipv4hint=198.51.100.1,192.0.2.1\ndual.example. 300 IN RRSIG HTTPS" + sig},
	{"signed NODATA", "dual.example AAAA +do", "ad\n" + soa + "au example. 3600 IN RRSIG SOA" + sig +
		"au dual.example. 300 IN NSEC x.example. A RRSIG NSEC\nau dual.example. 300 IN RRSIG NSEC" + sig},
}

// held is a configuration with one rule that pins the names of vendor.toml.
func held(pin, more string) string {
	return `
[zone.vendor]
file = "vendor.toml"

[rule.held]
zones = ["vendor"]
log   = true
tags  = ["mdm"]
pin   = "` + pin + `"
` + more
}

func TestGoldenPins(t *testing.T) {
	for _, pin := range []string{"observe", "prefer", "enforce", "substitute"} {
		t.Run(pin, func(t *testing.T) { checkGolden(t, pin, held(pin, ""), answerCells) })
	}
}

func TestGoldenStrictFamilies(t *testing.T) {
	checkGolden(t, "strict", held("enforce", "\n[server]\npin_families = \"strict\"\n"), []golden{
		{"AAAA where only IPv4 is published", "four.example AAAA", "four.example. 300 IN AAAA 2001:db8:f::1"},
		{"HTTPS hints where only IPv4 is published", "four.example HTTPS", "four.example. 300 IN HTTPS 1 . ipv4hint=192.0.2.1 ipv6hint=2001:db8:f::1"},
		{"AAAA NAT64, inside", "four.example AAAA", "four.example. 300 IN AAAA 64:ff9b::c000:201"},
		{"AAAA nothing published", "bare.example AAAA", "bare.example. 300 IN AAAA 2001:db8:f::1"},
	})
}

func TestGoldenNAT64Prefix(t *testing.T) {
	checkGolden(t, "nat64", held("enforce", "\n[server]\nnat64 = [\"2001:db8:64::/48\"]\n"), []golden{
		{"AAAA own NAT64 prefix, mixed", "four.example AAAA", "four.example. 300 IN AAAA 2001:db8:64:c000:2:100::\nfour.example. 300 IN AAAA 2001:db8:64:c633:64:100::"},
		{"AAAA well-known prefix, not configured", "four.example AAAA", "four.example. 300 IN AAAA 64:ff9b::c633:6401"},
	})
}

func TestGoldenMaxTTL(t *testing.T) {
	checkGolden(t, "maxttl", held("substitute", "max_ttl = \"30s\"\n"), []golden{
		{"A inside", "dual.example A", "dual.example. 300 IN A 192.0.2.1"},
		{"A inside, shorter already", "dual.example A", "dual.example. 20 IN A 192.0.2.1"},
		{"A outside, substituted behind a chain", "dual.example A", chain + "edge.cdn.test. 60 IN A 198.51.100.1"},
		{"A outside, emptied", "range.example A", "range.example. 300 IN A 198.51.100.1"},
		{"NODATA", "dual.example AAAA", soa},
		{"NXDOMAIN", "x.dual.example A", "rcode NXDOMAIN\n" + soa},
	})
}

func TestGoldenAnnotate(t *testing.T) {
	cells := []golden{
		{"unchanged", "dual.example A", "dual.example. 300 IN A 192.0.2.1"},
		{"changed", "range.example A", "range.example. 300 IN A 198.51.100.1"},
		{"answered here", "dual.example TXT", ""},
		{"upstream failed", "dual.example A", "rcode SERVFAIL"},
		{"no rule matches", "www.example.net A", "www.example.net. 300 IN A 198.51.100.1"},
	}
	for _, annotate := range []string{"changed", "off"} {
		t.Run(annotate, func(t *testing.T) {
			checkGolden(t, "annotate-"+annotate, held("enforce", "\n[server]\nannotate = \""+annotate+"\"\n"), cells)
		})
	}
}

// TestPreferNeverEmpties holds that an answer goes out whole where the only
// address inside the published ranges is beside it.
func TestPreferNeverEmpties(t *testing.T) {
	b := newBench(t, held("prefer", ""), func(q wire.UpstreamQuery) (wire.Message, string, error) {
		m, err := wire.NewMessage(q.Question, wire.NoError).WithRecords(wire.Answer, "dual.example. 300 IN A 198.51.100.1")
		if err != nil {
			return m, "", err
		}
		m, err = m.WithRecords(wire.Additional, "other.example. 300 IN A 192.0.2.1")
		return m, "192.0.2.53", err
	})
	if got := addresses(ask(t, b, "dual.example")); !slices.Equal(got, []string{"198.51.100.1"}) {
		t.Errorf("%v, want the answer as it came", got)
	}
}
