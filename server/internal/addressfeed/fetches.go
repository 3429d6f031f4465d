package addressfeed

import (
	"cmp"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// What is remembered of fetches.
const (
	maxFetchers = 8    // of a list, in one form
	maxFetches  = 512  // of all lists
	maxCounts   = 4096 // rules, lists and codes: rules come and go with reloads
	maxAgent    = 80   // octets
)

// Fetch is the last time that a client has fetched a list.
type Fetch struct {
	Path
	Client  netip.Addr
	Version string // that it has since, or has still where it got none; "" if it never got one
	Code    int    // of HTTP: 200, 304 if it had that version, 503 where there was no list
	At      time.Time
	Agent   string // what it says it is, printable
	Count   uint64 // its fetches of this list so far
}

// Counted is how often lists were fetched with one result.
type Counted struct {
	Rule, List string
	Code       int
	Count      uint64
}

// fetchLog remembers who has fetched what. It is safe for concurrent use.
type fetchLog struct {
	mu     sync.Mutex         // guards what follows
	last   []Fetch            // the oldest first, one for each list and client
	counts map[Counted]uint64 // by those with Count 0
}

// Fetched remembers a fetch; its Count is not looked at.
func (f *Feeds) Fetched(x Fetch) {
	x.Agent = printable(x.Agent)
	l := &f.fetched
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.forget(x)
	x.Count, x.Version = before.Count+1, cmp.Or(x.Version, before.Version)
	l.last = append(l.last, x)
	if l.counts == nil {
		l.counts = map[Counted]uint64{}
	}
	key := Counted{Rule: x.Rule, List: x.Name(), Code: x.Code}
	if _, ok := l.counts[key]; ok || len(l.counts) < maxCounts {
		l.counts[key]++
	}
}

// forget makes room for x, and gives what is remembered of its client and list. l.mu is held.
func (l *fetchLog) forget(x Fetch) (before Fetch) {
	others, first := 0, -1
	for i, have := range l.last {
		switch {
		case have.Path != x.Path:
		case have.Client == x.Client:
			l.last = slices.Delete(l.last, i, i+1)
			return have
		default:
			if others++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case others >= maxFetchers:
		l.last = slices.Delete(l.last, first, first+1)
	case len(l.last) >= maxFetches:
		l.last = slices.Delete(l.last, 0, 1)
	}
	return Fetch{}
}

// Fetches returns the last fetches of a rule, "" for all, the latest first.
func (f *Feeds) Fetches(rule string) []Fetch {
	f.fetched.mu.Lock()
	defer f.fetched.mu.Unlock()
	var all []Fetch
	for _, x := range slices.Backward(f.fetched.last) {
		if rule == "" || x.Rule == rule {
			all = append(all, x)
		}
	}
	return all
}

// Counts returns how often lists were fetched, by rule, list and code.
func (f *Feeds) Counts() []Counted {
	f.fetched.mu.Lock()
	counts := maps.Clone(f.fetched.counts)
	f.fetched.mu.Unlock()
	all := make([]Counted, 0, len(counts))
	for key, n := range counts {
		key.Count = n
		all = append(all, key)
	}
	slices.SortFunc(all, func(a, b Counted) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.List, b.List), cmp.Compare(a.Code, b.Code))
	})
	return all
}

// Result is a code in a word.
func Result(code int) string {
	switch code {
	case http.StatusOK:
		return "new"
	case http.StatusNotModified:
		return "same"
	}
	return "none"
}

// printable is what a client says of itself, shortened, with only printable ASCII.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '_'
		}
		return r
	}, s[:min(len(s), maxAgent)])
	return strings.TrimSpace(s)
}
