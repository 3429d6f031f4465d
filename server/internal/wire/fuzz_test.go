package wire_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// FuzzParseQuery: what is accepted is one question that another decoder reads
// alike and that can be answered; what is refused is answered with the same ID,
// as a response, by a packet that decodes.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{
		plainQ, ednsQ + emptyO, ednsQ + tsigRR, ednsQ + subnetO + "000b 0008 0007 0001 18 00 c00002", "1234 2800 0001 0000 0000 0000" + asked,
		"1234 0100 0001 0000 0000 0002" + asked + emptyO + emptyO, question12("00fb"),
	} {
		f.Add(octets(f, s))
	}
	for _, packet := range corpusQueries(f) {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		q, refusal := wire.ParseQuery(packet)
		if refusal != nil {
			checkRefusal(t, packet, refusal)
			return
		}
		var m dns.Msg
		if m.Unpack(packet) == nil && (len(m.Question) != 1 || m.Question[0].Qtype != uint16(q.Type) || parseName(t, m.Question[0].Name) != q.Name) {
			t.Errorf("%v, want %v", q.Question, m.Question)
		}
		checkResponse(t, wire.Response{Query: q, Message: wire.NewMessage(q.Question, wire.ServFail).WithSOA(1), Limit: q.UDPSize})
	})
}

// checkRefusal holds a refusal to what every response must be.
func checkRefusal(t *testing.T, packet []byte, r *wire.Refusal) {
	if r.Drop {
		if len(packet) >= 12 && packet[2] < 0x80 {
			t.Errorf("a query is dropped: %s", r.Why)
		}
		return
	}
	if r.Response[0] != packet[0] || r.Response[1] != packet[1] || r.Response[2] != packet[2]&0x79|0x80 {
		t.Errorf("header %x in response to %x", r.Response[:4], packet[:4])
	}
	if m := unpack(t, r.Response); m.Rcode != int(r.Rcode) {
		t.Errorf("rcode %d, want %v", m.Rcode, r.Rcode)
	}
}

