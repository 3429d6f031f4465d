package flight_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/flight"
)

// A result is what Do returned to one caller.
type result struct {
	value  int
	shared bool
	err    error
}

func TestIdenticalCallsRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight.Flight[string, int]
		var runs atomic.Int32
		work := func(context.Context) (int, error) {
			time.Sleep(time.Second)
			return int(runs.Add(1)), nil
		}
		results := make(chan result, 200)
		for range cap(results) {
			go func() {
				v, shared, err := f.Do(t.Context(), "example.", work)
				results <- result{v, shared, err}
			}()
		}
		got := map[result]int{}
		for range cap(results) {
			got[<-results]++
		}
		want := map[result]int{{1, false, nil}: 1, {1, true, nil}: 199}
		if !maps.Equal(got, want) {
			t.Errorf("200 callers got %v, want %v", got, want)
		}
		if v, shared, _ := f.Do(t.Context(), "example.", work); v != 2 || shared {
			t.Errorf("a call after the end: %v, shared %v; want a second run", v, shared)
		}
	})
}

func TestKeysAreApart(t *testing.T) {
	var f flight.Flight[int, int]
	defer f.Close()
	inner := func(context.Context) (int, error) { return 2, nil }
	v, shared, err := f.Do(t.Context(), 1, func(ctx context.Context) (int, error) {
		v, _, err := f.Do(ctx, 2, inner) // would wait for itself if it joined key 1
		return v, err
	})
	if v != 2 || shared || err != nil {
		t.Errorf("Do = %v, %v, %v, want 2, false, <nil>", v, shared, err)
	}
}

func TestErrorGoesToEveryCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight.Flight[string, int]
		broken := errors.New("broken")
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() {
				_, _, err := f.Do(t.Context(), "k", func(context.Context) (int, error) {
					time.Sleep(time.Second)
					return 0, broken
				})
				if err != broken {
					t.Errorf("Do returned %v, want %v", err, broken)
				}
			})
		}
		callers.Wait()
	})
}

// One caller leaves: it returns at once, and the work goes on for the other.
func TestCallerLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight.Flight[string, string]
		start := time.Now()
		work := func(ctx context.Context) (string, error) {
			select {
			case <-time.After(10 * time.Second):
				return "done", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		var callers sync.WaitGroup
		callers.Go(func() { // begins the work, and leaves first
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, _, err := f.Do(ctx, "k", work); err != context.DeadlineExceeded {
				t.Errorf("the first caller got %v, want %v", err, context.DeadlineExceeded)
			}
			if d := time.Since(start); d != time.Second {
				t.Errorf("the first caller left after %v, want 1s", d)
			}
		})
		synctest.Wait()
		if v, shared, err := f.Do(t.Context(), "k", work); v != "done" || !shared || err != nil {
			t.Errorf("the second caller got %q, %v, %v, want the first one's work done", v, shared, err)
		}
		callers.Wait()
	})
}

// Everyone leaves: the work is cancelled, and a later caller starts afresh even
// while the old work has not noticed.
func TestEveryoneLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight.Flight[string, string]
		var cancelled atomic.Bool
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := f.Do(ctx, "k", func(ctx context.Context) (string, error) {
			<-ctx.Done()
			cancelled.Store(true)
			time.Sleep(time.Minute) // slow to end
			return "old", nil
		})
		if err != context.DeadlineExceeded {
			t.Errorf("Do returned %v, want %v", err, context.DeadlineExceeded)
		}
		v, shared, err := f.Do(t.Context(), "k", func(context.Context) (string, error) { return "new", nil })
		if v != "new" || shared || err != nil {
			t.Errorf("a later caller got %q, %v, %v, want new work", v, shared, err)
		}
		synctest.Wait()
		if !cancelled.Load() {
			t.Error("the work that everyone left was not cancelled")
		}
		f.Close()
	})
}

func TestLeaverIsServedAtOnceWhenCancelledBefore(t *testing.T) {
	var f flight.Flight[string, int]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := f.Do(ctx, "k", func(context.Context) (int, error) {
		t.Error("work was begun for a caller that had left")
		return 0, nil
	})
	if err != context.Canceled {
		t.Errorf("Do returned %v, want %v", err, context.Canceled)
	}
	f.Close()
}

func TestPanicBecomesAnError(t *testing.T) {
	var f flight.Flight[string, int]
	_, _, err := f.Do(t.Context(), "k", func(context.Context) (int, error) { panic("oops") })
	p, ok := errors.AsType[*flight.PanicError](err)
	if !ok || p.Error() != "panic: oops" || !strings.Contains(string(p.Stack), "flight_test.go") {
		t.Errorf("Do returned %v, want a PanicError with the stack", err)
	}
	if v, _, err := f.Do(t.Context(), "k", func(context.Context) (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Errorf("Do after a panic = %v, %v, want 7, <nil>", v, err)
	}
}

func TestWorkThatEndsItsGoroutine(t *testing.T) {
	var f flight.Flight[string, int]
	_, _, err := f.Do(t.Context(), "k", func(context.Context) (int, error) {
		runtime.Goexit()
		return 1, nil
	})
	if err == nil {
		t.Error("Do returned no error for work that never returned")
	}
}

// Close cancels the work, waits for its end, and lets nothing begin.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flight.Flight[string, string]
		var ended atomic.Bool
		var caller sync.WaitGroup
		caller.Go(func() {
			v, _, err := f.Do(t.Context(), "k", func(ctx context.Context) (string, error) {
				<-ctx.Done()
				time.Sleep(time.Second)
				ended.Store(true)
				return "cut short", nil
			})
			if v != "cut short" || err != nil {
				t.Errorf("the waiting caller got %q, %v", v, err)
			}
		})
		synctest.Wait()
		f.Close()
		if !ended.Load() {
			t.Error("Close returned before the work under way had ended")
		}
		caller.Wait()
		if _, _, err := f.Do(t.Context(), "k", nil); err != flight.ErrClosed {
			t.Errorf("Do after Close returned %v, want %v", err, flight.ErrClosed)
		}
		f.Close() // again: nothing
	})
}
