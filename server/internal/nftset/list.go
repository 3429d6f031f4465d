package nftset

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"splitdns/server/policy"
)

// MaxListed is the most elements that [Keeper.Elements] lists.
const MaxListed = 65536

// ErrMore says that a set has more elements than are listed.
var ErrMore = errors.New("there are more elements than are listed")

// A Held is an element that is in a set, as the kernel has it, with what is remembered of it.
type Held struct {
	Addr      netip.Addr    // the first address
	Last      netip.Addr    // the last address: Addr, but for ranges in sets with flags interval
	Remaining time.Duration // negative: permanent
	Timeout   time.Duration // as it was added, 0: permanent
	Names     []string      // that led to it, the last few
	Clients   []netip.Addr  // that asked for it, the last few
	Since     time.Time     // when the keeper first put it in; zero for those of others
	Other     bool          // somebody else put it in: an administrator, another program, or an earlier run
}

// Elements lists what is in a set of the configuration, in the order of addresses. With [ErrMore],
// these are [MaxListed] of more. It asks the kernel, for 2 seconds at most.
func (k *Keeper) Elements(set policy.Set) ([]Held, error) {
	kernel := k.dial()
	defer kernel.close()
	f, err := k.find(kernel, set)
	if err != nil {
		return nil, err
	}
	list, err := kernel.list(f, MaxListed)
	if err != nil && !errors.Is(err, ErrMore) {
		return nil, fmt.Errorf("set %s: %w", set, err)
	}
	slices.SortFunc(list, func(a, b listed) int { return a.first.Compare(b.first) })
	held := make([]Held, len(list))
	for i, l := range list {
		held[i] = Held{Addr: l.first, Last: l.last, Remaining: l.remaining, Timeout: l.timeout, Other: true}
		if l.timeout == 0 {
			held[i].Remaining = -1
		}
	}
	k.explain(set, held)
	return held, err
}

// explain adds what is remembered to held.
func (k *Keeper) explain(set policy.Set, held []Held) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.sets[set]
	if s == nil {
		return
	}
	for i := range held {
		h := &held[i]
		e := s.elements[h.Addr]
		if e == nil || h.Last != h.Addr || e.permanent {
			continue
		}
		h.Other, h.Since = false, e.since
		for _, name := range e.names {
			if name != "" {
				h.Names = append(h.Names, name)
			}
		}
		for _, client := range e.clients {
			if client.IsValid() {
				h.Clients = append(h.Clients, client)
			}
		}
	}
}

// Remaining tells for how long yet each of addrs, at most 512, is in the set: negative where it is
// permanently, and what is not in the set is not in the map. It asks the kernel, for 2 seconds at
// most.
func (k *Keeper) Remaining(set policy.Set, addrs []netip.Addr) (map[netip.Addr]time.Duration, error) {
	kernel := k.dial()
	defer kernel.close()
	f, err := k.find(kernel, set)
	if err != nil {
		return nil, err
	}
	ask := make([]netip.Addr, 0, len(addrs))
	for _, addr := range addrs {
		if f.takes(addr.Unmap()) && len(ask) < batch {
			ask = append(ask, addr.Unmap())
		}
	}
	there, err := kernel.read(f, ask)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", set, err)
	}
	left := make(map[netip.Addr]time.Duration)
	for i, p := range there {
		switch {
		case p.permanent:
			left[ask[i]] = -1
		case p.in:
			left[ask[i]] = p.remaining
		}
	}
	return left, nil
}

// find looks up a set of the configuration. One without timeouts can be read all the same.
func (k *Keeper) find(kernel kernel, set policy.Set) (found, error) {
	if !k.follows(set) {
		return found{}, fmt.Errorf("set %s: it is not in the configuration", set)
	}
	f, err := kernel.describe(set)
	if err != nil {
		return found{}, fmt.Errorf("set %s: %w", set, judged(set, found{}, f, err))
	}
	if bad := judge(f); bad != nil && bad.state == stateType {
		return found{}, fmt.Errorf("set %s: %w", set, bad)
	}
	return f, nil
}
