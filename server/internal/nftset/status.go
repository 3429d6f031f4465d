package nftset

import (
	"errors"
	"net/netip"
	"time"

	"splitdns/server/policy"
)

// A Status is what a keeper does, for people and metrics. It is a copy.
type Status struct {
	Sets       []SetStatus // in the order of the configuration
	Queue      int         // requests that wait for the kernel
	Remembered int         // elements, over all sets
	Forgotten  uint64      // elements that are in their sets but not remembered, as too many are
	Recipe     string      // how elements are refreshed: "add", "delete and add", or "" where unknown yet
}

// A SetStatus is what is known of one set.
type SetStatus struct {
	Set       policy.Set
	Rules     []string          // that name it
	State     string            // "ok", "unknown" before it was looked at, or one of the faults such as "missing"
	Text      string            // the fault, with its fix; empty where there is none
	Since     time.Time         // of State
	Type      string            // "ipv4_addr", "ipv6_addr", or what else was found
	Interval  bool              // flags interval
	Timeout   bool              // flags timeout
	Size      int               // the most elements that it takes, 0 for no limit
	Elements  int               // remembered
	Adds      uint64            // elements put into it that were not known to be in
	Refreshes uint64            // elements whose timeout was set again
	Failures  map[string]uint64 // elements that could not be put into it, by state
	Lost      uint64            // elements that somebody else removed
	Restored  uint64            // elements put back without being asked
	Heals     uint64            // times that it was well again
	LastHeal  time.Duration     // from the fault, or the loss, to the last element put back
}

// A Held is an element that is in a set, as the kernel has it, with what is remembered of it.
type Held struct {
	Addr      netip.Addr    // the first address
	Last      netip.Addr    // the last address: Addr, but for ranges in sets with flags interval
	Remaining time.Duration // negative: permanent
	Timeout   time.Duration // as it was added, 0: permanent
	Names     []string      // that led to it, a few of them
	Clients   []netip.Addr  // that asked for it, a few of them
	Since     time.Time     // when the keeper first put it in
	Other     bool          // it is not the keeper's: an administrator, or another program, put it in
}

// Status tells what the keeper does.
func (k *Keeper) Status() Status { return Status{} }

// Elements lists what is in a set of the configuration, in the order of addresses, at most
// [MaxListed]: the error is [ErrMore] where there are more. It asks the kernel, for 2 seconds at most.
func (k *Keeper) Elements(set policy.Set) ([]Held, error) {
	return nil, errors.New("not running")
}

// MaxListed is the most elements that [Keeper.Elements] lists.
const MaxListed = 65536

// ErrMore says that a set has more elements than are listed.
var ErrMore = errors.New("there are more elements than are listed")

// Remaining tells for how long yet each of addrs is in the set: negative where it is permanently,
// and what is not in the set is not in the map. It asks the kernel, for 2 seconds at most.
func (k *Keeper) Remaining(set policy.Set, addrs []netip.Addr) (map[netip.Addr]time.Duration, error) {
	return nil, errors.New("not running")
}
