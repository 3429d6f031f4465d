package server

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unsafe"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/internal/drift"
	"splitdns/server/internal/listen"
	"splitdns/server/internal/nftset"
	"splitdns/server/internal/querylog"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
	"splitdns/zones/tomlfile"
)

// Dialer makes an upstream group of its configuration.
type Dialer = dialer

// Bench is a Server without sockets: packets are given to it by hand, time may
// be that of a synctest bubble, and everything it writes is kept.
type Bench struct {
	*Server

	entries, messages bytes.Buffer
	next              *config.Config // what the next reload reads
	problems          tomlfile.Problems
}

// NewBench returns a server on c whose upstream groups dial makes.
func NewBench(c *config.Config, dial Dialer) (*Bench, error) {
	first := newSnapshot(c, localPrefixes)
	return newBench(first, dial)
}

// Again returns a server on the same configuration, already compiled, that has
// seen nothing yet.
func (b *Bench) Again(dial Dialer) (*Bench, error) {
	first := *b.resolver.current.Load()
	first.upstreams, first.rates = map[string]*group{}, newRates(first.config.Server.RateLimit)
	if first.shadow != nil {
		again := *first.shadow
		again.seen = &shadowSeen{names: drift.NewMemory(roomDiffering)}
		first.shadow = &again
	}
	return newBench(&first, dial)
}

// newBench finishes a server that begins with first.
func newBench(first *snapshot, dial Dialer) (*Bench, error) {
	if err := first.connect(nil, nil, dial); err != nil {
		return nil, err
	}
	b := &Bench{next: first.config}
	b.Server = &Server{
		resolver: newResolver(first, "test", time.Now), inFlight: listen.NewLimiter(10), started: first.config, dial: dial, local: slices.Clone(localPrefixes),
		options: Options{
			Load: func() (*config.Config, []config.File, tomlfile.Problems) { return b.next, nil, b.problems },
			Log:  slog.New(slog.NewTextHandler(&b.messages, nil)),
		},
	}
	b.feeds = b.newKeeper()
	b.countGroups(first)
	b.useFirewall(nil)
	b.followObserved(first.config)
	b.ObservedSince(time.Now().Add(-24 * time.Hour))
	var err error
	if b.http, err = openHTTP(b.Server, nil); err != nil {
		return nil, err
	}
	b.log, err = querylog.Open("stdout", &b.entries, func(string) {})
	return b, err
}

// Firewall puts addresses into sets.
type Firewall = firewall

// useFirewall has b put addresses into the sets of what f makes, nftables if it is nil.
func (b *Bench) useFirewall(f func(nftset.Options) firewall) {
	b.options.firewall = f
	b.sets = b.newSets()
	b.resolver.sets = b.sets
	b.followSets(b.resolver.current.Load().config)
}

// ObservedSince has addresses be observed since a time.
func (b *Bench) ObservedSince(at time.Time) { b.resolver.feeds.Begin(at) }

// UseFirewall has b put addresses into the sets of what f makes.
func (b *Bench) UseFirewall(f func(nftset.Options) Firewall) { b.useFirewall(f) }

// UseDemoSets has b do with sets what a demonstration does.
func (b *Bench) UseDemoSets() {
	b.useFirewall(func(o nftset.Options) firewall { return newDemoSets(o) })
}

// FirewallIsReal reports whether a server with options o uses nftables.
func FirewallIsReal(o Options) bool {
	_, demo := (&Server{options: o}).newSets().(*demoSets)
	return !demo
}

// SetsReport is what `splitdns sets` is told.
func (b *Bench) SetsReport(set string) (SetsReport, error) { return b.setsReport(set) }

// FaultySets is what is said of sets after a reload.
func (b *Bench) FaultySets() []string { return b.faultySets() }

// Begin gives b one packet, and respond the response whenever there is one.
func (b *Bench) Begin(packet []byte, from Peer, respond func([]byte)) {
	response, later := b.serve(nil, packet, from)
	if later == nil {
		respond(response)
		return
	}
	later(responder(respond))
	b.sendDue()
}

// responder takes the response to a query that had to wait.
type responder func([]byte)

// Respond asks for the response.
func (r responder) Respond(answer func(dst []byte) []byte) { r(answer(nil)) }

// WithFirewall is o with what f makes in place of nftables.
func (o Options) WithFirewall(f func(nftset.Options) Firewall) Options {
	o.firewall = f
	return o
}

