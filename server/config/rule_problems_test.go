package config_test

import "testing"

func TestZoneProblems(t *testing.T) {
	check(t, map[string]mistake{
		"edition": {
			text: "[zones]\nedition = '2025-01-01'\n",
			want: []string{`c.toml:2: zones.edition: no edition "2025-01-01"; have 2020-09-08, 2026-03-24`},
		},
		"edition in the wrong table": {
			text: "[zone]\nedition = '2020-09-08'\n[zone.a]\nnames = ['a.example']\nedition = '2020-09-08'\n[zones.b]\nnames = ['b.example']\n",
			want: []string{
				`c.toml:2: zone.edition: unknown key; did you mean "edition" in [zones]?`,
				`c.toml:5: zone.a.edition: unknown key; did you mean "edition" in [zones]?`,
				`c.toml:6: zones.b: unknown table; did you mean [zone.b]?`,
			},
		},
		"patterns": {
			text: "[zone.a]\nnames = ['#-a.example', '*a.example', ' A.Example. ', 'a.example', 'b..example']\n",
			want: []string{
				`c.toml:2: zone.a.names[0]: pattern "#-a.example": # does not say which numbers: write the range, as in {0..50}-a.example`,
				`c.toml:2: zone.a.names[1]: pattern "*a.example": a star is stuck to a domain: write .a.example for a.example and every name below it, or *.a.example for only the names below it`,
				`c.toml:2: warning: zone.a.names[2]: " A.Example. ": removed spaces around, removed the final dot, made upper case lower case; read as "a.example"`,
				`c.toml:2: warning: zone.a.names[3]: "a.example" stands in this list twice, first as zone.a.names[2]`,
				`c.toml:2: zone.a.names[4]: pattern "b..example": empty label: two dots with nothing between them, or a dot too many at an end`,
			},
		},
		"ranges and ports": {
			text: "[zone.a]\nnames = ['a.example']\nprefixes = ['17.0.0.0/99', '2001:db8::1/32']\nports = ['443', 'tcp/0', 'sctp/5', 'udp/9-5', 'tcp/65536', 'tcp/443', 'tcp/443-443']\n",
			want: []string{
				`c.toml:3: zone.a.prefixes[0]: "17.0.0.0/99": "99" is no prefix length; want a number up to 32`,
				`c.toml:3: zone.a.prefixes[1]: "2001:db8::1/32": bits are set beyond the prefix length; write "2001:db8::/32"`,
				`c.toml:4: zone.a.ports[0]: "443": want ports such as "tcp/443" or "udp/5228-5230"`,
				`c.toml:4: zone.a.ports[1]: "tcp/0": want ports such as "tcp/443" or "udp/5228-5230"`,
				`c.toml:4: zone.a.ports[2]: "sctp/5": want ports such as "tcp/443" or "udp/5228-5230"`,
				`c.toml:4: zone.a.ports[3]: "udp/9-5": want ports such as "tcp/443" or "udp/5228-5230"`,
				`c.toml:4: zone.a.ports[4]: "tcp/65536": want ports such as "tcp/443" or "udp/5228-5230"`,
				`c.toml:4: warning: zone.a.ports[6]: "tcp/443-443" stands in this list twice, first as zone.a.ports[5]`,
			},
		},
		"neither names nor a file, and both": {
			text: "[zone.a]\nprefixes = ['10.0.0.0/8']\n[zone.b]\nnames = ['b.example']\nfile = 'b.toml'\n[zone.c]\nnames = []\nformat = 'list'\n[zone.d]\nfile = 'd.txt'\nformat = 'hosts'\n",
			want: []string{
				`c.toml:1: zone.a: a zone needs names, a file or a url`,
				`c.toml:4: zone.b.names: the zone is in a file; add this there, or leave out zone.b.file`,
				`c.toml:5: zone.b.file: reading b.toml: no such file or directory`,
				`c.toml:7: zone.c.names: the list is empty; leave the key out`,
				`c.toml:8: zone.c.format: stands without a file`,
				`c.toml:11: zone.d.format: "hosts": want "zone" or "list"`,
			},
		},
		"replacing a bundled zone": {
			text: "[zone.intune]\nnames = ['mdm.example']\n",
			want: []string{`c.toml:1: warning: zone.intune: replaces the bundled zone of this name, with all its rows`},
		},
	})
}

