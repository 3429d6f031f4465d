package wire_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// name parses a name that is known to be good.
func name(t testing.TB, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// question is the question "NAME TYPE" in class IN.
func question(t testing.TB, s string) wire.Question {
	t.Helper()
	owner, mnemonic, _ := strings.Cut(s, " ")
	typ, err := wire.ParseType(mnemonic)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Question{Name: name(t, owner), Type: typ, Class: wire.ClassIN}
}

// response is what an upstream sends: records in presentation form.
type response struct {
	rcode                         int
	ad                            bool
	answer, authority, additional []string
	ede                           []dns.EDNS0_EDE
}

// pack packs r as the response to q.
func (r response) pack(t testing.TB, q wire.Question) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.Name.String()), uint16(q.Type))
	m.Question[0].Qclass = uint16(q.Class)
	m.Response, m.RecursionAvailable, m.Compress = true, true, true
	m.Rcode, m.AuthenticatedData = r.rcode, r.ad
	m.Answer, m.Ns, m.Extra = records(t, r.answer), records(t, r.authority), records(t, r.additional)
	if r.ede != nil || r.rcode > 15 {
		m.SetEdns0(1232, false)
		for _, e := range r.ede {
			m.IsEdns0().Option = append(m.IsEdns0().Option, &e)
		}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// records parses lines in presentation form; a line without TTL has 300.
func records(t testing.TB, lines []string) []dns.RR {
	t.Helper()
	list := make([]dns.RR, 0, len(lines))
	for _, line := range lines {
		rr, err := dns.NewRR("$TTL 300\n" + line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		list = append(list, rr)
	}
	return list
}

// parse parses r as the response to the question "NAME TYPE".
func (r response) parse(t testing.TB, asked string) wire.Message {
	t.Helper()
	q := question(t, asked)
	m, err := wire.ParseResponse(r.pack(t, q), q)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// shown is all of m as a client sees it that asked with EDNS, DO and AD over TCP,
// read by another decoder.
func shown(t testing.TB, m wire.Message) *dns.Msg {
	t.Helper()
	q := wire.Query{Question: m.Question(), EDNS: true, DO: true, AD: true}
	return unpack(t, wire.Response{Query: q, Message: m, Limit: 65535}.Append(nil))
}

// unpack decodes a packet, which must end where it says.
func unpack(t testing.TB, packet []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		t.Fatalf("%v in %x", err, packet)
	}
	return m
}

// lines is a section in presentation form, with single spaces and without OPT.
func lines(section []dns.RR) []string {
	var list []string
	for _, rr := range section {
		if rr.Header().Rrtype != dns.TypeOPT {
			list = append(list, strings.Join(strings.Fields(rr.String()), " "))
		}
	}
	return list
}

// octets is the packet that hexadecimal digits stand for; spaces and what follows
// a # in a line are left out.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
