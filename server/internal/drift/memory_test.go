package drift_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"splitdns/matcher"
	"splitdns/server/internal/drift"
)

// noon is when most sightings are.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// name reads a name.
func name(t testing.TB, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// addr reads an address.
func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// clientNo is one of many clients with IPv4 addresses.
func clientNo(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestMemoryTellsWhenHowOftenAndByWhom(t *testing.T) {
	m := drift.NewMemory(64)
	k := drift.Key{Group: "intune", Addr: addr("198.51.100.9")}
	for i, minute := range []int{5, 3, 9, 4} { // as in logs that were put together
		m.Note(k, drift.Sighting{
			At: noon.Add(time.Duration(minute) * time.Minute), Client: clientNo(i % 2), Name: name(t, fmt.Sprintf("n%d.example", i%3)),
		})
	}
	want := []drift.Seen{{
		Key: k, First: noon.Add(3 * time.Minute), Last: noon.Add(9 * time.Minute), Count: 4,
		Clients: []netip.Addr{clientNo(0), clientNo(1)}, ClientCount: 2,
		Names: []matcher.Name{name(t, "n0.example"), name(t, "n1.example"), name(t, "n2.example")},
	}}
	if d := cmp.Diff(want, m.All(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b matcher.Name) bool { return a == b }), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMemoryCountsClients(t *testing.T) {
	for _, clients := range []int{1, 8, 9, 20, 100, 500} {
		m := drift.NewMemory(64)
		for i := range 3 * clients {
			m.Note(drift.Key{Group: "z", Addr: addr("192.0.2.1")}, drift.Sighting{At: noon, Client: clientNo(i % clients), Name: name(t, fmt.Sprintf("n%d.example", i))})
		}
		seen := m.All()[0]
		if clients <= 8 && seen.ClientCount != clients || max(seen.ClientCount, clients) > 10+min(seen.ClientCount, clients)*4/3 {
			t.Errorf("%d clients are counted as %d", clients, seen.ClientCount)
		}
		if len(seen.Clients) != min(clients, 8) || len(seen.Names) != min(3*clients, 8) || seen.MoreNames != (3*clients > 8) {
			t.Errorf("%d clients: %d are named, %d names, more %v", clients, len(seen.Clients), len(seen.Names), seen.MoreNames)
		}
	}
}

// useful are sightings that an attack must not push out: each was seen by two clients.
func useful(t *testing.T, m *drift.Memory, at time.Time) {
	for i := range 50 {
		for c := range 2 {
			m.Note(drift.Key{Group: "apple.com", Name: name(t, fmt.Sprintf("useful%d.apple.com", i))}, drift.Sighting{At: at, Client: clientNo(c)})
		}
	}
}

// countUseful is how many of these are there.
func countUseful(m *drift.Memory) (n int) {
	for _, seen := range m.All() {
		if seen.ClientCount > 1 {
			n++
		}
	}
	return n
}

func TestMemoryUnderAttack(t *testing.T) {
	attacks := map[string]struct {
		client   func(i int) netip.Addr
		group    func(i int) string
		mostKept int
	}{
		"one client, one suffix": {
			func(int) netip.Addr { return clientNo(7) },
			func(int) string { return "apple.com" }, 50 + 2048/16,
		},
		"one client, many suffixes": {
			func(int) netip.Addr { return clientNo(7) },
			func(i int) string { return fmt.Sprint("g", i%300) }, 50 + 2048/16,
		},
		"any address of an IPv6 network": {
			func(i int) netip.Addr {
				return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i), 14: byte(i >> 8), 13: byte(i >> 16)})
			},
			func(i int) string { return fmt.Sprint("g", i%300) }, 50 + 2048/4,
		},
		"any IPv4 address, one suffix": {
			clientNo, func(int) string { return "apple.com" }, 2048 / 4,
		},
		"any IPv4 address, many suffixes": {
			clientNo, func(i int) string { return fmt.Sprint("g", i%300) }, 2048,
		},
	}
	for title, a := range attacks {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			m := drift.NewMemory(2048)
			useful(t, m, noon)
			for i := range 50_000 {
				k := drift.Key{Group: a.group(i), Name: name(t, fmt.Sprintf("x%d.apple.com", i))}
				m.Note(k, drift.Sighting{At: noon.Add(time.Duration(i) * time.Millisecond), Client: a.client(i)})
			}
			if n := countUseful(m); n != 50 {
				t.Errorf("%d useful entries are left, want 50", n)
			}
			if n := m.Len(); n > a.mostKept {
				t.Errorf("%d entries, want %d at most", n, a.mostKept)
			}
			if len(m.All()) != m.Len() {
				t.Errorf("%d entries, counted as %d", len(m.All()), m.Len())
			}
			if m.Lost() == 0 {
				t.Error("nothing is said to be lost")
			}
		})
	}
}

