package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// a record and a question for the tests of one defect each.
const (
	respHead = "1234 8180 0001 0001 0000 0000 "
	respA    = "c00c 0001 0001 0000012c 0004 c0000201 "
)

func TestParseResponseMismatch(t *testing.T) {
	tests := map[string]string{
		"nothing":            "",
		"eleven octets":      "1234 8180 0001 0001 0000 00",
		"QR=0":               "1234 0100 0001 0001 0000 0000" + asked + respA,
		"opcode NOTIFY":      "1234 a180 0001 0001 0000 0000" + asked + respA,
		"no question":        "1234 8180 0000 0001 0000 0000" + "00 0001 0001 0000012c 0004 c0000201",
		"two questions":      "1234 8180 0002 0001 0000 0000" + asked + asked + respA,
		"another name":       respHead + "03 777778 07 6578616d706c65 00 0001 0001" + respA,
		"another type":       respHead + "03 777777 07 6578616d706c65 00 001c 0001" + respA,
		"another class":      respHead + "03 777777 07 6578616d706c65 00 0001 0003" + respA,
		"question cut short": respHead + "03 777777 07 6578616d706c65 00 0001 00",
		"bare NOERROR":       "1234 8180 0000 0000 0000 0000",
		"bare NXDOMAIN":      "1234 8183 0000 0000 0000 0000",
		"bare, with counts":  "1234 8181 0001 0000 0000 0000",
	}
	for what, packet := range tests {
		if _, err := wire.ParseResponse(octets(t, packet), question(t, "www.example A")); !errors.Is(err, wire.ErrMismatch) {
			t.Errorf("%s: error %v, want ErrMismatch", what, err)
		}
	}
}

func TestParseResponseMalformed(t *testing.T) {
	one := func(record string) string { return respHead + asked + record }
	tests := map[string]string{
		"an answer that is not there":  one(""),
		"nine answers, one there":      "1234 8180 0001 0009 0000 0000" + asked + respA,
		"authority that is not there":  "1234 8180 0001 0001 0001 0000" + asked + respA,
		"additional that is not there": "1234 8180 0001 0001 0000 0001" + asked + respA,
		"trailing octet":               one(respA + "00"),
		"a question and no more, said": "1234 8180 0001 0000 0000 0000" + asked + respA,
		"RDATA runs off":               one("c00c 0001 0001 0000012c 0004 c00002"),
		"header of a record cut":       one("c00c 0001 0001 0000"),
		"owner points to itself":       one("c01d 0001 0001 0000012c 0004 c0000201"),
		"owner points ahead":           one("c020 0001 0001 0000012c 0004 c0000201"),
		"owner points into the header": one("c000 0001 0001 0000012c 0004 c0000201"),
		"owner is half a pointer":      one("c0"),
		"owner of a reserved type":     one("8061 00 0001 0001 0000012c 0004 c0000201"),
		"two OPTs":                     "1234 8180 0001 0000 0000 0002" + asked + emptyO + emptyO,
		"OPT owner is not the root":    "1234 8180 0001 0000 0000 0001" + asked + "01 61" + emptyO,
		"OPT among the answers":        one(emptyO),
		"OPT among the authority":      "1234 8180 0001 0000 0001 0000" + asked + emptyO,
		"option that runs off":         "1234 8180 0001 0000 0000 0001" + asked + "00 0029 04d0 00000000 0004 0003 0009",
		"OPT RDATA runs off":           "1234 8180 0001 0000 0000 0001" + asked + "00 0029 04d0 00000000 0004 0003",
	}
	for what, packet := range tests {
		m, err := wire.ParseResponse(octets(t, packet), question(t, "www.example A"))
		if err == nil || errors.Is(err, wire.ErrMismatch) || !m.IsZero() {
			t.Errorf("%s: error %v, want another one and no message", what, err)
		}
	}
}

