//go:build linux

package main

import (
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

// An open is the open loop over UDP: a Poisson process says when each query leaves.
// It never sleeps, so as not to be late; but it lets the stub have the core when
// there is nothing to do.
type open struct {
	*asker
	flows  []*flow
	random *rand.Rand
	due    time.Duration // when the next query is meant to leave
	turns  int           // the flow that has its turn
}

// openRoom is how many queries of a flow may wait.
const openRoom = 4096

// newOpen opens the sockets.
func newOpen(a *asker) (load, error) {
	flows, err := a.openFlows(a.Flows, openRoom)
	return &open{asker: a, flows: flows, random: rand.New(rand.NewPCG(1, 2))}, err
}

// runUntil sends what is due and takes what has come, over and over.
func (o *open) runUntil(end time.Duration) error {
	o.due = o.now()
	for now := o.due; now < end; now = o.now() {
		sent, err := o.sendDue(now)
		if err != nil {
			return err
		}
		got := 0
		for _, f := range o.flows {
			n, err := o.receive(f)
			if err != nil {
				return err
			}
			got += n
		}
		if sent+got == 0 {
			o.rest()
		}
	}
	return nil
}

// rest gives up what has waited too long, and lets others run.
func (o *open) rest() {
	for _, f := range o.flows {
		o.giveUp(f.flight)
	}
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) // it never fails
}

// sendDue sends the queries that are due, each as of when it was meant to leave,
// and returns how many. One that finds no room is lost.
func (o *open) sendDue(now time.Duration) (int, error) {
	n := 0
	for ; o.due <= now && n < batchSize; n++ {
		f := o.flows[o.turns]
		o.turns = (o.turns + 1) % len(o.flows)
		o.tally.sent++
		ok, err := o.sendOne(f, o.due)
		if err != nil {
			return n, err
		}
		if !ok {
			o.tally.lost++
		}
		o.tally.late.add(now - o.due)
		o.due += time.Duration(o.random.ExpFloat64() / o.Rate * float64(time.Second))
	}
	return n, nil
}

func (o *open) drain() error { return o.drainFlows(o.flows) }

func (o *open) close() { closeFlows(o.flows) }
