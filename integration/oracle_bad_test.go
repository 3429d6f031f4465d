package integration_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// rcodeCases are responses that are no answers.
func rcodeCases() (cases []oracleCase) {
	for _, rcode := range []int{
		dns.RcodeFormatError, dns.RcodeServerFailure, dns.RcodeNotImplemented, dns.RcodeRefused, dns.RcodeYXDomain,
		dns.RcodeYXRrset, dns.RcodeNXRrset, dns.RcodeNotAuth, dns.RcodeNotZone, 11, dns.RcodeBadVers, dns.RcodeBadCookie,
	} {
		name := fmt.Sprintf("r%d", rcode)
		cases = append(cases, oracleCase{name, rcodeSays(rcode), []oracleQuery{
			oracleAsk(dns.TypeA), oracleAsk(dns.TypeA, again, withEDNS), oracleAsk(dns.TypeA, overTCP, withCD),
		}})
	}
	withEDE := func(q asked, m *dns.Msg) {
		r := new(dns.Msg).SetRcode(m, dns.RcodeServerFailure).SetEdns0(1232, false)
		r.IsEdns0().Option = append(r.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: 9, ExtraText: "bogus"})
		q.reply(mustPack(r))
	}
	oldServer := func(rcode int, bare bool) func(q asked, m *dns.Msg) {
		return func(q asked, m *dns.Msg) {
			if m.IsEdns0() == nil {
				r := new(dns.Msg).SetReply(m)
				r.Answer = forged(m.Question[0].Name)
				q.reply(mustPack(r))
				return
			}
			packet := mustPack(new(dns.Msg).SetRcode(m, rcode))
			if bare {
				packet = with(packet[:atName], atQuestions, 0)
			}
			q.reply(packet)
		}
	}
	servfailWithAnswer := func(q asked, m *dns.Msg) {
		r := new(dns.Msg).SetRcode(m, dns.RcodeServerFailure)
		r.Answer = forged(m.Question[0].Name)
		q.reply(mustPack(r))
	}
	return append(cases,
		oracleCase{"ede", withEDE, askedTwice(dns.TypeA)},
		oracleCase{"old-formerr", oldServer(dns.RcodeFormatError, false), askedTwice(dns.TypeA)},
		oracleCase{"old-notimp", oldServer(dns.RcodeNotImplemented, false), askedTwice(dns.TypeA)},
		oracleCase{"old-bare", oldServer(dns.RcodeFormatError, true), askedTwice(dns.TypeA)},
		oracleCase{"servfail-answer", servfailWithAnswer, askedTwice(dns.TypeA)},
	)
}

