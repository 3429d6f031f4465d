package integration_test

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// askedTwice are the queries that most cases are asked: plain, from the cache, with
// DO, over TCP.
func askedTwice(qtype uint16) []oracleQuery {
	return []oracleQuery{oracleAsk(qtype), oracleAsk(qtype, again, withEDNS), oracleAsk(qtype, withDO), oracleAsk(qtype, overTCP, again)}
}

// zoneCase is a case whose upstream knows the records of a zone.
func zoneCase(name string, qtype uint16, lines ...string) oracleCase {
	return oracleCase{name, zoneSays(name, lines...), askedTwice(qtype)}
}

// editedCase is zoneCase with an edit to each response.
func editedCase(name string, qtype uint16, edit func(m *dns.Msg), lines ...string) oracleCase {
	return oracleCase{name, editedSays(name, edit, lines...), askedTwice(qtype)}
}

// answerCases are good answers: chains, denials, redirections, bindings.
func answerCases() []oracleCase {
	chain := []string{oracleSOA, "c0 A 192.0.2.1"}
	for i := range 30 {
		chain = append(chain, fmt.Sprintf("c%d CNAME c%d", i+1, i))
	}
	chains := oracleCase{name: "chain", says: zoneSays("chain", chain...)}
	for _, n := range []int{1, 2, 5, 8, 10, 11, 12, 15, 16, 17, 25} {
		chains.queries = append(chains.queries, oracleAsk(dns.TypeA, below(fmt.Sprintf("c%d", n))))
	}
	lone := zoneCase("lone-link", dns.TypeA, oracleSOA, "@ CNAME b", "b A 192.0.2.1")
	full := lone.says
	lone.says = func(q asked, m *dns.Msg) { // the link only: whoever wants more asks on
		reply := q.reply
		q.reply = func(packet []byte) {
			r := new(dns.Msg)
			_ = r.Unpack(packet) // mustPack made it
			if len(r.Answer) > 1 {
				r.Answer = r.Answer[:1]
			}
			reply(mustPack(r))
		}
		full(q, m)
	}
	return []oracleCase{
		chains, lone,
		zoneCase("several", dns.TypeA, oracleSOA, "@ A 192.0.2.1", "@ A 192.0.2.2", "@ A 192.0.2.3"),
		zoneCase("chain-nodata", dns.TypeAAAA, oracleSOA, "@ CNAME b", "b A 192.0.2.1"),
		zoneCase("chain-nxdomain", dns.TypeA, oracleSOA, "@ CNAME b"),
		zoneCase("chain-cname", dns.TypeCNAME, oracleSOA, "@ CNAME b", "b A 192.0.2.1"),
		zoneCase("nodata", dns.TypeAAAA, oracleSOA, "@ A 192.0.2.1"),
		zoneCase("nodata-bare", dns.TypeAAAA, "@ A 192.0.2.1"),
		zoneCase("nxdomain-bare", dns.TypeA, "x A 192.0.2.1"),
		{"cut", zoneSays("cut", oracleSOA, "@ A 192.0.2.1"), []oracleQuery{
			oracleAsk(dns.TypeA, below("a")), oracleAsk(dns.TypeMX, below("a")), oracleAsk(dns.TypeA, below("b.a")),
			oracleAsk(dns.TypeMX, below("c.b.a"), withEDNS),
		}},
		editedCase("dname", dns.TypeA, func(m *dns.Msg) {
			name := strings.ToLower(m.Question[0].Name) // which may be spelled in any way
			if !strings.Contains(name, ".old.") {
				return
			}
			m.Rcode, m.Ns = 0, nil
			m.Answer = []dns.RR{
				&dns.DNAME{Hdr: dns.RR_Header{Name: name[strings.IndexByte(name, '.')+1:], Rrtype: dns.TypeDNAME, Class: 1, Ttl: 300}, Target: "new.dname.example."},
				&dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: 1, Ttl: 300}, Target: name[:strings.IndexByte(name, '.')] + ".new.dname.example."},
			}
			m.Answer = append(m.Answer, forged(m.Answer[1].(*dns.CNAME).Target)...)
		}, oracleSOA, "x.new 300 A 203.0.113.66").asking(oracleAsk(dns.TypeA, below("x.old")), oracleAsk(dns.TypeA, below("x.old"), again), oracleAsk(dns.TypeA, below("x.old"), withDO)),
		zoneCase("https", dns.TypeHTTPS, oracleSOA, "@ HTTPS 0 svc", "svc HTTPS 1 . alpn=h2"),
		zoneCase("https-hints", dns.TypeHTTPS, oracleSOA, "@ HTTPS 1 svc alpn=h2,h3 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 mandatory=alpn"),
		zoneCase("wide", dns.TypeTXT, oracleSOA, `@ TXT "`+strings.Repeat("x", 255)+`" "`+strings.Repeat("y", 100)+`"`),
		editedCase("aa", dns.TypeA, func(m *dns.Msg) { m.Authoritative = true }, oracleSOA, "@ A 192.0.2.1"),
		editedCase("no-ra", dns.TypeA, func(m *dns.Msg) { m.RecursionAvailable = false }, oracleSOA, "@ A 192.0.2.1"),
		editedCase("ad", dns.TypeA, func(m *dns.Msg) { m.AuthenticatedData = true }, oracleSOA, "@ A 192.0.2.1"),
		editedCase("no-edns", dns.TypeA, func(m *dns.Msg) { m.Extra = nil }, oracleSOA, "@ A 192.0.2.1"),
		editedCase("mixed-case", dns.TypeA, func(m *dns.Msg) { m.Answer[0].Header().Name = "MIXED-case.Example." }, "@ A 192.0.2.1"),
		editedCase("additional", dns.TypeMX, func(m *dns.Msg) {
			m.Extra = append(m.Extra, forged("mail.additional.example.")...)
		}, oracleSOA, "@ MX 1 mail"),
		editedCase("authority", dns.TypeA, func(m *dns.Msg) {
			ns, _ := dns.NewRR("authority.example. 300 NS ns.authority.example.")
			m.Ns = []dns.RR{ns}
			m.Extra = append(m.Extra, forged("ns.authority.example.")...)
		}, "@ A 192.0.2.1"),
		editedCase("referral", dns.TypeA, func(m *dns.Msg) {
			ns, _ := dns.NewRR("referral.example. 300 NS ns.referral.example.")
			m.Answer, m.Ns = nil, []dns.RR{ns}
		}, "@ A 192.0.2.1"),
		editedCase("nxdomain-answer", dns.TypeA, func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }, oracleSOA, "@ A 192.0.2.1"),
		editedCase("proofs", dns.TypeAAAA, func(m *dns.Msg) {
			nsec, _ := dns.NewRR("proofs.example. 300 NSEC z.proofs.example. A NSEC")
			sig, _ := dns.NewRR("proofs.example. 300 RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 proofs.example. AAAA")
			m.Ns = append(m.Ns, nsec, sig)
		}, oracleSOA, "@ A 192.0.2.1"),
	}
}

