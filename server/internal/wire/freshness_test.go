package wire_test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// RFC 8484, section 5.1: the freshness lifetime is at most the smallest TTL of the answer section; of a response
// without an answer, what RFC 2308, section 5, makes of the SOA record: the smaller of its TTL and its MINIMUM.
func TestFreshness(t *testing.T) {
	tests := map[string]struct {
		r    response
		want uint32
	}{
		"one record":     {response{answer: []string{"www.example. 300 A 192.0.2.1"}}, 300},
		"the smallest":   {response{answer: []string{"www.example. 300 CNAME b.example.", "b.example. 20 A 192.0.2.1", "b.example. 30 A 192.0.2.2"}}, 20},
		"TTL 0":          {response{answer: []string{"www.example. 0 A 192.0.2.1"}}, 0},
		"NODATA":         {response{authority: []string{"example. 900 SOA a. b. 1 2 3 4 60"}}, 60},
		"NODATA, TTL":    {response{authority: []string{"example. 30 SOA a. b. 1 2 3 4 60"}}, 30},
		"NXDOMAIN":       {response{rcode: dns.RcodeNameError, authority: []string{"example. 900 SOA a. b. 1 2 3 4 50"}}, 50},
		"without an SOA": {response{rcode: dns.RcodeNameError}, 0},
		"SERVFAIL":       {response{rcode: dns.RcodeServerFailure, answer: []string{"www.example. 300 A 192.0.2.1"}}, 0},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			q := question(t, "www.example A")
			if got := wire.Freshness(c.r.pack(t, q)); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

func TestFreshnessOfWhatIsNotWhole(t *testing.T) {
	q := question(t, "www.example A")
	packet := response{answer: []string{"www.example. 300 A 192.0.2.1"}}.pack(t, q)
	for size := range packet {
		if got := wire.Freshness(packet[:size]); got != 0 {
			t.Errorf("the first %d octets: %d", size, got)
		}
	}
	packet[2] |= 2 // TC
	if got := wire.Freshness(packet); got != 0 {
		t.Errorf("truncated: %d", got)
	}
}

// FuzzFreshness holds that the freshness of whatever comes is no longer than any TTL.
func FuzzFreshness(f *testing.F) {
	for _, r := range []response{
		{answer: []string{"www.example. 300 A 192.0.2.1"}}, {rcode: dns.RcodeNameError, authority: []string{"example. 900 SOA a. b. 1 2 3 4 50"}},
	} {
		f.Add(r.pack(f, question(f, "www.example A")))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		got := wire.Freshness(packet)
		var m dns.Msg
		if got > 1<<31-1 {
			t.Errorf("%d", got)
		}
		if got == 0 || m.Unpack(packet) != nil {
			return
		}
		for _, rr := range m.Answer {
			if rr.Header().Ttl < got {
				t.Error(fmt.Sprint(got, " is longer than ", rr))
			}
		}
	})
}
