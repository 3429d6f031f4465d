// Package drift remembers where answers have left what vendors publish, and reports it:
// addresses outside the published ranges, names below a vendor's suffix that no row covers,
// and names that a shadow policy would have judged otherwise.
//
// A [Memory] holds what was seen, by no policy: a [Report] is made by the policy that is in
// force when somebody asks, so a reload that publishes an address makes it disappear. Names
// and addresses come from the network, and so does how often they come. A Memory therefore takes a
// bounded number of octets and constant work for each sighting, and who asks for
// a million names finds his own sightings overwritten, not those of others.
//
// Turned down: a heap by frequency, which a flood of new names would churn; a sketch of
// counts, which cannot say which names they were; and to let the newest displace the
// oldest, which forgets in a second what a week has shown.
package drift

import (
	"hash/maphash"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"sync"
	"time"

	"splitdns/matcher"
)

// What a Memory keeps of one entry at most.
const (
	fewClients   = 8
	fewNames     = 8
	fewAddresses = 8
)

// ways is among how many places of a Memory a key chooses.
const ways = 8

// The shares of a Memory, as what all entries are divided by. A client that is alone in
// having seen its entries has a small one; the clients of an IPv6 /64, where one can have
// any address, share a larger one, as does what is in one group.
const (
	clientShare  = 16
	networkShare = 4
	groupShare   = 4
)

// After what time without a sighting an entry gives way to a new one.
const (
	forgotten = 7 * 24 * time.Hour // any entry, before all others
	idle      = 24 * time.Hour     // any entry
	idleAlone = time.Hour          // one that only one client has seen
)

// Key says what an entry of a Memory is about: an address or a name.
type Key struct {
	Group string       // what it shares a bound with: a zone, a suffix or a rule
	Note  string       // of what else there are few values, such as a pair of verdicts
	Name  matcher.Name // zero where the key is an address
	Addr  netip.Addr   // not valid where the key is a name
}

// Sighting is one time that a key was seen.
type Sighting struct {
	At        time.Time
	Client    netip.Addr
	Name      matcher.Name // the name asked for, for a key that is an address
	Addresses []netip.Addr // those of the answer, for a key that is a name; not kept
}

// Seen is what a Memory knows about a key. Its slices are the caller's.
type Seen struct {
	Key
	First, Last   time.Time
	Count         uint64
	Clients       []netip.Addr // the first few
	ClientCount   int          // how many in all; about, where there are more than Clients
	Names         []matcher.Name
	MoreNames     bool
	Addresses     []netip.Addr
	MoreAddresses bool
}

// entry is what is kept of a key.
type entry struct {
	key         Key
	owner       netip.Addr // whose share it takes; not valid once another client has seen it
	first, last int64      // nanoseconds of Unix time
	count       uint64
	clients     []netip.Addr
	more        bool      // clients
	marks       [4]uint64 // a bit for each hash of a client
	names       []matcher.Name
	moreNames   bool
	addresses   []netip.Addr
	moreAddrs   bool
}

// Memory is a table of fixed size. It is safe for concurrent use.
type Memory struct {
	seed maphash.Seed // of this process: nobody can choose names that share a place

	mu     sync.Mutex // guards what follows
	slots  []*entry
	groups map[string]int     // how many entries there are of each
	owners map[netip.Addr]int // and of each client that is alone in having seen them
	lost   uint64
}

// NewMemory returns a Memory with room for that many entries, rounded up to a power of two. An
// entry takes 2 KiB at most, and mostly less than 512 octets.
func NewMemory(entries int) *Memory {
	size := 1 << bits.Len(uint(max(ways, entries)-1))
	return &Memory{
		seed: maphash.MakeSeed(), slots: make([]*entry, size),
		groups: map[string]int{}, owners: map[netip.Addr]int{},
	}
}

// Note remembers that k was seen, if there is room: what is there already gives way only where it is
// little worth. It does constant work.
func (m *Memory) Note(k Key, s Sighting) {
	first := maphash.Comparable(m.seed, k) & uint64(len(m.slots)-ways)
	m.mu.Lock()
	defer m.mu.Unlock()
	places := m.slots[first : first+ways]
	for _, e := range places {
		if e != nil && e.key == k {
			m.add(e, s)
			return
		}
	}
	owner := ownerOf(s.Client)
	at := m.place(places, k.Group, owner, s.At.UnixNano())
	if at < 0 {
		m.lost++
		return
	}
	if old := places[at]; old != nil && old.rank(s.At.UnixNano()) > 0 {
		m.lost += old.count
	}
	m.drop(places[at])
	e := &entry{key: k, owner: owner, first: math.MaxInt64, last: math.MinInt64}
	m.groups[k.Group]++
	m.owners[owner]++
	m.add(e, s)
	places[at] = e
}

