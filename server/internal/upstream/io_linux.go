package upstream

import (
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/mmsg"
)

// A batch is the room for many responses.
type batch struct {
	messages mmsg.Messages
	packets  [mmsg.Size][maxDatagram]byte
}

// batches are free. A socket has one only while it works on responses.
var batches = sync.Pool{New: func() any {
	b := new(batch)
	for i := range b.packets {
		b.messages.Point(i, b.packets[i][:])
	}
	return b
}}

// reader reads the responses of a socket, many with one system call.
type reader struct {
	c     *socket
	batch *batch // nil while there is nothing
	n     int
	errno syscall.Errno
}

// responses returns what reads responses. What came in the moment between the opening
// of the socket and its connection is dropped: it may be from anybody.
func (c *socket) responses() func() error {
	if c.batched = mmsg.Works(c.raw); !c.batched {
		return c.single()
	}
	r := &reader{c: c}
	if err := c.raw.Control(r.drop); err != nil {
		return func() error { return err }
	}
	receive := r.receive
	return func() error {
		if err := c.raw.Read(receive); err != nil {
			return err
		}
		defer batches.Put(r.batch)
		if r.errno != 0 {
			return os.NewSyscallError("recvmmsg", r.errno)
		}
		for i := range r.n {
			c.accept(r.batch.packets[i][:r.batch.messages.Headers[i].Len])
		}
		return nil
	}
}

// drop reads what there is, to no purpose.
func (r *reader) drop(fd uintptr) {
	for r.receive(fd) && r.errno == 0 {
		batches.Put(r.batch)
	}
}

// receive reads what there is. It returns false to wait until there is something.
func (r *reader) receive(fd uintptr) bool {
	r.batch = batches.Get().(*batch)
	r.n, r.errno = mmsg.Receive(fd, r.batch.messages.Headers[:])
	if r.errno != unix.EAGAIN {
		return true
	}
	batches.Put(r.batch)
	r.batch = nil
	return false
}

// A sender sends many queries with one system call.
type sender struct {
	messages mmsg.Messages
	queued   int
	sent     int
	errno    syscall.Errno
	transmit func(fd uintptr) // made once: a function value made for each call is garbage
}

// senders are free.
var senders = sync.Pool{New: func() any {
	s := new(sender)
	s.transmit = s.send
	return s
}}

// send sends what is queued.
func (s *sender) send(fd uintptr) {
	for s.sent, s.errno = 0, 0; s.sent < s.queued && s.errno == 0; {
		var n int
		n, s.errno = mmsg.Transmit(fd, s.messages.Headers[s.sent:s.queued])
		s.sent += n
	}
}

// write sends queries, many with one system call, and returns how many were sent. Those
// for which there is no room count as sent: lost, as they may be anywhere on their way.
func (c *socket) write(queries []*waiting) (sent int, err error) {
	if !c.batched {
		return c.writeEach(queries)
	}
	s := senders.Get().(*sender)
	defer senders.Put(s)
	for chunk := range slices.Chunk(queries, mmsg.Size) {
		for i, w := range chunk {
			s.messages.Point(i, w.packet)
		}
		s.queued = len(chunk)
		if err := c.raw.Control(s.transmit); err != nil {
			return sent, err
		}
		if s.errno != 0 && s.errno != unix.EAGAIN {
			return sent + s.sent, os.NewSyscallError("sendmmsg", s.errno)
		}
		sent += len(chunk)
	}
	return sent, nil
}
