package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/server/policy"
	"splitdns/zones"
)

// compare looks at values with hidden fields by their text.
var compare = cmp.Options{
	cmp.Comparer(func(a, b interface{ String() string }) bool { return a.String() == b.String() }),
	cmpopts.EquateEmpty(),
}

// whole is a configuration that says everything.
const whole = `
[server]
listen = ["10.0.0.2", "[2001:db8::2]:5353", "2001:db8::3", "127.0.0.1:0"]
allow = ["192.0.2.0/24", "local", "2001:db8::7"]
admins = ["10.0.0.9"]
annotate = "changed"
pin_families = "strict"
nat64 = ["2001:db8:64::/96"]
hide_identity = true
queries_in_flight = 5
tcp_connections = 6
tcp_idle = "7s"
drain = "0s"
udp_size = 4096
udp_hold = "2ms"
cookies = false
rate_limit = 50
on_set_failure = "servfail"
set_grace = "1m"
set_min = "1s"

[cache]
entries = 9
memory = 65536
max_ttl = "1h"
max_negative_ttl = "1m"
stale = "1h"
prefetch = false
failure_ttl = "2s"

[upstream.isp]
servers = ["10.0.0.1", "10.0.0.1:5353", "[2001:db8::1]:53", "2001:db8::4"]
strategy = "order"

[upstream.default]
servers = ["10.0.0.3"]
timeout = "1500ms"

[client.ios]
addresses = ["10.1.0.0/16", "10.2.0.1"]

[zones]
edition = "2020-09-08"

[zone.corp]
names = ["*.corp.example"]
prefixes = ["10.0.0.0/8"]
ports = ["tcp/443"]

[rule.mdm]
zones = ["intune", "*", "corp"]
names = ["{0..5}.corp.example"]
clients = ["ios"]
log = true
tags = ["mdm", "x"]
pin = "observe"
upstream = "isp"
answer = ""
max_ttl = "5m"

[rule.cname]
names = ["a.example"]
answer = "b.example"
upstream = "default"
sets = ["inet filter mdm4", "ip6 fw mdm-6"]
set_addresses = "all"

[rule.addresses]
names = ["c.example"]
answer = ["10.0.0.1", "2001:db8::1"]

[rule.one]
names = ["d.example"]
answer = "10.0.0.1"

[log]
queries = "queries.json"

[http]
listen = ["127.0.0.1:9153"]
feeds = ["192.0.2.1"]
feed_keep = "1h"
`

