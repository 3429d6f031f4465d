package feed

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// One page may hold the zones of many subscriptions. Those with the same documents are due at the same
// time, and whoever comes first fetches for all.

// sharedFor is how old a document that another subscription has fetched may be when one is due. It is
// shorter than any pause after a failure.
const sharedFor = 10 * time.Second

// shared are documents that several subscriptions want. It is safe for concurrent use.
type shared struct {
	mu  sync.Mutex // guards what follows
	all map[string]*fetched
	due map[string]time.Time // by documents and pace
}

// fetched is a document that is being fetched, or was.
type fetched struct {
	began time.Time
	done  chan struct{} // closed when what follows is known
	doc   Document
	err   error
	isOff bool // whoever fetched it was stopped
}

// begin gives the fetch of address that began at since or later, or a new one, which is the caller's to end. What is
// too old for anybody is dropped.
func (s *shared) begin(address string, since time.Time) (f *fetched, isMine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.all[address]; f != nil && !f.began.Before(since) {
		return f, false
	}
	now := time.Now()
	for old, f := range s.all {
		if now.Sub(f.began) > sharedFor {
			delete(s.all, old)
		}
	}
	f = &fetched{began: now, done: make(chan struct{})}
	s.all[address] = f
	return f, true
}

// next is when what was fetched at from is to be fetched again after d or so: when others of the same documents
// and pace are.
func (s *shared) next(urls []string, from time.Time, d time.Duration, jitter func(time.Duration) time.Duration) time.Time {
	key := fmt.Sprint(urls, d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.due[key].Sub(from); wait > d/2 && wait <= d+d/10 {
		return s.due[key]
	}
	now := time.Now()
	maps.DeleteFunc(s.due, func(_ string, at time.Time) bool { return at.Before(now) })
	s.due[key] = from.Add(jitter(d))
	return s.due[key]
}

// again is when the documents of f, fetched at from, are to be fetched again after d or so.
func (f *follower) again(from time.Time, d time.Duration) time.Time {
	return f.keeper.shared.next(f.URLs, from, d, f.keeper.options.Jitter)
}

// get fetches the document at address, or takes what another subscription has fetched at since or later.
func (k *Keeper) get(ctx context.Context, address string, have *Document, since time.Time) (Document, error) {
	if !k.isShared(address) {
		d, _, err := k.options.Fetch(ctx, address, have)
		return d, err
	}
	for {
		f, isMine := k.shared.begin(address, since)
		if isMine {
			f.doc, _, f.err = k.options.Fetch(ctx, address, have)
			f.isOff = ctx.Err() != nil
			close(f.done)
			return f.doc, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return Document{}, asError(Network, ctx.Err())
		}
		if !f.isOff {
			return f.doc, f.err
		}
		since = time.Now()
	}
}

// isShared says whether several subscriptions have the document at address.
func (k *Keeper) isShared(address string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, f := range k.all {
		if slices.Contains(f.URLs, address) {
			n++
		}
	}
	return n > 1
}
