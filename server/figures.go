package server

import (
	"cmp"
	"maps"
	"net/http"
	"runtime"
	"slices"

	"splitdns/server/internal/metrics"
	"splitdns/server/internal/upstream"
)

// metrics is `GET /metrics`, for everybody who reaches the HTTP service: it has nothing of clients
// and of what they look up.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	page := s.figures()
	w.Header().Set("Content-Type", metrics.ContentType)
	_, _ = w.Write(page.Text()) // who has gone meanwhile needs none
}

// figures are all figures of s. They come from its status, so that the two cannot differ in what
// they mean.
func (s *Server) figures() *metrics.Page {
	p, st := new(metrics.Page), s.Status()
	p.Add("splitdns_build_info", 1, st.Version, runtime.Version())
	p.Add("splitdns_config_info", 1, st.Config.Digest, st.Config.Edition)
	s.addQueries(p)
	for _, l := range st.Listeners {
		addListener(p, l)
	}
	p.Add("splitdns_internal_errors_total", float64(s.failed.Load()))
	p.Add("splitdns_queries_limited_total", float64(st.Queries.Limited.Truncated), "truncated")
	p.Add("splitdns_queries_limited_total", float64(st.Queries.Limited.Dropped), "dropped")
	s.addFlight(p, st.Queries)
	s.addUpstreams(p)
	for _, u := range st.Upstreams {
		addServers(p, u)
	}
	addCache(p, st.Cache)
	addReloads(p, st)
	addFeeds(p, st.Subscriptions)
	addSets(p, st.Sets)
	addAddressFeeds(p, st.AddressFeeds)
	if !st.Certificate.IsZero() {
		p.Add("splitdns_certificate_not_after_seconds", float64(st.Certificate.Unix()))
	}
	p.Add("splitdns_querylog_written_total", float64(st.QueryLog.Written))
	p.Add("splitdns_querylog_dropped_total", float64(st.QueryLog.Dropped))
	addDrift(p, st.Drift)
	s.resolver.shadowed.page(p)
	p.AddProcess(st.Started)
	return p
}

// sums adds up figures by their labels.
type sums map[[2]string]uint64

// add adds n to the figure with these labels.
func (s sums) add(n uint64, first, second string) { s[[2]string{first, second}] += n }

// write gives the sums to p, which takes that many labels for them.
func (s sums) write(p *metrics.Page, name string, labels int) {
	order := func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }
	for _, key := range slices.SortedFunc(maps.Keys(s), order) {
		p.Add(name, float64(s[key]), key[:labels]...)
	}
}

// addQueries adds what became of queries.
func (s *Server) addQueries(p *metrics.Page) {
	transports, rcodes, sources := sums{}, sums{}, sums{}
	rules, verdicts, acts := sums{}, sums{}, sums{}
	s.book.Each(func(transport string, k metrics.Kind, n uint64) {
		transports.add(n, transport, "")
		rcodes.add(n, k.Rcode, "")
		sources.add(n, k.Source, "")
		if k.Rule != "" {
			rules.add(n, k.Rule, "")
		}
		if k.Verdict != "" {
			verdicts.add(n, k.Rule, k.Verdict)
		}
		if k.Act != "" {
			acts.add(n, k.Rule, k.Act)
		}
	})
	transports.write(p, "splitdns_queries_total", 1)
	rcodes.write(p, "splitdns_responses_total", 1)
	sources.write(p, "splitdns_answers_total", 1)
	rules.write(p, "splitdns_rule_queries_total", 1)
	verdicts.write(p, "splitdns_verdicts_total", 2)
	acts.write(p, "splitdns_rule_acts_total", 2)
}

// addListener adds what a listener has done.
func addListener(p *metrics.Page, l ListenerStatus) {
	for name, n := range map[string]uint64{
		"splitdns_queries_dropped_total":      l.Dropped,
		"splitdns_queries_shed_total":         l.Shed,
		"splitdns_packets_overflowed_total":   l.Overflowed,
		"splitdns_responses_unsent_total":     l.Unsent,
		"splitdns_panics_total":               l.Panics,
		"splitdns_connections":                uint64(l.Connections),
		"splitdns_connections_accepted_total": l.Accepted,
		"splitdns_connections_evicted_total":  l.Evicted,
		"splitdns_failed_handshakes_total":    l.FailedHandshakes,
	} {
		p.Add(name, float64(n), l.Address)
	}
}

