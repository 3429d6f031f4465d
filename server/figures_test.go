package server_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"splitdns/server/internal/metrics"
	"splitdns/server/internal/wire"
)

// figures reads the figures of a page of metrics, as "NAME label=value" to the value; of a
// histogram, how many it counts.
func figures(t *testing.T, page []byte) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	all := map[string]float64{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += " " + l.GetName() + "=" + l.GetValue()
			}
			all[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if f.GetType() == dto.MetricType_HISTOGRAM {
				all[key] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return all
}

// scrape gets the metrics of b, as anybody.
func scrape(t *testing.T, h http.Handler) map[string]float64 {
	t.Helper()
	w := get(h, "203.0.113.99:4242", "metrics.example", "/metrics")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	return figures(t, w.Body.Bytes())
}

// metrics gets the page of a server that runs.
func (r *running) metrics(t *testing.T) []byte {
	t.Helper()
	resp, err := http.Get("http://" + r.HTTPAddrs()[0].String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// metricsConfig has a rule for each thing that can become of an answer.
const metricsConfig = `
[zone.vendor]
names    = ["dual.example", "only.example"]
prefixes = ["192.0.2.0/25"]
[rule.watched]
zones = ["vendor"]
pin   = "observe"
[rule.held]
names = ["only.example"]
pin   = "enforce"
[rule.blocked]
names  = ["*.ads.example"]
answer = "nxdomain"
[upstream.second]
servers = ["192.0.2.54"]
[rule.routed]
names    = ["dead.example"]
upstream = "second"
`

// TestMetricsAfterKnownTraffic asks what is known to become of it, and looks at the figures.
func TestMetricsAfterKnownTraffic(t *testing.T) {
	b := newBench(t, metricsConfig, func(q wire.UpstreamQuery) (wire.Message, string, error) {
		if q.Question.Name.String() == "dead.example" {
			return wire.Message{}, "", fmt.Errorf("no answer")
		}
		n := q.Question.Name
		return respond(t, q.Question, fmt.Sprintf("%v. 60 IN A 192.0.2.1\n%v. 60 IN A 198.51.100.1", n, n)), "192.0.2.53", nil
	})
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	for words, times := range map[string]int{
		"dual.example": 5, "only.example": 1, "x.ads.example": 3, "dead.example": 1, "www.example.net": 1, "www.example.net ANY": 1, "www.example.net CH TXT": 1,
	} {
		for range times {
			ask(t, b, words)
		}
	}
	send(t, b, question("www.example.net"), stranger, false)
	b.Serve([]byte("no query at all, but long enough for a header"), client, false)
	b.Serve([]byte{1, 2, 3}, client, false)
	if _, err := b.Flush("dual.example"); err != nil {
		t.Error(err)
	}
	b.Reload(nil, nil)
	got := scrape(t, h)
	want := map[string]float64{
		"splitdns_queries_total transport=(other)":                          16,
		"splitdns_responses_total rcode=NOERROR":                            9,
		"splitdns_responses_total rcode=NXDOMAIN":                           3,
		"splitdns_responses_total rcode=SERVFAIL":                           1,
		"splitdns_responses_total rcode=REFUSED":                            1,
		"splitdns_responses_total rcode=NOTIMP":                             1,
		"splitdns_responses_total rcode=none":                               1,
		"splitdns_answers_total source=miss":                                4,
		"splitdns_answers_total source=hit":                                 1,
		"splitdns_answers_total source=finished":                            5,
		"splitdns_answers_total source=own":                                 6,
		"splitdns_rule_queries_total rule=watched":                          5,
		"splitdns_rule_queries_total rule=held":                             1,
		"splitdns_rule_queries_total rule=blocked":                          3,
		"splitdns_rule_queries_total rule=routed":                           1,
		"splitdns_verdicts_total rule=watched verdict=mixed":                5,
		"splitdns_verdicts_total rule=held verdict=mixed":                   1,
		"splitdns_rule_acts_total rule=held act=enforce":                    1,
		"splitdns_rule_acts_total rule=blocked act=answer":                  3,
		"splitdns_upstream_queries_total group=default":                     3,
		"splitdns_upstream_answers_total group=default":                     3,
		"splitdns_upstream_errors_total group=default":                      0,
		"splitdns_upstream_rtt_seconds group=default":                       3,
		"splitdns_upstream_queries_total group=second":                      1,
		"splitdns_upstream_errors_total group=second":                       1,
		"splitdns_cache_entries":                                            3, // a failure among them
		"splitdns_cache_flushed_total":                                      1,
		"splitdns_finished_entries":                                         0,
		"splitdns_queries_in_flight":                                        0,
		"splitdns_queries_in_flight_limit":                                  10,
		"splitdns_flight_waiters":                                           0,
		"splitdns_reloads_total result=ok":                                  0,
		"splitdns_reloads_total result=refused":                             1,
		"splitdns_last_reload_ok":                                           0,
		"splitdns_config_info digest=" + b.Digest() + " edition=2026-03-24": 1,
	}
	asked := maps.Clone(want)
	for key := range asked {
		if _, ok := got[key]; ok {
			asked[key] = got[key]
		} else {
			delete(asked, key)
		}
	}
	if d := cmp.Diff(want, asked); d != "" {
		t.Errorf("(-want +got):\n%s\nall: %v", d, got)
	}
}

// TestMetricsNameNobody holds that no name that was asked for and no client is in
// the metrics, for all that a real server has to tell.
func TestMetricsNameNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	write(t, filepath.Join(dir, "list.txt"), "other.example\n")
	text := runConfig(upstreamOf(t, mixed), "enforce", "[zone.list]\nurl = 'list.txt'\nformat = 'list'\n")
	write(t, file, strings.Replace(text, "[server]\n", "[server]\nstate = 'state'\n", 1))
	r := start(t, file)
	r.hears(t, "a new copy is in force")
	for _, network := range []string{"udp", "tcp", "udp"} {
		r.asks(t, "dual.example", network)
		r.asks(t, "secret.example", network)
	}
	if w, body := fetch(t, "GET", "http://"+r.HTTPAddrs()[0].String()+"/feed/held/admitted.txt"); w.StatusCode != http.StatusServiceUnavailable { // it is early, and counted
		t.Fatalf("an address feed: %s %s", w.Status, body)
	}
	page := r.metrics(t)
	for _, word := range []string{"secret", "dual", "192.0.2"} {
		if bytes.Contains(page, []byte(word)) {
			t.Errorf("%q is in\n%s", word, page)
		}
	}
	got := figures(t, page)
	for key, want := range map[string]float64{
		"splitdns_queries_total transport=udp":                            4,
		"splitdns_queries_total transport=tcp":                            2,
		"splitdns_connections_accepted_total listener=" + r.addr:          2,
		"splitdns_queries_dropped_total listener=" + r.addr:               0,
		"splitdns_last_reload_ok":                                         1,
		"splitdns_queries_in_flight_limit":                                10_000,
		"splitdns_rule_acts_total rule=held act=enforce":                  3,
		"splitdns_verdicts_total rule=held verdict=mixed":                 3,
		"splitdns_build_info version=test goversion=" + runtime.Version(): 1,
	} {
		if value, ok := got[key]; !ok || value != want {
			t.Errorf("%s = %v, %v, want %v", key, value, ok, want)
		}
	}
	// Every metric is there after a little traffic, or has no reason to be.
	for _, m := range metrics.All {
		if runtime.GOOS != "linux" && strings.HasSuffix(m.Help, "Linux only.") {
			continue
		}
		if m.Name == "splitdns_certificate_not_after_seconds" {
			continue // there is no certificate
		}
		if strings.HasPrefix(m.Name, "splitdns_set_") {
			continue // no rule names a set; see TestSetMetrics
		}
		if m.Name == "splitdns_shadow_differences_total" {
			continue // there is no shadow
		}
		if !bytes.Contains(page, []byte("# TYPE "+m.Name+" ")) {
			t.Errorf("%s is missing", m.Name)
		}
	}
}
