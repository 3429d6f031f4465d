package wire_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// rdataSeeds are records of all kinds of RDATA.
var rdataSeeds = []string{
	"A 192.0.2.1", "AAAA 2001:db8::1", "NS ns.example.", "CNAME b.example.", "SOA a. b. 1 2 3 4 5", "PTR host.example.", "MX 1 mail.example.",
	`TXT "a" "b"`, "SRV 1 2 443 host.example.", `CAA 0 issue "ca.example"`, `NAPTR 1 2 "U" "E2U+sip" "!^.*$!sip:x@example!" .`, "DS 1 13 2 ABCD",
	"DNSKEY 257 3 13 AwEAAQ==", "NSEC z.example. A MX TYPE65280", "NSEC3 1 0 5 AABB 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A",
	"NSEC3PARAM 1 0 0 -", "RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA", "TLSA 3 1 1 ABCD", "SSHFP 4 2 ABCD",
	"HTTPS 1 . mandatory=alpn alpn=h2,h3 port=53 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1", "SVCB 0 svc.example.", "HTTPS 1 . ech=AAAA key65280=abc",
	"LOC 51 30 12.748 N 0 7 39.611 W 0.00m", `URI 10 1 "https://www.example/"`, `HINFO "a" "b"`, "DNAME other.example.", `TYPE65280 \# 3 ABCDEF`,
	"RP mbox.example. txt.example.", "AFSDB 1 host.example.", "CDS 1 13 2 ABCD", "OPENPGPKEY AwEAAQ==", "EUI48 00-00-5e-00-53-2a", "CSYNC 1 3 A NS",
	"ZONEMD 1 1 1 ABCD", "CERT PKIX 1 RSASHA256 AwEAAQ==", "KX 1 host.example.", "PX 10 a.example. b.example.", "HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAQ==",
	"APL 1:192.0.2.0/24 !2:2001:db8::/32", "L32 10 10.1.2.0", "LP 10 l64.example.", "GPOS -22.6882 116.8652 250.0", "X25 311061700956", "NINFO a",
}

// A layoutSeed is RDATA that is wrong, or rare.
type layoutSeed struct {
	typ  uint16
	data string
}

// hostileRData are records whose fields are missing, or too long, or run off.
var hostileRData = []layoutSeed{
	{dns.TypeA, "\xC0\x00\x02\x01\x05"},
	{dns.TypeA, ""},
	{dns.TypeMX, "\x00\x01\xC0\x0C"},
	{dns.TypeMX, "\x00\x01"},
	{dns.TypePTR, "\xC0\xFF"},
	{dns.TypeTXT, ""},
	{dns.TypeTXT, "\x09abc"},
	{dns.TypeSRV, "\x00\x01\x00\x02\x00\x03\xC0\x0C"},
	{dns.TypeHTTPS, "\x00\x01\x00\x00\x00\x00\x02\x00\x04"},
	{dns.TypeHTTPS, "\x00\x01\x00\x00\x03\x00\x02\x00\x35\x00\x01\x00\x03\x02h2"},
	{dns.TypeHTTPS, "\x00\x01\x00\x00\x01\x00\x00"},
	{dns.TypeHTTPS, "\x00\x01\x00\x00\x04\x00\x03\xC0\x00\x02"},
	{dns.TypeHTTPS, "\x00\x01\x00\xff\xff\x00\x00"},
	{dns.TypeNSEC, "\x00\x00\x00"},
	{dns.TypeNSEC3, "\x01\x00\x00\x00\xFFab"},
	{dns.TypeNAPTR, "\x00\x01\x00\x02\x01U"},
	{dns.TypeAPL, "\x00\x01\x18\x83\xC0\x00\x02"},
	{dns.TypeHIP, "\x10\x02\x00\x04"},
	{dns.TypeIPSECKEY, "\x01\x03\x02\x00"},
	{dns.TypeAMTRELAY, "\x00\x03\x00"},
	{dns.TypeTALINK, "\x00\x00"},
	{65280, ""},
}

