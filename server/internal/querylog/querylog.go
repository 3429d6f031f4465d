// Package querylog writes one line of JSON for each query that a rule logs, to standard output or to a
// file. It is given a finished [Entry] and knows nothing of how it came about; the program's own messages
// go elsewhere.
//
// The log must never delay an answer. Write encodes an entry, adds it to a bounded buffer and returns; one
// goroutine, under Run, writes the buffer out in batches. When the sink is slower than the queries, or
// fails, entries are dropped, and the drops are counted and reported. A queue of entries instead of bytes
// was turned down: an entry has slices that belong to others, and its size has no bound.
//
// Not log/slog: its JSON handler takes many times as long as the encoder here, and allocates.
//
// A [Raw] reads such a line again, or refuses it: whoever reads a log need not have written it.
package querylog

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPending bounds the octets that wait to be written: some 10,000 entries.
	maxPending = 4 << 20
	// fullBatch is what is written without gathering more.
	fullBatch = 64 << 10
	// keepLine is the longest buffer of a line that is kept for another one.
	keepLine = 16 << 10
	// fileMode of a new log file: names that people ask for are not for everyone.
	fileMode = 0o640
)

// The destinations that are no file.
const (
	toStdout = "stdout"
	toNobody = "off"
)

// Log is an open query log. Its methods may be called from any goroutine.
type Log struct {
	path   string // of the file; empty if there is none
	off    bool
	report func(string)

	lines   sync.Pool // of *[]byte, each one line
	dropped atomic.Uint64
	written atomic.Uint64
	next    atomic.Pointer[os.File] // opened by Reopen, not yet in use

	wake  chan struct{} // there is something to do
	full  chan struct{} // there is a full batch
	drops chan struct{} // something was dropped

	mu      sync.Mutex // guards what follows; never held across a write
	pending []byte     // whole lines, not written yet
	ended   bool       // Run takes no more
	cause   error      // what the sink failed with since the last report

	sink sink // Run's alone
}

// Open opens the log that dest names: "stdout" writes to stdout, "off" nowhere, and anything else is the
// path of a file, which is appended to. report is called under Run with what an administrator should read.
func Open(dest string, stdout io.Writer, report func(string)) (*Log, error) {
	l := &Log{
		report: report,
		wake:   make(chan struct{}, 1),
		full:   make(chan struct{}, 1),
		drops:  make(chan struct{}, 1),
	}
	l.lines.New = func() any { return new([]byte) }
	switch dest {
	case toNobody:
		l.off = true
	case toStdout:
		l.sink.to = stdout
	default:
		f, err := openFile(dest)
		if err != nil {
			return nil, err
		}
		l.path, l.sink = dest, sink{to: f, file: f}
	}
	return l, nil
}

// openFile opens the file at path for appending.
func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return nil, fmt.Errorf("opening the query log: %w", err)
	}
	return f, nil
}

// Write logs e, or drops it when too much waits to be written or Run has ended. It never blocks, keeps
// nothing of e, and does not allocate once its buffers have grown.
func (l *Log) Write(e Entry) {
	if l.off {
		return
	}
	line := l.lines.Get().(*[]byte)
	*line = appendEntry((*line)[:0], &e)
	l.write(*line, "")
	if cap(*line) <= keepLine {
		l.lines.Put(line)
	}
}

// A Line is an [Entry] encoded but for its time and client: what an answer that many
// clients get writes for each of them. The zero value is none.
type Line struct{ rest string }

// NewLine returns the line of e, whose time and client do not matter.
func NewLine(e Entry) Line { return Line{string(appendRest(nil, &e))} }

// Memory is how many octets n takes besides itself.
func (n Line) Memory() int { return len(n.rest) }

// WriteLine is Write for an entry of which n is the line, with its time and client.
func (l *Log) WriteLine(at time.Time, client netip.Addr, n Line) {
	if l.off {
		return
	}
	var room [128]byte
	l.write(appendHead(room[:0], at, client), n.rest)
}

// write adds a line, which is in two parts, to what is to be written, or drops it.
func (l *Log) write(head []byte, rest string) {
	size, ok := l.add(head, rest)
	switch {
	case !ok:
		l.drop(1)
	case size >= fullBatch:
		signal(l.full)
		signal(l.wake)
	default:
		signal(l.wake)
	}
}

// add adds a line to what is to be written, if there is room, and says how much that is now.
func (l *Log) add(head []byte, rest string) (size int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || len(l.pending)+len(head)+len(rest) > maxPending {
		return len(l.pending), false
	}
	l.pending = append(append(l.pending, head...), rest...)
	return len(l.pending), true
}

// drop counts n entries that are lost.
func (l *Log) drop(n int) {
	l.dropped.Add(uint64(n))
	signal(l.drops)
}

// signal leaves a token in c if there is none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped is the number of entries lost so far.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Written is the number of entries that the sink took so far.
func (l *Log) Written() uint64 { return l.written.Load() }

// Reopen opens the file anew, so that the old one can be moved away before: entries go to the new one
// soon, and all that are written after the call do. On an error the old file stays in use. Without a
// file it does nothing.
func (l *Log) Reopen() error {
	if l.path == "" {
		return nil
	}
	f, err := openFile(l.path)
	if err != nil {
		return err
	}
	if unused := l.next.Swap(f); unused != nil {
		_ = unused.Close() // nothing was written to it
	}
	signal(l.wake)
	return nil
}
