package upstream

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"splitdns/server/internal/wire"
)

const (
	// writeTimeout bounds how long a server takes no octet of what it is sent.
	writeTimeout = 5 * time.Second
	// spareBuffer is how large the buffer for queries is that a connection keeps.
	spareBuffer = 1 << 14
)

// What a server sends that ends the use of a connection: nothing after it can be trusted to
// be where it seems to be.
var (
	errShort = errors.New("malformed response: shorter than a header")
	errWrong = errors.New("too many wrong responses")
)

// errHungUp is the end of a connection that the server has closed.
var errHungUp = errors.New("connection closed before the response was complete")

// A stream is one connection, from before it is opened. One goroutine opens it and reads,
// another writes: a server that reads nothing holds up no caller.
type stream struct {
	pool *streams
	wake chan struct{} // has something when there are unsent queries
	gone chan struct{} // closed at the end

	mu        sync.Mutex // guards what follows
	conn      net.Conn   // nil until it is open
	waiting   map[uint16]*waiting
	abandoned map[uint16]struct{} // IDs of queries whose response may come late
	unsent    []*waiting
	first     *waiting // the query that asked how long the connection may be idle
	idle      time.Duration
	used      time.Time   // when a query or response was last there
	timer     *time.Timer // calls tick at due
	due       time.Time   // zero: the timer is not set
	received  uint32      // messages
	answered  bool        // a query
	discarded int         // wrong responses so far
	last      string
	failure   error // of writing
	retired   bool  // takes no more queries, and is closed when none waits
}

// newStream returns a connection that is not open yet.
func newStream(p *streams) *stream {
	return &stream{
		pool: p, idle: p.idle, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		waiting: make(map[uint16]*waiting), abandoned: make(map[uint16]struct{}),
	}
}

// The states of a stream that takes queries.
type streamState uint8

const (
	dialing  streamState = iota
	unproven             // it has not answered yet
	proven
)

// load is how many queries wait at c, and its state; maxPipelined if it takes no more.
func (c *stream) load() (int, streamState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := max(len(c.waiting), len(c.unsent))
	if c.retired {
		n = maxPipelined
	}
	switch {
	case c.conn == nil && !c.retired:
		return n, dialing
	case !c.answered:
		return n, unproven
	}
	return n, proven
}

// add lets w wait at c, under an ID that no other query there has. It returns false if c
// takes no more.
func (c *stream) add(w *waiting) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired || len(c.unsent) >= maxPipelined {
		return false
	}
	for c.isUsed(w.id()) {
		w.renew()
	}
	c.waiting[w.id()] = w
	c.unsent = append(c.unsent, w)
	c.used = time.Now()
	w.discarded, w.received = c.discarded, c.received
	if c.due.IsZero() || w.until.Before(c.due) {
		c.alarm(w.until)
	}
	if c.conn != nil {
		c.writeSoon()
	}
	return true
}

// isUsed says whether a response with that ID may still come. c.mu is held.
func (c *stream) isUsed(id uint16) bool {
	_, waits := c.waiting[id]
	_, late := c.abandoned[id]
	return waits || late
}

// writeSoon wakes whoever writes.
func (c *stream) writeSoon() {
	select {
	case c.wake <- struct{}{}:
	default: // it is about to look
	}
}

// alarm sets the timer. c.mu is held.
func (c *stream) alarm(at time.Time) {
	c.due = at
	if c.timer == nil {
		c.timer = time.AfterFunc(time.Until(at), c.tick)
		return
	}
	c.timer.Reset(time.Until(at))
}

// run opens the connection and reads until its end.
func (c *stream) run() {
	conn, err := c.pool.dialer.dial(c.pool.open)
	if err == nil {
		c.connected(conn)
		c.pool.work.Go(func() { c.write(conn) })
		err = c.read(conn)
		_ = conn.Close()
	}
	c.end(err)
}

// connected notes that the connection is open.
func (c *stream) connected(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, c.used = conn, time.Now()
	c.writeSoon()
	c.schedule()
}

