package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/internal/wire"
)

// rawRecord is a record as octets: its names may be pointers.
type rawRecord struct {
	owner []byte
	typ   wire.Type
	data  []byte
}

// toQuestion is a compression pointer to the name of the question.
var toQuestion = []byte{0xc0, 12}

// raw packs a response to q with records in answer, authority and additional.
func raw(q wire.Question, sections ...[]rawRecord) []byte {
	packet := []byte{0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}
	packet = q.Name.AppendWire(packet)
	packet = binary.BigEndian.AppendUint16(packet, uint16(q.Type))
	packet = binary.BigEndian.AppendUint16(packet, uint16(q.Class))
	for i, section := range sections {
		binary.BigEndian.PutUint16(packet[6+2*i:], uint16(len(section)))
		for _, r := range section {
			packet = append(packet, r.owner...)
			packet = binary.BigEndian.AppendUint16(packet, uint16(r.typ))
			packet = append(packet, 0, 1, 0, 0, 1, 44)
			packet = binary.BigEndian.AppendUint16(packet, uint16(len(r.data)))
			packet = append(packet, r.data...)
		}
	}
	return packet
}

// several makes n records.
func several(n int, f func(i int) rawRecord) []rawRecord {
	list := make([]rawRecord, n)
	for i := range list {
		list[i] = f(i)
	}
	return list
}

// two is a number as two octets.
func two(i int) []byte { return []byte{byte(i >> 8), byte(i)} }

// longName is a name of 255 octets in two-octet labels.
var longName = strings.Repeat("a.", 127)

// TestRecordsAreBounded: what a response may hold, and how little above it is
// refused as a whole.
func TestRecordsAreBounded(t *testing.T) {
	address := func(i int) rawRecord { return rawRecord{toQuestion, wire.TypeA, append([]byte{192, 0}, two(i)...)} }
	host := func(i int) rawRecord {
		return rawRecord{toQuestion, wire.TypeMX, append(append(two(i), 4, 'h', 'o', 's', 't'), toQuestion...)}
	}
	srv := func(i int) rawRecord {
		return rawRecord{toQuestion, wire.TypeSRV, append(append([]byte{0, 0}, two(i)...), 0, 0, 0xc0, 12)}
	}
	text := func(i int) rawRecord {
		return rawRecord{toQuestion, wire.TypeTXT, append([]byte{200}, bytes.Repeat([]byte{byte(i)}, 200)...)}
	}
	hints := func(i int) rawRecord {
		b := []byte{0, 1, 0, 0, 4, 0x1f, 0x40} // 2,000 addresses
		for n := range 2000 {
			b = append(b, 10, byte(i), byte(n>>8), byte(n))
		}
		return rawRecord{toQuestion, wire.TypeHTTPS, b}
	}
	nothing := func(int) rawRecord { return rawRecord{[]byte{0}, 65280, nil} }
	tests := map[string]struct {
		asked  string
		packet [][]rawRecord
		want   string // of the error
	}{
		"2,500 addresses":              {"corp.example A", [][]rawRecord{several(2500, address)}, ""},
		"2,501 addresses":              {"corp.example A", [][]rawRecord{several(2501, address)}, "too many records"},
		"2,501 addresses, not asked":   {"corp.example AAAA", [][]rawRecord{several(2501, address)}, ""},
		"1,000 hosts":                  {"corp.example MX", [][]rawRecord{several(1000, host)}, ""},
		"40,000 octets of text":        {"corp.example TXT", [][]rawRecord{several(200, text)}, ""},
		"500 services of a long name":  {longName + " SRV", [][]rawRecord{several(500, srv)}, ""},
		"510 services of a long name":  {longName + " SRV", [][]rawRecord{several(510, srv)}, "octets once it is unpacked"},
		"2,000 hints":                  {"corp.example HTTPS", [][]rawRecord{several(1, hints)}, ""},
		"4,000 hints":                  {"corp.example HTTPS", [][]rawRecord{several(2, hints)}, "too many records"},
		"3,000 records, one answers":   {"corp.example A", [][]rawRecord{several(1, address), several(2999, nothing)}, ""},
		"3,001 records, one answers":   {"corp.example A", [][]rawRecord{several(1, address), several(2999, nothing), several(1, nothing)}, "too many records"},
		"16 CNAME records, all asked":  {"corp.example ANY", [][]rawRecord{several(16, alias)}, ""},
		"17 CNAME records, all asked":  {"corp.example ANY", [][]rawRecord{several(17, alias)}, "more than 16 links"},
		"32 targets":                   {"corp.example HTTPS", [][]rawRecord{several(32, target)}, ""},
		"33 targets":                   {"corp.example HTTPS", [][]rawRecord{several(33, target)}, "more than 32 names"},
		"two DNAMEs":                   {"a.corp.example A", [][]rawRecord{several(2, func(i int) rawRecord { return rawRecord{[]byte{0xc0, 14}, wire.TypeDNAME, []byte{1, 'a' + byte(i), 0}} })}, "several DNAME"},
		"the same CNAME twice is once": {"corp.example A", [][]rawRecord{{alias(1), alias(1)}}, ""},
	}
	for what, test := range tests {
		q := question(t, test.asked)
		packet := raw(q, test.packet...)
		if len(packet) > 65535 {
			t.Fatalf("%s: %d octets are no message", what, len(packet))
		}
		m, err := wire.ParseResponse(packet, q)
		if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", what, err, test.want)
		}
		if errors.Is(err, wire.ErrMismatch) || m.IsZero() != (err != nil) {
			t.Errorf("%s: error %v, message %v", what, err, m.Question())
		}
	}
}

