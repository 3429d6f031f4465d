package upstream

import (
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// maxSockets is how many sockets a server is asked from at the same time. So many
	// ports would have to be found, and all at once, by whoever wants to forge a
	// response; the costs are some 30 KB for each.
	maxSockets = 64
	// socketLife is how long a socket is used, so that a port that was found is of
	// little use, and an idle server costs nothing.
	socketLife = 10 * time.Second
	// socketQueries is how many queries a socket is used for: few of all IDs, none of which
	// is used twice, and so many that opening sockets is a small part of the work.
	socketQueries = 1000
	// maxDiscarded is how many wrong responses end the use of a socket at once: somebody
	// knows its port.
	maxDiscarded = 100

	// maxDatagram is more than a server may send to our queries; what fills it is
	// taken for truncated.
	maxDatagram = 4096
)

// errGuessed ends the waiting at a socket where somebody guesses at responses. Over TCP he
// cannot (RFC 5452, section 9.1).
var errGuessed = errors.New("too many wrong responses")

// sockets are the UDP sockets to one server. Queries that are asked together leave from
// one of them, any, with one system call, and from a new one as long as there is room.
// The lock may be held while that of a socket is taken, and never the other way round.
type sockets struct {
	to    netip.AddrPort
	heard func() // see New

	work sync.WaitGroup // for readers

	mu     sync.Mutex           // guards what follows
	inUse  [maxSockets]*socket  // those that take more queries
	all    map[*socket]struct{} // also those that only wait for responses
	next   *socket              // whence the next query leaves; nil: any
	due    []*socket            // those that have unsent queries
	closed bool
}

// A socket has a port of its own and is connected to the server: the kernel drops what
// comes from elsewhere, and says at once when nobody is there. Its only goroutine reads.
type socket struct {
	conn  *net.UDPConn
	raw   syscall.RawConn // of conn
	to    netip.AddrPort
	heard func() // see New

	batched bool // many packets are read and sent with one system call

	mu        sync.Mutex // guards what follows
	waiting   map[uint16]*waiting
	used      [1 << 16 / 64]uint64 // a bit for each ID: none is used twice
	unsent    []*waiting
	timer     *time.Timer // calls silent at due, also if nobody waits any more
	due       time.Time   // zero: the timer is not set
	queries   int         // so far
	discarded int         // wrong responses so far
	last      string
	retired   bool // takes no more queries, and is closed when none waits
}

// waiting is a query whose response has not come yet.
type waiting struct {
	packed
	done      func(response []byte, err error)
	until     time.Time // no longer
	discarded int       // by the socket or connection until the query was sent
	received  uint32    // by the connection until then
	retries   uint8     // on other connections
}

// ask has w sent at the next flush. Its done is called once: with the response, which is
// valid, and may be written to, only during the call, with a [*silence] when its time is up, with a
// [doubt], or with another error. Until then w is ours.
func (s *sockets) ask(w *waiting) {
	if err := s.place(w); err != nil {
		w.done(nil, cause(err))
	}
}

// flush sends what was asked.
func (s *sockets) flush() {
	s.mu.Lock()
	due := s.due
	s.due, s.next = nil, nil
	s.mu.Unlock()
	for _, c := range due {
		c.flush()
	}
}

// place lets w wait at a socket.
func (s *sockets) place(w *waiting) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.next != nil && s.next.add(w) {
		return nil
	}
	place := &s.inUse[random16()%maxSockets]
	if *place == nil || !(*place).add(w) {
		fresh, err := s.open()
		if err != nil {
			return err
		}
		fresh.add(w)
		*place = fresh
	}
	s.next = *place
	s.due = append(s.due, s.next)
	return nil
}

// open opens another socket. s.mu is held.
func (s *sockets) open() (*socket, error) {
	conn, err := dial(s.to)
	if err != nil {
		return nil, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err // which an open one does not have
	}
	fresh := &socket{conn: conn, raw: raw, to: s.to, heard: s.heard, waiting: make(map[uint16]*waiting)}
	if s.all == nil {
		s.all = make(map[*socket]struct{})
	}
	s.all[fresh] = struct{}{}
	responses := fresh.responses()
	life := time.AfterFunc(socketLife, fresh.retire)
	s.work.Go(func() {
		fresh.read(responses)
		life.Stop()
		s.forget(fresh)
	})
	return fresh, nil
}

// forget drops a socket that is closed.
func (s *sockets) forget(old *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, old)
	for i := range s.inUse {
		if s.inUse[i] == old {
			s.inUse[i] = nil
		}
	}
}

// close closes all sockets; whoever waits there gets ErrClosed.
func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.all {
		_ = c.conn.Close() // which its reader notices
	}
}

