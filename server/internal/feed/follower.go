package feed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"
)

const (
	// firstPause is how long is waited after a try came to nothing: the network may come up
	// a little later than we do. It doubles each time, up to maxPause or the subscription's own pace.
	firstPause = 30 * time.Second
	maxPause   = time.Hour
	// longestSleep is how long is slept before the clock is looked at again: clocks are set,
	// and machines suspended.
	longestSleep = time.Hour
)

// A follower follows one subscription, in one goroutine.
type follower struct {
	Subscription
	keeper   *Keeper
	store    store
	before   <-chan struct{} // closed when the follower before it has ended, which may be writing; nil: none
	requests chan request
	done     chan struct{} // closed when it has ended
	stop     func()        // guarded by keeper.mu

	next  time.Time // fetch; what follows belongs to the goroutine
	retry time.Time // no other try before it to put in force what has become due
	fails int       // tries in a row that came to nothing

	mu     sync.Mutex // guards status
	status ZoneStatus
}

// request is somebody who wants a fetch now.
type request struct {
	accept bool
	reply  chan Outcome // has room for one
}

// newFollower returns a follower of s that is not started. It takes over what another one of the same
// zone, which may be nil, has counted.
func newFollower(k *Keeper, at store, s Subscription, before *follower) *follower {
	f := &follower{
		Subscription: s, keeper: k, store: at,
		requests: make(chan request), done: make(chan struct{}), stop: func() {},
	}
	f.status = ZoneStatus{Zone: s.Zone, Errors: map[Kind]uint64{}}
	if before != nil {
		old := before.report()
		f.status.Tries, f.status.Errors = old.Tries, old.Errors
	}
	for _, u := range s.URLs {
		f.status.URLs = append(f.status.URLs, Shown(u))
	}
	return f
}

// follow fetches when it is time, and when somebody asks for it, until ctx is cancelled.
func (f *follower) follow(ctx context.Context) {
	if f.before != nil {
		<-f.before
	}
	f.begin(time.Now())
	for ctx.Err() == nil {
		due := f.tend(time.Now())
		f.note(func(st *ZoneStatus) { st.Next = f.next })
		sleep := min(time.Until(earlier(f.next, due)), longestSleep)
		timer := time.NewTimer(sleep)
		select {
		case <-ctx.Done():
		case r := <-f.requests:
			r.reply <- f.refresh(ctx, r.accept)
		case <-timer.C:
			if !time.Now().Before(f.next) {
				f.refresh(ctx, false)
			}
		}
		timer.Stop()
	}
}

// earlier is the earlier of two times, of which the second may be zero: never.
func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// ask has f fetch now, and waits for what becomes of it.
func (f *follower) ask(ctx context.Context, accept bool) Outcome {
	r := request{accept, make(chan Outcome, 1)}
	gone := Outcome{Zone: f.Zone, Kind: Other, Result: "the subscription has just been changed or the server is stopping: try again"}
	select {
	case f.requests <- r:
	case <-f.done:
		return gone
	case <-ctx.Done():
		return Outcome{Zone: f.Zone, Kind: Other, Result: "it is being fetched still"}
	}
	select {
	case o := <-r.reply:
		return o
	case <-ctx.Done():
		return Outcome{Zone: f.Zone, Kind: Other, Result: "it is being fetched still"}
	}
}

// begin looks at what is on disk, and says how old it is.
func (f *follower) begin(now time.Time) {
	f.store.clear()
	f.next = now
	c, err := Open(f.store.dir, f.Zone, false)
	waiting := f.waiting()
	if err != nil {
		f.noteWaiting(waiting)
		f.keeper.options.Log.Info("subscription: no copy yet, fetching", "zone", f.Zone)
		return
	}
	in, errIn := c.contents()
	if errIn != nil {
		in = nil // a copy of another version of this program: the configuration has said so
	}
	f.noteCopy(c.Copy, waiting, in)
	seen := f.store.lastSeen()
	if seen.Before(c.Fetched) || seen.After(now) {
		seen = c.Fetched
	}
	f.note(func(st *ZoneStatus) { st.Checked = seen })
	if isGood := c.Damage == "" && errIn == nil; isGood && f.hasAll(c.Copy, waiting) && !seen.After(now) {
		f.next = seen.Add(f.keeper.options.Jitter(f.Every))
	}
	f.keeper.options.Log.Info("subscription: the copy on disk is in force", "zone", f.Zone,
		"fetched", c.Fetched.UTC().Format(time.RFC3339), "age", now.Sub(c.Fetched).Round(time.Second), "checked", seen.UTC().Format(time.RFC3339))
}

