package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A store is what lies on disk for one zone, each part in a file of its own. Files appear
// and change as a whole, by a rename.
type store struct {
	dir, zone string
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
	s := store{dir, zone}
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
func OpenPending(dir, zone string) (*Copy, error) { return store{dir, zone}.read(pending) }

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

// ready makes the folder where it is not there. Nobody but the server need see into it.
func (s store) ready() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of server.state: %w", err)
	}
	return nil
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
func (s store) put(part string, data []byte) error {
	if err := s.ready(); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, s.zone+part+"-*") // 0600
	if err != nil {
		return fmt.Errorf("writing to server.state: %w", err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.path(part))
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("writing to server.state: %w", err)
	}
	s.sync()
	return nil
}

// commit makes the candidate the copy in force. The one that was in force is kept, if it is any good.
func (s store) commit() error {
	if _, err := s.read(current); err == nil {
		if err := os.Rename(s.path(current), s.path(previous)); err != nil {
			return err
		}
	}
	if err := os.Rename(s.path(candidate), s.path(current)); err != nil {
		return err
	}
	s.sync()
	return nil
}

// drop removes a part. That it stays is seen when it is read again.
func (s store) drop(part string) { os.Remove(s.path(part)) }

// clear removes what a server has left behind that was killed: a judgement that was never finished, and
// files that were never whole.
func (s store) clear() {
	s.drop(candidate)
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, f := range files {
		for _, part := range []string{current, pending, candidate, checked} {
			if strings.HasPrefix(f.Name(), s.zone+part+"-") {
				os.Remove(filepath.Join(s.dir, f.Name()))
			}
		}
	}
}

// sync has the names in the folder be on disk. Not every system can do that.
func (s store) sync() {
	if d, err := os.Open(s.dir); err == nil {
		_ = d.Sync()
		d.Close()
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
