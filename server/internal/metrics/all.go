package metrics

// All is every metric there is, in the order in which they are written. README.md, beside
// this file, has the same for those who look at them.
var All = []Metric{
	{"splitdns_build_info", "gauge", "What is running; always 1.", []string{"version", "goversion"}},
	{"splitdns_config_info", "gauge", "The configuration in force; always 1.", []string{"digest", "edition"}},

	{"splitdns_queries_total", "counter", "Queries that were treated, by how they came.", []string{"transport"}},
	{"splitdns_responses_total", "counter", "What queries were answered with; none is silence.", []string{"rcode"}},
	{"splitdns_answers_total", "counter", "Where answers came from.", []string{"source"}},
	{"splitdns_rule_queries_total", "counter", "Queries for names that a rule matched, by the rule that settled the most.", []string{"rule"}},
	{"splitdns_verdicts_total", "counter", "What the addresses of answers were found to be, for names that a rule matched.", []string{"rule", "verdict"}},
	{"splitdns_rule_acts_total", "counter", "Answers that a rule gave or changed, and how.", []string{"rule", "act"}},

	{"splitdns_queries_dropped_total", "counter", "Queries left unanswered: over server.queries_in_flight, or too long.", []string{"listener"}},
	{"splitdns_queries_shed_total", "counter", "Of these, the ones that had waited longest when another query needed the place.", []string{"listener"}},
	{"splitdns_queries_limited_total", "counter", "Queries over server.rate_limit, and what became of them.", []string{"result"}},
	{"splitdns_packets_overflowed_total", "counter", "Packets that the system had no room for before they were read.", []string{"listener"}},
	{"splitdns_responses_unsent_total", "counter", "Responses that could not be sent.", []string{"listener"}},
	{"splitdns_panics_total", "counter", "Queries that a mistake in the program left unanswered.", []string{"listener"}},
	{"splitdns_internal_errors_total", "counter", "Queries answered with SERVFAIL because of a mistake in the program.", nil},
	{"splitdns_connections", "gauge", "TCP connections that are open, also those with TLS on them.", []string{"listener"}},
	{"splitdns_connections_accepted_total", "counter", "TCP connections that were accepted.", []string{"listener"}},
	{"splitdns_connections_evicted_total", "counter", "TCP connections that were closed to make room for others.", []string{"listener"}},
	{"splitdns_failed_handshakes_total", "counter", "TLS handshakes with clients that failed.", []string{"listener"}},

	{"splitdns_queries_in_flight", "gauge", "Queries that wait for an upstream.", nil},
	{"splitdns_queries_in_flight_limit", "gauge", "How many may: server.queries_in_flight.", nil},
	{"splitdns_flight_questions", "gauge", "Different questions that upstreams are being asked.", nil},
	{"splitdns_flight_waiters", "gauge", "Queries that wait for the answers to these.", nil},

	{"splitdns_upstream_queries_total", "counter", "Questions that an upstream group was asked.", []string{"group"}},
	{"splitdns_upstream_answers_total", "counter", "Those that it answered.", []string{"group"}},
	{"splitdns_upstream_errors_total", "counter", "Those that failed: without an answer, or with SERVFAIL or REFUSED.", []string{"group"}},
	{"splitdns_upstream_rtt_seconds", "histogram", "How long its answers took.", []string{"group"}},
	{"splitdns_upstream_private_addresses_total", "counter", "Private addresses that were removed from its answers.", []string{"group"}},
	{"splitdns_upstream_server_up", "gauge", "1, or 0 while the server is left out because it was silent.", []string{"group", "server"}},
	{"splitdns_upstream_server_rtt_seconds", "gauge", "How long its answers take, smoothed; none as long as that is not known.", []string{"group", "server"}},
	{"splitdns_upstream_server_queries_total", "counter", "Queries that were sent to the server.", []string{"group", "server"}},
	{"splitdns_upstream_server_timeouts_total", "counter", "Those without a response, or none in time.", []string{"group", "server"}},
	{"splitdns_upstream_server_errors_total", "counter", "Those that came to nothing otherwise: refused connections, malformed responses.", []string{"group", "server"}},

	{"splitdns_cache_entries", "gauge", "Answers in the cache.", nil},
	{"splitdns_cache_entries_limit", "gauge", "How many there may be: cache.entries.", nil},
	{"splitdns_cache_bytes", "gauge", "Memory that they take, about.", nil},
	{"splitdns_cache_bytes_limit", "gauge", "How much they may take: cache.memory.", nil},
	{"splitdns_cache_evictions_total", "counter", "Answers that made room for others.", nil},
	{"splitdns_cache_flushed_total", "counter", "Answers that a flush took.", nil},
	{"splitdns_cache_prefetched_total", "counter", "Answers that were asked for again before they expired.", nil},
	{"splitdns_finished_entries", "gauge", "Answers kept ready to send.", nil},
	{"splitdns_finished_bytes", "gauge", "Memory that they take, about.", nil},

	{"splitdns_reloads_total", "counter", "Reloads of the configuration: ok or refused.", []string{"result"}},
	{"splitdns_last_reload_ok", "gauge", "1, or 0 while the files hold a configuration that was refused.", nil},
	{"splitdns_last_reload_timestamp_seconds", "gauge", "When the configuration was last read.", nil},

	{"splitdns_subscription_ok", "gauge", "1, or 0 while the last try came to nothing: the old copy is in force.", []string{"zone"}},
	{"splitdns_subscription_copy_timestamp_seconds", "gauge", "When the copy in force was fetched; none without one.", []string{"zone"}},
	{"splitdns_subscription_last_success_timestamp_seconds", "gauge", "When it was last seen what is published, changed or not.", []string{"zone"}},
	{"splitdns_subscription_names", "gauge", "Names in the copy in force.", []string{"zone"}},
	{"splitdns_subscription_prefixes", "gauge", "Prefixes in the copy in force.", []string{"zone"}},
	{"splitdns_subscription_kept", "gauge", "Names and prefixes that are published no longer, and in force until remove_after.", []string{"zone"}},
	{"splitdns_subscription_pending", "gauge", "1 while a new copy waits in the shadow.", []string{"zone"}},
	{"splitdns_subscription_fetches_total", "counter", "Tries to fetch.", []string{"zone"}},
	{"splitdns_subscription_refused_total", "counter", "Copies that were fetched and refused.", []string{"zone"}},
	{"splitdns_subscription_errors_total", "counter", "Tries that came to nothing, and why.", []string{"zone", "kind"}},

	{"splitdns_feed_fetches_total", "counter", "Fetches of address feeds: new, or same as the client had, or an empty list, which it did not get.", []string{"rule", "list", "result"}},
	{"splitdns_feed_refused_total", "counter", "Fetches of address feeds that were refused, and because of what.", []string{"reason"}},
	{"splitdns_feed_addresses", "gauge", "Addresses that are remembered for address feeds.", nil},
	{"splitdns_feed_lost_total", "counter", "Sightings of such addresses that there was no room for.", nil},

	{"splitdns_certificate_not_after_seconds", "gauge", "When the certificate of tls.certificate expires; none without one.", nil},

	{"splitdns_querylog_written_total", "counter", "Entries of the query log that were written.", nil},
	{"splitdns_querylog_dropped_total", "counter", "Entries of the query log that were lost.", nil},

	{"splitdns_drift_addresses", "gauge", "Addresses that were seen outside the published ranges, as far as they are remembered.", []string{"zone"}},
	{"splitdns_drift_names", "gauge", "Names that were seen and that no row covers, as far as they are remembered.", []string{"kind"}},
	{"splitdns_drift_lost_total", "counter", "Sightings of such addresses and names that there was no room for.", nil},
	{"splitdns_shadow_answers_total", "counter", "Answers that were judged by zones.shadow, too.", nil},
	{"splitdns_shadow_differences_total", "counter", "Those that it would have judged or answered otherwise.", []string{"zone", "active", "shadow"}},

	{"go_goroutines", "gauge", "Goroutines that exist.", nil},
	{"go_gc_cycles_total", "counter", "Collections of garbage.", nil},
	{"go_memory_heap_bytes", "gauge", "Memory of objects, in use or not yet collected.", nil},
	{"go_memory_total_bytes", "gauge", "Memory that the Go runtime has from the system.", nil},
	{"process_start_time_seconds", "gauge", "When the program was started.", nil},
	{"process_cpu_seconds_total", "counter", "Time of processors used, by the program and by the system for it; Linux only.", nil},
	{"process_resident_memory_bytes", "gauge", "Memory of the process; Linux only.", nil},
	{"process_open_fds", "gauge", "Files and sockets that are open; Linux only.", nil},
}
