package wire_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
)

// packedQuery is a query to an upstream; without size it has no OPT record.
func packedQuery(name string, size int) []byte {
	n, err := matcher.ParseName(name)
	if err != nil {
		panic(err)
	}
	q := wire.UpstreamQuery{Question: wire.Question{Name: n, Type: wire.TypeA, Class: wire.ClassIN}, UDPSize: size}
	return wire.AppendQuery(nil, 7, q)
}

func TestConnectionOptions(t *testing.T) {
	for _, name := range []string{".", "www.example", "a.very.long.name.with.many.labels.that.goes.on.and.on.and.on.until.it.is.over.one.block.of.octets.example"} {
		for _, o := range []wire.ConnectionOptions{{}, {Keepalive: true}, {Block: 128}, {Keepalive: true, Block: 128}, {Block: 1}} {
			query := packedQuery(name, 1232)
			before := bytes.Clone(query)
			got := o.Append([]byte("before"), query)[len("before"):]
			if !bytes.Equal(query, before) {
				t.Fatal("the query was changed")
			}
			m := new(dns.Msg)
			if err := m.Unpack(got); err != nil {
				t.Fatalf("%s, %+v: %v", name, o, err)
			}
			var keepalive, padding bool
			for _, option := range m.IsEdns0().Option {
				keepalive = keepalive || option.Option() == dns.EDNS0TCPKEEPALIVE
				padding = padding || option.Option() == dns.EDNS0PADDING
			}
			if keepalive != o.Keepalive || padding != (o.Block > 0) || o.Block > 0 && len(got)%o.Block != 0 || len(got) >= len(query)+128+8 {
				t.Errorf("%s, %+v: %d octets\n%v", name, o, len(got), m)
			}
		}
		plain := packedQuery(name, 0)
		if got := (wire.ConnectionOptions{Keepalive: true, Block: 128}).Append(nil, plain); !bytes.Equal(got, plain) {
			t.Errorf("%s: a query without OPT record has options", name)
		}
	}
}

// aged is a response with records in all sections.
func aged(t testing.TB, option dns.EDNS0) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	m.Response = true
	for i, text := range []string{"www.example. 300 IN CNAME a.example.", "a.example. 100 IN A 192.0.2.1", "example. 60 IN NS a.example."} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			m.Answer = append(m.Answer, rr)
		} else {
			m.Ns = append(m.Ns, rr)
		}
	}
	m.SetEdns0(1232, true)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}, option}
	m.Compress = true
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestKeepalive(t *testing.T) {
	for _, tenths := range []uint16{0, 1, 65535} {
		packet := aged(t, &dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE, Data: binary.BigEndian.AppendUint16(nil, tenths)})
		if idle, ok := wire.Keepalive(packet); !ok || idle != time.Duration(tenths)*100*time.Millisecond {
			t.Errorf("Keepalive = %v, %v, want %d tenths", idle, ok, tenths)
		}
	}
	for _, data := range [][]byte{nil, {1}, {1, 2, 3}} {
		if idle, ok := wire.Keepalive(aged(t, &dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE, Data: data})); ok {
			t.Errorf("Keepalive = %v with %d octets, want none", idle, len(data))
		}
	}
}

func TestAge(t *testing.T) {
	packet := aged(t, &dns.EDNS0_LOCAL{Code: 65001})
	wire.Age(packet, 80)
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		t.Fatal(err)
	}
	if a, b, c := m.Answer[0].Header().Ttl, m.Answer[1].Header().Ttl, m.Ns[0].Header().Ttl; a != 220 || b != 20 || c != 0 {
		t.Errorf("TTLs %v, %v, %v, want 220, 20, 0", a, b, c)
	}
	if o := m.IsEdns0(); o == nil || !o.Do() || o.UDPSize() != 1232 || o.Version() != 0 {
		t.Errorf("the OPT record is %v", o)
	}
}

// Whatever comes, a message changes in its TTLs only, and an unreadable one ends the work.
func FuzzConnectionOptions(f *testing.F) {
	f.Add(aged(f, &dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE, Data: []byte{0, 1}}), uint32(10))
	f.Add(packedQuery("www.example", 1232), uint32(1))
	f.Add([]byte{}, uint32(0))
	f.Fuzz(func(t *testing.T, packet []byte, by uint32) {
		_, _ = wire.Keepalive(packet)
		older := bytes.Clone(packet)
		wire.Age(older, by)
		before, after := new(dns.Msg), new(dns.Msg)
		if before.Unpack(packet) != nil {
			return
		}
		if err := after.Unpack(older); err != nil || len(after.Answer) != len(before.Answer) {
			t.Fatalf("%v\n%v\n%v", err, before, after)
		}
		for i, rr := range before.Answer {
			if now := after.Answer[i].Header().Ttl; now > rr.Header().Ttl {
				t.Errorf("TTL %d is %d after %d", rr.Header().Ttl, now, by)
			}
		}
	})
}
