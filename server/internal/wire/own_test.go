package wire_test

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// packed is a record of a zone file's line as octets.
func packed(t testing.TB, line string) []byte {
	t.Helper()
	rr, err := dns.NewRR(line)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1024)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:end]
}

func TestParseRecord(t *testing.T) {
	r, err := wire.ParseRecord(packed(t, "WWW.Example. 300 IN CNAME Target.example."))
	if err != nil {
		t.Fatal(err)
	}
	target, _ := r.Target()
	if r.Name().String() != "www.example" || r.Type() != wire.TypeCNAME || r.TTL() != 300 || target.String() != "target.example" {
		t.Errorf("%v", r)
	}
	whole := packed(t, "www.example. 300 IN MX 10 mx.example.")
	for size := range whole {
		if _, err := wire.ParseRecord(whole[:size]); err == nil {
			t.Errorf("the first %d octets of %d pass for a record", size, len(whole))
		}
	}
	if _, err := wire.ParseRecord(append(whole, 0)); err == nil {
		t.Error("an octet behind a record passes")
	}
}

func TestOwnRecords(t *testing.T) {
	owner, target := mustName(t, "www.example"), mustName(t, "target.example")
	service := wire.Service{
		Priority: 1, Target: target, ALPN: []string{"h2", "h3"}, Port: 8443, DoHPath: "/q{?dns}",
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.2")},
	}
	dname, err := wire.ParseRecord(packed(t, "example. 60 IN DNAME example.net."))
	if err != nil {
		t.Fatal(err)
	}
	made, ok := dname.CNAMEFor(owner)
	if !ok {
		t.Error("a DNAME makes no CNAME")
	}
	for want, r := range map[string]wire.Record{
		"www.example.\t60\tIN\tPTR\ttarget.example.":                                    wire.NameRecord(owner, wire.TypePTR, target, 60),
		"www.example.\t60\tIN\tA\t192.0.2.1":                                            wire.AddressRecord(owner, netip.MustParseAddr("::ffff:192.0.2.1"), 60),
		"www.example.\t60\tIN\tAAAA\t2001:db8::1":                                       wire.AddressRecord(owner, netip.MustParseAddr("2001:db8::1"), 60),
		"www.example.\t60\tIN\tSOA\twww.example. nobody.invalid. 1 3600 1200 604800 60": wire.SOARecord(owner, wire.ClassIN, 60),
		"www.example.\t60\tIN\tHINFO\t\"RFC8482\" \"\"":                                 wire.AnyRecord(owner, 60),
		"www.example.\t60\tIN\tCNAME\twww.example.net.":                                 made,
		"target.example.\t9\tIN\tA\t192.0.2.1":                                          wire.AddressRecord(owner, netip.MustParseAddr("192.0.2.1"), 60).WithName(target).WithTTL(9),
		"www.example.\t60\tIN\tSVCB\t1 target.example. alpn=\"h2,h3\" port=\"8443\" ipv4hint=\"192.0.2.1,192.0.2.2\" ipv6hint=\"2001:db8::1\" dohpath=\"/q{?dns}\"": wire.SVCBRecord(owner, service, 60),
		"www.example.\t60\tIN\tSVCB\t2 target.example.": wire.SVCBRecord(owner, wire.Service{Priority: 2, Target: target}, 60),
	} {
		if got := r.String(); got != want {
			t.Errorf("%s,\nwant %s", got, want)
		}
	}
}

func TestOwnAnswer(t *testing.T) {
	q := wire.Question{Name: mustName(t, "www.example"), Type: wire.TypeA, Class: wire.ClassIN}
	target := mustName(t, "target.example")
	m := wire.NewMessage(q, wire.NoError)
	chain := m.WithAnswer(wire.NameRecord(q.Name, wire.TypeCNAME, target, 60))
	full := chain.WithAnswer(wire.AddressRecord(target, netip.MustParseAddr("192.0.2.1"), 60))
	gone := chain.WithRcode(wire.NXDomain).WithAuthority(wire.SOARecord(target, wire.ClassIN, 30))
	if m.End() != q.Name || !m.Empty() || chain.End() != target || !chain.Empty() || full.Empty() || len(full.Addresses()) != 1 {
		t.Errorf("%v, %v and %v do not follow each other", m, chain, full)
	}
	if gone.Rcode() != wire.NXDomain || chain.Rcode() != wire.NoError || gone.Lifetime(1e12, 1e12).Seconds() != 30 {
		t.Errorf("%v is not negative for 30 seconds", gone)
	}
}

// FuzzReverseName holds our reverse names to the library's.
func FuzzReverseName(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1})
	f.Add(netip.MustParseAddr("2001:db8::1").AsSlice())
	f.Fuzz(func(t *testing.T, octets []byte) {
		addr, ok := netip.AddrFromSlice(octets)
		if !ok || addr.Is4In6() {
			return
		}
		want, err := dns.ReverseAddr(addr.String())
		if got := wire.ReverseName(addr).String() + "."; err != nil || got != want {
			t.Errorf("%v: %s, want %s (%v)", addr, got, want, err)
		}
	})
}

// FuzzRecord holds that what passes for a record can be sent and read again.
func FuzzRecord(f *testing.F) {
	for _, line := range []string{
		"www.example. 300 IN A 192.0.2.1", "example. 300 IN MX 10 mx.example.", "example. 300 IN SOA ns.example. host.example. 1 2 3 4 5",
		"www.example. 300 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1", `example. 300 IN TXT "a" "b"`, `www.example. 300 IN TYPE65280 \# 2 0A0B`,
	} {
		f.Add(packed(f, line))
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		r, err := wire.ParseRecord(octets)
		if err != nil || r.Class() != wire.ClassIN || r.Type() == wire.TypeOPT {
			return
		}
		q := wire.Question{Name: r.Name(), Type: r.Type(), Class: wire.ClassIN}
		m := wire.NewMessage(q, wire.NoError).WithAnswer(r)
		packet, whole := wire.Response{Query: wire.Query{Question: q}, Message: m, Limit: 65535}.AppendWhole(nil)
		if again, err := wire.ParseResponse(packet, q); whole && !q.Type.IsMeta() && (err != nil || again.Text() != m.Text()) {
			t.Errorf("%s becomes %s (%v)", m.Text(), again.Text(), err)
		}
	})
}

// mustName reads a name.
func mustName(t testing.TB, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
