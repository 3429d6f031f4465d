package wire_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// pointers is RDATA at offset at of a packet: the root, then n compression
// pointers, each to the one before. last points to the last one.
func pointers(at, n int) (data, last []byte) {
	data, last = []byte{0}, two(0xc000|at)
	for i := range n {
		data = append(data, last...)
		last = two(0xc000 | at + 1 + 2*i)
	}
	return data, last
}

// TestPointersOfAName: one name takes 126 compression pointers at most, also in a
// query, where only the name of a TSIG key is read.
func TestPointersOfAName(t *testing.T) {
	q := question(t, "www.example A")
	const at = 12 + 17 + 11 // where the RDATA of the first record begins
	for n, ok := range map[int]bool{1: true, 125: true, 126: false, 8000: false} {
		data, last := pointers(at, n)
		packet := raw(q, []rawRecord{{[]byte{0}, 65280, data}, {last, wire.TypeNS, last}})
		if _, err := wire.ParseResponse(packet, q); (err == nil) != ok {
			t.Errorf("a name of %d pointers: error %v", n+1, err)
		}
		records := []rawRecord{{[]byte{0}, 65280, data}, {last, 65280, nil}}
		packet = raw(q, nil, nil, records)
		packet[2] = 0x01
		if _, refusal := wire.ParseQuery(packet); refusal != nil {
			t.Errorf("a name of %d pointers that nobody reads: %s", n+1, refusal.Why)
		}
		packet = raw(q, nil, nil, append(records, rawRecord{last, wire.TypeTSIG, octets(t, tsigRR)[15:]}))
		packet[2] = 0x01
		if _, refusal := wire.ParseQuery(packet); refusal == nil || (refusal.Rcode == wire.NotAuth) != ok {
			t.Errorf("the name of a TSIG key of %d pointers: %+v", n+1, refusal)
		}
	}
}

// TestLabelByLabel: a name that this package compresses label by label can be
// read again.
func TestLabelByLabel(t *testing.T) {
	q := question(t, ". NS")
	m := wire.NewMessage(q, wire.NoError)
	var err error
	for i := 1; i <= 127; i++ {
		if m, err = m.WithRecords(wire.Answer, ". 60 IN NS "+longName[:2*i]); err != nil {
			t.Fatal(err)
		}
	}
	packet := wire.Response{Query: wire.Query{Question: q}, Message: m, Limit: 65535}.Append(nil)
	if again, err := wire.ParseResponse(packet, q); err != nil || again.Text() != m.Text() {
		t.Errorf("error %v, came back as\n%s", err, again.Text())
	}
}

// TestAdditionalRecordsOfAQuery: eight are taken, and their owners have to end.
func TestAdditionalRecordsOfAQuery(t *testing.T) {
	q := question(t, "www.example A")
	for n, ok := range map[int]bool{0: true, 8: true, 9: false, 4000: false} {
		packet := raw(q, nil, nil, several(n, func(int) rawRecord { return rawRecord{toQuestion, 65280, nil} }))
		packet[2] = 0x01
		if _, refusal := wire.ParseQuery(packet); (refusal == nil) != ok || refusal != nil && refusal.Rcode != wire.FormErr {
			t.Errorf("%d additional records: %+v", n, refusal)
		}
	}
	for what, owner := range map[string]string{
		"half a pointer": "c0", "a pointer to itself": "c01d", "a pointer into the header": "c000", "a reserved type": "40 61 00",
		"a long name": strings.Repeat("01 61", 128) + "00", "a pointer into its own labels": "01 61 c01d",
	} {
		packet := octets(t, ednsQ+owner+"ff00 0001 00000000 0000")
		if _, refusal := wire.ParseQuery(packet); refusal == nil || refusal.Rcode != wire.FormErr {
			t.Errorf("%s: %+v, want FORMERR", what, refusal)
		}
	}
	if _, refusal := wire.ParseQuery(octets(t, "1234 0100 0001 0000 0000 0001"+asked+"c018"+emptyO[2:])); refusal == nil {
		t.Error("an OPT record with a compressed owner is accepted")
	}
}

// TestEDEsFromUpstream: three at most, with text that can be shown.
func TestEDEsFromUpstream(t *testing.T) {
	tests := map[string]string{
		"plain, ünï":                    "plain, ünï",
		"\x1b[31mred\x1b[0m\r\n;; more": "?[31mred?[0m??;; more",
		"\x7f\u0085\u009b":              "???",
		"a\u202eb\u2066c\u200fd\u061ce": "a?b?c?d?e",
		"a\u2028b\u2029c":               "a?b?c",
		"nul\x00\x00":                   "nul",
		"bad \xff\xfe":                  "bad �",
		strings.Repeat("x", 1150):       strings.Repeat("x", 128),
		"x" + strings.Repeat("ä", 100):  "x" + strings.Repeat("ä", 63),
		strings.Repeat("\u202e", 400):   strings.Repeat("?", 128),
		strings.Repeat("\xff", 127):     "�",
		strings.Repeat("x", 127) + "ä":  strings.Repeat("x", 127),
		strings.Repeat("x\xff", 100):    strings.Repeat("x�", 32),
	}
	for sent, want := range tests {
		from := response{ede: []dns.EDNS0_EDE{{InfoCode: 9, ExtraText: sent}}}
		got := from.parse(t, "www.example A").EDEs()
		if len(got) != 1 || got[0].Code != 9 || got[0].Text != want || len(want) > 128 || !utf8.ValidString(want) {
			t.Errorf("%q: EDEs %+v, want %q", sent, got, want)
		}
	}
	var many response
	for i := range 1000 {
		many.ede = append(many.ede, dns.EDNS0_EDE{InfoCode: uint16(i)})
	}
	if got := many.parse(t, "www.example A").EDEs(); !slices.Equal(got, []wire.EDE{{Code: 0}, {Code: 1}, {Code: 2}}) {
		t.Errorf("EDEs %v, want the first three of 1,000", got)
	}
}

