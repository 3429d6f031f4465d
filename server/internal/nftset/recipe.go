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
// kernel refreshes an element that is added again with the timeout that it has, to the tick.
func (j *job) lasting(d time.Duration) time.Duration {
	timeout := timeoutFor(d)
	if near(timeout, j.timeout) {
		timeout += time.Second
	}
	return timeout
}

// near reports whether a and b are one timeout, but for the ticks of the kernel.
func near(a, b time.Duration) bool { return (a - b).Abs() < slack/2 }

// A recipe is how the kernel is made to put elements in, so that those that are in are refreshed.
type recipe uint8

const (
	untried   recipe = iota // for any kernel, and tells which it is
	addAgain                // adding it again refreshes an element: Linux 6.12 and later
	addDelete               // it has to be added, deleted and added
)

// longer is by how much the first timeout of an untried recipe is longer than the second: where the
// kernel does not take the second, no element ends too early.
const longer = time.Second

// A step is a message of a transaction.
type step struct {
	remove bool
	longer time.Duration // so much is added to the timeouts
}

// steps are the messages of a transaction. Deleting what is not there is an error, so it is added
// first. Untried, an element is added twice after that, with two timeouts: nobody else can come
// between, so that the one that it has then is the first with old kernels, and the second with new.
func (r recipe) steps() []step {
	switch r {
	case addAgain:
		return []step{{}}
	case addDelete:
		return []step{{}, {remove: true}, {}}
	}
	return []step{{}, {remove: true}, {longer: longer}, {}}
}

// String is the recipe for people.
func (r recipe) String() string {
	return [...]string{untried: "", addAgain: "add", addDelete: "delete and add"}[r]
}

// recipe is how elements are put in.
func (w *worker) recipe() recipe {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	return w.k.refresh
}

// try finds out which kernel this is, by one of the changes that were made untried. Where somebody
// else has changed the element since, nothing is learned, and the next transaction is another try.
func (w *worker) try(f found, c change) {
	there, err := w.kernel.read(f, []netip.Addr{c.addr})
	switch {
	case err != nil || !there[0].in || !there[0].exact:
	case near(there[0].timeout, c.timeout):
		w.learn(addAgain, "")
	case near(there[0].timeout, c.timeout+longer):
		w.learn(addDelete, "nftables: this kernel ignores the timeout of an element that is added again (Linux before 6.12): elements are deleted and added in one transaction, which also sets their counters to zero")
	}
}

// learn remembers the recipe for this kernel, and reports text if there is any.
func (w *worker) learn(r recipe, text string) {
	w.k.mu.Lock()
	w.k.refresh = r
	w.k.mu.Unlock()
	if text != "" {
		w.k.o.Report(false, text)
	}
}
