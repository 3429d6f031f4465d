package nftset

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	// maxRemembered is the most elements that are remembered, over all sets: some 25 MB.
	maxRemembered = 65536
	// maxCauses is how many names, and how many clients, are remembered of an element.
	maxCauses = 4
	// longest is the longest timeout. No TTL is that long, as caches cut them to a week.
	longest = 30 * 24 * time.Hour
)

// A kept is what is remembered of an address in a set. Keeper.mu guards it.
type kept struct {
	wanted    time.Time     // until when it is to be in the set
	until     time.Time     // until when it is known to be in; zero: it is not, or nobody knows
	timeout   time.Duration // that it was added with
	permanent bool          // somebody else put it in for good
	doubted   bool          // it was known to be in the set, and may be gone
	since     time.Time     // when the keeper first wanted it
	names     [maxCauses]string
	clients   [maxCauses]netip.Addr
	named     uint8 // where the next name goes
	asked     uint8 // where the next client goes
}

// lasts reports whether e is known to be in its set until end.
func (e *kept) lasts(end time.Time) bool { return e.permanent || !e.until.Before(end) }

// want makes e stay until end, if it was not to stay for longer.
func (e *kept) want(end time.Time) {
	if e.wanted.Before(end) {
		e.wanted = end
	}
}

// note remembers because of whom e is in its set: the last few. It allocates for a new name only.
func (e *kept) note(name string, client netip.Addr) {
	if name != "" && !slices.Contains(e.names[:], name) {
		e.names[e.named%maxCauses] = strings.Clone(name) // it may be a piece of a message
		e.named++
	}
	if client.IsValid() && !slices.Contains(e.clients[:], client) {
		e.clients[e.asked%maxCauses] = client
		e.asked++
	}
}

// forget is for an element of which nobody knows any longer whether it is in the set.
func (e *kept) forget() {
	e.doubted = e.doubted || e.permanent || !e.until.IsZero()
	e.until, e.permanent = time.Time{}, false
}
