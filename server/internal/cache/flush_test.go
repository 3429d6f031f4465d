package cache_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
)

func TestFlush(t *testing.T) {
	names := []string{".", "example", "corp.example", "a.corp.example", "b.a.corp.example", "acorp.example", `a\.corp.example`, `\004corp.example`}
	parse := func(s string) matcher.Name { return key(t, s).Name }
	corp := parse("corp.example")
	for name, c := range map[string]struct {
		flush func(c *cache.Cache) int
		gone  []string
	}{
		"a name":              {func(c *cache.Cache) int { return c.Flush(false, corp) }, []string{"corp.example"}},
		"a name and below":    {func(c *cache.Cache) int { return c.Flush(true, corp) }, []string{"corp.example", "a.corp.example", "b.a.corp.example"}},
		"below a name":        {func(c *cache.Cache) int { return c.FlushBelow(corp) }, []string{"a.corp.example", "b.a.corp.example"}},
		"the root":            {func(c *cache.Cache) int { return c.Flush(false, parse(".")) }, []string{"."}},
		"below the root":      {func(c *cache.Cache) int { return c.FlushBelow(parse(".")) }, names[1:]},
		"everything":          {func(c *cache.Cache) int { return c.FlushAll() }, names},
		"a name with no dot":  {func(c *cache.Cache) int { return c.Flush(true, parse("example")) }, names[1:]},
		"a name that is none": {func(c *cache.Cache) int { return c.Flush(true, parse("other.example")) }, nil},
	} {
		c0 := cache.New(1000, plenty)
		forms := []cache.Key{{Type: wire.TypeA}, {Type: wire.TypeAAAA}, {Type: wire.TypeA, DO: true}, {Type: wire.TypeA, CD: true}}
		left := map[string]int{}
		for _, n := range names {
			for _, k := range forms {
				k.Name, k.Class = parse(n), wire.ClassIN
				c0.Put(k, "default", minute("192.0.2.1"))
				c0.Put(k, "other", minute("192.0.2.2"))
			}
		}
		if got, want := c.flush(c0), 2*len(forms)*len(c.gone); got != want {
			t.Errorf("%s: flushed %d entries, want %d", name, got, want)
		}
		for _, n := range names {
			for _, k := range forms {
				k.Name, k.Class = parse(n), wire.ClassIN
				for _, group := range []string{"default", "other"} {
					if _, ok := c0.Peek(k, group, time.Now(), 0); ok {
						left[n]++
					}
				}
			}
		}
		want := map[string]int{}
		for _, n := range names {
			if !slices.Contains(c.gone, n) {
				want[n] = 2 * len(forms)
			}
		}
		if d := cmp.Diff(want, left); d != "" {
			t.Errorf("%s: what is left (-want +got): %s", name, d)
		}
		if st := c0.Stats(); st.Entries != c0.Len() || (st.Octets == 0) != (st.Entries == 0) {
			t.Errorf("%s: %+v with %d entries", name, st, c0.Len())
		}
	}
}

// FuzzFlush holds that a name is flushed if it is the one given, or below it as
// package matcher sees it.
func FuzzFlush(f *testing.F) {
	f.Add([]byte("\x01a\x04corp\x00"), []byte("\x04corp\x00"))
	f.Add([]byte("\x05acorp\x00"), []byte("\x04corp\x00"))
	f.Add([]byte("\x06a\x04corp\x00"), []byte("\x04corp\x00"))
	f.Add([]byte("\x00"), []byte("\x00"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		name, _, err := matcher.NameFromWire(a)
		if err != nil {
			return
		}
		suffix, _, err := matcher.NameFromWire(b)
		if err != nil {
			return
		}
		below := name.Below(suffix) && name != suffix
		for what, c := range map[string]struct {
			flush func(c *cache.Cache) int
			want  bool
		}{
			"the name":  {func(c *cache.Cache) int { return c.Flush(false, suffix) }, name == suffix},
			"with":      {func(c *cache.Cache) int { return c.Flush(true, suffix) }, name == suffix || below},
			"below it":  {func(c *cache.Cache) int { return c.FlushBelow(suffix) }, below},
			"all there": {func(c *cache.Cache) int { return c.FlushAll() }, true},
		} {
			c0 := cache.New(1, plenty)
			c0.Put(cache.Key{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, "default", minute("192.0.2.1"))
			if got := c.flush(c0) == 1; got != c.want {
				t.Errorf("flushing %s %v: %v is gone: %v, want %v", what, suffix, name, got, c.want)
			}
		}
	})
}

// TestStats counts entries, what they take, and those that made room.
func TestStats(t *testing.T) {
	c := cache.New(10, plenty)
	for i := range 25 {
		c.Put(key(t, fmt.Sprintf("h%d.example", i)), "default", minute("192.0.2.1"))
	}
	if st := c.Stats(); st.Entries != 10 || st.Evicted != 15 || st.Octets < 10*100 {
		t.Errorf("%+v, want 10 entries of some octets, and 15 evicted", st)
	}
	if n := c.FlushAll(); n != 10 {
		t.Errorf("flushed %d, want 10", n)
	}
	if st := c.Stats(); st.Entries != 0 || st.Octets != 0 || st.Evicted != 15 {
		t.Errorf("after a flush %+v, want none but 15 evicted", st)
	}
}

// TestFlushConcurrently puts, gets and flushes at once; in the end all is gone and
// the octets are accounted for.
func TestFlushConcurrently(t *testing.T) {
	c := cache.New(1000, plenty)
	keys := map[int]cache.Key{}
	for i := range 200 {
		keys[i] = key(t, fmt.Sprintf("h%d.corp.example", i))
	}
	corp := key(t, "corp.example").Name
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				k := keys[i%len(keys)]
				c.Put(k, "default", minute("192.0.2.1"))
				c.Get(k, "default", time.Now())
				if i%100 == 0 {
					c.Flush(true, corp)
				}
			}
		})
	}
	wg.Wait()
	c.FlushAll()
	if st := c.Stats(); st.Entries != 0 || st.Octets != 0 {
		t.Errorf("%+v left of %d names", st, len(keys))
	}
}

// TestFlushEndsCutsAbove holds that a name that was flushed is not denied any longer because one
// above it does not exist.
func TestFlushEndsCutsAbove(t *testing.T) {
	for _, flush := range []func(c *cache.Cache, name matcher.Name) int{
		func(c *cache.Cache, name matcher.Name) int { return c.Flush(false, name) },
		func(c *cache.Cache, name matcher.Name) int { return c.Flush(true, name) },
		(*cache.Cache).FlushBelow,
	} {
		c, now := cache.New(10, plenty), time.Now()
		denied, below := key(t, "gone.example"), key(t, "www.gone.example")
		m := wire.NewMessage(wire.Question{Name: denied.Name, Type: denied.Type, Class: denied.Class}, wire.NXDomain).WithSOA(60)
		c.Put(denied, "default", cache.Stored{Message: m, StoredAt: now, Lifetime: time.Minute})
		if _, ok := c.Rest(below, "default", now, 0); !ok {
			t.Fatal("the name below is not denied")
		}
		if n := flush(c, below.Name); n != 1 {
			t.Errorf("flushed %d entries, want the cut", n)
		}
		if _, ok := c.Rest(below, "default", now, 0); ok {
			t.Error("the name below is still denied")
		}
	}
}
