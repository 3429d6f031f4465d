package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// connQueries bounds the queries of one connection that are under way or whose responses wait to
	// be sent. With as many, nothing more is read from it.
	connQueries = 128
	// keepUnread is the largest buffer for responses to be sent that a connection keeps.
	keepUnread = 4 << 10
	// keepRoom is the largest room for a response that is kept: there are only as many as are made at a time, and
	// a large one that grows anew each time is a multiple in garbage.
	keepRoom = 128 << 10
	// readAhead is how much is read from a connection at a time: some 30 pipelined queries.
	readAhead = 2048
	// headerSize is the size of the header of a DNS message (RFC 1035, section 4.1.1).
	headerSize = 12
	// lingerTime is how long a connection that we end is read from, to no purpose but that the system
	// does not reset it: a reset may throw away responses that the client has not read.
	lingerTime = 250 * time.Millisecond
	// maxMessage is the longest message that two octets of length can announce.
	maxMessage = 1<<16 - 1
	// lengthSize is the size of that length (RFC 1035, section 4.2.2).
	lengthSize = 2
)

// conn is one TCP connection (RFC 7766). One goroutine reads from it and answers what needs no waiting.
// Of it and all that have other responses, one at a time sends what is ready: there is no order among
// responses.
type conn struct {
	l        *Listener
	nc       *net.TCPConn
	stream   net.Conn // nc, or TLS over it
	from     Peer
	open     context.Context // ends when it is closed
	cancel   context.CancelFunc
	accepted time.Duration // from l.opened
	places   chan struct{} // holds one for each query under way and each response not sent
	handed   atomic.Bool   // it speaks HTTP
	spoke    atomic.Bool   // and has begun to
	active   atomic.Int64  // time.Duration from l.opened to the last query or response

	crowd  *crowd // of its client, in l.conns, which guards this and the next two
	place  int    // in crowd.conns
	unread int    // octets held for its client

	mu           sync.Mutex // guards what follows
	ready, spare []byte     // framed responses to be sent, and those being sent
	responses    int        // in ready
	sending      bool       // a goroutine is at it
}

// room is where a response is made. A query that waits has none: there may be many.
type room struct{ out []byte }

// serve answers the queries of c until the client or we have had enough, and closes it when all that
// are under way are answered.
func (c *conn) serve() {
	defer c.l.conns.remove(c)
	defer c.close()
	switch {
	case !c.shakeHands():
	case c.l.web != nil:
		c.l.web.take(c)
		return
	default:
		c.read()
	}
	for range connQueries { // with all places ours, no response is to be sent any more
		if !put(c.open, nil, c.places) {
			return
		}
	}
	c.hangUp()
}

// read reads queries until there are no more, or the connection broke off.
func (c *conn) read() {
	r := bufio.NewReaderSize(c.stream, readAhead)
	var packet []byte
	for c.await(r) {
		var err error
		if packet, err = readMessage(r, packet, maxQuery); err != nil {
			c.broke(err)
			return
		}
		c.touch()
		if !put(c.open, c.l.stopping, c.places) {
			return
		}
		c.take(packet)
	}
}

// take answers the query in packet, or has it wait. What the service has put off is due before anything here
// can block.
func (c *conn) take(packet []byte) {
	from := c.from
	from.At = c.l.limits.Now()
	m := c.l.rooms.Get().(*room)
	response, later := c.l.handle(m.out[:0], packet, from)
	c.l.settled()
	if later != nil {
		c.l.rooms.Put(m)
		c.begin(packet, later)
		return
	}
	c.l.count.tcp.Add(1)
	if c.end(m, response) {
		c.sendAll()
	}
}

// await waits for a query to begin, and leaves a deadline for its end. It returns false when reading
// is stopped, the connection has ended, or it has been idle for too long (RFC 7766, section 6.2.3),
// which it cannot be while a query is under way.
func (c *conn) await(r *bufio.Reader) bool {
	for {
		now := time.Now()
		_ = c.nc.SetReadDeadline(now.Add(c.l.limits.Idle - c.idle(now))) // Peek tells if it is closed
		if c.l.isStopping() {
			return false
		}
		_, err := r.Peek(1)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || c.idle(time.Now()) >= c.l.limits.Idle {
			c.broke(err)
			return false
		}
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(c.l.limits.Idle))
	return !c.l.isStopping()
}

// readMessage reads a message behind its two octets of length into buf, or into a larger buffer, and
// returns it. A message that has no room for a header is an error: nothing behind it can be trusted. So is one of
// more than most octets: who sends it has no use for an answer of ours, and reading it would cost us.
func readMessage(r io.Reader, buf []byte, most int) ([]byte, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return buf, err
	}
	size := int(binary.BigEndian.Uint16(length[:]))
	if size < headerSize {
		return buf, fmt.Errorf("message of %d octets: want at least the %d of a header", size, headerSize)
	}
	if size > most {
		return buf, fmt.Errorf("message of %d octets: want at most %d", size, most)
	}
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	_, err := io.ReadFull(r, buf[:size])
	return buf[:size], err
}

