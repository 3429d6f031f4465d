package server_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"splitdns/server"
	"splitdns/server/internal/nftset"
	"splitdns/server/internal/wire"
)

// standing is a firewall in which everything is already.
type standing struct{ *walls }

func (standing) Holds([]nftset.Element) (until time.Time, ok bool) {
	return time.Now().Add(time.Hour), true
}

// BenchmarkSets is what an answer costs that no set has to wait for: without sets, with sets for other
// names, and with its address in its set; made from the cache, and for a name that is new each time.
func BenchmarkSets(b *testing.B) {
	const rule = "[rule.%s]\nnames = [\"*.%s.example\"]\nlog = false\n"
	addrs := []netip.Addr{netip.MustParseAddr("198.51.100.9")}
	const sets = "sets = [\"inet filter mdm4\", \"inet filter mdm6\"]\n"
	some, more := fmt.Sprintf(rule, "some", "some"), fmt.Sprintf(rule, "more", "more")
	for name, config := range map[string]string{"none": some + more, "other": some + more + sets, "held": some + sets + more} {
		s := newBench(b, config, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			return wire.NewMessage(q.Question, wire.NoError).WithAnswerAddresses(addrs, 300), "192.0.2.53", nil
		})
		w := newWalls(s)
		s.UseFirewall(func(nftset.Options) server.Firewall { return standing{w} })
		b.Run("cached/"+name, func(b *testing.B) { benchmarkMade(b, s) })
		b.Run("new/"+name, func(b *testing.B) { benchmarkNew(b, s) })
	}
}

// benchmarkMade asks for one name, in a way for which no answer is kept finished.
func benchmarkMade(b *testing.B, s *server.Bench) {
	p := packet(b, "www.some.example +nord")
	s.Serve(packet(b, "www.some.example"), client, false)
	dst := make([]byte, 0, 1500)
	b.ReportAllocs()
	for b.Loop() {
		if response, now := s.Now(dst, p, client); !now || len(response) < 40 {
			b.Fatal("no answer")
		}
	}
}

// benchmarkNew asks for another name each time.
func benchmarkNew(b *testing.B, s *server.Bench) {
	p := packet(b, "00000000.some.example")
	var answer []byte
	take := func(response []byte) { answer = response }
	from := server.Peer{Addr: netip.AddrPortFrom(client, 4242)}
	next := uint64(time.Now().UnixNano()) // never again
	b.ReportAllocs()
	for b.Loop() {
		from.At, next = time.Now(), next+1
		for i, n := 20, next; i > 12; i, n = i-1, n>>4 {
			p[i] = 'a' + byte(n&15)
		}
		s.Begin(p, from, take)
		if len(answer) < 40 {
			b.Fatal("no answer")
		}
	}
}
