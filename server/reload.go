package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// reload reads the configuration again and puts it in force, if it is good.
// Queries under way finish with the one they began with; the cache stays.
func (s *Server) reload(why string) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	old := s.resolver.current.Load()
	c, problems := s.load()
	if c != nil && why == fileChanged && c.Digest == old.config.Digest {
		return // touched, or written with the same content
	}
	s.reportProblems(problems)
	if c == nil {
		s.options.Log.Error("reload refused, the old configuration stays in force",
			"why", why, "problems", countErrors(problems), "config", old.config.Digest)
		return
	}
	if err := s.replace(old, c); err != nil {
		s.options.Log.Error("reload refused, the old configuration stays in force: "+err.Error(),
			"why", why, "config", old.config.Digest)
		return
	}
	for _, key := range needRestart(s.started, c) {
		s.options.Log.Warn(key + " has changed: this takes effect when the server is started again")
	}
	s.options.Log.Info("reloaded: "+s.Summary(), "why", why)
}

// load reads the configuration. Files that make the program panic are a problem
// like others: the server goes on with what it has.
func (s *Server) load() (c *config.Config, problems tomlfile.Problems) {
	defer func() {
		if p := recover(); p != nil {
			c, problems = nil, tomlfile.Problems{{Text: fmt.Sprintf("reading the configuration: internal error: %v", p)}}
		}
	}()
	return s.options.Load()
}

// countErrors counts the problems that are more than warnings.
func countErrors(problems tomlfile.Problems) int {
	n := 0
	for _, p := range problems {
		if !p.Warning {
			n++
		}
	}
	return n
}

// replace puts c in force. The caller holds s.reloading.
func (s *Server) replace(old *snapshot, c *config.Config) error {
	next := newSnapshot(c, s.local)
	next.generation = old.generation + 1
	if err := next.connect(old.upstreams, s.dial); err != nil {
		return err
	}
	s.resolver.current.Store(next)
	return nil
}

// needRestart lists the keys whose change since the start a reload cannot follow.
func needRestart(old, c *config.Config) []string {
	var keys []string
	add := func(key string, same bool) {
		if !same {
			keys = append(keys, key)
		}
	}
	add("server.listen", slices.Equal(old.Server.Listen, c.Server.Listen))
	add("server.queries_in_flight", old.Server.QueriesInFlight == c.Server.QueriesInFlight)
	add("server.tcp_connections", old.Server.TCPConnections == c.Server.TCPConnections)
	add("server.tcp_idle", old.Server.TCPIdle == c.Server.TCPIdle)
	add("cache.entries", old.Cache.Entries == c.Cache.Entries)
	add("cache.memory", old.Cache.Memory == c.Cache.Memory)
	add("log.queries", old.Log == c.Log)
	add("http.listen", slices.Equal(old.HTTP.Listen, c.HTTP.Listen))
	return keys
}

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
	s.watch(w)
	s.follow(ctx, w)
	return nil
}

// follow reloads on what w sees, until ctx is cancelled.
func (s *Server) follow(ctx context.Context, w *fsnotify.Watcher) {
	c := changes{last: s.fingerprint()}
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
				c.last, settled = s.fingerprint(), time.After(settle)
			}
		case <-settled:
			settled = nil
			if c.moving(s.fingerprint()) {
				settled = time.After(settle)
			} else if c.news() {
				s.reload(fileChanged)
				s.watch(w)
			}
		}
	}
}

// changes follows the fingerprint of the files: what was read, and what it was
// at the last look.
type changes struct {
	read, last string
	rests      int // looks at which they were still being written
}

// moving reports whether the files are still being written, and are to be looked
// at again.
func (c *changes) moving(now string) bool {
	moved := now != c.last && c.rests < maxRests
	c.last = now
	if moved {
		c.rests++
	}
	return moved
}

// news reports whether the files differ from those that were read, and takes them
// for read: as of before they are, so that no later change is missed.
func (c *changes) news() bool {
	news := c.last != c.read
	c.read, c.rests = c.last, 0
	return news
}

// watch adds the folders of the files in force to w.
func (s *Server) watch(w *fsnotify.Watcher) {
	for _, file := range s.resolver.current.Load().config.Files {
		if err := w.Add(filepath.Dir(file)); err != nil {
			s.options.Log.Warn(fmt.Sprintf("not watching %s for changes: %v", file, err))
		}
	}
}

// concerns reports whether event can mean a change of a configuration file. A
// link that is swapped shows under another name, but is not a mere write.
func (s *Server) concerns(event fsnotify.Event) bool {
	return !event.Has(fsnotify.Write) || slices.Contains(s.resolver.current.Load().config.Files, event.Name)
}

// fingerprint tells whether the files have changed without reading them.
func (s *Server) fingerprint() string {
	var b strings.Builder
	for _, file := range s.resolver.current.Load().config.Files {
		info, err := os.Stat(file)
		if err != nil {
			fmt.Fprintln(&b, file, errors.Is(err, os.ErrNotExist))
			continue
		}
		fmt.Fprintln(&b, file, info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// networksEvery is how often the machine's interfaces are looked at.
const networksEvery = 10 * time.Second

// followNetworks keeps the meaning of "local" in server.allow up to date as
// the machine's interfaces come and go.
func (s *Server) followNetworks(ctx context.Context) error {
	tick := time.NewTicker(networksEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.setLocal(localNetworks())
		}
	}
}

// setLocal puts the present networks in force, if they differ.
func (s *Server) setLocal(networks []netip.Prefix) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if slices.Equal(networks, s.local) {
		return
	}
	before := s.local
	s.local = networks
	old := s.resolver.current.Load()
	if !old.config.Server.AllowLocal {
		return
	}
	if err := s.replace(old, old.config); err != nil {
		s.local = before // so that the next look tries again
		s.options.Log.Error("following the machine's networks: " + err.Error())
		return
	}
	s.options.Log.Info("the machine's networks have changed: server.allow follows", "local", networks)
}
