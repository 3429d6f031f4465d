package cache_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
)

// place is where a twin of the cache, a plain map, keeps what was put last.
type place struct {
	key   cache.Key
	group string
}

// randomPlace is one of that many names, of either type and of one of two groups.
func randomPlace(t *testing.T, names int) place {
	k := key(t, fmt.Sprintf("h%d.example", rand.IntN(names)))
	k.Type = []wire.Type{wire.TypeA, wire.TypeAAAA}[rand.IntN(2)]
	return place{k, []string{"default", "corp"}[rand.IntN(2)]}
}

// numbered is a response that no other put has, from now on for up to a minute.
func numbered(p place, n int, now time.Time) cache.Stored {
	m := wire.NewMessage(wire.Question{Name: p.key.Name, Type: p.key.Type, Class: p.key.Class}, wire.NoError)
	a := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	return cache.Stored{
		Message:  m.WithAnswerAddresses([]netip.Addr{a}, 300),
		From:     fmt.Sprint("192.0.2.", n%5),
		StoredAt: now,
		Lifetime: time.Duration(rand.IntN(60)) * time.Second, // 0: not kept
	}
}

// TestCacheIsAMap puts and gets at random while time passes, and compares with a map of all that was put
// last: never is there another response, none is there after its time, and where there is room for all,
// all are there.
func TestCacheIsAMap(t *testing.T) {
	for name, c := range map[string]struct {
		entries int
		octets  int64
		names   int
		roomy   bool
	}{
		"room for all":    {10_000, plenty, 50, true},
		"few entries":     {100, plenty, 500, false},
		"many shards":     {2000, plenty, 2000, false},
		"few octets":      {10_000, 20_000, 500, false},
		"one entry alone": {1, plenty, 5, false},
	} {
		t.Run(name, func(t *testing.T) {
			cached, twin, now, hits := cache.New(c.entries, c.octets), map[place]cache.Stored{}, time.Now(), 0
			for n := range 20_000 {
				now = now.Add(time.Duration(rand.IntN(100)) * time.Millisecond)
				if p := randomPlace(t, c.names); rand.IntN(2) == 0 {
					s := numbered(p, n, now)
					cached.Put(p.key, p.group, s)
					if twin[p] = s; s.Lifetime == 0 {
						delete(twin, p)
					}
				}
				p := randomPlace(t, c.names)
				get := cached.Get
				if rand.IntN(4) == 0 {
					get = func(k cache.Key, group string, now time.Time) (cache.Stored, bool) {
						return cached.Peek(k, group, now, 0)
					}
				}
				got, ok := get(p.key, p.group, now)
				want, put := twin[p]
				holds := put && want.Left(now) > 0
				switch {
				case ok && (!holds || !same(got, want)):
					t.Fatalf("%v of %s: got %+v, want %+v, which holds: %v", p.key, p.group, got, want, holds)
				case holds && !ok && c.roomy:
					t.Fatalf("%v of %s is not there, want %+v", p.key, p.group, want)
				case ok:
					hits++
				}
				if cached.Len() > c.entries {
					t.Fatalf("%d entries, want %d at most", cached.Len(), c.entries)
				}
			}
			if hits == 0 {
				t.Error("nothing was ever found")
			}
		})
	}
}

// same says whether two responses are one.
func same(a, b cache.Stored) bool {
	return a.From == b.From && a.StoredAt.Equal(b.StoredAt) && a.Lifetime == b.Lifetime &&
		fmt.Sprint(a.Message.Addresses()) == fmt.Sprint(b.Message.Addresses()) && a.Message.Question() == b.Message.Question()
}
