// Package server answers DNS queries: it is the life of a query, from packet
// to packet.
//
//	parse -> decide -> known here -> cache -> upstream -> along the chain
//	      -> private addresses -> judge and pin -> tag -> sets -> answer -> log
//
// Known here are, in this order, a rule's answer, the local zones, and the special-use names, unless
// a rule states an upstream for them; what one of these answers is not judged. The target of
// a CNAME that stands there is looked for in the same order, a rule's answer apart. Private addresses are removed from what public
// servers say before a pin judges what is left.
//
// Two functions hold the whole way and are meant to be read first: serve
// (query.go) does parse, sets, answer and log, Resolve (resolve.go) the rest. Neither waits: a
// query for which an upstream must be asked is put aside and resolved once more with what
// that said, by whoever has read it. What
// the configuration says is a snapshot behind one atomic pointer, read once by
// each query, so a reload never mixes two configurations in one answer. What
// upstreams said lies in the cache as they said it; the policy is applied to
// it on the way out, which is why a reload keeps the cache and still takes
// effect on the next query. Keeping finished answers alone was turned down: it
// would make every reload a cold start.
//
// Where the cache has nothing that holds, an upstream is asked (fetch.go), and where that
// fails or takes long, clients get what has expired or the failure (stale.go). So policy
// applies to stale answers as well.
//
// Where rules name sets, no answer leaves before its addresses are there (sets.go). What is known to be
// there costs a look; else the query is put aside once more, with its outcome, until the firewall has
// them or has failed. Asking again afterwards what becomes of it was turned down: another answer, with
// other addresses, may lie in the cache by then.
//
// Most queries need none of it: what was asked before, by a client of the same
// class, is answered from finished octets (fast.go), which a reload makes void. The
// fast path has one door, in serve, and may refuse anything. Before it stands the limit of what
// a client may ask over UDP (rate.go).
//
// What is counted on the way lies in package metrics, the listeners and the upstream groups;
// status.go gathers it, and the control socket, /metrics (figures.go) and what is said at the end
// show nothing else, so that they agree.
//
// Where answers leave what is published, they are remembered (drift.go), and where there is a shadow, what it
// would have made of them (shadow.go): neither changes anything. Nor do address feeds (addressfeed.go), for
// which the addresses of answers are remembered: lists that other firewalls fetch over HTTP. The field feeds of
// a Server is something else, the lists that we fetch.
//
// What leaves over UDP leaves in batches. A reader that has handed on all that it read
// calls sendDue: the queries that were put off go to their upstreams (due), and answers
// that are known by then to their clients. A socket to an upstream that has given out all
// that it read calls flushResponses, and so does flushOpened for answers that have waited for sets. Whoever lets something wait otherwise calls the one
// or the other, or it stays.
//
// Explanations (explain.go) run the same steps on what is in the cache already
// and ask nobody.
//
// Package server starts and ends every goroutine of the program (run.go), but for
// those of queries and of the sockets to upstreams. Messages, sockets, the cache,
// upstreams and the query log are packages of their own below internal; what names
// and addresses mean is package policy.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"splitdns/server/config"
	"splitdns/server/internal/addressfeed"
	"splitdns/server/internal/cache"
	"splitdns/server/internal/cookie"
	"splitdns/server/internal/feed"
	"splitdns/server/internal/listen"
	"splitdns/server/internal/metrics"
	"splitdns/server/internal/nftset"
	"splitdns/server/internal/querylog"
	"splitdns/server/internal/sim"
	"splitdns/server/internal/statedir"
	"splitdns/zones/tomlfile"
)

// Options are what a Server needs besides its configuration.
type Options struct {
	// Load reads the configuration, at start and at each reload. Its problems
	// are reported; a nil Config keeps the one in force. A change of files, which
	// are all that it read or tried to read, as they were then, is a reload.
	Load func() (c *config.Config, files []config.File, problems tomlfile.Problems)
	// LoadCandidate is Load with the candidate for the copy of a zone in the place of its copy in force;
	// see package feed. Without it no subscription is followed.
	LoadCandidate func(zone string) (c *config.Config, files []config.File, problems tomlfile.Problems)
	// Demo replaces every upstream by the simulated internet of package sim.
	Demo bool
	// Version is what version.bind says.
	Version string
	// Stdout is where the query log goes if it goes to standard output.
	Stdout io.Writer
	// Log takes what an administrator should know.
	Log *slog.Logger
	// Now tells the time by which answers age, [time.Now] if it is nil. It never goes
	// back. How long something is waited for does not depend on it.
	Now func() time.Time

	firewall func(nftset.Options) firewall // nil: nftables
}

