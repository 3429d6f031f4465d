// Package upstream asks the resolvers that queries are forwarded to. An upstream
// group is a few servers that know the same names; the package finds one that
// answers, in bounded time, and believes only what that server can have sent. It
// leaves caching, and the sharing of one query by many clients, to its callers.
//
// Every query has an ID and, over UDP, a socket of its own on an unpredictable
// port (RFC 5452, section 9.2). A wrong response is discarded and the listening
// goes on: giving up at the first one would let anybody who can guess badly
// suppress an answer. A pool of long-lived sockets was turned down for now: it
// saves some system calls, but an open port is one that can be searched for.
//
// A group begins with the server that last answered well, and each exchange keeps
// to itself what it learns otherwise: no queue and no lock is shared between
// groups, so a dead one slows no other.
package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
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

// ErrClosed is what Exchange returns after Close.
var ErrClosed = errors.New("upstream: closed")

// A Group is an upstream group. Its methods may be called concurrently. It holds
// no socket between exchanges, so one that is no longer used may just be dropped.
type Group struct {
	name    string
	servers []*server
	timeout time.Duration
	first   atomic.Uint32 // the index of the server to begin with

	mu       sync.Mutex // guards closed, and the growth of underWay
	closed   bool
	underWay sync.WaitGroup // a count for each exchange
}

// New returns a group of these servers, which are asked in that order until one
// has answered. The timeout bounds each exchange as a whole.
func New(name string, servers []netip.AddrPort, timeout time.Duration) *Group {
	g := &Group{name: name, timeout: timeout}
	if timeout <= 0 {
		g.timeout = DefaultTimeout
	}
	for _, addr := range servers {
		g.servers = append(g.servers, newServer(addr))
	}
	return g
}

// Name returns the group's name, as in [upstream.NAME].
func (g *Group) Name() string {
	return g.name
}

// Exchange returns the response to q, and the server that sent it: its address,
// with the port if that is not 53. A q without a UDPSize is sent with UDPSize.
//
// SERVFAIL and REFUSED are returned only if no server knew better, other failures
// as an [*Error]. When ctx is cancelled, Exchange returns at once with an error
// that wraps ctx's.
func (g *Group) Exchange(ctx context.Context, q wire.UpstreamQuery) (m wire.Message, from string, err error) {
	if !g.enter() {
		return m, "", ErrClosed
	}
	defer g.underWay.Done()
	q.UDPSize = cmp.Or(q.UDPSize, UDPSize)
	timed, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	x := newExchange(g, q)
	m, from, err = x.run(timed)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return m, "", fmt.Errorf("upstream %s: %w", g.name, ctx.Err())
	}
	return m, from, err
}

// Close refuses further exchanges and waits for those under way, which end with
// their contexts, at the latest after the timeout.
func (g *Group) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.underWay.Wait()
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