// FuzzRData holds the layouts of RDATA to another decoder: a record that is accepted
// goes out as RDATA of which the library makes the same octets again.
func FuzzRData(f *testing.F) {
	for _, rr := range records(f, prefixed("www.example. 300 ", rdataSeeds)) {
		out := make([]byte, 1024)
		end, err := dns.PackRR(rr, out, 0, nil, false)
		if err != nil {
			f.Fatal(err)
		}
		const fixed = len("\x03www\x07example\x00") + 10
		f.Add(rr.Header().Rrtype, out[fixed:end])
	}
	for _, s := range hostileRData {
		f.Add(s.typ, []byte(s.data))
	}
	f.Fuzz(func(t *testing.T, typ uint16, data []byte) {
		if typ == dns.TypeNXT || wire.Type(typ).IsMeta() || len(data) > 4096 {
			return // the library reads NXT as NSEC, which is another format
		}
		q := question(t, "www.example A")
		q.Type = wire.Type(typ)
		m, err := wire.ParseResponse(oneRecord(q, data), q)
		if err != nil {
			return
		}
		checkMessage(t, m)
		packet := wire.Response{Query: wire.Query{Question: q}, Message: m, Limit: 65535}.Append(nil)
		unpack(t, packet)
		again := packet[len(oneRecord(q, nil)):]
		if exact(typ) && !bytes.Equal(repacked(t, typ, again), again) {
			t.Errorf("type %d: %x went out as %x, of which the library makes %x", typ, data, again, repacked(t, typ, again))
		}
	})
}

// prefixed are lines, each with the same words before it.
func prefixed(prefix string, lines []string) []string {
	all := slices.Clone(lines)
	for i := range all {
		all[i] = prefix + all[i]
	}
	return all
}

// exact says whether RDATA of a type can only be written in one way, and the library
// reads it whole. It does not where names are compressed on the way out, where the
// library leaves out zeros at the end of a bitmap, or where it loses a backslash.
func exact(typ uint16) bool {
	switch typ {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeSOA, dns.TypeMX, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeCSYNC, dns.TypeCAA, dns.TypeURI:
		return false
	}
	return true
}