// asking is c with other queries.
func (c oracleCase) asking(queries ...oracleQuery) oracleCase {
	c.queries = queries
	return c
}

// scrubCases are answers with records that do not belong to the question, or that
// contradict each other.
func scrubCases() []oracleCase {
	add := func(section func(m *dns.Msg) *[]dns.RR, lines ...string) func(m *dns.Msg) {
		return func(m *dns.Msg) {
			for _, line := range lines {
				rr, err := dns.NewRR(line)
				if err != nil {
					panic("integration: " + err.Error())
				}
				s := section(m)
				*s = append(*s, rr)
			}
		}
	}
	answer := func(m *dns.Msg) *[]dns.RR { return &m.Answer }
	authority := func(m *dns.Msg) *[]dns.RR { return &m.Ns }
	additional := func(m *dns.Msg) *[]dns.RR { return &m.Extra }
	says := func(options ...dns.EDNS0) func(m *dns.Msg) {
		return func(m *dns.Msg) { m.IsEdns0().Option = options }
	}
	const own = "@ A 192.0.2.1"
	return []oracleCase{
		editedCase("stranger", dns.TypeA, add(answer, "bank.example. 300 A 203.0.113.66"), oracleSOA, own),
		editedCase("stranger-only", dns.TypeA, add(answer, "bank.example. 300 A 203.0.113.66"), oracleSOA, "x A 192.0.2.1"),
		editedCase("other-type", dns.TypeA, add(answer, "other-type.example. 300 TXT extra"), oracleSOA, own),
		editedCase("other-type-only", dns.TypeAAAA, add(answer, "other-type-only.example. 300 TXT extra"), oracleSOA, own),
		editedCase("other-class", dns.TypeA, add(answer, "other-class.example. 300 CH A 192.0.2.9"), oracleSOA, own),
		editedCase("twice", dns.TypeA, add(answer, "twice.example. 300 A 192.0.2.1"), oracleSOA, own),
		editedCase("cname-and-a", dns.TypeA, add(answer, "cname-and-a.example. 300 CNAME x.example."), oracleSOA, own),
		editedCase("two-cnames", dns.TypeA, add(answer, "two-cnames.example. 300 CNAME x.example.", "two-cnames.example. 300 CNAME y.example."), oracleSOA),
		editedCase("reversed", dns.TypeA, func(m *dns.Msg) {
			if len(m.Answer) == 3 {
				m.Answer[0], m.Answer[2] = m.Answer[2], m.Answer[0]
			}
		}, oracleSOA, "@ CNAME b", "b CNAME c", "c A 192.0.2.1"),
		editedCase("self-loop", dns.TypeA, add(answer, "self-loop.example. 300 CNAME self-loop.example.")),
		editedCase("loop", dns.TypeA, add(answer, "loop.example. 300 CNAME b.loop.example.", "b.loop.example. 300 CNAME loop.example.")),
		editedCase("foreign-soa", dns.TypeAAAA, add(authority, "other.example. 900 SOA a. b. 1 2 3 4 600"), own),
		editedCase("sub-soa", dns.TypeAAAA, add(authority, "x.sub-soa.example. 900 SOA a. b. 1 2 3 4 600"), own),
		editedCase("two-soas", dns.TypeAAAA, add(authority, "example. 900 SOA a. b. 1 2 3 4 600"), oracleSOA, own),
		editedCase("foreign-ns", dns.TypeA, add(authority, "com. 300 NS evil.example."), own),
		editedCase("foreign-extra", dns.TypeA, add(additional, "bank.example. 300 A 203.0.113.66"), oracleSOA, own),
		editedCase("upstream-options", dns.TypeA, says(
			&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1}}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "abcd"}), own),
		editedCase("upstream-ede", dns.TypeA, says(&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleAnswer, ExtraText: "stale"}), own),
		editedCase("dname-wrong", dns.TypeA, func(m *dns.Msg) {
			m.Rcode = 0
			add(answer, "dname-wrong.example. 300 DNAME new.example.", "a.dname-wrong.example. 300 CNAME b.evil.example.", "b.evil.example. 300 A 203.0.113.66")(m)
		}).asking(oracleAsk(dns.TypeA, below("a"))),
		editedCase("dname-alone", dns.TypeA, func(m *dns.Msg) {
			m.Rcode, m.Ns = 0, nil
			add(answer, "old.dname-alone.example. 300 DNAME new.dname-alone.example.", "a.new.dname-alone.example. 300 A 192.0.2.1")(m)
		}).asking(oracleAsk(dns.TypeA, below("a.old"))),
	}
}

