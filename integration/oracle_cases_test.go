package integration_test

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// oracleGroups are all cases.
func oracleGroups() []oracleGroup {
	return []oracleGroup{
		{"types", typeCases()},
		{"flags", flagCases()},
		{"edns", ednsCases()},
		{"messages", messageCases()},
		{"classes", classCases()},
		{"answers", answerCases()},
		{"scrub", scrubCases()},
		{"rcodes", rcodeCases()},
		{"malformed", malformedCases()},
		{"forged", forgedCases()},
		{"ttl", ttlCases()},
		{"large", largeCases()},
		{"special", specialCases()},
	}
}

// oracleSOA is the SOA of all zones.
const oracleSOA = "@ 900 SOA ns host 1 3600 600 86400 600"

// oracleTypes are types, each with RDATA.
var oracleTypes = map[string]string{
	"A": "192.0.2.1", "AAAA": "2001:db8::1", "MX": "10 mail", "TXT": `"a" "b"`, "NS": "ns", "PTR": "host",
	"SRV": "1 2 443 host", "CAA": `0 issue "ca.example"`, "HTTPS": "1 . alpn=h2 ipv4hint=192.0.2.1",
	"SVCB": "1 svc port=53 key65280=abc", "DS": "1 13 2 " + strings.Repeat("AB", 32), "DNSKEY": "257 3 13 AwEAAQ==",
	"TLSA": "3 1 1 " + strings.Repeat("CD", 32), "NAPTR": `1 2 "U" "E2U+sip" "!^.*$!sip:x@example!" .`, "SSHFP": "4 2 ABCD",
	"LOC": "51 30 12.748 N 0 7 39.611 W 0.00m", "URI": `10 1 "https://www.example/"`, "HINFO": `"a" "b"`, "DNAME": "other.example.",
	"TYPE65280": `\# 3 ABCDEF`, "TYPE65281": `\# 0`, "SPF": `"v=spf1"`, "RP": "mbox txt", "AFSDB": "1 host", "CDS": "1 13 2 ABCD",
	"OPENPGPKEY": "AwEAAQ==", "EUI48": "00-00-5e-00-53-2a", "CSYNC": "1 3 A NS", "ZONEMD": "1 1 1 " + strings.Repeat("AB", 48),
	"NSEC3PARAM": "1 0 0 -", "CERT": "PKIX 1 RSASHA256 AwEAAQ==", "DHCID": "AAIBY2/AuCccgoJbsaxcQc9TUapptP69", "KX": "1 host",
}

// typeCases ask for a record of each type, and for types and names that are not there.
func typeCases() (cases []oracleCase) {
	for typ, data := range oracleTypes {
		name := strings.ToLower(typ)
		qtype, ok := dns.StringToType[typ]
		if !ok {
			_, _ = fmt.Sscanf(typ, "TYPE%d", &qtype) // 0 if it is none, which no server answers
		}
		cases = append(cases, oracleCase{name, zoneSays(name, oracleSOA, "@ "+typ+" "+data), []oracleQuery{
			oracleAsk(qtype), oracleAsk(qtype, again), oracleAsk(qtype, withDO), oracleAsk(qtype, overTCP, withEDNS),
			oracleAsk(dns.TypeRRSIG, again), oracleAsk(qtype, below("none")),
		}})
	}
	return cases
}

// flagCases ask with all combinations of flags, for what is there and what is not.
func flagCases() (cases []oracleCase) {
	n := 0
	for _, options := range subsets([]queryOption{withoutRD, withCD, withAD, withDO}) {
		for _, transport := range [][]queryOption{nil, {overTCP}} {
			n++
			name := fmt.Sprintf("f%d", n)
			options := append(options[:len(options):len(options)], transport...)
			secure := editedSays(name, func(m *dns.Msg) { m.AuthenticatedData = m.Rcode == 0 },
				oracleSOA, "@ A 192.0.2.1", "@ RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA")
			cases = append(cases, oracleCase{name, secure, []oracleQuery{
				oracleAsk(dns.TypeA, options...), oracleAsk(dns.TypeA), oracleAsk(dns.TypeA, append(options, again)...),
				oracleAsk(dns.TypeA, append(options, below("none"))...),
			}})
		}
	}
	return cases
}

// subsets are all subsets of options.
func subsets(options []queryOption) [][]queryOption {
	all := [][]queryOption{nil}
	for _, o := range options {
		for _, s := range all {
			all = append(all, append(s[:len(s):len(s)], o))
		}
	}
	return all
}

