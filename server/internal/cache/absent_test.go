package cache_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/wire"
)

// denied is what says that the name of k does not exist.
func denied(k cache.Key, now time.Time, lifetime time.Duration) cache.Stored {
	m := wire.NewMessage(wire.Question{Name: k.Name, Type: k.Type, Class: k.Class}, wire.NXDomain)
	return cache.Stored{Message: m, From: "192.0.2.53", StoredAt: now, Lifetime: lifetime}
}

func TestCut(t *testing.T) {
	now := time.Now()
	c := cache.New(100, plenty)
	gone := key(t, "gone.example")
	c.Put(gone, "default", denied(gone, now, time.Minute))
	for name, want := range map[string]bool{
		"gone.example": true, "www.gone.example": true, "a.b.c.gone.example": true, "example": false, ".": false,
		"agone.example": false, `a\.gone.example`: false, "gone.example.example": false,
	} {
		for _, typ := range []wire.Type{wire.TypeA, wire.TypeAAAA, wire.TypeTXT} {
			k := key(t, name)
			k.Type = typ
			r, ok := c.Rest(k, "default", now.Add(59*time.Second), 0)
			if ok != want || ok && (r.Message.Question().Name != gone.Name || r.Message.Rcode() != wire.NXDomain) {
				t.Errorf("%s %v: %+v, %v; want a cut: %v", name, typ, r, ok, want)
			}
		}
	}
	www := key(t, "www.gone.example")
	for name, k := range map[string]cache.Key{
		"DO": {Name: www.Name, Type: www.Type, Class: www.Class, DO: true}, "class": {Name: www.Name, Type: www.Type, Class: wire.ClassCH},
	} {
		if _, ok := c.Rest(k, "default", now, 0); ok {
			t.Errorf("%s is cut as well", name)
		}
	}
	if _, ok := c.Rest(www, "corp", now, 0); ok {
		t.Error("another group is cut as well")
	}
	if n := c.Len(); n != 1 {
		t.Errorf("%d entries, want one for all types", n)
	}
	if _, ok := c.Rest(www, "default", now.Add(time.Minute), 0); ok || c.Len() != 0 {
		t.Errorf("the cut outlives its time: %v, %d entries", ok, c.Len())
	}
}

// TestNearestCutThatHolds has an expired cut below one that holds.
func TestNearestCutThatHolds(t *testing.T) {
	now := time.Now()
	c := cache.New(100, plenty)
	near, far := key(t, "a.gone.example"), key(t, "gone.example")
	c.Put(near, "default", denied(near, now, time.Second))
	c.Put(far, "default", denied(far, now, time.Minute))
	for seconds, want := range []matcher.Name{near.Name, far.Name} {
		age := time.Duration(seconds) * time.Second
		r, ok := c.Rest(key(t, "www.a.gone.example"), "default", now.Add(age), 0)
		if !ok || r.Message.Question().Name != want {
			t.Errorf("after %v: %v, %v, want %v", age, r.Message.Question(), ok, want)
		}
	}
}

// TestLongestNameCut looks for the cut of a name with as many labels as there can be.
func TestLongestNameCut(t *testing.T) {
	now := time.Now()
	c := cache.New(100, plenty)
	short := key(t, "a.a")
	c.Put(short, "default", denied(short, now, time.Minute))
	longest := key(t, strings.Repeat("a.", 127))
	if _, ok := c.Rest(longest, "default", now, 0); !ok {
		t.Error("it is not below the cut")
	}
	c.Put(longest, "default", minute("192.0.2.53"))
	if _, ok := c.Rest(key(t, "b.a.a"), "default", now, 0); ok {
		t.Error("an answer for the longest name did not end the cut")
	}
}

// TestTopIsNoCut has the root and a top-level domain denied: for all types, and nothing below.
func TestTopIsNoCut(t *testing.T) {
	for _, name := range []string{".", "example"} {
		c, now := cache.New(100, plenty), time.Now()
		top := key(t, name)
		c.Put(top, "default", denied(top, now, time.Minute))
		other := top
		other.Type = wire.TypeTXT
		if _, ok := c.Rest(other, "default", now, 0); !ok {
			t.Errorf("%s: another type is not denied", name)
		}
		if _, ok := c.Rest(key(t, "www.example"), "default", now, time.Hour); ok {
			t.Errorf("%s: www.example is denied with it", name)
		}
	}
}

