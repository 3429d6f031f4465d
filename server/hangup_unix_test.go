//go:build unix

package server_test

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHangup sends SIGHUP: the configuration is read again, and the query log
// goes on in a new file.
func TestHangup(t *testing.T) {
	own := make(chan os.Signal, 1)
	signal.Notify(own, syscall.SIGHUP) // so that it never ends the test
	defer signal.Stop(own)
	dir := t.TempDir()
	file, log := filepath.Join(dir, "config.toml"), filepath.Join(dir, "queries.log")
	write(t, file, runConfig(upstreamOf(t, mixed), "observe", "[log]\nqueries = \"queries.log\"\n"))
	r := start(t, file)
	r.asks(t, "dual.example", "udp")
	for deadline := time.Now().Add(patience); ; { // entries are written by and by
		if text, err := os.ReadFile(log); err == nil && strings.HasSuffix(string(text), "\n") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the first entry was not written")
		}
		time.Sleep(time.Millisecond)
	}
	rename(t, log, log+".1")
	for deadline := time.Now().Add(patience); ; { // until the server listens to the signal
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-own
		if _, err := os.Stat(log); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the log was not opened again")
		}
	}
	r.hears(t, "why=SIGHUP")
	r.asks(t, "dual.example", "tcp")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]int{log + ".1": 1, log: 1} {
		if text, err := os.ReadFile(name); err != nil || strings.Count(string(text), "\n") != want {
			t.Errorf("%s: %v, %q, want %d entries", name, err, text, want)
		}
	}
}
