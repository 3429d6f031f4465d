package wire_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// query parses "NAME TYPE" as a client's query, spelled as it stands there.
func query(t testing.TB, asked string, edit func(*dns.Msg)) wire.Query {
	t.Helper()
	owner, mnemonic, _ := strings.Cut(asked, " ")
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(owner), dns.StringToType[mnemonic])
	m.Id = 4711
	if edit != nil {
		edit(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	q, refusal := wire.ParseQuery(b)
	if refusal != nil {
		t.Fatal(refusal.Why)
	}
	return q
}

// edns gives a query an OPT record.
func edns(do bool) func(*dns.Msg) { return func(m *dns.Msg) { m.SetEdns0(1232, do) } }

func TestResponseKeepsTheSpelling(t *testing.T) {
	m := response{answer: []string{"www.example. CNAME b.Example.", "b.example. A 192.0.2.1"}}.parse(t, "www.example A")
	for _, spelled := range []string{"www.example.", "wWw.eXAMPLE."} {
		packet := wire.Response{Query: query(t, spelled+" A", nil), Message: m, Limit: 512}.Append(nil)
		got := unpack(t, packet)
		want := strings.ReplaceAll("www.example. CNAME b.example. A", "www.example.", spelled)
		want = strings.ReplaceAll(want, "b.example.", "b."+spelled[4:])
		h := fmt.Sprintf("%s CNAME %s A", got.Answer[0].Header().Name, got.Answer[1].Header().Name)
		if h != want || got.Question[0].Name != spelled || got.Id != 4711 {
			t.Errorf("ID %d, question %s, owners %s, want %s", got.Id, got.Question[0].Name, h, want)
		}
		if len(packet) != 12+17+(2+10+4)+(2+10+4) {
			t.Errorf("%d octets: every name should be a pointer", len(packet))
		}
	}
}

func TestResponseFlags(t *testing.T) {
	validated := response{ad: true, answer: []string{"www.example. A 192.0.2.1"}}.parse(t, "www.example A")
	plain := response{answer: []string{"www.example. A 192.0.2.1"}}.parse(t, "www.example A")
	set := func(f func(*dns.MsgHdr)) func(*dns.Msg) {
		return func(m *dns.Msg) { m.RecursionDesired = false; f(&m.MsgHdr) }
	}
	none := set(func(*dns.MsgHdr) {})
	ad := set(func(h *dns.MsgHdr) { h.AuthenticatedData = true })
	tests := map[string]struct {
		edit func(*dns.Msg)
		with wire.Response
		want string
	}{
		"none":                     {none, wire.Response{Message: plain}, "qr"},
		"RD":                       {nil, wire.Response{Message: plain}, "qr rd"},
		"CD":                       {set(func(h *dns.MsgHdr) { h.CheckingDisabled = true }), wire.Response{Message: plain}, "qr cd"},
		"RA":                       {none, wire.Response{Message: plain, RecursionAvailable: true}, "qr ra"},
		"AA":                       {none, wire.Response{Message: plain, Authoritative: true}, "qr aa"},
		"AD, nobody asked":         {none, wire.Response{Message: validated}, "qr"},
		"AD, asked with AD":        {ad, wire.Response{Message: validated}, "qr ad"},
		"AD, asked with DO":        {edns(true), wire.Response{Message: validated}, "qr rd ad"},
		"AD asked, not validated":  {ad, wire.Response{Message: plain}, "qr"},
		"AD asked, answer changed": {ad, wire.Response{Message: validated.WithCNAME(name(t, "a"), 1)}, "qr"},
	}
	for what, test := range tests {
		test.with.Query = query(t, "www.example A", test.edit)
		got := unpack(t, test.with.Append(nil)).MsgHdr.String()
		if _, flags, _ := strings.Cut(got, ";; flags: "); flags != test.want+";" {
			t.Errorf("%s: flags %q, want %q", what, flags, test.want)
		}
	}
}

func TestResponseOPT(t *testing.T) {
	m := response{answer: []string{"www.example. A 192.0.2.1"}}.parse(t, "www.example A")
	edes := []wire.EDE{{Code: wire.EDEFiltered, Text: "rule a"}, {Code: wire.EDEOther, Text: "bad \xff"}}
	plain := unpack(t, wire.Response{Query: query(t, "www.example A", nil), Message: m, EDEs: edes}.Append(nil))
	if plain.IsEdns0() != nil {
		t.Error("OPT in the response to a query without one")
	}
	for _, do := range []bool{false, true} {
		r := wire.Response{Query: query(t, "www.example A", edns(do)), Message: m, EDEs: edes, UDPSize: 1400}
		opt := unpack(t, r.Append(nil)).IsEdns0()
		if opt == nil || opt.UDPSize() != 1400 || opt.Do() != do || opt.Version() != 0 {
			t.Fatalf("DO %v: OPT %v", do, opt)
		}
		var got []string
		for _, o := range opt.Option {
			got = append(got, o.String())
		}
		if diff := cmp.Diff([]string{"17 (Filtered): (rule a)", "0 (Other): (bad �)"}, got); diff != "" {
			t.Errorf("EDEs (-want +got):\n%s", diff)
		}
	}
}

func TestResponseExtendedRcode(t *testing.T) {
	m := wire.NewMessage(question(t, "www.example A"), wire.BadVers)
	for _, test := range []struct {
		edit func(*dns.Msg)
		want int
	}{{edns(false), dns.RcodeBadVers}, {nil, dns.RcodeServerFailure}} {
		if got := unpack(t, wire.Response{Query: query(t, "www.example A", test.edit), Message: m}.Append(nil)); got.Rcode != test.want {
			t.Errorf("rcode %d, want %d", got.Rcode, test.want)
		}
	}
}

// TestResponseWithoutDO: RFC 4035, section 3.2.1, "MUST NOT include any DNSSEC RRs
// unless they were explicitly requested".
func TestResponseWithoutDO(t *testing.T) {
	tests := map[string]struct {
		asked  string
		from   response
		do     bool
		counts [2]int
	}{
		"A":           {"www.example A", response{answer: []string{"www.example. A 192.0.2.1", sig("www.example.", "A", "example.")}}, false, [2]int{1, 0}},
		"A with DO":   {"www.example A", response{answer: []string{"www.example. A 192.0.2.1", sig("www.example.", "A", "example.")}}, true, [2]int{2, 0}},
		"RRSIG asked": {"www.example RRSIG", response{answer: []string{sig("www.example.", "A", "example.")}}, false, [2]int{1, 0}},
		"NSEC asked":  {"www.example NSEC", response{answer: []string{"www.example. NSEC x.example. A", sig("www.example.", "NSEC", "example.")}}, false, [2]int{1, 0}},
		"DS asked":    {"www.example DS", response{answer: []string{"www.example. DS 1 8 2 AA", sig("www.example.", "DS", "example.")}}, false, [2]int{1, 0}},
		"ANY":         {"www.example ANY", response{answer: []string{"www.example. A 192.0.2.1", sig("www.example.", "A", "example.")}}, false, [2]int{2, 0}},
		"proofs": {"www.example A", response{authority: []string{
			"example. SOA a. b. 1 2 3 4 5", sig("example.", "SOA", "example."), "www.example. NSEC x.example. TXT",
			"2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A",
		}}, false, [2]int{0, 1}},
	}
	for what, test := range tests {
		m := test.from.parse(t, test.asked)
		got := unpack(t, wire.Response{Query: query(t, test.asked, edns(test.do)), Message: m}.Append(nil))
		if counts := [2]int{len(got.Answer), len(got.Ns)}; counts != test.counts {
			t.Errorf("%s: %v records in answer and authority, want %v:\n%v", what, counts, test.counts, got)
		}
	}
}

// manyAddresses is a message with n A records at the end of a chain of two links.
func manyAddresses(t testing.TB, n int) wire.Message {
	t.Helper()
	lines := []string{"www.example. CNAME b.example.", "b.example. CNAME c.example."}
	for i := range n {
		lines = append(lines, "c.example. A "+netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}).String())
	}
	return response{answer: lines}.parse(t, "www.example A")
}

