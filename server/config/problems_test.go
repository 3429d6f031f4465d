package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
)

// bogus is what is said of every pin that changes answers.
const bogus = "clients that validate DNSSEC take a changed signed answer as bogus and get no address at all"

// mistake is a configuration, and all that is to be said about it.
type mistake struct {
	text string
	want []string
}

// check tries each mistake.
func check(t *testing.T, mistakes map[string]mistake) {
	t.Helper()
	for name, m := range mistakes {
		t.Run(name, func(t *testing.T) {
			cfg, problems := config.Parse("c.toml", []byte(m.text))
			if diff := cmp.Diff(m.want, lines(problems.String())); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if (cfg == nil) != problems.Errors() {
				t.Errorf("Config is nil: %v, problems beyond warnings: %v", cfg == nil, problems.Errors())
			}
		})
	}
}

// lines splits a text; an empty text has none.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSpace(text), "\n")
}

func TestServerProblems(t *testing.T) {
	check(t, map[string]mistake{
		"listen": {
			text: "[server]\nlisten = [\n 'localhost:53',\n ':53',\n '*:5300',\n 'dns.example',\n '127.0.0.1:99999',\n '10.0.0',\n '[::ffff:10.0.0.1]:53',\n '224.0.0.1:53',\n 'udp://127.0.0.1',\n '1.2.3.4:',\n]\n",
			want: []string{
				`c.toml:3: server.listen[0]: "localhost:53": a host name; write the address: "127.0.0.1:53" or "[::1]:53"`,
				`c.toml:4: server.listen[1]: ":53": every address of the machine is "0.0.0.0:53" and "[::]:53"`,
				`c.toml:5: server.listen[2]: "*:5300": every address of the machine is "0.0.0.0:5300" and "[::]:5300"`,
				`c.toml:6: server.listen[3]: "dns.example": a host name; write the address, such as "192.0.2.1:53"`,
				`c.toml:7: server.listen[4]: "127.0.0.1:99999": "99999" is no port; want a number up to 65535`,
				`c.toml:8: server.listen[5]: "10.0.0": an IPv4 address has 4 numbers, this has 3; want an address such as "192.0.2.1", "192.0.2.1:53" or "[2001:db8::1]:53"`,
				`c.toml:9: server.listen[6]: "[::ffff:10.0.0.1]:53": an IPv4-mapped address; write "10.0.0.1:53"`,
				`c.toml:10: server.listen[7]: "224.0.0.1:53": a multicast address`,
				`c.toml:11: server.listen[8]: "udp://127.0.0.1": only plain addresses are supported, such as "192.0.2.1" or "192.0.2.1:53"`,
				`c.toml:12: server.listen[9]: "1.2.3.4:": "" is no port; want a number up to 65535`,
			},
		},
		"listen twice": {
			text: "[server]\nlisten = ['127.0.0.1', '127.0.0.1:53', '0.0.0.0:53', '[::]:53', '127.0.0.1:0', '0.0.0.0:0']\n",
			want: []string{
				`c.toml:2: warning: server.listen[1]: "127.0.0.1:53" stands in this list twice, first as server.listen[0]`,
				`c.toml:2: server.listen[2]: "0.0.0.0:53": cannot be listened on beside "127.0.0.1:53", which overlaps it`,
			},
		},
		"empty lists": {
			text: "[server]\nlisten = []\nallow = []\nadmins = []\nnat64 = []\n",
			want: []string{
				`c.toml:2: server.listen: the list is empty; leave the key out`,
				`c.toml:3: server.allow: the list is empty; leave the key out`,
			},
		},
		"allow": {
			text: "[server]\nallow = ['any', 'Local', 'local', '0.0.0.0/0', '10.0.0.1/8', 'corp.example', '::/0', '10.0.0.0/8', '10.0.0.0/8']\n",
			want: []string{
				`c.toml:2: server.allow[0]: "any": want "local", addresses or prefixes; everybody is "0.0.0.0/0" and "::/0", which makes an open resolver`,
				`c.toml:2: server.allow[1]: "Local": want "local", addresses or prefixes; everybody is "0.0.0.0/0" and "::/0", which makes an open resolver`,
				`c.toml:2: warning: server.allow[3]: "0.0.0.0/0" serves the whole internet: an open resolver is used for attacks on others`,
				`c.toml:2: server.allow[4]: "10.0.0.1/8": bits are set beyond the prefix length; write "10.0.0.0/8"`,
				`c.toml:2: server.allow[5]: "corp.example": no address; want an address or a prefix, such as "192.0.2.1" or "192.0.2.0/24"`,
				`c.toml:2: warning: server.allow[6]: "::/0" serves the whole internet: an open resolver is used for attacks on others`,
				`c.toml:2: warning: server.allow[8]: "10.0.0.0/8" stands in this list twice, first as server.allow[7]`,
			},
		},
		"an open resolver is only warned of": {
			text: "[server]\nallow = ['0.0.0.0/0']\n",
			want: []string{`c.toml:2: warning: server.allow[0]: "0.0.0.0/0" serves the whole internet: an open resolver is used for attacks on others`},
		},
		"words and numbers": {
			text: "[server]\nannotate = 'all'\npin_families = 'Strict'\nnat64 = ['64:ff9b::/95', '10.0.0.0/8']\nhide_identity = 'no'\nqueries_in_flight = 0\ntcp_connections = 1.5\ntcp_idle = '500ms'\ndrain = '10m'\nudp_size = 65535\n",
			want: []string{
				`c.toml:2: server.annotate: "all": want "matched", "changed" or "off"`,
				`c.toml:3: server.pin_families: "Strict": did you mean "strict"?`,
				`c.toml:4: server.nat64[0]: "64:ff9b::/95": want an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits`,
				`c.toml:4: server.nat64[1]: "10.0.0.0/8": want an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits`,
				`c.toml:5: server.hide_identity: want true or false, have a string; write false`,
				`c.toml:6: server.queries_in_flight: 0: want 1 to 1000000`,
				`c.toml:7: server.tcp_connections: want an integer, have a number with a point`,
				`c.toml:8: server.tcp_idle: "500ms": want 1s to 1h`,
				`c.toml:9: server.drain: "10m": want 0s to 5m`,
				`c.toml:10: server.udp_size: 65535: want 512 to 4096`,
			},
		},
		"cache": {
			text: "[cache]\nentries = '100'\nmax_ttl = 300\nmax_negative_ttl = '1d'\nmemory = 0\n",
			want: []string{
				`c.toml:2: cache.entries: want an integer, have a string; write 100`,
				`c.toml:3: cache.max_ttl: want a duration such as "30s", "5m" or "24h", have an integer; write "300s"`,
				`c.toml:4: cache.max_negative_ttl: "1d": want a number with its unit, such as "30s", "5m" or "24h"; write "24h"`,
				`c.toml:5: cache.memory: 0: want 1 to 65536`,
			},
		},
		"cache memory": {
			text: "[cache]\nmemory = 65537\n",
			want: []string{`c.toml:2: cache.memory: 65537: want 1 to 65536`},
		},
		"log": {
			text: "[log]\nqueries = 'none'\n",
			want: []string{`c.toml:2: log.queries: "none": want "stdout", "off" or a file, such as "queries.log"`},
		},
		"http": {
			text: "[server]\nlisten = ['127.0.0.1:5300']\n[http]\nlisten = ['127.0.0.1', ':9153', '0.0.0.0:5300']\n",
			want: []string{
				`c.toml:4: http.listen[0]: "127.0.0.1": want a port too, such as "127.0.0.1:9153"`,
				`c.toml:4: http.listen[1]: ":9153": every address of the machine is "0.0.0.0:9153" and "[::]:9153"`,
				`c.toml:4: http.listen[2]: "0.0.0.0:5300": DNS queries are answered at "127.0.0.1:5300"`,
			},
		},
	})
}

