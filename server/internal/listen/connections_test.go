package listen_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"splitdns/server/internal/listen"
)

func TestClientOf(t *testing.T) {
	tests := map[string]string{
		"192.0.2.1":           "192.0.2.1/32",
		"2001:db8:1:2:3::4":   "2001:db8:1:2::/64",
		"fe80::1%eth0":        "fe80::/64",
		"2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
	}
	for addr, want := range tests {
		if got := listen.ClientOf(netip.MustParseAddr(addr)); got.String() != want {
			t.Errorf("ClientOf(%s) = %s, want %s", addr, got, want)
		}
	}
}

func TestFloodClosesItsOwnConnections(t *testing.T) {
	lim := limits()
	lim.Connections = 5
	s := serveBoth(t, "127.0.0.1:0", lim, handler{now: echoNow, wait: untilEnd(t)})
	honest := dialFrom(t, "127.0.0.2", s.Addr().String())
	honest.exchange("hello", "hello") // and is idle longest from now on
	listen.Grow(s.Listener)
	for range 20 {
		dialFrom(t, "127.0.0.3", s.Addr().String()).ask(query("slow"))
	}
	eventually(t, "the flood accepted", func() bool { return s.Stats().Evicted == 16 })
	for i := range 5 { // newcomers are let in at the flood's cost until they are as many
		dialFrom(t, fmt.Sprintf("127.0.0.%d", 10+i%3), s.Addr().String()).exchange("new", "new")
	}
	honest.exchange("still there", "still there")
	s.stop()
	s.Close()
	<-s.ended
}

func TestYoungConnectionIsSpared(t *testing.T) {
	lim := limits()
	lim.Connections = 3
	s := serve(t, "127.0.0.1:0", lim, echo)
	old, older := dial(t, "tcp", s.Addr().String()), dial(t, "tcp", s.Addr().String())
	eventually(t, "both in the set", func() bool { return s.Stats().Connections == 2 })
	listen.Age(s.Listener, 2*time.Hour)
	young := dial(t, "tcp", s.Addr().String())
	eventually(t, "the young one in the set", func() bool { return s.Stats().Connections == 3 })
	listen.Age(s.Listener, -time.Hour)       // so that it stays young however slow this machine is
	for _, c := range []client{older, old} { // one after the other, and both after anything of the young one
		c.exchange("hello", "hello")
		eventually(t, "none busy", func() bool { return listen.Busy(s.Listener) == 0 })
	}

	dial(t, "tcp", s.Addr().String()).exchange("a new one", "a new one")
	older.wantClosed()
	young.exchange("hello", "hello")
	old.exchange("hello", "hello")
}

// TestVictims holds the set to what it says of itself, by a model that counts anew each time.
func TestVictims(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, limit := range []int{1, 2, 10, listen.Candidates, 5 * listen.Candidates} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			set, model := listen.NewConns(), make(map[int]netip.Addr) // the clients of open connections
			for range 5000 {
				if r.IntN(3) == 0 && len(model) > 0 {
					n := slices.Collect(maps.Keys(model))[r.IntN(len(model))]
					set.Remove(n)
					set.Remove(n) // again, as after an eviction
					delete(model, n)
				}
				client := netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(1 + r.IntN(limit)))})
				n, evicted := set.Add(client, limit)
				model[n] = client
				if len(model) > limit {
					checkVictim(t, model, n, evicted)
					delete(model, evicted)
				}
				if counted, listed := set.Open(); counted != len(model) || listed != len(model) {
					t.Fatalf("%d counted, %d listed, want %d", counted, listed, len(model))
				}
			}
		})
	}
}

// checkVictim holds evicted, which made room for added, to model. Numbers are in the order of activity.
func checkVictim(t *testing.T, model map[int]netip.Addr, added, evicted int) {
	t.Helper()
	if _, open := model[evicted]; !open || evicted == added {
		t.Fatalf("evicted %d, want one that was open before", evicted)
	}
	sizes := make(map[netip.Addr]int)
	for _, client := range model {
		sizes[client]++
	}
	largest := slices.Max(slices.Collect(maps.Values(sizes)))
	if got := sizes[model[evicted]]; got != largest {
		t.Fatalf("evicted one of a client that has %d, want one that has %d", got, largest)
	}
	older, asMany := 0, 0
	for n, client := range model {
		if sizes[client] == largest {
			asMany++
			if n < evicted {
				older++
			}
		}
	}
	if asMany <= listen.Candidates && older > 0 {
		t.Fatalf("evicted %d of %d clients, and %d were idle longer", evicted, asMany, older)
	}
}
