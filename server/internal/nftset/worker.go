package nftset

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

const (
	// lookEvery is how often sets are looked at without a reason: events may be lost, and the kernel
	// tells nobody of some changes (a table whose owner ended).
	lookEvery = time.Second
	// sweepAtOnce is the most elements of a set that are looked at in one sweep.
	sweepAtOnce = 2048
	// flushLike is how many removed elements look like a flush.
	flushLike = 32
	// recheckAtOnce is the most permanent elements that are looked at each second.
	recheckAtOnce = 64
)

// A worker is the goroutine that talks to the kernel. Its fields are its own.
type worker struct {
	k       *Keeper
	kernel  kernel
	own     uint32 // transactions, for the generation of the ruleset
	base    uint32 // what the generation was without ours and those heard of
	based   bool   // base is known
	drifted bool   // the generation did not fit a second ago

	reports []report  // to be told
	untold  time.Time // since when there are any
}

// run serves requests, heals sets and looks after them until ctx ends.
func (w *worker) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		w.follow()
		w.serve()
		more := w.restore() // a piece, as others wait meanwhile
		if len(w.reports) > 0 && (!more || w.k.o.Now().Sub(w.untold) > reportPause) {
			w.report()
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-w.k.wake:
		case <-w.k.news.wake:
			w.hear()
		case <-tick.C:
			w.tick()
		}
	}
}

// follow looks at every set after a change of the configuration.
func (w *worker) follow() {
	w.k.mu.Lock()
	changed, sets := w.k.unseen, w.k.order
	w.k.unseen = false
	w.k.mu.Unlock()
	if !changed {
		return
	}
	for _, s := range sets {
		w.look(s)
	}
	w.report()
	w.k.reportVersions()
}

// sets are those of the configuration.
func (w *worker) sets() []*setState {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	return w.k.order
}

// tick is what is done each second: everything that events should have brought about already, for the
// case that they did not, and another try for sets that are not well.
func (w *worker) tick() {
	sets := w.sets()
	if len(sets) > 0 && w.lostEvents() {
		w.k.news.add(event{kind: anything})
	}
	for _, s := range sets {
		w.look(s)
		w.recheck(s)
		w.tidy(s)
	}
}

// tidy sweeps, and queues what a set refused for another try.
func (w *worker) tidy(s *setState) {
	now := w.k.o.Now()
	w.k.mu.Lock()
	if w.k.sets[s.set] == s { // or a reload dropped it
		w.k.remembered -= s.sweep(now, sweepAtOnce)
	}
	n := s.retry(now)
	w.k.mu.Unlock()
	w.tell(n)
}

// recheck looks whether elements that others made permanent still are.
func (w *worker) recheck(s *setState) {
	addrs, f := w.permanents(s)
	if len(addrs) == 0 {
		return
	}
	there, err := w.kernel.read(f, addrs)
	if err != nil {
		return
	}
	gone := addrs[:0]
	for i, p := range there {
		if !p.in || !p.permanent {
			gone = append(gone, addrs[i])
		}
	}
	if len(gone) > 0 {
		w.doubt(s, gone)
	}
}

// permanents are some elements of s that others made permanent.
func (w *worker) permanents(s *setState) ([]netip.Addr, found) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	if s.fault != nil {
		return nil, found{}
	}
	var addrs []netip.Addr
	seen := 0
	for addr, e := range s.elements {
		if seen++; seen > sweepAtOnce || len(addrs) == recheckAtOnce {
			break
		}
		if e.permanent {
			addrs = append(addrs, addr)
		}
	}
	return addrs, s.found
}

// lostEvents compares the generation of the ruleset with the transactions that are known: ours and
// those heard of. An event may be on its way, so only the second time counts.
func (w *worker) lostEvents() bool {
	generation, err := w.kernel.generation()
	if err != nil {
		w.based = false
		return false
	}
	base := generation - w.own - w.k.news.heard()
	fits := !w.based || base == w.base
	lost := !fits && w.drifted
	w.drifted = !fits && !lost
	if fits || lost {
		w.base, w.based = base, true
	}
	return lost
}

// hear deals with what the monitor heard.
func (w *worker) hear() {
	all, news := w.k.news.take()
	for _, s := range w.sets() {
		r := news[s.set]
		if all {
			r = &removal{changed: true, any: true}
		}
		if r == nil {
			continue
		}
		if r.changed {
			w.look(s)
		}
		if r.any || len(r.addrs) > 0 {
			w.doubt(s, w.removed(s, r))
		}
		if early := w.shortened(s, r.renewed); len(early) > 0 {
			w.doubt(s, early)
		}
	}
}

// look finds out what a set is now.
func (w *worker) look(s *setState) {
	f, err := w.kernel.describe(s.set)
	now := w.k.o.Now()
	w.k.mu.Lock()
	n := s.saw(f, judged(s.set, s.found, f, err), now)
	w.k.mu.Unlock()
	w.tell(n)
}

// doubt is for elements of s that others removed, or may have: those of addrs, nil for all.
func (w *worker) doubt(s *setState, addrs []netip.Addr) {
	now := w.k.o.Now()
	w.k.mu.Lock()
	lost := s.fault == nil && s.doubt(addrs, now)
	w.k.mu.Unlock()
	w.tell(notice{lost: lost})
}

// removed is which elements of s may be gone; nil: any. Where one element may cover others, it is
// not worth finding out. Many at once are the first of a flush: to look at all now is faster than to
// wait for the others.
func (w *worker) removed(s *setState, r *removal) []netip.Addr {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	if r.any || s.found.interval || len(r.addrs) > flushLike {
		return nil
	}
	return r.addrs
}

// shortened is which of list are not what they are known as: since Linux 6.12, whoever adds an element
// again gives it his timeout, a shorter one too. Only the worker may compare, as it is not in the
// middle of a transaction then.
func (w *worker) shortened(s *setState, list []renewal) (addrs []netip.Addr) {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	for _, r := range list {
		e := s.elements[r.addr]
		switch {
		case e == nil || !e.permanent && e.until.IsZero(): // nobody relies on it
		case e.permanent != r.end.IsZero(), !e.permanent && r.end.Before(e.until):
			addrs = append(addrs, r.addr)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return slices.Compact(addrs)
}