func TestRuleProblems(t *testing.T) {
	check(t, map[string]mistake{
		"unknown names": {
			text: "[upstream.isp]\nservers = ['10.0.0.1']\n[client.ios]\naddresses = ['10.0.0.0/8']\n[zone.corp]\nnames = ['.corp.example']\n[rule.apns]\nzones = ['corp', 'inune',\n  'coprs', 'zzz']\nclients = ['ioss', 'android', '10.0.0.1']\nupstream = 'none'\n[rule.b]\nzones = ['corp']\nupstream = 'ips'\n[rule.c]\nzones = ['corp']\nupstream = '10.0.0.1'\n",
			want: []string{
				`c.toml:8: rule.apns.zones[1]: no zone "inune"; did you mean "intune"?`,
				`c.toml:9: rule.apns.zones[2]: no zone "coprs"; did you mean "corp"?`,
				`c.toml:9: rule.apns.zones[3]: no zone "zzz"; have android-enterprise, apple, apple-push, attestation, autopilot, corp, delivery-optimization, endpoint-analytics and 13 more`,
				`c.toml:10: rule.apns.clients[0]: no [client.ioss]; did you mean "ios"?`,
				`c.toml:10: rule.apns.clients[1]: no [client.android]; have ios`,
				`c.toml:10: rule.apns.clients[2]: "10.0.0.1": want the name of a client group; addresses stand in [client.NAME]`,
				`c.toml:11: rule.apns.upstream: no [upstream.none]; have default, isp`,
				`c.toml:14: rule.b.upstream: no [upstream.ips]; did you mean "isp"?`,
				`c.toml:17: rule.c.upstream: "10.0.0.1": want the name of an upstream group; addresses stand in [upstream.NAME]`,
			},
		},
		"nothing to choose from": {
			text: "[rule.a]\nzones = ['*']\nclients = ['a\tb']\nupstream = 'default'\n",
			want: []string{`c.toml:3: rule.a.clients[0]: no [client."a\tb"]; the file has none`},
		},
		"no names": {
			text: "[rule.a]\nlog = true\n[rule.b]\nzones = []\nnames = []\nclients = []\n",
			want: []string{
				`c.toml:1: rule.a: a rule needs zones, names or both; zones = ["*"] takes all that is published`,
				`c.toml:4: rule.b.zones: the list is empty; leave the key out`,
				`c.toml:5: rule.b.names: the list is empty; leave the key out`,
				`c.toml:6: rule.b.clients: the list is empty; leave the key out`,
			},
		},
		"wrong form": {
			text: "[[rule]]\nname = 'mdm'\n[rules.a]\nzones = ['*']\n",
			want: []string{
				`c.toml:1: rule[0]: [[rule]] is an array of tables; give each table a name: [rule.mdm]`,
				`c.toml:3: rules: unknown table; did you mean [rule.NAME]?`,
			},
		},
		"values": {
			text: "[rule.a]\nzones = 'intune'\nnames = ['a.example', 5]\nlog = 1\ntags = 'mdm'\npin = 'enforced'\nmax_ttl = '0s'\n[rule.b]\nzones = ['intune', 'intune']\npin = true\n",
			want: []string{
				`c.toml:2: rule.a.zones: want a list of strings, have a string; write ["intune"]`,
				`c.toml:3: rule.a.names[1]: want a pattern such as "*.example", have an integer`,
				`c.toml:4: rule.a.log: want true or false, have an integer; write true`,
				`c.toml:5: rule.a.tags: want a list of strings, have a string; write ["mdm"]`,
				`c.toml:6: rule.a.pin: "enforced": want one of observe, prefer, enforce, substitute; did you mean "enforce"?`,
				`c.toml:7: rule.a.max_ttl: "0s": want 1s to 168h`,
				`c.toml:9: warning: rule.b.zones[1]: "intune" stands in this list twice, first as rule.b.zones[0]`,
				`c.toml:10: rule.b.pin: want "observe", "prefer", "enforce" or "substitute", have a boolean`,
			},
		},
		"answers of several addresses": {
			text: "[rule.a]\nnames = ['a.example']\nanswer = ['fe80::1%eth0', '192.0.2.1']\n[rule.b]\nnames = ['b.example']\nanswer = ['fe80::1%eth0']\n",
			want: []string{
				`c.toml:3: rule.a.answer[0]: "fe80::1%eth0": an interface has no place here; write "fe80::1"`,
				`c.toml:6: rule.b.answer[0]: "fe80::1%eth0": an interface has no place here; write "fe80::1"`,
			},
		},
		"answers": {
			text: "[rule.a]\nnames = ['a.example']\nanswer = 'nxdomian'\n[rule.b]\nnames = ['b.example']\nanswer = ['10.0.0.1', 'x.example',\n  'nodata']\n[rule.c]\nnames = ['c.example']\nanswer = []\n[rule.d]\nnames = ['d.example']\nanswer = false\n[rule.e]\nnames = ['e.example']\nanswer = 'a..example'\n",
			want: []string{
				`c.toml:3: rule.a.answer: "nxdomian": did you mean "nxdomain"?`,
				`c.toml:6: rule.b.answer[1]: "x.example": want only addresses in a list`,
				`c.toml:7: rule.b.answer[2]: "nodata": want only addresses in a list`,
				`c.toml:10: rule.c.answer: the list is empty; leave the key out`,
				`c.toml:13: rule.d.answer: want "nxdomain", "nodata", "refused", "null", addresses or a CNAME target, have a boolean`,
				`c.toml:16: rule.e.answer: name "a..example": empty label: two dots with nothing between them, or a dot too many at an end`,
			},
		},
		"a zone that only another edition has": {
			text: "[zones]\nedition = '2020-09-08'\n[rule.a]\nzones = ['intune', 'm365-catch-all']\nlog = true\n",
			want: []string{`c.toml:4: warning: rule.a.zones[1]: edition 2020-09-08 has no zone "m365-catch-all"; 2026-03-24 has`},
		},
		"contradictions": {
			text: "[rule.a]\nnames = ['x.example', 'y.example']\nanswer = 'nxdomain'\nmax_ttl = '1m'\n[rule.b]\nnames = ['y.example']\nmax_ttl = '2m'\nanswer = 'nodata'\n[rule.c]\nzones = ['*']\nmax_ttl = '3m'\n[rule.d]\nnames = ['y.example']\nanswer = 'nodata'\nlog = 'x'\n",
			want: []string{
				`c.toml:7: rule.b.max_ttl: contradicts rule.a.max_ttl on line 4: both match y.example alike, and neither is the more specific; make one pattern or client prefix more specific, or drop max_ttl in one of them`,
				`c.toml:8: rule.b.answer: contradicts rule.a.answer on line 3: both match y.example alike, and neither is the more specific; make one pattern or client prefix more specific, or drop answer in one of them`,
				`c.toml:15: rule.d.log: want true or false, have a string`,
			},
		},
		"no contradiction between client groups apart": {
			text: "[client.a]\naddresses = ['10.1.0.0/16']\n[client.b]\naddresses = ['10.2.0.0/16', '10.0.0.0/8']\n[rule.a]\nnames = ['x.example']\nclients = ['a']\nanswer = 'nxdomain'\n[rule.b]\nnames = ['x.example']\nclients = ['b']\nanswer = 'nodata'\n",
		},
	})
}