// ttlCases are TTLs that have to be changed, or that decide what is kept.
func ttlCases() []oracleCase {
	ttl := func(name, ttl string) oracleCase {
		return zoneCase(name, dns.TypeA, "@ "+ttl+" A 192.0.2.1")
	}
	negative := func(name, ttl, minimum string) oracleCase {
		return zoneCase(name, dns.TypeAAAA, "@ "+ttl+" SOA ns host 1 3600 600 86400 "+minimum, "@ A 192.0.2.1")
	}
	return []oracleCase{
		ttl("zero", "0"), ttl("day", "86400"), ttl("more", "86410"), ttl("week", "604800"), ttl("year", "31536000"),
		ttl("signed", "2147483647"), ttl("top-bit", "2147483648"), ttl("all-bits", "4294967295"),
		zoneCase("unequal", dns.TypeA, "@ 600 A 192.0.2.1", "@ 60 A 192.0.2.2"),
		zoneCase("chain", dns.TypeA, "@ 600 CNAME b", "b 60 A 192.0.2.1"),
		zoneCase("chain-other", dns.TypeA, "@ 60 CNAME b", "b 600 A 192.0.2.1"),
		negative("soa-minimum", "900", "60"), negative("soa-ttl", "60", "900"), negative("soa-long", "86400", "86400"),
		negative("soa-zero", "900", "0"),
		zoneCase("dead", dns.TypeMX, "@ 86400 SOA ns host 1 3600 600 86400 86400", "x A 192.0.2.1"),
	}
}