// TestRDataIsStrict gives one record of each type RDATA that is nearly right. The
// records stand where they would be dropped anyway: a malformed one condemns the
// response, wherever it is.
func TestRDataIsStrict(t *testing.T) {
	tests := map[string]struct {
		typ  string
		good []string
		bad  []string
	}{
		"A":         {"A", []string{"c0000201"}, []string{"", "c00002", "c000020100"}},
		"AAAA":      {"AAAA", []string{strings.Repeat("20", 16)}, []string{"", strings.Repeat("20", 15), strings.Repeat("20", 17)}},
		"CNAME":     {"CNAME", []string{"00", "c00c", "0161 c00c"}, []string{"", "0161", "c00c 00", "00 00", "0161 c0", "4061 00"}},
		"NS":        {"NS", []string{"01 61 00"}, []string{"", "01 61"}},
		"DNAME":     {"DNAME", []string{"01 61 00", "c00c"}, []string{"", "01 61 00 00"}},
		"MX":        {"MX", []string{"000a 00", "000a c00c"}, []string{"", "000a", "00", "000a 00 00"}},
		"SOA":       {"SOA", []string{"00 00" + strings.Repeat("00000001", 5)}, []string{"", "00 00", "00 00 00000001", "00" + strings.Repeat("00000001", 5), "00 00" + strings.Repeat("00000001", 5) + "00"}},
		"TXT":       {"TXT", []string{"00", "01 61", "01 61 02 6262", "ff" + strings.Repeat("61", 255)}, []string{"", "01", "02 61", "01 61 02 62"}},
		"HINFO":     {"HINFO", []string{"00 00", "01 61 01 62"}, []string{"", "00", "00 00 00"}},
		"SRV":       {"SRV", []string{"0001 0002 0003 00", "0001 0002 0003 c00c"}, []string{"", "0001 0002 0003", "0001 0002 00", "0001 0002 0003 00 00"}},
		"NAPTR":     {"NAPTR", []string{"0001 0002 00 01 61 00 00"}, []string{"0001 0002 00 01 61 00", "0001 0002 00 01", "0001 0002"}},
		"DS":        {"DS", []string{"0001 08 02 aa"}, []string{"", "0001 08 02", "0001"}},
		"DNSKEY":    {"DNSKEY", []string{"0100 03 08 aa"}, []string{"", "0100 03 08", "0100"}},
		"RRSIG":     {"RRSIG", []string{"0001 08 02 0000012c 66000000 65000000 1234 00 aa"}, []string{"", "0001 08 02 0000012c 66000000 65000000 1234", "0001 08 02 0000012c 66000000 65000000 1234 00", "0001 08 02 0000012c 66000000 65000000 1234 c00c aa"}},
		"NSEC":      {"NSEC", []string{"00 00 01 40", "00 00 01 40 01 01 40", "00"}, []string{"", "c00c 00 01 40", "00 00 00", "00 00 02 40", "00 00 21" + strings.Repeat("40", 33), "00 01 01 40 00 01 40", "00 00"}},
		"NSEC3":     {"NSEC3", []string{"01 00 0000 00 01 aa 00 01 40", "01 00 0000 01 ff 01 aa"}, []string{"", "01 00 0000", "01 00 0000 00", "01 00 0000 02 ff", "01 00 0000 00 01 aa 00 00"}},
		"TLSA":      {"TLSA", []string{"03 01 01 aa"}, []string{"03 01 01", "03"}},
		"CAA":       {"CAA", []string{"00 05 6973737565 61"}, []string{"", "00", "00 05 6973"}},
		"SVCB":      {"SVCB", []string{"0000 00", "0001 00", "0001 01 61 00 0003 0002 01bb"}, []string{"", "0001", "0001 01 61", "0001 c00c"}},
		"HIP":       {"HIP", nil, []string{"", "01 02 0001 aa"}},
		"APL":       {"APL", []string{"", "0001 18 03 c00002"}, []string{"0001 18 03 c000", "0001"}},
		"NULL":      {"NULL", []string{"", "c00c"}, nil},
		"unknown":   {"TYPE65280", []string{"", "c00c", "0102030405"}, nil},
		"type TSIG": {"TSIG", nil, []string{"", "00"}},
	}
	for what, test := range tests {
		typ, err := wire.ParseType(test.typ)
		if err != nil {
			t.Fatal(err)
		}
		for _, rdata := range test.good {
			if err := parseRData(t, typ, rdata); err != nil {
				t.Errorf("%s %q: %v", what, rdata, err)
			}
		}
		for _, rdata := range test.bad {
			if err := parseRData(t, typ, rdata); err == nil {
				t.Errorf("%s %q is accepted", what, rdata)
			}
		}
	}
}