// TestMemoryForgets holds that what nobody has seen for long gives way.
func TestMemoryForgets(t *testing.T) {
	m := drift.NewMemory(8)
	note := func(group string, number, client int, at time.Time) {
		m.Note(drift.Key{Group: group, Name: name(t, fmt.Sprintf("n%d.%s.example", number, group))}, drift.Sighting{At: at, Client: clientNo(client)})
	}
	fill := func(at time.Time) {
		for i := range 8 {
			for c := range 2 {
				note(fmt.Sprint("g", i%4), i, c, at)
			}
		}
	}
	fill(noon)
	if m.Len() != 8 {
		t.Fatalf("%d entries, want all places taken", m.Len())
	}
	isKept := func(after time.Duration) bool {
		at := noon.Add(after)
		note("g0", int(after/time.Second), 9, at)
		return slices.ContainsFunc(m.All(), func(s drift.Seen) bool { return s.Last.Equal(at) })
	}
	if isKept(24*time.Hour - time.Second) {
		t.Error("what two clients have seen within a day gives way")
	}
	if !isKept(24 * time.Hour) {
		t.Error("what nobody has seen for a day does not give way")
	}
	if m.Lost() != 3 {
		t.Errorf("%d sightings are lost, want the new one and both of the old entry", m.Lost())
	}
}

// TestMemoryTakesBoundedOctets fills every place with the largest entries.
func TestMemoryTakesBoundedOctets(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	const entries = 1024
	label := fmt.Sprintf("%060d.", 0)
	before := heap()
	m := drift.NewMemory(entries)
	for i := range 4 * entries {
		k := drift.Key{Group: fmt.Sprint("group", i%50), Addr: clientNo(i)}
		for j := range 12 {
			n := name(t, fmt.Sprintf("%s%s%s%d-%d.example", label, label, label, i, j))
			m.Note(k, drift.Sighting{At: noon, Client: clientNo(i*12 + j), Name: n, Addresses: []netip.Addr{clientNo(j)}})
		}
	}
	took := int64(heap()) - int64(before)
	if most := int64(entries * 4096); took > most || m.Len() < entries*3/4 {
		t.Errorf("%d entries take %d octets, want %d at most", m.Len(), took, most)
	}
	runtime.KeepAlive(m)
}

// TestMemoryAsItsTwin holds a memory with room against a map.
func TestMemoryAsItsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		m := drift.NewMemory(4096)
		twin := map[drift.Key]*drift.Seen{}
		for range 300 {
			k := drift.Key{Group: fmt.Sprint("g", r.IntN(3)), Addr: clientNo(r.IntN(20))}
			s := drift.Sighting{At: noon.Add(time.Duration(r.IntN(1000)) * time.Second), Client: clientNo(r.IntN(6)), Name: name(t, fmt.Sprintf("n%d.example", r.IntN(8)))}
			m.Note(k, s)
			noteTwin(twin, k, s)
		}
		got := m.All()
		if len(got) != len(twin) {
			t.Fatalf("%d entries, want %d", len(got), len(twin))
		}
		for _, seen := range got {
			want := twin[seen.Key]
			slices.SortFunc(want.Clients, netip.Addr.Compare)
			slices.SortFunc(seen.Clients, netip.Addr.Compare)
			if seen.Count != want.Count || !seen.First.Equal(want.First) || !seen.Last.Equal(want.Last) ||
				!slices.Equal(seen.Clients, want.Clients) || seen.ClientCount != len(want.Clients) || !slices.Equal(seen.Names, want.Names) {
				t.Fatalf("%+v, want %+v", seen, want)
			}
		}
	}
}

// noteTwin is Memory.Note without bounds.
func noteTwin(twin map[drift.Key]*drift.Seen, k drift.Key, s drift.Sighting) {
	e := twin[k]
	if e == nil {
		e = &drift.Seen{Key: k, First: s.At, Last: s.At}
		twin[k] = e
	}
	e.Count++
	if s.At.Before(e.First) {
		e.First = s.At
	}
	if s.At.After(e.Last) {
		e.Last = s.At
	}
	if !slices.Contains(e.Clients, s.Client) {
		e.Clients = append(e.Clients, s.Client)
	}
	if !slices.Contains(e.Names, s.Name) {
		e.Names = append(e.Names, s.Name)
	}
}

// BenchmarkNote is what an answer outside the published ranges pays.
func BenchmarkNote(b *testing.B) {
	m := drift.NewMemory(2048)
	k := drift.Key{Group: "intune", Addr: addr("198.51.100.9")}
	s := drift.Sighting{At: noon, Client: clientNo(1), Name: name(b, "portal.manage.microsoft.com")}
	b.ReportAllocs()
	for b.Loop() {
		m.Note(k, s)
	}
}

// BenchmarkNoteFlood is what each of many new names pays.
func BenchmarkNoteFlood(b *testing.B) {
	m := drift.NewMemory(2048)
	names := make([]matcher.Name, 1<<16)
	for i := range names {
		names[i] = name(b, fmt.Sprintf("x%d.apple.com", i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		m.Note(drift.Key{Group: "apple.com", Name: names[i%len(names)]}, drift.Sighting{At: noon, Client: clientNo(i)})
	}
}
