package nftset

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"splitdns/server/policy"
)

// kernel is what a keeper needs of nftables. Only one goroutine calls it, but for monitor, which has
// one of its own. Errors are faults, see [fault].
type kernel interface {
	// describe finds out what a set is now.
	describe(set policy.Set) (found, error)
	// read finds out for each of addrs, at most [batch], whether it is in the set.
	read(f found, addrs []netip.Addr) ([]presence, error)
	// put makes changes, at most [batch], in one transaction by the recipe: all or none. Whatever the
	// recipe, there is no moment when an element that was there is not.
	put(f found, changes []change, by recipe) error
	// list is what is in the set, in any order, at most limit elements.
	list(f found, limit int) ([]listed, error)
	// generation is the number of the ruleset, which every transaction makes greater by one.
	generation() (uint32, error)
	// monitor tells what others change, and first that everything may have changed before, until ctx
	// ends. put's own transactions it leaves out.
	monitor(ctx context.Context, tell func(event)) error
	close()
}

// batch is the most elements in one transaction. An attribute has 65,535 octets at most, and an IPv6
// address with the end of its interval needs 76.
const batch = 512

// A found is what a set is, as the kernel says.
type found struct {
	set      policy.Set
	table    uint64 // the handles of the table and the set tell them from those that took their
	handle   uint64 // names later; zero: it was never found
	typ      string // as nft writes it: ipv4_addr
	isMap    bool
	constant bool
	interval bool
	timeout  bool
	size     uint32
	usual    time.Duration // the timeout of elements that are added without one; 0: they are permanent
	is4, is6 bool          // what addresses it holds; both false for any other type
}

// takes reports whether addresses of addr's version belong into the set.
func (f found) takes(addr netip.Addr) bool { return addr.Is4() && f.is4 || addr.Is6() && f.is6 }

// same reports whether f and g are one and the same set.
func (f found) same(g found) bool { return f.table == g.table && f.handle == g.handle }

// A presence says whether an address is in a set.
type presence struct {
	in        bool
	permanent bool
	exact     bool // an element of its own, not a range that covers it
	remaining time.Duration
	timeout   time.Duration // as it was added; 0: permanent
}

// A change puts an address into a set for a time.
type change struct {
	addr    netip.Addr
	timeout time.Duration
}

// A listed is an element as the kernel lists it.
type listed struct {
	first, last netip.Addr
	timeout     time.Duration // 0: permanent; what remains, where it has that of the set
	remaining   time.Duration
}

// An event is what somebody else did to the ruleset.
type event struct {
	kind  eventKind
	set   policy.Set   // of changedSet, removed and added
	addrs []netip.Addr // of removed; nil: any of its elements
	// added are the addresses and how long each has left, 0 for ever. They are read only where
	// somebody wants them, as others may add any number, and only until the event is dealt with.
	added iter.Seq2[netip.Addr, time.Duration]
}

// An eventKind is what happened.
type eventKind uint8

const (
	anything   eventKind = iota // events were lost, or were not heard yet
	changedSet                  // a set was made or deleted
	removed                     // elements were deleted
	added                       // elements were added, or have another timeout
	committed                   // a transaction is over
)
