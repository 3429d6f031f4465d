package wire_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// sig is a signature of an RRset, by a zone, in presentation form.
func sig(owner, typ, zone string) string {
	return fmt.Sprintf("%s 300 IN RRSIG %s 8 2 300 20300101000000 20200101000000 4711 %s AAAA", owner, typ, zone)
}

func TestScrub(t *testing.T) {
	const soa = "example. 300 IN SOA ns.example. h.example. 1 2 3 4 60"
	tests := map[string]struct {
		asked      string
		from       response
		answer     []string
		authority  []string
		additional []string
		end        string
		empty      bool
	}{
		"an answer": {
			asked:  "www.example A",
			from:   response{answer: []string{"www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2"}},
			answer: []string{"www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2"},
			end:    "www.example",
		},
		"the records of an RRset have one TTL, the lowest": {
			asked:  "www.example A",
			from:   response{answer: []string{"www.example. 300 IN A 192.0.2.1", sig("www.example.", "A", "example."), "www.example. 20 IN A 192.0.2.2"}},
			answer: []string{"www.example. 20 IN A 192.0.2.1", "www.example. 20 IN A 192.0.2.2", strings.Replace(sig("www.example.", "A", "example."), " 300 IN", " 20 IN", 1)},
			end:    "www.example",
		},
		"records of others go": {
			asked: "www.example A",
			from: response{
				answer:     []string{"www.example. 300 IN A 192.0.2.1", "bank.example. 300 IN A 192.0.2.66", "www.example. 300 IN AAAA 2001:db8::1", "www.example. 300 CH A 192.0.2.2"},
				authority:  []string{"example. 300 IN NS ns.example.", "other. 300 IN SOA a. b. 1 2 3 4 5", "example. 300 IN A 192.0.2.5"},
				additional: []string{"ns.example. 300 IN A 192.0.2.53", "www.example. 300 IN A 192.0.2.7", "bank.example. 300 IN A 192.0.2.66"},
			},
			answer: []string{"www.example. 300 IN A 192.0.2.1"},
			end:    "www.example",
		},
		"a chain out of order, with signatures": {
			asked: "www.example A",
			from: response{answer: []string{
				"c.example. 300 IN A 192.0.2.1", sig("b.example.", "CNAME", "example."), "b.example. 300 IN CNAME C.example.",
				sig("c.example.", "A", "example."), "www.example. 300 IN CNAME b.example.", sig("c.example.", "AAAA", "example."),
			}},
			answer: []string{
				"www.example. 300 IN CNAME b.example.", "b.example. 300 IN CNAME C.example.", sig("b.example.", "CNAME", "example."),
				"C.example. 300 IN A 192.0.2.1", sig("C.example.", "A", "example."), // points to the name in the CNAME
			},
			end: "c.example",
		},
		"a chain that ends in NODATA": {
			asked: "www.example AAAA",
			from: response{
				answer:    []string{"www.example. 300 IN CNAME b.example.", "b.example. 300 IN A 192.0.2.1"},
				authority: []string{soa},
			},
			answer:    []string{"www.example. 300 IN CNAME b.example."},
			authority: []string{"example. 60 IN SOA ns.example. h.example. 1 2 3 4 60"},
			end:       "b.example", empty: true,
		},
		"a question about CNAME is not followed": {
			asked:  "www.example CNAME",
			from:   response{answer: []string{"www.example. 300 IN CNAME b.example.", "b.example. 300 IN CNAME c.example."}},
			answer: []string{"www.example. 300 IN CNAME b.example."},
			end:    "www.example",
		},
		"DNAME, then the CNAME made from it": {
			asked: "a.old.example A",
			from: response{answer: []string{
				"a.new.example. 300 IN A 192.0.2.1", "a.old.example. 0 IN CNAME a.new.example.", "old.example. 300 IN DNAME new.example.", sig("old.example.", "DNAME", "example."),
			}},
			answer: []string{
				"old.example. 300 IN DNAME new.example.", sig("old.example.", "DNAME", "example."), "a.old.example. 0 IN CNAME a.new.example.", "a.new.example. 300 IN A 192.0.2.1",
			},
			end: "a.new.example",
		},
		"DNAME without its CNAME": {
			asked:  "a.b.old.example A",
			from:   response{answer: []string{"old.example. 120 IN DNAME new.example.", "a.b.new.example. 300 IN A 192.0.2.1"}},
			answer: []string{"old.example. 120 IN DNAME new.example.", "a.b.old.example. 120 IN CNAME a.b.new.example.", "a.b.new.example. 300 IN A 192.0.2.1"},
			end:    "a.b.new.example",
		},
		"DNAME that makes a name too long": {
			asked: strings.Repeat("a.", 100) + "example A",
			from: response{rcode: dns.RcodeYXDomain, answer: []string{
				"example. 300 IN DNAME " + strings.Repeat("b.", 50),
			}},
			answer: []string{"example. 300 IN DNAME " + strings.Repeat("b.", 50)},
			end:    strings.Repeat("a.", 100) + "example", empty: true,
		},
		"a question about DNAME": {
			asked:  "old.example DNAME",
			from:   response{answer: []string{"old.example. 300 IN DNAME new.example."}},
			answer: []string{"old.example. 300 IN DNAME new.example."},
			end:    "old.example",
		},
		"a question about CNAME below a DNAME": {
			asked:  "a.old.example CNAME",
			from:   response{answer: []string{"old.example. 300 IN DNAME new.example."}},
			answer: []string{"old.example. 300 IN DNAME new.example.", "a.old.example. 300 IN CNAME a.new.example."},
			end:    "a.old.example",
		},
		"ANY: everything that the name owns, grouped": {
			asked: "www.example ANY",
			from: response{answer: []string{
				"www.example. 300 IN A 192.0.2.1", "www.example. 300 IN TXT x", sig("www.example.", "A", "example."), "www.example. 300 IN A 192.0.2.2",
				"b.example. 300 IN A 192.0.2.3", sig("www.example.", "MX", "example."), `www.example. 300 IN TYPE200 \# 0`,
			}},
			answer: []string{"www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2", sig("www.example.", "A", "example."), "www.example. 300 IN TXT \"x\""},
			end:    "www.example",
		},
		"RRSIG asked for": {
			asked:  "www.example RRSIG",
			from:   response{answer: []string{sig("www.example.", "A", "example."), sig("www.example.", "TXT", "example.")}},
			answer: []string{sig("www.example.", "A", "example."), sig("www.example.", "TXT", "example.")},
			end:    "www.example",
		},
		"a signature without what it signs": {
			asked: "www.example A",
			from:  response{answer: []string{sig("www.example.", "A", "example.")}},
			end:   "www.example", empty: true,
		},
		"NXDOMAIN with proof: siblings of the name in its zone stay": {
			asked: "x.example A",
			from: response{rcode: dns.RcodeNameError, authority: []string{
				soa, sig("example.", "SOA", "example."), "w.example. 60 IN NSEC y.example. A", sig("w.example.", "NSEC", "example."),
				"w.other. 60 IN NSEC y.other. A", sig("w.other.", "NSEC", "other."), "example. 300 IN NS ns.example.",
			}},
			authority: []string{
				"example. 60 IN SOA ns.example. h.example. 1 2 3 4 60", strings.Replace(sig("example.", "SOA", "example."), " 300 IN", " 60 IN", 1),
				"w.example. 60 IN NSEC y.example. A", strings.Replace(sig("w.example.", "NSEC", "example."), " 300 IN", " 60 IN", 1),
			},
			end: "x.example", empty: true,
		},
		"a wildcard's proof on the way": {
			asked: "x.example A",
			from: response{
				answer:    []string{"x.example. 300 IN CNAME www.other.", "www.other. 300 IN A 192.0.2.1"},
				authority: []string{"w.example. 300 IN NSEC y.example. A", sig("w.example.", "NSEC", "example.")},
			},
			answer:    []string{"x.example. 300 IN CNAME www.other.", "www.other. 300 IN A 192.0.2.1"},
			authority: []string{"w.example. 300 IN NSEC y.example. A", sig("w.example.", "NSEC", "example.")},
			end:       "www.other",
		},
		"addresses of what the answer leads to": {
			asked: "example MX",
			from: response{
				answer: []string{"example. 300 IN MX 1 mail.example."},
				additional: []string{
					"mail.example. 300 IN A 192.0.2.25", sig("mail.example.", "A", "example."), "mail.example. 300 IN AAAA 2001:db8::25",
					"mail.example. 300 IN TXT x", sig("mail.example.", "TXT", "example."), "web.example. 300 IN A 192.0.2.80",
				},
			},
			answer:     []string{"example. 300 IN MX 1 mail.example."},
			additional: []string{"mail.example. 300 IN A 192.0.2.25", sig("mail.example.", "A", "example."), "mail.example. 300 IN AAAA 2001:db8::25"},
			end:        "example",
		},
		"addresses of service bindings": {
			asked: "example HTTPS",
			from: response{
				answer:     []string{"example. 300 IN HTTPS 1 . alpn=h2", "example. 300 IN HTTPS 2 svc.example. alpn=h2"},
				additional: []string{"example. 300 IN A 192.0.2.1", "svc.example. 300 IN A 192.0.2.2", "svc.example. 300 IN HTTPS 1 . ipv4hint=192.0.2.9"},
			},
			answer:     []string{`example. 300 IN HTTPS 1 . alpn="h2"`, `example. 300 IN HTTPS 2 svc.example. alpn="h2"`},
			additional: []string{"example. 300 IN A 192.0.2.1", "svc.example. 300 IN A 192.0.2.2"},
			end:        "example",
		},
		"a referral is no answer": {
			asked: "www.example A",
			from:  response{authority: []string{"example. 300 IN NS ns.example."}, additional: []string{"ns.example. 300 IN A 192.0.2.53"}},
			end:   "www.example", empty: true,
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			m := test.from.parse(t, test.asked)
			got := shown(t, m)
			for section, pair := range map[string][2][]string{
				"answer":     {test.answer, lines(got.Answer)},
				"authority":  {test.authority, lines(got.Ns)},
				"additional": {test.additional, lines(got.Extra)},
			} {
				if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", section, diff)
				}
			}
			if m.End() != name(t, test.end) || m.Empty() != test.empty {
				t.Errorf("End %v, Empty %v, want %v, %v", m.End(), m.Empty(), test.end, test.empty)
			}
		})
	}
}

