package main

import (
	"bytes"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgressBar shows a log of 200 MB as it is read, ten times a second at most.
func TestProgressBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var read atomic.Int64
		bar := progressBar{w: &out, total: 200 << 20, read: &read}
		for range 4 {
			bar.show(read.Load() >> 9)
			bar.show(read.Load() >> 9) // just now
			read.Add(50 << 20)
			time.Sleep(time.Second)
		}
		bar.clear()
		want := []string{
			"[..............................]   0%  0 of 200 MB, 0 entries",
			"[#######.......................]  25%  50 of 200 MB, 102400 entries",
			"[###############...............]  50%  100 of 200 MB, 204800 entries, 2s left",
			"[######################........]  75%  150 of 200 MB, 307200 entries, 1s left",
			"",
		}
		if got, want := out.String(), "\r"+strings.Join(want, "\x1b[K\r")+"\x1b[K"; got != want {
			t.Errorf("shown\n%q\nwant\n%q", got, want)
		}
	})
}

func TestProgressOfUnknownSize(t *testing.T) {
	var read atomic.Int64
	read.Store(7 << 20)
	bar := progressBar{read: &read}
	if got, want := bar.line(12, time.Minute), "7 MB, 12 entries"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	var out bytes.Buffer
	bar.w = &out
	if bar.clear(); out.Len() > 0 {
		t.Errorf("a bar that was never shown is cleared: %q", out.String())
	}
}

func TestIsTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if isTerminal(file) || isTerminal(new(bytes.Buffer)) {
		t.Error("a file or a buffer is taken for a terminal")
	}
}
