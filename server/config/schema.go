package config

import (
	"splitdns/server/policy"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// schema is every table and key of the configuration, in the order in which
// config.example.toml shows them.
var schema = tomlfile.Schema{
	{
		Table: "server",
		Keys: []string{
			"listen", "allow", "admins", "annotate", "pin_families", "nat64", "hide_identity", "control", "state", "keep_clients",
			"queries_in_flight", "tcp_connections", "tcp_idle", "drain", "udp_size", "udp_hold", "cookies", "rate_limit",
			"on_set_failure", "set_grace", "set_min",
		},
		Wants: map[string]string{
			"listen": `an address such as "127.0.0.1:53"`, "allow": `"local", an address or a prefix`,
			"admins": zones.WantPrefix, "nat64": "an IPv6 prefix", "control": "the path of a socket",
			"state": "the path of a folder",
		},
	},
	{
		Table: "tls",
		Keys:  []string{"listen", "https", "certificate", "key", "name"},
		Wants: map[string]string{
			"listen": `an address such as "192.0.2.1:853"`, "https": `an address such as "192.0.2.1:443"`,
			"certificate": "the path of a file", "key": "the path of a file", "name": `a name such as "dns.corp.example"`,
		},
	},
	{Table: "cache", Keys: []string{"entries", "memory", "max_ttl", "max_negative_ttl", "stale", "prefetch", "failure_ttl"}},
	{
		Table: "upstream.*", Keys: []string{"servers", "bootstrap", "ca", "strategy", "timeout", "private_answers"},
		Wants: map[string]string{
			"servers": `an address such as "192.0.2.53"`, "bootstrap": `an address such as "192.0.2.53"`,
			"ca": "the path of a file",
		},
	},
	{Table: "client.*", Keys: []string{"addresses"}, Wants: map[string]string{"addresses": zones.WantPrefix}},
	{Table: "zones", Keys: []string{"edition", "shadow"}, Wants: map[string]string{
		"edition": tomlfile.Alternatives(zones.Editions()), "shadow": tomlfile.Alternatives(zones.Editions()),
	}},
	{
		Table: "zone.*",
		Keys:  []string{"names", "prefixes", "ports", "file", "url", "format", "every", "remove_after", "max_loss", "shadow"},
		Wants: map[string]string{
			"names": zones.WantPattern, "prefixes": zones.WantPrefix, "ports": zones.WantPort, "file": "the path of a file",
			"url": `a URL such as "https://lists.example/zone.toml", the path of a file, or a list of them`,
		},
	},
	{
		Table: "local.*",
		Keys:  []string{"file", "format", "zone"},
		Wants: map[string]string{"file": "the path of a file", "zone": `a name such as "corp.example"`},
	},
	{
		Table: "rule.*",
		Keys:  []string{"zones", "names", "clients", "log", "tags", "pin", "sets", "set_addresses", "upstream", "answer", "max_ttl", "private_answers"},
		Wants: map[string]string{
			"zones": "the name of a zone", "names": zones.WantPattern, "clients": "the name of a client group",
			"pin": tomlfile.Alternatives(pinWords()), "upstream": "the name of an upstream group",
			"sets": `a set such as "inet filter mdm4"`, "answer": wantAnswer,
		},
	},
	{
		Table: "test.*",
		Keys:  []string{"query", "client", "answer", "chain", "want"},
		Wants: map[string]string{
			"query": `a name and a type, such as "www.corp.example A"`, "client": "an address", "answer": "an address", "chain": "a name",
		},
	},
	{Table: "test.*.want", Keys: wantKeys},
	{Table: "log", Keys: []string{"queries"}, Wants: map[string]string{"queries": `"stdout", "off" or a file`}},
	{
		Table: "http", Keys: []string{"listen", "feeds", "feed_token_file", "feed_keep"},
		Wants: map[string]string{
			"listen": `an address and port such as "127.0.0.1:9153"`, "feeds": zones.WantPrefix, "feed_token_file": "the path of a file",
		},
	},
}

// wantAnswer is what answer takes, as messages say it.
const wantAnswer = `"nxdomain", "nodata", "refused", "null", addresses or a CNAME target`

// pinWords are the values of pin, from safe to strict.
func pinWords() []string {
	var words []string
	for pin := policy.Observe; pin <= policy.Substitute; pin++ {
		words = append(words, pin.String())
	}
	return words
}
