package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
)

func TestWrongTypesAreToldWhatTheKeyWants(t *testing.T) {
	check(t, map[string]mistake{
		"everywhere": {
			text: "[log]\nqueries = false\n[server]\nlisten = 5\nallow = [10, true]\nadmins = [false]\ntcp_idle = 10\nhide_identity = 'yes'\nannotate = false\n" +
				"[cache]\nmax_ttl = 300\n[upstream.a]\nservers = [53]\n[client.a]\naddresses = [10]\n[zones]\nedition = 2020-09-08\n" +
				"[zone.a]\nnames = [5]\nprefixes = [10]\nports = [443]\n[zone.b]\nfile = 5\n[http]\nlisten = [9153]\n" +
				"[rule.a]\nzones = [5]\nnames = [5]\nclients = [5]\npin = 3\nupstream = 5\nanswer = 10\n",
			want: []string{
				`c.toml:2: log.queries: want "stdout", "off" or a file, have a boolean; write "off"`,
				`c.toml:4: server.listen: want a list of strings, each an address such as "127.0.0.1:53"; have an integer`,
				`c.toml:5: server.allow[0]: want "local", an address or a prefix, have an integer`,
				`c.toml:5: server.allow[1]: want "local", an address or a prefix, have a boolean`,
				`c.toml:6: server.admins[0]: want an address or a prefix, have a boolean`,
				`c.toml:7: server.tcp_idle: want a duration such as "30s", "5m" or "24h", have an integer; write "10s"`,
				`c.toml:8: server.hide_identity: want true or false, have a string; write true`,
				`c.toml:9: server.annotate: want "matched", "changed" or "off", have a boolean; write "off"`,
				`c.toml:11: cache.max_ttl: want a duration such as "30s", "5m" or "24h", have an integer; write "300s"`,
				`c.toml:13: upstream.a.servers[0]: want an address such as "192.0.2.53", have an integer`,
				`c.toml:15: client.a.addresses[0]: want an address or a prefix, have an integer`,
				`c.toml:17: zones.edition: want "2020-09-08" or "2026-03-24", have a date or a time; write "2020-09-08"`,
				`c.toml:19: zone.a.names[0]: want a pattern such as "*.example", have an integer`,
				`c.toml:20: zone.a.prefixes[0]: want an address or a prefix, have an integer`,
				`c.toml:21: zone.a.ports[0]: want a port such as "tcp/443", have an integer`,
				`c.toml:23: zone.b.file: want the path of a file, have an integer`,
				`c.toml:25: http.listen[0]: want an address and port such as "127.0.0.1:9153", have an integer`,
				`c.toml:27: rule.a.zones[0]: want the name of a zone, have an integer`,
				`c.toml:28: rule.a.names[0]: want a pattern such as "*.example", have an integer`,
				`c.toml:29: rule.a.clients[0]: want the name of a client group, have an integer`,
				`c.toml:30: rule.a.pin: want "observe", "prefer", "enforce" or "substitute", have an integer`,
				`c.toml:31: rule.a.upstream: want the name of an upstream group, have an integer`,
				`c.toml:32: rule.a.answer: want "nxdomain", "nodata", "refused", "null", addresses or a CNAME target, have an integer`,
			},
		},
		"the value is read all the same": {
			text: "[rule.a]\nzones = 'inutne'\nnames = 'a..example'\nlog = true\n",
			want: []string{
				`c.toml:2: rule.a.zones: want a list of strings, have a string; write ["inutne"]`,
				`c.toml:2: rule.a.zones: no zone "inutne"; did you mean "intune"?`,
				`c.toml:3: rule.a.names: want a list of strings, have a string; write ["a..example"]`,
				`c.toml:3: rule.a.names: pattern "a..example": empty label: two dots with nothing between them, or a dot too many at an end`,
			},
		},
		"a word without quotes": {
			text: "[rule.a]\nlog = tru\n",
			want: []string{`c.toml:2: tru: no value; text stands in quotes, and booleans are true or false`},
		},
		"a number out of range": {
			text: "[server]\nudp_size = 99999999999999999999\ncolour = 1\n[rule.a]\nzones = ['none']\n",
			want: []string{
				`c.toml:2: server.udp_size: out of range: want 512 to 4096`,
				`c.toml:3: server.colour: unknown key; have listen, allow, admins, annotate, pin_families, nat64, hide_identity, control, state, keep_clients, queries_in_flight, tcp_connections, tcp_idle, drain, udp_size, udp_hold, cookies, rate_limit, on_set_failure, set_grace, set_min`,
				`c.toml:5: rule.a.zones[0]: no zone "none"; have android-enterprise, apple, apple-push, attestation, autopilot, delivery-optimization, endpoint-analytics, fcm and 12 more`,
			},
		},
	})
}