// parseRData parses a response that has a record of type typ with that RDATA in
// its additional section.
func parseRData(t *testing.T, typ wire.Type, rdata string) error {
	t.Helper()
	data := octets(t, rdata)
	packet := octets(t, "1234 8180 0001 0000 0000 0001"+asked+"c00c")
	packet = binary.BigEndian.AppendUint16(packet, uint16(typ))
	packet = append(packet, 0, 1, 0, 0, 1, 44)
	packet = binary.BigEndian.AppendUint16(packet, uint16(len(data)))
	_, err := wire.ParseResponse(append(packet, data...), question(t, "www.example A"))
	return err
}

func TestSvcParamsAreStrict(t *testing.T) {
	good := map[string]string{
		"alpn":                "0001 0003 02 6832",
		"two alpn":            "0001 0006 02 6832 02 6833",
		"mandatory":           "0000 0002 0001 0001 0003 02 6832",
		"no-default-alpn":     "0001 0003 02 6832 0002 0000",
		"port":                "0003 0002 01bb",
		"hints":               "0004 0008 c0000201 c0000202 0006 0010" + strings.Repeat("20", 16),
		"ech":                 "0005 0003 aabbcc",
		"a key nobody knows":  "ff00 0003 aabbcc",
		"an empty unknown":    "ff00 0000",
		"dohpath, ohttp":      "0007 0002 2f71 0008 0000",
		"mandatory, two keys": "0000 0004 0001 0003 0001 0003 02 6832 0003 0002 01bb",
	}
	bad := map[string]string{
		"key cut":                    "00",
		"no length":                  "0001",
		"half a length":              "0001 00",
		"value runs off":             "0001 0004 02 6832",
		"same key twice":             "0003 0002 01bb 0003 0002 01bb",
		"keys out of order":          "0003 0002 01bb 0001 0003 02 6832",
		"empty mandatory":            "0000 0000",
		"mandatory of odd length":    "0000 0003 0001 00 0001 0003 02 6832",
		"mandatory names itself":     "0000 0002 0000",
		"mandatory out of order":     "0000 0004 0003 0001 0001 0003 02 6832 0003 0002 01bb",
		"mandatory names one twice":  "0000 0004 0001 0001 0001 0003 02 6832",
		"empty alpn":                 "0001 0000",
		"alpn with an empty id":      "0001 0001 00",
		"alpn id runs off":           "0001 0003 03 6832",
		"no-default-alpn with value": "0002 0001 00",
		"port of one octet":          "0003 0001 01",
		"port of three octets":       "0003 0003 0001bb",
		"empty ipv4hint":             "0004 0000",
		"ipv4hint of five octets":    "0004 0005 c000020100",
		"empty ipv6hint":             "0006 0000",
		"ipv6hint of four octets":    "0006 0004 c0000201",
	}
	for _, typ := range []wire.Type{wire.TypeSVCB, wire.TypeHTTPS} {
		for what, s := range good {
			if err := parseRData(t, typ, "0001 00"+s); err != nil {
				t.Errorf("%v, %s: %v", typ, what, err)
			}
		}
		for what, s := range bad {
			if err := parseRData(t, typ, "0001 00"+s); err == nil {
				t.Errorf("%v, %s: accepted", typ, what)
			}
		}
	}
}

func TestParseResponseHeader(t *testing.T) {
	q := question(t, "www.example A")
	tests := map[string]struct {
		packet        string
		rcode         wire.Rcode
		ad, truncated bool
	}{
		"NOERROR":                       {"1234 8180 0001 0000 0000 0000" + asked, wire.NoError, false, false},
		"AD":                            {"1234 81a0 0001 0000 0000 0000" + asked, wire.NoError, true, false},
		"name in another case":          {"1234 8183 0001 0000 0000 0000 03 575757 07 6558616d706c65 00 0001 0001", wire.NXDomain, false, false},
		"extended rcode":                {"1234 8180 0001 0000 0000 0001" + asked + "00 0029 04d0 01000000 0000", wire.BadVers, false, false},
		"bare FORMERR":                  {"1234 8181 0000 0000 0000 0000", wire.FormErr, false, false},
		"bare REFUSED":                  {"1234 8185 0000 0000 0000 0000", wire.Refused, false, false},
		"truncated in mid-record":       {"1234 8380 0001 0009 0000 0000" + asked + "c00c 0001 00", wire.NoError, false, true},
		"an unknown option is no error": {"1234 8180 0001 0000 0000 0001" + asked + "00 0029 04d0 00000000 0006 fde9 0002 0102", wire.NoError, false, false},
	}
	for what, test := range tests {
		m, err := wire.ParseResponse(octets(t, test.packet), q)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if m.Rcode() != test.rcode || m.AD() != test.ad || m.Truncated() != test.truncated || m.Question() != q {
			t.Errorf("%s: %v, AD %v, TC %v, want %+v", what, m.Rcode(), m.AD(), m.Truncated(), test)
		}
	}
}

