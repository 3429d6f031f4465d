package wire_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// outside drops everything but 192.0.2.0/24 and 2001:db8::/32.
func outside(a netip.Addr) bool {
	return !netip.MustParsePrefix("192.0.2.0/24").Contains(a) && !netip.MustParsePrefix("2001:db8::/32").Contains(a)
}

// all drops everything.
func all(netip.Addr) bool { return true }

func TestWithoutAddresses(t *testing.T) {
	tests := map[string]struct {
		asked      string
		from       response
		drop       func(netip.Addr) bool
		answer     []string
		additional []string
		removed    int
	}{
		"one of two A records": {
			asked:   "www.example A",
			from:    response{answer: []string{"www.example. A 198.51.100.1", "www.example. A 192.0.2.1", sig("www.example.", "A", "example.")}},
			answer:  []string{"www.example. 300 IN A 192.0.2.1"},
			removed: 1,
		},
		"all AAAA records; the chain and its signatures stay": {
			asked: "www.example AAAA",
			from: response{answer: []string{
				"www.example. CNAME b.example.", sig("www.example.", "CNAME", "example."), "b.example. AAAA fd00::1", "b.example. AAAA fd00::2", sig("b.example.", "AAAA", "example."),
			}},
			answer:  []string{"www.example. 300 IN CNAME b.example.", sig("www.example.", "CNAME", "example.")},
			removed: 2,
		},
		"hints": {
			asked: "www.example HTTPS",
			from: response{answer: []string{
				"www.example. HTTPS 1 . alpn=h2 port=8443 ipv4hint=198.51.100.1,192.0.2.1,198.51.100.2 ech=AAAA ipv6hint=2001:db8::1,fd00::1 key65280=x",
				sig("www.example.", "HTTPS", "example."),
			}},
			answer:  []string{`www.example. 300 IN HTTPS 1 . alpn="h2" port="8443" ipv4hint="192.0.2.1" ech="AAAA" ipv6hint="2001:db8::1" key65280="x"`},
			removed: 3,
		},
		"an emptied hint goes, with its entry in mandatory": {
			asked:   "www.example SVCB",
			from:    response{answer: []string{"www.example. SVCB 1 svc.example. mandatory=alpn,ipv4hint,ipv6hint alpn=h2 ipv4hint=198.51.100.1 ipv6hint=2001:db8::1"}},
			answer:  []string{`www.example. 300 IN SVCB 1 svc.example. mandatory="alpn,ipv6hint" alpn="h2" ipv6hint="2001:db8::1"`},
			removed: 1,
		},
		"an emptied mandatory goes": {
			asked:   "www.example HTTPS",
			from:    response{answer: []string{"www.example. HTTPS 1 . mandatory=ipv4hint,ipv6hint ipv4hint=198.51.100.1,198.51.100.2 ipv6hint=fd00::1"}},
			answer:  []string{`www.example. 300 IN HTTPS 1 .`},
			removed: 3,
		},
		"a hint that is listed and stays": {
			asked:   "www.example HTTPS",
			from:    response{answer: []string{"www.example. HTTPS 1 . mandatory=ipv4hint ipv4hint=198.51.100.1,192.0.2.1"}},
			answer:  []string{`www.example. 300 IN HTTPS 1 . mandatory="ipv4hint" ipv4hint="192.0.2.1"`},
			removed: 1,
		},
		"only the additional section: the answer keeps its signature": {
			asked: "www.example HTTPS",
			from: response{
				answer: []string{"www.example. HTTPS 1 svc.example. ipv4hint=192.0.2.1", sig("www.example.", "HTTPS", "example.")},
				additional: []string{
					"svc.example. A 192.0.2.1", sig("svc.example.", "A", "example."), "svc.example. AAAA fd00::1", sig("svc.example.", "AAAA", "example."),
				},
			},
			answer:     []string{`www.example. 300 IN HTTPS 1 svc.example. ipv4hint="192.0.2.1"`, sig("www.example.", "HTTPS", "example.")},
			additional: []string{"svc.example. 300 IN A 192.0.2.1", sig("svc.example.", "A", "example.")},
			removed:    1,
		},
		"additional A beside hints, all gone": {
			asked: "www.example HTTPS",
			from: response{
				answer:     []string{"www.example. HTTPS 1 . ipv4hint=192.0.2.1"},
				additional: []string{"www.example. A 192.0.2.1"},
			},
			drop:    all,
			answer:  []string{`www.example. 300 IN HTTPS 1 .`},
			removed: 2,
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			if test.drop == nil {
				test.drop = outside
			}
			test.from.ad = true
			m := test.from.parse(t, test.asked)
			before := shown(t, m).String()
			edited, n := m.WithoutAddresses(test.drop)
			got := shown(t, edited)
			if diff := cmp.Diff(test.answer, lines(got.Answer)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.additional, lines(got.Extra)); diff != "" {
				t.Errorf("additional (-want +got):\n%s", diff)
			}
			if n != test.removed || edited.AD() || !m.AD() {
				t.Errorf("removed %d, AD %v, want %d, false", n, edited.AD(), test.removed)
			}
			if slices.ContainsFunc(edited.Addresses(), test.drop) {
				t.Errorf("addresses left: %v", edited.Addresses())
			}
			if after := shown(t, m).String(); after != before {
				t.Errorf("the original changed from\n%s\nto\n%s", before, after)
			}
		})
	}
}

