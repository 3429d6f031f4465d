package nftset

import (
	"cmp"
	"context"
	"net/netip"
	"sync"
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
	Queue int           // the most requests that wait; 0: 10,000
}

// Options are what a keeper tells its owner, and how it knows the time.
type Options struct {
	// Now tells the time, with a monotonic reading: only differences count. Nil is time.Now.
	Now func() time.Time
	// Report hears what an administrator should know, once for each change: what is bad, and that it
	// is well again. It is called without a lock, from any goroutine.
	Report func(bad bool, text string)
	// Lost is called when elements may be gone or a set cannot be used: whatever relied on an
	// earlier Holds is void. It is called without a lock, after Holds has forgotten them.
	Lost func()
}

// A Keeper keeps addresses in nftables sets. Its methods may be called from any goroutine.
type Keeper struct {
	o    Options
	dial func() kernel // for Run, and for each look at elements

	wake chan struct{} // there is something in queue, or sets changed
	news news          // what the monitor heard
	some chan struct{} // closed once there are sets: until then nftables is left alone

	begin func() // closes some

	mu         sync.Mutex
	sets       map[policy.Set]*setState
	order      []*setState // as in the configuration
	grace, min time.Duration
	unseen     bool // the worker has not looked at the sets since Follow
	queue      []*request
	room       int  // the most requests in queue
	queued     int  // elements of queue
	behind     bool // elements were asked for that are not in queue, as it was full
	remembered int
	forgotten  uint64
	refresh    recipe
	slow       time.Time // since when the kernel does not answer; zero: it does
	over       bool      // Run has ended
}

// New is a keeper that has no sets yet, see [Keeper.Follow], and puts nothing anywhere before
// [Keeper.Run].
func New(o Options) *Keeper { return newKeeper(o, dialKernel) }

// newKeeper is New with the kernel to use.
func newKeeper(o Options, dial func() kernel) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(bool, string) {}
	}
	if o.Lost == nil {
		o.Lost = func() {}
	}
	k := &Keeper{o: o, dial: dial, wake: make(chan struct{}, 1), some: make(chan struct{})}
	k.begin = sync.OnceFunc(func() { close(k.some) })
	k.news.wake = make(chan struct{}, 1)
	return k
}

// Follow takes a configuration, at start and at each reload: Run looks at every set anew at once, and
// reports what is wrong with it. What is remembered of sets that stay, stays; elements of sets that
// go are left to their timeouts.
func (k *Keeper) Follow(c Config) {
	now := k.o.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	sets := make(map[policy.Set]*setState, len(c.Sets))
	k.order = make([]*setState, 0, len(c.Sets))
	for _, w := range c.Sets {
		if sets[w.Set] != nil {
			continue
		}
		s := k.sets[w.Set]
		if s == nil {
			s = newSetState(w.Set, now)
		}
		s.rules, s.looked = w.Rules, false
		sets[w.Set] = s
		k.order = append(k.order, s)
	}
	if len(sets) > 0 {
		k.begin()
	}
	k.sets, k.grace, k.min, k.unseen = sets, c.Grace, c.Min, true
	k.room = cmp.Or(c.Queue, defaultQueue)
	k.remembered = 0
	for _, s := range k.order {
		k.remembered += len(s.elements)
	}
	poke(k.wake)
}

// Run is every goroutine of the package, until ctx ends: then pending requests fail. It is called
// once.
func (k *Keeper) Run(ctx context.Context) error {
	w := worker{k: k, kernel: k.dial()}
	var g sync.WaitGroup
	g.Go(func() { k.listen(ctx, w.kernel) })
	w.run(ctx)
	g.Wait()
	w.kernel.close()
	k.end()
	return nil
}

// Holds reports that all elements are known to be in their sets for at least their TTL from now;
// until is when the first of them ends, and never zero. It also notes names and clients, neither
// waits nor does I/O, and allocates only to note what is new.
func (k *Keeper) Holds(es []Element) (until time.Time, ok bool) {
	now := k.o.Now()
	until = now.Add(longest)
	k.mu.Lock()
	defer k.mu.Unlock()
	var s *setState
	for i := range es {
		e := &es[i]
		if s == nil || s.set != e.Set { // most answers have one set, and several addresses
			s = k.sets[e.Set]
		}
		if s == nil {
			return now, false
		}
		addr := e.Addr.Unmap()
		if !s.takes(addr) {
			continue
		}
		have := s.elements[addr]
		if have == nil || !have.lasts(now.Add(min(e.TTL, longest))) {
			return now, false
		}
		have.note(e.Name, e.Client)
		if have.permanent { // should that end, ours takes its place
			have.want(now.Add(k.timeout(e.TTL)))
		} else if have.until.Before(until) {
			until = have.until
		}
	}
	return until, true
}

// poke wakes whoever waits for c, which has room for one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
