package listen

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// What one HTTPS connection may take up, besides what every TCP connection may.
const (
	// maxStreams is how many requests may be under way. RFC 9113, section 6.5.2, recommends 100 for the sake of
	// pages; a query more waits for microseconds, or for one of 64 upstream queries.
	maxStreams = 64
	maxHeader  = 8 << 10  // octets: a query in a URL takes some hundred
	maxWindow  = 64 << 10 // octets of a body, or of all bodies, that are on their way: the smallest there is
)

// web answers queries over HTTPS (RFC 8484) on the connections of a listener. HTTP itself, in versions 1.1
// and 2, is net/http's; connections are counted, evicted and closed as those of bare queries are.
type web struct {
	l         *Listener
	freshness func(response []byte) uint32
	server    http.Server
	conns     chan net.Conn // on their way to the server
}

// handedConn is the socket of a connection that speaks HTTP. Whoever closes it tells our side of it, too.
type handedConn struct {
	*net.TCPConn
	c *conn
}

// Close closes the connection.
func (h *handedConn) Close() error {
	h.c.cancel()
	return h.TCPConn.Close()
}

// connKey is where the context of a request has its connection: net/http knows no other way to tell it.
type connKey struct{}

// newWeb returns what answers the queries of l.
func newWeb(l *Listener, freshness func([]byte) uint32) *web {
	w := &web{l: l, freshness: freshness, conns: make(chan net.Conn)}
	idle := l.limits.Idle
	w.server = http.Server{
		Handler:           w,
		ReadHeaderTimeout: idle,
		ReadTimeout:       idle,
		WriteTimeout:      l.limits.forAPlace() + idle, // it begins with the request
		IdleTimeout:       idle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(io.Discard, "", 0), // strangers could fill it
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, connOf(nc))
		},
		ConnState: func(nc net.Conn, state http.ConnState) {
			if state == http.StateActive {
				connOf(nc).spoke.Store(true)
			}
		},
		DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: maxWindow,
			MaxReceiveBufferPerStream: maxWindow, WriteByteTimeout: idle,
		},
	}
	return w
}

// connOf is our side of a connection that the server has.
func connOf(nc net.Conn) *conn { return nc.(*tls.Conn).NetConn().(*handedConn).c }

// run serves until reading is stopped, and then lets the requests under way finish. Closing the listener cuts
// them off.
func (w *web) run() {
	var serving sync.WaitGroup
	serving.Go(func() { _ = w.server.Serve(w) }) // it ends when it is told to, for no other reason
	<-w.l.stopping
	for _, c := range w.l.conns.all() {
		if c.handed.Load() && !c.spoke.Load() { // the server would wait for its first words
			c.close()
		}
	}
	_ = w.server.Shutdown(context.Background())
	serving.Wait()
}

// take has the server speak on c, and returns when c is closed.
func (w *web) take(c *conn) {
	c.handed.Store(true)
	select {
	case w.conns <- c.stream:
		<-c.open.Done()
	case <-w.l.stopping:
	case <-c.open.Done():
	}
}

// Accept gives the server its next connection.
func (w *web) Accept() (net.Conn, error) {
	select {
	case nc := <-w.conns:
		return nc, nil
	case <-w.l.stopping:
		return nil, net.ErrClosed
	}
}

// Close has nothing to close: the socket is the listener's.
func (w *web) Close() error { return nil }

// Addr is where the socket listens.
func (w *web) Addr() net.Addr { return w.l.tcp.Addr() }

// ServeHTTP answers a request.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	w.hold(c, streamSize)
	defer w.l.conns.release(c, streamSize)
	response, refusal := w.respond(rw, r, c)
	if refusal != nil {
		refusal.send(rw)
	} else {
		w.hold(c, len(response))
		defer w.l.conns.release(c, len(response))
		w.send(rw, response)
	}
	_ = http.NewResponseController(rw).Flush() // here, where it is counted: net/http would do it behind us
}

// hold counts n octets for the client of c, or ends the request at once, over HTTP/2 with its stream alone.
func (w *web) hold(c *conn, n int) {
	if !w.l.hold(c, n) {
		w.l.count.unsent.Add(1)
		panic(http.ErrAbortHandler)
	}
}

// respond is the response to a request, or why there is none.
func (w *web) respond(rw http.ResponseWriter, r *http.Request, c *conn) ([]byte, *refusal) {
	b := w.l.bodies.Get().(*body)
	packet, why := readRequest(rw, r, b)
	if why == nil && !put(r.Context(), w.l.stopping, c.places) {
		why = unavailable
	}
	if why != nil {
		w.l.bodies.Put(b)
		return nil, why
	}
	defer c.free(1)
	from := c.from
	from.At = w.l.limits.Now()
	m := w.l.rooms.Get().(*room)
	response, later := w.l.handle(m.out[:0], packet, from)
	w.l.bodies.Put(b)
	own := bytes.Clone(response) // of its own size, as it may be there for long
	w.l.giveBack(m, response)
	w.l.settled()
	return w.answer(r.Context(), own, later)
}

// answer is the response to a query, when it is there, or why there is none. With the end of ctx the client is gone.
func (w *web) answer(ctx context.Context, response []byte, later func(Query)) ([]byte, *refusal) {
	none := unanswered
	if later != nil {
		response, none = w.wait(ctx, later), unavailable
	}
	if len(response) == 0 {
		return nil, none
	}
	w.l.count.tcp.Add(1)
	return response, nil
}

// wait is the response to a query that waits; nil if there is none, or nobody to hear it.
func (w *web) wait(ctx context.Context, later func(Query)) []byte {
	q := &request{l: w.l, gone: ctx.Done(), done: make(chan struct{})}
	if !q.admit(ctx) {
		return nil
	}
	w.l.begin(later, q)
	w.l.settled()
	select {
	case <-q.done:
		return q.response
	case <-ctx.Done():
		return nil
	}
}

// send sends a response. RFC 8484, section 5.1: caches must not keep it longer than its records may be. What one
// client gets is not for others.
func (w *web) send(rw http.ResponseWriter, response []byte) {
	h := rw.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(response)))
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", w.freshness(response)))
	if _, err := rw.Write(response); err != nil {
		w.l.count.unsent.Add(1)
	}
}

// request is a query over HTTPS that waits.
type request struct {
	l        *Listener
	gone     <-chan struct{} // closed when nobody waits for the response
	once     sync.Once
	response []byte        // is there when done is closed
	done     chan struct{} // closed by the first response
}

// admit waits for a place under the limit; false where there was none in time, or ctx ended.
func (q *request) admit(ctx context.Context) bool {
	inTime, cancel := context.WithTimeout(ctx, q.l.limits.forAPlace())
	defer cancel()
	admitted := q.l.limits.InFlight.waitTCP(inTime)
	if !admitted && ctx.Err() == nil {
		q.l.giveUp()
	}
	return admitted
}

// Respond gives the response to the request, if anybody waits for it, and the place under the limit back.
func (q *request) Respond(answer func(dst []byte) []byte) {
	q.once.Do(func() {
		select {
		case <-q.gone:
		default:
			m := q.l.rooms.Get().(*room)
			made := q.l.answer(m.out[:0], answer)
			q.response = bytes.Clone(made)
			q.l.giveBack(m, made)
		}
		q.l.limits.InFlight.releaseTCP()
		close(q.done)
	})
}
