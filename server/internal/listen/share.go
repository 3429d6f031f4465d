package listen

import (
	"hash/maphash"
	"net/netip"
)

const (
	// shares is the number of buckets that clients are counted in: those of a flood and of somebody else are seldom
	// the same, and the table takes some tens of kilobytes.
	shares = 1024
	// shareOfLimit is how many clients may have as many queries waiting, at the limit, before they have more
	// than their share.
	shareOfLimit = 8
	// siteBits is the part of an IPv6 address by which queries that wait are counted: many sites have a /56.
	siteBits = 56
)

// share is the UDP queries that wait of the clients of one bucket, in the order in which they came.
type share struct {
	oldest, newest *ticket
	count          int
}

// fairness says whose query is shed at the limit: who has more than a fair share sheds his own. The limiter's
// mutex guards it.
type fairness struct {
	seed     maphash.Seed
	fair     int // queries
	shares   [shares]share
	greedy   int    // shares with more than that
	heaviest *share // when it was looked up; it may be fair by now
}

// newFairness returns the shares of a limit of n queries.
func newFairness(n int) *fairness {
	f := &fairness{seed: maphash.MakeSeed(), fair: max(1, n/shareOfLimit)}
	f.heaviest = &f.shares[0]
	return f
}

// of is the share of a client.
func (f *fairness) of(client netip.Addr) *share {
	octets := client.As16()
	known := octets[:]
	if client.Is6() {
		known = octets[:siteBits/8]
	}
	return &f.shares[maphash.Bytes(f.seed, known)%shares]
}

// add puts t behind the others of its share.
func (f *fairness) add(t *ticket) {
	s := t.share
	if t.before = s.newest; t.before == nil {
		s.oldest = t
	} else {
		t.before.behind = t
	}
	s.newest = t
	s.count++
	if s.count == f.fair+1 {
		f.greedy++
	}
	if s.count > f.heaviest.count {
		f.heaviest = s
	}
}

// remove takes t out of its share.
func (f *fairness) remove(t *ticket) {
	s := t.share
	if t.before == nil {
		s.oldest = t.behind
	} else {
		t.before.behind = t.behind
	}
	if t.behind == nil {
		s.newest = t.before
	} else {
		t.behind.before = t.before
	}
	if s.count == f.fair+1 {
		f.greedy--
	}
	s.count--
	t.before, t.behind = nil, nil
}

// victim is the query to be shed for one of a client with that share, nil for one that is not counted here: the
// oldest of that client if he has his share, else of one who has more than a share. It is nil where everybody is
// fair.
func (f *fairness) victim(s *share) *ticket {
	if s != nil && s.count >= f.fair {
		return s.oldest
	}
	if f.greedy == 0 {
		return nil
	}
	if f.heaviest.count <= f.fair {
		f.lookUp()
	}
	return f.heaviest.oldest
}

// lookUp finds the heaviest share.
func (f *fairness) lookUp() {
	for i := range f.shares {
		if f.shares[i].count > f.heaviest.count {
			f.heaviest = &f.shares[i]
		}
	}
}