func TestResponseDropsWholeRRsets(t *testing.T) {
	for limit, edit := range map[int]func(*dns.Msg){
		12 + 17 + 2*16 + 30*16: nil,
		12 + 17 + 2*16 + 31*16: edns(false), // the OPT record takes 11 of the 16 octets
	} {
		for n, want := range map[int]int{30: 32, 31: 2} {
			packet := wire.Response{Query: query(t, "www.example A", edit), Message: manyAddresses(t, n), Limit: limit}.Append(nil)
			got := unpack(t, packet)
			if len(got.Answer) != want || got.Truncated != (n > 30) || len(packet) > limit {
				t.Errorf("%d addresses: %d records in %d octets of %d, TC %v, want %d", n, len(got.Answer), len(packet), limit, got.Truncated, want)
			}
		}
	}
}

func TestResponseDropsAdditionalWithoutTC(t *testing.T) { // RFC 2181, section 9
	from := response{answer: []string{"example. MX 1 mail.example."}, authority: []string{"example. SOA a. b. 1 2 3 4 5"}}
	for i := range 40 {
		from.additional = append(from.additional, fmt.Sprintf("mail.example. A 192.0.2.%d", i))
	}
	from.additional = append(from.additional, "mail.example. AAAA 2001:db8::1")
	m := from.parse(t, "example MX")
	got := unpack(t, wire.Response{Query: query(t, "example MX", nil), Message: m, Limit: 512}.Append(nil))
	if len(got.Answer) != 1 || len(got.Ns) != 1 || len(got.Extra) != 0 || got.Truncated {
		t.Errorf("want answer and authority whole, nothing else, no TC:\n%v", got)
	}
}

