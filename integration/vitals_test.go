package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Vitals are what the system says about a process.
type vitals struct {
	rss, peak int // mebibytes, now and at most
	threads   int
	files     int // that are open, sockets among them
}

// The lines of /proc/PID/status that are read.
var (
	rssLine     = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)
	peakLine    = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)
	threadsLine = regexp.MustCompile(`(?m)^Threads:\s+(\d+)$`)
)

// vitals reads what the system says about p.
func (p *process) vitals(t testing.TB) vitals {
	t.Helper()
	dir := filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		t.Fatal(err)
	}
	number := func(line *regexp.Regexp) int {
		match := line.FindSubmatch(status)
		if match == nil {
			t.Fatalf("/proc: no %#q in\n%s", line, status)
		}
		n, _ := strconv.Atoi(string(match[1])) // digits
		return n
	}
	const kilo = 1024
	return vitals{number(rssLine) / kilo, number(peakLine) / kilo, number(threadsLine), len(files)}
}

// String is v in words.
func (v vitals) String() string {
	return fmt.Sprintf("%d MiB (at most %d), %d threads, %d files", v.rss, v.peak, v.threads, v.files)
}

// until polls at short intervals until done says so, for a bounded time, and reports
// whether it did.
func until(limit time.Duration, done func() bool) bool {
	due := time.NewTicker(limit / 200)
	defer due.Stop()
	for end := time.Now().Add(limit); !done(); <-due.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// aGoroutine is the first line of each in a traceback.
var aGoroutine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[.*\]:$`)

// goroutines ends p with a traceback of all its goroutines (SIGQUIT, see package
// os/signal), and counts them.
func (p *process) goroutines(t testing.TB) int {
	t.Helper()
	before := len(p.stderr.String())
	if err := p.signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	if code, err := p.wait(); err != nil || code == 0 {
		t.Fatalf("exit code %d, %v, want a traceback", code, err)
	}
	return len(aGoroutine.FindAllString(p.stderr.String()[before:], -1))
}