// TestExpiredCutIsNoStaleAnswer has an old answer, and a later denial of a name above it that has expired.
func TestExpiredCutIsNoStaleAnswer(t *testing.T) {
	c, now := cache.New(100, plenty), time.Now()
	www, above := key(t, "www.corp.example"), key(t, "corp.example")
	c.Put(www, "default", minute("192.0.2.53"))
	c.Put(above, "default", denied(above, now.Add(time.Second), 2*time.Minute))
	if r, ok := c.Rest(www, "default", now.Add(90*time.Second), time.Hour); !ok || r.Message.Rcode() != wire.NXDomain {
		t.Errorf("while the denial holds: %v, %v", r.Message.Rcode(), ok)
	}
	if r, ok := c.Rest(www, "default", now.Add(3*time.Minute), time.Hour); !ok || r.From != "192.0.2.53" {
		t.Errorf("when it has expired: from %q, %v, want the answer", r.From, ok)
	}
}

func TestFailureBesideAnswer(t *testing.T) {
	now := time.Now()
	c := cache.New(100, plenty)
	k := key(t, "www.example")
	answer := minute("192.0.2.1")
	c.Put(k, "default", answer)
	failure := denied(k, now, 5*time.Second)
	c.PutFailure(k, "default", failure)
	for age, want := range map[time.Duration]bool{0: true, 5*time.Second - 1: true, 5 * time.Second: false} {
		r, ok := c.Failure(k, "default", now.Add(age))
		if ok != want || ok && r.Lifetime != failure.Lifetime {
			t.Errorf("after %v: %+v, %v; want it: %v", age, r, ok, want)
		}
		if r, ok := c.Get(k, "default", now.Add(age)); !ok || r.From != "192.0.2.1" {
			t.Errorf("after %v the answer is %+v, %v", age, r, ok)
		}
		if r, _ := c.Rest(k, "default", now, 0); r.Message.Rcode() == wire.NXDomain {
			t.Error("a failure counts as a cut")
		}
	}
	if _, ok := c.Failure(k, "corp", now); ok {
		t.Error("another group's failure")
	}
	c.Put(k, "default", cache.Stored{StoredAt: now})
	if _, ok := c.Failure(k, "default", now); ok || c.Len() != 0 {
		t.Errorf("a response without a lifetime leaves %d entries, the failure: %v", c.Len(), ok)
	}
}

// TestRareOnesAreCounted puts, replaces, drops and evicts cuts and failures, until none is left:
// then none is looked for.
func TestRareOnesAreCounted(t *testing.T) {
	now := time.Now()
	c := cache.New(40, plenty)
	for i := range 500 {
		k := key(t, fmt.Sprintf("h%d.example", rand.IntN(50)))
		switch i % 3 {
		case 0:
			c.Put(k, "default", denied(k, now, time.Minute))
		case 1:
			c.PutFailure(k, "default", denied(k, now, time.Minute))
		default:
			c.Put(k, "default", minute(""))
		}
		c.Rest(key(t, fmt.Sprintf("x.h%d.example", i%50)), "default", now, 0)
		if cuts, counted := c.Rare(); cuts != counted {
			t.Fatalf("%d: %d are there, %d counted", i, cuts, counted)
		}
	}
	for i := range 40 {
		c.Put(key(t, fmt.Sprintf("other%d.example", i)), "default", minute(""))
	}
	if cuts, counted := c.Rare(); cuts != 0 || counted != 0 {
		t.Errorf("in the end %d are there, %d counted", cuts, counted)
	}
}

// TestNothingIsKeptWithoutRoom puts things of each kind into a cache without entries.
func TestNothingIsKeptWithoutRoom(t *testing.T) {
	now := time.Now()
	c := cache.New(0, plenty)
	k := key(t, "www.example")
	c.Put(k, "default", denied(k, now, time.Minute))
	c.PutFailure(k, "default", minute(""))
	_, failed := c.Failure(k, "default", now)
	_, rest := c.Rest(k, "default", now, time.Hour)
	if _, ok := c.Peek(k, "default", now, time.Hour); ok || failed || rest {
		t.Errorf("Peek %v, Failure %v, Rest %v; want nothing", ok, failed, rest)
	}
}

// memory is the slow twin of what a cache says of names that are denied or whose time is over:
// one list of all that was put, in order, of which the last that counts is looked for.
type memory []event

// event is something put: an answer, or that there is no such name.
type event struct {
	key    cache.Key
	stored cache.Stored
	denies bool
}

