package upstream

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// tick ends the wait for the responses whose time is up, and closes a connection that
// nobody uses.
func (c *stream) tick() {
	c.mu.Lock()
	silent := c.expired(time.Now())
	c.schedule()
	discarded, last := c.discarded, c.last
	lacks := ""
	if c.conn == nil {
		lacks = c.pool.dialer.lacks()
	}
	c.mu.Unlock()
	for _, w := range silent {
		w.done(nil, &silence{over: c.pool.over, lacks: lacks, discarded: discarded - w.discarded, last: last})
	}
	if len(silent) > 0 {
		c.pool.heard()
	}
}

// expired takes the queries whose time is up. Where nothing at all has come since one was
// asked, the connection may be dead, and takes no more. c.mu is held.
func (c *stream) expired(now time.Time) (silent []*waiting) {
	for id, w := range c.waiting {
		if w.until.After(now) {
			continue
		}
		delete(c.waiting, id)
		c.abandoned[id] = struct{}{}
		silent = append(silent, w)
		if c.conn != nil && w.received == c.received {
			c.retired = true
		}
	}
	if len(c.abandoned) >= maxPipelined { // a server that answers some names only
		c.retired = true
	}
	return silent
}

// schedule sets the timer to the next time that is up: that of a query, or else the
// connection's own. c.mu is held.
func (c *stream) schedule() {
	c.due = time.Time{}
	for _, w := range c.waiting {
		if c.due.IsZero() || w.until.Before(c.due) {
			c.due = w.until
		}
	}
	if c.due.IsZero() && c.conn != nil {
		c.due = c.used.Add(c.idle)
		c.retired = c.retired || !c.due.After(time.Now())
	}
	if c.closeIfDone(); !c.due.IsZero() && !(c.retired && len(c.waiting) == 0) {
		c.alarm(c.due)
	}
}

// end ends the wait for all responses. A connection that was in use may have been closed
// while the queries were on their way: they are asked once more, on a fresh one.
func (c *stream) end(err error) {
	c.mu.Lock()
	c.retired = true
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.failure != nil {
		err = c.failure
	}
	all, again := slices.Collect(maps.Values(c.waiting)), c.answered
	clear(c.waiting)
	c.unsent = nil
	c.mu.Unlock()
	close(c.gone)
	c.pool.forget(c)
	again = again && !errors.Is(err, errShort) && !errors.Is(err, errWrong)
	for _, w := range all {
		if again && w.retries < maxRetries {
			w.retries++
			c.pool.ask(w)
			continue
		}
		w.done(nil, c.pool.named(err))
	}
	c.pool.heard()
}
