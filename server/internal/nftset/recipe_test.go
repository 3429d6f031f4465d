package nftset_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// recipes are the words for how a kernel refreshes elements.
var recipes = map[bool]string{false: "add", true: "delete and add"}

// TestFirstTransactionTellsTheKernel holds that a kernel is known before the first element is
// refreshed, whatever is in the set already.
func TestFirstTransactionTellsTheKernel(t *testing.T) {
	for old, want := range recipes {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kernel := healthy()
				kernel.Old = old
				first := start(t, kernel)
				for i := range 2 { // the second in the sight of a keeper that begins anew
					b := first
					if i > 0 {
						b = start(t, kernel)
					}
					if err := b.add(time.Hour, nth(0)); err != nil {
						t.Fatal(err)
					}
					if i > 0 { // the element of the first was good enough
						if got := b.Status().Recipe; got != "" {
							t.Errorf("recipe %q before a transaction, want none", got)
						}
						if err := b.add(2*time.Hour, nth(0)); err != nil {
							t.Fatal(err)
						}
					}
					if got := b.Status().Recipe; got != want {
						t.Errorf("recipe %q, want %q", got, want)
					}
					b.end()
				}
				if left := time.Until(kernel.Until(set4, nth(0))); left < 2*time.Hour {
					t.Errorf("the element ends in %v, want 2 hours", left)
				}
			})
		})
	}
}

// TestNothingIsLearnedFromWhatOthersChange has somebody remove the element that was to tell the
// kernel: it is refreshed for any kernel until another one tells.
func TestNothingIsLearnedFromWhatOthersChange(t *testing.T) {
	for old, want := range recipes {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kernel := healthy()
				kernel.Old = old
				b := start(t, kernel)
				kernel.Change(func() { kernel.Then = func() { kernel.Flush(set4) } })
				if err := b.add(time.Hour, nth(0)); err != nil {
					t.Fatal(err)
				}
				if got := b.Status().Recipe; got != "" {
					t.Errorf("recipe %q, want none", got)
				}
				kernel.Change(func() { kernel.Then = nil })
				time.Sleep(2 * time.Second)
				if got := b.Status().Recipe; got != want {
					t.Errorf("recipe %q when it was put back, want %q", got, want)
				}
				if err := b.add(2*time.Hour, nth(0)); err != nil {
					t.Fatal(err)
				}
				if left := time.Until(kernel.Until(set4, nth(0))); left < 2*time.Hour {
					t.Errorf("the element ends in %v, want 2 hours", left)
				}
				b.end()
			})
		})
	}
}
