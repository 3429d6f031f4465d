package server

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// stateDemo is the state of sets in a demonstration.
const stateDemo = "demo"

// errDemoSets says why nobody knows what is in a set.
var errDemoSets = errors.New("the demonstration never touches the firewall: nothing is put into this set")

// demoSets are the sets of a demonstration: made-up addresses must not open a real firewall, so all
// answers are given as if they had been put in, and nftables is left alone. It is safe for
// concurrent use.
type demoSets struct {
	report func(bad bool, text string)
	now    func() time.Time

	mu    sync.Mutex
	sets  []nftset.Wanted
	since time.Time
	told  bool // that nothing is put into sets
}

// newDemoSets are the sets of a demonstration, none yet.
func newDemoSets(o nftset.Options) *demoSets {
	d := &demoSets{report: o.Report, now: o.Now}
	if d.now == nil {
		d.now = time.Now
	}
	d.since = d.now()
	return d
}

// Follow says once that nothing is put into sets.
func (d *demoSets) Follow(c nftset.Config) {
	d.mu.Lock()
	first := len(c.Sets) > 0 && !d.told
	d.sets, d.told = c.Sets, d.told || first
	d.mu.Unlock()
	if first {
		d.report(false, "the demonstration never touches the firewall: no address is put into the sets of the rules")
	}
}

// Run has nothing to do.
func (d *demoSets) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Holds is true of everything.
func (d *demoSets) Holds([]nftset.Element) (until time.Time, ok bool) {
	return d.now().Add(24 * time.Hour), true
}

// Add does nothing, well.
func (d *demoSets) Add(_ []nftset.Element, done func(error)) { done(nil) }

func (d *demoSets) Status() nftset.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	var st nftset.Status
	for _, w := range d.sets {
		set := nftset.Unseen(w, d.since)
		set.State, set.Text = stateDemo, errDemoSets.Error()
		st.Sets = append(st.Sets, set)
	}
	return st
}

func (d *demoSets) Elements(policy.Set) ([]nftset.Held, error) { return nil, errDemoSets }

func (d *demoSets) Remaining(policy.Set, []netip.Addr) (map[netip.Addr]time.Duration, error) {
	return nil, errDemoSets
}
