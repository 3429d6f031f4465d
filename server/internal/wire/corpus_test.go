package wire_test

import (
	"net"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// corpusQueries are queries as clients send them, and some that no client should.
func corpusQueries(t testing.TB) (packets [][]byte) {
	t.Helper()
	for _, edit := range []func(m *dns.Msg){
		func(*dns.Msg) {},
		func(m *dns.Msg) { m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData = false, true, true },
		func(m *dns.Msg) { m.SetEdns0(4096, true) },
		func(m *dns.Msg) { m.SetEdns0(0, false).IsEdns0().SetVersion(1) },
		func(m *dns.Msg) { m.SetEdns0(1232, false).SetEdns0(1232, false) },
		func(m *dns.Msg) { m.SetTsig("key.example.", dns.HmacSHA256, 300, 1) },
		func(m *dns.Msg) { m.Question[0].Name, m.Question[0].Qtype = ".", dns.TypeNS },
		func(m *dns.Msg) { m.Question[0].Name = `\000\255\.x.WWW.example.` },
		func(m *dns.Msg) { m.Question[0].Qclass, m.Question[0].Qtype = dns.ClassCHAOS, dns.TypeTXT },
		func(m *dns.Msg) { m.SetAxfr("example.") },
		func(m *dns.Msg) { m.SetIxfr("example.", 1, "ns.example.", "host.example.") },
		func(m *dns.Msg) { m.SetUpdate("example.") },
		func(m *dns.Msg) { m.SetNotify("example.") },
		func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		func(m *dns.Msg) { m.Question = nil },
		func(m *dns.Msg) {
			m.SetEdns0(1232, true)
			m.IsEdns0().Option = []dns.EDNS0{
				&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID},
				&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 0, 2, 0)},
				&dns.EDNS0_PADDING{Padding: make([]byte, 31)}, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE},
			}
		},
	} {
		m := new(dns.Msg).SetQuestion("wWw.example.", dns.TypeHTTPS)
		edit(m)
		packet, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, packet, packet[:len(packet)-1], append(packet[:len(packet):len(packet)], 0))
	}
	return packets
}

// corpusResponses are responses with all kinds of records, whole and cut, good and bad.
func corpusResponses(t testing.TB) (packets [][]byte) {
	t.Helper()
	q := question(t, "www.example A")
	for _, line := range prefixed("www.example. 300 ", rdataSeeds) {
		q.Type = wire.Type(records(t, []string{line})[0].Header().Rrtype)
		packet := response{answer: []string{line, line}, authority: []string{"example. SOA a. b. 1 2 3 4 5"}}.pack(t, q)
		packets = append(packets, packet, packet[:len(packet)-1])
	}
	for _, s := range hostileRData {
		q.Type = wire.Type(s.typ)
		packets = append(packets, oneRecord(q, []byte(s.data)))
	}
	for _, answer := range [][]string{
		{"www.example. CNAME www.example."},
		{"www.example. CNAME b.example.", "b.example. CNAME www.example."},
		{"b.example. A 192.0.2.1", "www.example. CNAME b.example."},
		{"example. DNAME www.example."},
		{"www.example. A 192.0.2.1", "bank.example. A 203.0.113.66", "www.example. TXT x"},
	} {
		packets = append(packets, response{answer: answer}.pack(t, question(t, "www.example A")))
	}
	return packets
}
