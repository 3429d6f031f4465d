package server_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// knowing is an upstream group that knows how its servers do.
type knowing struct {
	exchange
	servers []upstream.ServerState
}

// Servers are the states.
func (k knowing) Servers() []upstream.ServerState { return k.servers }

// TestServersAreShown holds that what a group knows of its servers is in the status and in the
// metrics, each server once.
func TestServersAreShown(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	group := knowing{servers: []upstream.ServerState{
		{Name: "192.0.2.53", State: upstream.StateOK, RTT: 11 * time.Millisecond, Queries: 9, Answers: 7, Timeouts: 1, Errors: 1, Cookies: true},
		{Name: "tls://192.0.2.54", State: upstream.StateResting, Until: until, Queries: 4, Timeouts: 4, WithoutEDNS: true, LowerCase: true},
		{Name: "192.0.2.55", State: upstream.StateProbing},
		{Name: "192.0.2.55", State: upstream.StateProbing},
	}}
	b, err := newBench(t, silent, notAsked(t)).Again(func(config.Upstream) server.Exchanger { return group })
	if err != nil {
		t.Fatal(err)
	}
	want := []server.ServerStatus{
		{Address: "192.0.2.53", State: "ok", RTT: 11, Queries: 9, Answers: 7, Timeouts: 1, Errors: 1, Features: []string{"cookies"}},
		{Address: "tls://192.0.2.54", State: "resting", Until: until, Queries: 4, Timeouts: 4, Features: []string{"without EDNS", "lower case"}},
		{Address: "192.0.2.55", State: "probing", Features: []string{}},
		{Address: "192.0.2.55", State: "probing", Features: []string{}},
	}
	if d := cmp.Diff(want, b.Status().Upstreams[0].Servers); d != "" {
		t.Errorf("status (-want +got):\n%s", d)
	}
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	got := map[string]float64{}
	for key, value := range scrape(t, h) {
		if short, ok := strings.CutPrefix(key, "splitdns_upstream_server_"); ok {
			got[strings.ReplaceAll(short, "group=default server=", "")] = value
		}
	}
	figures := map[string]float64{
		"up 192.0.2.53": 1, "up tls://192.0.2.54": 0, "up 192.0.2.55": 0, "rtt_seconds 192.0.2.53": 0.011,
		"queries_total 192.0.2.53": 9, "queries_total tls://192.0.2.54": 4, "queries_total 192.0.2.55": 0,
		"timeouts_total 192.0.2.53": 1, "timeouts_total tls://192.0.2.54": 4, "timeouts_total 192.0.2.55": 0,
		"errors_total 192.0.2.53": 1, "errors_total tls://192.0.2.54": 0, "errors_total 192.0.2.55": 0,
	}
	if d := cmp.Diff(figures, got); d != "" {
		t.Errorf("metrics (-want +got):\n%s", d)
	}
}

// TestServersThatNobodyKnows holds that simulated servers are named, and nothing made up of them.
func TestServersThatNobodyKnows(t *testing.T) {
	t.Parallel()
	b := newBench(t, silent, notAsked(t))
	want := []server.ServerStatus{{Address: "192.0.2.53", Features: []string{}}}
	if d := cmp.Diff(want, b.Status().Upstreams[0].Servers); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestPrivateAddressesAreCounted holds that they are counted each time that they are removed, and
// are no act of the pin of a rule that has matched.
func TestPrivateAddressesAreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "[rule.held]\nnames = [\"in.example\"]\npin = \"enforce\"\n", says(t, "in.example. 60 IN A 10.0.0.9\nin.example. 60 IN A 192.0.2.1"))
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	for range 3 {
		ask(t, b, "in.example")
	}
	got := scrape(t, h)
	if n := got["splitdns_upstream_private_addresses_total group=default"]; n != 3 || b.Status().Upstreams[0].Private != 3 {
		t.Errorf("%v and %+v, want 3", n, b.Status().Upstreams)
	}
	if n, ok := got["splitdns_rule_acts_total rule=held act=enforce"]; ok {
		t.Errorf("%v acts of a pin that changed nothing", n)
	}
}

// TestSourcesAreDocumented has answers from everywhere, and holds that the label source has
// those values that the table of metrics lists, and no others.
func TestSourcesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("internal/metrics/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	row := regexp.MustCompile(`(?m)^\| source \|.*$`).Find(text)
	for _, m := range regexp.MustCompile("`([^`]+)`:").FindAllSubmatch(row, -1) {
		want = append(want, string(m[1]))
	}
	slices.Sort(want)
	c := localConfig(t, "[rule.blocked]\nnames = ['x.ads.example']\nanswer = 'nxdomain'\n")
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		b, err := server.NewBench(c, func(config.Upstream) server.Exchanger {
			return behind(func(q wire.UpstreamQuery) (wire.Message, string, error) {
				time.Sleep(time.Second)
				if down.Load() {
					return wire.Message{}, "", errDown
				}
				return respond(t, q.Question, "www.example. 60 IN A 192.0.2.1"), "192.0.2.53", nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		for range 2 { // a miss, and one that shares it
			both.Go(func() { ask(t, b, "www.example") })
		}
		both.Wait()
		for _, name := range []string{"www.example", "www.example", "www.lab.example", "localhost", "x.ads.example"} {
			ask(t, b, name)
		}
		time.Sleep(time.Minute)
		down.Store(true)
		ask(t, b, "www.example")
		var got []string
		for source := range b.Status().Queries.Sources {
			got = append(got, source)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("README.md and what was counted (-want +got):\n%s", d)
		}
	})
}