// ownerOf is whose share the sightings of a client take.
func ownerOf(client netip.Addr) netip.Addr {
	if client.Is6() {
		network, _ := client.WithZone("").Prefix(64) // never fails
		return network.Addr()
	}
	return client
}

// share is how many entries an owner may have.
func (m *Memory) share(owner netip.Addr) int {
	if owner.Is6() {
		return max(1, len(m.slots)/networkShare)
	}
	return max(1, len(m.slots)/clientShare)
}

// place chooses where a new entry goes, -1 for nowhere. Whoever has used up his share
// gets only places of his own. m.mu is held.
func (m *Memory) place(places []*entry, group string, owner netip.Addr, now int64) int {
	mine := m.owners[owner] >= m.share(owner)
	grouped := m.groups[group] >= len(m.slots)/groupShare
	if free := slices.Index(places, nil); free >= 0 && !mine && !grouped {
		return free
	}
	return weakest(places, now, func(e *entry) bool {
		return (!mine || e.owner == owner) && (!grouped || e.key.Group == group)
	})
}

// weakest is where the entry is that gives way first of those that may, -1 where none does.
func weakest(places []*entry, now int64, may func(*entry) bool) int {
	best, bestRank := -1, keeps
	for i, e := range places {
		if e == nil || !may(e) {
			continue
		}
		r := e.rank(now)
		if r < bestRank || best >= 0 && r == bestRank && e.last < places[best].last {
			best, bestRank = i, r
		}
	}
	return best
}

// keeps is the rank of an entry that does not give way.
const keeps = 4

// rank says how soon e gives way at a time; the lowest first.
func (e *entry) rank(now int64) int {
	unseen, alone := time.Duration(now-e.last), e.owner.IsValid()
	switch {
	case unseen >= forgotten:
		return 0
	case alone && e.count == 1:
		return 1
	case alone && unseen >= idleAlone:
		return 2
	case unseen >= idle:
		return 3
	}
	return keeps
}

// drop forgets e, which may be nil. m.mu is held.
func (m *Memory) drop(e *entry) {
	if e == nil {
		return
	}
	if m.groups[e.key.Group]--; m.groups[e.key.Group] == 0 {
		delete(m.groups, e.key.Group)
	}
	m.release(e)
}

// release gives the share back that e takes. m.mu is held.
func (m *Memory) release(e *entry) {
	if !e.owner.IsValid() {
		return
	}
	if m.owners[e.owner]--; m.owners[e.owner] == 0 {
		delete(m.owners, e.owner)
	}
	e.owner = netip.Addr{}
}

// add adds a sighting to e. m.mu is held.
func (m *Memory) add(e *entry, s Sighting) {
	at := s.At.UnixNano()
	e.first, e.last = min(e.first, at), max(e.last, at)
	e.count++
	if e.owner.IsValid() && e.owner != ownerOf(s.Client) {
		m.release(e)
	}
	mark := maphash.Comparable(m.seed, s.Client)
	e.marks[mark>>6&3] |= 1 << (mark & 63)
	keep(&e.clients, &e.more, s.Client, fewClients)
	if !s.Name.IsZero() {
		keep(&e.names, &e.moreNames, s.Name, fewNames)
	}
	for _, a := range s.Addresses[:min(len(s.Addresses), fewAddresses+1)] {
		keep(&e.addresses, &e.moreAddrs, a, fewAddresses)
	}
}

// keep adds v to a few values, or notes that there are more.
func keep[V comparable](few *[]V, more *bool, v V, most int) {
	switch {
	case slices.Contains(*few, v):
	case len(*few) == most:
		*more = true
	default:
		*few = append(*few, v)
	}
}

// clientCount is how many clients have seen e: where there are more than a few, an estimate from
// the bits that are not set (linear counting), of at most about 1400.
func (e *entry) clientCount() int {
	if !e.more {
		return len(e.clients)
	}
	set := 0
	for _, word := range e.marks {
		set += bits.OnesCount64(word)
	}
	const all = 256
	estimate := -all * math.Log(float64(max(1, all-set))/all)
	return max(fewClients+1, int(math.Round(estimate)))
}

// All returns what is remembered, in no order.
func (m *Memory) All() []Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []Seen
	for _, e := range m.slots {
		if e != nil {
			all = append(all, e.seen())
		}
	}
	return all
}

// seen is a copy of e.
func (e *entry) seen() Seen {
	return Seen{
		Key: e.key, First: time.Unix(0, e.first).UTC(), Last: time.Unix(0, e.last).UTC(), Count: e.count,
		Clients: slices.Clone(e.clients), ClientCount: e.clientCount(),
		Names: slices.Clone(e.names), MoreNames: e.moreNames,
		Addresses: slices.Clone(e.addresses), MoreAddresses: e.moreAddrs,
	}
}

// Lost is how many sightings there was no room for, or no more.
func (m *Memory) Lost() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}

// Len is how many entries there are.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, count := range m.groups {
		n += count
	}
	return n
}
