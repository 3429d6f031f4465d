package listen

import (
	"sync/atomic"
	"time"
)

// dropsEvery is how often dropped queries are reported, at most.
const dropsEvery = 10 * time.Second

// drops counts queries dropped at the limit until they are reported. It is safe for concurrent use.
type drops struct {
	unreported atomic.Uint64
	wake       chan struct{} // holds one when there is something to report
}

// newDrops returns drops with nothing to report.
func newDrops() *drops { return &drops{wake: make(chan struct{}, 1)} }

// add counts one.
func (d *drops) add() {
	d.unreported.Add(1)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run reports how many were dropped since the last time, dropsEvery after the first of them, and once
// more when stopping is closed.
func (d *drops) run(stopping <-chan struct{}, report func(n uint64)) {
	for open := true; open; {
		select {
		case <-d.wake:
		case <-stopping:
		}
		select {
		case <-time.After(dropsEvery):
		case <-stopping:
			open = false
		}
		if n := d.unreported.Swap(0); n > 0 {
			report(n)
		}
	}
}
