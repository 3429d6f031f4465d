package nftset

import (
	"net/netip"
	"time"
)

// slack is what a timeout gets on top, give or take half of it: the kernel counts in ticks of up to
// 10 ms, and rounds down.
const slack = time.Second

// timeoutFor is the timeout of an element that is to stay for d, in whole seconds, as people read them.
func timeoutFor(d time.Duration) time.Duration {
	return (d + slack + slack/2).Truncate(time.Second)
}

// lasting is the timeout with which j stays for d. It is never the one that j was added with: no
// kernel refreshes an element that is added again with the timeout that it has.
func (j *job) lasting(d time.Duration) time.Duration {
	if timeout := timeoutFor(d); timeout != j.timeout {
		return timeout
	}
	return j.timeout + time.Second
}

// A recipe is how the kernel is made to refresh an element.
type recipe uint8

const (
	untried   recipe = iota
	addAgain         // adding it again does: Linux 6.12 and later
	addDelete        // it has to be added, deleted and added
)

// String is the recipe for people.
func (r recipe) String() string {
	return [...]string{untried: "", addAgain: "add", addDelete: "delete and add"}[r]
}

// recipe is how elements are refreshed.
func (w *worker) recipe() recipe {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	return w.k.refresh
}

// ignored finds out, by the first element of jobs that was to be refreshed, whether the kernel did. It
// reports whether it did not.
func (w *worker) ignored(a *attempt, jobs []*job) bool {
	now := w.k.o.Now()
	for _, j := range jobs {
		// One that is about to end may have ended before it was added, and less than that would not show.
		if !j.wasIn || j.have.Sub(now) < 2*slack || j.end.Sub(j.have) < 2*slack {
			continue
		}
		there, err := w.kernel.read(a.f, []netip.Addr{j.addr})
		if err != nil || !there[0].in || there[0].permanent {
			return false
		}
		old := w.k.o.Now().Add(there[0].remaining).Before(j.end.Add(-slack / 2))
		w.learn(old)
		return old
	}
	return false
}

// learn remembers the recipe for this kernel, and says so.
func (w *worker) learn(old bool) {
	r, text := addAgain, ""
	if old {
		r, text = addDelete, "nftables: this kernel ignores the timeout of an element that is added again (Linux before 6.12): elements are deleted and added in one transaction, which also sets their counters to zero"
	}
	w.k.mu.Lock()
	w.k.refresh = r
	w.k.mu.Unlock()
	if text != "" {
		w.k.o.Report(false, text)
	}
}
