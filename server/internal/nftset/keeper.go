package nftset

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"splitdns/server/policy"
)

// An Element is an address that is to be in a set, and because of whom.
type Element struct {
	Set    policy.Set
	Addr   netip.Addr
	TTL    time.Duration // for how long the client may use the answer
	Name   string        // as dig shows it, without the final dot
	Client netip.Addr
}

// A Wanted is a set of the configuration, and the rules that name it.
type Wanted struct {
	Set   policy.Set
	Rules []string
}

// A Config is what the administrator wants of the keeper.
type Config struct {
	Sets  []Wanted
	Grace time.Duration // added to the TTL
	Min   time.Duration // the shortest timeout that an element gets
}

// Options are what a keeper tells its owner, and how it knows the time.
type Options struct {
	// Now tells the time, with a monotonic reading: only differences count.
	Now func() time.Time
	// Report hears what an administrator should know, once for each change: what is bad, and that it
	// is well again. It is called from one goroutine at a time, without a lock.
	Report func(bad bool, text string)
	// Lost is called when elements may be gone or a set cannot be used: whatever relied on an
	// earlier Holds is void. It is called without a lock, after Holds has forgotten them.
	Lost func()
}

// A Keeper keeps addresses in nftables sets. Its methods may be called from any goroutine.
type Keeper struct {
	o Options
}

// New is a keeper that has no sets yet, see [Keeper.Follow], and does nothing before [Keeper.Run].
func New(o Options) *Keeper {
	return &Keeper{o: o}
}

// Follow takes a configuration, at start and at each reload: every set is looked at anew and what is
// wrong with it reported. What is remembered of sets that stay, stays; elements of sets that go are
// left to their timeouts.
func (k *Keeper) Follow(c Config) {}

// Run is every goroutine of the package, until ctx ends: then pending requests fail.
func (k *Keeper) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Holds reports that all elements are known to be in their sets for at least their TTL from now;
// until is when the first of them ends, zero where none ever does. It also notes names and clients.
// It neither waits nor does I/O.
func (k *Keeper) Holds(es []Element) (until time.Time, ok bool) {
	return time.Time{}, len(es) == 0
}

// Add puts elements into their sets and calls done exactly once, after 500 ms at most: with nil when
// all are in, else with what an administrator should know. It may call done before it returns.
// Elements of the other IP version than their set's are left out. es belongs to the keeper from now
// on.
func (k *Keeper) Add(es []Element, done func(error)) {
	done(errors.New("not running"))
}
