package listen

import (
	"context"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many packets are read with one system call. Twice as many cost as much for each,
	// and hold up the scheduler for twice as long; see mmsg.
	batchSize = 32
	// maxReaders bounds the sockets of one listener: more would only wait for the same network card.
	maxReaders = 8
	// firstResponse is the room for a response that a slot begins with: what fits a packet on every path
	// (RFC 9715, section 3.1, says 1,400; 1,232 is what is asked for mostly).
	firstResponse = 1232
)

// readers is how many sockets of a listener read from UDP.
func readers() int { return min(runtime.GOMAXPROCS(0), maxReaders) }

// slot is the room for one query of a batch and its response. What is used lies together, and the size
// is no power of two, as all slots would then share the same few lines of the cache.
type slot struct {
	out  []byte
	info [packetInfoSize]byte // behind out, so that it is aligned as the system's own
	name [unix.SizeofSockaddrInet6]byte
	in   [maxDatagram]byte
}

// batch reads many queries with one recvmmsg, and sends the responses to those that need no waiting with
// one sendmmsg. It is one reader's, and allocates nothing once its slots have room for the responses.
//
// A system call for each packet and direction costs more than all that we do with a query: with batches,
// an answered query took 3.8 µs of a core instead of 6.0. Those of golang.org/x/net were turned down: they
// allocate an address for each packet, and were slower than one packet a call. So was a goroutine for
// each packet, which costs more than an answer.
type batch struct {
	s         *udpSocket
	queries   context.Context // of the reader, for those that must wait
	sockaddrs sockaddrs
	slots     []slot

	received int // slots in use
	in       messages
	errno    syscall.Errno // of recvmmsg
	idle     bool          // there was nothing to read, and others ran meanwhile

	queued int // responses
	sent   int // of these, those that are gone or given up
	out    messages
	waited bool // for room to send them

	// What raw waits with for the socket, made once: a function value made for each call is garbage.
	fill, drain func(fd uintptr) (done bool)
}

// batches returns what reads a batch of queries and answers it.
func (s *udpSocket) batches(queries context.Context) func() error {
	b := &batch{s: s, queries: queries, slots: make([]slot, batchSize)}
	b.fill, b.drain = b.receive, b.transmit
	for i := range b.slots {
		slot := &b.slots[i]
		slot.out = make([]byte, 0, firstResponse)
		h := b.in.point(i, slot.in[:])
		h.Name = &slot.name[0]
		if s.l.packetInfo {
			h.Control = &slot.info[0]
		}
		b.ready(i)
	}
	return b.turn
}

// ready makes the i-th slot ready to receive. The system has written how much of it it used.
func (b *batch) ready(i int) {
	h := &b.in.headers[i].Hdr
	h.Namelen = unix.SizeofSockaddrInet6
	if b.s.l.packetInfo {
		h.SetControllen(packetInfoSize)
	}
}

// turn waits for queries, answers those that need no waiting, and hands the others on.
func (b *batch) turn() error {
	if !b.idle {
		runtime.Gosched() // else queries that wait would hang for 100 ms and more while others never end
	}
	b.idle = false
	err := b.s.raw.Read(b.fill)
	if err == nil && b.errno != 0 {
		err = os.NewSyscallError("recvmmsg", b.errno)
	}
	if err != nil {
		return err
	}
	b.queued, b.sent, b.waited = 0, 0, false
	for i := range b.received {
		b.answer(i)
		b.ready(i)
	}
	if b.queued == 0 {
		return nil
	}
	if b.s.raw.Write(b.drain) != nil { // closed, which the next turn tells
		b.giveUp(b.queued - b.sent)
	}
	return nil
}

// receive reads what there is. It returns false to wait until there is something.
func (b *batch) receive(fd uintptr) bool {
	b.received, b.errno = receive(fd, b.in.headers[:])
	b.idle = b.idle || b.errno == unix.EAGAIN
	return b.errno != unix.EAGAIN
}

// answer answers the query in the i-th slot, if it needs no waiting.
func (b *batch) answer(i int) {
	h, slot := &b.in.headers[i], &b.slots[i]
	if h.Hdr.Flags&unix.MSG_TRUNC != 0 { // longer than any
		b.s.count.dropped.Add(1)
		return
	}
	a := arrival{packet: slot.in[:h.Len]}
	a.from, a.info = b.s.peer(b.sockaddrs.addrPort(slot.name[:h.Hdr.Namelen]), slot.info[:h.Hdr.Controllen])
	response := b.s.answer(b.queries, slot.out[:0], &a)
	if len(response) > 0 {
		b.queue(i, response, len(a.info))
	}
	slot.out = kept(slot.out, response)
}

// queue puts response, to the query in the i-th slot, among those to be sent.
func (b *batch) queue(i int, response []byte, infoSize int) {
	h := b.out.point(b.queued, response)
	h.Name, h.Namelen = b.in.headers[i].Hdr.Name, b.in.headers[i].Hdr.Namelen
	h.Control = nil
	if infoSize > 0 {
		h.Control = b.in.headers[i].Hdr.Control
	}
	h.SetControllen(infoSize)
	b.queued++
}

// transmit sends the responses. It returns false once, to wait until there is room for more of them; those
// for which there is none then are given up, as queries wait behind them. One that cannot be sent at all
// does not hold up the others.
func (b *batch) transmit(fd uintptr) bool {
	for b.sent < b.queued {
		n, errno := transmit(fd, b.out.headers[b.sent:b.queued])
		b.sent += n
		switch {
		case errno == 0:
		case errno != unix.EAGAIN:
			b.giveUp(1)
		case b.waited:
			b.giveUp(b.queued - b.sent)
		default:
			b.waited = true
			return false
		}
	}
	return true
}

// giveUp counts the next n responses as unsent.
func (b *batch) giveUp(n int) {
	b.s.count.unsent.Add(uint64(n))
	b.sent += n
}
