package wire_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// The pieces of hand-made queries.
const (
	asked   = "03 777777 07 6578616d706c65 00 0001 0001 " // www.example A IN
	plainQ  = "1234 0100 0001 0000 0000 0000 " + asked
	ednsQ   = "1234 0100 0001 0000 0000 0001 " + asked
	emptyO  = "00 0029 04d0 00000000 0000 "
	tsigRR  = "03 6b6579 00 00fa 00ff 00000000 001a 04 616c6730 00 0000661f1b52 012c 0004 deadbeef 1234 0000 0000 "
	subnetO = "00 0029 04d0 00000000 " // its RDLENGTH and options follow
)

func TestParseQuery(t *testing.T) {
	www := wire.Question{Name: name(t, "www.example"), Type: wire.TypeA, Class: wire.ClassIN}
	spelled := "\x03www\x07example\x00"
	tests := map[string]struct {
		packet string
		want   wire.Query
	}{
		"plain": {
			plainQ,
			wire.Query{ID: 0x1234, Question: www, Spelled: spelled, RD: true, UDPSize: 512},
		},
		"spelling is kept": {
			"1234 0000 0001 0000 0000 0000 03 577777 07 6558616d706c65 00 0001 0001",
			wire.Query{ID: 0x1234, Question: www, Spelled: "\x03Www\x07eXample\x00", UDPSize: 512},
		},
		"EDNS, DO": {
			"1234 0100 0001 0000 0000 0001" + asked + "00 0029 1000 00008000 0000",
			wire.Query{ID: 0x1234, Question: www, Spelled: spelled, RD: true, EDNS: true, DO: true, UDPSize: 4096},
		},
		"EDNS with a size below 512 (RFC 6891, section 6.2.3)": {
			"1234 0100 0001 0000 0000 0001" + asked + "00 0029 0020 00000000 0000",
			wire.Query{ID: 0x1234, Question: www, Spelled: spelled, RD: true, EDNS: true, UDPSize: 512},
		},
		"AD and CD; TC, AA, RA, Z and an rcode are ignored": {
			"1234 06ff 0001 0000 0000 0000" + asked,
			wire.Query{ID: 0x1234, Question: www, Spelled: spelled, AD: true, CD: true, UDPSize: 512},
		},
		"unknown options and EDNS flags are ignored": {
			"1234 0100 0001 0000 0000 0001" + asked + "00 0029 04d0 00007fff 0008 fde9 0004 01020304",
			wire.Query{ID: 0x1234, Question: www, Spelled: spelled, RD: true, EDNS: true, UDPSize: 1232},
		},
		"an additional record that nobody knows": {
			ednsQ + "00 ff01 0001 00000000 0002 beef",
			wire.Query{ID: 0x1234, Question: www, Spelled: spelled, RD: true, UDPSize: 512},
		},
		"client subnet": {
			ednsQ + subnetO + "000b 0008 0007 0001 18 00 c00002",
			wire.Query{
				ID: 0x1234, Question: www, Spelled: spelled, RD: true, EDNS: true, UDPSize: 1232,
				SubnetSent: true, Subnet: netip.MustParsePrefix("192.0.2.0/24"),
			},
		},
		"client subnet 0/0 of no family, as dig +subnet=0 sends it": {
			ednsQ + subnetO + "0008 0008 0004 0000 00 00",
			wire.Query{ID: 0x1234, Question: www, Spelled: spelled, RD: true, EDNS: true, UDPSize: 1232, SubnetSent: true},
		},
		"client subnet of IPv6": {
			ednsQ + subnetO + "000c 0008 0008 0002 20 00 20010db8",
			wire.Query{
				ID: 0x1234, Question: www, Spelled: spelled, RD: true, EDNS: true, UDPSize: 1232,
				SubnetSent: true, Subnet: netip.MustParsePrefix("2001:db8::/32"),
			},
		},
		"an unknown type and class": {
			"0001 0000 0001 0000 0000 0000 00 ff28 0003",
			wire.Query{
				ID: 1, Question: wire.Question{Name: name(t, "."), Type: 65320, Class: wire.ClassCH},
				Spelled: "\x00", UDPSize: 512,
			},
		},
		"AXFR is the caller's to judge": {
			"0001 0000 0001 0000 0000 0000 00 00fc 0001",
			wire.Query{
				ID: 1, Question: wire.Question{Name: name(t, "."), Type: wire.TypeAXFR, Class: wire.ClassIN},
				Spelled: "\x00", UDPSize: 512,
			},
		},
		"IXFR with its SOA (RFC 1995, section 3)": {
			"0001 0000 0001 0000 0001 0000 00 00fb 0001 00 0006 0001 00000000 0016 00 00" + strings.Repeat("00000001", 5),
			wire.Query{
				ID: 1, Question: wire.Question{Name: name(t, "."), Type: wire.TypeIXFR, Class: wire.ClassIN},
				Spelled: "\x00", UDPSize: 512,
			},
		},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			packet := octets(t, test.packet)
			got, refusal := wire.ParseQuery(packet)
			if refusal != nil {
				t.Fatalf("refused: %v, %s", refusal.Rcode, refusal.Why)
			}
			clear(packet) // the query must not share memory with it
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b matcher.Name) bool { return a == b }),
				cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("query (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseQueryRefuses(t *testing.T) {
	const formErr, badVers = "1234 8181 0001 0000 0000 0000" + asked, "1234 8180 0001 0000 0000 0001" + asked + "00 0029 04d0 01000000 0000"
	const formErrEDNS = "1234 8181 0001 0000 0000 0001" + asked + emptyO
	noQuestion := func(flags string) string { return "1234 " + flags + " 0000 0000 0000 0000" }
	tests := map[string]struct {
		packet string
		rcode  wire.Rcode
		reply  string
	}{
		"opcode STATUS":                 {"1234 1100 0001 0000 0000 0000" + asked, wire.NotImp, noQuestion("9104")},
		"opcode UPDATE without RD":      {"1234 2800 0001 0000 0000 0000" + asked, wire.NotImp, noQuestion("a804")},
		"unknown opcode, all flags":     {"1234 7fff 0000 0000 0000 0000", wire.NotImp, noQuestion("f904")},
		"no question":                   {noQuestion("0100"), wire.FormErr, noQuestion("8181")},
		"no question where one is said": {"1234 0100 0001 0000 0000 0000", wire.FormErr, noQuestion("8181")},
		"two questions":                 {"1234 0100 0002 0000 0000 0000" + asked + asked, wire.FormErr, noQuestion("8181")},
		"name runs off":                 {"1234 0100 0001 0000 0000 0000 03 7777", wire.FormErr, noQuestion("8181")},
		"no type":                       {"1234 0100 0001 0000 0000 0000 03 777777 00", wire.FormErr, noQuestion("8181")},
		"half a class":                  {"1234 0100 0001 0000 0000 0000 03 777777 00 0001 00", wire.FormErr, noQuestion("8181")},
		"compressed name":               {"1234 0100 0001 0000 0000 0000 03 777777 c00c 0001 0001", wire.FormErr, noQuestion("8181")},
		"name of 256 octets":            {"1234 0100 0001 0000 0000 0000" + strings.Repeat("3f"+strings.Repeat("61", 63), 3) + "3e" + strings.Repeat("61", 62) + "00 0001 0001", wire.FormErr, noQuestion("8181")},
		"an answer":                     {"1234 0100 0001 0001 0000 0000" + asked + "00 0001 0001 00000000 0004 c0000201", wire.FormErr, formErr},
		"answers that are not there":    {"1234 0100 0001 0009 0000 0000" + asked, wire.FormErr, formErr},
		"an authority record":           {"1234 0100 0001 0000 0001 0000" + asked + "00 0001 0001 00000000 0004 c0000201", wire.FormErr, formErr},
		"additional that is not there":  {ednsQ, wire.FormErr, formErr},
		"an OPT that ends early":        {ednsQ + "00 0029 04d0 00000000 0004 0001", wire.FormErr, formErr},
		"an option that runs off":       {ednsQ + "00 0029 04d0 00000000 0004 0003 0001", wire.FormErr, formErr},
		"IXFR whose SOA is cut": {
			"1234 0100 0001 0000 0001 0000 00 00fb 0001 00 0006 0001 00000000 0016 00 00", wire.FormErr,
			"1234 8181 0001 0000 0000 0000 00 00fb 0001",
		},
		"IXFR with two authority records": {
			"1234 0100 0001 0000 0002 0002 00 00fb 0001" + strings.Repeat("00 ff01 0001 00000000 0000", 2), wire.FormErr,
			"1234 8181 0001 0000 0000 0000 00 00fb 0001",
		},
		"trailing octets":                 {plainQ + "00", wire.FormErr, formErr},
		"trailing octets after OPT":       {ednsQ + emptyO + "00", wire.FormErr, formErrEDNS},
		"two OPTs (RFC 6891, 6.1.1)":      {"1234 0100 0001 0000 0000 0002" + asked + emptyO + emptyO, wire.FormErr, formErrEDNS},
		"OPT owner is not the root":       {ednsQ + "01 61" + emptyO, wire.FormErr, formErr},
		"EDNS version 1 (RFC 6891 6.1.3)": {ednsQ + "00 0029 04d0 00010000 0000", wire.BadVers, badVers},
		"version 255, odd options":        {ednsQ + "00 0029 04d0 00ff0000 0001 ff", wire.BadVers, badVers},
		"subnet: too many octets":         {ednsQ + subnetO + "000b 0008 0007 0001 10 00 c00000", wire.FormErr, formErrEDNS},
		"subnet: too few octets":          {ednsQ + subnetO + "000a 0008 0006 0001 18 00 c000", wire.FormErr, formErrEDNS},
		"subnet: bits beyond its length":  {ednsQ + subnetO + "000b 0008 0007 0001 17 00 c00003", wire.FormErr, formErrEDNS},
		"subnet: longer than an address":  {ednsQ + subnetO + "000d 0008 0009 0001 21 00 c000020100", wire.FormErr, formErrEDNS},
		"subnet: a scope in a query":      {ednsQ + subnetO + "000b 0008 0007 0001 18 18 c00002", wire.FormErr, formErrEDNS},
		"subnet: shorter than its header": {ednsQ + subnetO + "0006 0008 0002 0001", wire.FormErr, formErrEDNS},
		"subnet: two of them":             {ednsQ + subnetO + "0010 0008 0004 0000 0000 0008 0004 0000 0000", wire.FormErr, formErrEDNS},
		"TSIG of an unknown key (RFC 8945, section 5.2.1)": {
			ednsQ + tsigRR, wire.NotAuth,
			"1234 8189 0001 0000 0000 0001" + asked +
				"03 6b6579 00 00fa 00ff 00000000 0016 04 616c6730 00 0000661f1b52 012c 0000 1234 0011 0000",
		},
		"TSIG that is not last": {
			"1234 0100 0001 0000 0000 0002" + asked + tsigRR + emptyO, wire.FormErr, formErr,
		},
		"malformed TSIG": {ednsQ + "03 6b6579 00 00fa 00ff 00000000 0003 00 0000", wire.FormErr, formErr},
		"QTYPE OPT":      {question12("0029"), wire.FormErr, refused12("8081", "0029")},
		"QTYPE TSIG":     {question12("00fa"), wire.FormErr, refused12("8081", "00fa")},
		"QTYPE NXNAME":   {question12("0080"), wire.FormErr, refused12("8081", "0080")},
		"QTYPE 0":        {question12("0000"), wire.FormErr, refused12("8081", "0000")},
		"QTYPE TKEY":     {question12("00f9"), wire.NotImp, refused12("8084", "00f9")},
		"QTYPE MAILA":    {question12("00fe"), wire.NotImp, refused12("8084", "00fe")},
		"QTYPE MAILB":    {question12("00fd"), wire.NotImp, refused12("8084", "00fd")},
		"QTYPE 200":      {question12("00c8"), wire.NotImp, refused12("8084", "00c8")},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			_, refusal := wire.ParseQuery(octets(t, test.packet))
			if refusal == nil {
				t.Fatal("accepted")
			}
			if refusal.Rcode != test.rcode || refusal.Drop || refusal.Why == "" {
				t.Errorf("refused with %v, drop %v, %q; want %v", refusal.Rcode, refusal.Drop, refusal.Why, test.rcode)
			}
			if want := octets(t, test.reply); string(refusal.Response) != string(want) {
				t.Errorf("reply\n%s, want\n%s", hex.EncodeToString(refusal.Response), hex.EncodeToString(want))
			}
		})
	}
}

// question12 is a query for the root and a type given in hexadecimal digits.
func question12(t string) string { return "0001 0000 0001 0000 0000 0000 00" + t + "0001" }

// refused12 is the response to it.
func refused12(flags, t string) string {
	return "0001" + flags + "0001 0000 0000 0000 00" + t + "0001"
}

func TestParseQueryStaysSilent(t *testing.T) {
	tests := map[string]string{
		"nothing":                "",
		"shorter than a header":  "1234 0100 0001 0000 0000 00",
		"a response":             "1234 8100 0001 0000 0000 0000" + asked,
		"a response of opcode 5": "1234 a800 0000 0000 0000 0000",
	}
	for what, packet := range tests {
		if _, refusal := wire.ParseQuery(octets(t, packet)); refusal == nil || !refusal.Drop || refusal.Response != nil {
			t.Errorf("%s: refusal %+v, want to drop it", what, refusal)
		}
	}
}
