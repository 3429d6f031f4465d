package nftset

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"splitdns/server/policy"
)

const (
	// gatherTime is how long events are gathered: those of one flush come in many pieces.
	gatherTime = 10 * time.Millisecond
	// maxNews is the most removed addresses of one set that are told apart.
	maxNews = 4096
)

// A news is what the monitor heard and the worker has not dealt with yet. The zero value with a wake
// is ready for use.
type news struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting bool // for the time to gather
	all     bool // anything may have changed
	sets    map[policy.Set]*removal
	commits uint32 // transactions of others
}

// A removal is what became of a set.
type removal struct {
	changed bool         // it may be another one, or gone
	any     bool         // any element may be gone
	addrs   []netip.Addr // these are
	renewed []renewal    // these may end earlier than they did
}

// A renewal is an element that somebody else added, or gave another timeout.
type renewal struct {
	addr netip.Addr
	end  time.Time // zero: it is permanent
}

// listen runs the monitor, once there are sets, until ctx ends. One that fails is started again each second: whatever
// changed meanwhile is looked at then.
func (k *Keeper) listen(ctx context.Context, kernel kernel) {
	select {
	case <-ctx.Done():
	case <-k.some:
	}
	for ctx.Err() == nil {
		_ = kernel.monitor(ctx, k.hear) // whoever may not listen may not look at sets either, which is reported
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// hear takes one event of the monitor.
func (k *Keeper) hear(e event) {
	if e.kind == committed {
		k.news.mu.Lock()
		k.news.commits++
		k.news.mu.Unlock()
		return
	}
	switch {
	case e.kind == added:
		if list := k.renewals(e); len(list) > 0 {
			k.news.renew(e.set, list)
		}
	case e.kind == anything, k.follows(e.set):
		k.news.add(e)
	}
}

// renewals are the elements of e that are remembered. What others put into a set besides costs
// nothing more.
func (k *Keeper) renewals(e event) (list []renewal) {
	now := k.o.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.sets[e.set]
	if s == nil || len(s.elements) == 0 {
		return nil
	}
	for addr, left := range e.added {
		switch {
		case s.elements[addr] == nil:
		case left == 0:
			list = append(list, renewal{addr: addr})
		default:
			list = append(list, renewal{addr, now.Add(left - slack/2)}) // as in job.found
		}
	}
	return list
}

// follows reports whether set is in the configuration.
func (k *Keeper) follows(set policy.Set) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sets[set] != nil
}

// add keeps e for the worker.
func (n *news) add(e event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch e.kind {
	case anything:
		n.all = true
	case changedSet:
		n.of(e.set).changed = true
	default:
		n.of(e.set).remove(e.addrs)
	}
	n.gather()
}

// renew keeps list, of set, for the worker.
func (n *news) renew(set policy.Set, list []renewal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.of(set)
	if len(r.renewed)+len(list) > maxNews {
		r.remove(nil)
	}
	if !r.any {
		r.renewed = append(r.renewed, list...)
	}
	n.gather()
}

// gather wakes the worker when more had time to come. n.mu is held.
func (n *news) gather() {
	if !n.waiting {
		n.waiting = true
		time.AfterFunc(gatherTime, func() { poke(n.wake) })
	}
}

// of is what is kept of set. n.mu is held.
func (n *news) of(set policy.Set) *removal {
	r := n.sets[set]
	if r == nil {
		r = &removal{}
		if n.sets == nil {
			n.sets = make(map[policy.Set]*removal)
		}
		n.sets[set] = r
	}
	return r
}

// remove takes addresses that were removed; nil: any may have been.
func (r *removal) remove(addrs []netip.Addr) {
	if addrs == nil || len(r.addrs)+len(addrs) > maxNews {
		r.any, r.addrs, r.renewed = true, nil, nil
	}
	if !r.any {
		r.addrs = append(r.addrs, addrs...)
	}
}

// take is what came since the last take.
func (n *news) take() (all bool, sets map[policy.Set]*removal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, sets = n.all, n.sets
	n.all, n.sets, n.waiting = false, nil, false
	return all, sets
}

// heard is how many transactions of others there were.
func (n *news) heard() uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.commits
}
