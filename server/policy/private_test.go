package policy_test

import (
	"net/netip"
	"testing"

	"splitdns/server/policy"
)

func TestPrivateKindSeesWhatStandsInAnAddress(t *testing.T) {
	p := policy.New(policy.Input{NAT64: prefixes("2001:db8:64::/96")})
	for address, want := range map[string]string{
		"::ffff:10.0.0.9":      "RFC 1918",
		"::ffff:192.0.2.1":     "",
		"::10.0.0.9":           "RFC 1918",
		"::192.0.2.1":          "",
		"64:ff9b::c0a8:101":    "RFC 1918", // without being configured
		"64:ff9b::808:808":     "",
		"64:ff9b:1::a00:9":     "RFC 1918",
		"64:ff9b:1::808:808":   "",
		"::ffff:0:192.168.1.1": "RFC 1918",
		"2002:c0a8:101::1":     "RFC 1918",
		"2002:808:808::1":      "",
		"fec0::1":              "site-local",
		"2001:db8:64::a00:9":   "RFC 1918",
		"2001:db8:64::808:808": "",
		"2001:db8:65::a00:9":   "",
		"fe80::1%eth0":         "link-local",
		"::1":                  "loopback",
		"::":                   "unspecified",
	} {
		if got := p.PrivateKind(netip.MustParseAddr(address)); got != want {
			t.Errorf("PrivateKind(%s) = %q, want %q", address, got, want)
		}
	}
}

func TestPrivateKindDoesNotAllocate(t *testing.T) {
	p := policy.New(policy.Input{NAT64: prefixes("64:ff9b::/96")})
	all := addrs("17.57.144.23 10.0.0.9 2620:149:a44::1 64:ff9b::a00:9")
	if n := testing.AllocsPerRun(1000, func() {
		for _, a := range all {
			p.PrivateKind(a)
		}
	}); n != 0 {
		t.Errorf("PrivateKind allocates %v times, want 0", n)
	}
}

func TestMostSpecificRuleSaysWhetherAnswersMayBePrivate(t *testing.T) {
	p := policy.New(policy.Input{Rules: []policy.Rule{
		{Name: "wide", Names: patterns(".example"), Private: policy.PrivateAllowed},
		{Name: "narrow", Names: patterns("*.a.example"), Private: policy.PrivateRemoved},
		{Name: "silent", Names: patterns("b.a.example"), Log: true},
	}})
	for qname, want := range map[string]policy.By{
		"example": {Private: "wide"}, "a.example": {Private: "wide"}, "b.a.example": {Private: "narrow"}, "example.net": {},
	} {
		d := decide(p, qname, "")
		if d.By != want || (d.Private == policy.PrivateUnset) != (want.Private == "") {
			t.Errorf("%s: %v by %+v, want by %+v", qname, d.Private, d.By, want)
		}
	}
	if got := decide(p, "b.a.example", "").Private; got != policy.PrivateRemoved {
		t.Errorf("b.a.example: %v, want %v", got, policy.PrivateRemoved)
	}
}

func TestRouted(t *testing.T) {
	p := policy.New(policy.Input{Rules: []policy.Rule{
		{Name: "all", Names: patterns("."), Upstream: "isp"},
		{Name: "home", Names: patterns(".home.arpa"), Upstream: policy.DefaultUpstream},
		{Name: "logged", Names: patterns("*.test"), Log: true},
	}})
	for qname, want := range map[string]bool{"home.arpa": true, "a.home.arpa": true, "a.test": false, "localhost": false} {
		if got := decide(p, qname, "").Routed(); got != want {
			t.Errorf("Routed() of %s is %v, want %v", qname, got, want)
		}
	}
}