func TestParseReadsEveryKey(t *testing.T) {
	cfg, problems := config.Parse("/etc/config.toml", []byte(whole))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	ap, prefix, pattern := netip.MustParseAddrPort, netip.MustParsePrefix, matcher.MustParsePattern
	target, err := matcher.ParseName("b.example")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Path: "/etc/config.toml",
		Server: config.Server{
			Listen:     []netip.AddrPort{ap("10.0.0.2:53"), ap("[2001:db8::2]:5353"), ap("[2001:db8::3]:53"), ap("127.0.0.1:0")},
			AllowLocal: true, Allow: []netip.Prefix{prefix("192.0.2.0/24"), prefix("2001:db8::7/128")},
			Admins: []netip.Prefix{prefix("10.0.0.9/32")}, Annotate: config.AnnotateChanged, StrictFamilies: true,
			NAT64: []netip.Prefix{prefix("2001:db8:64::/96")}, HideIdentity: true, QueriesInFlight: 5, TCPConnections: 6,
			TCPIdle: 7 * time.Second, UDPSize: 4096, UDPHold: 2 * time.Millisecond, RateLimit: 50,
			SetFailure: config.SetFailureServfail, SetGrace: time.Minute, SetMin: time.Second,
		},
		Cache: config.Cache{Entries: 9, Memory: 64 << 30, MaxTTL: time.Hour, MaxNegativeTTL: time.Minute, Stale: time.Hour, FailureTTL: 2 * time.Second},
		Upstreams: []config.Upstream{
			{Name: "isp", Servers: config.PlainServers([]netip.AddrPort{ap("10.0.0.1:53"), ap("10.0.0.1:5353"), ap("[2001:db8::1]:53"), ap("[2001:db8::4]:53")}), Timeout: 4 * time.Second, Strategy: config.InOrder},
			{Name: "default", Servers: config.PlainServers([]netip.AddrPort{ap("10.0.0.3:53")}), Timeout: 1500 * time.Millisecond},
		},
		Edition: "2020-09-08",
		Log:     config.Log{Queries: "/etc/queries.json"},
		HTTP: config.HTTP{
			Listen: []netip.AddrPort{ap("127.0.0.1:9153")}, Feeds: []netip.Prefix{prefix("192.0.2.1/32")}, FeedKeep: time.Hour,
		},
		Clients: []policy.ClientGroup{{Name: "ios", Prefixes: []netip.Prefix{prefix("10.1.0.0/16"), prefix("10.2.0.1/32")}}},
		Rules: []policy.Rule{
			{
				Name: "mdm", Zones: []string{"intune", "corp"}, AllZones: true, Names: []matcher.Pattern{pattern("{0..5}.corp.example")},
				Clients: []string{"ios"}, Log: true, Tags: []string{"mdm", "x"}, Pin: policy.Observe, Upstream: "isp",
				Answer: policy.Answer{Kind: policy.AnswerForward}, MaxTTL: 5 * time.Minute,
			},
			{
				Name: "cname", Names: []matcher.Pattern{pattern("a.example")}, Upstream: "default",
				Answer: policy.Answer{Kind: policy.AnswerCNAME, Target: target},
				Sets:   []policy.Set{{Family: "inet", Table: "filter", Name: "mdm4"}, {Family: "ip6", Table: "fw", Name: "mdm-6"}}, SetsAll: true,
			},
			{
				Name: "addresses", Names: []matcher.Pattern{pattern("c.example")},
				Answer: policy.Answer{Kind: policy.AnswerAddresses, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")}},
			},
			{
				Name: "one", Names: []matcher.Pattern{pattern("d.example")},
				Answer: policy.Answer{Kind: policy.AnswerAddresses, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}},
			},
		},
	}
	got := *cfg
	got.Digest, got.Zones, got.Policy = "", nil, nil
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	corp := &zones.Zone{
		Name: "corp", File: "/etc/config.toml",
		Rows: []zones.Row{{
			Name: "inline", Line: 45, Patterns: matcher.ListOf(pattern("*.corp.example")), Prefixes: []netip.Prefix{prefix("10.0.0.0/8")},
			Ports: []zones.Port{{Protocol: "tcp", First: 443, Last: 443}}, Required: true,
		}},
	}
	if diff := cmp.Diff(corp, zone(cfg, "corp"), cmpopts.EquateEmpty(), cmp.Comparer(samePatterns),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("zone corp (-want +got):\n%s", diff)
	}
	if zone(cfg, "intune") == nil {
		t.Error("the zones of the edition are not loaded")
	}
}

// zone gives a loaded zone.
func zone(cfg *config.Config, name string) *zones.Zone {
	for _, z := range cfg.Zones {
		if z.Name == name {
			return z
		}
	}
	return nil
}

func TestDefault(t *testing.T) {
	cfg := config.Default()
	if cfg.Path != "" || len(cfg.Upstreams) != 0 || cfg.Edition != zones.DefaultEdition {
		t.Errorf("Default = path %q, upstreams %v, edition %s; want none of the first two", cfg.Path, cfg.Upstreams, cfg.Edition)
	}
	want := []policy.Rule{{Name: "published", AllZones: true, Log: true, Pin: policy.Observe}}
	if diff := cmp.Diff(want, cfg.Rules, compare); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if got, want := len(cfg.Zones), len(zones.BundledNames(zones.DefaultEdition)); got != want {
		t.Errorf("%d zones, want all %d of the edition", got, want)
	}
}