// Server is a running resolver.
type Server struct {
	options    Options
	started    *config.Config // what the sockets, the cache and the query log were opened with, without names
	resolver   *Resolver
	log        *querylog.Log
	listeners  []*listen.Listener // plain ones
	tls, https []*listen.Listener
	http       *httpServer
	control    *httpServer // on the control socket; nil without one
	dial       dialer
	hangups    chan os.Signal // SIGHUP, from Open on: its default would end the program
	leeway     []byte         // see there
	cookies    cookie.Secret
	limited    limited
	draining   atomic.Bool   // no longer ready: /readyz says so
	panicked   sync.Once     // the first panic of a query is reported
	failed     atomic.Uint64 // queries that a panic made fail
	replaced   replacedGroups
	book       metrics.Book // of what becomes of queries
	opened     time.Time
	reloads    reloads
	flushed    atomic.Uint64 // answers that a flush took
	inFlight   *listen.Limiter
	feeds      *feed.Keeper
	folders    statedir.Folders // of server.state
	sets       firewall
	setUse     setUse

	driftCounts  driftCounts
	feedRefusals feedRefusals

	reloading sync.Mutex     // guards what follows, and is held by whoever replaces the snapshot
	local     []netip.Prefix // what "local" in server.allow means now
	observed  observedState
	tried     []config.File // the files of the configuration that was last read, good or not
	refused   string        // the problems for which the last reload was refused; "" if it was not
}

// leeway is memory that counts as in use for the collector and is never touched, so that
// it is none. The collector lets as much garbage be as there is memory in use: with some
// megabytes, names that are not in the cache would have it run many times a second, which
// took a fifth of their time.
const leeway = 32 << 20

// Open reads the configuration and opens every socket. The error of a bad
// configuration is a *ConfigError that holds all problems.
func Open(o Options) (*Server, error) {
	spare := make([]byte, leeway) // first: what the heap has used before would have to be cleared
	defer giveBack(allocated())
	c, files, problems := o.Load()
	if c == nil {
		return nil, &ConfigError{problems}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		options: o, started: withoutNames(c), local: localNetworks(), tried: files, leeway: spare, cookies: cookie.NewSecret(),
		opened: time.Now(), inFlight: listen.NewLimiter(c.Server.QueriesInFlight),
	}
	s.dial = dialUpstream(s.flushResponses, s.reportUpstream)
	s.feeds = s.newKeeper()
	s.reportProblems(problems)
	first := newSnapshot(c, s.local)
	if err := first.connect(nil, nil, s.dialer(c)); err != nil {
		return nil, err
	}
	s.countGroups(first)
	s.resolver = newResolver(first, o.Version, o.Now)
	s.sets = s.newSets()
	s.resolver.sets = s.sets
	var err error
	s.log, err = querylog.Open(c.Log.Queries, o.Stdout, func(text string) { o.Log.Warn(text) })
	if err != nil {
		return nil, fmt.Errorf("log.queries: %w: give a file in a folder that exists and may be written to", err)
	}
	s.hangups = make(chan os.Signal, 1)
	signal.Notify(s.hangups, syscall.SIGHUP)
	if err := s.listen(c); err != nil {
		s.closeAll()
		return nil, errors.Join(err, s.closeLog())
	}
	first.config = s.designating(c) // nobody has asked yet
	s.followFeeds(c)
	s.followSets(c)
	s.followObserved(c)
	return s, nil
}

// dialer makes the upstream groups of c.
func (s *Server) dialer(c *config.Config) dialer {
	if s.options.Demo {
		return func(config.Upstream) Exchanger { return sim.New(c.Zones) }
	}
	return s.dial
}

// closeLog closes the query log of a server that was never run.
func (s *Server) closeLog() error {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	return s.log.Run(over)
}

// NewResolver returns a resolver for explanations that asks no upstream: what
// `splitdns explain` uses.
func NewResolver(c *config.Config) *Resolver {
	return newResolver(newSnapshot(c, localNetworks()), "", time.Now)
}