// TestNearestSOA: of the SOA records above the name only the nearest stays.
func TestNearestSOA(t *testing.T) {
	const soa = " 300 IN SOA a. b. 1 2 3 4 300"
	m := response{authority: []string{
		"example." + soa, "c.example." + soa, sig("c.example.", "SOA", "c.example."), "." + soa, "x.b.c.example." + soa, sig("example.", "SOA", "example."),
	}}.parse(t, "a.b.c.example A")
	want := []string{"c.example." + soa, sig("c.example.", "SOA", "c.example.")}
	if diff := cmp.Diff(want, lines(shown(t, m).Ns)); diff != "" {
		t.Errorf("authority (-want +got):\n%s", diff)
	}
}

// TestProofsAreBounded: of an authority section with more than any proof has only
// the SOA stays, and of addresses that nobody asked for none if they are many.
func TestProofsAreBounded(t *testing.T) {
	const soa = "example. 300 IN SOA a. b. 1 2 3 4 300"
	for n, want := range map[int]int{63: 64, 64: 1, 2000: 1} {
		from := response{authority: []string{soa}}
		for i := range n {
			from.authority = append(from.authority, fmt.Sprintf("%d.example. NSEC z.example. A", i))
		}
		if got := lines(shown(t, from.parse(t, "a.example A")).Ns); len(got) != want || !slices.Contains(got, soa) {
			t.Errorf("%d proofs: %d records, want %d with the SOA", n, len(got), want)
		}
	}
	q := question(t, "example A")
	zones := several(80, func(i int) rawRecord {
		return rawRecord{toQuestion, wire.TypeSOA, append([]byte{0, 0}, append(two(i), make([]byte, 18)...)...)}
	})
	if m, err := wire.ParseResponse(raw(q, nil, zones), q); err != nil || len(shown(t, m).Ns) != 0 {
		t.Errorf("80 SOA records of one name: error %v, %d stay", err, len(shown(t, m).Ns))
	}
	for n, want := range map[int]int{64: 64, 65: 0} {
		from := response{answer: []string{"example. MX 1 mail.example."}}
		for i := range n {
			from.additional = append(from.additional, fmt.Sprintf("mail.example. A 192.0.2.%d", i))
		}
		if m := from.parse(t, "example MX"); len(m.Addresses()) != want || m.Empty() {
			t.Errorf("%d additional addresses: %d stay, want %d", n, len(m.Addresses()), want)
		}
	}
}

// TestAppendWhole: an answer that came compressed in names that must not be
// compressed does not fit into a message again, and Append says so.
func TestAppendWhole(t *testing.T) {
	q := question(t, longName+" SRV")
	for n, want := range map[int]bool{200: true, 300: false} {
		packet := raw(q, several(n, func(i int) rawRecord {
			return rawRecord{toQuestion, wire.TypeSRV, append(append([]byte{0, 0}, two(i)...), 0, 0, 0xc0, 12)}
		}))
		m, err := wire.ParseResponse(packet, q)
		if err != nil {
			t.Fatal(err)
		}
		reply := wire.Response{Query: wire.Query{Question: q}, Message: m, Limit: 65535}
		got, whole := reply.AppendWhole([]byte("ab"))
		if whole != want || unpack(t, got[2:]).Truncated == want || !bytes.Equal(got[2:], reply.Append(nil)) {
			t.Errorf("%d services, %d octets as they came, %d now: whole %v, want %v", n, len(packet), len(got)-2, whole, want)
		}
	}
}

// TestFirstEDEsFirst: the first EDE keeps its text before the next ones have
// anything, so what is said first arrives.
func TestFirstEDEsFirst(t *testing.T) {
	q := query(t, "www.example A", edns(false))
	m := manyAddresses(t, 20)
	room := 512 - len(wire.Response{Query: q, Message: m, Limit: 65535}.Append(nil))
	first := wire.EDE{Code: 17, Text: strings.Repeat("x", room-6)}
	for what, test := range map[string]struct {
		edes []wire.EDE
		want int
	}{
		"nothing is left":   {[]wire.EDE{first, {Code: 9, Text: "y"}, {Code: 10}}, 1},
		"a head is left":    {[]wire.EDE{{Code: 17, Text: first.Text[6:]}, {Code: 9, Text: "y"}, {Code: 10}}, 2},
		"all fit, in order": {[]wire.EDE{{Code: 17, Text: "x"}, {Code: 9, Text: "y"}, {Code: 10}}, 3},
	} {
		got := unpack(t, wire.Response{Query: q, Message: m, Limit: 512, EDEs: test.edes}.Append(nil)).IsEdns0().Option
		if ede := got[0].(*dns.EDNS0_EDE); len(got) != test.want || ede.InfoCode != 17 || ede.ExtraText != test.edes[0].Text {
			t.Errorf("%s: %d EDEs, the first has %d octets of %d", what, len(got), len(ede.ExtraText), len(test.edes[0].Text))
		}
	}
}
