package nftset

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"splitdns/server/policy"
)

// A Fake is a kernel in memory, by the rules of the real one, in the time of its bubble.
type Fake struct {
	Old  bool                     // as before Linux 6.12: adding an element again changes nothing
	Deaf bool                     // the monitor hears nothing
	Stop chan struct{}            // if not nil, put waits until it is closed
	Fail func([]netip.Addr) error // if not nil, may make put fail
	Deny bool                     // no CAP_NET_ADMIN
	Then func()                   // if not nil, called after each transaction
	Puts int                      // transactions
	Read int                      // elements looked up
	Asks int                      // other questions

	mu     sync.Mutex
	sets   map[policy.Set]*fakeSet
	next   uint64
	commit uint32
	events chan event
}

// A fakeSet is a set of a Fake. An element ends at its time; the zero time is never.
type fakeSet struct {
	found
	elements map[netip.Addr]time.Time
	timeouts map[netip.Addr]time.Duration
}

// NewFake is a kernel without sets.
func NewFake() *Fake {
	return &Fake{sets: make(map[policy.Set]*fakeSet), events: make(chan event, 1<<17)}
}

// NewWith is a keeper with a fake for a kernel.
func NewWith(o Options, f *Fake) *Keeper { return newKeeper(o, func() kernel { return f }) }

// Change does something to the fields.
func (f *Fake) Change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// Make makes a set anew, of a type and a size.
func (f *Fake) Make(set policy.Set, typ string, size uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	f.sets[set] = &fakeSet{elements: make(map[netip.Addr]time.Time), timeouts: make(map[netip.Addr]time.Duration), found: found{
		set: set, table: 1, handle: f.next, typ: typ, timeout: true, size: size, is4: typ == "ipv4_addr", is6: typ == "ipv6_addr",
	}}
	f.changed(event{kind: changedSet, set: set})
}

// Delete deletes a set.
func (f *Fake) Delete(set policy.Set) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sets, set)
	f.changed(event{kind: changedSet, set: set})
}

// Flush deletes the elements of a set.
func (f *Fake) Flush(set policy.Set) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var addrs []netip.Addr
	for addr := range f.sets[set].elements {
		addrs = append(addrs, addr)
	}
	clear(f.sets[set].elements)
	for len(addrs) > 0 {
		n := min(100, len(addrs))
		f.tell(event{kind: removed, set: set, addrs: addrs[:n]})
		addrs = addrs[n:]
	}
	f.changed()
}

// Others adds elements as somebody else does it, with a timeout.
func (f *Fake) Others(set policy.Set, timeout time.Duration, addrs ...netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, addr := range addrs {
		f.sets[set].do(step{}, change{addr, timeout}, f.Old)
	}
	f.changed(event{kind: added, set: set, added: func(yield func(netip.Addr, time.Duration) bool) {
		for _, addr := range addrs {
			if !yield(addr, timeout) {
				return
			}
		}
	}})
}

// Until is when an element ends; the zero time if it is not there.
func (f *Fake) Until(set policy.Set, addr netip.Addr) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.sets[set]; s != nil && s.elements[addr].After(time.Now()) {
		return s.elements[addr]
	}
	return time.Time{}
}

// Overrun is what a monitor does that lost events.
func (f *Fake) Overrun() { f.Change(func() { f.tell(event{kind: anything}) }) }

// tell tells the monitor.
func (f *Fake) tell(e event) {
	if !f.Deaf {
		f.events <- e
	}
}

// changed ends a transaction of others.
func (f *Fake) changed(events ...event) {
	f.commit++
	for _, e := range events {
		f.tell(e)
	}
	f.tell(event{kind: committed})
}

func (f *Fake) describe(set policy.Set) (found, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.Deny:
		return found{}, notPermitted(errors.New("operation not permitted"))
	case f.sets[set] == nil:
		return found{}, &fault{state: stateMissing, code: errSet}
	}
	return f.sets[set].found, nil
}

func (f *Fake) read(s found, addrs []netip.Addr) ([]presence, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	there := make([]presence, len(addrs))
	for i, addr := range addrs {
		f.Read++
		end, ok := f.sets[s.set].elements[addr]
		there[i] = presence{in: ok && (end.IsZero() || end.After(time.Now())), exact: true, permanent: end.IsZero(), remaining: time.Until(end), timeout: f.sets[s.set].timeouts[addr]}
		if !there[i].in {
			there[i] = presence{}
		}
	}
	return there, nil
}

func (f *Fake) put(s found, changes []change, by recipe) error {
	f.mu.Lock()
	stop := f.Stop
	f.mu.Unlock()
	if stop != nil {
		<-stop
	}
	if f.Then != nil {
		defer f.Then()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Puts++
	set := f.sets[s.set]
	if set == nil {
		return &fault{state: stateMissing, code: errSet}
	}
	fresh := make([]netip.Addr, 0, len(changes))
	addrs := make([]netip.Addr, 0, len(changes))
	for _, c := range changes {
		addrs = append(addrs, c.addr)
		if end, ok := set.elements[c.addr]; !ok || !end.IsZero() && !end.After(time.Now()) {
			delete(set.elements, c.addr)
			fresh = append(fresh, c.addr)
		}
	}
	if f.Fail != nil {
		if err := f.Fail(addrs); err != nil {
			return err
		}
	}
	if set.size > 0 && len(set.elements)+len(fresh) > int(set.size) {
		return full(s, nil)
	}
	for _, step := range by.steps() {
		for _, c := range changes {
			set.do(step, c, f.Old)
		}
	}
	f.commit++
	return nil
}

// do makes one change.
func (s *fakeSet) do(by step, c change, old bool) {
	const tick = 10 * time.Millisecond
	_, in := s.elements[c.addr]
	timeout := c.timeout + by.longer
	switch {
	case by.remove:
		delete(s.elements, c.addr)
	case !in || !old && s.timeouts[c.addr] != timeout:
		s.timeouts[c.addr] = timeout
		s.elements[c.addr] = time.Now().Truncate(tick).Add(timeout.Truncate(tick))
	}
}

func (f *Fake) list(s found, limit int) ([]listed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []listed
	for addr, end := range f.sets[s.set].elements {
		list = append(list, listed{first: addr, last: addr, remaining: time.Until(end), timeout: time.Hour})
		if len(list) > limit {
			return list[:limit], ErrMore
		}
	}
	return list, nil
}

func (f *Fake) generation() (uint32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Asks++
	return f.commit, nil
}

func (f *Fake) monitor(ctx context.Context, tell func(event)) error {
	f.Change(func() { f.Asks++ })
	tell(event{kind: anything})
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-f.events:
			tell(e)
		}
	}
}

func (f *Fake) close() {}