// malformedCases are responses with records that cannot be read, or with counts that
// are wrong.
func malformedCases() (cases []oracleCase) {
	const name = "\x01a\x07example\x00"
	a := rawRecord(dns.TypeA, 4, "\xC0\x00\x02\x01")
	add := func(name string, qtype uint16, says func(q asked, m *dns.Msg)) {
		cases = append(cases, oracleCase{name, says, []oracleQuery{oracleAsk(qtype, withEDNS), oracleAsk(qtype, again)}})
	}
	for _, c := range []struct {
		name string
		typ  uint16
		data string
	}{
		{"a5", dns.TypeA, "\xC0\x00\x02\x01\x05"},
		{"a3", dns.TypeA, "\xC0\x00\x02"},
		{"a0", dns.TypeA, ""},
		{"aaaa15", dns.TypeAAAA, strings.Repeat("\x20", 15)},
		{"aaaa17", dns.TypeAAAA, strings.Repeat("\x20", 17)},
		{"cname-empty", dns.TypeCNAME, ""},
		{"cname-tail", dns.TypeCNAME, name + "x"},
		{"cname-runs-off", dns.TypeCNAME, "\x3Fabc"},
		{"mx-empty", dns.TypeMX, ""},
		{"mx-short", dns.TypeMX, "\x00\x01"},
		{"mx-tail", dns.TypeMX, "\x00\x01" + name + "x"},
		{"txt-empty", dns.TypeTXT, ""},
		{"txt-runs-off", dns.TypeTXT, "\x09abc"},
		{"soa-short", dns.TypeSOA, name + name + "\x00\x00"},
		{"srv-short", dns.TypeSRV, "\x00\x01\x00\x02\x00"},
		{"ptr-loop", dns.TypePTR, "\xC0\xFF"},
		{"caa-runs-off", dns.TypeCAA, "\x00\xFFissue"},
		{"https-short", dns.TypeHTTPS, "\x00"},
		{"https-order", dns.TypeHTTPS, "\x00\x01\x00\x00\x03\x00\x02\x00\x35\x00\x01\x00\x03\x02h2"},
		{"https-twice", dns.TypeHTTPS, "\x00\x01\x00\x00\x03\x00\x02\x00\x35\x00\x03\x00\x02\x00\x35"},
		{"https-hint", dns.TypeHTTPS, "\x00\x01\x00\x00\x04\x00\x03\xC0\x00\x02"},
		{"https-runs-off", dns.TypeHTTPS, "\x00\x01\x00\x00\x01\x00\xFFh2"},
		{"https-mandatory", dns.TypeHTTPS, "\x00\x01\x00\x00\x00\x00\x02\x00\x04"},
		{"ds-short", dns.TypeDS, "\x00\x01\x0D"},
		{"rrsig-short", dns.TypeRRSIG, "\x00\x01\x0D"},
		{"nsec-bitmap", dns.TypeNSEC, name + "\x00\x00"},
		{"nsec3-short", dns.TypeNSEC3, "\x01\x00\x00\x00\xFFab"},
		{"dnskey-short", dns.TypeDNSKEY, "\x01\x00\x03"},
		{"loc-short", dns.TypeLOC, "\x00\x00"},
		{"naptr-short", dns.TypeNAPTR, "\x00\x01\x00\x02\x01U"},
		{"tlsa-short", dns.TypeTLSA, "\x03\x01"},
		{"eui48-long", dns.TypeEUI48, "\x00\x00\x5E\x00\x53\x2A\x00"},
		{"unknown", 65280, "\x00\xC0\x0C\xFF"},
	} {
		add(c.name, c.typ, rawData(c.typ, c.data))
	}
	add("count-more", dns.TypeA, rawSays(rawBody{answers: 2, octets: a}))
	add("count-less", dns.TypeA, rawSays(rawBody{answers: 1, octets: a + a}))
	add("count-none", dns.TypeA, rawSays(rawBody{answers: 1}))
	add("count-huge", dns.TypeA, rawSays(rawBody{answers: 65535, octets: a}))
	add("tail", dns.TypeA, rawSays(rawBody{answers: 1, octets: a + "\x00\x00"}))
	add("cut", dns.TypeA, rawSays(rawBody{answers: 1, octets: a[:len(a)-1]}))
	add("bad-authority", dns.TypeA, rawSays(rawBody{answers: 1, authorities: 1, octets: a + rawRecord(dns.TypeNS, 3, "\x09ab")}))
	add("bad-additional", dns.TypeA, rawSays(rawBody{answers: 1, more: 1, octets: a + rawRecord(dns.TypeA, 5, "\xC0\x00\x02\x01\x05")}))
	add("owner-loop", dns.TypeA, rawSays(rawBody{answers: 1, octets: strings.Replace(a, "\xC0\x0C", "\xC0\x2A", 1)}))
	add("owner-forward", dns.TypeA, rawSays(rawBody{answers: 1, octets: strings.Replace(a, "\xC0\x0C", "\xC0\xFF", 1)}))
	add("two-opts", dns.TypeA, rawSays(rawBody{answers: 1, more: 2, octets: a + strings.Repeat("\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x00", 2)}))
	add("opt-option", dns.TypeA, rawSays(rawBody{answers: 1, more: 1, octets: a + "\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x03\x00\x0A\x00"}))
	add("opt-in-answer", dns.TypeA, rawSays(rawBody{answers: 2, octets: a + "\x00\x00\x29\x04\xD0\x00\x00\x00\x00\x00\x00"}))
	add("opt-version", dns.TypeA, rawSays(rawBody{answers: 1, more: 1, octets: a + "\x00\x00\x29\x04\xD0\x00\x01\x00\x00\x00\x00"}))
	return cases
}