// TestResponseDropsAuthority: TC, and no room for anything after what was dropped.
func TestResponseDropsAuthority(t *testing.T) {
	long := strings.Repeat("a.", 60)
	m := response{
		answer:     []string{"example. MX 1 mail.example.", "example. MX 2 " + long, "example. MX 3 b." + long + "c."},
		authority:  []string{"example. SOA " + strings.Repeat("b.", 60) + " " + strings.Repeat("c.", 60) + " 1 2 3 4 5"},
		additional: []string{"mail.example. A 192.0.2.1"},
	}.parse(t, "example MX")
	got := unpack(t, wire.Response{Query: query(t, "example MX", nil), Message: m, Limit: 512}.Append(nil))
	if len(got.Answer) != 3 || len(got.Ns) != 0 || len(got.Extra) != 0 || !got.Truncated {
		t.Errorf("want the answer only, and TC:\n%v", got)
	}
}

// TestResponseBeyondPointers: a name past the first 16,384 octets cannot be pointed
// to (RFC 1035, section 4.1.4).
func TestResponseBeyondPointers(t *testing.T) {
	var from response
	for i := range 1000 {
		from.answer = append(from.answer, fmt.Sprintf("example. MX %d host-number-%d.of-site-%d.example.", i, i, i/2))
	}
	m := from.parse(t, "example MX")
	q := query(t, "example MX", edns(true))
	packet := wire.Response{Query: q, Message: m, Limit: 65535}.Append(nil)
	again, err := wire.ParseResponse(packet, q.Question)
	if err != nil || again.Text() != m.Text() || len(packet) < 2*16384 {
		t.Errorf("%d octets do not come back the same, error %v", len(packet), err)
	}
}

// TestResponseEDEsYield: the text of the EDEs gives way first, then the EDEs, and no
// record goes before them.
func TestResponseEDEsYield(t *testing.T) {
	q := query(t, "www.example A", edns(false))
	size := func(n int) int {
		return len(wire.Response{Query: q, Message: manyAddresses(t, n), Limit: 65535}.Append(nil))
	}
	room := 512 - size(20) // for the EDEs
	long := strings.Repeat("ä", 200)
	tests := map[string]struct {
		edes []wire.EDE
		want []int // octets of text
	}{
		"fits":                      {[]wire.EDE{{Code: 1, Text: "x"}, {Code: 2}}, []int{1, 0}},
		"text is cut":               {[]wire.EDE{{Code: 1, Text: long}}, []int{(room - 6) &^ 1}},
		"the last first":            {[]wire.EDE{{Code: 1, Text: strings.Repeat("x", room-20)}, {Code: 2, Text: long}}, []int{room - 20, 8}},
		"text is cut between runes": {[]wire.EDE{{Code: 1, Text: "x"}, {Code: 2, Text: long}}, []int{1, (room - 13) &^ 1}},
		"the last goes":             {make([]wire.EDE, room/6+5), make([]int, room/6)},
	}
	for what, test := range tests {
		packet := wire.Response{Query: q, Message: manyAddresses(t, 20), Limit: 512, EDEs: test.edes}.Append(nil)
		got := unpack(t, packet)
		var texts []int
		for _, o := range got.IsEdns0().Option {
			s := o.(*dns.EDNS0_EDE).ExtraText
			texts = append(texts, len(s))
			if !utf8.ValidString(s) {
				t.Errorf("%s: %q is cut within a rune", what, s)
			}
		}
		if diff := cmp.Diff(test.want, texts); diff != "" || len(packet) > 512 || got.Truncated || len(got.Answer) != 22 {
			t.Errorf("%s: %d octets, TC %v, %d records, EDE text (-want +got):\n%s", what, len(packet), got.Truncated, len(got.Answer), diff)
		}
	}
	full := unpack(t, wire.Response{Query: q, Message: manyAddresses(t, 400), Limit: 512, EDEs: tests["fits"].edes}.Append(nil))
	if !full.Truncated || len(full.IsEdns0().Option) != 2 {
		t.Errorf("a truncated response has room for EDEs again: TC %v, %v", full.Truncated, full.IsEdns0())
	}
}

