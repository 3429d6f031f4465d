package server_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"splitdns/server"
	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// inSet is an address in a set.
type inSet struct {
	set  string
	addr netip.Addr
}

// walls is a firewall in memory.
type walls struct {
	o nftset.Options

	mu     sync.Mutex
	c      nftset.Config
	ends   map[inSet]time.Time // when elements end
	fault  error               // for which nothing is added
	sick   string              // what is said to be wrong with the sets
	held   []func()            // additions that wait, where they do
	holds  bool                // they do
	added  []nftset.Element
	asked  int // calls of Holds
	began  chan struct{}
	slowly func() // called by Holds before it returns
}

// newWalls returns a firewall that the server b uses.
func newWalls(b *server.Bench) *walls {
	w := &walls{ends: map[inSet]time.Time{}}
	b.UseFirewall(w.use)
	return w
}

// use is w for a server.
func (w *walls) use(o nftset.Options) server.Firewall {
	w.o = o
	return w
}

func (w *walls) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func (w *walls) Follow(c nftset.Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.c = c
}

func (w *walls) Holds(es []nftset.Element) (until time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	until = time.Now().Add(1000 * time.Hour)
	for _, e := range es {
		end := w.ends[inSet{e.Set.String(), e.Addr}]
		if end.Before(time.Now().Add(e.TTL)) {
			return time.Time{}, false
		}
		if end.Before(until) {
			until = end
		}
	}
	if w.slowly != nil {
		w.slowly()
	}
	return until, true
}

func (w *walls) Add(es []nftset.Element, done func(error)) {
	w.mu.Lock()
	add := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.added = append(w.added, es...)
		for _, e := range es {
			end := time.Now().Add(max(w.c.Min, e.TTL+w.c.Grace))
			if key := (inSet{e.Set.String(), e.Addr}); w.ends[key].Before(end) {
				w.ends[key] = end
			}
		}
	}
	if w.holds {
		w.held = append(w.held, func() { add(); done(nil) })
		w.mu.Unlock()
		if w.began != nil {
			w.began <- struct{}{}
		}
		return
	}
	fault := w.fault
	w.mu.Unlock()
	if fault == nil {
		add()
	}
	done(fault)
}

// release lets all additions through that wait.
func (w *walls) release() {
	w.mu.Lock()
	all := w.held
	w.held = nil
	w.mu.Unlock()
	for _, add := range all {
		add()
	}
}

// flush is an administrator who empties all sets.
func (w *walls) flush() {
	w.mu.Lock()
	clear(w.ends)
	w.mu.Unlock()
	w.o.Lost()
}

func (w *walls) Status() nftset.Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	var st nftset.Status
	for _, s := range w.c.Sets {
		set := nftset.SetStatus{Set: s.Set, Rules: s.Rules, State: "ok", Type: "ipv4_addr", Timeout: true, Is4: true, Wanted: len(w.ends) + 1, In: len(w.ends), Adds: 7, Failures: map[string]uint64{"full": 2}}
		if strings.HasSuffix(s.Set.Name, "6") {
			set.Type, set.Is4, set.Is6 = "ipv6_addr", false, true
		}
		if w.fault != nil {
			set.State, set.Text = "missing", w.fault.Error()
		} else if w.sick != "" {
			set.State, set.Text = "full", w.sick
		}
		st.Sets = append(st.Sets, set)
	}
	return st
}

func (w *walls) Elements(set policy.Set) ([]nftset.Held, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return nil, w.fault
	}
	all := []nftset.Held{{Addr: netip.MustParseAddr("192.0.2.99"), Last: netip.MustParseAddr("192.0.2.120"), Remaining: -1, Other: true}}
	for at, end := range w.ends {
		if at.set == set.String() {
			all = append(all, nftset.Held{Addr: at.addr, Last: at.addr, Remaining: time.Until(end), Timeout: 10 * time.Minute, Names: []string{"www.example"}, Clients: []netip.Addr{client}, Since: time.Now()})
		}
	}
	slices.SortFunc(all, func(a, b nftset.Held) int { return a.Addr.Compare(b.Addr) })
	return all, nil
}

func (w *walls) Remaining(set policy.Set, addrs []netip.Addr) (map[netip.Addr]time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return nil, w.fault
	}
	left := map[netip.Addr]time.Duration{}
	for _, addr := range addrs {
		if end, ok := w.ends[inSet{set.String(), addr}]; ok {
			left[addr] = time.Until(end)
		}
	}
	return left, nil
}

// brought are the elements that were added, sorted: "SET ADDRESS TTL NAME CLIENT".
func (w *walls) brought() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, e := range w.added {
		all = append(all, fmt.Sprintf("%s %s %v %s %s", e.Set.Name, e.Addr, e.TTL, e.Name, e.Client))
	}
	slices.Sort(all)
	return all
}

// setsConfig has rules with sets for answers of all kinds.
const setsConfig = `
[server]
set_grace = "2m"
set_min   = "10m"
[zone.office]
names    = ["*.office.example"]
prefixes = ["192.0.2.0/24", "2001:db8::/32"]
[rule.office]
zones = ["office"]
log   = true
sets  = ["inet filter a4", "inet filter a6"]
[rule.all]
names         = ["*.all.office.example", "*.other.example"]
sets          = ["inet filter all"]
set_addresses = "all"
[rule.pinned]
names = ["*.pinned.office.example"]
pin   = "enforce"
[rule.own]
names  = ["own.office.example"]
answer = ["192.0.2.7", "10.0.0.7"]
[rule.short]
names   = ["*.short.office.example"]
max_ttl = "30s"
`
