package wire_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// addresses parses a list of them.
func addresses(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestOwnAnswers(t *testing.T) {
	long := strings.Repeat("x", 300)
	own := func(asked string) wire.Message { return wire.NewMessage(question(t, asked), wire.NoError) }
	chain := response{ad: true, answer: []string{"www.example. CNAME b.example.", "b.example. A 198.51.100.1", sig("b.example.", "A", "example.")}}
	signed := chain.parse(t, "www.example A")
	pruned, _ := signed.WithoutAddresses(all)
	mixed := addresses("192.0.2.1", "2001:db8::1", "192.0.2.2", "::ffff:192.0.2.3")
	tests := map[string]struct {
		m      wire.Message
		answer []string
		soa    []string
		empty  bool
	}{
		"nothing": {m: own("www.example A"), empty: true},
		"addresses for A": {
			m:      own("www.example A").WithAnswerAddresses(mixed, 60),
			answer: []string{"www.example. 60 IN A 192.0.2.1", "www.example. 60 IN A 192.0.2.2", "www.example. 60 IN A 192.0.2.3"},
		},
		"addresses for AAAA": {
			m: own("www.example AAAA").WithAnswerAddresses(mixed, 60), answer: []string{"www.example. 60 IN AAAA 2001:db8::1"},
		},
		"addresses for MX": {m: own("www.example MX").WithAnswerAddresses(mixed, 60), empty: true},
		"addresses at the end of a chain": {
			m:      pruned.WithAnswerAddresses(mixed[:1], 60),
			answer: []string{"www.example. 300 IN CNAME b.example.", "b.example. 60 IN A 192.0.2.1"},
		},
		"addresses beside signed ones": {
			m:      signed.WithAnswerAddresses(mixed[:1], 60),
			answer: []string{"www.example. 300 IN CNAME b.example.", "b.example. 300 IN A 198.51.100.1", "b.example. 60 IN A 192.0.2.1"},
		},
		"CNAME": {
			m: own("www.example A").WithCNAME(name(t, "other.example"), 60), answer: []string{"www.example. 60 IN CNAME other.example."}, empty: true,
		},
		"CNAME, then what its target answered": {
			m:      signed.Prepend(own("a.example A").WithCNAME(name(t, "www.example"), 60)),
			answer: []string{"a.example. 60 IN CNAME www.example.", "www.example. 300 IN CNAME b.example.", "b.example. 300 IN A 198.51.100.1", sig("b.example.", "A", "example.")},
		},
		"SOA": {
			m:     own("www.example A").WithSOA(60),
			soa:   []string{"www.example. 60 IN SOA www.example. nobody.invalid. 1 3600 1200 604800 60"},
			empty: true,
		},
		"SOA at the end of a chain, in place of another": {
			m:      pruned.WithSOA(60).WithSOA(30),
			answer: []string{"www.example. 300 IN CNAME b.example."},
			soa:    []string{"b.example. 30 IN SOA b.example. nobody.invalid. 1 3600 1200 604800 30"},
			empty:  true,
		},
		"TXT": {
			m:      own("www.example TXT").WithTXT(5, wire.ClassIN, [][]string{{"a", "b c"}, nil, {""}, {long}}),
			answer: []string{`www.example. 5 IN TXT "a" "b c"`, `www.example. 5 IN TXT ""`, `www.example. 5 IN TXT ""`, `www.example. 5 IN TXT "` + long[:255] + `" "` + long[255:] + `"`},
		},
		"TXT in class CH": {
			m:      wire.NewMessage(wire.Question{Name: name(t, "id.server"), Type: wire.TypeTXT, Class: wire.ClassCH}, wire.NoError).WithTXT(0, wire.ClassCH, [][]string{{"x"}}),
			answer: []string{`id.server. 0 CH TXT "x"`},
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			got := shown(t, test.m)
			if diff := cmp.Diff(test.answer, lines(got.Answer)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.soa, lines(got.Ns)); diff != "" {
				t.Errorf("authority (-want +got):\n%s", diff)
			}
			if test.m.Empty() != test.empty || test.m.AD() {
				t.Errorf("Empty %v, AD %v, want %v, false", test.m.Empty(), test.m.AD(), test.empty)
			}
		})
	}
	if got := own("www.example A").WithSOA(60).Lifetime(time.Hour, time.Hour); got != time.Minute {
		t.Errorf("our own NODATA lives for %v, want 1m", got)
	}
	if shown(t, signed).Answer[1].Header().Rrtype != dns.TypeA || !signed.AD() {
		t.Errorf("the original changed: %v", signed.Text())
	}
}

// TestEditsDoNotShare: two edits of one message do not write to the same place.
func TestEditsDoNotShare(t *testing.T) {
	m := response{authority: []string{
		"a.example. NSEC z.example. A", sig("a.example.", "NSEC", "example."), "example. NS a.example.", "example. NS b.example.",
	}}.parse(t, "www.example A")
	a, b := m.WithSOA(60), m.WithSOA(30)
	if got := []time.Duration{a.Lifetime(time.Hour, time.Hour), b.Lifetime(time.Hour, time.Hour)}; got[0] != time.Minute || got[1] != 30*time.Second {
		t.Errorf("lifetimes %v, want 1m and 30s", got)
	}
}

func TestZeroMessage(t *testing.T) {
	if !(wire.Message{}).IsZero() || wire.NewMessage(question(t, ". A"), wire.NoError).IsZero() {
		t.Error("IsZero does not tell the zero value from a message about the root")
	}
}

func TestText(t *testing.T) {
	m := response{answer: []string{"www.example. CNAME b.example.", "b.example. 60 IN A 192.0.2.1"}}.parse(t, "www.example A")
	if want := "www.example.\t300\tIN\tCNAME\tb.example.\nb.example.\t60\tIN\tA\t192.0.2.1"; m.Text() != want {
		t.Errorf("Text = %q, want %q", m.Text(), want)
	}
}
