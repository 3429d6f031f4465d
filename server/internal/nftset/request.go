package nftset

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// patience is how long a request may wait for the kernel.
	patience = 500 * time.Millisecond
	// defaultQueue is the most requests that wait unless the configuration says more. Those that the
	// kernel let wait for too long are among them, though nobody waits for them any longer.
	defaultQueue = 10_000
	// maxQueued is the most elements of requests that wait: some 25 MB.
	maxQueued = 1 << 18
)

var (
	errEnded = errors.New("splitdns is stopping")
	errQueue = errors.New("nftables: too many answers wait for the kernel")
)

// A request is a call of Add that waits for the kernel.
type request struct {
	done     func(error)
	finished atomic.Bool // done has been called, or is about to be
	timer    *time.Timer // calls done when the kernel takes too long
	parts    []part      // never changes once the request is queued

	open int   // parts without a verdict; the worker's
	err  error // of the parts; the worker's, once the request is queued
}

// A part is one element of a request.
type part struct {
	set  *setState
	addr netip.Addr
	need time.Time // until when the client may use the address
	end  time.Time // until when it is to be in the set
}

// finish calls done, unless that was done before. It reports whether it did.
func (r *request) finish(err error) bool {
	if r.finished.Swap(true) {
		return false
	}
	r.done(err)
	return true
}

// conclude finishes a request that was queued.
func (r *request) conclude(err error) {
	r.timer.Stop()
	r.finish(err)
}

// settle takes the verdict on one part, and finishes the request with that on the last.
func (r *request) settle(err error) {
	r.err = both(r.err, err)
	if r.open--; r.open == 0 {
		r.conclude(r.err)
	}
}

// both is two errors in one line, each of which may be nil.
func both(a, b error) error {
	switch {
	case a == nil || b == nil:
		if a == nil {
			return b
		}
		return a
	case a.Error() == b.Error():
		return a
	}
	return fmt.Errorf("%w; %w", a, b)
}

// Add puts elements into their sets and calls done exactly once, after 500 ms at most: with nil when
// all are in, else with an error of one line that names the sets and the causes. It may call done
// before it returns; done must not wait, as the goroutine that talks to the kernel may call it.
// Elements of the other IP version than their set's are left out, those that are known to be in for
// long enough are not put in again, and those that cannot be put in now are when their set is well
// again. es stays the caller's.
func (k *Keeper) Add(es []Element, done func(error)) {
	r := &request{done: done}
	k.mu.Lock()
	k.admit(r, es)
	if r.open == 0 {
		k.mu.Unlock()
		r.finish(r.err)
		return
	}
	r.timer = time.AfterFunc(patience, func() { k.expire(r) })
	k.queue = append(k.queue, r)
	k.queued += r.open
	k.mu.Unlock()
	poke(k.wake)
}

// admit finds out what of es has to go to the kernel. What there is no room for in the queue is
// remembered, and put in when the kernel answers again. k.mu is held.
func (k *Keeper) admit(r *request, es []Element) {
	if k.over {
		r.err = errEnded
		return
	}
	now := k.o.Now()
	for i := range es {
		p, err := k.part(&es[i], now)
		r.err = both(r.err, err)
		if p.set != nil {
			r.parts = append(r.parts, p)
		}
	}
	if len(r.parts) > 0 && (len(k.queue) >= k.room || k.queued+len(r.parts) > maxQueued) {
		r.err, r.parts, k.behind = both(r.err, errQueue), nil, true
	}
	r.open = len(r.parts)
}

// part remembers an element, and is what has to be done for it; without a set: nothing. k.mu is held.
func (k *Keeper) part(e *Element, now time.Time) (part, error) {
	s := k.sets[e.Set]
	if s == nil {
		return part{}, fmt.Errorf("set %s: it is not in the configuration", e.Set)
	}
	addr := e.Addr.Unmap()
	if !s.takes(addr) {
		return part{}, nil
	}
	p := part{set: s, addr: addr, need: now.Add(min(e.TTL, longest)), end: now.Add(k.timeout(e.TTL))}
	have := k.remember(s, addr, now)
	lasts := have.lasts(p.need)
	have.note(e.Name, e.Client)
	if !lasts || have.permanent {
		have.want(p.end)
	}
	if s.fault != nil {
		s.counts.fail(s.fault.state, 1)
		return part{}, s.failing(s.fault)
	}
	if lasts {
		return part{}, nil
	}
	return p, nil
}

// timeout is how long an element stays for an answer that lives for ttl. k.mu is held.
func (k *Keeper) timeout(ttl time.Duration) time.Duration {
	return min(max(k.min, min(ttl, longest)+k.grace, time.Second), longest)
}

// remember finds the element, or makes room for it. k.mu is held.
func (k *Keeper) remember(s *setState, addr netip.Addr, now time.Time) *kept {
	if have := s.elements[addr]; have != nil {
		return have
	}
	if k.remembered >= maxRemembered {
		k.forget()
	}
	have := &kept{since: now}
	s.elements[addr] = have
	k.remembered++
	return have
}

// forget drops any element of the set that has most of them. It stays in the set until it ends, and is
// remembered again when it is used again. To forget what is new was turned down: whoever brings many
// addresses would keep those of all others from being known, and from being put back. k.mu is held.
func (k *Keeper) forget() {
	var most *setState
	for _, s := range k.order {
		if most == nil || len(s.elements) > len(most.elements) {
			most = s
		}
	}
	for addr := range most.elements { // which begins anywhere
		delete(most.elements, addr)
		break
	}
	k.remembered--
	k.forgotten++
}

// failing is f as the error of a request.
func (s *setState) failing(f *fault) error { return fmt.Errorf("set %s: %w", s.set, f) }

// expire is for a request that the kernel let wait for too long. What it asked for is put in
// nevertheless when the kernel answers again.
func (k *Keeper) expire(r *request) {
	f := &fault{state: stateBusy, cause: fmt.Sprintf("the kernel did not answer for %v", patience)}
	if !r.finish(r.parts[0].set.failing(f)) {
		return
	}
	k.mu.Lock()
	for _, p := range r.parts {
		p.set.counts.fail(stateBusy, 1)
	}
	first := k.slow.IsZero() && !k.over
	if first {
		k.slow = k.o.Now().Add(-patience)
	}
	k.mu.Unlock()
	if first {
		k.o.Report(true, fmt.Sprintf("nftables: the kernel has taken no addresses for %v: another program loads a large ruleset, or the machine is overloaded", patience))
	}
}

// end fails what still waits.
func (k *Keeper) end() {
	k.mu.Lock()
	queue := k.queue
	k.queue, k.over = nil, true
	k.mu.Unlock()
	for _, r := range queue {
		r.conclude(errEnded)
	}
}
