package server_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/internal/wire"
)

// notAsked is an upstream that must not be asked.
func notAsked(t testing.TB) exchange {
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		t.Errorf("an upstream was asked for %v", q.Question)
		return wire.Message{}, "", errors.New("not to be asked")
	}
}

// manyAddresses is an upstream that answers with n addresses.
func manyAddresses(n int) exchange {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
	}
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		return wire.NewMessage(q.Question, wire.NoError).WithAnswerAddresses(addrs, 300), "192.0.2.53", nil
	}
}

func TestClientsNotServed(t *testing.T) {
	b := newBench(t, held("observe", ""), notAsked(t))
	for _, words := range []string{"dual.example", "dual.example ANY", "dual.example CH TXT", "version.bind CH TXT", "dual.example HS", "dual.example AXFR"} {
		m := send(t, b, question(words), stranger, false)
		if m.Rcode != dns.RcodeRefused || len(m.Answer) != 0 || !slices.Equal(edes(m), []string{"18 this client is not in server.allow"}) {
			t.Errorf("%s: %v, want REFUSED with EDE 18", words, m)
		}
	}
	if entries := b.Entries(); entries != "" {
		t.Errorf("logged %s", entries)
	}
}

func TestServedClients(t *testing.T) {
	b := newBench(t, "[server]\nallow = [\"local\", \"203.0.113.0/28\", \"2001:db8:1::/48\"]", says(t, "www.example. 60 IN A 192.0.2.1"))
	for from, want := range map[string]int{
		"127.0.0.1": dns.RcodeSuccess, "::1": dns.RcodeSuccess, "10.1.2.3": dns.RcodeSuccess, "192.168.1.1": dns.RcodeSuccess,
		"100.64.1.1": dns.RcodeSuccess, "fd00::1": dns.RcodeSuccess, "fe80::1%eth0": dns.RcodeSuccess, "::ffff:10.1.2.3": dns.RcodeSuccess,
		"203.0.113.15": dns.RcodeSuccess, "2001:db8:1::1": dns.RcodeSuccess,
		"203.0.113.16": dns.RcodeRefused, "2001:db8:2::1": dns.RcodeRefused, "172.32.0.1": dns.RcodeRefused, "::ffff:203.0.113.16": dns.RcodeRefused,
	} {
		if m := send(t, b, question("www.example"), netip.MustParseAddr(from), false); m.Rcode != want {
			t.Errorf("%s gets %s, want %s", from, dns.RcodeToString[m.Rcode], dns.RcodeToString[want])
		}
	}
}

func TestQuestionsNeverForwarded(t *testing.T) {
	b := newBench(t, silent, notAsked(t))
	for words, ede := range map[string]string{
		"www.example HS": "21 ", "www.example NONE": "21 ", "www.example AXFR": "18 ", "www.example IXFR": "18 ",
	} {
		q := question(words)
		m := send(t, b, q, client, true)
		if m.Rcode != dns.RcodeRefused || len(edes(m)) != 1 || !strings.HasPrefix(edes(m)[0], ede) {
			t.Errorf("%s: %v, want REFUSED with EDE %s", words, m, ede)
		}
	}
	q := question("www.example")
	q.Question[0].Qclass = dns.ClassANY
	if m := send(t, b, q, client, false); m.Rcode != dns.RcodeRefused {
		t.Errorf("class ANY: %v, want REFUSED", m)
	}
}

