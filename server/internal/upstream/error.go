package upstream

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"splitdns/server/internal/wire"
)

// An Error says that no server of a group gave a response that can be used. Its
// text is meant for an administrator: it names every server and what it did.
type Error struct {
	Group    string
	Failures []Failure // one for each server, in the order in which they were asked
}

// A Failure is what one server did instead of answering.
type Failure struct {
	Server  string // as it was given; a plain address has its port if that is not 53
	Text    string // such as "no answer in 1s", "connection refused"
	Timeout bool   // it was silent
}

// Error lists the failures, such as "upstream default: 192.0.2.1: no answer in
// 2.5s; 192.0.2.2: connection refused".
func (e *Error) Error() string {
	if len(e.Failures) == 0 {
		return "upstream " + e.Group + ": no servers"
	}
	texts := make([]string, len(e.Failures))
	for i, f := range e.Failures {
		texts[i] = f.Server + ": " + f.Text
	}
	return "upstream " + e.Group + ": " + strings.Join(texts, "; ")
}

// Timeout says that all servers were silent (No Reachable Authority, code 22 of
// RFC 8914); otherwise at least one was reached or the network said something
// (Network Error, code 23).
func (e *Error) Timeout() bool {
	for _, f := range e.Failures {
		if !f.Timeout {
			return false
		}
	}
	return len(e.Failures) > 0
}

// A rcodeError is a response that is no answer, as its RCODE says.
type rcodeError wire.Rcode

// Error names the RCODE.
func (e rcodeError) Error() string {
	return "answered " + wire.Rcode(e).String()
}

// A silence is the end of a server's time without a response to the query.
type silence struct {
	over      Transport
	lacks     string // what it was waited for, if not for the response
	discarded int    // wrong responses
	last      string // what was wrong with the last of them
}

// Error leaves out how long the silence was.
func (s *silence) Error() string {
	return s.text(0)
}

// text puts a silence of that length into words.
func (s *silence) text(waited time.Duration) string {
	var b strings.Builder
	b.WriteString("no answer")
	if s.over != Plain {
		fmt.Fprintf(&b, " over %v", s.over)
	}
	if waited = rounded(waited); waited > 0 {
		fmt.Fprintf(&b, " in %v", waited)
	}
	if s.lacks != "" {
		b.WriteString(": " + s.lacks)
	}
	if s.discarded > 0 {
		fmt.Fprintf(&b, ", %d wrong responses discarded, the last for %s", s.discarded, s.last)
	}
	return b.String()
}

// rounded makes a time that was measured look like the one that was set.
func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

// cause returns what the system says, without Go's words and the addresses around
// it, which are named already.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