// add lets w wait at c, under an ID that no other query there has. It returns false if
// c takes no more.
func (c *socket) add(w *waiting) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired {
		return false
	}
	for c.isUsed(w.id()) {
		w.renew()
	}
	c.used[w.id()/64] |= 1 << (w.id() % 64)
	c.waiting[w.id()] = w
	c.unsent = append(c.unsent, w)
	c.queries++
	c.retired = c.queries == socketQueries
	w.discarded = c.discarded
	if c.due.IsZero() || w.until.Before(c.due) {
		c.wake(w.until)
	}
	return true
}

// wake sets the timer. c.mu is held.
func (c *socket) wake(at time.Time) {
	c.due = at
	if c.timer == nil {
		c.timer = time.AfterFunc(time.Until(at), c.silent)
		return
	}
	c.timer.Reset(time.Until(at))
}

// isUsed says whether a query has that ID, or had. c.mu is held.
func (c *socket) isUsed(id uint16) bool { return c.used[id/64]&(1<<(id%64)) != 0 }

// take lets w wait no longer; false if it does not any more.
func (c *socket) take(w *waiting) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting[w.id()] != w {
		return false
	}
	delete(c.waiting, w.id())
	c.closeIfDone()
	return true
}

// closeIfDone closes a retired socket when nothing waits there. c.mu is held.
func (c *socket) closeIfDone() {
	if c.retired && len(c.waiting) == 0 {
		_ = c.conn.Close()
	}
}

// retire takes c out of use.
func (c *socket) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	c.closeIfDone()
}

// flush sends the unsent queries.
func (c *socket) flush() {
	c.mu.Lock()
	unsent := c.unsent
	c.unsent = nil
	c.mu.Unlock()
	sent, err := c.write(unsent)
	if err == nil {
		return
	}
	if errors.Is(err, syscall.ECONNREFUSED) { // said of queries that were sent before
		c.failAll(cause(err))
	} else {
		c.fail(unsent[sent:], cause(err))
	}
	c.heard()
}

// read reads with responses until c is closed.
func (c *socket) read(responses func() error) {
	for {
		err := responses()
		closed := errors.Is(err, net.ErrClosed)
		switch {
		case closed:
			c.failAll(ErrClosed)
		case err != nil:
			c.retire() // should the error stay
			c.failAll(cause(err))
		}
		c.heard()
		if closed {
			return
		}
	}
}

// accept gives a response to the query that waits for it.
func (c *socket) accept(response []byte) {
	w, why := c.whose(response)
	switch {
	case why == "" && w == nil: // late, or a duplicate
	case why == "":
		if c.take(w) {
			w.done(whole(response), nil)
		}
	case w != nil && w.ends(response, why) != nil && c.take(w):
		w.done(nil, w.ends(response, why))
	default:
		c.discard(why)
	}
}

// whose returns the query with the ID of response, and why that is not its response;
// neither where it comes too late, or once more.
func (c *socket) whose(response []byte) (w *waiting, why string) {
	if len(response) < headerSize {
		return nil, shortResponse
	}
	id := binary.BigEndian.Uint16(response)
	c.mu.Lock()
	w, used := c.waiting[id], c.isUsed(id)
	c.mu.Unlock()
	switch {
	case w != nil:
		return w, w.mismatch(response)
	case used:
		return nil, ""
	}
	return nil, otherID
}

// discard notes a wrong response. After many, somebody has found the port and guesses: who
// waits there waits for nothing more that he could guess.
func (c *socket) discard(why string) {
	c.mu.Lock()
	c.discarded++
	c.last = why
	found := c.discarded == maxDiscarded
	c.mu.Unlock()
	if found {
		c.retire()
		c.failAll(errGuessed)
	}
}

// silent ends the wait for the responses whose time is up. One timer for all of them is
// set once in a while; one for each query took as long as sending it.
func (c *socket) silent() {
	now, silent := time.Now(), false
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.waiting))
	c.due = time.Time{}
	for _, w := range all {
		if w.until.After(now) && (c.due.IsZero() || w.until.Before(c.due)) {
			c.due = w.until
		}
	}
	if !c.due.IsZero() {
		c.wake(c.due)
	}
	discarded, last := c.discarded, c.last
	c.mu.Unlock()
	for _, w := range all {
		if !w.until.After(now) && c.take(w) {
			silent = true
			w.done(nil, &silence{discarded: discarded - w.discarded, last: last})
		}
	}
	if silent {
		c.heard()
	}
}

// failAll ends the wait for all responses.
func (c *socket) failAll(err error) {
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.waiting))
	c.mu.Unlock()
	c.fail(all, err)
}

// fail ends the wait for the responses to all.
func (c *socket) fail(all []*waiting, err error) {
	for _, w := range all {
		if c.take(w) {
			w.done(nil, err)
		}
	}
}
