package server

import (
	"context"
	"errors"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run serves until ctx is cancelled, then drains: no more queries are read,
// those under way finish, for at most server.drain. Every goroutine of the server
// starts here, belongs to a query, or reads what an upstream sends. All have ended
// when Run returns, but for the last, which end by themselves now that their sockets
// are closed, and for one that a query log held up for ever may leave behind.
func (s *Server) Run(ctx context.Context) error {
	defer s.closeAll()
	lastCtx, stopLast := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLast()
	var last errgroup.Group
	last.Go(func() error { return s.log.Run(lastCtx) })
	last.Go(func() error { return s.http.serve(lastCtx, s.options.Log) })
	last.Go(func() error { return s.control.serve(lastCtx, s.options.Log) })
	last.Go(func() error { return s.sets.Run(lastCtx) }) // queries under way need it to the end
	last.Go(func() error { return s.flushOpened(lastCtx) })
	last.Go(func() error { return s.keepObserved(lastCtx) })

	g, ctx := errgroup.WithContext(ctx)
	last.Go(func() error { return s.drain(ctx, lastCtx.Done()) })
	for _, l := range s.all() {
		g.Go(func() error { return l.Serve(ctx) })
	}
	g.Go(func() error { return s.reloadOnSignal(ctx) })
	g.Go(func() error { return s.reloadOnChange(ctx) })
	g.Go(func() error { return s.followNetworks(ctx) })
	g.Go(func() error { return s.feeds.Run(ctx) })
	err := g.Wait()
	if errors.Is(err, net.ErrClosed) {
		s.options.Log.Warn("stopped before every query under way was answered: " + err.Error())
		err = nil
	}

	s.reportStats()
	stopLast() // after the last query: its entry is still to be written, and /readyz says no until then
	return errors.Join(err, last.Wait())
}

// reportStats says what each listener has done, in the words of the status.
func (s *Server) reportStats() {
	for _, l := range s.listenerStatus() {
		s.options.Log.Info("stopped listening on "+l.Address, "transport", l.Transport, "udp", l.UDP, "tcp", l.TCP,
			"dropped", l.Dropped, "shed", l.Shed, "overflowed", l.Overflowed, "unsent", l.Unsent, "panics", l.Panics,
			"accepted", l.Accepted, "evicted", l.Evicted, "failed_handshakes", l.FailedHandshakes)
	}
	if st := s.limited.status(); st != (LimitedStatus{}) {
		s.options.Log.Info("queries over server.rate_limit", "truncated", st.Truncated, "dropped", st.Dropped)
	}
}

// drain waits for the end of ctx and gives the queries under way their time, until
// all are done.
func (s *Server) drain(ctx context.Context, done <-chan struct{}) error {
	<-ctx.Done()
	s.draining.Store(true)
	limit := s.resolver.current.Load().config.Server.Drain
	s.options.Log.Info("stopping: finishing the queries under way", "at_most", limit)
	select {
	case <-done:
	case <-time.After(limit):
		s.closeListeners()
	}
	return nil
}

// reloadOnSignal reloads on each SIGHUP, and reopens the query log, which is
// how log rotation says that it has moved the file.
func (s *Server) reloadOnSignal(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.hangups:
			if err := s.log.Reopen(); err != nil {
				s.options.Log.Error(err.Error())
			}
			s.reload("SIGHUP")
		}
	}
}
