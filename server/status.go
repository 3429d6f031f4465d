package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"splitdns/server/internal/listen"
	"splitdns/server/internal/metrics"
	"splitdns/server/internal/upstream"
)

// A Status is how a server is doing: what the control socket tells.
type Status struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Now     time.Time `json:"now"`
	Ready   bool      `json:"ready"` // not stopping

	Config    ConfigStatus     `json:"config"`
	Reloads   ReloadStatus     `json:"reloads"`
	Listeners []ListenerStatus `json:"listeners"`
	Queries   QueryStatus      `json:"queries"`
	Cache     CacheStatus      `json:"cache"`
	Upstreams []UpstreamStatus `json:"upstreams"` // by name
	QueryLog  QueryLogStatus   `json:"querylog"`
	Drift     DriftStatus      `json:"drift"`
	Shadow    *ShadowStatus    `json:"shadow,omitempty"`

	AddressFeeds  *AddressFeedStatus `json:"address_feeds,omitempty"` // nil: off
	Subscriptions []FeedStatus       `json:"subscriptions,omitempty"` // by zone
	Sets          *SetsStatus        `json:"sets,omitempty"`          // nil: no rule names any

	Certificate time.Time `json:"certificate_not_after,omitzero"` // the end of its validity, if there is one
}

// ConfigStatus is the configuration in force.
type ConfigStatus struct {
	File    string `json:"file"` // "" for the defaults
	Digest  string `json:"digest"`
	Edition string `json:"edition"`
}

// ReloadStatus counts reloads. Without any, Last is the zero time.
type ReloadStatus struct {
	OK      uint64    `json:"ok"`
	Refused uint64    `json:"refused"`
	Last    time.Time `json:"last,omitzero"`
	LastOK  bool      `json:"last_ok"`           // also while there was none
	Problem string    `json:"problem,omitempty"` // the first because of which the last was refused
}

// The transports of listeners.
const (
	overPlain = "plain" // UDP and TCP
	overTLS   = "tls"
	overHTTPS = "https"
)

// ListenerStatus is what a listener has done. For the counts see package listen.
type ListenerStatus struct {
	Address          string `json:"address"`
	Transport        string `json:"transport"` // "plain", "tls" or "https"
	UDP              uint64 `json:"udp"`
	TCP              uint64 `json:"tcp"` // or what runs over it
	Dropped          uint64 `json:"dropped"`
	Shed             uint64 `json:"shed"` // of those dropped
	Overflowed       uint64 `json:"overflowed"`
	Unsent           uint64 `json:"unsent"`
	Panics           uint64 `json:"panics"`
	Connections      int    `json:"connections"` // open now
	Accepted         uint64 `json:"accepted"`
	Evicted          uint64 `json:"evicted"`
	FailedHandshakes uint64 `json:"failed_handshakes"`
}

// QueryStatus is queries under way, and those that were answered.
type QueryStatus struct {
	InFlight int               `json:"in_flight"`
	Limit    int               `json:"limit"`
	Sources  map[string]uint64 `json:"sources"` // how many were answered from where

	RateLimit int           `json:"rate_limit"` // for each client in a second; 0: none
	Limited   LimitedStatus `json:"limited"`
}

// LimitedStatus counts the queries over server.rate_limit.
type LimitedStatus struct {
	Truncated uint64 `json:"truncated"` // sent to TCP
	Dropped   uint64 `json:"dropped"`   // left without an answer
}

// CacheStatus is how full the cache is.
type CacheStatus struct {
	Entries       int    `json:"entries"`
	EntriesLimit  int    `json:"entries_limit"`
	Bytes         int64  `json:"bytes"`
	BytesLimit    int64  `json:"bytes_limit"`
	Evicted       uint64 `json:"evicted"`
	Flushed       uint64 `json:"flushed"`
	Prefetched    uint64 `json:"prefetched"` // refreshed before they expired
	Finished      int    `json:"finished"`   // answers kept ready to send
	FinishedBytes int64  `json:"finished_bytes"`
}

// UpstreamStatus is an upstream group.
type UpstreamStatus struct {
	Group    string         `json:"group"`
	Servers  []ServerStatus `json:"servers"`
	Queries  uint64         `json:"queries"`
	Answered uint64         `json:"answered"`
	Failed   uint64         `json:"failed"`
	RTT      float64        `json:"rtt_ms"`  // in the mean
	Private  uint64         `json:"private"` // private addresses that were removed from its answers
}

// ServerStatus is one server of an upstream group. For the states and counts see
// [upstream.ServerState]; a simulated server has none of them.
type ServerStatus struct {
	Address  string    `json:"address"`        // as in the configuration
	State    string    `json:"state"`          // "ok", "resting", "probing"; "" if there is none
	Until    time.Time `json:"until,omitzero"` // the end of a rest
	RTT      float64   `json:"rtt_ms"`         // smoothed; 0: not known
	Queries  uint64    `json:"queries"`
	Answers  uint64    `json:"answers"`
	Timeouts uint64    `json:"timeouts"`
	Errors   uint64    `json:"errors"`
	Features []string  `json:"features"` // what sets it apart: "without EDNS", "lower case", "cookies"
}

// QueryLogStatus counts entries of the query log.
type QueryLogStatus struct {
	Written uint64 `json:"written"`
	Dropped uint64 `json:"dropped"`
}