func TestDefaultRuleStandsWhereAFileHasNone(t *testing.T) {
	cfg, problems := config.Parse("c.toml", []byte("[server]\nlisten = ['127.0.0.1:53']\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(cfg.Rules) != 1 || cfg.Rules[0].Name != "published" {
		t.Errorf("rules = %+v, want the rule published", cfg.Rules)
	}
}

// write makes a file below dir and gives its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadReadsZoneFiles(t *testing.T) {
	dir := t.TempDir()
	zoneFile := write(t, dir, "zones/corp.toml", "title = 'Corp'\n[row.all]\nnames = ['.corp.example']\nprefixes = ['10.0.0.0/8']\n")
	list := write(t, t.TempDir(), "ads.txt", "ads.example\n*.ads.example\n")
	text := "[zone.corp]\nfile = 'zones/corp.toml'\n[zone.intune]\nfile = '" + list + "'\nformat = 'list'\n[rule.a]\nzones = ['corp', 'intune']\nanswer = 'nxdomain'\n"
	path := write(t, dir, "config.toml", text)
	cfg, files, problems := config.LoadFiles(path)
	if cfg == nil || len(problems) != 1 || !problems[0].Warning {
		t.Fatalf("problems = %v, want only the warning of the replaced zone", problems)
	}
	if diff := cmp.Diff([]config.File{config.Stat(path), config.Stat(zoneFile), config.Stat(list)}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if z := zone(cfg, "corp"); z == nil || z.Title != "Corp" || !z.HasRanges() {
		t.Errorf("zone corp = %+v, want that of the file", z)
	}
	if z := zone(cfg, "intune"); z == nil || z.HasRanges() || z.Rows[0].Patterns.Len() != 2 {
		t.Errorf("zone intune = %+v, want the list in place of the bundled zone", z)
	}
}

func TestLoadShowsProblemsOfZoneFilesAfterItsOwn(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.toml", "[row.all]\nnames = ['b..example']\n")
	write(t, dir, "a.txt", "ok.example\n#-a.example\nA.example\n")
	path := write(t, dir, "config.toml", "[zone.b]\nfile = 'b.toml'\n[zone.a]\nfile = 'a.txt'\nformat = 'list'\n[zone.none]\nfile = '.'\n[rule.a]\nzones = ['a', 'b']\npin = 5\n")
	cfg, problems := config.Load(path)
	want := `config.toml:7: zone.none.file: reading DIR: is a directory
config.toml:10: rule.a.pin: want "observe", "prefer", "enforce" or "substitute", have an integer
b.toml:2: row.all.names[0]: pattern "b..example": empty label: two dots with nothing between them, or a dot too many at an end
a.txt:2: warning: "#-a.example" is a comment; if # stands for a number, write {0..50}-a.example
a.txt:3: warning: "A.example": made upper case lower case; read as "a.example"
`
	got := strings.ReplaceAll(strings.ReplaceAll(problems.String(), dir+"/", ""), dir, "DIR")
	if diff := cmp.Diff(want, got); cfg != nil || diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLoadOfNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	cfg, problems := config.Load(path)
	want := path + ": no such file or directory\n"
	if cfg != nil || problems.String() != want {
		t.Errorf("problems = %q, want %q", problems, want)
	}
}

func TestDigest(t *testing.T) {
	dir := t.TempDir()
	list := write(t, dir, "a.txt", "a.example\n")
	digest := func(text string) string {
		t.Helper()
		cfg, problems := config.Load(write(t, dir, "config.toml", text))
		if cfg == nil {
			t.Fatal(problems)
		}
		return cfg.Digest
	}
	text := "[zone.a]\nfile = 'a.txt'\nformat = 'list'\n"
	first := digest(text)
	if !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(first) {
		t.Errorf("Digest = %q, want 8 hexadecimal digits", first)
	}
	if again := digest(text); again != first {
		t.Errorf("Digest of the same files = %s, then %s", first, again)
	}
	if other := digest(text + "# changed\n"); other == first {
		t.Error("Digest does not see that the configuration changed")
	}
	if err := os.WriteFile(list, []byte("b.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if other := digest(text); other == first {
		t.Error("Digest does not see that the list changed")
	}
}

func TestParseWithoutAPathSaysTheLine(t *testing.T) {
	_, problems := config.Parse("", []byte("\n[rule.a]\nzones = ['nothing']\npin = 'x'\n[sevrer]\n"))
	want := "line 4: rule.a.pin: \"x\": want one of observe, prefer, enforce, substitute\n"
	if got := problems.String(); !strings.Contains(got, want) {
		t.Errorf("problems:\n%swant among them\n%s", got, want)
	}
}

// FuzzParse holds that no text makes the loader panic, and that a Config comes
// exactly where nothing is worse than a warning.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("[[rule]]\nx = 1\n[zone.a]\nfile = 5\n[server]\nlisten = ['::1%x', '[]:5']\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "file") {
			return // no reading of whatever files there are
		}
		if cfg, problems := config.Parse("c.toml", data); (cfg == nil) != problems.Errors() {
			t.Errorf("Config is nil: %v, problems %v", cfg == nil, problems)
		}
	})
}

func samePatterns(a, b matcher.List) bool {
	samePattern := func(p, q matcher.Pattern) bool { return p.String() == q.String() }
	return slices.EqualFunc(slices.Collect(a.All()), slices.Collect(b.All()), samePattern)
}