func TestWithoutAddressesThatAreNotThere(t *testing.T) {
	m := response{ad: true, answer: []string{"www.example. A 192.0.2.1", sig("www.example.", "A", "example.")}}.parse(t, "www.example A")
	same, n := m.WithoutAddresses(outside)
	if n != 0 || !same.AD() || len(shown(t, same).Answer) != 2 {
		t.Errorf("removed %d, AD %v, answer %v", n, same.AD(), same.Text())
	}
}

func TestAddresses(t *testing.T) {
	m := response{
		answer: []string{
			"www.example. HTTPS 1 svc.example. ipv4hint=192.0.2.2,192.0.2.1 ipv6hint=2001:db8::1,2001:db8::2",
			"www.example. HTTPS 2 . ipv4hint=192.0.2.1",
		},
		additional: []string{"svc.example. A 192.0.2.9", "svc.example. AAAA 2001:db8::1", "svc.example. AAAA 64:ff9b::c000:201"},
	}.parse(t, "www.example HTTPS")
	var got []string
	for _, a := range m.Addresses() {
		got = append(got, a.String())
	}
	want := "192.0.2.2 192.0.2.1 2001:db8::1 2001:db8::2 192.0.2.9 64:ff9b::c000:201"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("Addresses = %s, want %s", s, want)
	}
}

// TestMappedHint: an IPv4-mapped address in ipv6hint is shown as it came, so that
// whoever judges it can unmap it.
func TestMappedHint(t *testing.T) {
	q := question(t, "www.example HTTPS")
	m, err := wire.ParseResponse(octets(t, `1234 8180 0001 0001 0000 0000 03 777777 07 6578616d706c65 00 0041 0001
		c00c 0041 0001 0000012c 0017 0001 00 0006 0010 00000000000000000000ffffc6336401`), q)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Addresses(); len(got) != 1 || got[0].String() != "::ffff:198.51.100.1" {
		t.Errorf("Addresses = %v, want ::ffff:198.51.100.1", got)
	}
	// The library does not take it, so it is shown as an unknown type.
	if want := "www.example.\t300\tCLASS1\tTYPE65\t\\# 23 00010000060010" + "00000000000000000000ffffc6336401"; m.Text() != want {
		t.Errorf("Text = %q, want %q", m.Text(), want)
	}
	edited, n := m.WithoutAddresses(func(a netip.Addr) bool { return outside(a.Unmap()) })
	if n != 1 || len(edited.Addresses()) != 0 || edited.Empty() {
		t.Errorf("removed %d, left %v", n, edited.Text())
	}
}

func TestChain(t *testing.T) {
	m := response{answer: []string{
		"www.example. CNAME a.old.example.", "old.example. DNAME new.example.", "a.old.example. CNAME a.new.example.",
		"a.new.example. HTTPS 2 svc.example. alpn=h2", "a.new.example. HTTPS 1 . alpn=h2", "a.new.example. HTTPS 3 svc.example.",
	}}.parse(t, "www.example HTTPS")
	var got []string
	for _, n := range m.Chain() {
		got = append(got, n.String())
	}
	if want := "a.old.example a.new.example svc.example"; strings.Join(got, " ") != want {
		t.Errorf("Chain = %v, want %s", got, want)
	}
}

func TestAgedAndCapTTL(t *testing.T) {
	m := response{
		answer:    []string{"www.example. 300 IN CNAME b.example.", "b.example. 60 IN A 192.0.2.1"},
		authority: []string{"example. 10 IN SOA a. b. 1 2 3 4 5"},
	}.parse(t, "www.example A")
	ttls := func(m wire.Message) []uint32 {
		var list []uint32
		got := shown(t, m)
		for _, rr := range slices.Concat(got.Answer, got.Ns) {
			list = append(list, rr.Header().Ttl)
		}
		return list
	}
	for what, test := range map[string]struct {
		m    wire.Message
		want []uint32
	}{
		"new":            {m, []uint32{300, 60, 10}},
		"0.9 s":          {m.Aged(900 * time.Millisecond), []uint32{300, 60, 10}},
		"5 s":            {m.Aged(5 * time.Second), []uint32{295, 55, 5}},
		"59 s":           {m.Aged(59 * time.Second), []uint32{241, 1, 0}},
		"60 s":           {m.Aged(time.Minute), []uint32{240, 0, 0}},
		"200 years":      {m.Aged(200 * 365 * 24 * time.Hour), []uint32{0, 0, 0}},
		"clock set back": {m.Aged(-time.Hour), []uint32{300, 60, 10}},
		"cap 60":         {m.CapTTL(60), []uint32{60, 60, 10}},
		"cap 0":          {m.CapTTL(0), []uint32{0, 0, 0}},
	} {
		if diff := cmp.Diff(test.want, ttls(test.m)); diff != "" {
			t.Errorf("%s: TTLs (-want +got):\n%s", what, diff)
		}
	}
}