// forgedCases have responses that belong to no query before the right one.
func forgedCases() (cases []oracleCase) {
	for name, spoil := range map[string]func(packet []byte) []byte{
		"id":       func(p []byte) []byte { p[0] ^= 0xFF; return p },
		"query":    func(p []byte) []byte { p[2] &^= 0x80; return p },
		"opcode":   func(p []byte) []byte { p[2] |= 0x10; return p },
		"type":     func(p []byte) []byte { p[atName+len("\x04type\x07example\x00")+1] = byte(dns.TypeMX); return p },
		"name":     func(p []byte) []byte { p[atName+1] ^= 3; return p },
		"none":     func(p []byte) []byte { return with(p, atQuestions, 0) },
		"short":    func(p []byte) []byte { return p[:11] },
		"two":      func(p []byte) []byte { return with(p, atQuestions, 2) },
		"rubbish":  func([]byte) []byte { return []byte("rubbish") },
		"nxdomain": func(p []byte) []byte { p[0] ^= 1; p[3] |= 3; return p },
	} {
		cases = append(cases, oracleCase{name, func(q asked, m *dns.Msg) {
			right := new(dns.Msg).SetReply(m)
			right.RecursionAvailable = true
			wrong := right.Copy()
			wrong.Answer = forged(m.Question[0].Name)
			rr, _ := dns.NewRR(m.Question[0].Name + " 300 A 192.0.2.1")
			right.Answer = []dns.RR{rr}
			q.reply(spoil(mustPack(wrong)))
			q.reply(mustPack(right))
		}, []oracleQuery{oracleAsk(dns.TypeA, withEDNS)}})
	}
	slices.SortFunc(cases, func(a, b oracleCase) int { return strings.Compare(a.name, b.name) })
	return cases
}

// largeCases are answers that do not fit where they are wanted.
func largeCases() (cases []oracleCase) {
	for _, n := range []int{20, 28, 29, 60, 75, 76, 300, 2000} {
		name := fmt.Sprintf("w%d", n)
		lines := []string{}
		for i := range n {
			lines = append(lines, fmt.Sprintf("@ A 198.51.%d.%d", 100+i/250, 1+i%250))
		}
		cases = append(cases, oracleCase{name, zoneSays(name, lines...), []oracleQuery{
			oracleAsk(dns.TypeA), oracleAsk(dns.TypeA, takes(1232)), oracleAsk(dns.TypeA, takes(4096)), oracleAsk(dns.TypeA, overTCP),
			oracleAsk(dns.TypeA, overTCP, withEDNS),
		}})
	}
	txt := []string{}
	for i := range 120 {
		txt = append(txt, fmt.Sprintf(`@ TXT "%d%s"`, i, strings.Repeat("x", 250)))
	}
	truncated := func(q asked, m *dns.Msg) {
		r := new(dns.Msg).SetReply(m)
		r.Truncated = true
		q.reply(mustPack(r))
	}
	cutShort := func(q asked, m *dns.Msg) { // TC, and a record that ends too early
		if q.tcp {
			zoneSays("cut-short", "@ A 192.0.2.1")(q, m)
			return
		}
		packet := rawResponse(m, rawBody{answers: 1, octets: rawRecord(dns.TypeA, 4, "\xC0")})
		binary.BigEndian.PutUint16(packet[atFlags:], binary.BigEndian.Uint16(packet[atFlags:])|0x0200)
		q.reply(packet)
	}
	return append(cases,
		oracleCase{"txt", zoneSays("txt", txt...), []oracleQuery{oracleAsk(dns.TypeTXT, withEDNS), oracleAsk(dns.TypeTXT, overTCP, withEDNS)}},
		oracleCase{"always-tc", truncated, []oracleQuery{oracleAsk(dns.TypeA), oracleAsk(dns.TypeA, overTCP, withEDNS)}},
		oracleCase{"cut-short", cutShort, askedTwice(dns.TypeA)},
	)
}