// Serve answers one packet from client, however long that takes.
func (b *Bench) Serve(packet []byte, client netip.Addr, tcp bool) []byte {
	return b.ServeFrom(packet, listen.Peer{Addr: netip.AddrPortFrom(client, 4242), TCP: tcp, At: time.Now()})
}

// asker takes the response to a query that had to wait; there must be one.
type asker chan []byte

// Respond asks for the response.
func (c asker) Respond(answer func(dst []byte) []byte) { c <- answer(nil) }

// Now answers one packet from client if that needs no waiting, behind dst.
func (b *Bench) Now(dst, packet []byte, client netip.Addr) ([]byte, bool) {
	response, later := b.serve(dst, packet, listen.Peer{Addr: netip.AddrPortFrom(client, 4242), At: time.Now()})
	return response, later == nil
}

// Fast answers one packet from client with a finished answer, if there is one.
func (b *Bench) Fast(dst, packet []byte, client netip.Addr, tcp bool) ([]byte, bool) {
	return b.FastFrom(dst, packet, listen.Peer{Addr: netip.AddrPortFrom(client, 4242), TCP: tcp, At: time.Now()})
}

// Peer is where a query came from.
type Peer = listen.Peer

// FastFrom is Fast for any way of coming.
func (b *Bench) FastFrom(dst, packet []byte, from Peer) ([]byte, bool) {
	return b.fast(dst, b.resolver.current.Load(), packet, from)
}

// ServeFrom is Serve for any way of coming.
func (b *Bench) ServeFrom(packet []byte, from Peer) []byte {
	response, later := b.serve(nil, packet, from)
	if later == nil {
		return response
	}
	c := make(asker, 1)
	later(c)
	b.sendDue()
	return <-c
}

// ServeOrdinary is ServeFrom without finished answers.
func (b *Bench) ServeOrdinary(packet []byte, from Peer) []byte {
	finished := b.resolver.finished
	defer func() { b.resolver.finished = finished }()
	b.resolver.finished = newFinishedTable(1, 0)
	return b.ServeFrom(packet, from)
}

// Entries ends the query log and returns its lines.
func (b *Bench) Entries() string {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.log.Run(ctx); err != nil {
		return err.Error()
	}
	return b.entries.String()
}

// Messages returns what was said to the administrator.
func (b *Bench) Messages() string { return b.messages.String() }

// Reload reloads as for SIGHUP; the new configuration is c, with problems.
func (b *Bench) Reload(c *config.Config, problems tomlfile.Problems) {
	b.next, b.problems = c, problems
	b.reload("SIGHUP")
}

// SetLocal changes what "local" in server.allow means.
func (b *Bench) SetLocal(networks ...netip.Prefix) { b.setLocal(networks) }

// Resolver is the server's.
func (b *Bench) Resolver() *Resolver { return b.resolver }

// Digest is that of the configuration in force.
func (b *Bench) Digest() string { return b.resolver.current.Load().config.Digest }

// CacheLen is the number of entries in the cache.
func (b *Bench) CacheLen() int { return b.resolver.cache.Len() }

// FinishedOctets is how much memory finished answers take, with the table of them.
func (b *Bench) FinishedOctets() int64 {
	t := b.resolver.finished
	return t.octets + int64(len(t.slots))*int64(unsafe.Sizeof(t.slots[0]))
}

// FinishedLen is how many finished answers there are.
func (b *Bench) FinishedLen() int { return b.resolver.finished.kept }

// Replaced is how many upstream groups wait for the last of their queries.
func (b *Bench) Replaced() int {
	b.replaced.mu.Lock()
	defer b.replaced.mu.Unlock()
	return len(b.replaced.groups)
}

// CloseUpstreams closes all upstream groups, as the end of the server does.
func (b *Bench) CloseUpstreams() {
	b.replaced.close()
	b.resolver.current.Load().close()
}

// IsSpecial reports whether name is one that never leaves, where no rule matches.
func (b *Bench) IsSpecial(name matcher.Name) bool {
	return b.resolver.current.Load().special(name, policy.Decision{}) != nil
}

// Drain marks the server as stopping.
func (b *Bench) Drain() { b.draining.Store(true) }

// HTTP is the HTTP service, with the listen addresses that it knows.
func (b *Bench) HTTP(addrs ...netip.AddrPort) (handler http.Handler, closeHTTP func(), err error) {
	b.http, err = openHTTP(b.Server, addrs)
	if err != nil {
		return nil, nil, err
	}
	return b.http.server.Handler, b.http.close, nil
}

