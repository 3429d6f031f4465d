package servertest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
)

func TestRecords(t *testing.T) {
	lines := []string{
		"example. 300 IN SOA ns.example. host.example. 1 2 3 4 60",
		"www.example. 300 IN CNAME cdn.example.",
		"cdn.example. 60 IN A 192.0.2.1",
		"cdn.example. 60 IN A 192.0.2.2",
		"loop.example. 60 IN CNAME loop.example.",
	}
	u := servertest.New(t, servertest.Records(t, lines...))
	for name, c := range map[string]struct {
		qtype  uint16
		rcode  int
		answer []string
		soa    bool
	}{
		"WWW.example.":  {dns.TypeA, 0, []string{"CNAME cdn.example.", "A 192.0.2.1", "A 192.0.2.2"}, false},
		"cdn.example.":  {dns.TypeAAAA, 0, nil, true},
		"none.example.": {dns.TypeA, dns.RcodeNameError, nil, true},
	} {
		for _, network := range []string{"udp", "tcp"} {
			m, _, err := (&dns.Client{Net: network}).Exchange(new(dns.Msg).SetQuestion(name, c.qtype), u.Addr.String())
			if err != nil {
				t.Fatal(err)
			}
			var answer []string
			for _, rr := range m.Answer {
				answer = append(answer, strings.Join(strings.Fields(rr.String())[3:], " "))
			}
			if d := cmp.Diff(c.answer, answer); d != "" || m.Rcode != c.rcode || (len(m.Ns) == 1) != c.soa {
				t.Errorf("%s over %s: %v\n%s", name, network, m, d)
			}
		}
	}
	if n := len(u.Queries()); n != 6 {
		t.Errorf("%v queries noted, want 6", n)
	}
}

func TestRecordsTruncatesOverUDP(t *testing.T) {
	var lines []string
	for _, c := range "abcdefgh" {
		lines = append(lines, "www.example. 60 IN TXT "+strings.Repeat(string(c), 200))
	}
	u := servertest.New(t, servertest.Records(t, lines...))
	q := new(dns.Msg).SetQuestion("www.example.", dns.TypeTXT)
	for network, truncated := range map[string]bool{"udp": true, "tcp": false} {
		m, _, err := (&dns.Client{Net: network}).Exchange(q, u.Addr.String())
		if err != nil || m.Truncated != truncated || (len(m.Answer) == 8) == truncated {
			t.Errorf("%s: TC %v, %v records, %v; want TC %v", network, m.Truncated, len(m.Answer), err, truncated)
		}
	}
}

func TestRcode(t *testing.T) {
	u := servertest.New(t, servertest.Rcode(dns.RcodeRefused))
	m, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion("www.example.", dns.TypeA), u.Addr.String())
	if err != nil || m.Rcode != dns.RcodeRefused {
		t.Errorf("response %v, %v, want REFUSED", m, err)
	}
}

func TestClosed(t *testing.T) {
	addr := servertest.Closed(t).String()
	for _, network := range []string{"udp", "tcp"} {
		_, _, err := (&dns.Client{Net: network}).Exchange(new(dns.Msg).SetQuestion("www.example.", dns.TypeA), addr)
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v, want the connection refused", network, err)
		}
	}
}
