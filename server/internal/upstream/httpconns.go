package upstream

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxHTTPConns is how many connections there are. With HTTP/2 one does it all, mostly.
	maxHTTPConns = 8
	// maxHTTPHeader bounds the header of a response, in octets.
	maxHTTPHeader = 16 << 10
	// unprovenPlaces is how many queries are under way on a connection on which no response has
	// come: how many the server takes is not known before.
	unprovenPlaces = 8
	// dialPause is how long no further connection is opened beside those that there are,
	// after that has failed.
	dialPause = time.Second
)

// httpConns are the connections to one server over HTTPS. They are opened one at a time,
// since the first may take all queries (HTTP/2), and more at once only where each takes one
// query (HTTP/1.1). Queries wait in line for a place. The library's own pool was turned
// down: with a bound it opens as many connections as that has, closes all but one, and forgets now
// and then to wake who waits.
type httpConns struct {
	client *http.Transport
	open   context.Context // of the group: ends with Close
	work   *sync.WaitGroup // of what asks: for one goroutine for each connection

	mu     sync.Mutex // guards what follows
	all    []*httpConn
	line   []chan seat // who waits; each has room for its seat
	single bool        // each takes one query at a time
	pause  time.Time   // until then no connection is opened beside others
}

// A seat is a place at a connection, or why there is none.
type seat struct {
	conn *httpConn
	err  error
}

// A httpConn is one connection, from before it is opened.
type httpConn struct {
	changed  chan struct{} // has something when it may have more places, or fewer
	received atomic.Uint32 // responses

	// The lock of the pool guards what follows.
	client  *http.ClientConn // nil until it is open
	single  bool             // it takes one query at a time
	used    int              // seats that are taken
	last    time.Time        // when a seat was given back
	retired bool             // takes no more queries, and is closed when none waits
}

// newHTTPConns returns connections that the dialer opens; none is open.
func newHTTPConns(open context.Context, d *dialer, work *sync.WaitGroup) *httpConns {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &httpConns{open: open, work: work, client: &http.Transport{
		DialTLSContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return d.dial(ctx) },
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{WriteByteTimeout: writeTimeout},
		MaxResponseHeaderBytes: maxHTTPHeader,
		DisableCompression:     true,
	}}
}

// take returns a connection that has a place, and waits for one until ctx ends. The caller
// gives it back.
func (p *httpConns) take(ctx context.Context) (*httpConn, error) {
	mine := make(chan seat, 1)
	p.mu.Lock()
	p.line = append(p.line, mine)
	p.serve()
	p.mu.Unlock()
	select {
	case s := <-mine:
		return s.conn, s.err
	case <-ctx.Done():
		p.quit(mine)
		return nil, ctx.Err()
	}
}

// quit takes somebody out of the line, who may have got his seat at this moment.
func (p *httpConns) quit(mine chan seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.line, mine); i >= 0 {
		p.line = slices.Delete(p.line, i, i+1)
		return
	}
	if s := <-mine; s.conn != nil {
		s.conn.used--
		p.serve()
	}
}

// give takes a seat back. silent says that nothing has come on
// the connection while somebody waited: it may be dead, and takes no more.
func (p *httpConns) give(c *httpConn, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.used, c.last = c.used-1, time.Now()
	c.retired = c.retired || silent
	p.serve()
	if c.used == 0 {
		c.look()
	}
}

// leave leaves the connections that nobody uses, if one of them was found closed: they are
// as old.
func (p *httpConns) leave(found *httpConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if found.client.InFlight() > 0 || found.client.Available() > 0 {
		return
	}
	for _, c := range p.all {
		if c.client != nil && c.used == 0 {
			c.retired = true
			c.look()
		}
	}
}

// serve gives seats to those who wait, as long as there are any. p.mu is held.
func (p *httpConns) serve() {
	for len(p.line) > 0 {
		c := p.free()
		if c == nil {
			p.grow()
			return
		}
		p.line[0] <- seat{conn: c}
		p.line[0], p.line = nil, p.line[1:]
	}
}

// free takes a seat at the first connection that has one, so that those that are not
// needed fall idle. p.mu is held.
func (p *httpConns) free() *httpConn {
	for _, c := range p.all {
		switch {
		case c.client == nil || c.retired:
		case c.used < c.places():
			c.used++
			return c
		case c.client.Err() != nil:
			c.look()
		}
	}
	return nil
}

// places is how many queries may be under way on c, 0 if no more may begin. The library
// could reserve them, but forgets to wake who waits where a server then takes fewer. It
// lets who comes too many wait. The lock of the pool is held.
func (c *httpConn) places() int {
	available := c.client.Available()
	if available == 0 || c.single {
		return available
	}
	all := available + c.client.InFlight()
	if c.received.Load() == 0 {
		return min(all, unprovenPlaces)
	}
	return all
}

// grow opens another connection, unless one is about to be open. p.mu is held.
func (p *httpConns) grow() {
	if p.open.Err() != nil || len(p.all) > 0 && time.Now().Before(p.pause) {
		return
	}
	opening, most := 0, 1
	if p.single {
		most = len(p.line)
	}
	for _, c := range p.all {
		if c.client == nil {
			opening++
		}
	}
	for ; opening < most && len(p.all) < maxHTTPConns; opening++ {
		c := &httpConn{changed: make(chan struct{}, 1)}
		p.all = append(p.all, c)
		p.work.Go(func() { p.run(c) })
	}
}

// run opens a connection, gives its places to who waits for one, and closes it when it is
// of no more use.
func (p *httpConns) run(c *httpConn) {
	const anywhere = "server:443" // the dialer knows better
	client, err := p.client.NewClientConn(p.open, "https", anywhere)
	if err != nil {
		p.forget(c, err)
		return
	}
	client.SetStateHook(func(*http.ClientConn) { c.look() })
	p.opened(c, client)
	idle := time.NewTimer(tlsIdle)
	defer idle.Stop()
	for p.keeps(c) {
		select {
		case <-c.changed:
		case <-idle.C:
			idle.Reset(tlsIdle / 2)
		case <-p.open.Done():
		}
	}
	err = client.Err()
	_ = client.Close()
	if c.received.Load() > 0 {
		err = nil
	}
	p.forget(c, err)
}

// look has the goroutine of c look at what has changed. It does not block.
func (c *httpConn) look() {
	select {
	case c.changed <- struct{}{}:
	default: // it is about to
	}
}

// opened notes that c is open.
func (p *httpConns) opened(c *httpConn, client *http.ClientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.client, c.last = client, time.Now()
	c.single = client.Available() == 1
	p.single = c.single
}

// keeps gives away what places c has, and says whether it is of use any longer.
func (p *httpConns) keeps(c *httpConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serve()
	switch {
	case p.open.Err() != nil || c.client.Err() != nil:
		return false
	case c.used > 0 || c.client.InFlight() > 0:
		return true
	}
	// Where nothing is under way, and yet nothing may be, the server has said that it
	// will close the connection.
	return !c.retired && time.Since(c.last) < tlsIdle && c.client.Available() > 0
}

// forget drops a connection that has ended. Where it is the last, and err says that it was
// no good, nobody waits for another.
func (p *httpConns) forget(old *httpConn, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = slices.DeleteFunc(p.all, func(c *httpConn) bool { return c == old })
	switch {
	case err == nil:
		p.serve()
	case len(p.all) > 0:
		p.pause = time.Now().Add(dialPause)
	default:
		for _, waits := range p.line {
			waits <- seat{err: err}
		}
		p.line = nil
	}
}
