//go:build linux

package main

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// mustQuery is a query with an ID.
func mustQuery(t testing.TB, name string, qtype uint16) []byte {
	t.Helper()
	q, err := newQuery(name, qtype)
	if err != nil {
		t.Fatal(err)
	}
	q[0], q[1] = 0xab, 0xcd
	return q
}

// responded is what the stub responds to query.
func responded(query []byte) []byte {
	var packet [packetSize]byte
	return packet[:respond(&packet, copy(packet[:], query))]
}

func TestQueries(t *testing.T) {
	var m dns.Msg
	if err := m.Unpack(mustQuery(t, "host-1.example", typeAAAA)); err != nil {
		t.Fatal(err)
	}
	q := m.Question[0]
	if m.Id != 0xabcd || !m.RecursionDesired || q.Name != "host-1.example." || q.Qtype != dns.TypeAAAA || q.Qclass != dns.ClassINET {
		t.Errorf("query: %v", &m)
	}
	if opt := m.IsEdns0(); opt == nil || opt.UDPSize() != udpSize || opt.Do() {
		t.Errorf("OPT: %v", opt)
	}
	if _, err := newQuery("two..dots", typeA); err == nil {
		t.Error("a query for a name that is none")
	}
}

func TestTheStubAnswers(t *testing.T) {
	for qtype, want := range map[uint16]string{typeA: "11.0.0.1", typeAAAA: "2001:db8::1"} {
		var m dns.Msg
		if err := m.Unpack(responded(mustQuery(t, "host.example", qtype))); err != nil {
			t.Fatal(err)
		}
		if m.Id != 0xabcd || !m.Response || !m.RecursionAvailable || len(m.Answer) != 1 || m.IsEdns0() == nil {
			t.Fatalf("response: %v", &m)
		}
		if h := m.Answer[0].Header(); h.Name != "host.example." || h.Ttl != stubTTL || !strings.HasSuffix(m.Answer[0].String(), "\t"+want) {
			t.Errorf("answer %v, want %s", m.Answer[0], want)
		}
	}
}

func TestTheStubSaysThatThereIsNoOtherType(t *testing.T) {
	query := mustQuery(t, "host.example", dns.TypeMX)
	query = query[:len(query)-len(optRecord)]
	query[11] = 0 // without EDNS
	var m dns.Msg
	if err := m.Unpack(responded(query)); err != nil {
		t.Fatal(err)
	}
	soa, ok := m.Ns[0].(*dns.SOA)
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 || len(m.Extra) != 0 || !ok || soa.Minttl != 60 {
		t.Errorf("response: %v", &m)
	}
}

func FuzzTheStubTakesAnything(f *testing.F) {
	f.Add([]byte{})
	f.Add(mustQuery(f, "host.example", typeA))
	f.Add(append(mustQuery(f, strings.Repeat(strings.Repeat("a", 60)+".", 4)+"example", typeA), make([]byte, 100)...))
	f.Fuzz(func(t *testing.T, query []byte) {
		if got := responded(query); len(got) < headerSize || got[2]&bitQR == 0 {
			t.Errorf("response % x", got)
		}
		stream := binary.BigEndian.AppendUint16(nil, uint16(len(query)))
		stream = append(stream, query...)
		whole := wholeFrames(stream)
		if whole > len(stream) {
			t.Fatalf("%d of %d octets are whole messages", whole, len(stream))
		}
		if got := respondAll(stream[:whole], 0); wholeFrames(got) != len(got) {
			t.Errorf("framed responses % x", got)
		}
	})
}

func TestExpectations(t *testing.T) {
	query := mustQuery(t, "host.example", typeA)
	answer := responded(query)
	changed := func(at int, to byte) []byte {
		c := append([]byte(nil), answer...)
		c[at] = to
		return c
	}
	hit := expectation{Answer: true}
	for name, tt := range map[string]struct {
		want     expectation
		response []byte
		met      bool
	}{
		"the answer":            {hit, answer, true},
		"another rcode":         {hit, changed(3, bitRA|nxdomain), false},
		"the rcode asked for":   {expectation{Rcode: nxdomain, Answer: true}, changed(3, bitRA|nxdomain), true},
		"a query":               {hit, changed(2, bitRD), false},
		"another question":      {hit, changed(14, 'x'), false},
		"no answer wanted":      {expectation{}, answer, false},
		"no answer":             {hit, changed(7, 0), false},
		"shorter than its head": {hit, answer[:5], false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.want.met(query, tt.response); got != tt.met {
				t.Errorf("met is %v, want %v", got, tt.met)
			}
		})
	}
}

func TestFrames(t *testing.T) {
	stream := []byte{0, 3, 1, 2, 3, 0, 0, 0, 2, 1}
	if got := wholeFrames(stream); got != 7 {
		t.Errorf("whole messages end at %d, want 7", got)
	}
	flipped := flip([]byte{0, 4, 1, 2, 3, 4, 0, 1, 9})
	if flipped[4] != 3|bitQR || flipped[8] != 9 {
		t.Errorf("flipped: % x", flipped)
	}
}

func TestStreamsAreServed(t *testing.T) {
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- serveStream(server, flip) }()
	if err := client.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{{0}, {4, 1, 2, 3}, {4, 0}} { // a message in pieces, and the start of another
		if _, err := client.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]byte, 100)
	n, err := client.Read(got)
	if err != nil || n != 6 || got[4] != 3|bitQR {
		t.Errorf("read % x, %v", got[:n], err)
	}
	client.Close()
	if err := <-done; err == nil {
		t.Error("it goes on without its client")
	}
}
