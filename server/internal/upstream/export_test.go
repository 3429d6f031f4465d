package upstream

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"splitdns/server/internal/wire"
)

// Bounds that tests reach.
const (
	SocketQueries = socketQueries
	MaxDiscarded  = maxDiscarded
	MinResend     = minResend
	StartDelay    = startDelay
	MinDelay      = minDelay
	RestAfter     = restAfter
	RestSpan      = restSpan
	MinRest       = minRest
	MaxRest       = maxRest
	YieldAfter    = yieldAfter
	ExploreEvery  = exploreEvery
	MaxParallel   = maxParallel
	MaxStreams    = maxStreams
	PlainFor      = plainFor
	TroubleGap    = troubleGap
	MaxPipelined  = maxPipelined
	MaxHTTPConns  = maxHTTPConns
)

// newPacked packs q.
func newPacked(q wire.UpstreamQuery) packed { return pack(q, 0) }

// Health is what is known of a server.
type Health struct{ health }

// Failed is what a question without a response makes of h.
func (h *Health) Failed(now time.Time, waited time.Duration) (exhausted bool) {
	return h.failed(now, waited)
}

// Answered is what a good answer makes of h, and Heard what any response does.
func (h *Health) Answered(now time.Time, rtt time.Duration) { h.answered(now, rtt) }

// Heard notes a response.
func (h *Health) Heard() { h.heard() }

// Refused notes a SERVFAIL or REFUSED.
func (h *Health) Refused() { h.refused() }

// Rest begins a rest, and returns how long it is.
func (h *Health) Rest(now time.Time, spread float64) time.Duration {
	h.rest(now, spread)
	return h.look().until.Sub(now)
}

// Claim says whether to probe.
func (h *Health) Claim(now time.Time) bool { return h.claim(now) }

// Look returns the round-trip time, the delay and whether h rests, or yields to others.
func (h *Health) Look() (srtt, delay time.Duration, rests, yields bool) {
	c := h.look()
	return c.srtt, c.delay, c.rank == resting, c.rank == yielded
}

// Cost is what servers are compared by.
func (h *Health) Cost() time.Duration { return h.look().cost }

// Trouble is what was reported of a server.
type Trouble struct{ trouble }

// Begins says whether to tell that there is no answer, and Ends that there is.
func (t *Trouble) Begins(now time.Time) bool { return t.begins(now, now) }

// Ends says whether to tell that there is an answer.
func (t *Trouble) Ends(now time.Time) bool {
	tell, _ := t.ends(now)
	return tell
}

// FindCookie returns the first COOKIE option of a response.
func FindCookie(response []byte) (option []byte, ok bool) { return findCookie(response) }

// RandomPort is a port whence queries leave.
func RandomPort(taboo uint16) int { return randomPort(taboo) }

// Spell puts a name in wire form into random case.
func Spell(name []byte) { spell(name) }

// Accepts packs q, lets edit make a response of the packet, and says whether that
// is accepted as the response to it.
func Accepts(q wire.UpstreamQuery, edit func(query []byte) (response []byte)) (query []byte, ok bool) {
	p := newPacked(q)
	return p.packet, p.mismatch(edit(append([]byte(nil), p.packet...))) == ""
}

// Funnel lets the queries to the first server of g leave from one socket only, as long
// as that takes more.
func Funnel(g *Group) error {
	s := &g.servers[0].sockets
	s.mu.Lock()
	defer s.mu.Unlock()
	one, err := s.open()
	for i := range s.inUse {
		s.inUse[i] = one
	}
	return err
}

// Retire takes the sockets to the first server of g out of use, as their age does.
func Retire(g *Group) {
	s := &g.servers[0].sockets
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		c.retire()
	}
}

// Waiting is how many sockets to the first server of g there are, and how many queries
// wait there.
func Waiting(g *Group) (sockets, queries int) {
	s := &g.servers[0].sockets
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		c.mu.Lock()
		queries += len(c.waiting)
		c.mu.Unlock()
	}
	return len(s.all), queries
}

// AskOnce asks the first server of g once, until then, and has done called with why there
// is no response.
func AskOnce(g *Group, q wire.UpstreamQuery, until time.Time, done func(err error)) {
	s := g.servers[0]
	s.ask(&waiting{packed: newPacked(q), until: until, done: func(_ []byte, err error) { done(err) }}, false)
	s.sockets.flush()
}

// IsSilence says whether err is the end of a wait.
func IsSilence(err error) bool {
	_, silent := errors.AsType[*silence](err)
	return silent
}

// Idle is how long the first connection to the first server of g may be idle.
func Idle(g *Group) time.Duration {
	p := g.servers[0].streams
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[0].mu.Lock()
	defer p.all[0].mu.Unlock()
	return p.all[0].idle
}

// SetIdle changes that, and the timer follows.
func SetIdle(g *Group, idle time.Duration) {
	p := g.servers[0].streams
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[0].mu.Lock()
	defer p.all[0].mu.Unlock()
	p.all[0].idle = idle
	p.all[0].alarm(time.Now())
}

// Open is how many connections to the first server of g there are.
func Open(g *Group) int {
	if h := g.servers[0].https; h != nil {
		return h.dialer.open.count()
	}
	return g.servers[0].streams.dialer.open.count()
}

// count is how many connections are open.
func (l *connections) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// Forget makes the addresses of the host of the first server of g as old as they get.
func Forget(g *Group) {
	h := g.servers[0].streams.dialer.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = time.Time{}
}

// Host is a host name whose addresses are known.
type Host struct{ host }

// NewHost returns a host that was not looked up yet.
func NewHost() *Host { return &Host{host{pause: minPause}} }

// Found notes that a lookup has found an address, with that TTL.
func (h *Host) Found(life time.Duration) {
	h.asking = make(chan struct{})
	h.finish(&lookup{found: make([]netip.Addr, 1), life: life})
}

// Works notes a connection, and Fails that there was none.
func (h *Host) Works() { h.works() }

// Fails notes that no address works.
func (h *Host) Fails() { h.fails(time.Now()) }

// Next is how long no lookup begins.
func (h *Host) Next() time.Duration { return time.Until(h.next) }

// A script is a connection from which octets come, and then no more.
type script struct {
	net.Conn
	octets *bytes.Reader
}

// Read reads the next octets.
func (s script) Read(b []byte) (int, error) { return s.octets.Read(b) }

// Close closes nothing.
func (s script) Close() error { return nil }

// Hear has q wait at a connection from which octets come, and has done called with what
// became of it.
func Hear(q wire.UpstreamQuery, octets []byte, done func(query, response []byte, err error)) {
	p := &streams{over: TCP, open: context.Background(), heard: func() {}}
	c := newStream(p)
	w := &waiting{packed: newPacked(q), until: time.Now().Add(time.Hour)}
	w.packet[0], w.packet[1] = 0, 0
	w.done = func(response []byte, err error) { done(w.packet, response, err) }
	c.add(w)
	c.end(c.read(script{octets: bytes.NewReader(octets)}))
}