// waiting is the copy that waits in the shadow; nil without one. One that is damaged is dropped.
func (f *follower) waiting() *Copy {
	c, err := f.store.read(pending)
	if err == nil {
		return c
	}
	if !errors.Is(err, fs.ErrNotExist) {
		f.keeper.options.Log.Warn("what waited in the shadow is dropped: "+err.Error(), "zone", f.Zone)
		f.store.drop(pending)
	}
	return nil
}

// hasAll says whether the newest copy is of the documents that are wanted now.
func (f *follower) hasAll(c, waiting *Copy) bool {
	if waiting != nil {
		c = waiting
	}
	if len(c.Documents) != len(f.URLs) {
		return false
	}
	for i, u := range f.URLs {
		if c.Documents[i].URL != u || f.Format != "" && c.Documents[i].Format != f.Format {
			return false
		}
	}
	return true
}

// refresh fetches and judges, and says what became of it.
func (f *follower) refresh(ctx context.Context, accept bool) Outcome {
	select {
	case f.keeper.places <- struct{}{}:
		defer func() { <-f.keeper.places }()
	case <-ctx.Done():
		return Outcome{Zone: f.Zone, Kind: Other, Result: ctx.Err().Error()}
	}
	f.note(func(st *ZoneStatus) { st.Tries++ })
	result, err := f.take(ctx, accept)
	if ctx.Err() != nil && err != nil {
		return Outcome{Zone: f.Zone, Kind: Other, Result: "given up: " + err.Error()} // nobody's failure
	}
	now := time.Now()
	if err != nil {
		return f.failed(asError(Other, err), now)
	}
	f.fails, f.next = 0, now.Add(f.keeper.options.Jitter(f.Every))
	f.recovered(now)
	if err := f.store.seen(now); err != nil {
		f.keeper.options.Log.Warn("subscription: "+err.Error(), "zone", f.Zone)
	}
	return Outcome{Zone: f.Zone, OK: true, Result: result}
}

// failed notes that a try came to nothing. The same again is not said again.
func (f *follower) failed(e *Error, now time.Time) Outcome {
	pause := min(firstPause<<min(f.fails, 20), maxPause, f.Every)
	f.fails++
	f.next = now.Add(max(f.keeper.options.Jitter(pause), e.After))
	text := oneLine(e.Error())
	isNew := f.complain(e.Kind, text, now)
	what := e.what()
	if isNew {
		f.keeper.options.Log.Error("subscription "+what+", the old copy stays in force: "+text,
			"zone", f.Zone, "kind", string(e.Kind), "next", f.next.UTC().Format(time.RFC3339))
	}
	return Outcome{Zone: f.Zone, Kind: e.Kind, Result: what + ": " + text}
}

// complain counts an error, and says whether it is another than the last.
func (f *follower) complain(kind Kind, text string, now time.Time) (isNew bool) {
	f.note(func(st *ZoneStatus) {
		st.Errors[kind]++
		if isNew = st.Problem != text; st.Problem == "" {
			st.Since = now
		}
		st.Problem, st.Kind = text, kind
	})
	return isNew
}

// recovered notes that a try was good.
func (f *follower) recovered(now time.Time) {
	before := ""
	f.note(func(st *ZoneStatus) {
		before = st.Problem
		st.Problem, st.Kind, st.Since, st.Checked = "", "", time.Time{}, now
	})
	if before != "" {
		f.keeper.options.Log.Info("subscription is well again", "zone", f.Zone)
	}
}

// oneLine is text as one line that is not too long for a log.
func oneLine(text string) string {
	return fmt.Sprintf("%.600s", strings.Join(strings.Fields(text), " "))
}
