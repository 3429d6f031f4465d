// Package upstream asks the resolvers that queries are forwarded to. An upstream
// group is a few servers that know the same names; the package finds one that
// answers, in bounded time, and believes only what that server can have sent. It
// leaves caching, and the sharing of one query by many clients, to its callers.
//
// A query under way is a few hundred octets and no goroutine: what comes next is
// done by whoever has read the response, or by the timer of the silence. A dead
// server so costs no more than its queries take up.
//
// Queries have unpredictable IDs, and leave from many sockets on unpredictable ports
// that change all the time (RFC 5452, section 9.2). A socket for each query
// was turned down: opening one costs more than the rest of the query. A wrong
// response is discarded and the listening goes on: giving up at the first one would let
// anybody who can guess badly suppress an answer.
//
// A group begins with the server that last answered well, and each exchange keeps
// to itself what it learns otherwise: no queue and no lock is shared between
// groups, so a dead one slows no other.
package upstream

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"splitdns/server/internal/wire"
)

const (
	// DefaultTimeout bounds an exchange where New is given no timeout. Stub
	// resolvers commonly wait that long.
	DefaultTimeout = 5 * time.Second
	// UDPSize is the size that queries advertise (RFC 9715, section 3.2): larger
	// responses come over TCP instead of in fragments, which can be forged.
	UDPSize = 1232
	// maxFirstWait bounds how long a server is waited for at first. A datagram
	// that is lost is noticed no earlier.
	maxFirstWait = time.Second
)

// ErrClosed is what exchanges end with after Close.
var ErrClosed = errors.New("upstream: closed")

// A Group is an upstream group. Its methods may be called concurrently. It holds
// no socket for long after the last exchange; Close is there to end exchanges.
type Group struct {
	name    string
	servers []*server
	timeout time.Duration
	first   atomic.Uint32 // the index of the server to begin with

	open  context.Context // ends with Close
	close context.CancelFunc

	mu       sync.Mutex // guards closed, and the growth of underWay
	closed   bool
	underWay sync.WaitGroup // a count for each exchange
}

// Options describe a group.
type Options struct {
	Name    string        // as in [upstream.NAME]
	Servers []Server      // asked in that order until one has answered
	Timeout time.Duration // bounds each exchange as a whole; DefaultTimeout with 0
}

// New returns a group. heard is called after
// done was called for some exchanges, where that was not before Exchange returned:
// what their callers have put off is due. It is called from any goroutine, also when
// no exchange has ended, and must not be nil nor block for long.
func New(o Options, heard func()) *Group {
	g := &Group{name: o.Name, timeout: o.Timeout}
	if o.Timeout <= 0 {
		g.timeout = DefaultTimeout
	}
	g.open, g.close = context.WithCancel(context.Background())
	for _, s := range o.Servers {
		g.servers = append(g.servers, newServer(g.open, s, func() {
			g.Flush() // exchanges that went on
			heard()
		}))
	}
	return g
}

// Name returns the group's name, as in [upstream.NAME].
func (g *Group) Name() string {
	return g.name
}

// Exchange has done called with the response to q, and the server that sent it: its
// address, with the port if that is not 53. A q without a UDPSize is sent with UDPSize.
//
// SERVFAIL and REFUSED come only if no server knew better, other failures as an
// [*Error]. Exchange does not block: the query leaves with others at the next Flush,
// which is the caller's to ask for. It calls done exactly once, from any goroutine and
// also before it returns; done must not block for long, since responses to others wait
// behind it, nor panic.
func (g *Group) Exchange(q wire.UpstreamQuery, done func(m wire.Message, from string, err error)) {
	if !g.enter() {
		done(wire.Message{}, "", ErrClosed)
		return
	}
	q.UDPSize = cmp.Or(q.UDPSize, UDPSize)
	now := time.Now()
	newExchange(g, q, now, done).next(now)
}

// Flush sends the queries that were left to be sent together.
func (g *Group) Flush() {
	for _, s := range g.servers {
		s.sockets.flush()
	}
}

// Close refuses further exchanges, ends those under way, and waits until their
// callers know.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.close()
	for _, s := range g.servers {
		s.close()
	}
	g.underWay.Wait()
	for _, s := range g.servers {
		s.wait()
	}
}

// enter counts an exchange, unless the group is closed.
func (g *Group) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.underWay.Add(1)
	return true
}

// prefer makes the next exchange begin with that server: it answered well.
func (g *Group) prefer(i int) {
	if g.first.Load() != uint32(i) {
		g.first.Store(uint32(i))
	}
}

// avoid makes the next exchange begin with the server after that one, if it would
// have begun with it.
func (g *Group) avoid(i int) {
	g.first.CompareAndSwap(uint32(i), uint32((i+1)%len(g.servers)))
}
