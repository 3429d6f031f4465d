package server_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"splitdns/server/internal/wire"
)

// flushed is a pattern, and the names whose answers it takes.
var flushed = map[string]string{
	"":                        "corp.example a.corp.example b.a.corp.example www.example",
	"corp.example":            "corp.example",
	"CORP.example.":           "corp.example",
	"*.corp.example":          "a.corp.example b.a.corp.example",
	".corp.example":           "corp.example a.corp.example b.a.corp.example",
	".":                       "corp.example a.corp.example b.a.corp.example www.example",
	".a.corp.example":         "a.corp.example b.a.corp.example",
	`\099orp.example`:         "corp.example",
	"nobody.asked.example":    "",
	"*.nobody.asked.example":  "",
	".b.a.corp.example":       "b.a.corp.example",
	"*.b.a.corp.example":      "",
	"*.example":               "corp.example a.corp.example b.a.corp.example www.example",
	`\*.nobody.asked.example`: "",
}

// TestFlush asks for names, twice so that their answers are finished, flushes, and
// looks which of them the upstream is asked for again.
func TestFlush(t *testing.T) {
	names := strings.Fields(flushed[""])
	for pattern, want := range flushed {
		var asked atomic.Int32
		b := newBench(t, silent, counted(&asked, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			return respond(t, q.Question, fmt.Sprintf("%v. 60 IN A 192.0.2.1", q.Question.Name)), "192.0.2.53", nil
		}))
		for range 3 {
			for _, name := range names {
				ask(t, b, name)
			}
		}
		before := b.FinishedOctets()
		gone := strings.Fields(want)
		if n, err := b.Flush(pattern); err != nil || n != len(gone) {
			t.Errorf("Flush(%q) = %d, %v, want %d", pattern, n, err, len(gone))
		}
		if after := b.FinishedOctets(); after >= before || b.FinishedLen() != 0 {
			t.Errorf("Flush(%q): finished answers took %d octets, take %d, are %d; want none", pattern, before, after, b.FinishedLen())
		}
		asked.Store(0)
		for _, name := range names {
			ask(t, b, name)
		}
		if int(asked.Load()) != len(gone) {
			t.Errorf("after Flush(%q) the upstream was asked %d times, want %d", pattern, asked.Load(), len(gone))
		}
	}
}

func TestFlushRefusesWhatIsNoName(t *testing.T) {
	b := newBench(t, silent, says(t, "www.example. 60 IN A 192.0.2.1"))
	ask(t, b, "www.example")
	for _, pattern := range []string{"*.", "..", "*..", "a..b", "w*.example", "{0..9}.example", "*", strings.Repeat("a", 64), "a.*.example", "* .example"} {
		if n, err := b.Flush(pattern); err == nil || n != 0 || !strings.Contains(err.Error(), "*.NAME") {
			t.Errorf("Flush(%q) = %d, %v, want an error that says what can be flushed", pattern, n, err)
		}
	}
	if b.CacheLen() != 1 {
		t.Errorf("%d answers in the cache, want 1", b.CacheLen())
	}
}

// TestNothingOldAfterFlush asks from several goroutines while the upstream's answer
// changes and is flushed each time: after a flush nobody may get an answer from before,
// finished, cached or under way.
func TestNothingOldAfterFlush(t *testing.T) {
	var version, flushedAt atomic.Int64
	b := newBench(t, silent, func(q wire.UpstreamQuery) (wire.Message, string, error) {
		v := version.Load()
		for range v % 5 { // so that flushes come in between
			runtime.Gosched()
		}
		return respond(t, q.Question, fmt.Sprintf("%v. 60 IN A 192.0.2.%d", q.Question.Name, v%250)), "192.0.2.53", nil
	})
	var wg sync.WaitGroup
	deadline := time.Now().Add(2 * time.Second)
	for i := range 4 {
		name := fmt.Sprintf("h%d.example", i%2)
		wg.Go(func() {
			for time.Now().Before(deadline) {
				least := flushedAt.Load()
				got := addresses(ask(t, b, name))
				most := version.Load()
				if len(got) != 1 || !isBetween(got[0], least, most) {
					t.Errorf("%s: %v, want a version between %d and %d", name, got, least%250, most%250)
					return
				}
			}
		})
	}
	for v := int64(1); time.Now().Before(deadline); v++ {
		version.Store(v)
		pattern := []string{"", ".example"}[v%2]
		if _, err := b.Flush(pattern); err != nil {
			t.Error(err)
		}
		flushedAt.Store(v)
		for range 50 { // so that answers are finished meanwhile
			runtime.Gosched()
		}
	}
	wg.Wait()
}

// within reports whether address stands for one of those versions.
func isBetween(address string, least, most int64) bool {
	for v := least; v <= most; v++ {
		if address == fmt.Sprintf("192.0.2.%d", v%250) {
			return true
		}
	}
	return false
}

// TestLateAnswerIsNotKept holds that what an upstream was asked for before a flush is
// given to who asked, and not kept.
func TestLateAnswerIsNotKept(t *testing.T) {
	begun, goOn, asked := make(chan bool), make(chan bool), atomic.Int32{}
	b := newBench(t, silent, func(q wire.UpstreamQuery) (wire.Message, string, error) {
		if asked.Add(1) == 1 {
			begun <- true
			<-goOn
		}
		return respond(t, q.Question, fmt.Sprintf("www.example. 60 IN A 192.0.2.%d", asked.Load())), "192.0.2.53", nil
	})
	first := make(chan []string)
	go func() { first <- addresses(ask(t, b, "www.example")) }()
	<-begun
	if n, err := b.Flush(""); n != 0 || err != nil {
		t.Errorf("Flush = %d, %v", n, err)
	}
	if got := addresses(ask(t, b, "www.example")); len(got) != 1 || got[0] != "192.0.2.2" {
		t.Errorf("who asks after the flush gets %v, want what was asked for him", got)
	}
	goOn <- true
	if got := <-first; len(got) != 1 {
		t.Errorf("who asked before gets %v, want an address", got)
	}
	if got := addresses(ask(t, b, "www.example")); len(got) != 1 || got[0] != "192.0.2.2" || asked.Load() != 2 {
		t.Errorf("later %v, asked %d times; want what was asked for after the flush", got, asked.Load())
	}
}
