package listen

import "sync/atomic"

// ticket is a UDP query that waits, as the service knows it. It is used for one query only, so that who
// responds too late, or twice, finds nothing: the datagram may be another query's by then. The limiter's
// mutex guards all of it.
type ticket struct {
	limiter      *Limiter
	d            *datagram // nil once it was answered or shed
	shed         bool      // it was, and nobody has responded since
	older, newer *ticket   // in the limiter

	share          *share  // of its client
	before, behind *ticket // in it
}

// Respond leaves the response in the outbox, and gives the place under the limit back.
func (t *ticket) Respond(answer func(dst []byte) []byte) {
	if d := t.limiter.claim(t); d != nil {
		d.respond(answer)
	}
}

// once is a query over TCP that waits, as the service knows it: the first response counts.
type once struct {
	answered atomic.Bool
	c        *conn
}

// Respond sends the response.
func (o *once) Respond(answer func(dst []byte) []byte) {
	if !o.answered.Swap(true) {
		o.c.respond(answer)
	}
}
