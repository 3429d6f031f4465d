package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"splitdns/server/internal/statedir"
)

// A store is what lies on disk for one zone, each part in a file of its own. Files appear
// and change as a whole, by a rename.
type store struct {
	dir, zone string
	folder    *statedir.Folder // dir; nil for whoever only reads
}

// The parts of a store.
const (
	current   = ".copy"      // in force
	previous  = ".previous"  // the one before it
	pending   = ".pending"   // waits until its time in the shadow is over
	candidate = ".candidate" // being judged
	checked   = ".checked"   // when the documents were last seen to be the same
)

// path is the file of a part.
func (s store) path(part string) string { return filepath.Join(s.dir, s.zone+part) }

// A Found is the copy of a zone on disk.
type Found struct {
	*Copy
	Damage string // what is wrong with the newest one, if Copy is another
}

// Open reads the copy of zone that is in force from dir, or its candidate. Where that is damaged, it
// is the one before it. The error is [fs.ErrNotExist] where there never was one.
func Open(dir, zone string, isCandidate bool) (Found, error) {
	s := store{dir: dir, zone: zone}
	if isCandidate {
		c, err := s.read(candidate)
		return Found{Copy: c}, err
	}
	c, err := s.read(current)
	if err == nil {
		return Found{Copy: c}, nil
	}
	before, errBefore := s.read(previous)
	switch {
	case errBefore == nil && errors.Is(err, fs.ErrNotExist): // the server ended between two renames
		return Found{Copy: before}, nil
	case errBefore == nil:
		return Found{Copy: before, Damage: err.Error()}, nil
	}
	return Found{}, err
}

// OpenPending reads the copy of zone that waits in dir, [fs.ErrNotExist] without one.
func OpenPending(dir, zone string) (*Copy, error) { return store{dir: dir, zone: zone}.read(pending) }

// read reads a part. Errors name the file.
func (s store) read(part string) (*Copy, error) {
	f, err := os.Open(s.path(part))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCopy+1))
	if err == nil && len(data) > maxCopy {
		err = errors.New("damaged: larger than any copy")
	}
	var c *Copy
	if err == nil {
		c, err = decode(s.zone, data)
	}
	if err == nil {
		return c, nil
	}
	return nil, fmt.Errorf("%s: %w", s.path(part), err)
}

// write puts c in the place of a part.
func (s store) write(part string, c *Copy) error {
	data, err := c.encode()
	if err != nil {
		return err
	}
	return s.put(part, data)
}

// put puts data in the place of a part. After a crash there is the old or the new one.
func (s store) put(part string, data []byte) error { return s.folder.Put(s.zone+part, data) }

// commit makes the candidate the copy in force. The one that was in force is kept, if it is any good.
func (s store) commit() error {
	if err := s.folder.Lock(); err != nil {
		return err
	}
	if _, err := s.read(current); err == nil {
		if err := os.Rename(s.path(current), s.path(previous)); err != nil {
			return err
		}
	}
	if err := os.Rename(s.path(candidate), s.path(current)); err != nil {
		return err
	}
	s.folder.Sync()
	return nil
}

// drop removes a part, unless it may be another server's. That it stays is seen when it is read again.
func (s store) drop(part string) {
	if s.folder.Lock() == nil {
		os.Remove(s.path(part))
	}
}

// clear removes what a server has left behind that was killed: a judgement that was never finished, and
// files that were never whole. What another server is writing stays.
func (s store) clear() {
	s.drop(candidate)
	for _, part := range []string{current, pending, candidate, checked} {
		s.folder.Clear(s.zone + part)
	}
}

// sight is when documents were last seen to be the same as the copy's.
type sight struct {
	At time.Time `json:"at"`
}

// seen notes that the documents of the copy are still what is published.
func (s store) seen(at time.Time) error {
	data, err := json.Marshal(sight{at})
	if err != nil {
		return err
	}
	return s.put(checked, data)
}

// lastSeen is when that was; the zero time where it is not known.
func (s store) lastSeen() time.Time {
	var last sight
	f, err := os.Open(s.path(checked))
	if err != nil {
		return last.At
	}
	defer f.Close()
	if json.NewDecoder(io.LimitReader(f, 4096)).Decode(&last) != nil {
		return time.Time{}
	}
	return last.At
}
