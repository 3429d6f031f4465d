package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// maxStreams is how many connections to a server there are at the same time.
	maxStreams = 16
	// busyStream is how many queries wait at each connection before another one is
	// opened. Some servers work on no more of one connection, or on one after the other.
	busyStream = 32
	// maxPipelined is how many queries may wait at a connection.
	maxPipelined = 1000
	// maxRetries is how often a query is asked again that a server had not answered when it
	// closed the connection. A second time is for servers that take one query on each.
	maxRetries = 2

	// tcpIdle and tlsIdle are how long a connection is kept that nobody uses, unless the
	// server says otherwise. Servers of plain TCP have few places, and TLS is slow to open.
	tcpIdle = 10 * time.Second
	tlsIdle = 30 * time.Second
	// maxIdle bounds what a server may say.
	maxIdle = 2 * time.Minute

	// padding is the block that encrypted queries fill (RFC 8467, section 4.1).
	padding = 128
)

// streams are the connections to one server over which queries go in a stream: TCP, or TLS
// over it. They are kept and used by many queries at a time (RFC 7766, section 6.2.1).
// The lock may be held while that of a stream is taken, and never the other way round.
type streams struct {
	over   Transport
	dialer *dialer
	pad    int             // queries are padded to a multiple; 0: they are not
	idle   time.Duration   // how long an unused connection is kept
	open   context.Context // of the group: ends with Close
	heard  func()          // see New

	work sync.WaitGroup // for whoever dials, reads and writes

	mu     sync.Mutex // guards what follows
	all    []*stream
	closed bool
}

// newStreams returns connections of that kind to the server; none is open.
func newStreams(open context.Context, o Server, over Transport, heard func()) *streams {
	p := &streams{over: over, idle: tcpIdle, open: open, heard: heard}
	if over == TCP {
		p.dialer = newDialer(o, nil)
		return p
	}
	p.pad, p.idle = padding, tlsIdle
	p.dialer = newDialer(o, o.tlsConfig("dot")) // registered with RFC 7858
	return p
}

// ask has w sent at once. Its done is called once, never before ask returns unless there
// is no place for it: with the response, which is valid only during the call, with a
// [*silence] when its time is up, or with another error. Until then w is ours.
func (p *streams) ask(w *waiting) {
	if err := p.place(w); err != nil {
		w.done(nil, err)
	}
}

// place lets w wait at a connection.
func (p *streams) place(w *waiting) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closed {
		c := p.choose(w.retries > 0)
		if c == nil {
			return p.named(fmt.Errorf("too many queries wait for answers on %d connections", len(p.all)))
		}
		if c.add(w) {
			return nil
		}
	}
	return ErrClosed
}

// choose returns the connection that the fewest queries wait at, or a new one; nil if
// there is no place. With fresh it is one that has not answered yet: it cannot have been
// closed for having been idle. p.mu is held.
func (p *streams) choose(fresh bool) *stream {
	best, least, opening := p.idlest(fresh)
	switch {
	case least == 0 || len(p.all) == maxStreams:
		return best
	case !fresh && best != nil && (least < busyStream || opening):
		return best
	}
	return p.start()
}

// idlest returns the connection that the fewest queries wait at, and how many; nil if
// there is no place. Opening says that one is not open yet. p.mu is held.
func (p *streams) idlest(fresh bool) (best *stream, least int, opening bool) {
	least = maxPipelined
	for _, c := range p.all {
		load, state := c.load()
		opening = opening || state == dialing
		if load < least && !(fresh && state == proven) {
			best, least = c, load
		}
	}
	return best, least, opening
}

// start opens another connection. p.mu is held.
func (p *streams) start() *stream {
	c := newStream(p)
	p.all = append(p.all, c)
	p.work.Go(c.run)
	return c
}

// forget drops a connection that has ended.
func (p *streams) forget(old *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(c *stream) bool { return c == old })
}

// close closes all connections; whoever waits there gets ErrClosed. The context has ended.
func (p *streams) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.dialer.close()
}

// named puts the transport before an error.
func (p *streams) named(err error) error {
	if p.open.Err() != nil || errors.Is(err, ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("over %v: %w", p.over, cause(err))
}
