package upstream

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// troubleGap is the least time between two reports that the same server does not answer.
const troubleGap = 10 * time.Second

// trouble is what was reported of one server.
type trouble struct {
	told atomic.Bool // that it does not answer, and nothing since then

	mu    sync.Mutex // guards what follows
	since time.Time  // no answer
	last  time.Time  // when it was told
}

// begins notes that there was no answer since then, and says whether to tell.
func (t *trouble) begins(now, since time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told.Load() || !t.last.IsZero() && now.Sub(t.last) < troubleGap {
		return false
	}
	t.since, t.last = since, now
	t.told.Store(true)
	return true
}

// ends notes an answer, and says whether to tell, and how long there was none.
func (t *trouble) ends(now time.Time) (tell bool, lasted time.Duration) {
	if !t.told.Load() { // nearly always
		return false, 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told.Swap(false), now.Sub(t.since)
}

// noteTrouble has it reported that s does not answer, for which err is the reason where that
// is not silence. left says that s is asked no more until it answers. Locks may be held.
func (g *Group) noteTrouble(s *server, now time.Time, left bool, err error) {
	since := s.health.look().failing
	if !s.trouble.begins(now, since) {
		return
	}
	text := fmt.Sprintf("upstream %s: %s: no answer for %v", g.name, s.name, rounded(now.Sub(since)))
	if err != nil {
		text += " (" + err.Error() + ")"
	}
	if left {
		text += ": left out until it answers"
	} else {
		text += ": still asked, since no other server of the group answers"
	}
	g.reports.add(g, report{true, text})
}

// noteAnswer has it reported that s answers again.
func (g *Group) noteAnswer(s *server, now time.Time) {
	if tell, lasted := s.trouble.ends(now); tell {
		g.reports.add(g, report{false, fmt.Sprintf("upstream %s: %s: answers again after %v", g.name, s.name, rounded(lasted))})
	}
}

// A report is a message for administrators.
type report struct {
	bad  bool
	text string
}

// reports hand messages to whoever takes them, in order and one at a time, from a goroutine
// of their own as long as there are any: a slow log holds up no query.
type reports struct {
	take func(bad bool, text string) // nil: nobody does

	mu      sync.Mutex // guards what follows
	waiting []report   // a few for each server and troubleGap
	busy    bool
}

// add has r taken, unless g is closed, which waits for that otherwise.
func (l *reports) add(g *Group, r report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.take == nil || len(l.waiting) >= maxReports {
		return
	}
	if !l.busy {
		if !g.enter() {
			return
		}
		l.busy = true
		go l.run(g)
	}
	l.waiting = append(l.waiting, r)
}

// maxReports is how many messages wait for a log that takes none.
const maxReports = 64

// run hands over what waits.
func (l *reports) run(g *Group) {
	defer g.underWay.Done()
	for r, ok := l.next(); ok; r, ok = l.next() {
		l.take(r.bad, r.text)
	}
}

// next returns the first message, and notes where there is none.
func (l *reports) next() (r report, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy = len(l.waiting) > 0; !l.busy {
		return report{}, false
	}
	r, l.waiting = l.waiting[0], l.waiting[1:]
	return r, true
}
