package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"splitdns/server/config"
	"splitdns/server/internal/querylog"
	"splitdns/server/replay"
)

// rules is the configuration that the logs below are held against.
const rules = `
[server]
allow = ["10.0.0.0/8"]
[upstream.default]
servers = ["9.9.9.9"]
[upstream.isp]
servers = ["192.0.2.53"]
[zone.vendor]
names    = ["*.vendor.example"]
prefixes = ["192.0.2.0/24"]
[client.phones]
addresses = ["10.2.0.0/16"]
[rule.vendor]
zones = ["vendor"]
log   = true
tags  = ["mdm"]
pin   = "enforce"
[rule.phones]
names    = [".phones.example"]
clients  = ["phones"]
log      = true
upstream = "isp"
[rule.ads]
names  = [".ads.example"]
answer = "nxdomain"
log    = true
[rule.moved]
names  = ["moved.example"]
answer = "new.example"
log    = true
`

// parse reads a configuration.
func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	c, problems := config.Parse("config.toml", []byte(text))
	if c == nil {
		t.Fatal(problems)
	}
	return c
}

// run replays logs, one for each text.
func run(t testing.TB, c *config.Config, texts ...string) *replay.Report {
	t.Helper()
	o := replay.Options{Config: c}
	for i, text := range texts {
		o.Logs = append(o.Logs, replay.Log{Name: fmt.Sprintf("log%d", i), Reader: strings.NewReader(text)})
	}
	r, err := replay.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// addrs reads addresses.
func addrs(words string) (all []netip.Addr) {
	for _, w := range strings.Fields(words) {
		all = append(all, netip.MustParseAddr(w))
	}
	return all
}

// vendor is an entry that the configuration would log as it is.
func vendor() querylog.Entry {
	return querylog.Entry{
		Time: time.Unix(1_700_000_000, 0), Client: netip.MustParseAddr("10.0.0.1"), Name: "www.vendor.example", Type: "A", Rcode: "NOERROR",
		Rules: []string{"vendor"}, Zone: "vendor", Row: "inline", Tags: []string{"mdm"}, Pin: "enforce", Verdict: "mixed",
		Addresses: addrs("192.0.2.1 198.51.100.1"), Outside: addrs("198.51.100.1"), Served: addrs("192.0.2.1"), Upstream: "default", Cache: "miss",
	}
}

// lines is a log of entries.
func lines(entries ...querylog.Entry) string {
	var b []byte
	for _, e := range entries {
		b = appendLine(b, e)
	}
	return string(b)
}

// appendLine appends the line of an entry, as the server writes it.
func appendLine(dst []byte, e querylog.Entry) []byte {
	list := func(v any) any {
		if text, _ := json.Marshal(v); string(text) == "null" {
			return []string{}
		}
		return v
	}
	text, err := json.Marshal(struct {
		Time      time.Time  `json:"time"`
		Client    netip.Addr `json:"client"`
		Name      string     `json:"name"`
		Type      string     `json:"type"`
		Rcode     string     `json:"rcode"`
		Rule      any        `json:"rule"`
		Zone      string     `json:"zone"`
		Row       string     `json:"row"`
		Tags      any        `json:"tags"`
		Pin       string     `json:"pin"`
		Verdict   string     `json:"verdict"`
		Addresses any        `json:"addresses"`
		Outside   any        `json:"outside"`
		Served    any        `json:"served"`
		Upstream  string     `json:"upstream"`
		RTT       float64    `json:"rtt_ms"`
		Cache     string     `json:"cache"`
		Duration  int64      `json:"duration_us"`
		Along     []string   `json:"along,omitempty"`
	}{
		e.Time, e.Client, e.Name, e.Type, e.Rcode, list(e.Rules), e.Zone, e.Row, list(e.Tags), e.Pin, e.Verdict, list(e.Addresses),
		list(e.Outside), list(e.Served), e.Upstream, float64(e.RTT) / 1e6, e.Cache, e.Duration.Microseconds(), e.Along,
	})
	if err != nil {
		panic(err)
	}
	return append(append(dst, text...), '\n')
}

// words are changes in short, in the order of the report.
func words(r *replay.Report) (all []string) {
	for _, c := range r.Changes {
		all = append(all, fmt.Sprintf("%s %s>%s", c.Key, c.Was, c.Is))
	}
	return all
}

func TestChanges(t *testing.T) {
	c := parse(t, rules)
	plain := querylog.Entry{
		Client: netip.MustParseAddr("10.0.0.1"), Name: "www.example", Type: "A", Rcode: "NOERROR", Rules: []string{"all"}, Pin: "observe", Verdict: "no-range",
		Addresses: addrs("203.0.113.1"), Served: addrs("203.0.113.1"), Upstream: "default",
	}
	blocked := querylog.Entry{
		Client: plain.Client, Name: "x.ads.example", Type: "A", Rcode: "NXDOMAIN", Rules: []string{"ads"}, Verdict: "not-asked",
	}
	for name, test := range map[string]struct {
		entry  querylog.Entry
		change func(e *querylog.Entry)
		level  replay.Level
		want   []string
	}{
		"nothing": {vendor(), func(*querylog.Entry) {}, replay.Nothing, nil},
		"in another order": {vendor(), func(e *querylog.Entry) {
			e.Addresses = addrs("198.51.100.1 192.0.2.1")
		}, replay.Nothing, nil},
		"it was only observed": {vendor(), func(e *querylog.Entry) {
			e.Pin, e.Served = "observe", e.Addresses
		}, replay.Answers, []string{"served addresses>fewer addresses", "pin observe>enforce"}},
		"all of it goes": {vendor(), func(e *querylog.Entry) {
			e.Addresses, e.Verdict, e.Pin, e.Served = addrs("198.51.100.1"), "outside", "observe", addrs("198.51.100.1")
		}, replay.Answers, []string{"served addresses>no address", "pin observe>enforce"}},
		"it was substituted": {vendor(), func(e *querylog.Entry) {
			e.Addresses, e.Verdict, e.Pin, e.Served = addrs("198.51.100.1"), "outside", "substitute", addrs("192.0.2.9")
		}, replay.Answers, []string{"served addresses>no address", "pin substitute>enforce"}},
		"it was inside": {vendor(), func(e *querylog.Entry) {
			e.Verdict, e.Outside = "inside", nil
		}, replay.Verdicts, []string{"verdict inside>mixed"}},
		"it was not published": {vendor(), func(e *querylog.Entry) {
			e.Zone, e.Row, e.Rules, e.Tags = "", "", []string{"all"}, nil
		}, replay.Anything, []string{"row >vendor/inline", "rule >vendor", "rule all>", "tags >mdm"}},
		"it is no longer logged": {plain, func(*querylog.Entry) {}, replay.Anything, []string{"log true>false", "rule all>"}},
		"it is blocked now": {plain, func(e *querylog.Entry) {
			e.Name, e.Rules = "x.ads.example", []string{"ads"}
		}, replay.Answers, []string{
			"answered upstream>rule", "rcode NOERROR>NXDOMAIN", "served addresses>no address", "verdict no-range>not-asked", "pin observe>", "upstream default>",
		}},
		"it was blocked and is": {blocked, func(*querylog.Entry) {}, replay.Nothing, nil},
		"it was blocked": {blocked, func(e *querylog.Entry) {
			e.Name = "www.vendor.example"
		}, replay.Answers, []string{
			"answered rule>upstream", "served no address>untold", "pin >enforce", "row >vendor/inline", "rule >vendor", "rule ads>", "tags >mdm", "upstream >default",
		}},
		"it was blocked along a chain": {blocked, func(e *querylog.Entry) {
			e.Name, e.Upstream, e.Along = "www.shop.example", "default", []string{"x.ads.example"}
		}, replay.Nothing, nil},
		"the rule along the chain is gone": {blocked, func(e *querylog.Entry) {
			e.Name, e.Upstream, e.Along = "www.shop.example", "default", []string{"x.gone.example"}
		}, replay.Answers, []string{"answered rule>upstream", "served no address>untold", "log true>false", "pin >observe", "rule ads>"}},
		"a CNAME of ours": {blocked, func(e *querylog.Entry) {
			e.Name, e.Rcode, e.Rules, e.Upstream, e.Served = "moved.example", "NOERROR", []string{"moved"}, "default", addrs("203.0.113.7")
		}, replay.Nothing, nil},
		"a private address is removed now": {vendor(), func(e *querylog.Entry) {
			e.Addresses, e.Served = addrs("10.1.1.1 192.0.2.1 198.51.100.1"), addrs("10.1.1.1 192.0.2.1")
		}, replay.Answers, []string{"served addresses>fewer addresses"}},
		"another upstream": {plain, func(e *querylog.Entry) {
			e.Name, e.Rules, e.Client = "x.phones.example", []string{"phones"}, netip.MustParseAddr("10.2.3.4")
		}, replay.Anything, []string{"upstream default>isp"}},
		"a client that is no longer served": {vendor(), func(e *querylog.Entry) {
			e.Client = netip.MustParseAddr("203.0.113.9")
		}, replay.Answers, []string{
			"answered upstream>refused", "rcode NOERROR>REFUSED", "served addresses>no address", "verdict mixed>", "log true>false",
			"pin enforce>", "row vendor/inline>", "rule vendor>", "tags mdm>", "upstream default>",
		}},
		"a failure": {vendor(), func(e *querylog.Entry) {
			e.Rcode, e.Verdict, e.Addresses, e.Outside, e.Served = "SERVFAIL", "", nil, nil, nil
		}, replay.Nothing, nil},
	} {
		t.Run(name, func(t *testing.T) {
			test.change(&test.entry)
			r := run(t, c, lines(test.entry))
			got, want := words(r), slices.Sorted(slices.Values(test.want))
			slices.Sort(got)
			if d := gocmp.Diff(want, got); d != "" || r.Level() != test.level || r.Unreadable > 0 {
				t.Errorf("level %v, want %v; unreadable %v; changes (-want +got):\n%s", r.Level(), test.level, r.First, d)
			}
		})
	}
}

// TestLocalNetworks holds that nobody is taken for a stranger where "local" is served:
// which networks were local to the server is not in its log.
func TestLocalNetworks(t *testing.T) {
	c := parse(t, strings.Replace(rules, `allow = ["10.0.0.0/8"]`, `allow = ["local"]`, 1))
	e := vendor()
	e.Client = netip.MustParseAddr("203.0.113.9")
	if r := run(t, c, lines(e)); r.Changed != 0 {
		t.Errorf("changes %v, want none", words(r))
	}
}

// TestReport counts names and clients.
func TestReport(t *testing.T) {
	c := parse(t, rules)
	changed, other := vendor(), vendor()
	changed.Verdict, other.Verdict = "inside", "outside"
	other.Name = "api.vendor.example"
	var all []querylog.Entry
	for i := range 10 {
		changed.Client = netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 3)})
		all = append(all, changed, vendor())
	}
	all = append(all, other)
	r := run(t, c, lines(all...), "\n\r\nx\n"+lines(all...))
	if r.Entries != 43 || r.Unreadable != 1 || r.Changed != 22 || r.Verdicts != 22 || r.Answers != 0 || len(r.Logs) != 2 {
		t.Errorf("report %+v", r)
	}
	if want := []replay.Unreadable{{Log: "log1", Line: 3, Why: "not an object of JSON"}}; !slices.Equal(r.First, want) {
		t.Errorf("unreadable %+v, want %+v", r.First, want)
	}
	behind := replay.Behind{Zone: "vendor", Row: "inline", Rules: []string{"vendor"}}
	names := []replay.CountedName{
		{Name: "www.vendor.example", Entries: 20, Clients: 3, Behind: behind, Changes: []replay.Change{{Key: "verdict", Was: "inside", Is: "mixed"}}},
		{Name: "api.vendor.example", Entries: 2, Clients: 1, Behind: behind, Changes: []replay.Change{{Key: "verdict", Was: "outside", Is: "mixed"}}},
	}
	if d := gocmp.Diff(names, r.Names); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	clients := []replay.CountedClient{{Client: "10.0.0.0", Entries: 8}, {Client: "10.0.0.1", Entries: 8}, {Client: "10.0.0.2", Entries: 6}}
	if d := gocmp.Diff(clients, r.Clients); d != "" {
		t.Errorf("clients (-want +got):\n%s", d)
	}
}

