package feed

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// lockFile is the file in a folder that whoever writes there has locked. It stays there: to remove
// it would let two others lock two files of that name.
const lockFile = ".lock"

// A lock keeps other servers from writing to a folder, as far as the system can do that: two would take each
// other's candidates for their own. Reading needs none. It is safe for concurrent use.
type lock struct {
	dir string

	mu   sync.Mutex // guards file
	file *os.File   // nil: not held
}

// take takes the lock, unless it is held already. The folder must be there.
func (l *lock) take() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(l.dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("writing to server.state: %w", err)
	}
	if isTaken := !tryLock(f); isTaken {
		f.Close()
		return fmt.Errorf("another server keeps its copies in %s: give each a server.state of its own", l.dir)
	}
	l.file = f
	return nil
}

// release lets others take the lock.
func (l *lock) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
