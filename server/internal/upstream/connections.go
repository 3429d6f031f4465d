package upstream

import (
	"net"
	"sync"
)

// connections are those to one server that are open. The HTTP library keeps some of which
// nobody else knows; with the group they must end, too.
type connections struct {
	mu     sync.Mutex // guards what follows
	all    map[*connection]struct{}
	closed bool
}

// A connection takes itself off the list when it is closed.
type connection struct {
	net.Conn
	list *connections
}

// add notes that conn is open. It closes conn if it comes too late.
func (l *connections) add(conn net.Conn) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return nil, ErrClosed
	}
	if l.all == nil {
		l.all = make(map[*connection]struct{})
	}
	c := &connection{conn, l}
	l.all[c] = struct{}{}
	return c, nil
}

// Close closes c. It may be called more than once.
func (c *connection) Close() error {
	c.list.mu.Lock()
	delete(c.list.all, c)
	c.list.mu.Unlock()
	return c.Conn.Close()
}

// close closes all, and what is added later.
func (l *connections) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for c := range l.all {
		_ = c.Conn.Close() // whoever reads there takes it off the list
	}
}
