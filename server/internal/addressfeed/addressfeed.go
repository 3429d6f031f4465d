// Package addressfeed makes the lists of addresses that other firewalls fetch, and remembers who
// has fetched which version of them. It knows no HTTP message and no token: package server does.
// (Package feed is something else: lists that we fetch.)
//
// A rule has four lists. One is what is published for the names that it takes. The others are
// addresses that were seen in answers for these names, by what is published for them when the list
// is made: inside, outside, and admitted. The last is for rules for whose names nothing is published, or
// nothing for IPv6: it has what is inside, and what there is nothing to hold against, as the nftables sets
// of a rule do. No list has an address that leads back into the network.
//
// The same addresses are the same octets, so that an ETag stands for what a firewall has: no time, no
// count and no digest of the configuration stands in a list, and the order is that of the addresses.
//
// An empty list is dangerous. FortiOS and OPNsense take it for what it says, and then a rule that permits
// what is in it permits nothing, and one that blocks blocks nothing; pfSense takes a list of comments so, too,
// and keeps the old table where there is no octet. All of them, and PAN-OS, keep the list they have where
// there is none to be had. So an empty list is refused here ([ErrEmpty]), and a firewall stays as it is. Only
// the list of addresses outside is empty where all is well, and nobody permits these: it is given, and says so
// in a comment. A documentation address in the place of nothing was turned down: it is an address.
//
// A list of the first few addresses after a start is as dangerous: it takes the place of all that were seen before. So
// what was observed is kept on disk (state.go) where there is a folder for that, and where nothing is remembered
// the observed lists are refused for an hour ([ErrEarly]). Only to refuse them while they are empty was turned
// down: the first address would end that.
//
// Plain lists have no comments otherwise: PAN-OS takes them only behind an address. Memory is bounded:
// observed addresses lie in a [drift.Memory], which floods of one client or for one rule do not empty.
package addressfeed

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/drift"
	"splitdns/server/policy"
)

// roomObserved is how many addresses are remembered: 32 MiB at worst, and mostly less than 8. One rule has a
// quarter of them at most, and a client that alone has seen them a sixteenth.
const roomObserved = 1 << 14

// fresh is for how long an observed list that was made is given again: so long it takes for an
// address in use to be seen anyway, as finished answers are kept so long.
const fresh = 10 * time.Second

// Feeds are the lists of all rules. They outlive reloads: what an address means is worked out when
// somebody asks. They are safe for concurrent use.
type Feeds struct {
	seen    *drift.Memory
	noted   atomic.Uint64 // sightings
	fetched fetchLog

	begun sync.Mutex // guards since
	since time.Time  // addresses are observed, as [Feeds.Begin] said

	mu       sync.Mutex // guards what follows, and is held while lists are made: two who ask cost as much as one
	observed observed
	bodies   map[Path]*made
	octets   int // of bodies
}

// New returns lists of which nothing was observed yet, and nobody begins to before [Feeds.Begin].
func New() *Feeds {
	return &Feeds{seen: drift.NewMemory(roomObserved), bodies: map[Path]*made{}}
}

// Begin says that addresses are observed from now on, where nothing that [Feeds.Restore] brings says that they
// have been before.
func (f *Feeds) Begin(now time.Time) {
	f.begun.Lock()
	defer f.begun.Unlock()
	f.since = now
}

// beginAt says that addresses have been observed since a time already, if that is earlier.
func (f *Feeds) beginAt(at time.Time) {
	f.begun.Lock()
	defer f.begun.Unlock()
	f.since = earlier(f.since, at)
}

// Since is since when addresses have been observed; times when they could not be do not count.
func (f *Feeds) Since() time.Time {
	f.begun.Lock()
	defer f.begun.Unlock()
	return f.since
}

// warmUp is for how long addresses must have been observed before there is a list of them: clients keep most
// answers for less, and so what is in use has been asked for again by then. Before, a list would lack what a
// firewall has from before the start.
const warmUp = time.Hour

// Ready is from when on there are observed lists, where addresses are kept for so long.
func (f *Feeds) Ready(keep time.Duration) time.Time { return f.Since().Add(min(keep, warmUp)) }

// Source is by what lists are made.
type Source struct {
	Policy     *policy.Policy
	Generation uint64        // another one for each Policy
	Keep       time.Duration // how long ago an address may have been seen last
	Now        time.Time
}

// Sighting is an address in an answer, for a name that a rule takes.
type Sighting struct {
	Rule   string
	Name   matcher.Name // by which the rule matched
	Addr   netip.Addr
	Client netip.Addr
	At     time.Time
}

// Note remembers a sighting, if there is room. It does constant work.
func (f *Feeds) Note(s Sighting) {
	f.noted.Add(1)
	f.seen.Note(
		drift.Key{Group: s.Rule, Addr: s.Addr.Unmap().WithZone("")},
		drift.Sighting{At: s.At, Client: s.Client, Name: s.Name},
	)
}

// Sightings is how many there were.
func (f *Feeds) Sightings() uint64 { return f.noted.Load() }

// Observed is how many addresses are remembered, and for how many sightings there was no room.
func (f *Feeds) Observed() (addresses int, lost uint64) { return f.seen.Len(), f.seen.Lost() }

// observed are the observed lists of all rules.
type observed struct {
	generation uint64
	at         time.Time
	rules      map[string]map[string][]netip.Prefix // by rule and list
}

// observedBy brings the observed lists up to date. f.mu is held.
func (f *Feeds) observedBy(src Source) observed {
	o := f.observed
	if o.rules != nil && o.generation == src.Generation && src.Now.Sub(o.at) < fresh {
		return o
	}
	o = observed{generation: src.Generation, at: src.Now, rules: map[string]map[string][]netip.Prefix{}}
	for _, seen := range f.seen.All() {
		if src.Now.Sub(seen.Last) <= src.Keep {
			o.add(src.Policy, seen)
		}
	}
	f.observed = o
	return o
}

// add adds an address to the lists that have it, if the rule still takes one of the names.
func (o observed) add(p *policy.Policy, seen drift.Seen) {
	verdict, ok := best(p, seen)
	if !ok || !p.Foreign(seen.Addr) {
		return
	}
	lists := o.rules[seen.Group]
	if lists == nil {
		lists = map[string][]netip.Prefix{}
		o.rules[seen.Group] = lists
	}
	for _, list := range listsOf(verdict) {
		lists[list] = append(lists[list], netip.PrefixFrom(seen.Addr, seen.Addr.BitLen()))
	}
}

// listsOf are the lists that have an address of that verdict.
func listsOf(v policy.Verdict) []string {
	switch v {
	case policy.Inside:
		return []string{Inside, Admitted}
	case policy.Outside:
		return []string{Outside}
	}
	return []string{Admitted} // nothing is published to be held against
}

// best is the kindest verdict on an address by the names for which it was seen: what is published for one
// name is the vendor's, also where it is seen for another. It is not ok where the rule takes none of the names.
func best(p *policy.Policy, seen drift.Seen) (verdict policy.Verdict, ok bool) {
	order := []policy.Verdict{policy.Inside, policy.NoRange, policy.NoFamily, policy.Outside}
	rank := len(order)
	for _, name := range seen.Names {
		if v, takes := p.JudgeFor(seen.Group, name, seen.Addr); takes {
			rank = min(rank, slices.Index(order, v))
		}
	}
	if rank == len(order) {
		return policy.NotAsked, false
	}
	return order[rank], true
}