func TestScrubRefuses(t *testing.T) {
	chain := func(links int) []string {
		var list []string
		for i := range links {
			list = append(list, fmt.Sprintf("%d.example. CNAME %d.example.", i, i+1))
		}
		slices.Reverse(list)
		return append(list, fmt.Sprintf("%d.example. A 192.0.2.1", links))
	}
	tests := map[string]struct {
		asked  string
		answer []string
		want   string // of the error
	}{
		"16 links":                    {"0.example A", chain(16), ""},
		"17 links":                    {"0.example A", chain(17), "more than 16 links"},
		"a loop of one":               {"a.example A", []string{"a.example. CNAME a.example."}, "a loop"},
		"a loop of two":               {"a.example A", []string{"a.example. CNAME b.example.", "b.example. CNAME A.example."}, "a loop"},
		"a loop that is not reached":  {"a.example A", []string{"a.example. A 192.0.2.1", "b.example. CNAME b.example."}, ""},
		"two CNAMEs":                  {"a.example A", []string{"a.example. CNAME b.example.", "a.example. CNAME c.example."}, "several CNAME"},
		"a DNAME that never ends":     {"a.example A", []string{"example. DNAME a.example."}, "more than 16 links"},
		"a CNAME against its DNAME":   {"a.example A", []string{"example. DNAME b.", "a.example. CNAME c.b."}, "contradicts the DNAME"},
		"a CNAME and its DNAME agree": {"a.example A", []string{"example. DNAME B.", "a.example. CNAME A.b."}, ""},
	}
	for what, test := range tests {
		q := question(t, test.asked)
		_, err := wire.ParseResponse(response{answer: test.answer}.pack(t, q), q)
		if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", what, err, test.want)
		}
	}
}