func TestUpstreamAndClientProblems(t *testing.T) {
	check(t, map[string]mistake{
		"servers": {
			text: "[upstream.a]\n[upstream.b]\nservers = []\ntimeout = '1ms'\n[upstream.c]\nservers = ['0.0.0.0', '10.0.0.1:0', 'fe80::1', 'fe80::1%eth0', 'dns.example:53', '10.0.0.1', '10.0.0.1:53']\n",
			want: []string{
				`c.toml:1: upstream.a.servers: want at least one, such as servers = ["192.0.2.53"]`,
				`c.toml:3: upstream.b.servers: want at least one, such as servers = ["192.0.2.53"]`,
				`c.toml:4: upstream.b.timeout: "1ms": want 100ms to 1m`,
				`c.toml:6: upstream.c.servers[0]: "0.0.0.0": no server has this address`,
				`c.toml:6: upstream.c.servers[1]: "10.0.0.1:0": port 0 cannot be asked`,
				`c.toml:6: upstream.c.servers[2]: "fe80::1": a link-local address needs its interface, such as "fe80::1%eth0"`,
				`c.toml:6: upstream.c.servers[4]: "dns.example:53": a host name; write the address, such as "192.0.2.1:53"`,
				`c.toml:6: warning: upstream.c.servers[6]: "10.0.0.1:53" stands in this list twice, first as upstream.c.servers[5]`,
			},
		},
		"ourselves": {
			text: "[server]\nlisten = ['10.0.0.2', '0.0.0.0:5300']\n[upstream.a]\nservers = ['10.0.0.2', '127.0.0.1:5300', '10.0.0.2:5353', '[::1]:5300', '127.0.0.1']\n",
			want: []string{
				`c.toml:4: upstream.a.servers[0]: "10.0.0.2": our own address, server.listen has "10.0.0.2:53"; queries would go in a circle`,
				`c.toml:4: upstream.a.servers[1]: "127.0.0.1:5300": our own address, server.listen has "0.0.0.0:5300"; queries would go in a circle`,
			},
		},
		"ourselves by default": {
			text: "[upstream.a]\nservers = ['[::1]:5300']\n",
			want: []string{`c.toml:2: upstream.a.servers[0]: "[::1]:5300": our own address, server.listen has "[::1]:5300"; queries would go in a circle`},
		},
		"clients": {
			text: "[client.a]\n[client.b]\naddresses = ['10.0.0.0-10.0.0.9', '::ffff:10.0.0.1', 'fe80::1%eth0', '10.0.0.1', '10.0.0.1/32']\n[client.c]\naddresses = ['10.0.0.0/8', '10.0.0.1']\n",
			want: []string{
				`c.toml:1: client.a.addresses: want at least one, such as addresses = ["192.0.2.0/24"]`,
				`c.toml:3: client.b.addresses[0]: "10.0.0.0-10.0.0.9": a run of addresses; write it as prefixes, such as "192.0.2.0/24"`,
				`c.toml:3: client.b.addresses[1]: "::ffff:10.0.0.1": an IPv4-mapped address; write it as IPv4, such as "10.0.0.1"`,
				`c.toml:3: client.b.addresses[2]: "fe80::1%eth0": an interface has no place here; write "fe80::1"`,
				`c.toml:3: warning: client.b.addresses[4]: "10.0.0.1/32" stands in this list twice, first as client.b.addresses[3]`,
			},
		},
		"names": {
			text: "[upstream.ISP]\nservers = ['10.0.0.1']\n[client.'a b']\naddresses = ['10.0.0.1']\n[client.-a]\naddresses = ['10.0.0.1']\n[rule.\"\"]\nnames = ['a.example']\n[rule.été]\n",
			want: []string{`c.toml:9: want ] after the name in the header, have 'é'; a name has only letters a-z, digits, hyphen and underscore`},
		},
		"names with odd letters": {
			text: "[upstream.ISP]\nservers = ['10.0.0.1']\n[client.'a b']\naddresses = ['10.0.0.1']\n[client.-a]\naddresses = ['10.0.0.1']\n[rule.\"\"]\nnames = ['a.example']\n[rule.'été']\nnames = ['a.example']\ntags = ['MDM', 'a=b', 'x.y_z-1']\n[zone.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\nnames = ['a.example']\n",
			want: []string{
				`c.toml:1: upstream.ISP: name "ISP": capital letters; write "isp"`,
				`c.toml:3: client."a b": name "a b": want only a-z, 0-9, dot, hyphen and underscore, a letter or a digit first`,
				`c.toml:5: client.-a: name "-a": want only a-z, 0-9, dot, hyphen and underscore, a letter or a digit first`,
				`c.toml:7: rule."": the name is empty`,
				`c.toml:9: rule."été": name "été": want only a-z, 0-9, dot, hyphen and underscore, a letter or a digit first`,
				`c.toml:11: rule."été".tags[0]: name "MDM": capital letters; write "mdm"`,
				`c.toml:11: rule."été".tags[1]: name "a=b": want only a-z, 0-9, dot, hyphen and underscore, a letter or a digit first`,
				`c.toml:12: zone.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: name "aaaaaaaaaaaaaaaaaaaa"...: longer than 63 octets`,
			},
		},
	})
}