// write sends what is unsent, all that there is at a time, until the end.
func (c *stream) write(conn net.Conn) {
	var buf []byte
	for {
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
		if buf = c.takeUnsent(buf[:0]); len(buf) == 0 {
			continue
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout)) // fails as writing does
		if _, err := conn.Write(buf); err != nil {
			c.fail(err)
			_ = conn.Close() // which the reader notices
			return
		}
		if cap(buf) > spareBuffer {
			buf = nil
		}
	}
}

// fail notes why writing has failed: the reader only finds the connection closed.
func (c *stream) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = err
}

// takeUnsent appends what is to be sent to buf, each query with its length before it, so
// that they leave together (RFC 7766, section 8).
func (c *stream) takeUnsent(buf []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.unsent {
		if c.waiting[w.id()] != w { // its time is up
			continue
		}
		o := wire.ConnectionOptions{Keepalive: c.first == nil, Block: c.pool.pad}
		if c.first == nil {
			c.first = w
		}
		at := len(buf)
		buf = o.Append(append(buf, 0, 0), w.packet)
		binary.BigEndian.PutUint16(buf[at:], uint16(len(buf)-at-2))
	}
	clear(c.unsent)
	c.unsent = c.unsent[:0]
	return buf
}

// read gives each response to the query that waits for it, until the connection ends.
func (c *stream) read(conn net.Conn) error {
	r := bufio.NewReader(conn)
	var buf []byte
	for {
		response, err := readFramed(r, buf)
		if err == nil {
			err = c.accept(response)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errHungUp
		}
		if err != nil {
			return err
		}
		if r.Buffered() == 0 {
			c.pool.heard()
		}
		buf = response[:0]
	}
}

// readFramed reads one message with its length before it (RFC 1035, section 4.2.2), into
// buf where that is large enough.
func readFramed(r io.Reader, buf []byte) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	if n < headerSize {
		return nil, errShort
	}
	if n > cap(buf) {
		buf = make([]byte, n)
	}
	_, err := io.ReadFull(r, buf[:n])
	return buf[:n], err
}

// accept gives a response to the query that waits for it.
func (c *stream) accept(response []byte) error {
	w, why := c.whose(response)
	switch {
	case why == "" && w == nil: // late
	case why == "":
		if c.take(w, response) {
			w.done(c.whole(response))
		}
	case w != nil && w.bareRefusal(response) && c.take(w, response):
		w.done(nil, rcodeError(headerRcode(response)))
	default:
		return c.discard(why)
	}
	return nil
}

// whole refuses what is truncated: there is no other way to get the rest.
func (c *stream) whole(response []byte) ([]byte, error) {
	if response[2]&flagTC != 0 {
		return nil, c.pool.named(errors.New("truncated response"))
	}
	return response, nil
}

// whose returns the query with the ID of response, and why that is not its response;
// neither where it comes too late.
func (c *stream) whose(response []byte) (w *waiting, why string) {
	id := binary.BigEndian.Uint16(response)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received++
	if w = c.waiting[id]; w != nil {
		return w, w.mismatch(response)
	}
	if _, late := c.abandoned[id]; late {
		delete(c.abandoned, id)
		return nil, ""
	}
	return nil, otherID
}

// take lets w wait no longer, since response is its own; false if it does not any more.
func (c *stream) take(w *waiting, response []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[w.id()] != w {
		return false
	}
	delete(c.waiting, w.id())
	c.answered, c.used = true, time.Now()
	if w == c.first {
		c.mayIdle(response)
	}
	c.closeIfDone()
	return true
}

// mayIdle follows what the server says of idle connections. With 0 it wants to be rid of
// this one (RFC 7828, section 3.2.2). c.mu is held.
func (c *stream) mayIdle(response []byte) {
	if idle, ok := wire.Keepalive(response); ok {
		c.idle = min(idle, maxIdle)
		c.retired = c.retired || idle == 0
	}
}

// discard notes a wrong response; many of them are no resolver's.
func (c *stream) discard(why string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.discarded++
	c.last = why
	if c.discarded >= maxDiscarded {
		return errWrong
	}
	return nil
}

// closeIfDone has a retired connection closed when nothing waits there. The reader does
// it: closing TLS means writing, which takes as long as the server likes. c.mu is held.
func (c *stream) closeIfDone() {
	if c.retired && len(c.waiting) == 0 && c.conn != nil {
		_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	}
}
