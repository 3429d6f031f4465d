//go:build linux

package main

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// An asker is what the modes share.
type asker struct {
	job
	source *source
	tally  *tally
	start  time.Time
}

// now is the time since the start.
func (a *asker) now() time.Duration { return time.Since(a.start) }

// load is the load of the job's mode.
func (a *asker) load() (load, error) {
	switch a.Mode {
	case modeClosed:
		return newClosed(a)
	case modeOpen:
		return newOpen(a)
	case modeTCP:
		return newStreams(a)
	case modeFill:
		return newFill(a)
	}
	return nil, fmt.Errorf("unknown mode %q", a.Mode)
}

// count adds a response, whose slot is s, to the tally.
func (a *asker) count(s *slot, response []byte, now time.Duration) {
	a.tally.answered++
	if !a.Expect.met(s.packet(), response) {
		a.tally.wrong++
	}
	if s.isNew {
		a.tally.misses.add(now - s.sent)
		return
	}
	a.tally.hits.add(now - s.sent)
}

// A flow is a connected UDP socket with the queries under way over it.
type flow struct {
	fd       int
	flight   *flight
	out      *trains
	single   *batch
	in       *batch
	received [batchSize][packetSize]byte
}

// openFlows opens n flows to the job's port, each with room for size queries.
func (a *asker) openFlows(n, size int) ([]*flow, error) {
	var flows []*flow
	for range n {
		fd, err := openUDP(0)
		if err == nil {
			flows = append(flows, newFlow(fd, size))
			err = unix.Connect(fd, loopback(a.Port))
		}
		if err != nil {
			closeFlows(flows)
			return nil, err
		}
	}
	return flows, nil
}

// newFlow is the flow over a socket.
func newFlow(fd, size int) *flow {
	f := &flow{fd: fd, flight: newFlight(size), out: newTrains(), single: newBatch(), in: newBatch()}
	for i := range f.received {
		f.in.set(i, f.received[i][:])
	}
	return f
}

// closeFlows closes sockets.
func closeFlows(flows []*flow) {
	for _, f := range flows {
		unix.Close(f.fd)
	}
}

// send sends up to n new queries in one system call, as of now: whole trains.
func (a *asker) send(f *flow, n int, now time.Duration) error {
	n = min(n, f.flight.room()) / trainLength
	n = min(n, trainsMost)
	if n <= 0 {
		return nil
	}
	for i := range n {
		for j := range trainLength {
			f.out.set(i, j, f.flight.add(a.source, now).packet())
		}
	}
	sent, err := f.out.send(f.fd, n)
	f.flight.undo((n - sent) * trainLength)
	a.tally.sent += uint64(sent * trainLength)
	return err
}

// sendOne sends one new query that was meant to leave at due, and says whether there
// was room.
func (a *asker) sendOne(f *flow, due time.Duration) (bool, error) {
	if f.flight.room() == 0 {
		return false, nil
	}
	f.single.set(0, f.flight.add(a.source, due).packet())
	_, err := f.single.send(f.fd, 1)
	return true, err
}

// receive takes the responses that have come, and returns how many.
func (a *asker) receive(f *flow) (int, error) {
	n, err := f.in.receive(f.fd, batchSize)
	if n == 0 || err != nil {
		return 0, err
	}
	now := a.now()
	for i := range n {
		response := f.received[i][:f.in.messages[i].length]
		if s := f.flight.answered(response); s != nil {
			a.count(s, response, now)
		}
	}
	return n, nil
}

// giveUp counts what has waited too long as lost.
func (a *asker) giveUp(f *flight) {
	a.tally.lost += uint64(f.giveUp(a.now() - a.Patience))
}

// drainFlows receives until nothing is under way, or has been for too long.
func (a *asker) drainFlows(flows []*flow) error {
	for under := 1; under > 0; {
		under = 0
		for _, f := range flows {
			if _, err := a.receive(f); err != nil {
				return err
			}
			a.giveUp(f.flight)
			under += f.flight.waiting
		}
		if err := await(flows, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// await waits until something can be read from one of flows, but not for ever.
func await(flows []*flow, most time.Duration) error {
	var ready [maxFlows]unix.PollFd
	for i, f := range flows {
		ready[i] = unix.PollFd{Fd: int32(f.fd), Events: unix.POLLIN}
	}
	return poll(ready[:len(flows)], most)
}

// maxFlows is the most flows of a job.
const maxFlows = 64

// poll is poll(2); that a signal came is no error.
func poll(ready []unix.PollFd, most time.Duration) error {
	_, err := unix.Poll(ready, int(most.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}
