//go:build unix

package config_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"splitdns/server/config"
)

// TestLoadDoesNotWaitForAPipe holds that a named pipe, which would hold up a
// reload until somebody writes to it, is refused.
func TestLoadDoesNotWaitForAPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if cfg, problems := config.Load(pipe); cfg != nil || problems.String() != pipe+": not a regular file\n" {
		t.Errorf("Load of a pipe = %v, %s", cfg, problems)
	}
	path := write(t, dir, "config.toml", "[zone.a]\nfile = 'pipe'\nformat = 'list'\n")
	if cfg, problems := config.Load(path); cfg != nil || problems.String() != path+":2: zone.a.file: reading "+pipe+": not a regular file\n" {
		t.Errorf("Load of a zone that is a pipe = %v, %s", cfg, problems)
	}
}