func TestZoneFilesOfAnotherFormat(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "list.txt", "# a list\nads.example\n*.ads.example\n")
	write(t, dir, "zone.toml", "[row.a]\nnames = ['a.example']\n")
	write(t, dir, "broken.toml", "title = 'x'\n[row.a\n")
	write(t, dir, "norows.toml", "# title\n")
	write(t, dir, "unread.txt", "a..example\n")
	path := write(t, dir, "config.toml", "[zone.a]\nfile = 'list.txt'\n[zone.b]\nfile = 'zone.toml'\nformat = 'list'\n[zone.c]\nfile = 'broken.toml'\n"+
		"[zone.d]\nfile = 'norows.toml'\n[zone.e]\nfile = 'unread.txt'\nformat = 'hosts'\n")
	_, problems := config.Load(path)
	want := `config.toml:2: zone.a.file: list.txt is read as a zone file and does not look like TOML; if it is a list, add format = "list"
config.toml:4: zone.b.file: zone.toml is read as a list and looks like a zone file; leave out format = "list"
config.toml:12: zone.e.format: "hosts": want "zone" or "list"
broken.toml:2: the header has no closing ]
norows.toml:1: a zone needs at least one row: [row.NAME]
`
	if diff := cmp.Diff(want, strings.ReplaceAll(problems.String(), dir+"/", "")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAFileOfTwoZonesShowsItsProblemsOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "hosts.txt", "0.0.0.0 tracker.example\nb..example\n")
	path := write(t, dir, "config.toml", "[zone.a]\nfile = 'hosts.txt'\nformat = 'list'\n[zone.b]\nfile = 'hosts.txt'\nformat = 'list'\n")
	_, problems := config.Load(path)
	want := `hosts.txt:1: "0.0.0.0 tracker.example": a line of a hosts file; write the name alone: tracker.example
hosts.txt:2: pattern "b..example": empty label: two dots with nothing between them, or a dot too many at an end
`
	if diff := cmp.Diff(want, strings.ReplaceAll(problems.String(), dir+"/", "")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestParseAddrPortSaysWhatIsWrong(t *testing.T) {
	const forms = `; want an address such as "192.0.2.1", "192.0.2.1:53" or "[2001:db8::1]:53"`
	for text, want := range map[string]string{
		"9.9.9.9/24":         `want one address, without a length; write "9.9.9.9"`,
		"[2001:db8::1]/64":   `want one address, without a length; write "2001:db8::1"`,
		"9.9.9.9#5353":       `a port stands after a colon; write "9.9.9.9:5353"`,
		"2001:db8::1@53":     `a port stands after a colon; write "[2001:db8::1]:53"`,
		"9.9.9.9#dns.x":      `a host name; write the address, such as "192.0.2.1:53"`,
		"9.9.9":              `an IPv4 address has 4 numbers, this has 3` + forms,
		"9.9.9.9.9:53":       `an IPv4 address has 4 numbers, this has 5` + forms,
		"9.9.9.256":          `256 is no part of an IPv4 address, which has numbers up to 255` + forms,
		"9.9.9.09":           `09: an IPv4 address has no zeros before its numbers` + forms,
		" 9.9.9.9":           `spaces around the address` + forms,
		"2001:db8::g":        `no IPv6 address` + forms,
		"[2001:db8::1":       `no IPv6 address` + forms,
		"9.9.9.9:domain":     `"domain" is no port; want a number up to 65535`,
		"https://dns.google": `only plain addresses are supported, such as "192.0.2.1" or "192.0.2.1:53"`,
	} {
		ap, err := config.ParseAddrPort(text)
		if want = `"` + text + `": ` + want; err == nil || err.Error() != want {
			t.Errorf("ParseAddrPort(%q) = %v, %v, want the error\n%s", text, ap, err, want)
		}
		if err == nil {
			continue
		}
		if _, form, ok := strings.Cut(err.Error(), "; write \""); ok {
			if _, err := config.ParseAddrPort(strings.TrimSuffix(form, `"`)); err != nil {
				t.Errorf("ParseAddrPort(%q) suggests %q, which is refused: %v", text, form, err)
			}
		}
	}
}

func TestAnswerAdvice(t *testing.T) {
	const nothing = "the rule does nothing; give it log, tags, pin, sets, upstream, answer, max_ttl or private_answers"
	const others = "is asked of the upstream group, whatever rule."
	check(t, map[string]mistake{
		"misspelt words": {
			text: "[rule.a]\nnames = ['a.example']\nanswer = 'nxdomian'\n[rule.b]\nnames = ['b.example']\nanswer = 'NoData'\n[rule.c]\nnames = ['c.example']\nanswer = 'blocked'\n",
			want: []string{
				`c.toml:3: rule.a.answer: "nxdomian": did you mean "nxdomain"?`,
				`c.toml:6: rule.b.answer: "NoData": write it in lower case: "nodata"`,
				`c.toml:9: rule.c.answer: "blocked": want "nxdomain", "nodata", "refused", "null", addresses or a CNAME target`,
			},
		},
		"a name that is its own target": {
			text: "[rule.a]\nnames = ['loop.example', 'other.example']\nanswer = 'loop.example'\n[rule.b]\nnames = ['*.wide.example']\nanswer = 'www.wide.example'\n",
			want: []string{`c.toml:3: warning: rule.a.answer: "loop.example" is one of the names of the rule: no name can be its own CNAME target, so its queries are forwarded`},
		},
		"a target that another rule answers": {
			text: "[rule.a]\nnames = ['a.example']\nanswer = 'x.blocked.example'\n[rule.b]\nnames = ['*.blocked.example']\nanswer = 'nxdomain'\n" +
				"[rule.c]\nnames = ['c.example']\nanswer = 'wanted.blocked.example'\n[rule.d]\nnames = ['wanted.blocked.example']\nanswer = ''\n",
			want: []string{`c.toml:3: warning: rule.a.answer: rules do not apply to the target: "x.blocked.example" ` + others + `b answers`},
		},
		"a target that another rule answers for other clients": {
			text: "[client.a]\naddresses = ['10.1.0.0/16']\n[client.b]\naddresses = ['10.2.0.0/16']\n" +
				"[rule.a]\nnames = ['a.example']\nclients = ['a']\nanswer = 'x.example'\n[rule.b]\nnames = ['x.example']\nclients = ['b']\nanswer = 'nxdomain'\n" +
				"[rule.c]\nnames = ['c.example']\nclients = ['b']\nanswer = 'x.example'\n[rule.d]\nnames = ['d.example']\nanswer = 'x.example'\n",
			want: []string{
				`c.toml:16: warning: rule.c.answer: rules do not apply to the target: "x.example" ` + others + `b answers`,
				`c.toml:19: warning: rule.d.answer: rules do not apply to the target: "x.example" ` + others + `b answers`,
			},
		},
		"no action": {
			text: "[rule.a]\nnames = ['a.example']\n[rule.b]\nnames = ['b.example']\nlog = false\n[rule.c]\nnames = ['c.example']\nanswer = ''\n",
			want: []string{`c.toml:1: warning: rule.a: ` + nothing, `c.toml:3: warning: rule.b: ` + nothing},
		},
		"no action, where what was meant may be among the problems": {
			text: "[rule.a]\nnames = ['a.example']\npni = 'enforce'\n",
			want: []string{`c.toml:3: rule.a.pni: unknown key; did you mean "pin"?`},
		},
		"every name": {
			text: "[rule.a]\nnames = ['*']\nanswer = 'null'\n[rule.b]\nnames = ['.']\nanswer = 'nxdomain'\n[rule.c]\nnames = ['*', '.']\ntags = ['all']\n",
			want: []string{
				`c.toml:3: warning: rule.a.answer: "*" in names matches every name: "null" blocks them all`,
				`c.toml:6: warning: rule.b.answer: "." in names matches every name: "nxdomain" blocks them all`,
			},
		},
		"no suggestion that is itself a problem": {
			text: "[zone.Corp]\nnames = ['a.example']\n[client.Corp]\naddresses = ['10.0.0.1']\n[rule.a]\nzones = ['corp*']\nclients = ['corp']\n",
			want: []string{
				`c.toml:1: zone.Corp: name "Corp": capital letters; write "corp"`,
				`c.toml:3: client.Corp: name "Corp": capital letters; write "corp"`,
				`c.toml:6: rule.a.zones[0]: no zone "corp*"; have android-enterprise, apple, apple-push, attestation, autopilot, delivery-optimization, endpoint-analytics, fcm and 12 more`,
				`c.toml:7: rule.a.clients[0]: no [client.corp]`,
			},
		},
	})
}

func TestAnEmptyFileIsWarnedOf(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "c.toml:1: warning: empty: every key has its default\n",
		"# nothing\n":           "c.toml:1: warning: empty: every key has its default\n",
		"[server]\n":            "c.toml:1: warning: empty: every key has its default\n",
		"[http]\nlisten = []\n": "",
	} {
		if cfg, problems := config.Parse("c.toml", []byte(text)); cfg == nil || problems.String() != want {
			t.Errorf("Parse(%q): problems %q, want %q", text, problems, want)
		}
	}
	if _, problems := config.Parse("", nil); len(problems) > 0 {
		t.Errorf("the configuration without a file has problems: %v", problems)
	}
}
