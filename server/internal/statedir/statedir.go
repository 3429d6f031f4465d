// Package statedir writes to the folder of server.state, in which things survive a restart. Files appear and
// change as a whole, and of several servers only one writes, as far as the system can do that. What lies in
// the files is for those who write them to know; to read them needs nothing of this package.
package statedir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// lockFile is the file in a folder that whoever writes there has locked. It stays there: to remove
// it would let two others lock two files of that name.
const lockFile = ".lock"

// A Folder is a folder that one server writes to. It is safe for concurrent use.
type Folder struct {
	path string

	mu   sync.Mutex // guards lock
	lock *os.File   // nil: not held
}

// Path is where the folder is.
func (f *Folder) Path() string { return f.path }

// Lock keeps other servers from writing to the folder until [Folder.Unlock], unless that is so already: two
// would take each other's files for their own. The folder must be there.
func (f *Folder) Lock() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock != nil {
		return nil
	}
	file, err := os.OpenFile(filepath.Join(f.path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("writing to server.state: %w", err)
	}
	if isTaken := !tryLock(file); isTaken {
		file.Close()
		return fmt.Errorf("another server keeps its copies in %s: give each a server.state of its own", f.path)
	}
	f.lock = file
	return nil
}

// Unlock lets other servers write.
func (f *Folder) Unlock() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lock != nil {
		f.lock.Close()
		f.lock = nil
	}
}

// Make makes the folder, with mode 0700, where it is not there, and locks it. Nobody but the server need see into it.
func (f *Folder) Make() error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("making the folder of server.state: %w", err)
	}
	return f.Lock()
}

// Put makes data the file of that name, with mode 0600, after [Folder.Make]. After a crash there is the old file or the new one, and perhaps one of this name with
// a hyphen and digits behind it.
func (f *Folder) Put(name string, data []byte) error {
	if err := f.Make(); err != nil {
		return err
	}
	file, err := os.CreateTemp(f.path, name+"-*") // 0600
	if err != nil {
		return fmt.Errorf("writing to server.state: %w", err)
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(f.path, name))
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("writing to server.state: %w", err)
	}
	f.Sync()
	return nil
}

// Clear removes files of [Folder.Put] for that name that were never whole, unless another server may be writing them.
func (f *Folder) Clear(name string) {
	if f.Lock() != nil {
		return
	}
	files, err := os.ReadDir(f.path)
	if err != nil {
		return
	}
	for _, file := range files {
		number, isTemporary := strings.CutPrefix(file.Name(), name+"-")
		if isTemporary && strings.Trim(number, "0123456789") == "" {
			os.Remove(filepath.Join(f.path, file.Name()))
		}
	}
}

// Sync has the names in the folder be on disk. Not every system can do that.
func (f *Folder) Sync() {
	if d, err := os.Open(f.path); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// Folders are the folders that a server writes to: a reload may name another one. The zero value has none. It is
// safe for concurrent use.
type Folders struct {
	mu  sync.Mutex // guards all
	all map[string]*Folder
}

// In returns the folder of that path, the same each time.
func (f *Folders) In(path string) *Folder {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[string]*Folder{}
	}
	if f.all[path] == nil {
		f.all[path] = &Folder{path: path}
	}
	return f.all[path]
}

// Unlock lets other servers write to all of them.
func (f *Folders) Unlock() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, folder := range f.all {
		folder.Unlock()
	}
}