func TestPinWarnings(t *testing.T) {
	check(t, map[string]mistake{
		"observing": {
			text: "[zones]\nedition = '2020-09-08'\n[rule.a]\nzones = ['*', 'apple-push']\nnames = ['a.example']\npin = 'observe'\n",
		},
		"changing": {
			text: "[rule.a]\nzones = ['*']\npin = 'prefer'\n",
			want: []string{`c.toml:3: warning: rule.a.pin: ` + bogus},
		},
		"a zone without ranges": {
			text: "[zone.mine]\nnames = ['.mine.example']\n[rule.a]\nzones = ['mine', 'apple-push']\npin = 'enforce'\n",
			want: []string{
				`c.toml:5: warning: rule.a.pin: ` + bogus,
				`c.toml:5: warning: rule.a.pin: zone "mine" publishes no ranges: there is nothing to hold its names to`,
			},
		},
		"names without ranges": {
			text: "[rule.a]\nnames = ['mine.example', '7-courier.push.apple.com', '*.apple.com']\npin = 'substitute'\n",
			want: []string{
				`c.toml:3: warning: rule.a.pin: ` + bogus,
				`c.toml:3: warning: rule.a.pin: no zone publishes ranges for "mine.example": there is nothing to hold it to`,
				`c.toml:3: warning: rule.a.pin: nothing that is published for these names is a single address: "substitute" does what "enforce" does`,
			},
		},
		"names that are carved out": {
			text: "[rule.a]\nnames = ['swda01-mscdn.manage.microsoft.com', 'portal.manage.microsoft.com', '*.manage.microsoft.com']\npin = 'enforce'\n",
			want: []string{
				`c.toml:3: warning: rule.a.pin: ` + bogus,
				`c.toml:3: warning: rule.a.pin: no zone publishes ranges for "swda01-mscdn.manage.microsoft.com", which row win32-cdn of zone "intune-cdn" carves out: there is nothing to hold it to`,
			},
		},
		"patterns that are carved out": {
			text: "[zone.mine]\nfile = 'testdata/carved.toml'\n[rule.a]\nnames = ['*.cdn.mine.example', '.cdn.mine.example', '*.mine.example', 'a*.mine.example']\npin = 'prefer'\n",
			want: []string{
				`c.toml:5: warning: rule.a.pin: ` + bogus,
				`c.toml:5: warning: rule.a.pin: no zone publishes ranges for "*.cdn.mine.example", which row cdn of zone "mine" carves out: there is nothing to hold it to`,
				`c.toml:5: warning: rule.a.pin: no zone publishes ranges for ".cdn.mine.example", which row cdn of zone "mine" carves out: there is nothing to hold it to`,
			},
		},
		"substitutes, but no single address": {
			text: "[rule.a]\nzones = ['intune']\npin = 'substitute'\n[rule.b]\nnames = ['portal.manage.microsoft.com']\npin = 'substitute'\n",
			want: []string{
				`c.toml:3: warning: rule.a.pin: ` + bogus,
				`c.toml:3: warning: rule.a.pin: nothing that is published for these names is a single address: "substitute" does what "enforce" does`,
				`c.toml:6: warning: rule.b.pin: ` + bogus,
				`c.toml:6: warning: rule.b.pin: nothing that is published for these names is a single address: "substitute" does what "enforce" does`,
			},
		},
		"substitutes": {
			text: "[zone.mine]\nnames = ['*.mine.example']\nprefixes = ['192.0.2.0/24', '198.51.100.7']\n[rule.a]\nzones = ['mine', 'intune']\npin = 'substitute'\n[rule.b]\nnames = ['a.mine.example']\npin = 'substitute'\n",
			want: []string{`c.toml:6: warning: rule.a.pin: ` + bogus, `c.toml:9: warning: rule.b.pin: ` + bogus},
		},
		"history": {
			text: "[zones]\nedition = '2020-09-08'\n[rule.a]\nzones = ['intune']\npin = 'enforce'\n",
			want: []string{
				`c.toml:5: warning: rule.a.pin: ` + bogus,
				`c.toml:5: warning: rule.a.pin: the addresses of edition 2020-09-08 are history: none of its single addresses is still published`,
			},
		},
		"one's own zone is no history": {
			text: "[zones]\nedition = '2020-09-08'\n[zone.mine]\nnames = ['mine.example']\nprefixes = ['192.0.2.1']\n[rule.a]\nzones = ['mine']\npin = 'enforce'\n",
			want: []string{`c.toml:8: warning: rule.a.pin: ` + bogus},
		},
	})
}
