package listen

import (
	"context"
	"net/http"
	"net/netip"
	"time"
)

// What the tests of messages and of framing look at without a socket.
var (
	Explain     = explain
	ReadMessage = readMessage

	TurnPacketInfo = turnPacketInfo
	ClientOf       = clientOf
	NewDrops       = newDrops
)

// Bounds that tests go beyond.
const (
	MaxDatagram = maxDatagram
	ConnQueries = connQueries
	Candidates  = candidates
	DropsEvery  = dropsEvery
	HeaderSize  = headerSize
	PlaceTime   = placeTime
)

// Busy is the number of connections with a query under way or a response not yet sent.
func Busy(l *Listener) (n int) {
	for _, c := range l.conns.all() {
		if len(c.places) > 0 {
			n++
		}
	}
	return n
}

// Full is the number of connections from which nothing is read, as no response is taken.
func Full(l *Listener) (n int) {
	for _, c := range l.conns.all() {
		if len(c.places) == connQueries {
			n++
		}
	}
	return n
}

// FromTCP is the number of TCP queries under way, and of those whose turn is next.
func FromTCP(l *Limiter) int { return len(l.tcp) }

// Aside is the number of TCP queries that were put aside.
func Aside(l *Limiter) int { return len(l.aside) }

// Limiter is that of l.
func (l *Listener) Limiter() *Limiter { return l.limits.InFlight }

// Grow makes the connections that are open no longer young.
func Grow(l *Listener) { Age(l, youth) }

// Age makes the connections that are open older.
func Age(l *Listener, by time.Duration) {
	l.conns.mu.Lock()
	defer l.conns.mu.Unlock()
	for _, crowd := range l.conns.clients {
		for _, c := range crowd.conns {
			c.accepted -= by
		}
	}
}

// Add counts a drop.
func (d *drops) Add() { d.add() }

// Run reports drops.
func (d *drops) Run(stopping <-chan struct{}, report func(uint64)) { d.run(stopping, report) }

// Conns is a set of connections without sockets, each known by its number.
type Conns struct {
	set     connections
	l       Listener
	numbers map[*conn]int
	conns   []*conn
}

// NewConns returns an empty set.
func NewConns() *Conns {
	return &Conns{
		set:     connections{clients: make(map[netip.Prefix]*crowd)},
		l:       Listener{opened: time.Now()},
		numbers: make(map[*conn]int),
	}
}

// Add adds a connection that was last active at the time of its number. evicted is -1 if there was room.
func (s *Conns) Add(client netip.Addr, limit int) (number, evicted int) {
	c := &conn{l: &s.l, from: Peer{Addr: netip.AddrPortFrom(client, 0)}}
	number, evicted = len(s.conns), -1
	c.active.Store(int64(number))
	s.numbers[c] = number
	s.conns = append(s.conns, c)
	if out := s.set.add(c, limit); out != nil {
		evicted = s.numbers[out]
	}
	return number, evicted
}

// Remove removes a connection, which may be evicted already.
func (s *Conns) Remove(number int) { s.set.remove(s.conns[number]) }

// Open is how many there are, counted and listed.
func (s *Conns) Open() (counted, listed int) { return s.set.len(), len(s.set.all()) }

// Unbatched makes l read and send one packet at a time, as where the system knows nothing else.
func Unbatched(l *Listener) { l.batched = false }

// ShedFactor is how many times the limit may be shed and not forgotten.
const ShedFactor = shedFactor

// ShedNow is how many queries were shed and have not been responded to.
func ShedNow(l *Limiter) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shed
}

// ShareOf stands for the bucket that the queries of a client are counted in. Its number is chosen by chance.
func ShareOf(l *Limiter, client netip.Addr) any { return l.fairness.of(client) }

// Unreported is l, which reports nothing any more.
func Unreported(l *Listener) *Listener {
	l.report = func(string) {}
	return l
}

// Ticket is a query that waits, of no listener.
type Ticket struct{ t *ticket }

// NewTicket returns a ticket that is not admitted yet.
func NewTicket(l *Limiter) *Ticket { return NewTicketFrom(l, netip.AddrFrom4([4]byte{192, 0, 2, 1})) }

// NewTicketFrom is NewTicket for a client.
func NewTicketFrom(l *Limiter, client netip.Addr) *Ticket {
	listener := &Listener{drops: newDrops()}
	listener.waiting.Add(1)
	return &Ticket{&ticket{limiter: l, d: &datagram{s: &udpSocket{l: listener}, to: netip.AddrPortFrom(client, 53)}}}
}

// Shed reports whether the ticket was shed, and nobody has responded.
func (t *Ticket) Shed() bool {
	t.t.limiter.mu.Lock()
	defer t.t.limiter.mu.Unlock()
	return t.t.shed
}

// Admit admits the ticket, and reports whether another was shed for it.
func (t *Ticket) Admit() (shed, admitted bool) {
	d, admitted := t.t.limiter.admit(t.t)
	return d != nil, admitted
}

// Claim reports whether the ticket is answered by this.
func (t *Ticket) Claim() bool { return t.t.limiter.claim(t.t) != nil }

// Release gives a place back.
func Release(l *Limiter) { l.releaseUDP() }

// ReadRequest reads a request without a socket.
func ReadRequest(rw http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	return readRequest(rw, r, new(body))
}

// Status is the HTTP status of a refusal; 0 without.
func Status(r *refusal) int {
	if r == nil {
		return 0
	}
	return r.status
}

// WaitTCP takes a place for a TCP query when one is free.
func WaitTCP(ctx context.Context, l *Limiter) bool { return l.waitTCP(ctx) }

// MaxUnread is what one client may leave unread, of a listener's share.
const (
	MaxUnread  = maxUnread
	MaxStreams = maxStreams
	StreamSize = streamSize
)

// Unread is how many octets are held for all clients of l.
func Unread(l *Listener) int {
	l.conns.mu.Lock()
	defer l.conns.mu.Unlock()
	return l.conns.unread
}

// SetMostUnread bounds them, before l is served.
func SetMostUnread(l *Listener, n int) { l.mostUnread = n }