// parseName is matcher.ParseName of what the library prints.
func parseName(t *testing.T, s string) matcher.Name {
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// distinct is text in lower case with each line once.
func distinct(text string) string {
	var lines []string
	for line := range strings.Lines(strings.ToLower(text) + "\n") {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// checkResponse packs r, holds it to its limit, and parses it again if it is whole.
func checkResponse(t *testing.T, r wire.Response) {
	t.Helper()
	packet := r.Append(nil)
	if len(packet) > min(max(r.Limit, 512), 65535) {
		t.Fatalf("%d octets, limit %d", len(packet), r.Limit)
	}
	again, err := wire.ParseResponse(packet, r.Query.Question)
	if err != nil {
		t.Fatalf("%v in %x", err, packet)
	}
	whole := !again.Truncated() && r.Query.DO
	// A name that is pointed to shows the case of letters of where it points, and records that
	// have become the same by losing addresses come back as one.
	if got, want := distinct(again.Text()), distinct(r.Message.Text()); whole && got != want {
		t.Errorf("came back as\n%s\nwant\n%s", got, want)
	}
	if whole && (again.Rcode() != r.Message.Rcode() || again.AD() != r.Message.AD()) {
		t.Errorf("came back as %v, AD %v, want %v, %v", again.Rcode(), again.AD(), r.Message.Rcode(), r.Message.AD())
	}
}

// FuzzParseResponse: whatever parses can be edited, aged and packed within any
// limit, and comes back the same.
func FuzzParseResponse(f *testing.F) {
	for asked, r := range map[string]response{
		"www.example A":     {ad: true, answer: []string{"www.example. CNAME b.example.", "b.example. A 192.0.2.1", sig("b.example.", "A", "example.")}},
		"www.example AAAA":  {authority: []string{"example. SOA a. b. 1 2 3 4 5", "a.example. NSEC z.example. A", sig("a.example.", "NSEC", "example.")}},
		"www.example HTTPS": {answer: []string{"www.example. HTTPS 1 . mandatory=ipv4hint alpn=h2 ipv4hint=192.0.2.1,198.51.100.1 ipv6hint=2001:db8::1"}, additional: []string{"www.example. A 198.51.100.1"}},
		"a.old.example MX":  {answer: []string{"old.example. DNAME new.example.", "a.new.example. MX 1 mail.example."}, additional: []string{"mail.example. A 192.0.2.25"}},
		"www.example ANY":   {answer: []string{"www.example. TXT a b", "www.example. SRV 1 2 3 srv.example.", "www.example. NAPTR 1 2 \"\" \"\" \"\" .", "www.example. CAA 0 issue x"}},
		"x.example TXT":     {rcode: dns.RcodeServerFailure, ede: []dns.EDNS0_EDE{{InfoCode: 9, ExtraText: "x"}}},
	} {
		f.Add(r.pack(f, question(f, asked)))
	}
	for _, packet := range corpusResponses(f) {
		f.Add(packet)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) < 12 {
			return
		}
		n, size, err := matcher.NameFromWire(packet[12:])
		if err != nil || len(packet) < 16+size {
			return
		}
		at := func(i int) uint16 { return binary.BigEndian.Uint16(packet[12+size+i:]) }
		q := wire.Question{Name: n, Type: wire.Type(at(0)), Class: wire.Class(at(2))}
		m, err := wire.ParseResponse(packet, q)
		if err != nil {
			if !m.IsZero() {
				t.Error("a message and an error")
			}
			return
		}
		checkCompact(t, m)
		if !m.Truncated() {
			checkMessage(t, m)
		}
	})
}

// checkCompact holds that m comes back as it was, in about as little room as it came.
func checkCompact(t *testing.T, m wire.Message) {
	t.Helper()
	const most = 2*65535 + 3000*(1+3+5+3+3) // octets that are spelled out, then each record's own
	octets := m.AppendCompact(nil)
	if len(octets) > most {
		t.Errorf("%d octets", len(octets))
	}
	got := wire.ParseCompact(string(octets), m.Question())
	if diff := cmp.Diff(m, got, whole); diff != "" {
		t.Errorf("comes back (-want +got):\n%s", diff)
	}
}

// whole compares messages with all that they hold.
var whole = cmp.Options{
	cmp.Exporter(func(reflect.Type) bool { return true }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmpopts.EquateEmpty(),
}

// checkMessage edits m in every way and packs each result.
func checkMessage(t *testing.T, m wire.Message) {
	odd := func(a netip.Addr) bool { return a.AsSlice()[len(a.AsSlice())-1]%2 == 1 }
	pruned, removed := m.WithoutAddresses(odd)
	if slices.ContainsFunc(pruned.Addresses(), odd) || (removed > 0) != slices.ContainsFunc(m.Addresses(), odd) {
		t.Errorf("removed %d of %v, left %v", removed, m.Addresses(), pruned.Addresses())
	}
	if life := m.Lifetime(time.Hour, time.Minute); life < 0 || life > time.Hour {
		t.Errorf("lifetime %v", life)
	}
	edited := []wire.Message{
		m, pruned, m.Aged(time.Minute), m.CapTTL(5), m.WithSOA(60),
		pruned.WithAnswerAddresses([]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, 0).CapTTL(0), // one TTL for all
	}
	for _, e := range edited {
		_, _ = e.Chain(), e.End()
		for _, limit := range []int{512, 1232, 65535} {
			q := wire.Query{Question: m.Question(), EDNS: true, DO: true, AD: true}
			checkResponse(t, wire.Response{Query: q, Message: e, Limit: limit, EDEs: []wire.EDE{{Code: 17, Text: "rule"}}})
			checkResponse(t, wire.Response{Query: wire.Query{Question: m.Question()}, Message: e, Limit: limit})
		}
	}
}

// FuzzNames: a name on the wire, whatever octets its labels hold, comes out in
// the presentation form that stands for it.
func FuzzNames(f *testing.F) {
	f.Add("www", "Example")
	f.Add("a.b", `c\d`)
	f.Add("\x00\xff \"", "@;()$")
	f.Add("032", "\\032")
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == "" || b == "" || len(a) > 63 || len(b) > 63 {
			return
		}
		spelled := string(byte(len(a))) + a + string(byte(len(b))) + b + "\x00"
		n, _, err := matcher.NameFromWire([]byte(spelled))
		if err != nil {
			t.Fatal(err)
		}
		q := wire.Question{Name: n, Type: wire.TypeCNAME, Class: wire.ClassIN}
		m := wire.NewMessage(q, wire.NoError).WithCNAME(n, 60)
		got := unpack(t, wire.Response{Query: wire.Query{Question: q, Spelled: spelled}, Message: m}.Append(nil))
		for _, s := range []string{got.Question[0].Name, got.Answer[0].Header().Name, got.Answer[0].(*dns.CNAME).Target} {
			if parseName(t, s) != n {
				t.Errorf("%q came out as %q", spelled, s)
			}
		}
		owner, _, _ := strings.Cut(m.Text(), "\t")
		if parseName(t, owner) != n || m.Chain()[0] != n {
			t.Errorf("%q is shown as %q, leads to %v", spelled, owner, m.Chain())
		}
	})
}