// ednsCases ask with all that an OPT record may hold.
func ednsCases() (cases []oracleCase) {
	var options []queryOption
	for _, size := range []uint16{0, 100, 511, 512, 1231, 1232, 1233, 4096, 65535} {
		options = append(options, takes(size))
	}
	for _, version := range []uint8{1, 2, 255} {
		options = append(options, edited(fmt.Sprintf("version=%d", version), func(m *dns.Msg) {
			m.SetEdns0(dns.DefaultMsgSize, false)
			m.IsEdns0().SetVersion(version)
		}))
	}
	cookie := "\x01\x02\x03\x04\x05\x06\x07\x08"
	options = append(options,
		withOption("unknown", 65001, 1, 2, 3), withOption("nsid", 3), withOption("expire", 9), withOption("keepalive", 11),
		withOption("keepalive-with-data", 11, 0, 1), withOption("padding", 12, make([]byte, 50)...),
		withOption("cookie", 10, []byte(cookie)...), withOption("cookie-short", 10, 1, 2, 3),
		withOption("cookie-long", 10, make([]byte, 41)...), withOption("cookie-bad", 10, []byte(cookie+cookie)...),
		withOption("subnet", 8, 0, 1, 24, 0, 192, 0, 2), withOption("subnet-none", 8, 0, 1, 0, 0),
		withOption("subnet-bits", 8, 0, 1, 33, 0, 192, 0, 2, 0, 1), withOption("subnet-tail", 8, 0, 1, 24, 0, 192, 0, 2, 1),
		withOption("subnet-empty", 8), withOption("ede", 15, 0, 1), withOption("dau", 5, 8, 13), withOption("chain", 13, 0),
		edited("two-opts", func(m *dns.Msg) { m.SetEdns0(1232, false).SetEdns0(1232, false) }),
		edited("opt-name", func(m *dns.Msg) { m.SetEdns0(1232, false).IsEdns0().Hdr.Name = "example." }),
		edited("z-bits", func(m *dns.Msg) { m.SetEdns0(1232, false).IsEdns0().Hdr.Ttl |= 0x7FFF }),
		edited("opt-rcode", func(m *dns.Msg) { m.SetEdns0(1232, false).IsEdns0().Hdr.Ttl |= 0x01000000 }),
		edited("opt-in-answer", func(m *dns.Msg) { m.SetEdns0(1232, false); m.Answer, m.Extra = m.Extra, nil }),
		edited("tsig", func(m *dns.Msg) { m.SetTsig("key.example.", dns.HmacSHA256, 300, 1) }),
		withEDNS, withDO,
	)
	for i, o := range options {
		name := fmt.Sprintf("e%d", i)
		cases = append(cases, oracleCase{name, zoneSays(name, oracleSOA, "@ A 192.0.2.1"), []oracleQuery{
			oracleAsk(dns.TypeA, o), oracleAsk(dns.TypeA, o, again), oracleAsk(dns.TypeA, o, overTCP),
			oracleAsk(dns.TypeMX, o), oracleAsk(dns.TypeA, o, below("none")),
		}})
	}
	return append(cases, oracleCase{"halfopt", zoneSays("halfopt", "@ A 192.0.2.1"), []oracleQuery{
		oracleAsk(dns.TypeA, withOption("cut", 65001, 1, 2), spoilt("short", func(p []byte) []byte { return p[:len(p)-1] })),
		oracleAsk(dns.TypeA, withOption("overrun", 65001, 1, 2), spoilt("long", func(p []byte) []byte { p[len(p)-3] = 9; return p })),
	}})
}