func TestLifetime(t *testing.T) {
	const maxPositive, maxNegative = 24 * time.Hour, 3 * time.Hour
	const soa = "example. 900 IN SOA a. b. 1 2 3 4 600"
	tests := map[string]struct {
		asked string
		from  response
		want  time.Duration
	}{
		"the shortest TTL":             {"a.example A", response{answer: []string{"a.example. 300 IN CNAME b.example.", "b.example. 60 IN A 192.0.2.1"}}, time.Minute},
		"of the additional section":    {"a.example MX", response{answer: []string{"a.example. 300 IN MX 1 b.example."}, additional: []string{"b.example. 20 IN A 192.0.2.1"}}, 20 * time.Second},
		"no longer than a day":         {"a.example A", response{answer: []string{"a.example. 604800 IN A 192.0.2.1"}}, maxPositive},
		"TTL 0":                        {"a.example A", response{answer: []string{"a.example. 0 IN A 192.0.2.1"}}, 0},
		"NODATA: MINIMUM":              {"a.example A", response{authority: []string{soa}}, 10 * time.Minute},
		"NODATA: TTL of the SOA":       {"a.example A", response{authority: []string{"example. 5 IN SOA a. b. 1 2 3 4 600"}}, 5 * time.Second},
		"NODATA at the end of a chain": {"a.example A", response{answer: []string{"a.example. 30 IN CNAME b.example."}, authority: []string{soa}}, 30 * time.Second},
		"NXDOMAIN":                     {"a.example A", response{rcode: dns.RcodeNameError, authority: []string{soa}}, 10 * time.Minute},
		"NXDOMAIN: no more than 3 h":   {"a.example A", response{rcode: dns.RcodeNameError, authority: []string{"example. 90000 IN SOA a. b. 1 2 3 4 90000"}}, maxNegative},
		"NXDOMAIN without SOA":         {"a.example A", response{rcode: dns.RcodeNameError}, 0},
		"NODATA without SOA":           {"a.example A", response{}, 0},
		"NODATA, SOA of another zone":  {"a.example A", response{authority: []string{"other. 900 IN SOA a. b. 1 2 3 4 600"}}, 0},
		"SERVFAIL":                     {"a.example A", response{rcode: dns.RcodeServerFailure, authority: []string{soa}}, 0},
		"REFUSED":                      {"a.example A", response{rcode: dns.RcodeRefused}, 0},
	}
	for what, test := range tests {
		if got := test.from.parse(t, test.asked).Lifetime(maxPositive, maxNegative); got != test.want {
			t.Errorf("%s: Lifetime = %v, want %v", what, got, test.want)
		}
	}
	q := question(t, "www.example A")
	m, err := wire.ParseResponse(octets(t, "1234 8380 0001 0001 0000 0000"+asked+respA), q)
	if err != nil || m.Lifetime(maxPositive, maxNegative) != 0 {
		t.Errorf("a truncated message has lifetime %v, error %v", m.Lifetime(maxPositive, maxNegative), err)
	}
}

// TestMessageIsImmutable has readers of one message while others edit it; the
// race detector watches.
func TestMessageIsImmutable(t *testing.T) {
	m := response{ad: true, answer: []string{
		"www.example. CNAME b.example.", "b.example. HTTPS 1 . mandatory=ipv4hint ipv4hint=198.51.100.1,192.0.2.1 ipv6hint=fd00::1", sig("b.example.", "HTTPS", "example."),
	}, additional: []string{"b.example. A 198.51.100.1", "b.example. A 192.0.2.1"}}.parse(t, "www.example HTTPS")
	want := shown(t, m).String()
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for range 50 {
				edited, _ := m.WithoutAddresses(outside)
				edited = edited.Aged(time.Minute).CapTTL(9).WithSOA(60).WithCNAME(m.Question().Name, 1)
				_ = edited.Prepend(m).Text()
				_, _ = m.WithoutAddresses(all)
			}
		})
		g.Go(func() {
			for range 50 {
				if got := shown(t, m).String(); got != want {
					t.Errorf("changed to\n%s", got)
					return
				}
				_, _, _ = m.Addresses(), m.Chain(), m.Lifetime(time.Hour, time.Hour)
			}
		})
	}
	g.Wait()
}