// last is the last event about the question of k, unless a later one contradicts it.
func (m memory) answer(k cache.Key) (cache.Stored, bool) {
	for i := len(m) - 1; i >= 0; i-- {
		if e := m[i]; e.key == k {
			return e.stored, !e.denies && e.stored.Lifetime > 0
		}
	}
	return cache.Stored{}, false
}

// cut is the nearest cut that holds, at the name of k or above it but below a top-level domain.
func (m memory) cut(k cache.Key, now time.Time) (cache.Stored, bool) {
	for name := k.Name; name == k.Name || strings.Contains(strings.Trim(name.String(), "."), "."); {
		if r, ok := m.cutAt(name); ok && r.Left(now) > 0 {
			return r, true
		}
		wire := name.Wire()
		if len(wire) == 1 {
			break
		}
		name, _, _ = matcher.NameFromWire([]byte(wire[1+wire[0]:]))
	}
	return cache.Stored{}, false
}

// cutAt is the cut at name, if nothing that came later has ended it.
func (m memory) cutAt(name matcher.Name) (cache.Stored, bool) {
	for i := len(m) - 1; i >= 0; i-- {
		e := m[i]
		switch {
		case e.denies && e.key.Name == name:
			return e.stored, e.stored.Lifetime > 0
		case !e.denies && (e.key.Name == name || e.key.Name.Below(name)):
			return cache.Stored{}, false
		}
	}
	return cache.Stored{}, false
}

// TestTwinOfNamesThatAreNot puts answers and denials of names that lie below each other at
// random, and compares Get and Rest with the twin.
func TestTwinOfNamesThatAreNot(t *testing.T) {
	const stale = 30 * time.Second
	names := []string{".", "example", "a.example", "b.a.example", "c.a.example", "d.a.example", "e.c.a.example"}
	random := func() cache.Key {
		k := key(t, names[rand.IntN(len(names))])
		k.Type = []wire.Type{wire.TypeA, wire.TypeAAAA}[rand.IntN(2)]
		return k
	}
	c, twin, now := cache.New(1000, plenty), memory{}, time.Now()
	found := map[string]int{}
	for n := range 5000 {
		now = now.Add(time.Duration(rand.IntN(2000)) * time.Millisecond)
		if k := random(); rand.IntN(2) == 0 {
			e := event{k, denied(k, now, time.Duration(rand.IntN(40))*time.Second), true}
			if rand.IntN(3) > 0 {
				e.denies, e.stored.Message = false, wire.NewMessage(e.stored.Message.Question(), wire.NoError)
			}
			e.stored.From = fmt.Sprint(n % 50)
			c.Put(k, "default", e.stored)
			twin = append(twin, e)
		}
		k := random()
		check := func(how string, got cache.Stored, ok bool, want cache.Stored, there bool) {
			if ok != there || ok && (got.From != want.From || !got.StoredAt.Equal(want.StoredAt) || got.Lifetime != want.Lifetime) {
				t.Fatalf("%d: %s(%v) = %+v, %v; want %+v, %v", n, how, k, got, ok, want, there)
			}
			if ok {
				found[how]++
			}
		}
		answer, answered := twin.answer(k)
		got, ok := c.Get(k, "default", now)
		check("Get", got, ok, answer, answered && answer.Left(now) > 0)
		how := "a stale Rest"
		answered = answered && answer.Left(now.Add(-stale)) > 0
		if cut, isCut := twin.cut(k, now); isCut {
			how, answer, answered = "a Rest that holds", cut, true
		} else if cut, isCut = twin.cutAt(k.Name); isCut && cut.Left(now.Add(-stale)) > 0 && (!answered || cut.StoredAt.After(answer.StoredAt)) {
			answer, answered = cut, true
		}
		got, ok = c.Rest(k, "default", now, stale)
		check(how, got, ok, answer, answered)
	}
	if found["Get"] < 100 || found["a Rest that holds"] < 100 || found["a stale Rest"] < 100 {
		t.Errorf("found %v, want more of each", found)
	}
}

// BenchmarkMiss is all that is looked for where Get finds nothing, for a name of four labels.
func BenchmarkMiss(b *testing.B) {
	c, now := fill(b, 100_000, plenty), time.Now()
	k := key(b, "not-there.region.example.com")
	for b.Loop() {
		c.Rest(k, "default", now, time.Hour)
		c.Failure(k, "default", now)
	}
}