// messageCases are queries that are odd as messages.
func messageCases() (cases []oracleCase) {
	var options []queryOption
	const opcodeShift = 11
	for opcode := uint16(1); opcode < 16; opcode++ {
		options = append(options, flagged(fmt.Sprintf("opcode=%d", opcode), opcode<<opcodeShift))
	}
	rr := forged("x.example.")
	options = append(options,
		flagged("aa", 0x0400), flagged("tc", 0x0200), flagged("ra", 0x0080), flagged("z", 0x0040), flagged("rcode", 3),
		edited("two-questions", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		edited("no-question", func(m *dns.Msg) { m.Question = nil }),
		headed("qdcount=2", atQuestions, 2), headed("ancount=1", atAnswers, 1), headed("arcount=1", atMore, 1),
		edited("answer", func(m *dns.Msg) { m.Answer = rr }), edited("authority", func(m *dns.Msg) { m.Ns = rr }),
		edited("additional", func(m *dns.Msg) { m.Extra = rr }),
		spoilt("tail", func(p []byte) []byte { return append(p, 0, 0, 0) }),
		spoilt("cut", func(p []byte) []byte { return p[:len(p)-2] }),
		spoilt("cut-name", func(p []byte) []byte { return p[:atName+4] }),
		spoilt("pointer", func(p []byte) []byte { return append(p[:atName], 0xC0, atName, 0, 1, 0, 1) }),
		spoilt("upper", func(p []byte) []byte { copy(p[atName:], strings.ToUpper(string(p[atName:]))); return p }),
		spoilt("label-type", func(p []byte) []byte { p[atName] = 0x41; return p }),
		below(strings.Repeat("x", 63)), below(`\000\255\032\.`), below("*"), below("a_b.-c"),
		edited("root", func(m *dns.Msg) { m.Question[0].Name = "." }),
		edited("longest", func(m *dns.Msg) {
			room := 254 - len(m.Question[0].Name) - 3*62
			m.Question[0].Name = strings.Repeat(strings.Repeat("x", 61)+".", 3) + strings.Repeat("y", room-1) + "." + m.Question[0].Name
		}),
	)
	for i, o := range options {
		name := fmt.Sprintf("m%d", i)
		cases = append(cases, oracleCase{name, zoneSays(name, oracleSOA, "@ A 192.0.2.1"), []oracleQuery{
			oracleAsk(dns.TypeA, o), oracleAsk(dns.TypeA, o, withEDNS),
		}})
	}
	return append(cases, oracleCase{"silence", zoneSays("silence", "@ A 192.0.2.1"), []oracleQuery{
		oracleAsk(dns.TypeA, flagged("qr", 0x8000), unanswered),
		oracleAsk(dns.TypeA, spoilt("header-cut", func(p []byte) []byte { return p[:11] }), unanswered),
		oracleAsk(dns.TypeA, spoilt("header-only", func(p []byte) []byte { return p[:12] })),
		oracleAsk(dns.TypeA, spoilt("empty", func([]byte) []byte { return nil }), unanswered),
	}})
}

// classCases ask in other classes, and for types that are none.
func classCases() (cases []oracleCase) {
	for i, class := range []uint16{0, 2, dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 65280} {
		name := fmt.Sprintf("c%d", i)
		cases = append(cases, oracleCase{name, zoneSays(name, oracleSOA, "@ A 192.0.2.1"), []oracleQuery{
			oracleAsk(dns.TypeA, ofClass(class)), oracleAsk(dns.TypeMX, ofClass(class), withEDNS),
		}})
	}
	for _, qtype := range []uint16{
		0, dns.TypeOPT, dns.TypeTKEY, dns.TypeTSIG, dns.TypeIXFR, dns.TypeAXFR, dns.TypeMAILB, dns.TypeMAILA, dns.TypeANY, 128, 65535,
	} {
		name := fmt.Sprintf("t%d", qtype)
		says := zoneSays(name, oracleSOA, "@ A 192.0.2.1")
		if qtype == dns.TypeANY {
			says = editedSays(name, func(m *dns.Msg) { m.Answer = forged(m.Question[0].Name) }, oracleSOA)
		}
		cases = append(cases, oracleCase{name, says, []oracleQuery{
			oracleAsk(qtype), oracleAsk(qtype, withEDNS), oracleAsk(qtype, overTCP),
		}})
	}
	return cases
}

// specialCases ask for names that are not for the public DNS (RFC 6761, section 6, and
// others), of an upstream that knows them all.
func specialCases() []oracleCase {
	c := oracleCase{name: "special", says: rcodeSays(dns.RcodeSuccess)}
	for _, name := range []string{
		"localhost.", "www.localhost.", "invalid.", "www.test.", "x.onion.", "printer.local.", "nas.home.arpa.", "_dns.resolver.arpa.",
		"1.0.0.127.in-addr.arpa.", "1.1.10.in-addr.arpa.", "1.2.0.192.in-addr.arpa.", "1.1.64.100.in-addr.arpa.", "8.8.8.8.in-addr.arpa.",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", "d.f.ip6.arpa.", "use-application-dns.net.",
	} {
		named := edited(name, func(m *dns.Msg) { m.Question[0].Name = name })
		for _, qtype := range []uint16{dns.TypeA, dns.TypePTR, dns.TypeSOA} {
			c.queries = append(c.queries, oracleAsk(qtype, named))
		}
	}
	return []oracleCase{c}
}
