package listen

import (
	"context"
	"net"
	"sync"
	"time"
)

// acceptTCP accepts connections until reading is stopped, and returns when all of them have ended.
func (l *Listener) acceptTCP() {
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
			out.close()
		}
		open.Go(c.serve)
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
			Tally: l.tally,
		},
		places: make(chan struct{}, connQueries),
	}
	c.open, c.cancel = context.WithCancel(context.Background())
	c.touch()
	c.accepted = time.Duration(c.active.Load())
	return c
}