// TestHintsProperty: of random service bindings, no dropped address remains, each
// other one does, and nothing else changes but mandatory.
func TestHintsProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		q := question(t, "www.example HTTPS")
		svcb, keys := randomService(r)
		m, err := wire.ParseResponse(packService(t, svcb), q)
		if err != nil {
			t.Fatalf("%v: %v", svcb, err)
		}
		gone := make(map[netip.Addr]bool)
		for _, a := range m.Addresses() {
			gone[a] = r.IntN(2) == 0
		}
		edited, n := m.WithoutAddresses(func(a netip.Addr) bool { return gone[a] })
		kept := slices.DeleteFunc(m.Addresses(), func(a netip.Addr) bool { return gone[a] })
		if !slices.Equal(edited.Addresses(), kept) || (n == 0) != (len(kept) == len(m.Addresses())) {
			t.Fatalf("%v: %d removed, left %v, want %v", svcb, n, edited.Addresses(), kept)
		}
		checkOtherKeys(t, svcb, shown(t, edited).Answer[0].(*dns.HTTPS), keys)
	}
}

// randomService makes a service binding with some hints, other keys, and some of
// all keys in mandatory.
func randomService(r *rand.Rand) (*dns.HTTPS, map[dns.SVCBKey]bool) {
	h := &dns.HTTPS{SVCB: dns.SVCB{
		Hdr:      dns.RR_Header{Name: "www.example.", Rrtype: dns.TypeHTTPS, Class: dns.ClassINET, Ttl: 300},
		Priority: 1, Target: ".",
	}}
	v4, v6 := new(dns.SVCBIPv4Hint), new(dns.SVCBIPv6Hint)
	for range r.IntN(4) {
		v4.Hint = append(v4.Hint, netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(5))}).AsSlice())
	}
	for range r.IntN(4) {
		v6.Hint = append(v6.Hint, netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(r.IntN(5))}).AsSlice())
	}
	var values []dns.SVCBKeyValue
	if len(v4.Hint) > 0 {
		values = append(values, v4)
	}
	if len(v6.Hint) > 0 {
		values = append(values, v6)
	}
	if r.IntN(2) == 0 {
		values = append(values, &dns.SVCBAlpn{Alpn: []string{"h2"}}, &dns.SVCBLocal{KeyCode: 65280, Data: []byte{0, 4}})
	}
	listed := make(map[dns.SVCBKey]bool)
	mandatory := new(dns.SVCBMandatory)
	for _, v := range values {
		if r.IntN(2) == 0 {
			listed[v.Key()] = true
			mandatory.Code = append(mandatory.Code, v.Key())
		}
	}
	if len(listed) > 0 {
		values = append(values, mandatory)
	}
	h.Value = values
	return h, listed
}

// packService packs h as the response to a question about its owner.
func packService(t *testing.T, h *dns.HTTPS) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(h.Hdr.Name, dns.TypeHTTPS)
	m.Response, m.Answer = true, []dns.RR{h}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkOtherKeys: the keys that are no hints stand in got as in before, and
// mandatory has those of listed that are left.
func checkOtherKeys(t *testing.T, before, got *dns.HTTPS, listed map[dns.SVCBKey]bool) {
	t.Helper()
	have := make(map[dns.SVCBKey]string)
	for _, v := range got.Value {
		have[v.Key()] = v.String()
	}
	var mandatory []string
	for _, v := range before.Value {
		k := v.Key()
		_, left := have[k]
		if left && listed[k] {
			mandatory = append(mandatory, k.String())
		}
		other := k != dns.SVCB_IPV4HINT && k != dns.SVCB_IPV6HINT && k != dns.SVCB_MANDATORY
		if other && have[k] != v.String() {
			t.Fatalf("%v of %v became %q", k, before, have[k])
		}
	}
	slices.Sort(mandatory)
	left := strings.Split(have[dns.SVCB_MANDATORY], ",")
	slices.Sort(left)
	if strings.Join(left, ",") != strings.Join(mandatory, ",") {
		t.Fatalf("mandatory of %v became %v, want %v", before, left, mandatory)
	}
}
