package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// countingReader counts the octets that it gives.
type countingReader struct {
	io.Reader
	n *atomic.Int64
}

// Read reads.
func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n.Add(int64(n))
	return n, err
}

// progressBar shows on one line of a terminal how much is done, by the octets that were read.
type progressBar struct {
	w     io.Writer
	total int64 // octets; 0: not known
	read  *atomic.Int64
	began time.Time // the first show
	shown time.Time // the last show that was seen
}

// How a bar looks, and how often.
const (
	barWidth = 30
	barEvery = 100 * time.Millisecond
)

// show shows that so many entries have been read, unless it did so just now.
func (b *progressBar) show(entries int64) {
	now := time.Now()
	if b.began.IsZero() {
		b.began = now
	} else if now.Sub(b.shown) < barEvery {
		return
	}
	b.shown = now
	fmt.Fprint(b.w, "\r"+b.line(entries, now.Sub(b.began))+"\x1b[K")
}

// line is what there is to show after some time.
func (b *progressBar) line(entries int64, since time.Duration) string {
	read := b.read.Load()
	if b.total <= 0 {
		return fmt.Sprintf("%d MB, %d entries", read>>20, entries)
	}
	done := min(1, float64(read)/float64(b.total))
	full := int(done * barWidth)
	bar := strings.Repeat("#", full) + strings.Repeat(".", barWidth-full)
	text := fmt.Sprintf("[%s] %3.0f%%  %d of %d MB, %d entries", bar, 100*done, read>>20, b.total>>20, entries)
	if done > 0 && since > time.Second {
		left := time.Duration(float64(since) * (1 - done) / done)
		text += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	return text
}

// clear takes the bar away.
func (b *progressBar) clear() {
	if !b.began.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// isTerminal reports whether w is a terminal, or another device that takes characters.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