// TestResponseLimits: a limit outside 512 to 65,535 counts as the nearer one.
func TestResponseLimits(t *testing.T) {
	q := query(t, "www.example A", edns(false))
	for limit, want := range map[int]int{-1: 2, 0: 2, 100: 2, 512: 2, 2000: 102, 65535: 102, 1 << 20: 102} {
		got := unpack(t, wire.Response{Query: q, Message: manyAddresses(t, 100), Limit: limit}.Append(nil))
		if len(got.Answer) != want {
			t.Errorf("limit %d: %d records, want %d", limit, len(got.Answer), want)
		}
	}
}

// bigTXT is a message with n TXT records of 1,000 octets of text that the
// presentation form escapes, which miekg/dns counts four times over.
func bigTXT(t testing.TB, n int) wire.Message {
	t.Helper()
	var texts [][]string
	for i := range n {
		texts = append(texts, []string{fmt.Sprint(i), strings.Repeat("\x00", 1000)})
	}
	return wire.NewMessage(question(t, "www.example TXT"), wire.NoError).WithTXT(60, wire.ClassIN, texts)
}

func TestResponseBigTXT(t *testing.T) {
	q := query(t, "www.example TXT", edns(false))
	for n, whole := range map[int]bool{40: true, 63: true, 65: false} {
		packet := wire.Response{Query: q, Message: bigTXT(t, n), Limit: 65535}.Append(nil)
		got := unpack(t, packet)
		if got.Truncated == whole || whole != (len(got.Answer) == n) || len(packet) > 65535 {
			t.Errorf("%d records of 1,000 octets: %d in %d octets, TC %v", n, len(got.Answer), len(packet), got.Truncated)
		}
		if again, err := wire.ParseResponse(packet, q.Question); whole && (err != nil || again.Text() != bigTXT(t, n).Text()) {
			t.Errorf("%d records of 1,000 octets do not come back: %v", n, err)
		}
	}
}

// TestAppendBehind: what dst holds stays, and offsets count from the message.
func TestAppendBehind(t *testing.T) {
	r := wire.Response{Query: query(t, "www.example A", edns(true)), Message: manyAddresses(t, 3), EDEs: []wire.EDE{{Code: 1}}}
	want := r.Append(nil)
	if got := r.Append([]byte("ab")); !bytes.Equal(got, append([]byte("ab"), want...)) {
		t.Errorf("behind two octets\n%x, want\n%x", got, want)
	}
	q := wire.UpstreamQuery{Question: question(t, "www.example A"), DO: true, UDPSize: 1232}
	if got := wire.AppendQuery([]byte("ab"), 1, q); !bytes.Equal(got[2:], wire.AppendQuery(nil, 1, q)) {
		t.Errorf("query behind two octets: %x", got)
	}
}

func TestResponseToAnUpstreamsTruncatedMessage(t *testing.T) {
	q := question(t, "www.example A")
	m, err := wire.ParseResponse(octets(t, "1234 8380 0001 0001 0000 0000"+asked+respA), q)
	if err != nil {
		t.Fatal(err)
	}
	if got := unpack(t, wire.Response{Query: query(t, "www.example A", nil), Message: m}.Append(nil)); !got.Truncated {
		t.Error("no TC")
	}
}

func TestAppendQuery(t *testing.T) {
	q := wire.UpstreamQuery{Question: question(t, "WWW.example A")}
	tests := map[string]struct {
		do, cd bool
		size   int
		want   string
	}{
		"plain":        {false, false, 0, "1234 0120 0001 0000 0000 0000" + asked},
		"EDNS":         {false, false, 1232, "1234 0120 0001 0000 0000 0001" + asked + "00 0029 04d0 00000000 0000"},
		"DO, CD":       {true, true, 4096, "1234 0130 0001 0000 0000 0001" + asked + "00 0029 1000 00008000 0000"},
		"a small size": {false, false, 1, "1234 0120 0001 0000 0000 0001" + asked + "00 0029 0200 00000000 0000"},
	}
	for what, test := range tests {
		q.DO, q.CD, q.UDPSize = test.do, test.cd, test.size
		if got, want := wire.AppendQuery(nil, 0x1234, q), octets(t, test.want); !bytes.Equal(got, want) {
			t.Errorf("%s:\n%x, want\n%x", what, got, want)
		}
	}
}
