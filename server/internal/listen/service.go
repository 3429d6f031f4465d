package listen

import (
	"fmt"
	"runtime/debug"
)

// Service answers a query on the reader's own goroutine. It must not block: the queries behind this one
// wait for it. It appends the response to dst, which is empty, and returns it; none is silence. For a
// query whose answer has to be waited for it returns later instead. That is called at once, on the same
// goroutine, if there is a place of Limits.InFlight for the query, and never if there is none; over TCP a
// place is waited for. dst and packet are the listener's, and valid only during the call of the service,
// which must not change packet.
type Service func(dst, packet []byte, from Peer) (response []byte, later func(Query))

// Query is a query whose answer is not known yet. It holds a place of Limits.InFlight.
type Query interface {
	// Respond sends what answer appends to dst, which is empty; nothing is silence. It must be called,
	// once as all further calls do nothing, from any goroutine, also where the listener is closed by then. It calls answer before it
	// returns, or not at all if nobody is there any more to hear it. Over UDP the response leaves with
	// others at the next Flush of the listener, which is the caller's to ask for.
	Respond(answer func(dst []byte) []byte)
}

// handle asks the service. After a panic the response is empty.
func (l *Listener) handle(dst, packet []byte, from Peer) (response []byte, later func(Query)) {
	defer l.survive()
	return l.service(dst, packet, from)
}

// begin hands a query that must wait to the service. After a panic it waits no longer, if it still does: the
// service may have responded before.
func (l *Listener) begin(later func(Query), q Query) {
	begun := false
	defer func() {
		if !begun {
			q.Respond(silence)
		}
	}()
	defer l.survive()
	later(q)
	begun = true
}

// silence is no response.
func silence(dst []byte) []byte { return dst[:0] }

// answer asks for the response to a query that waited. After a panic it is empty.
func (l *Listener) answer(dst []byte, answer func(dst []byte) []byte) []byte {
	select {
	case <-l.closed:
		return nil
	default:
	}
	defer l.survive()
	return answer(dst)
}

// survive is deferred by whoever calls the service.
func (l *Listener) survive() {
	cause := recover()
	if cause == nil {
		return
	}
	l.count.panics.Add(1)
	l.panicked.Do(func() {
		l.report(fmt.Sprintf("listening on %s: a query was left unanswered, panic: %v\n%s(later ones are only counted)",
			l.addr, cause, debug.Stack()))
	})
}