func TestFlags(t *testing.T) {
	b := newBench(t, silent, says(t, "ad\nwww.example. 60 IN A 192.0.2.1"))
	for words, want := range map[string]dns.MsgHdr{
		"www.example":               {RecursionDesired: true},
		"www.example +cd":           {RecursionDesired: true, CheckingDisabled: true},
		"www.example +ad":           {RecursionDesired: true, AuthenticatedData: true},
		"www.example +do":           {RecursionDesired: true, AuthenticatedData: true},
		"www.example +nord":         {},
		"www.example +noedns +ad":   {RecursionDesired: true, AuthenticatedData: true},
		"www.example ANY +noedns":   {RecursionDesired: true},
		"version.bind CH TXT +do":   {RecursionDesired: true, Authoritative: true},
		"version.bind CH TXT +ad":   {RecursionDesired: true, Authoritative: true},
		"nothing.example CH SRV":    {RecursionDesired: true, Authoritative: true},
		"www.example +noedns":       {RecursionDesired: true},
		"www.example A +noedns +ad": {RecursionDesired: true, AuthenticatedData: true},
	} {
		ask(t, b, "www.example") // so that it is cached
		q := question(words)
		m := ask(t, b, words)
		want.Id, want.Response, want.RecursionAvailable = q.Id, true, true
		if m.MsgHdr != want {
			t.Errorf("%s: header %+v, want %+v", words, m.MsgHdr, want)
		}
		if (m.IsEdns0() == nil) != (q.IsEdns0() == nil) {
			t.Errorf("%s: OPT %v, want one if the query had one", words, m.IsEdns0())
		}
		if o := m.IsEdns0(); o != nil && (o.UDPSize() != 1232 || o.Do() != q.IsEdns0().Do() || o.Version() != 0) {
			t.Errorf("%s: OPT %v", words, o)
		}
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		addresses int
		edns      uint16 // 0: none
		tcp       bool
		config    string
		limit     int
		truncated bool
	}{
		{20, 0, false, "", 512, false},
		{40, 0, false, "", 512, true},
		{40, 512, false, "", 512, true},
		{40, 100, false, "", 512, true}, // less than 512 counts as 512 (RFC 6891, section 6.2.3)
		{40, 1232, false, "", 1232, false},
		{100, 1232, false, "", 1232, true},
		{100, 4096, false, "", 1232, true}, // our own limit
		{100, 4096, false, "[server]\nudp_size = 4096", 4096, false},
		{100, 0, true, "", 65535, false},
		{4000, 0, true, "", 65535, false},
	} {
		t.Run(fmt.Sprintf("%d addresses, EDNS %d, TCP %v", c.addresses, c.edns, c.tcp), func(t *testing.T) {
			b := newBench(t, c.config+"\n"+silent, manyAddresses(c.addresses))
			q := question("www.example +noedns")
			if c.edns > 0 {
				q.SetEdns0(c.edns, false)
			}
			packet, err := q.Pack()
			if err != nil {
				t.Fatal(err)
			}
			response := b.Serve(packet, client, c.tcp)
			m := unpack(t, response, q)
			want := c.addresses
			if c.truncated {
				want = 0 // whole RRsets go
			}
			if len(response) > c.limit || m.Truncated != c.truncated || len(m.Answer) != want {
				t.Errorf("%d octets, TC %v, %d records; want %d octets at most, TC %v, %d records",
					len(response), m.Truncated, len(m.Answer), c.limit, c.truncated, want)
			}
		})
	}
}

// TestTooLargeForTCP holds that an answer that TCP cannot carry is a failure that
// says so, from the cache too: a truncated one would be asked for again and again.
func TestTooLargeForTCP(t *testing.T) {
	b := newBench(t, silent, manyAddresses(5000))
	q := question("www.example")
	for range 3 {
		m := send(t, b, q, client, true)
		if m.Rcode != dns.RcodeServerFailure || m.Truncated || !slices.Equal(edes(m), []string{"0 the answer is too large for DNS"}) {
			t.Errorf("response %v, extended errors %q", m, edes(m))
		}
	}
	p, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if response, ok := b.Fast(nil, p, client, true); ok {
		t.Errorf("%d octets are kept finished", len(response))
	}
}

// TestAnnotationGivesWay holds that the text of an extended error is shortened,
// then dropped, before a record is.
func TestAnnotationGivesWay(t *testing.T) {
	const config = "[rule.long]\nnames = [\"longer.example\"]\ntags = [\"a-tag\", \"another-tag\"]\n"
	const text = "0 rule=long pin=observe verdict=no-range tags=a-tag,another-tag"
	const most = (512 - 12 - 20 - 11) / 16 // addresses between header, question and OPT
	lengths := map[int]bool{}
	for n := most - 6; n <= most; n++ {
		b := newBench(t, config, manyAddresses(n))
		m := send(t, b, question("longer.example +noedns").SetEdns0(512, false), client, false)
		if m.Truncated || len(m.Answer) != n {
			t.Errorf("%d addresses: TC %v with %d records", n, m.Truncated, len(m.Answer))
		}
		length := 0
		for _, e := range edes(m) {
			length = len(e)
			if !strings.HasPrefix(text, e) {
				t.Errorf("%d addresses: EDE %q", n, e)
			}
		}
		lengths[length] = true
	}
	if !lengths[0] || !lengths[len(text)] || len(lengths) < 3 {
		t.Errorf("extended errors of %v octets, want a whole one, a shortened one, and none", lengths)
	}
}

