package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestFullDisk shows that a report that cannot be written is no wrong usage.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/dev/full is of Linux")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	list := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(list, []byte("a.example\nb.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"version", "check", "zones list", "zones lint", "zones diff 2020-09-08 2026-03-24", "zones export --format csv",
		"zones import " + list, "explain a.example",
	} {
		t.Run(strings.Fields(line)[0]+" "+strings.Fields(line + " x")[1], func(t *testing.T) {
			var stderr bytes.Buffer
			if code := run(strings.Fields(line), full, &stderr); code != exitProblem || strings.Contains(stderr.String(), "--help") {
				t.Errorf("exit code %d, want %d: %s", code, exitProblem, &stderr)
			}
		})
	}
}
