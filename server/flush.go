package server

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"splitdns/matcher"
)

// era counts the ends of eras, of which a flush brings two. What was begun in an era
// that is over is kept nowhere: it may rest on what was flushed. Its methods may be
// called concurrently.
type era struct {
	mu     sync.RWMutex // held to keep something; to write, by the end of an era
	number atomic.Uint64
}

// current is the number of the era.
func (e *era) current() uint64 { return e.number.Load() }

// keep calls put, unless the era has ended in which was begun what it keeps. The era
// does not end before put returns.
func (e *era) keep(begun uint64, put func()) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.number.Load() == begun {
		put()
	}
}

// end begins the next era.
func (e *era) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.number.Add(1)
}

// Flush makes the server forget what upstreams answered for the names of pattern: a
// name, `*.NAME` for all names below it, or `.NAME` for both; "." and "" are every name. It
// returns how many answers that were. No query that comes after it gets any of them,
// nor what an upstream was asked for before.
func (s *Server) Flush(pattern string) (int, error) {
	drop, err := s.resolver.flusher(pattern)
	if err != nil {
		return 0, err
	}
	n := s.resolver.forget(drop)
	s.flushed.Add(uint64(n))
	return n, nil
}

// flusher returns what drops the answers for the names of pattern from the cache.
func (r *Resolver) flusher(pattern string) (func() int, error) {
	if pattern == "" || pattern == "." {
		return r.cache.FlushAll, nil
	}
	text, below := strings.CutPrefix(pattern, "*.")
	if !below {
		text = strings.TrimPrefix(pattern, ".")
	}
	if text == "." || strings.ContainsAny(text, "*{") && !strings.Contains(text, `\`) {
		return nil, fmt.Errorf("%q: %w", pattern, errFlushPattern)
	}
	name, err := matcher.ParseName(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", err, errFlushPattern)
	case below:
		return func() int { return r.cache.FlushBelow(name) }, nil
	}
	return func() int { return r.cache.Flush(text != pattern, name) }, nil
}

// errFlushPattern says what can be flushed.
var errFlushPattern = errors.New(`want a name, "*.NAME" for all names below it, or ".NAME" for both`)

// forget has drop take answers from the cache. Finished answers go all: they are soon
// made again, and one may hold what was flushed under another name.
//
// The order is what makes it certain. After the first end nothing comes into the cache that
// an upstream was asked for before; after the second nothing is finished that was
// looked up before drop.
func (r *Resolver) forget(drop func() int) int {
	r.era.end()
	n := drop()
	r.era.end()
	r.finished.clear()
	return n
}

// clear empties the table.
func (t *finishedTable) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.slots {
		if t.slots[i].Load() != nil {
			t.set(&t.slots[i], nil)
		}
	}
}
