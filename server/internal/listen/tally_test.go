package listen_test

import (
	"testing"

	"splitdns/server/internal/listen"
	"splitdns/server/internal/metrics"
)

// TestTallies holds that the service is given a tally with each query, that of the transport,
// and no two UDP sockets the same.
func TestTallies(t *testing.T) {
	var book metrics.Book
	opened := map[string]int{}
	lim := limits()
	lim.Tally = func(transport string) *metrics.Tally {
		opened[transport]++
		return book.Open(transport)
	}
	s := serveBoth(t, "127.0.0.1:0", lim, handler{now: func(dst, packet []byte, from listen.Peer) ([]byte, bool) {
		from.Tally.Count(book.Slot(metrics.Kind{Source: "test"}))
		return append(dst, packet...), true
	}})
	for network, n := range map[string]int{"udp": 3, "tcp": 2} {
		c := dial(t, network, s.Addr().String())
		for range n {
			c.exchange("hello", "hello")
		}
	}
	got := map[string]uint64{}
	book.Each(func(transport string, _ metrics.Kind, n uint64) { got[transport] += n })
	if got["udp"] != 3 || got["tcp"] != 2 || len(got) != 2 {
		t.Errorf("%v, want 3 over UDP and 2 over TCP", got)
	}
	if opened["tcp"] != 1 || opened["udp"] < 1 {
		t.Errorf("tallies %v, want one for TCP and one for each UDP socket", opened)
	}
}
