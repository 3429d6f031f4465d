package cache_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
)

// plenty is more memory than any test fills.
const plenty = 1 << 30

// key is the key of an A question for a name.
func key(t testing.TB, name string) cache.Key {
	t.Helper()
	n, err := matcher.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	return cache.Key{Name: n, Type: wire.TypeA, Class: wire.ClassIN}
}

// minute is a response that came now and holds for a minute.
func minute(from string) cache.Stored {
	return cache.Stored{From: from, StoredAt: time.Now(), Lifetime: time.Minute}
}

func TestLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(10, plenty)
		k := key(t, "www.example")
		c.Put(k, "default", minute("192.0.2.1"))
		time.Sleep(59 * time.Second)
		now := time.Now()
		s, ok := c.Get(k, "default", now)
		if !ok || s.From != "192.0.2.1" {
			t.Fatalf("second 59: Get = %+v, %v, want a hit", s, ok)
		}
		if s.Age(now) != 59*time.Second || s.Left(now) != time.Second {
			t.Errorf("second 59: age %v, left %v; want 59s, 1s", s.Age(now), s.Left(now))
		}
		time.Sleep(time.Second)
		now = time.Now()
		if _, ok := c.Peek(k, "default", now, 0); ok || c.Len() != 1 {
			t.Errorf("second 60: Peek %v, %v entries; want a miss that drops nothing", ok, c.Len())
		}
		if _, ok := c.Get(k, "default", now); ok || c.Len() != 1 {
			t.Errorf("second 60: Get %v, %v entries; want a miss that drops nothing", ok, c.Len())
		}
		if _, ok := c.Rest(k, "default", now, 0); ok || c.Len() != 0 {
			t.Errorf("second 60: %v entries, want the expired one gone", c.Len())
		}
	})
}

func TestClockSetBack(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	s := cache.Stored{StoredAt: now, Lifetime: time.Minute}
	if age, left := s.Age(now.Add(-time.Hour)), s.Left(now.Add(-time.Hour)); age != 0 || left != time.Minute {
		t.Errorf("an hour before: age %v, left %v; want 0s, 1m0s", age, left)
	}
	if left := s.Left(now.Add(time.Hour)); left != 0 {
		t.Errorf("an hour after: left %v, want 0s", left)
	}
}

func TestWithoutLifetimeNotKept(t *testing.T) {
	c := cache.New(10, plenty)
	k := key(t, "www.example")
	now := time.Now()
	for _, d := range []time.Duration{0, -time.Second} {
		c.Put(k, "default", cache.Stored{StoredAt: now, Lifetime: d})
		if _, ok := c.Get(k, "default", now); ok || c.Len() != 0 {
			t.Errorf("lifetime %v: Get %v, %v entries; want nothing kept", d, ok, c.Len())
		}
	}
}

func TestKeysAreApart(t *testing.T) {
	base := key(t, "www.example")
	keys := map[string]cache.Key{"A": base}
	for change, edit := range map[string]func(*cache.Key){
		"name":  func(k *cache.Key) { k.Name = key(t, "www2.example").Name },
		"type":  func(k *cache.Key) { k.Type = wire.TypeAAAA },
		"class": func(k *cache.Key) { k.Class = wire.ClassCH },
		"DO":    func(k *cache.Key) { k.DO = true },
		"CD":    func(k *cache.Key) { k.CD = true },
		"DO CD": func(k *cache.Key) { k.DO, k.CD = true, true },
	} {
		k := base
		edit(&k)
		keys[change] = k
	}
	c := cache.New(100, plenty)
	for change, k := range keys {
		if s, ok := c.Get(k, "default", time.Now()); ok {
			t.Errorf("%s: Get finds what was put for %s", change, s.From)
		}
		c.Put(k, "default", minute(change))
	}
	for change, k := range keys {
		if s, ok := c.Get(k, "default", time.Now()); !ok || s.From != change {
			t.Errorf("%s: Get = %q, %v", change, s.From, ok)
		}
	}
}

func TestGroupsAreApart(t *testing.T) {
	c := cache.New(10, plenty)
	k, now := key(t, "www.example"), time.Now()
	c.Put(k, "corp", cache.Stored{From: "corp", StoredAt: now, Lifetime: time.Hour})
	c.Put(k, "default", cache.Stored{From: "default", StoredAt: now, Lifetime: time.Minute})
	if _, ok := c.Get(k, "guest", now); ok {
		t.Error("a group that put nothing has a response")
	}
	for _, group := range []string{"corp", "default"} {
		if s, ok := c.Get(k, group, now); !ok || s.From != group {
			t.Errorf("%s: Get = %q, %v", group, s.From, ok)
		}
	}
	later := now.Add(time.Minute)
	if _, ok := c.Get(k, "default", later); ok {
		t.Error("the expired response of default is served")
	}
	if _, ok := c.Get(k, "corp", later); !ok {
		t.Error("corp's response went with that of default")
	}
}

func TestPutReplaces(t *testing.T) {
	c := cache.New(10, plenty)
	k := key(t, "www.example")
	c.Put(k, "default", minute("old"))
	c.Put(k, "default", minute("new"))
	if s, ok := c.Get(k, "default", time.Now()); !ok || s.From != "new" {
		t.Errorf("Get = %q, %v, want the later response", s.From, ok)
	}
}

