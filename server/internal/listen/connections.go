package listen

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

const (
	// youth is how long a connection is spared when another can be closed for a new one: long enough
	// for a client to ask and be answered, however fast others open connections.
	youth = 200 * time.Millisecond
	// candidates bounds how many connections are looked at to find the one to be closed.
	candidates = 64
	// networkBits is the part of an IPv6 address that tells clients apart: one has a /64 to choose
	// from (RFC 4291, section 2.5.4).
	networkBits = 64
)

// connections is the set of open connections. What is done to it takes the same time however many
// there are: whoever opens connections as fast as he can must not make each cost more.
type connections struct {
	mu      sync.Mutex // guards what follows, and crowds and places in them
	count   int
	clients map[netip.Prefix]*crowd
	bySize  [][]*crowd // at [n], the crowds of n connections, in no order
	largest int        // the size of the largest crowd
	unread  int        // octets held for all of them: see hold
}

// crowd is the open connections of one client, in no order. It and its conns know their place.
type crowd struct {
	client netip.Prefix
	conns  []*conn
	unread int // octets held for them
	place  int // in bySize[len(conns)]
}

// clientOf is what a client's connections are counted under.
func clientOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = networkBits
	}
	p, _ := a.Prefix(bits) // of a valid address, whose zone it leaves out
	return p
}

// add puts c into the set. If there are more than limit then, it takes another one out and returns it.
func (s *connections) add(c *conn, limit int) (out *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(c)
	if s.count <= limit {
		return nil
	}
	out = s.victim(c, time.Now())
	s.take(out)
	return out
}

// victim is the connection to be closed for c: one of the client that has the most of them, so that a
// flood from one address closes its own. Clients with equally many are as one. mu is held.
func (s *connections) victim(c *conn, now time.Time) (out *conn) {
	crowds := s.bySize[s.largest]
	total := len(crowds) * s.largest
	n := min(total, candidates)
	first := rand.IntN(total)
	for i := range n { // all, or as many spread evenly
		at := (first + i*total/n) % total
		next := crowds[at/s.largest].conns[at%s.largest]
		if next != c && (out == nil || next.goesBefore(out, now)) {
			out = next
		}
	}
	return out
}

// remove takes c out of the set, if it is in it.
func (s *connections) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(c)
}

// all is every connection in the set.
func (s *connections) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, s.count)
	for _, crowd := range s.clients {
		all = append(all, crowd.conns...)
	}
	return all
}

// len is the number of connections in the set.
func (s *connections) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// put puts c into the crowd of its client. mu is held.
func (s *connections) put(c *conn) {
	client := clientOf(c.from.Addr.Addr())
	g := s.clients[client]
	if g == nil {
		g = &crowd{client: client}
		s.clients[client] = g
	}
	s.unfile(g)
	c.crowd, c.place = g, len(g.conns)
	g.conns = append(g.conns, c)
	s.file(g)
	s.count++
}

// take takes c out of its crowd, if it is in one. mu is held.
func (s *connections) take(c *conn) {
	g := c.crowd
	if g == nil {
		return
	}
	s.unfile(g)
	s.charge(c, -c.unread)
	last := len(g.conns) - 1
	g.conns[c.place] = g.conns[last]
	g.conns[c.place].place = c.place
	g.conns[last] = nil
	g.conns = g.conns[:last]
	c.crowd = nil
	s.file(g)
	s.count--
}

// unfile takes g out of bySize, before its size changes by one. mu is held.
func (s *connections) unfile(g *crowd) {
	if len(g.conns) == 0 {
		return // a new one
	}
	same := s.bySize[len(g.conns)]
	last := len(same) - 1
	same[g.place] = same[last]
	same[g.place].place = g.place
	same[last] = nil
	s.bySize[len(g.conns)] = same[:last]
}

// file puts g into bySize, after its size changed by one, or forgets it if it is empty. mu is held.
func (s *connections) file(g *crowd) {
	size := len(g.conns)
	for len(s.bySize) <= size {
		s.bySize = append(s.bySize, nil)
	}
	if size == 0 {
		delete(s.clients, g.client)
	} else {
		g.place = len(s.bySize[size])
		s.bySize[size] = append(s.bySize[size], g)
	}
	s.largest = max(s.largest, size)
	if len(s.bySize[s.largest]) == 0 {
		s.largest-- // to where g, the last one of its size, is now
	}
}