// ServeHTTP serves the HTTP service until ctx is cancelled.
func (b *Bench) ServeHTTP(ctx context.Context) error {
	return b.http.serve(ctx, slog.New(slog.DiscardHandler))
}

// HTTPConns is the open connections of an HTTP service.
type HTTPConns = httpConns

// Watch is told of a connection's state.
func (h *HTTPConns) Watch(nc net.Conn, state http.ConnState) { h.watch(nc, state) }

// What clients of the HTTP service may have open.
const (
	HTTPMaxOwn   = httpMaxOwn
	HTTPMaxConns = httpMaxConns
)

// ControlFlush gives the flush of the control socket a body.
func (b *Bench) ControlFlush(body string) (code int, text string) {
	w := httptest.NewRecorder()
	b.controlFlush(w, httptest.NewRequest(http.MethodPost, "/v1/flush", strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// ControlReload asks the control socket for a reload.
func (b *Bench) ControlReload() string {
	w := httptest.NewRecorder()
	b.controlReload(w, httptest.NewRequest(http.MethodPost, "/v1/reload", nil))
	return w.Body.String()
}

// ControlDrift asks the control socket for a report.
func (b *Bench) ControlDrift(query string) (code int, text string) {
	w := httptest.NewRecorder()
	b.controlDrift(w, httptest.NewRequest(http.MethodGet, "/v1/drift?"+query, nil))
	return w.Code, w.Body.String()
}

// SmallDriftLog is a DriftLog on the configuration of b with little room.
func (b *Bench) SmallDriftLog() *DriftLog { return newDriftLog(b.resolver.current.Load(), 64) }

// Simulate makes the upstream groups of later configurations simulated ones.
func (b *Bench) Simulate() { b.options.Demo = true }

// BreakHTTP takes the sockets of the HTTP service away.
func BreakHTTP(s *Server) {
	for _, l := range s.http.listeners {
		l.Close()
	}
}

// For tests of single steps.
var (
	MissingFamily   = missingFamily
	NeedRestart     = needRestart
	SystemResolvers = systemResolvers
	IsSelf          = isSelf
	LocalNetworks   = localNetworks
	LocalPrefixes   = localPrefixes
	Texts           = texts
	ReverseAddress  = reverseAddress
	NewLimiter      = newLimiter
	DialUpstream    = dialUpstream(func() {}, nil)
)

// Limiter is for tests.
type Limiter = limiter

// Allow is allow.
func (l *limiter) Allow(client netip.Addr, now time.Time) bool { return l.allow(client, now) }

// NewRates returns rates for a limit in queries a second.
func NewRates(limit int) *rates { return newRates(limit) }

// Allow is allow.
func (r *rates) Allow(client netip.Addr, at time.Time) bool { return r.allow(client, at) }

// The limits of explanations.
const (
	ExplainRate  = explainRate
	ExplainBurst = explainBurst
)

// MaxPrefetches is how many answers are refreshed at once.
const MaxPrefetches = maxPrefetches

// FinishedTable is a table of finished answers, which are known by their numbers.
type FinishedTable struct{ t *finishedTable }

// NewFinishedTable returns a table beside a cache of that many entries and octets.
func NewFinishedTable(entries int, octets int64) FinishedTable {
	return FinishedTable{newFinishedTable(entries, octets)}
}

// Put keeps the answer m to q, of that number.
func (t FinishedTable) Put(q wire.Query, class policy.Class, generation uint64, until time.Duration, m wire.Message, number uint32) {
	t.t.put(&finished{
		Finished: wire.Response{Query: q, Message: m}.Finish(),
		hash:     t.t.hash(q.AppendKey(nil), class), class: class, generation: generation, until: until, limit: number,
	})
}

// Find returns the number of the answer to q.
func (t FinishedTable) Find(q wire.Query, class policy.Class, generation uint64, at time.Duration) (number uint32, ok bool) {
	if f := t.t.find(q.AppendKey(nil), class, generation, at); f != nil {
		return f.limit, true
	}
	return 0, false
}

// Octets is how much memory the answers take, as the table counts and as they say, and how much they may.
func (t FinishedTable) Octets() (counted, said, limit int64) {
	for i := range t.t.slots {
		if f := t.t.slots[i].Load(); f != nil {
			said += f.size()
		}
	}
	return t.t.octets, said, t.t.limit
}

// Message is the response to q that g stands for.
func (g Given) Message(q wire.Question) wire.Message {
	m, _, _ := g.answer(q, "")
	return m
}

// Config is the configuration in force.
func (b *Bench) Config() *config.Config { return b.resolver.current.Load().config }
