package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net/netip"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// reload reads the configuration again and puts it in force, if it is good.
// Queries under way finish with the one they began with; the cache stays.
//
// The old one and the new one are in memory together.
func (s *Server) reload(why string) reloaded {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	defer giveBack(allocated())
	c, files, problems := s.load(s.options.Load)
	if c != nil && why == fileChanged && c.Digest == s.resolver.current.Load().config.Digest {
		s.tried = files
		s.reverted(c) // or touched, or written with the same content
		return reloaded{ok: true}
	}
	return s.take(why, c, files, problems)
}

// take puts a configuration that was just read in force, if it is good. The caller holds s.reloading.
func (s *Server) take(why string, c *config.Config, files []config.File, problems tomlfile.Problems) reloaded {
	old := s.resolver.current.Load()
	s.tried = files
	if c != nil {
		if err := s.replace(old, c); err != nil {
			problems.Add(tomlfile.Problem{File: c.Path, Text: err.Error()})
		}
	}
	if c == nil || problems.Errors() {
		s.refuse(why, problems, old.config)
		return reloaded{problems: problems}
	}
	s.refused = ""
	s.reloads.add("")
	s.reportProblems(problems)
	restart := needRestart(s.started, c)
	for _, key := range restart {
		s.options.Log.Warn(key + restartNote)
	}
	s.options.Log.Info("reloaded: "+s.Summary(), append([]any{"why", why}, s.newCertificate(old.config, c)...)...)
	return reloaded{ok: true, problems: problems, restart: restart}
}

// newCertificate is the end of the validity of the certificate in use as fields of the log, if c has another than old.
func (s *Server) newCertificate(old, c *config.Config) []any {
	end := s.notAfter()
	if end.IsZero() || isSameLeaf(old.TLS.Certificate, c.TLS.Certificate) {
		return nil
	}
	return []any{"certificate_until", end.UTC().Format(time.RFC3339)}
}

// isSameLeaf reports whether clients see the same certificate.
func isSameLeaf(a, b *tls.Certificate) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Leaf.Equal(b.Leaf)
}

// restartNote is what is said of a key that a reload cannot follow.
const restartNote = " has changed: this takes effect when the server is started again"

// worthGivingBack is how much a load must have allocated, in octets, before memory is
// given back. Large lists leave so much behind that the collector, which waits for the
// memory in use to double, would hardly ever look; what others leave is not worth a
// collection.
const worthGivingBack = 16 << 20

// allocated is how many octets the program has ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// giveBack gives memory back to the system that is no longer in use, if much was
// allocated since before.
func giveBack(before uint64) {
	if allocated()-before > worthGivingBack {
		debug.FreeOSMemory()
	}
}

// refuse reports problems that keep c in force. Who did not ask for a reload hears
// the same problems once. The caller holds s.reloading.
func (s *Server) refuse(why string, problems tomlfile.Problems, c *config.Config) {
	text := problems.String()
	if why == fileChanged && text == s.refused {
		return
	}
	s.refused = text
	s.reloads.add(firstError(problems))
	s.reportProblems(problems)
	s.options.Log.Error("reload refused, the old configuration stays in force",
		"why", why, "problems", countErrors(problems), "config", c.Digest)
}

// reverted reports that the files say what is in force, c, if they did not at the
// last look. The caller holds s.reloading.
func (s *Server) reverted(c *config.Config) {
	if s.refused != "" {
		s.options.Log.Info("the configuration on disk is again the one in force", "config", c.Digest)
		s.reloads.add("")
	}
	s.refused = ""
}

// load reads the configuration. Files that make the program panic are a problem
// like others: the server goes on with what it has.
func (s *Server) load(read func() (*config.Config, []config.File, tomlfile.Problems)) (c *config.Config, files []config.File, problems tomlfile.Problems) {
	defer func() {
		if p := recover(); p != nil {
			c, files = nil, present(s.tried)
			problems = tomlfile.Problems{{Text: fmt.Sprintf("reading the configuration: internal error: %v", p)}}
		}
	}()
	return read()
}

// firstError is the first problem that is more than a warning.
func firstError(problems tomlfile.Problems) string {
	for _, p := range problems {
		if !p.Warning {
			return p.String()
		}
	}
	return "no configuration" // never: what is refused has a problem
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
	next := newSnapshot(s.designating(c), s.local)
	next.generation = old.generation + 1
	next.rates = next.rates.or(old.rates)
	if next.shadow != nil && old.shadow != nil && c.Digest == old.config.Digest {
		next.shadow.seen = old.shadow.seen // the machine's networks have changed, and nothing else
	}
	have := old.upstreams
	if s.options.Demo && c.Digest != old.config.Digest {
		have = nil // the simulated internet is made of the zones
	}
	if err := next.connect(s.allAddrs(), have, s.dialer(c)); err != nil {
		return err
	}
	s.countGroups(next)
	s.followSets(c) // before the first query needs them
	s.followObserved(c)
	s.resolver.current.Store(next)
	s.followFeeds(c)
	for name, g := range old.upstreams {
		if next.upstreams[name] != g {
			s.replaced.add(g, 2*g.config.Timeout+old.config.Server.TCPIdle)
		}
	}
	return nil
}

// replacedGroups are upstream groups that a reload has replaced. Queries that began with
// them may finish. It is safe for concurrent use.
type replacedGroups struct {
	mu     sync.Mutex // guards groups
	groups map[*group]*time.Timer
}

// add adds g until all its queries must have ended: those that wait for a place over TCP
// have yet to begin.
func (r *replacedGroups) add(g *group, by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.groups == nil {
		r.groups = make(map[*group]*time.Timer)
	}
	r.groups[g] = time.AfterFunc(by, func() {
		g.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.groups, g)
	})
}

// close ends all queries.
func (r *replacedGroups) close() {
	r.mu.Lock()
	groups := maps.Clone(r.groups)
	r.mu.Unlock()
	for g, timer := range groups {
		timer.Stop()
		g.Close()
	}
}

// withoutNames returns a copy of c that does not keep large lists in memory.
func withoutNames(c *config.Config) *config.Config {
	other := *c
	other.Zones, other.Pending, other.Policy, other.Local, other.Shadow = nil, nil, nil, nil, nil
	return &other
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
	add("server.control", old.Server.Control == c.Server.Control)
	add("server.queries_in_flight", old.Server.QueriesInFlight == c.Server.QueriesInFlight)
	add("server.tcp_connections", old.Server.TCPConnections == c.Server.TCPConnections)
	add("server.tcp_idle", old.Server.TCPIdle == c.Server.TCPIdle)
	add("server.udp_hold", old.Server.UDPHold == c.Server.UDPHold)
	add("tls.listen", slices.Equal(old.TLS.Listen, c.TLS.Listen))
	add("tls.https", slices.Equal(old.TLS.HTTPS, c.TLS.HTTPS))
	add("cache.entries", old.Cache.Entries == c.Cache.Entries)
	add("cache.memory", old.Cache.Memory == c.Cache.Memory)
	add("log.queries", old.Log == c.Log)
	add("http.listen", slices.Equal(old.HTTP.Listen, c.HTTP.Listen))
	return keys
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
