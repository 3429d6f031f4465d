package nftset

import (
	"maps"
	"net/netip"
	"time"

	"splitdns/server/policy"
)

// A Status is what a keeper does, for people and metrics. It is a copy.
type Status struct {
	Sets       []SetStatus // in the order of the configuration
	Queue      int         // requests that wait for the kernel
	Remembered int         // elements, over all sets
	Forgotten  uint64      // elements that were put in but not remembered, as too many are
	Recipe     string      // how elements are refreshed: "add", "delete and add", or "" where unknown yet
}

// A SetStatus is what is known of one set.
type SetStatus struct {
	Set       policy.Set
	Rules     []string          // that name it
	State     string            // "ok", "unknown" before it was looked at, or a fault such as "missing" or "no timeout"
	Text      string            // the fault; empty where there is none
	Fix       string            // what to do about it; may be empty
	Since     time.Time         // of State
	Type      string            // "ipv4_addr", "ipv6_addr", or what else was found
	Interval  bool              // flags interval
	Timeout   bool              // flags timeout
	Size      int               // the most elements that it takes, 0 for no limit
	Is4, Is6  bool              // what addresses it holds, by its name while nobody has seen it; both false: not known
	Wanted    int               // elements that are to be in it, of those that are remembered
	In        int               // those of them that are known to be in it
	Adds      uint64            // elements put into it that were not in
	Refreshes uint64            // elements whose timeout was set anew
	Failures  map[string]uint64 // elements that could not be put into it, by state; may be nil
	Lost      uint64            // elements that were in it and that somebody else removed
	Restored  uint64            // those put back, and those that it had not taken at first
	Heals     uint64            // times that it was well again
	LastHeal  time.Duration     // from the fault, or the loss, to the last element put back
}

// Status tells what the keeper does.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	st := Status{Queue: len(k.queue), Remembered: k.remembered, Forgotten: k.forgotten, Recipe: k.refresh.String()}
	now := k.o.Now()
	for _, s := range k.order {
		st.Sets = append(st.Sets, s.status(now))
	}
	return st
}

// Takes reports whether addresses of addr's version belong into the set, as far as that is known.
func (s *SetStatus) Takes(addr netip.Addr) bool { return s.Is4 == s.Is6 || s.Is4 == addr.Is4() }

// Unseen is the status of a set that nobody has looked at.
func Unseen(w Wanted, now time.Time) SetStatus {
	s := newSetState(w.Set, now)
	s.rules = w.Rules
	return s.status(now)
}

// status is what is known of s. It counts all that is remembered of it, which takes a millisecond at
// most.
func (s *setState) status(now time.Time) SetStatus {
	st := SetStatus{
		Set: s.set, Rules: s.rules, State: s.state(), Since: s.since, Is4: s.found.is4, Is6: s.found.is6,
		Type: s.found.typ, Interval: s.found.interval, Timeout: s.found.timeout, Size: int(s.found.size),
		Adds: s.counts.adds, Refreshes: s.counts.refreshes, Failures: maps.Clone(s.counts.failures),
		Lost: s.counts.lost, Restored: s.counts.restored, Heals: s.counts.heals, LastHeal: s.counts.lastHeal,
	}
	for _, e := range s.elements {
		in := e.permanent || e.until.After(now)
		if in {
			st.In++
		}
		if in || e.wanted.After(now) {
			st.Wanted++
		}
	}
	if f := s.ill(); f != nil {
		st.Text, st.Fix = f.cause, f.fix
	}
	return st
}
