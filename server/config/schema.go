package config

import "splitdns/zones/tomlfile"

// schema is every table and key of the configuration, in the order in which
// config.example.toml shows them.
var schema = tomlfile.Schema{
	{Table: "server", Keys: []string{
		"listen", "allow", "admins", "annotate", "pin_families", "nat64", "hide_identity",
		"queries_in_flight", "tcp_connections", "tcp_idle", "drain", "udp_size",
	}},
	{Table: "cache", Keys: []string{"entries", "max_ttl", "max_negative_ttl"}},
	{Table: "upstream.*", Keys: []string{"servers", "timeout"}},
	{Table: "client.*", Keys: []string{"addresses"}},
	{Table: "zones", Keys: []string{"edition"}},
	{Table: "zone.*", Keys: []string{"names", "prefixes", "ports", "file", "format"}},
	{Table: "rule.*", Keys: []string{"zones", "names", "clients", "log", "tags", "pin", "upstream", "answer", "max_ttl"}},
	{Table: "log", Keys: []string{"queries"}},
	{Table: "http", Keys: []string{"listen"}},
}
