package listen_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"splitdns/server/internal/listen"
)

// A flood from one address sheds its own queries: all those of another client are answered, though nothing that
// the flood asks for ever is.
func TestFloodShedsItsOwnQueries(t *testing.T) {
	for _, limit := range []int{8, 16, 32} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			l := listen.NewLimiter(limit)
			from := netip.MustParseAddr
			for listen.ShareOf(l, from("192.0.2.66")) == listen.ShareOf(l, from("192.0.2.1")) ||
				listen.ShareOf(l, from("192.0.2.66")) == listen.ShareOf(l, from("2001:db8::1")) {
				l = listen.NewLimiter(limit) // by chance, they were counted together
			}
			flood := func(n int) {
				for range n {
					listen.NewTicketFrom(l, from("192.0.2.66")).Admit()
				}
			}
			flood(10 * limit)
			for i := range limit / 2 { // the service has forgotten nothing of the flood meanwhile
				a, b := listen.NewTicketFrom(l, from("192.0.2.1")), listen.NewTicketFrom(l, from("2001:db8::1"))
				for _, victim := range []*listen.Ticket{a, b} {
					if _, admitted := victim.Admit(); !admitted {
						t.Fatalf("query %d of a victim is dropped, %d shed", i, listen.ShedNow(l))
					}
					flood(3 * limit)
				}
				for _, victim := range []*listen.Ticket{a, b} {
					if !victim.Claim() {
						t.Fatalf("query %d of a victim was shed", i)
					}
					listen.Release(l)
				}
			}
		})
	}
}

// TestShares holds who is shed to a model that counts anew each time.
func TestShares(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, limit := range []int{1, 8, 20, 64} {
		l, fair := listen.NewLimiter(limit), max(1, limit/8)
		waiting := make(map[*listen.Ticket]any) // with their shares
		counts := make(map[any]int)
		for range 5000 {
			addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(1 + r.IntN(12)))})
			ticket, client := listen.NewTicketFrom(l, addr), listen.ShareOf(l, addr)
			full := len(waiting) == limit
			if _, admitted := ticket.Admit(); !admitted {
				t.Fatalf("%d waiting of %d: not admitted", len(waiting), limit)
			}
			if full {
				shed := gone(t, waiting)
				from, most := waiting[shed], 0
				for _, n := range counts {
					most = max(most, n)
				}
				own := counts[client] >= fair
				if own && from != client || !own && most > fair && counts[from] <= fair {
					t.Fatalf("shed for %v: one of a share of %d, its own has %d; fair %d, most %d", addr, counts[from], counts[client], fair, most)
				}
				shed.Claim() // the service has forgotten it
				delete(waiting, shed)
				counts[from]--
			}
			waiting[ticket] = client
			counts[client]++
			for other, from := range waiting {
				if r.IntN(6) > 0 {
					break
				}
				other.Claim()
				listen.Release(l)
				delete(waiting, other)
				counts[from]--
			}
		}
	}
}

// gone is the one of waiting that was shed.
func gone(t *testing.T, waiting map[*listen.Ticket]any) (shed *listen.Ticket) {
	t.Helper()
	for ticket := range waiting {
		if ticket.Shed() {
			if shed != nil {
				t.Fatal("two were shed")
			}
			shed = ticket
		}
	}
	if shed == nil {
		t.Fatal("none was shed")
	}
	return shed
}
