package statedir_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"splitdns/server/internal/statedir"
)

// TestPut holds that a file is there as a whole, for nobody else to read, and that nothing else is left behind.
func TestPut(t *testing.T) {
	var folders statedir.Folders
	defer folders.Unlock()
	dir := filepath.Join(t.TempDir(), "made", "here")
	for _, text := range []string{"first", "second"} {
		if err := folders.In(dir).Put("file", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != text {
			t.Errorf("%q, %v, want %q", data, err, text)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 || files[0].Name() != ".lock" || files[1].Name() != "file" {
		t.Errorf("%v, %v", files, err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "file"): 0o600} {
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// TestClear holds that only what a crash has left of one file goes.
func TestClear(t *testing.T) {
	var folders statedir.Folders
	defer folders.Unlock()
	dir := t.TempDir()
	for _, name := range []string{"file", "file-12345", "file-1.copy", "file-x", "files-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folders.In(dir).Clear("file")
	left, _ := filepath.Glob(filepath.Join(dir, "f*"))
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if got := strings.Join(left, " "); got != "file file-1.copy file-x files-1" {
		t.Errorf("left: %s", got)
	}
}

// TestTwoServers holds that only one writes, until it ends.
func TestTwoServers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no locks")
	}
	var first, second statedir.Folders
	defer second.Unlock()
	dir := t.TempDir()
	if err := first.In(dir).Put("file", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := second.In(dir).Put("file", []byte("second")); err == nil || !strings.Contains(err.Error(), "another server keeps its copies in "+dir) {
		t.Errorf("the second: %v", err)
	}
	if err := first.In(dir).Put("file", []byte("again")); err != nil {
		t.Errorf("the first again: %v", err)
	}
	first.Unlock()
	if err := second.In(dir).Put("file", []byte("second")); err != nil {
		t.Errorf("after the end of the first: %v", err)
	}
}

// TestWhatCannotBeWritten holds that the message says what was to be done, and that no half file stays.
func TestWhatCannotBeWritten(t *testing.T) {
	var folders statedir.Folders
	defer folders.Unlock()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := folders.In(filepath.Join(dir, "plain")).Put("file", nil); err == nil || !strings.HasPrefix(err.Error(), "making the folder of server.state: ") {
		t.Errorf("a file in the place of the folder: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "file"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := folders.In(dir).Put("file", nil); err == nil || !strings.HasPrefix(err.Error(), "writing to server.state: ") {
		t.Errorf("a folder in the place of the file: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "file-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
