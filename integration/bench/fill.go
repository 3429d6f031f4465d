//go:build linux

package main

import (
	"errors"
	"time"
)

// A fill is a closed loop that asks each of the many names once, so that the server
// has all of their answers.
type fill struct{ *closed }

// newFill opens the sockets.
func newFill(a *asker) (load, error) {
	l, err := newClosed(a)
	return &fill{l.(*closed)}, err
}

// fillPasses is how often all names are asked, if each time some have no right answer.
const fillPasses = 3

// runUntil asks every name; if one was lost, or its answer wrong, all of them again.
func (f *fill) runUntil(end time.Duration) error {
	if f.now() >= end {
		return nil // no ramp
	}
	for range fillPasses {
		before := f.tally.lost + f.tally.wrong
		if err := f.pass(end); err != nil {
			return err
		}
		if f.tally.lost+f.tally.wrong == before {
			return nil
		}
	}
	return errors.New("filling the cache: some names have no right answer")
}

// pass asks every name once, and waits for what is due.
func (f *fill) pass(end time.Duration) error {
	last := f.source.count + f.source.many
	for f.source.count < last {
		now := f.now()
		if now >= end {
			return errors.New("filling the cache: there was no time")
		}
		if err := f.closed.runUntil(now + 10*time.Millisecond); err != nil {
			return err
		}
	}
	return f.drain()
}
