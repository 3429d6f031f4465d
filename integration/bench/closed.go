//go:build linux

package main

import "time"

// A closed is the closed loop over UDP: what was answered is asked anew.
type closed struct {
	*asker
	flows  []*flow
	window int // of each flow
}

// newClosed opens the sockets.
func newClosed(a *asker) (load, error) {
	window := a.Window / a.Flows
	flows, err := a.openFlows(a.Flows, 8*ceilPower(window))
	return &closed{asker: a, flows: flows, window: window}, err
}

// ceilPower is the smallest power of two that is not below n.
func ceilPower(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// runUntil keeps the window full.
func (c *closed) runUntil(end time.Duration) error {
	for now := c.now(); now < end; now = c.now() {
		got, err := c.turn(now)
		if err != nil {
			return err
		}
		if got > 0 {
			continue
		}
		if err := await(c.flows, 2*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// turn fills and empties each flow once, and returns how many responses came.
func (c *closed) turn(now time.Duration) (int, error) {
	got := 0
	for _, f := range c.flows {
		if err := c.send(f, c.window-f.flight.waiting, now); err != nil {
			return got, err
		}
	}
	for _, f := range c.flows {
		n, err := c.receive(f)
		if err != nil {
			return got, err
		}
		c.giveUp(f.flight)
		got += n
	}
	return got, nil
}

func (c *closed) drain() error { return c.drainFlows(c.flows) }

func (c *closed) close() { closeFlows(c.flows) }
