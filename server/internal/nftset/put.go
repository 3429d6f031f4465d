package nftset

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// An attempt is the work on some jobs of one set.
type attempt struct {
	s      *setState
	f      found
	full   bool // the set takes no new elements
	looked bool // the set was looked at after a transaction that failed
}

// serve puts in what requests wait for, in one transaction for each set. A request is done with the
// last of its sets, and does not wait for those of others.
func (w *worker) serve() {
	queue := w.k.takeQueue()
	if len(queue) == 0 {
		return
	}
	for _, g := range gather(queue) {
		w.put(g.set, g.list)
		for _, p := range g.parts {
			p.settle(g.verdict(p.addr))
		}
	}
	w.answered()
}

// takeQueue is what waits, and room for more.
func (k *Keeper) takeQueue() []*request {
	k.mu.Lock()
	defer k.mu.Unlock()
	queue := k.queue
	k.queue, k.queued = nil, 0
	return queue
}

// answered ends the time during which the kernel did not answer.
func (w *worker) answered() {
	now := w.k.o.Now()
	w.k.mu.Lock()
	since := w.k.slow
	w.k.slow = time.Time{}
	if w.k.behind { // now is the time for what there was no room for
		w.k.behind = false
		for _, s := range w.k.order {
			s.catchUp(now)
		}
	}
	w.k.mu.Unlock()
	if !since.IsZero() {
		w.k.o.Report(false, fmt.Sprintf("nftables: the kernel takes addresses again, after %s", brief(now.Sub(since))))
	}
}

// put does jobs, of one set; each has its verdict afterwards.
func (w *worker) put(s *setState, jobs []*job) {
	for len(jobs) > 0 {
		n := min(batch, len(jobs))
		w.putBatch(s, jobs[:n])
		jobs = jobs[n:]
	}
}

// putBatch is put for at most batch jobs.
func (w *worker) putBatch(s *setState, jobs []*job) {
	a := &attempt{s: s}
	unknown := w.known(a, jobs)
	w.lookUp(a, unknown)
	todo := make([]*job, 0, len(jobs))
	for _, j := range jobs {
		if j.err == nil && !j.permanent && j.have.Before(j.end) {
			todo = append(todo, j)
		}
	}
	w.commit(a, todo)
	w.finish(s, jobs)
}

// known fills in what is known of jobs, drops what is settled by that, and returns the others.
func (w *worker) known(a *attempt, jobs []*job) (unknown []*job) {
	now := w.k.o.Now()
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	a.f = a.s.found
	for _, j := range jobs {
		switch e := a.s.elements[j.addr]; {
		case a.s.fault != nil:
			j.err = a.s.fault
		case !a.s.found.takes(j.addr): // nobody knew when it was asked for
			j.permanent = true
		case e != nil && e.until.After(now) && !e.permanent:
			j.have, j.timeout, j.wasIn = e.until, e.timeout, true
		default:
			unknown = append(unknown, j)
		}
	}
	return unknown
}

// lookUp finds out whether jobs are in the set already, by the hand of somebody else or of an
// earlier run.
func (w *worker) lookUp(a *attempt, jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	addrs := make([]netip.Addr, len(jobs))
	for i, j := range jobs {
		addrs[i] = j.addr
	}
	now := w.k.o.Now()
	there, err := w.kernel.read(a.f, addrs)
	if err == nil {
		for i, j := range jobs {
			j.found(there[i], now)
		}
		return
	}
	bad := w.cause(a, asFault(err))
	if bad == nil { // the set is another one by now
		w.lookUp(a, jobs)
		return
	}
	for _, j := range jobs {
		j.err = bad
	}
}

// commit puts jobs into the set, all in one transaction. If that fails, each half has one of its own,
// and so on.
func (w *worker) commit(a *attempt, jobs []*job) {
	jobs = slices.DeleteFunc(slices.Clone(jobs), a.skips)
	if len(jobs) == 0 {
		return
	}
	err := w.transact(a, jobs)
	if err == nil {
		return
	}
	bad := w.cause(a, asFault(err))
	if bad == nil { // the set is another one by now
		w.commit(a, jobs)
		return
	}
	if len(jobs) > 1 && !blocking(bad) {
		w.commit(a, jobs[:len(jobs)/2])
		w.commit(a, jobs[len(jobs)/2:])
		return
	}
	for _, j := range jobs {
		j.err = bad
	}
	a.full = bad.state == stateFull
}

// skips gives j its verdict if there is nothing to try: the set is full, or of the other IP version
// since somebody made it anew.
func (a *attempt) skips(j *job) bool {
	switch {
	case !a.f.takes(j.addr):
		j.permanent = true
	case a.full && !j.wasIn: // only what is in has room
		j.err = full(a.f, nil)
	default:
		return false
	}
	return true
}

// blocking reports whether f is of the whole set, so that nothing else is worth trying.
func blocking(f *fault) bool {
	switch f.state {
	case stateFull, stateFailing, stateCovered:
		return false
	}
	return true
}

// cause finds out why a transaction failed: a look at the set tells more than the number of an error.
// Nil: the set was replaced, and it is worth another try.
func (w *worker) cause(a *attempt, bad *fault) *fault {
	if bad.state == stateFull || a.looked {
		return bad
	}
	a.looked = true
	w.look(a.s)
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	if a.s.fault != nil {
		return a.s.fault
	}
	if !a.s.found.same(a.f) {
		a.f = a.s.found
		return nil
	}
	return bad
}

// transact is one transaction, by the recipe for this kernel.
func (w *worker) transact(a *attempt, jobs []*job) error {
	by := w.recipe()
	now := w.k.o.Now()
	changes := make([]change, len(jobs))
	for i, j := range jobs {
		j.timeout = j.lasting(j.end.Sub(now))
		changes[i] = change{addr: j.addr, timeout: j.timeout}
	}
	err := w.kernel.put(a.f, changes, by)
	if err != nil {
		w.based = false
		return err
	}
	w.own++
	for _, j := range jobs {
		j.have = j.end
	}
	if by == untried {
		w.try(a.f, changes[0])
	}
	return nil
}

// finish remembers what became of jobs.
func (w *worker) finish(s *setState, jobs []*job) {
	now := w.k.o.Now()
	var notices []notice
	w.k.mu.Lock()
	for _, j := range jobs {
		if j.err != nil {
			s.counts.fail(j.err.state, 1)
			if j.err.state != stateCovered { // that is of one address, and may not matter to the next answer
				notices = append(notices, s.refuse(j.err, now))
			}
			continue
		}
		s.took(j)
	}
	w.k.mu.Unlock()
	for _, n := range notices {
		w.tell(n)
	}
}

// took remembers that j is in.
func (s *setState) took(j *job) {
	switch {
	case j.permanent:
	case j.wasIn:
		s.counts.refreshes++
	default:
		s.counts.adds++
	}
	if e := s.elements[j.addr]; e != nil {
		e.until, e.timeout, e.permanent, e.doubted = j.have, j.timeout, j.permanent && s.found.takes(j.addr), false
	}
}
