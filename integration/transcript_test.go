package integration_test

import (
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"
)

// A transcript is what a program has printed so far. The zero value is empty; it
// is safe for concurrent use.
type transcript struct {
	mu    sync.Mutex // guards what follows
	text  []byte
	ended bool
	grown chan struct{} // closed at the next change; nil if nobody waits
}

// Write appends b.
func (tr *transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.text = append(tr.text, b...)
	tr.changed()
	return len(b), nil
}

// end says that nothing follows.
func (tr *transcript) end() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ended = true
	tr.changed()
}

// changed wakes those who wait. The caller holds the lock.
func (tr *transcript) changed() {
	if tr.grown != nil {
		close(tr.grown)
		tr.grown = nil
	}
}

// String is everything so far.
func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return string(tr.text)
}

// find returns the first match of re and its groups, or what to wait for.
func (tr *transcript) find(re *regexp.Regexp) (match []string, ended bool, grown <-chan struct{}) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.grown == nil {
		tr.grown = make(chan struct{})
	}
	return re.FindStringSubmatch(string(tr.text)), tr.ended, tr.grown
}

// wait waits until the text has a match of re, and returns it with its groups.
func (tr *transcript) wait(re *regexp.Regexp) ([]string, error) {
	deadline := time.After(patience)
	for {
		match, ended, grown := tr.find(re)
		switch {
		case match != nil:
			return match, nil
		case ended:
			return nil, fmt.Errorf("ended without %#q:\n%s", re, tr)
		}
		select {
		case <-grown:
		case <-deadline:
			return nil, fmt.Errorf("after %s still without %#q:\n%s", patience, re, tr)
		}
	}
}

// must is wait in a Go test.
func (tr *transcript) must(t *testing.T, pattern string) []string {
	t.Helper()
	match, err := tr.wait(regexp.MustCompile(pattern))
	if err != nil {
		t.Fatal(err)
	}
	return match
}