// broke cuts the connection if err, with which reading ended, says that it is broken. After its regular
// end, the client may still read.
func (c *conn) broke(err error) {
	if cause, ok := errors.AsType[*net.OpError](err); ok && !cause.Timeout() {
		c.cut()
	}
}

// respond answers a query that waited. Its place under the limit is free before the response is sent:
// clients that do not read shall hold up nobody else, whoever has the response for them among others too.
func (c *conn) respond(answer func(dst []byte) []byte) {
	m, response := c.l.rooms.Get().(*room), []byte(nil)
	if c.open.Err() == nil {
		response = c.l.answer(m.out[:0], answer)
	}
	c.l.limits.InFlight.releaseTCP()
	c.l.count.tcp.Add(1)
	if c.end(m, response) {
		go c.sendAll()
	}
}

// end leaves a response that was made in m to be sent, and puts m back. With first, sending falls to the caller.
func (c *conn) end(m *room, response []byte) (first bool) {
	first = c.leave(response)
	c.l.giveBack(m, response)
	return first
}

// giveBack puts m back, with the response that was made in it, unless that is too large to keep.
func (l *Listener) giveBack(m *room, response []byte) {
	if cap(response) > cap(m.out) && cap(response) <= keepRoom {
		m.out = response[:0]
	}
	l.rooms.Put(m)
}

// leave puts response among those to be sent. With first, nobody is sending, and it falls to the caller.
// With too much unread, or a response that no length can announce, the connection is cut.
func (c *conn) leave(response []byte) (first bool) {
	if len(response) == 0 {
		c.free(1)
		return false
	}
	if len(response) > maxMessage || !c.l.hold(c, lengthSize+len(response)) {
		c.l.count.unsent.Add(1)
		c.cut()
		c.free(1)
		return false
	}
	return c.queue(response)
}

// sendAll sends what is ready until there is no more.
func (c *conn) sendAll() {
	for b, n := c.next(); n > 0; b, n = c.next() {
		c.send(b, n)
	}
}

// queue puts response among those to be sent. first says that nobody is sending, and that it falls to the
// caller.
func (c *conn) queue(response []byte) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = binary.BigEndian.AppendUint16(c.ready, uint16(len(response)))
	c.ready = append(c.ready, response...)
	c.responses++
	first = !c.sending
	c.sending = true
	return first
}

// next is what is to be sent, and how many responses that is. The bytes are the caller's until the next
// call. With none, the caller is no longer the one who sends.
func (c *conn) next() (b []byte, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cap(c.spare) > keepUnread {
		c.spare = nil
	}
	if c.responses == 0 {
		c.sending = false
		return nil, 0
	}
	b, n = c.ready, c.responses
	c.ready, c.spare, c.responses = c.spare[:0], b, 0
	return b, n
}

// send writes b, which holds n responses, and frees their places. A client that does not take them in
// time is cut off.
func (c *conn) send(b []byte, n int) {
	_ = c.nc.SetWriteDeadline(time.Now().Add(c.l.limits.Idle)) // Write tells if it is closed
	if _, err := c.stream.Write(b); err != nil {
		c.l.count.unsent.Add(uint64(n))
		c.cut()
	}
	c.l.conns.release(c, len(b))
	c.free(n)
}

// free gives n places back. The idle time begins here.
func (c *conn) free(n int) {
	c.touch()
	for range n {
		<-c.places
	}
}

// cut ends the connection at once, and has the system forget what it holds for a client that does not
// read.
func (c *conn) cut() {
	_ = c.nc.SetLinger(0) // errors here and below: closed already
	c.close()
}

// close closes the connection, and ends what waits for it. The reader notices.
func (c *conn) close() {
	c.cancel()
	_ = c.nc.Close()
}

// hangUp ends the connection in good order: the client sees the end behind the last response.
func (c *conn) hangUp() {
	if t, ok := c.stream.(*tls.Conn); ok {
		_ = t.CloseWrite() // an error: there is no TLS yet, or the connection is closed
	}
	if c.nc.CloseWrite() != nil {
		return
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, c.nc) // until the client closes, or the deadline
}

// touch says that the connection is in use.
func (c *conn) touch() { c.active.Store(int64(time.Since(c.l.opened))) }

// idle is how long the connection has had no query under way.
func (c *conn) idle(now time.Time) time.Duration {
	if len(c.places) > 0 {
		return 0
	}
	return now.Sub(c.l.opened) - time.Duration(c.active.Load())
}

// goesBefore says whether c is closed rather than d to make room. Young connections are spared: if all
// are young, somebody opens them as fast as he can, and who has been quiet longest goes. Among the
// others, those that wait for us are spared too.
func (c *conn) goesBefore(d *conn, now time.Time) bool {
	young := c.young(now)
	if young != d.young(now) {
		return !young
	}
	if free := len(c.places) == 0; !young && free != (len(d.places) == 0) {
		return free
	}
	return c.active.Load() < d.active.Load()
}

// young says whether the connection was accepted a moment ago.
func (c *conn) young(now time.Time) bool { return now.Sub(c.l.opened)-c.accepted < youth }