// alias is a CNAME record of the question's name, a different one for each i.
func alias(i int) rawRecord { return rawRecord{toQuestion, wire.TypeCNAME, []byte{1, byte(i), 0}} }

// target is a service binding of the question's name to a different target for
// each i.
func target(i int) rawRecord {
	return rawRecord{toQuestion, wire.TypeHTTPS, []byte{0, 1, 1, byte(i), 0}}
}

// TestIdenticalRecordsAreOne: RFC 2181, section 5: "It is meaningless for two
// records to ever have label, class, type and data all equal"; the shortest TTL
// counts (section 5.2).
func TestIdenticalRecordsAreOne(t *testing.T) {
	q := question(t, longName+" NS")
	same := func(int) rawRecord { return rawRecord{toQuestion, wire.TypeNS, toQuestion} }
	m, err := wire.ParseResponse(raw(q, several(3000, same)), q)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(shown(t, m).Answer); got != 1 || len(m.AppendCompact(nil)) > 300 {
		t.Errorf("3,000 identical records are %d, of %d octets", got, len(m.AppendCompact(nil)))
	}
	m = response{answer: []string{
		"www.example. 300 A 192.0.2.1", "www.example. 300 A 192.0.2.2", "www.example. 60 A 192.0.2.1", "www.example. 900 A 192.0.2.2",
	}}.parse(t, "www.example A")
	want := []string{"www.example. 60 IN A 192.0.2.1", "www.example. 60 IN A 192.0.2.2"}
	if diff := cmp.Diff(want, lines(shown(t, m).Answer)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// TestDNAMEStandsOnce: a chain that comes by a DNAME twice has it once.
func TestDNAMEStandsOnce(t *testing.T) {
	m := response{answer: []string{
		"old.example. DNAME new.example.", "a.new.example. CNAME b.old.example.", "b.new.example. A 192.0.2.1", sig("old.example.", "DNAME", "example."),
	}}.parse(t, "a.old.example A")
	want := []string{
		"old.example. 300 IN DNAME new.example.", sig("old.example.", "DNAME", "example."), "a.old.example. 300 IN CNAME a.new.example.",
		"a.new.example. 300 IN CNAME b.old.example.", "b.old.example. 300 IN CNAME b.new.example.", "b.new.example. 300 IN A 192.0.2.1",
	}
	if diff := cmp.Diff(want, lines(shown(t, m).Answer)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// TestAskingAMessageDoesNotAllocate: what every query asks a cached message was
// worked out when the message was made.
func TestAskingAMessageDoesNotAllocate(t *testing.T) {
	q := question(t, "corp.example HTTPS")
	m, err := wire.ParseResponse(raw(q, several(32, target)), q)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _, _, _ = m.Chain(), m.Addresses(), m.End(), m.Empty() }); n != 0 || len(m.Chain()) != 32 {
		t.Errorf("%v allocations for a chain of %d names, want none for 32", n, len(m.Chain()))
	}
}

// TestEditsKeepUp: what was worked out is worked out again for each edit.
func TestEditsKeepUp(t *testing.T) {
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	m := response{answer: []string{"www.example. CNAME b.example.", "b.example. A 192.0.2.1"}}.parse(t, "www.example A")
	added := m.WithAnswerAddresses([]netip.Addr{other}, 60)
	empty, _ := m.WithoutAddresses(all)
	text, err := m.WithRecords(wire.Answer, "b.example. 60 IN A 192.0.2.2")
	if err != nil {
		t.Fatal(err)
	}
	alias := wire.NewMessage(question(t, "a.example A"), wire.NoError).WithCNAME(name(t, "www.example"), 60)
	for what, test := range map[string]struct {
		m         wire.Message
		chain     string
		end       string
		addresses []netip.Addr
	}{
		"as it came":          {m, "[b.example]", "b.example", []netip.Addr{one}},
		"WithAnswerAddresses": {added, "[b.example]", "b.example", []netip.Addr{one, other}},
		"WithRecords":         {text, "[b.example]", "b.example", []netip.Addr{one, other}},
		"WithoutAddresses":    {empty, "[b.example]", "b.example", nil},
		"WithCNAME":           {alias, "[www.example]", "www.example", nil},
		"Prepend":             {m.Prepend(alias), "[www.example b.example]", "b.example", []netip.Addr{one}},
		"NewMessage":          {wire.NewMessage(m.Question(), wire.NoError), "[]", "www.example", nil},
	} {
		if got := fmt.Sprint(test.m.Chain()); got != test.chain || test.m.End() != name(t, test.end) || !slices.Equal(test.m.Addresses(), test.addresses) {
			t.Errorf("%s: chain %s to %v, addresses %v; want %s, %s, %v", what, got, test.m.End(), test.m.Addresses(), test.chain, test.end, test.addresses)
		}
	}
}
