//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A stream is a TCP connection with the queries under way over it.
type stream struct {
	fd     int
	flight *flight
	out    []byte // framed queries that are not yet written
	in     []byte // what was read; whole responses are taken from its front
	have   int    // octets of in
}

// A streams is the closed loop over TCP: each connection has its share of the
// window under way, and takes the responses in any order. One that the server
// closes is opened again, and what was under way over it is neither lost nor
// answered.
type streams struct {
	*asker
	all    []*stream
	window int // of each connection
}

// newStreams opens the connections.
func newStreams(a *asker) (load, error) {
	s := &streams{asker: a, window: a.Window / a.Flows}
	for range a.Flows {
		c := &stream{in: make([]byte, 2+1<<16)}
		if err := s.open(c); err != nil {
			s.close()
			return nil, err
		}
		s.all = append(s.all, c)
	}
	return s, s.warm()
}

// open opens the connection of c anew.
func (s *streams) open(c *stream) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a connection: %w", err)
	}
	c.fd, c.flight, c.out, c.have = fd, newFlight(8*ceilPower(s.window)), c.out[:0], 0
	err = errors.Join(
		unix.Connect(fd, loopback(s.Port)),
		unix.SetNonblock(fd, true),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
	)
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("opening a connection: %w", err)
	}
	return nil
}

// warm asks each hot question once over TCP: dnsdist does not give to one transport
// what it has learnt over the other.
func (s *streams) warm() error {
	random := s.source.draws
	s.source.draws, s.source.next = s.source.each(), 0
	for s.tally.answered < uint64(len(s.source.draws)) && s.now() < warmMost {
		if err := s.runUntil(s.now() + 10*time.Millisecond); err != nil {
			return err
		}
	}
	s.source.draws, s.source.next = random, 0
	return nil
}

// runUntil keeps the window full.
func (s *streams) runUntil(end time.Duration) error {
	for now := s.now(); now < end; now = s.now() {
		before := s.tally.answered
		for _, c := range s.all {
			s.ask(c, now)
			if err := s.turn(c); err != nil {
				return err
			}
		}
		if s.tally.answered > before {
			continue
		}
		if err := s.await(2 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// ask adds queries to what is to be written.
func (s *streams) ask(c *stream, now time.Duration) {
	for range min(s.window-c.flight.waiting, c.flight.room()) {
		q := c.flight.add(s.source, now)
		c.out = append(c.out, q.frame[:2+q.length]...)
		s.tally.sent++
	}
}

// turn writes what can be written, and takes what has come. A connection that the
// server has closed is opened again.
func (s *streams) turn(c *stream) error {
	err := c.write()
	if err == nil {
		err = c.read()
	}
	if errors.Is(err, errClosed) {
		s.tally.closed++
		s.tally.cut += uint64(c.flight.waiting)
		unix.Close(c.fd)
		return s.open(c)
	}
	if err != nil {
		return err
	}
	s.take(c)
	s.giveUp(c.flight)
	return nil
}

// errClosed says that the server has closed a connection.
var errClosed = errors.New("the connection was closed")

// write writes queries as far as the connection takes them.
func (c *stream) write() error {
	if len(c.out) == 0 {
		return nil
	}
	n, err := unix.SendmsgN(c.fd, c.out, nil, nil, unix.MSG_NOSIGNAL)
	if err != nil {
		return streamError(err)
	}
	c.out = c.out[:copy(c.out, c.out[n:])]
	return nil
}

// read reads what has come.
func (c *stream) read() error {
	n, err := unix.Read(c.fd, c.in[c.have:])
	if err != nil {
		return streamError(err)
	}
	if n == 0 {
		return errClosed
	}
	c.have += n
	return nil
}

// streamError is what an error means: nothing, that the server has closed the
// connection, or that something is wrong.
func streamError(err error) error {
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return errClosed
	}
	return fmt.Errorf("reading and writing a connection: %w", err)
}

// take counts the whole responses that were read.
func (s *streams) take(c *stream) {
	now := s.now()
	at := 0
	for at+2 <= c.have {
		end := at + 2 + int(binary.BigEndian.Uint16(c.in[at:]))
		if end > c.have {
			break
		}
		response := c.in[at+2 : end]
		if q := c.flight.answered(response); q != nil {
			s.count(q, response, now)
		}
		at = end
	}
	c.have = copy(c.in, c.in[at:c.have])
}

// await waits until something can be read, but not for ever.
func (s *streams) await(most time.Duration) error {
	var ready [maxFlows]unix.PollFd
	for i, c := range s.all {
		ready[i] = unix.PollFd{Fd: int32(c.fd), Events: unix.POLLIN}
	}
	return poll(ready[:len(s.all)], most)
}

// drain waits for the responses that are due.
func (s *streams) drain() error {
	for under := 1; under > 0; {
		under = 0
		for _, c := range s.all {
			if err := s.turn(c); err != nil {
				return err
			}
			under += c.flight.waiting
		}
		if err := s.await(time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (s *streams) close() {
	for _, c := range s.all {
		unix.Close(c.fd)
	}
}