// newResolver returns a resolver that starts with s and an empty cache.
func newResolver(s *snapshot, version string, now func() time.Time) *Resolver {
	hostname, _ := os.Hostname() // unknown: the answer is empty
	r := &Resolver{
		cache: cache.New(s.config.Cache.Entries, s.config.Cache.Memory),
		limit: newLimiter(),
		now:   now,

		finished: newFinishedTable(s.config.Cache.Entries, s.config.Cache.Memory),
		about:    about{version: version, hostname: hostname},
		seen:     newSightings(now()),
		feeds:    addressfeed.New(),
	}
	r.current.Store(s)
	return r
}

// A ConfigError is a configuration that cannot be used.
type ConfigError struct {
	Problems tomlfile.Problems
}

// Error counts the problems that are no warnings; whoever prints them has them in Problems.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("the configuration has problems: %d", countErrors(e.Problems))
}

// listen opens the listeners of c.
func (s *Server) listen(c *config.Config) error {
	limits := listen.Limits{
		InFlight:    s.inFlight,
		Connections: c.Server.TCPConnections,
		Hold:        c.Server.UDPHold,
		Idle:        c.Server.TCPIdle,
		Overloaded:  s.overloaded,
		Now:         s.options.Now,
		Tally:       s.book.Open,
	}
	report := func(text string) { s.options.Log.Warn(text) }
	for _, addr := range c.Server.Listen {
		l, err := listen.Open(addr, limits, s.serve, s.sendDue, report)
		switch {
		case err == nil:
			s.listeners = append(s.listeners, l)
		case missingFamily(c.Server, addr, err):
			report(fmt.Sprintf("not listening on %s: this machine has no such address", addr))
		default:
			return err
		}
	}
	if len(s.listeners) == 0 {
		return errors.New("listening on no address: give server.listen or --listen")
	}
	limits.Hold = 0 // there is no UDP
	if err := s.listenEncrypted(c.TLS, limits); err != nil {
		return err
	}
	var err error
	if s.http, err = openHTTP(s, c.HTTP.Listen); err != nil {
		return err
	}
	s.control, err = openControl(s, c.Server.Control) // last: a second copy has been refused by now
	return err
}

// missingFamily reports whether the default [::1] failed because this machine
// has no IPv6, which is no reason not to serve IPv4.
func missingFamily(c config.Server, addr netip.AddrPort, err error) bool {
	return c.ListenByDefault && addr.Addr() == netip.IPv6Loopback() && listen.NoSuchAddress(err)
}

// Addrs returns the addresses listened on, with the ports that were chosen.
func (s *Server) Addrs() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, l := range s.listeners {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// all is every listener.
func (s *Server) all() []*listen.Listener { return slices.Concat(s.listeners, s.tls, s.https) }

// HTTPAddrs returns the addresses of the HTTP service.
func (s *Server) HTTPAddrs() []netip.AddrPort { return s.http.addrs() }

// Summary says in a line what the server runs on.
func (s *Server) Summary() string { return s.resolver.current.Load().summary() }

// reportProblems logs problems, each with its place.
func (s *Server) reportProblems(problems tomlfile.Problems) {
	for _, p := range problems {
		if p.Warning {
			s.options.Log.Warn(p.String())
			continue
		}
		s.options.Log.Error(p.String())
	}
}

// reportUpstream logs that an upstream server does not answer, or does again.
func (s *Server) reportUpstream(bad bool, text string) {
	if bad {
		s.options.Log.Warn(text)
		return
	}
	s.options.Log.Info(text)
}

// closeListeners cuts off whoever is still being answered.
func (s *Server) closeListeners() {
	for _, l := range s.all() {
		l.Close()
	}
}

// sendDue does what was put off while a reader handed on its queries: those to upstreams
// leave, and so do the responses to what has been answered or has failed already.
func (s *Server) sendDue() {
	if s.resolver.due.flush() {
		s.flushResponses()
	}
}

// flushResponses sends the responses that were left to be sent together.
func (s *Server) flushResponses() {
	for _, l := range s.listeners {
		l.Flush()
	}
}

// closeAll closes every socket and waits for queries to upstreams to end.
func (s *Server) closeAll() {
	signal.Stop(s.hangups)
	s.closeListeners()
	s.http.close()
	s.control.close()
	s.replaced.close()
	s.resolver.current.Load().close()
	s.folders.Unlock()
}