func TestOneBadFileShowsAllItsProblems(t *testing.T) {
	check(t, map[string]mistake{
		"everywhere": {
			text: `[server]
listen = ["localhost:53"]
colour = "blue"

[cache]
entries = "many"

[upstream.isp]
servers = ["quic://192.0.2.53"]

[client.ios]
addresses = ["10.0.0.1/8"]

[zones]
edition = "2026"

[zone.corp]
names = ["#.corp.example"]
prefixes = ["10.0.0.0/33"]

[rule.apns]
zones = ["corp", "aple-push"]
upstream = "none"
pin = 5

[log]
queries = 5

[htpp]
listen = []
`,
			want: []string{
				`c.toml:2: server.listen[0]: "localhost:53": a host name; write the address: "127.0.0.1:53" or "[::1]:53"`,
				`c.toml:3: server.colour: unknown key; have listen, allow, admins, annotate, pin_families, nat64, hide_identity, control, state, keep_clients, queries_in_flight, tcp_connections, tcp_idle, drain, udp_size, udp_hold, cookies, rate_limit, on_set_failure, set_grace, set_min`,
				`c.toml:6: cache.entries: want an integer, have a string`,
				`c.toml:9: upstream.isp.servers[0]: "quic://192.0.2.53": unknown scheme "quic"; want an address, or one behind "tcp://", "tls://" or "https://"`,
				`c.toml:12: client.ios.addresses[0]: "10.0.0.1/8": bits are set beyond the prefix length; write "10.0.0.0/8"`,
				`c.toml:15: zones.edition: no edition "2026"; have 2020-09-08, 2026-03-24`,
				`c.toml:18: zone.corp.names[0]: pattern "#.corp.example": # does not say which numbers: write the range, as in {0..50}.corp.example`,
				`c.toml:19: zone.corp.prefixes[0]: "10.0.0.0/33": "33" is no prefix length; want a number up to 32`,
				`c.toml:22: rule.apns.zones[1]: no zone "aple-push"; did you mean "apple-push"?`,
				`c.toml:23: rule.apns.upstream: no [upstream.none]; have default, isp`,
				`c.toml:24: rule.apns.pin: want "observe", "prefer", "enforce" or "substitute", have an integer`,
				`c.toml:27: log.queries: want "stdout", "off" or a file, have an integer`,
				`c.toml:29: htpp: unknown table; did you mean [http]?`,
			},
		},
		"but a syntax error stands alone": {
			text: "[server]\ncolour = 5\nlisten = ['localhost'\n",
			want: []string{`c.toml:3: want a comma or ] after a value of the list, have the end of the file`},
		},
	})
}
