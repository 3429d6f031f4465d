package nftset

import (
	"net/netip"
	"strings"
	"time"

	"splitdns/server/policy"
)

// A setState is what is known of a set. Keeper.mu guards it.
type setState struct {
	set      policy.Set
	rules    []string
	looked   bool   // found, or fault, is of this set
	strange  bool   // the last look failed, which says nothing of the set
	found    found  // as it was when last there
	fault    *fault // nothing is put into it
	refusal  *fault // it did not take an element; others are tried all the same
	since    time.Time
	elements map[netip.Addr]*kept
	counts   counts

	back     []netip.Addr // elements to be put back
	refused  bool         // one of them was refused again
	restored int          // elements put back since badSince
	badSince time.Time    // of the fault, or the loss, that is being healed; zero: nothing is
	faulty   bool         // there was a fault or a refusal since, not only a loss
	toldLoss time.Time    // when a loss was last reported
}

// counts are the figures of a set.
type counts struct {
	adds, refreshes, lost, restored, heals uint64
	lastHeal                               time.Duration
	failures                               map[string]uint64
}

// fail counts n elements that could not be put in.
func (c *counts) fail(state string, n int) {
	if c.failures == nil {
		c.failures = make(map[string]uint64)
	}
	c.failures[state] += uint64(n)
}

// newSetState is a set that was not looked at yet.
func newSetState(set policy.Set, now time.Time) *setState {
	return &setState{set: set, since: now, elements: make(map[netip.Addr]*kept), found: guess(set)}
}

// guess is what a set most likely holds that nobody has seen: while it is missing, answers of the
// other IP version should not suffer. It has no handle.
func guess(set policy.Set) found {
	is6 := set.Family == "ip6" || strings.HasSuffix(set.Name, "6")
	return found{set: set, is6: is6, is4: !is6 && (set.Family == "ip" || strings.HasSuffix(set.Name, "4"))}
}

// takes reports whether addr is of the version of s: as long as nobody knows, it is.
func (s *setState) takes(addr netip.Addr) bool {
	return !s.found.is4 && !s.found.is6 || s.found.takes(addr)
}

// ill is why s is not well, or nil.
func (s *setState) ill() *fault {
	if s.fault != nil {
		return s.fault
	}
	return s.refusal
}

// state is the word for how s is.
func (s *setState) state() string {
	switch f := s.ill(); {
	case f != nil:
		return f.state
	case !s.looked:
		return stateUnknown
	}
	return stateOK
}

// doubt forgets that elements are in the set: those of addrs, or all for nil. They are looked up and
// put back where they are missing. It reports whether there are any.
func (s *setState) doubt(addrs []netip.Addr, now time.Time) bool {
	before := len(s.back)
	if addrs == nil {
		s.back, before = nil, 0
		for addr, e := range s.elements {
			s.doubtOne(addr, e, now)
		}
	}
	for _, addr := range addrs {
		if e := s.elements[addr]; e != nil {
			s.doubtOne(addr, e, now)
		}
	}
	if len(s.back) == before {
		return false
	}
	s.suffer(now)
	return true
}

// doubtOne is doubt for one element.
func (s *setState) doubtOne(addr netip.Addr, e *kept, now time.Time) {
	e.forget()
	if e.wanted.After(now) {
		s.back = append(s.back, addr)
	}
}

// catchUp queues what should be in the set and is not, if it can be used.
func (s *setState) catchUp(now time.Time) {
	if s.fault == nil && s.looked {
		s.absent(now)
	}
}

// absent queues what should be in the set and is not.
func (s *setState) absent(now time.Time) {
	s.back, s.refused = nil, false
	for addr, e := range s.elements {
		if e.wanted.After(now) && !e.permanent && !e.until.After(now) {
			s.back = append(s.back, addr)
		}
	}
}

// sweep drops elements that ended, and looks at no more than limit. Ranging over a map begins
// anywhere, so every element has its turn. It returns how many are gone.
func (s *setState) sweep(now time.Time, limit int) int {
	gone := 0
	for addr, e := range s.elements {
		if limit--; limit < 0 {
			break
		}
		if !e.wanted.After(now) && !e.until.After(now) {
			delete(s.elements, addr)
			gone++
		}
	}
	return gone
}