func TestUpstreamEDEs(t *testing.T) {
	m := response{rcode: dns.RcodeServerFailure, ede: []dns.EDNS0_EDE{
		{InfoCode: 9, ExtraText: "no DNSKEY\x00"}, {InfoCode: 22}, {InfoCode: 0, ExtraText: "bad \xff text"},
	}}.parse(t, "www.example A")
	want := []wire.EDE{{Code: 9, Text: "no DNSKEY"}, {Code: 22}, {Code: 0, Text: "bad � text"}}
	if diff := cmp.Diff(want, m.EDEs()); diff != "" {
		t.Errorf("EDEs (-want +got):\n%s", diff)
	}
}

// TestRDataPassesUnchanged sends records of many types through: what comes out
// holds the same octets.
func TestRDataPassesUnchanged(t *testing.T) {
	for i, line := range []string{
		`x.example. 300 IN TXT "a" "" "b\"c" "\000\255"`,
		`x.example. 300 IN MX 10 Mail.Example.`,
		`x.example. 300 IN SRV 1 2 443 srv.example.`,
		`x.example. 300 IN NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:a@b!" .`,
		`x.example. 300 IN CAA 0 issue "ca.example"`,
		`x.example. 300 IN DS 1 8 2 AABB`,
		`x.example. 300 IN NSEC y.example. A RRSIG NSEC TYPE1234`,
		`x.example. 300 IN NSEC3 1 0 10 AABB 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG`,
		`x.example. 300 IN HTTPS 1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1 ech=AAAA key65280=x`,
		`x.example. 300 IN SVCB 0 Other.example.`,
		`x.example. 300 IN TLSA 3 1 1 AABB`,
		`x.example. 300 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m`,
		`x.example. 300 IN HIP 2 200100107B1A74DF365639CC39F1D578 AQID r.example.`,
		`x.example. 300 IN IPSECKEY 10 3 2 g.example. AQID`,
		`x.example. 300 IN APL 1:192.0.2.0/24 !2:2001:db8::/32`,
		`x.example. 300 IN TYPE65280 \# 4 c00c0102`,
	} {
		want := records(t, []string{line})[0]
		typ := wire.Type(want.Header().Rrtype)
		m := response{answer: []string{line}}.parse(t, "x.example "+typ.String())
		got := shown(t, m).Answer
		if len(got) != 1 || rdata(t, got[0]) != rdata(t, want) {
			t.Errorf("record %d came out as %v, want %v", i, got, want)
		}
		if !strings.HasPrefix(m.Text(), "x.example.\t300\t") {
			t.Errorf("record %d is shown as %q", i, m.Text())
		}
	}
}

// rdata is the RDATA of rr, names in lower case where they may be compressed.
func rdata(t *testing.T, rr dns.RR) string {
	t.Helper()
	buf := make([]byte, 70000)
	rr = dns.Copy(rr)
	rr.Header().Name = "."
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if rr.Header().Rrtype == dns.TypeMX {
		return string(bytes.ToLower(buf[11:n]))
	}
	return string(buf[11:n])
}

func TestTTLWithTheHighBitIsZero(t *testing.T) { // RFC 2181, section 8
	for ttl, want := range map[uint32]uint32{0: 0, 1<<31 - 1: 1<<31 - 1, 1 << 31: 0, 1<<32 - 1: 0} {
		m := response{answer: []string{fmt.Sprintf("www.example. %d IN A 192.0.2.1", ttl)}}.parse(t, "www.example A")
		if got := shown(t, m).Answer[0].Header().Ttl; got != want {
			t.Errorf("TTL %d came out as %d, want %d", ttl, got, want)
		}
	}
}