// oneRecord is the response to q that has one record of its type.
func oneRecord(q wire.Question, data []byte) []byte {
	b := []byte("\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + q.Name.Wire())
	b = binary.BigEndian.AppendUint16(b, uint16(q.Type))
	b = append(b, "\x00\x01\xC0\x0C"...)
	b = binary.BigEndian.AppendUint16(b, uint16(q.Type))
	b = append(b, "\x00\x01\x00\x00\x01\x2C"...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// repacked is what the library makes of RDATA.
func repacked(t *testing.T, typ uint16, data []byte) []byte {
	t.Helper()
	h := dns.RR_Header{Name: ".", Rrtype: typ, Class: dns.ClassINET, Rdlength: uint16(len(data))}
	rr, end, err := dns.UnpackRRWithHeader(h, data, 0)
	if err != nil || end != len(data) {
		t.Fatalf("type %d: %x went out, and the library cannot read it: %v", typ, data, err)
	}
	const fixed = 11 // what comes before RDATA when the owner is the root
	out := make([]byte, fixed+4*len(data)+512)
	end, err = dns.PackRR(rr, out, 0, nil, false)
	if err != nil {
		t.Fatalf("type %d: %x went out, and the library cannot write it: %v", typ, data, err)
	}
	return out[fixed:end]
}

// FuzzOptions holds the reading of an OPT record to a plain description of it, and
// extended errors from upstream to what may be shown.
func FuzzOptions(f *testing.F) {
	for _, s := range []string{
		"", "\x00\x0A\x00\x08abcdefgh", "\x00\x03\x00\x00\x00\x0C\x00\x02\x00\x00", "\x00\x08\x00\x07\x00\x01\x18\x00\xC0\x00\x02",
		"\x00\x08\x00\x04\x00\x00\x00\x00", "\x00\x08\x00\x08\x00\x02\x20\x00\x20\x01\x0D\xB8", "\x00\x08\x00\x08\x00\x01\x21\x00\xC0\x00\x02\x01",
		"\x00\x08\x00\x04\x00\x00\x00\x00\x00\x08\x00\x04\x00\x00\x00\x00", "\x00\x0F\x00\x05\x00\x09abc", "\x00\x0F\x00\x06\x00\x09\x1b[2J",
		"\x00\x0F\x00\x01\x00", "\x00\x0A\x00\x09abcdefgh", "\x00\x0A\x00\x09abcdefghi", "\x00\x0A\x00\x08abcdefgh\x00\x0A\x00\x00", "\x00\x0A\x00\x28abcdefghijklmnopqrstuvwxyzabcdefghijklmn", "\x00\x0A\x00", "\x00\x0F\x00\x07\x00\x09\xff\xfe\xe2\x80\xae", "\xff\xff\x00\x00",
	} {
		f.Add([]byte(s), uint32(0), uint16(1232))
		f.Add([]byte(s), uint32(0x8000), uint16(0))
		f.Add([]byte(s), uint32(0x01_01_FFFF), uint16(65535))
	}
	f.Fuzz(func(t *testing.T, data []byte, ttl uint32, size uint16) {
		if len(data) > 4096 {
			return
		}
		opt := binary.BigEndian.AppendUint16([]byte("\x00\x00\x29"), size)
		opt = binary.BigEndian.AppendUint32(opt, ttl)
		opt = append(binary.BigEndian.AppendUint16(opt, uint16(len(data))), data...)
		checkQueryOptions(t, opt, data, ttl, size)
		checkResponseOptions(t, opt)
	})
}

// checkQueryOptions holds what is read of the OPT record of a query to its octets.
func checkQueryOptions(t *testing.T, opt, data []byte, ttl uint32, size uint16) {
	q, refusal := wire.ParseQuery(append(octets(t, ednsQ), opt...))
	subnets, whole := optionBytes(data, dns.EDNS0SUBNET)
	cookies, _ := optionBytes(data, dns.EDNS0COOKIE)
	malformed := !whole || len(subnets) > 1 || len(subnets) == 1 && !goodSubnet(subnets[0]) || len(cookies) > 0 && !goodCookie(cookies[0])
	switch {
	case ttl>>16&0xFF != 0:
		if refusal == nil || refusal.Rcode != wire.BadVers {
			t.Fatalf("version %d: %+v, want BADVERS", ttl>>16&0xFF, refusal)
		}
	case malformed:
		if refusal == nil || refusal.Rcode != wire.FormErr {
			t.Fatalf("options %x: %+v, want FORMERR", data, refusal)
		}
	case refusal != nil:
		t.Fatalf("options %x: refused, %s", data, refusal.Why)
	case !q.EDNS || q.DO != (ttl&0x8000 != 0) || q.UDPSize != max(512, int(size)) || q.SubnetSent != (len(subnets) == 1):
		t.Errorf("options %x, TTL %x, size %d: %+v", data, ttl, size, q)
	}
}

// optionBytes are the data of the options with a code, and whether the last option ends
// where data does.
func optionBytes(data []byte, code uint16) (found [][]byte, whole bool) {
	for len(data) >= 4 {
		size := int(binary.BigEndian.Uint16(data[2:]))
		if len(data)-4 < size {
			return found, false
		}
		if binary.BigEndian.Uint16(data) == code {
			found = append(found, data[4:4+size])
		}
		data = data[4+size:]
	}
	return found, len(data) == 0
}

// goodCookie is RFC 7873, section 5.2.2: a client's part alone, or with a server's.
func goodCookie(data []byte) bool { return len(data) == 8 || len(data) >= 16 && len(data) <= 40 }

// goodSubnet is RFC 7871, section 6, of a query: as many octets as the length needs, no
// bit beyond it, no scope. Of families nobody knows only the number of octets counts.
func goodSubnet(data []byte) bool {
	if len(data) < 4 || data[3] != 0 || len(data)-4 != (int(data[2])+7)/8 {
		return false
	}
	full := make([]byte, 16)
	copy(full, data[4:])
	switch family, bits := binary.BigEndian.Uint16(data), int(data[2]); family {
	case 0:
		return bits == 0
	case 1:
		a := netip.AddrFrom4([4]byte(full[:4]))
		return bits <= 32 && netip.PrefixFrom(a, bits).Masked().Addr() == a
	case 2:
		a := netip.AddrFrom16([16]byte(full))
		return bits <= 128 && netip.PrefixFrom(a, bits).Masked().Addr() == a
	}
	return true
}

// checkResponseOptions holds that whatever extended errors come from an upstream can be
// shown on a terminal, and are few and short.
func checkResponseOptions(t *testing.T, opt []byte) {
	const most, longest = 3, 128
	q := question(t, "www.example A")
	packet := oneRecord(q, []byte{192, 0, 2, 1})
	packet[11] = 1 // ARCOUNT
	m, err := wire.ParseResponse(append(packet, opt...), q)
	if err != nil {
		return
	}
	for _, e := range m.EDEs() {
		odd := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) }
		if !utf8.ValidString(e.Text) || strings.ContainsFunc(e.Text, odd) || len(e.Text) > longest || len(m.EDEs()) > most {
			t.Errorf("OPT %x: extended errors %v", opt, m.EDEs())
		}
	}
	checkMessage(t, m)
}