// Status says how s is doing. The figures are read one after the other.
func (s *Server) Status() Status {
	now := s.resolver.current.Load()
	return Status{
		Version: s.options.Version, Started: s.opened, Now: time.Now(), Ready: !s.draining.Load(),
		Config:    ConfigStatus{File: now.config.Path, Digest: now.config.Digest, Edition: now.config.Edition},
		Reloads:   s.reloads.status(),
		Listeners: s.listenerStatus(),
		Queries:   s.queryStatus(now),
		Cache:     s.cacheStatus(),
		Upstreams: upstreamStatus(now, s.book.Groups()),
		QueryLog:  QueryLogStatus{Written: s.log.Written(), Dropped: s.log.Dropped()},
		Drift:     s.driftStatus(now),
		Shadow:    now.shadow.status(),

		AddressFeeds:  s.feedStatus(now),
		Subscriptions: s.feeds.Status(),
		Sets:          s.setsStatus(),

		Certificate: s.notAfter(),
	}
}

// listenerStatus is what each listener has done, the plain ones first.
func (s *Server) listenerStatus() []ListenerStatus {
	var all []ListenerStatus
	add := func(transport string, listeners []*listen.Listener) {
		for _, l := range listeners {
			c := l.Stats()
			all = append(all, ListenerStatus{
				Address: l.Addr().String(), Transport: transport, UDP: c.UDP, TCP: c.TCP,
				Dropped: c.Dropped, Shed: c.Shed, Overflowed: c.Overflowed, Unsent: c.Unsent, Panics: c.Panics,
				Connections: c.Connections, Accepted: c.Accepted, Evicted: c.Evicted, FailedHandshakes: c.Handshakes,
			})
		}
	}
	add(overPlain, s.listeners)
	add(overTLS, s.tls)
	add(overHTTPS, s.https)
	return all
}

// queryStatus is what becomes of queries.
func (s *Server) queryStatus(now *snapshot) QueryStatus {
	st := QueryStatus{
		InFlight: s.inFlight.UnderWay(), Limit: s.inFlight.Limit(), Sources: map[string]uint64{},
		RateLimit: now.config.Server.RateLimit, Limited: s.limited.status(),
	}
	s.book.Each(func(_ string, k metrics.Kind, n uint64) { st.Sources[k.Source] += n })
	return st
}

// status is what r has counted.
func (r *reloads) status() ReloadStatus {
	st := ReloadStatus{OK: r.ok.Load(), Refused: r.refused.Load(), LastOK: true}
	if last := r.last.Load(); last != nil {
		st.Last, st.LastOK, st.Problem = last.at, last.problem == "", last.problem
	}
	return st
}

// cacheStatus is how full the cache is. Its limits are those of the start.
func (s *Server) cacheStatus() CacheStatus {
	held, limits := s.resolver.cache.Stats(), s.started.Cache
	st := CacheStatus{
		Entries: held.Entries, EntriesLimit: limits.Entries, Bytes: held.Octets, BytesLimit: limits.Memory, Evicted: held.Evicted,
		Flushed: s.flushed.Load(), Prefetched: s.resolver.prefetched.Load(),
	}
	st.Finished, st.FinishedBytes = s.resolver.finished.stats()
	return st
}

// upstreamStatus is the groups of a snapshot, with what was counted for each name.
func upstreamStatus(now *snapshot, counted map[string]metrics.Exchanged) []UpstreamStatus {
	var all []UpstreamStatus
	for _, name := range slices.SortedFunc(maps.Keys(now.upstreams), strings.Compare) {
		x := counted[name]
		st := UpstreamStatus{
			Group: name, Queries: x.Begun, Answered: x.Answered, Failed: x.Failed, Private: x.Private,
			Servers: now.upstreams[name].serverStatus(),
		}
		if x.Answered > 0 {
			st.RTT = x.Took.Sum.Seconds() * 1000 / float64(x.Answered)
		}
		all = append(all, st)
	}
	return all
}

// serverStatus is how each server of g does, in the order of the configuration.
func (g *group) serverStatus() []ServerStatus {
	all := make([]ServerStatus, 0, len(g.config.Servers))
	known, ok := g.Exchanger.(interface{ Servers() []upstream.ServerState })
	if !ok { // simulated
		for _, s := range g.config.Servers {
			all = append(all, ServerStatus{Address: s.String(), Features: []string{}})
		}
		return all
	}
	for _, s := range known.Servers() {
		all = append(all, ServerStatus{
			Address: s.Name, State: s.State, Until: s.Until, RTT: s.RTT.Seconds() * 1000, Queries: s.Queries,
			Answers: s.Answers, Timeouts: s.Timeouts, Errors: s.Errors, Features: features(s),
		})
	}
	return all
}

// features says what sets s apart.
func features(s upstream.ServerState) []string {
	words := []string{}
	for _, f := range []struct {
		has  bool
		word string
	}{{s.WithoutEDNS, "without EDNS"}, {s.LowerCase, "lower case"}, {s.Cookies, "cookies"}} {
		if f.has {
			words = append(words, f.word)
		}
	}
	return words
}

// stats is how many answers are there, and how many octets they take.
func (t *finishedTable) stats() (answers int, octets int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept, t.octets
}

// controlStatus is `GET /v1/status`.
func (s *Server) controlStatus(w http.ResponseWriter, _ *http.Request) {
	writeControl(w, http.StatusOK, s.Status())
}
