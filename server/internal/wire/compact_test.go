package wire_test

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// TestCompact: whatever message there is, received or made, comes back as it was.
func TestCompact(t *testing.T) {
	www := question(t, "www.example A")
	messages := map[string]wire.Message{
		"empty":    wire.NewMessage(www, wire.NoError),
		"a rcode":  wire.NewMessage(www, wire.BadVers),
		"our own":  wire.NewMessage(www, wire.NoError).WithAnswerAddresses([]netip.Addr{netip.MustParseAddr("192.0.2.1")}, 60),
		"EDEs":     response{rcode: dns.RcodeServerFailure, ede: []dns.EDNS0_EDE{{InfoCode: 9, ExtraText: "x"}, {InfoCode: 65535}}}.parse(t, "www.example A"),
		"proofs":   response{ad: true, answer: []string{"www.example. A 192.0.2.1", sig("www.example.", "A", "example.")}}.parse(t, "www.example A"),
		"class CH": wire.NewMessage(www, wire.NoError).WithTXT(0, wire.ClassCH, [][]string{{"a"}, {"a"}, {"b"}}),
		"additional": response{answer: []string{"example. MX 1 a.example.", "example. MX 2 b.example."}, additional: []string{
			"a.example. A 192.0.2.1", "b.example. A 192.0.2.1", "a.example. AAAA 2001:db8::1",
		}}.parse(t, "example MX"),
	}
	for asked, r := range responses {
		messages[asked] = r.parse(t, asked)
	}
	for what, m := range messages {
		t.Run(what, func(t *testing.T) { checkCompact(t, m) })
	}
}

// TestCompactIsSmall: a name that is asked for, and a name and RDATA that were there
// before, take no octets.
func TestCompactIsSmall(t *testing.T) {
	for asked, want := range map[string]int{"www.example.com A": 15, "nodata.example.com HTTPS": 84} {
		if got := len(responses[asked].parse(t, asked).AppendCompact(nil)); got != want {
			t.Errorf("%s: %d octets, want %d", asked, got, want)
		}
	}
}

// BenchmarkCompact writes and reads compact messages.
func BenchmarkCompact(b *testing.B) {
	for asked, r := range responses {
		m := r.parse(b, asked)
		octets := string(m.AppendCompact(nil))
		b.Run("append/"+asked, func(b *testing.B) {
			dst := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				m.AppendCompact(dst)
			}
		})
		b.Run("parse/"+asked, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				wire.ParseCompact(octets, m.Question())
			}
		})
	}
}