func TestWhatIsNoQuery(t *testing.T) {
	b := newBench(t, silent, notAsked(t))
	good, err := question("www.example").Pack()
	if err != nil {
		t.Fatal(err)
	}
	edit := func(at int, v byte) []byte {
		p := slices.Clone(good)
		p[at] = v
		return p
	}
	for name, c := range map[string]struct {
		packet []byte
		rcode  int // -1: silence
	}{
		"nothing":          {nil, -1},
		"half a header":    {good[:11], -1},
		"a response":       {edit(2, good[2]|0x80), -1},
		"opcode NOTIFY":    {edit(2, 4<<3), dns.RcodeNotImplemented},
		"no question":      {append(edit(5, 0)[:12:12], good[12:]...), dns.RcodeFormatError},
		"two questions":    {edit(5, 2), dns.RcodeFormatError},
		"an octet more":    {append(slices.Clone(good), 0), dns.RcodeFormatError},
		"an octet less":    {good[:len(good)-1], dns.RcodeFormatError},
		"EDNS version 255": {edit(len(good)-5, 255), dns.RcodeBadVers},
	} {
		response := b.Serve(c.packet, client, false)
		if (len(response) == 0) != (c.rcode == -1) {
			t.Errorf("%s: %d octets in response", name, len(response))
			continue
		}
		if c.rcode == -1 {
			continue
		}
		m := new(dns.Msg)
		if err := m.Unpack(response); err != nil || m.Rcode != c.rcode || m.Id != 4711 || !m.Response {
			t.Errorf("%s: %v, %v, want %s", name, m, err, dns.RcodeToString[c.rcode])
		}
	}
}

// FuzzServe gives a server any packet. It must not panic, and what it says must
// be a response to that packet, no larger than the client takes.
func FuzzServe(f *testing.F) {
	for _, words := range []string{
		"dual.example", "x.dual.example AAAA +do +cd", "dual.example HTTPS +noedns", "dual.example CH TXT", "version.bind CH TXT",
		"1.2.0.192.in-addr.arpa CH PTR", "dual.example ANY +nord", "dual.example AXFR", "gone.test TXT",
	} {
		packet, err := question(words).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet, false)
		f.Add(packet[:len(packet)-1], true)
	}
	c := parseConfig(f, held("enforce", "[rule.gone]\nnames = [\"*.test\"]\nanswer = \"nxdomain\"\n"))
	b, err := server.NewBench(c, everywhere(manyAddresses(200)))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, packet []byte, tcp bool) {
		sent := slices.Clone(packet)
		response := b.Serve(packet, client, tcp)
		if !slices.Equal(sent, packet) {
			t.Error("the packet was written to")
		}
		limit, speaks := allowed(packet, tcp)
		if speaks != (len(response) > 0) {
			t.Errorf("%d octets in response, want any: %v", len(response), speaks)
		}
		if len(response) > 0 {
			isResponse(t, response, packet, limit)
		}
	})
}

// allowed says how large the response to packet may be, and whether there is one.
func allowed(packet []byte, tcp bool) (limit int, speaks bool) {
	q, refusal := wire.ParseQuery(packet)
	switch {
	case refusal != nil:
		return max(512, len(packet)), !refusal.Drop
	case tcp:
		return 65535, true
	}
	return min(q.UDPSize, 1232), true
}

// isResponse holds that response is one to packet, of limit octets at most.
func isResponse(t *testing.T, response, packet []byte, limit int) {
	if len(response) > limit {
		t.Errorf("%d octets, the client takes %d", len(response), limit)
	}
	m := new(dns.Msg)
	if err := m.Unpack(response); err != nil || !m.Response || m.Id != binary.BigEndian.Uint16(packet) {
		t.Errorf("%v, response %v to\n%x", err, m, packet)
	}
}