// addFlight adds the queries under way.
func (s *Server) addFlight(p *metrics.Page, q QueryStatus) {
	questions, waiters := s.resolver.flight.UnderWay()
	p.Add("splitdns_queries_in_flight", float64(q.InFlight))
	p.Add("splitdns_queries_in_flight_limit", float64(q.Limit))
	p.Add("splitdns_flight_questions", float64(questions))
	p.Add("splitdns_flight_waiters", float64(waiters))
}

// addUpstreams adds what upstream groups were asked, also those that a reload has taken away.
func (s *Server) addUpstreams(p *metrics.Page) {
	groups := s.book.Groups()
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		x := groups[name]
		p.Add("splitdns_upstream_queries_total", float64(x.Begun), name)
		p.Add("splitdns_upstream_answers_total", float64(x.Answered), name)
		p.Add("splitdns_upstream_errors_total", float64(x.Failed), name)
		p.Add("splitdns_upstream_private_addresses_total", float64(x.Private), name)
		p.AddHistogram("splitdns_upstream_rtt_seconds", x.Took, name)
	}
}

// addServers adds how the servers of a group in force do. One that is given twice is shown
// once: a page with two figures of the same labels is refused as a whole.
func addServers(p *metrics.Page, u UpstreamStatus) {
	seen := map[string]bool{}
	for _, s := range u.Servers {
		if s.State == "" || seen[s.Address] {
			continue
		}
		seen[s.Address] = true
		up := 1.0
		if s.State != upstream.StateOK {
			up = 0
		}
		p.Add("splitdns_upstream_server_up", up, u.Group, s.Address)
		if s.RTT > 0 {
			p.Add("splitdns_upstream_server_rtt_seconds", s.RTT/1000, u.Group, s.Address)
		}
		p.Add("splitdns_upstream_server_queries_total", float64(s.Queries), u.Group, s.Address)
		p.Add("splitdns_upstream_server_timeouts_total", float64(s.Timeouts), u.Group, s.Address)
		p.Add("splitdns_upstream_server_errors_total", float64(s.Errors), u.Group, s.Address)
	}
}

// addCache adds how full the cache is.
func addCache(p *metrics.Page, c CacheStatus) {
	p.Add("splitdns_cache_entries", float64(c.Entries))
	p.Add("splitdns_cache_entries_limit", float64(c.EntriesLimit))
	p.Add("splitdns_cache_bytes", float64(c.Bytes))
	p.Add("splitdns_cache_bytes_limit", float64(c.BytesLimit))
	p.Add("splitdns_cache_evictions_total", float64(c.Evicted))
	p.Add("splitdns_cache_flushed_total", float64(c.Flushed))
	p.Add("splitdns_cache_prefetched_total", float64(c.Prefetched))
	p.Add("splitdns_finished_entries", float64(c.Finished))
	p.Add("splitdns_finished_bytes", float64(c.FinishedBytes))
}

// addReloads adds how reloads went. The start counts as the first reading.
func addReloads(p *metrics.Page, st Status) {
	p.Add("splitdns_reloads_total", float64(st.Reloads.OK), "ok")
	p.Add("splitdns_reloads_total", float64(st.Reloads.Refused), "refused")
	ok, last := 0.0, st.Started
	if st.Reloads.LastOK {
		ok = 1
	}
	if !st.Reloads.Last.IsZero() {
		last = st.Reloads.Last
	}
	p.Add("splitdns_last_reload_ok", ok)
	p.Add("splitdns_last_reload_timestamp_seconds", float64(last.UnixMilli())/1000)
}

// addDrift adds what was seen that the zones in force do not say.
func addDrift(p *metrics.Page, d DriftStatus) {
	for _, zone := range slices.Sorted(maps.Keys(d.Addresses)) {
		p.Add("splitdns_drift_addresses", float64(d.Addresses[zone]), zone)
	}
	p.Add("splitdns_drift_names", float64(d.Near), "near")
	p.Add("splitdns_drift_names", float64(d.Uncovered), "uncovered")
	p.Add("splitdns_drift_lost_total", float64(d.Lost))
}
