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
// Which server is asked first is the strategy's. The next one is asked at once where one fails, and
// where one is silent for longer than nearly all its answers take (hedging): what a lost
// datagram or a dead server costs is so a few milliseconds, and few queries are
// sent twice. Whichever answers well first ends the exchange; the others go on waiting, since
// also a late response shows how its server does. So an exchange may have several questions
// under way, and a lock, which is never held while a server is asked or the caller is told. To ask
// all servers always was turned down as the default: it doubles everybody's load. So was a fixed
// order with long timeouts, where each query waits for a dead server.
//
// A server that is silent for long is rested: it is asked only where all others are
// silent or gone. With its rest over, a copy of one query shows whether it is back; no client
// waits for that, and no goroutine and no timer is needed for a group that nobody asks.
// SERVFAIL and REFUSED rest nobody, since they may be the name's.
//
// Beside ID and port, whoever forges a response over UDP must guess the case of each letter of
// the name (0x20), and the DNS cookie (RFC 7873) if the server has such. What is wrong only in
// these may come from an odd server, so it is neither believed nor waited out: the
// question is asked again over TCP, and what that shows of the server is remembered
// for a while. So it is with a refusal that repeats no question, for which only the ID must be
// guessed, and which would turn off EDNS, and cookies with it. Only where there is no TCP either, an odd server is believed over UDP without what it does
// not know; to have no name resolved there would be worse.
//
// No queue and no lock is shared between groups, so a dead one slows no other.
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
)

// ErrClosed is what exchanges end with after Close.
var ErrClosed = errors.New("upstream: closed")

// A Group is an upstream group. Its methods may be called concurrently. It holds
// no socket for long after the last exchange; Close is there to end exchanges.
type Group struct {
	name    string
	servers []*server
	timeout time.Duration

	strategy Strategy
	turns    atomic.Uint64 // exchanges so far, where that matters
	alarms   alarms
	reports  reports
	resting  sync.Mutex // held while a server begins to rest, so that not all do

	open  context.Context // ends with Close
	close context.CancelFunc

	mu       sync.Mutex // guards closed, and the growth of underWay
	closed   bool
	underWay sync.WaitGroup // a count for each exchange
}

// Options describe a group.
type Options struct {
	Name    string // as in [upstream.NAME]
	Servers []Server
	Timeout time.Duration // bounds each exchange as a whole; DefaultTimeout with 0

	Strategy Strategy // whom to ask; Fastest with 0

	// Report, unless it is nil, takes messages for administrators: that a server does
	// not answer, which is bad, and that it does again. It is not called concurrently, nor
	// after Close.
	Report func(bad bool, text string)
}

// New returns a group. heard is called after
// done was called for some exchanges, where that was not before Exchange returned:
// what their callers have put off is due. It is called from any goroutine, also when
// no exchange has ended, and must not be nil nor block for long.
func New(o Options, heard func()) *Group {
	g := &Group{name: o.Name, timeout: o.Timeout, strategy: o.Strategy}
	if o.Timeout <= 0 {
		g.timeout = DefaultTimeout
	}
	g.reports.take = o.Report
	g.open, g.close = context.WithCancel(context.Background())
	g.alarms.rung = func() {
		g.Flush() // exchanges that went on
		heard()
	}
	for _, s := range o.Servers {
		g.servers = append(g.servers, newServer(g.open, s, g.alarms.rung))
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
	newExchange(g, q, now, done).start(now)
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
	g.alarms.stop()
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
