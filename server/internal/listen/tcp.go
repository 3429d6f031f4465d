package listen

import (
	"context"
	"net"
	"sync"
)

// acceptTCP accepts connections until reading is stopped, and returns when all of them have ended.
func (l *Listener) acceptTCP(queries context.Context) {
	var open sync.WaitGroup
	defer open.Wait()
	failures := 0
	for {
		nc, err := l.tcp.AcceptTCP()
		if err != nil {
			if failures++; !l.goesOn("accepting TCP connections", err, failures) {
				return
			}
			continue
		}
		failures = 0
		l.count.accepted.Add(1)
		c := newConn(l, nc)
		if out := l.conns.add(c, l.limits.Connections); out != nil {
			l.count.evicted.Add(1)
			_ = out.nc.Close() // its reader notices and ends it
		}
		open.Go(func() { c.serve(queries) })
	}
}

// newConn returns the state of the connection nc, which counts as active from now.
func newConn(l *Listener, nc *net.TCPConn) *conn {
	c := &conn{
		l:  l,
		nc: nc,
		from: Peer{
			Addr:  unmap(nc.RemoteAddr().(*net.TCPAddr).AddrPort()),
			Local: unmap(nc.LocalAddr().(*net.TCPAddr).AddrPort()),
			TCP:   true,
		},
		places: make(chan struct{}, connQueries),
	}
	c.touch()
	return c
}

// connections is the set of open connections.
type connections struct {
	mu   sync.Mutex // guards open
	open map[*conn]struct{}
}

// add puts c into the set. If there are more than limit then, it takes one out and returns it.
func (s *connections) add(c *conn, limit int) (out *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= limit {
		out = s.longestIdle()
		delete(s.open, out)
	}
	s.open[c] = struct{}{}
	return out
}

// longestIdle is the connection whose last query or response lies longest back, among those without a
// query under way if there are any. A query that arrives octet by octet is no activity. mu is held.
func (s *connections) longestIdle() *conn {
	var longest *conn
	for c := range s.open {
		if longest == nil || c.idlerThan(longest) {
			longest = c
		}
	}
	return longest
}

// remove takes c out of the set, if it is in it.
func (s *connections) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// all is every connection in the set.
func (s *connections) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.open))
	for c := range s.open {
		all = append(all, c)
	}
	return all
}
