package listen

import (
	"bytes"
	"context"
	"time"
)

// placeTime is how long a query over TCP waits for a place under the limit, if connections may be idle for as
// long. What is left of the five seconds after which most clients give up is for the answer.
const placeTime = 2 * time.Second

// begin hands a query that must wait to the service: at once where there is a place for it. Otherwise it is
// put aside until there is one, and reading goes on: the answers to what is behind it may be known. What is
// put aside keeps the place that it has among those of its connection, and a copy of its packet, which is the
// reader's.
func (c *conn) begin(packet []byte, later func(Query)) {
	limiter := c.l.limits.InFlight
	switch {
	case limiter.tryTCP():
		c.l.begin(later, &once{c: c})
		c.l.settled()
	case limiter.stepAside():
		go c.wait(bytes.Clone(packet), later)
	case c.refuse(packet):
		c.sendAll()
	}
}

// wait hands a query that was put aside to the service when there is a place for it, or refuses it when it has
// waited for too long. Stopping does not end it: it was read before.
func (c *conn) wait(packet []byte, later func(Query)) {
	limiter := c.l.limits.InFlight
	ctx, cancel := context.WithTimeout(c.open, c.l.limits.forAPlace())
	admitted := limiter.waitTCP(ctx)
	cancel()
	limiter.comeBack()
	if admitted && c.open.Err() == nil {
		c.l.begin(later, &once{c: c})
		c.l.settled()
		return
	}
	if admitted {
		limiter.releaseTCP()
	}
	if c.refuse(packet) {
		c.sendAll()
	}
}

// refuse leaves the response to a query that has no place to be sent, if there is anybody to hear it: who asks
// over TCP waits for one. With first, sending falls to the caller.
func (c *conn) refuse(packet []byte) (first bool) {
	m, response := c.l.rooms.Get().(*room), []byte(nil)
	if c.open.Err() == nil {
		c.l.giveUp()
		if overloaded := c.l.limits.Overloaded; overloaded != nil {
			response = c.l.answer(m.out[:0], func(dst []byte) []byte { return overloaded(dst, packet, c.from) })
		}
	}
	return c.end(m, response)
}

// forAPlace is how long a query over TCP waits for a place.
func (l Limits) forAPlace() time.Duration { return min(placeTime, l.Idle) }

// giveUp counts a query over TCP that has no place.
func (l *Listener) giveUp() {
	l.count.shed.Add(1)
	l.drop()
}
