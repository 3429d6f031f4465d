package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"splitdns/server/config"
)

// fileChanged is why reloadOnChange reloads.
const fileChanged = "file changed"

// settle is how long a change of the files rests before it is read: editors
// and configuration management write in several steps.
const settle = 200 * time.Millisecond

// maxRests bounds how often a change that goes on makes us wait.
const maxRests = 25

// reloadOnChange reloads when a file of the configuration changes. It watches
// folders, as a watch on a file ends when an editor replaces it. SIGHUP is the
// sure way; where watching is not to be had, it is the only one.
func (s *Server) reloadOnChange(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		s.options.Log.Warn("not watching the configuration for changes: " + err.Error())
		<-ctx.Done()
		return nil
	}
	defer w.Close()
	s.follow(ctx, &watch{Watcher: w, said: map[string]bool{}})
	return nil
}

// follow reloads on what w sees, until ctx is cancelled.
func (s *Server) follow(ctx context.Context, w *watch) {
	c := changes{last: present(s.files())}
	settled := time.After(settle) // they may have changed since they were read
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-w.Errors:
			s.options.Log.Warn("watching the configuration: " + err.Error())
			settled = time.After(settle) // events may be lost: look
		case event := <-w.Events:
			if settled == nil && s.concerns(event) {
				c.last, settled = present(s.files()), time.After(settle)
			}
		case <-settled:
			settled = s.look(w, &c)
		}
	}
}

// look reloads if the files have changed, and returns the time of the next look;
// nil is after the next event.
func (s *Server) look(w *watch, c *changes) <-chan time.Time {
	files := s.files()
	for _, text := range w.add(files) { // first: what changes later is an event
		s.options.Log.Warn(text)
	}
	now := present(files)
	if !c.moving(now) {
		if c.rests = 0; slices.Equal(now, files) {
			return nil
		}
		s.reload(fileChanged)
	}
	return time.After(settle) // still being written, or there may be other files now
}

// files are those that were read last for the configuration, or tried, as they were then.
func (s *Server) files() []config.File {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	return s.tried
}

// present gives files as they are now.
func present(files []config.File) []config.File {
	var now []config.File
	for _, file := range files {
		now = append(now, config.Stat(file.Path))
	}
	return now
}

// concerns reports whether event can mean a change of a configuration file. A
// link that is swapped shows under another name, but is not a mere write.
func (s *Server) concerns(event fsnotify.Event) bool {
	isMeant := func(file config.File) bool { return file.Path == event.Name }
	return !event.Has(fsnotify.Write) || slices.ContainsFunc(s.files(), isMeant)
}

// changes follows the files while they are being written.
type changes struct {
	last  []config.File // as they were at the last look
	rests int           // looks at which they were still being written
}

// moving reports whether the files are still being written, and are to be looked
// at again.
func (c *changes) moving(now []config.File) bool {
	moved := !slices.Equal(now, c.last) && c.rests < maxRests
	c.last = now
	if moved {
		c.rests++
	}
	return moved
}

// watch sees what happens in folders.
type watch struct {
	*fsnotify.Watcher
	said map[string]bool // warnings given already
}

// add watches for changes of files as well, and returns warnings that are new.
func (w *watch) add(files []config.File) (warnings []string) {
	for _, file := range files {
		err := w.addFile(file.Path)
		if err == nil {
			continue
		}
		if text := fmt.Sprintf("not watching %s for changes: %v", file.Path, err); !w.said[text] {
			w.said[text] = true
			warnings = append(warnings, text)
		}
	}
	return warnings
}

// addFile watches the folder of file. One that does not exist is waited for in the
// nearest folder around it.
func (w *watch) addFile(file string) error {
	for watched := ""; ; {
		folder := nearestFolder(file)
		if folder == watched {
			return nil // and no nearer one came up meanwhile
		}
		if err := w.Add(folder); err != nil {
			return err
		}
		watched = folder
	}
}

// nearestFolder is the innermost folder around path that exists.
func nearestFolder(path string) string {
	folder := filepath.Dir(path)
	for folder != filepath.Dir(folder) {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			break
		}
		folder = filepath.Dir(folder)
	}
	return folder
}
