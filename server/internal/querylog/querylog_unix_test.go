//go:build unix

package querylog_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"splitdns/server/internal/querylog"
)

func TestFileMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(t.TempDir(), "q.log")
	end := run(t, open(t, path, nil, func(text string) { t.Error(text) }))
	if err := end(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o640 {
		t.Errorf("mode %o, want 640", got)
	}
}

func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full")
	}
	path := filepath.Join(t.TempDir(), "q.log")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 10)
	l := open(t, path, nil, func(text string) { said <- text })
	end := run(t, l)
	l.Write(querylog.Entry{})
	if got := <-said; !strings.Contains(got, "1 entry dropped") || !strings.Contains(got, "no space left on device") {
		t.Errorf("report %q, want the drop and its cause", got)
	}
	if err := os.Remove(path); err != nil { // space is made
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write(querylog.Entry{})
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if got := linesIn(t, path); got != 1 {
		t.Errorf("%d lines after the disk was full, want 1", got)
	}
}
