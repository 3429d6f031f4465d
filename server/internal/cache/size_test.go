package cache_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
)

// host is the key and the response for the host of that number, which has an address.
func host(t testing.TB, i int) (cache.Key, cache.Stored) {
	k := key(t, fmt.Sprintf("host-%d.region.example.com", i))
	m := wire.NewMessage(wire.Question{Name: k.Name, Type: k.Type, Class: k.Class}, wire.NoError)
	m = m.WithAnswerAddresses([]netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}, 300)
	return k, cache.Stored{Message: m, From: "192.0.2.53:53", StoredAt: time.Now(), Lifetime: 5 * time.Minute}
}

// fill returns a cache of that many hosts.
func fill(t testing.TB, n int, octets int64) *cache.Cache {
	c := cache.New(n+n/8, octets) // the shards are not filled evenly
	for i := range n {
		k, s := host(t, i)
		c.Put(k, "default", s)
	}
	return c
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// TestEntriesAreCompact: what a host with one address takes in all.
func TestEntriesAreCompact(t *testing.T) {
	const n, want = 100_000, 250
	before := heap()
	c := fill(t, n, plenty)
	took := (heap() - before) / int64(c.Len())
	runtime.KeepAlive(c)
	if took > want {
		t.Errorf("%d octets an entry, want %d at most", took, want)
	}
}

// TestBoundIsHonest: a cache takes about as much memory as it was given, and not
// more, of whatever size its responses are.
func TestBoundIsHonest(t *testing.T) {
	const bound = 2 << 20
	for _, records := range []int{1, 3, 10, 40, 200} {
		before := heap()
		c := cache.New(1_000_000, bound)
		for i := range 2 * bound / (150 + 8*records) {
			k, s := host(t, i)
			s.Message = s.Message.WithAnswerAddresses(addresses(records), 60)
			c.Put(k, "default", s)
		}
		took := heap() - before
		runtime.KeepAlive(c)
		if took > bound || took < bound*3/4 {
			t.Errorf("%d records: %d octets, want %d at most, and little less", records, took, bound)
		}
	}
}

// addresses are n addresses.
func addresses(n int) (list []netip.Addr) {
	for i := range n {
		list = append(list, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	return list
}

// names are those of the first n hosts.
func names(t testing.TB, n int) []cache.Key {
	keys := make([]cache.Key, n)
	for i := range keys {
		keys[i], _ = host(t, i)
	}
	return keys
}

// BenchmarkGet is a hit: by one, by all at once, and among a million names.
func BenchmarkGet(b *testing.B) {
	for _, size := range []int{1_000, 1_000_000} {
		c, keys, now := fill(b, size, plenty), names(b, 1_000), time.Now()
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Get(keys[i%len(keys)], "default", now)
			}
		})
		b.Run(fmt.Sprint(size, "/parallel"), func(b *testing.B) {
			b.RunParallel(func(p *testing.PB) {
				for i := 0; p.Next(); i++ {
					c.Get(keys[i%len(keys)], "default", now)
				}
			})
		})
	}
}

// BenchmarkPut keeps a new name among a million, and tells what each takes.
func BenchmarkPut(b *testing.B) {
	const size = 1_000_000
	before := heap()
	c := fill(b, size, plenty)
	took := heap() - before
	k, s := host(b, 0)
	room := make([]byte, 0, 255)
	i := 0
	for b.Loop() {
		i++
		room = append(room[:0], k.Name.Wire()...)
		room[1], room[2], room[3] = byte(i), byte(i>>8), byte(i>>16)
		k.Name, _, _ = matcher.NameFromWire(room)
		c.Put(k, "default", s)
	}
	b.ReportMetric(float64(took)/size, "B/name")
}
