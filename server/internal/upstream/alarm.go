package upstream

import (
	"sync"
	"time"
)

// alarmGrain is the shortest time between two looks at who is to be woken.
const alarmGrain = 2 * time.Millisecond

// alarms wake the exchanges of a group whose servers take long. Nearly all end before, so
// they only stand in a list, and one timer is set once in a while; one for each took
// as long as sending a query. There is no timer for an empty list, but for the last one.
type alarms struct {
	rung func() // called after some were woken

	mu     sync.Mutex // guards what follows, and the alarm of each exchange
	first  *exchange
	timer  *time.Timer
	at     time.Time // when the timer fires; zero: it is not set
	closed bool
}

// An alarm is an exchange's place in the list.
type alarm struct {
	next, prev *exchange
	listed     bool
	at         time.Time
}

// set has x woken at that time, and not when it was to be woken before.
func (l *alarms) set(x *exchange, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x.alarm.at = at
	if !x.alarm.listed {
		l.insert(x)
	}
	if l.at.IsZero() || at.Before(l.at) {
		l.wind(at)
	}
}

// insert puts x into the list. l.mu is held.
func (l *alarms) insert(x *exchange) {
	x.alarm.listed, x.alarm.prev, x.alarm.next = true, nil, l.first
	if l.first != nil {
		l.first.alarm.prev = x
	}
	l.first = x
}

// remove takes x out of the list. l.mu is held.
func (l *alarms) remove(x *exchange) {
	a := &x.alarm
	if !a.listed {
		return
	}
	if a.prev != nil {
		a.prev.alarm.next = a.next
	} else {
		l.first = a.next
	}
	if a.next != nil {
		a.next.alarm.prev = a.prev
	}
	a.listed, a.next, a.prev = false, nil, nil
}

// wind sets the timer. l.mu is held.
func (l *alarms) wind(at time.Time) {
	if l.closed {
		return
	}
	l.at = at
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Until(at), l.ring)
		return
	}
	l.timer.Reset(time.Until(at))
}

// drop has x no longer woken.
func (l *alarms) drop(x *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(x)
}

// ring wakes those whose time has come.
func (l *alarms) ring() {
	now := time.Now()
	due := l.due(now)
	for _, x := range due {
		x.late(now)
	}
	if len(due) > 0 {
		l.rung()
	}
}

// due takes those out of the list whose time has come, and sets the timer for the others.
func (l *alarms) due(now time.Time) (due []*exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var earliest time.Time
	for x := l.first; x != nil; {
		next, at := x.alarm.next, x.alarm.at
		switch {
		case !at.After(now):
			l.remove(x)
			due = append(due, x)
		case earliest.IsZero() || at.Before(earliest):
			earliest = at
		}
		x = next
	}
	l.at = time.Time{}
	if !earliest.IsZero() {
		l.wind(later(earliest, now.Add(alarmGrain)))
	}
	return due
}

// stop stops the timer for good.
func (l *alarms) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
