package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"splitdns/server/config"
	"splitdns/server/internal/addressfeed"
)

// observedState is where observed addresses are kept. The caller of followObserved holds Server.reloading, or
// there is no other yet.
type observedState struct {
	isOn bool   // addresses are observed
	dir  string // from which they were read; "" before
}

// followObserved has addresses be observed as c says from now on. What lies on disk is remembered when it is first
// needed.
func (s *Server) followObserved(c *config.Config) {
	o, feeds := &s.observed, s.resolver.feeds
	wasOn, dir := o.isOn, c.Server.State
	if o.isOn = c.HTTP.HasFeeds(); !o.isOn {
		return
	}
	now := s.resolver.now()
	if !wasOn {
		feeds.Begin(now)
		o.dir = "" // what was seen before may lie there
	}
	if dir == "" || dir == o.dir {
		return
	}
	o.dir = dir
	s.folders.In(dir).Clear(addressfeed.StateFile)
	data, err := addressfeed.ReadState(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		if err = feeds.Restore(data, c.HTTP.FeedKeep, now); err != nil {
			err = fmt.Errorf("%s: %w", filepath.Join(dir, addressfeed.StateFile), err)
		}
	}
	if err != nil {
		s.options.Log.Warn("address feeds: observed addresses of before the start are not known: " + err.Error())
	}
}

// observedEvery is how often observed addresses are written to disk, if there were any. A crash loses what is newer,
// which is seen again while it is in use.
const observedEvery = 5 * time.Minute

// keepObserved writes observed addresses to disk now and then, and once more at the end.
func (s *Server) keepObserved(ctx context.Context) error {
	tick := time.NewTicker(observedEvery)
	defer tick.Stop()
	var k observedWriter
	for {
		select {
		case <-ctx.Done():
			k.seen = 0 // also unchanged: from when the file is, the server was away
			k.write(s)
			return nil
		case <-tick.C:
			k.write(s)
		}
	}
}

// observedWriter writes observed addresses to disk.
type observedWriter struct {
	seen   uint64 // sightings when it has written last
	failed bool   // to write, which is told once
}

// write writes observed addresses, if there were any since it has last. Who has no folder has no file.
func (k *observedWriter) write(s *Server) {
	c, feeds := s.resolver.current.Load().config, s.resolver.feeds
	seen := feeds.Sightings()
	if !c.HTTP.HasFeeds() || c.Server.State == "" || seen == k.seen {
		return
	}
	err := s.folders.In(c.Server.State).Put(addressfeed.StateFile, feeds.State(s.resolver.now()))
	switch {
	case err == nil:
		k.seen = seen
		if k.failed {
			s.options.Log.Info("address feeds: observed addresses are kept on disk again")
		}
	case !k.failed:
		s.options.Log.Warn("address feeds: observed addresses will not survive a restart: " + err.Error())
	}
	k.failed = err != nil
}
