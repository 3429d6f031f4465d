package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"splitdns/server/internal/metrics"
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
	LastOK  bool      `json:"last_ok"` // also while there was none
}

// ListenerStatus is what a listener has done. For the counts see package listen.
type ListenerStatus struct {
	Address     string `json:"address"`
	UDP         uint64 `json:"udp"`
	TCP         uint64 `json:"tcp"`
	Dropped     uint64 `json:"dropped"`
	Overflowed  uint64 `json:"overflowed"`
	Unsent      uint64 `json:"unsent"`
	Panics      uint64 `json:"panics"`
	Connections int    `json:"connections"`
	Accepted    uint64 `json:"accepted"`
	Evicted     uint64 `json:"evicted"`
}

// QueryStatus is queries under way, and those that were answered.
type QueryStatus struct {
	InFlight int               `json:"in_flight"`
	Limit    int               `json:"limit"`
	Sources  map[string]uint64 `json:"sources"` // how many were answered from where
}

// CacheStatus is how full the cache is.
type CacheStatus struct {
	Entries       int    `json:"entries"`
	EntriesLimit  int    `json:"entries_limit"`
	Bytes         int64  `json:"bytes"`
	BytesLimit    int64  `json:"bytes_limit"`
	Evicted       uint64 `json:"evicted"`
	Flushed       uint64 `json:"flushed"`
	Finished      int    `json:"finished"` // answers kept ready to send
	FinishedBytes int64  `json:"finished_bytes"`
}

// UpstreamStatus is an upstream group.
type UpstreamStatus struct {
	Group    string         `json:"group"`
	Servers  []ServerStatus `json:"servers"`
	Queries  uint64         `json:"queries"`
	Answered uint64         `json:"answered"`
	Failed   uint64         `json:"failed"`
	RTT      float64        `json:"rtt_ms"` // in the mean
}

// ServerStatus is one server of an upstream group. What the group knows of its servers
// belongs here.
type ServerStatus struct {
	Address string `json:"address"`
}

// QueryLogStatus counts entries of the query log.
type QueryLogStatus struct {
	Written uint64 `json:"written"`
	Dropped uint64 `json:"dropped"`
}

// Status says how s is doing. The figures are read one after the other.
func (s *Server) Status() Status {
	now := s.resolver.current.Load()
	st := Status{
		Version: s.options.Version, Started: s.opened, Now: time.Now(), Ready: !s.draining.Load(),
		Config:    ConfigStatus{File: now.config.Path, Digest: now.config.Digest, Edition: now.config.Edition},
		Reloads:   s.reloads.status(),
		Queries:   QueryStatus{InFlight: s.inFlight.UnderWay(), Limit: s.inFlight.Limit(), Sources: map[string]uint64{}},
		Cache:     s.cacheStatus(),
		Upstreams: upstreamStatus(now, s.book.Groups()),
		QueryLog:  QueryLogStatus{Written: s.log.Written(), Dropped: s.log.Dropped()},
	}
	for _, l := range s.listeners {
		c := l.Stats()
		st.Listeners = append(st.Listeners, ListenerStatus{
			Address: l.Addr().String(), UDP: c.UDP, TCP: c.TCP, Dropped: c.Dropped, Overflowed: c.Overflowed, Unsent: c.Unsent,
			Panics: c.Panics, Connections: c.Connections, Accepted: c.Accepted, Evicted: c.Evicted,
		})
	}
	s.book.Each(func(_ string, k metrics.Kind, n uint64) { st.Queries.Sources[k.Source] += n })
	return st
}

// status is what r has counted.
func (r *reloads) status() ReloadStatus {
	st := ReloadStatus{OK: r.ok.Load(), Refused: r.refused.Load(), LastOK: true}
	if last := r.last.Load(); last != nil {
		st.Last, st.LastOK = last.at, last.ok
	}
	return st
}

// cacheStatus is how full the cache is. Its limits are those of the start.
func (s *Server) cacheStatus() CacheStatus {
	held, limits := s.resolver.cache.Stats(), s.started.Cache
	st := CacheStatus{
		Entries: held.Entries, EntriesLimit: limits.Entries, Bytes: held.Octets, BytesLimit: limits.Memory, Evicted: held.Evicted,
		Flushed: s.flushed.Load(),
	}
	st.Finished, st.FinishedBytes = s.resolver.finished.stats()
	return st
}

// upstreamStatus is the groups of a snapshot, with what was counted for each name.
func upstreamStatus(now *snapshot, counted map[string]metrics.Exchanged) []UpstreamStatus {
	var all []UpstreamStatus
	for _, name := range slices.SortedFunc(maps.Keys(now.upstreams), strings.Compare) {
		x := counted[name]
		st := UpstreamStatus{Group: name, Queries: x.Begun, Answered: x.Answered, Failed: x.Failed}
		for _, server := range now.upstreams[name].config.Servers {
			st.Servers = append(st.Servers, ServerStatus{Address: server.String()})
		}
		if x.Answered > 0 {
			st.RTT = x.Took.Sum.Seconds() * 1000 / float64(x.Answered)
		}
		all = append(all, st)
	}
	return all
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