func TestLeastRecentlyUsedGoes(t *testing.T) {
	c := cache.New(3, plenty)
	now := time.Now()
	for _, name := range []string{"a.example", "b.example", "c.example"} {
		c.Put(key(t, name), "default", minute(name))
	}
	c.Get(key(t, "a.example"), "default", now)
	c.Peek(key(t, "b.example"), "default", now, 0) // does not count as use
	c.Put(key(t, "d.example"), "default", minute("d.example"))
	for name, want := range map[string]bool{"a.example": true, "b.example": false, "c.example": true, "d.example": true} {
		if _, ok := c.Get(key(t, name), "default", now); ok != want {
			t.Errorf("%s kept: %v, want %v", name, ok, want)
		}
	}
}

// TestWhatIsInUseStays asks for one name again and again while many others come
// and go.
func TestWhatIsInUseStays(t *testing.T) {
	c := cache.New(1000, plenty)
	hot := key(t, "hot.example")
	c.Put(hot, "default", minute(""))
	for i := range 20_000 {
		c.Put(key(t, fmt.Sprintf("h%d.example", i)), "default", minute(""))
		if i%10 != 0 {
			continue
		}
		if _, ok := c.Get(hot, "default", time.Now()); !ok {
			t.Fatalf("gone after %d others", i+1)
		}
	}
}

func TestEntriesAreBounded(t *testing.T) {
	for _, size := range []int{0, 1, 63, 1000, 1025} {
		c := cache.New(size, plenty)
		for i := range 4 * size {
			c.Put(key(t, fmt.Sprintf("h%d.example", i)), "default", minute(""))
		}
		c.Put(key(t, "last.example"), "default", minute(""))
		if n := c.Len(); n != size {
			t.Errorf("New(%v) holds %v entries", size, n)
		}
		if _, ok := c.Get(key(t, "last.example"), "default", time.Now()); ok != (size > 0) {
			t.Errorf("New(%v): the last entry is kept: %v", size, ok)
		}
	}
}

func TestHitDoesNotAllocate(t *testing.T) {
	c := cache.New(1000, plenty)
	k, now := key(t, "www.example"), time.Now()
	c.Put(k, "default", minute(""))
	if n := testing.AllocsPerRun(1000, func() { c.Get(k, "default", now) }); n != 0 {
		t.Errorf("Get allocates %v times, want 0", n)
	}
}

// Run with -race.
func TestConcurrentUse(t *testing.T) {
	c := cache.New(200, plenty)
	var users sync.WaitGroup
	for u := range 4 {
		users.Go(func() {
			for i := range 2000 {
				k := key(t, fmt.Sprintf("h%d.example", i%300))
				c.Put(k, fmt.Sprint(u), minute(k.Name.String()))
				s, ok := c.Get(k, fmt.Sprint((u+1)%4), time.Now())
				if ok && s.From != k.Name.String() {
					t.Errorf("%v has the response of %v", k.Name, s.From)
				}
				c.Len()
			}
		})
	}
	users.Wait()
}

// TestOctetsAreBounded fills a cache with messages of a known size, and looks at
// what is left: the last ones put, as many as the bound holds.
func TestOctetsAreBounded(t *testing.T) {
	const bound = 1 << 20
	c := cache.New(100_000, bound)
	q := wire.Question{Name: key(t, "www.example").Name, Type: wire.TypeTXT, Class: wire.ClassIN}
	m := wire.NewMessage(q, wire.NoError).WithTXT(300, wire.ClassIN, [][]string{{strings.Repeat("x", 250)}, {strings.Repeat("y", 250)}})
	now := time.Now()
	put := func(label string) cache.Key {
		k := cache.Key{Name: key(t, label+".example").Name, Type: wire.TypeTXT, Class: wire.ClassIN}
		c.Put(k, "default", cache.Stored{Message: m, StoredAt: now, Lifetime: time.Minute})
		return k
	}
	first := put("first")
	for i := range 10_000 {
		put(fmt.Sprint("n", i))
	}
	size := int64(len(m.AppendCompact(nil)))
	if n := int64(c.Len()); n*size > bound || n*size < bound/2 {
		t.Errorf("%d entries of %d octets in a cache of %d", n, size, bound)
	}
	if _, ok := c.Get(first, "default", now); ok {
		t.Error("the entry that was not asked for the longest time is still there")
	}
	if _, ok := c.Get(put("last"), "default", now); !ok {
		t.Error("the entry put last is not there")
	}
}

// TestOneResponseCannotFillTheCache puts a response that is larger than a good
// part of a shard.
func TestOneResponseCannotFillTheCache(t *testing.T) {
	c := cache.New(100_000, 16<<10)
	q := wire.Question{Name: key(t, "www.example").Name, Type: wire.TypeTXT, Class: wire.ClassIN}
	m := wire.NewMessage(q, wire.NoError).WithTXT(300, wire.ClassIN, [][]string{{strings.Repeat("x", 4000)}})
	c.Put(cache.Key{Name: q.Name, Type: q.Type, Class: q.Class}, "default", cache.Stored{Message: m, StoredAt: time.Now(), Lifetime: time.Minute})
	if n := c.Len(); n != 0 {
		t.Errorf("%d entries, want 0", n)
	}
}
