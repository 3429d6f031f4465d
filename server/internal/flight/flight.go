// Package flight lets identical work that is under way at the same time be done
// once. It knows nothing of DNS: what makes two pieces of work identical is
// their key, and bounding how many callers wait is left to those who let them
// in. Nothing is kept once the work is done; keeping results is the cache's job.
//
// golang.org/x/sync/singleflight was turned down: there the first caller's
// context is everyone's, and a panic ends the process.
package flight

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// ErrClosed is what [Flight.Do] returns after [Flight.Close].
var ErrClosed = errors.New("flight: closed")

// errNoReturn is the result of work that ended its goroutine instead of returning.
var errNoReturn = errors.New("flight: the work ended without returning")

// PanicError is the result of work that panicked, for every caller alike.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // where, for the program's log
}

// Error says what was given to panic, without the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("panic: %v", e.Value)
}

// A Flight holds the work under way, by key. The zero value is ready for use; it
// must not be copied after the first use. Its methods may be called concurrently.
type Flight[K comparable, V any] struct {
	mu      sync.Mutex          // guards what follows, and the waiters of every call
	calls   map[K]*call[V]      // work that a further caller may join
	cancels map[*call[V]]func() // all work under way, also what everyone has left
	closed  bool

	running sync.WaitGroup // a count for each entry of cancels; grows only under mu
}

// A call is one piece of work under way, and then its result.
type call[V any] struct {
	waiters int // callers that have not left; guarded by Flight.mu

	done  chan struct{} // closed once value and err are final
	value V
	err   error
}

// Do returns the result of fn, or of the call with the same key that is under
// way already; shared says that it is the latter. fn runs in a goroutine of its
// own, with a context that belongs to no caller: it is cancelled when every
// caller has left, and by Close. A caller whose ctx ends leaves at once with
// ctx's error. When fn panics, every caller gets a [*PanicError].
func (f *Flight[K, V]) Do(ctx context.Context, key K, fn func(context.Context) (V, error)) (v V, shared bool, err error) {
	if err := ctx.Err(); err != nil {
		return v, false, err
	}
	c, shared, err := f.join(key, fn)
	if err != nil {
		return v, false, err
	}
	select {
	case <-c.done:
		return c.value, shared, c.err
	case <-ctx.Done():
		f.leave(key, c)
		return v, shared, ctx.Err()
	}
}

// Close cancels all work under way and waits for it to end. Callers still
// waiting get what it returned; later ones get ErrClosed.
func (f *Flight[K, V]) Close() {
	f.mu.Lock()
	f.closed = true
	for _, cancel := range f.cancels {
		cancel()
	}
	f.mu.Unlock()
	f.running.Wait()
}

// join adds a caller to the call with that key, which it starts if there is none.
func (f *Flight[K, V]) join(key K, fn func(context.Context) (V, error)) (c *call[V], shared bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, ErrClosed
	}
	if c, ok := f.calls[key]; ok {
		c.waiters++
		return c, true, nil
	}
	c = &call[V]{waiters: 1, done: make(chan struct{}), err: errNoReturn}
	ctx, cancel := context.WithCancel(context.Background())
	if f.calls == nil {
		f.calls = make(map[K]*call[V])
		f.cancels = make(map[*call[V]]func())
	}
	f.calls[key] = c
	f.cancels[c] = cancel
	f.running.Go(func() {
		defer f.finish(key, c) // also when fn ends the goroutine
		c.value, c.err = guarded(ctx, fn)
	})
	return c, false, nil
}

// leave takes a caller away from c. The last one cancels the work, and nobody can
// join it any more: a later caller must not get the end of a cancelled call.
func (f *Flight[K, V]) leave(key K, c *call[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.waiters--
	if c.waiters > 0 {
		return
	}
	if cancel, ok := f.cancels[c]; ok {
		cancel()
	}
	f.forget(key, c)
}

// finish lets the callers of c have its result.
func (f *Flight[K, V]) finish(key K, c *call[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancels[c]()
	delete(f.cancels, c)
	f.forget(key, c)
	close(c.done)
}

// forget makes key free for the next call, unless that is under way already. f.mu
// is held.
func (f *Flight[K, V]) forget(key K, c *call[V]) {
	if f.calls[key] == c {
		delete(f.calls, key)
	}
}

// guarded runs fn and turns a panic into an error.
func guarded[V any](ctx context.Context, fn func(context.Context) (V, error)) (v V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	return fn(ctx)
}