// TestCounterIsBounded holds that the frequent words survive any number of rare ones, and
// that no count is wrong by more than is said.
func TestCounterIsBounded(t *testing.T) {
	const limit, frequent, each = 100, 20, 5000
	c, want := replay.NewCounter(limit), map[string]int64{}
	r := rand.New(rand.NewPCG(1, 2))
	count := func(word string) {
		c.Add(word)
		want[word]++
	}
	for i := range frequent * each {
		count(fmt.Sprint("frequent", r.IntN(frequent)))
		count(fmt.Sprint("rare", i))
		if i%(10*limit) == 0 { // which is dropped each time
			count("steady")
		}
	}
	for word, n := range want {
		got, kept := c.Count(word)
		if kept > 2*limit || got > n || n-got > c.Dropped() {
			t.Fatalf("%s: %d, want %d, at most %d less; %d words kept", word, got, n, c.Dropped(), kept)
		}
	}
	if c.Dropped() > each/4 {
		t.Errorf("counts may be too low by %d", c.Dropped())
	}
}

// TestLevels reads the words of --fail-on.
func TestLevels(t *testing.T) {
	for _, word := range replay.LevelWords {
		if l, ok := replay.ParseLevel(word); !ok || l.String() != word {
			t.Errorf("%s is %v", word, l)
		}
	}
	if _, ok := replay.ParseLevel("all"); ok {
		t.Error("all is a level")
	}
	if replay.Answers <= replay.Verdicts || replay.Verdicts <= replay.Anything {
		t.Error("the levels are in disorder")
	}
}
