package metrics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"splitdns/server/internal/metrics"
)

// full is a page with a figure for each metric.
func full() *metrics.Page {
	p, b := new(metrics.Page), new(metrics.Book)
	b.Group("default").End(3*time.Millisecond, true)
	for _, m := range metrics.All {
		labels := slices.Repeat([]string{`a "quoted" \ value` + "\n\xff"}, len(m.Labels))
		if m.Type == "histogram" {
			p.AddHistogram(m.Name, b.Groups()["default"].Took, labels...)
			continue
		}
		p.Add(m.Name, 1.5, labels...)
	}
	return p
}

// parse reads a page as Prometheus does.
func parse(t *testing.T, page []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	return families
}

// TestPageIsReadByPrometheus holds that its own parser and lint find nothing wrong.
func TestPageIsReadByPrometheus(t *testing.T) {
	page := full().Text()
	families := parse(t, page)
	for _, m := range metrics.All {
		f := families[m.Name]
		if f == nil {
			t.Errorf("%s is missing", m.Name)
			continue
		}
		if strings.ToLower(f.GetType().String()) != m.Type || f.GetHelp() != m.Help {
			t.Errorf("%s: %v %q, want %s %q", m.Name, f.GetType(), f.GetHelp(), m.Type, m.Help)
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
			if want := "a \"quoted\" \\ value\n\uFFFD"; l.GetValue() != want {
				t.Errorf("%s: label %q, want %q", m.Name, l.GetValue(), want)
			}
		}
		if d := cmp.Diff(m.Labels, labels); d != "" {
			t.Errorf("%s: labels (-want +got): %s", m.Name, d)
		}
	}
	if len(families) != len(metrics.All) {
		t.Errorf("%d metrics, want %d", len(families), len(metrics.All))
	}
	problems, err := promlint.New(bytes.NewReader(page)).Lint()
	if len(problems) > 0 || err != nil {
		t.Errorf("promlint: %v %v", problems, err)
	}
}

// FuzzLabels holds that no label breaks a page, and each is read back.
func FuzzLabels(f *testing.F) {
	f.Add("default", "NOERROR")
	f.Add("a\"} 1\nevil 2\n#", "\\\\\n\r\x00")
	f.Fuzz(func(t *testing.T, rule, act string) {
		p := new(metrics.Page)
		p.Add("splitdns_rule_acts_total", 1, rule, act)
		families := parse(t, p.Text())
		if len(families) != 1 {
			t.Fatalf("%d metrics in\n%s", len(families), p.Text())
		}
		for i, want := range []string{rule, act} {
			want = strings.ToValidUTF8(want, "\uFFFD")
			if got := families["splitdns_rule_acts_total"].GetMetric()[0].GetLabel()[i].GetValue(); got != want {
				t.Errorf("label %q, want %q", got, want)
			}
		}
	})
}

func TestHistogram(t *testing.T) {
	var b metrics.Book
	g := b.Group("default")
	for _, took := range []time.Duration{0, 500 * time.Microsecond, 501 * time.Microsecond, 5 * time.Second, time.Minute} {
		g.Begin()
		g.End(took, true)
	}
	g.Begin()
	g.End(time.Second, false)
	x := b.Groups()["default"]
	if x.Begun != 6 || x.Answered != 5 || x.Failed != 1 {
		t.Errorf("%+v, want 6 begun, 5 answered, 1 failed", x)
	}
	p := new(metrics.Page)
	p.AddHistogram("splitdns_upstream_rtt_seconds", x.Took, "default")
	h := parse(t, p.Text())["splitdns_upstream_rtt_seconds"].GetMetric()[0].GetHistogram()
	if h.GetSampleCount() != 5 || h.GetSampleSum() < 65.001 || h.GetSampleSum() > 65.0011 {
		t.Errorf("%d samples of %v, want 5 of 65.001 s", h.GetSampleCount(), h.GetSampleSum())
	}
	want := map[float64]uint64{0.0005: 2, 0.001: 3, 2: 3, 5: 4}
	for _, bucket := range h.GetBucket() {
		if n, ok := want[bucket.GetUpperBound()]; ok && n != bucket.GetCumulativeCount() {
			t.Errorf("%d within %v s, want %d", bucket.GetCumulativeCount(), bucket.GetUpperBound(), n)
		}
	}
}

func TestPagePanics(t *testing.T) {
	for what, add := range map[string]func(p *metrics.Page){
		"an unknown name":  func(p *metrics.Page) { p.Add("splitdns_other", 1) },
		"too few labels":   func(p *metrics.Page) { p.Add("splitdns_rule_acts_total", 1, "rule") },
		"too many of them": func(p *metrics.Page) { p.Add("go_goroutines", 1, "rule") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s passes", what)
				}
			}()
			add(new(metrics.Page))
		}()
	}
}

// TestKindsAreBounded gives a book more kinds than it tells apart: every query is
// counted all the same, and rules' names leave room for what else there is.
func TestKindsAreBounded(t *testing.T) {
	var b metrics.Book
	tally := b.Open("udp")
	const rules = 5000
	for i := range rules {
		k := metrics.Kind{Source: "hit", Rcode: "NOERROR", Rule: fmt.Sprintf("r%d", i)}
		tally.Count(b.Slot(k))
		tally.Count(b.Slot(k))
	}
	plain := metrics.Kind{Source: "miss", Rcode: "NXDOMAIN"}
	tally.Count(b.Slot(plain))
	kinds, total, others, plains := 0, uint64(0), uint64(0), uint64(0)
	b.Each(func(transport string, k metrics.Kind, n uint64) {
		kinds++
		total += n
		switch {
		case transport != "udp":
			t.Errorf("transport %q", transport)
		case k.Rule == metrics.Other:
			others += n
		case k == plain:
			plains += n
		}
	})
	if total != 2*rules+1 || kinds > 1024 || others < rules || plains != 1 {
		t.Errorf("%d kinds with %d queries, %d of other rules, %d without", kinds, total, others, plains)
	}
	for i := range 3000 { // no more room at all
		tally.Count(b.Slot(metrics.Kind{Source: fmt.Sprint(i)}))
	}
	total = 0
	b.Each(func(_ string, _ metrics.Kind, n uint64) { total += n })
	if total != 2*rules+1+3000 {
		t.Errorf("%d queries, want %d", total, 2*rules+1+3000)
	}
	for i := range 1000 {
		b.Group(fmt.Sprint(i)).Begin()
	}
	if groups := b.Groups(); len(groups) > 257 || groups[metrics.Other].Begun < 700 {
		t.Errorf("%d groups, %d exchanges of others", len(groups), groups[metrics.Other].Begun)
	}
}

// TestBookIsATwinOfAMap counts at random from several goroutines, and compares.
func TestBookIsATwinOfAMap(t *testing.T) {
	var b metrics.Book
	var mu sync.Mutex
	want, got := map[string]uint64{}, map[string]uint64{}
	var wg sync.WaitGroup
	for _, transport := range []string{"udp", "udp", "tcp", ""} {
		tally := b.Open(transport)
		name := transport
		if transport == "" {
			tally, name = nil, metrics.Other
		}
		wg.Go(func() {
			for range 2000 {
				k := metrics.Kind{Source: fmt.Sprint(rand.IntN(5)), Rcode: fmt.Sprint(rand.IntN(5)), Rule: fmt.Sprint(rand.IntN(3))}
				b.Or(tally).Count(b.Slot(k))
				mu.Lock()
				want[fmt.Sprint(name, k)]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	b.Each(func(transport string, k metrics.Kind, n uint64) { got[fmt.Sprint(transport, k)] += n })
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCountDoesNotAllocate(t *testing.T) {
	var b metrics.Book
	tally, k := b.Open("udp"), metrics.Kind{Source: "hit", Rcode: "NOERROR", Rule: "mdm"}
	b.Slot(k)
	if n := testing.AllocsPerRun(1000, func() { b.Or(tally).Count(b.Slot(k)) }); n != 0 {
		t.Errorf("counting allocates %v times, want 0", n)
	}
}

// BenchmarkCount is what a finished answer pays.
func BenchmarkCount(b *testing.B) {
	var book metrics.Book
	tally, slot := book.Open("udp"), book.Slot(metrics.Kind{Source: "finished"})
	for b.Loop() {
		book.Or(tally).Count(slot)
	}
}

// BenchmarkSlot is what every other answer pays besides.
func BenchmarkSlot(b *testing.B) {
	var book metrics.Book
	k := metrics.Kind{Source: "hit", Rcode: "NOERROR", Rule: "mdm", Verdict: "inside"}
	for b.Loop() {
		book.Slot(k)
	}
}

// TestDocumented holds that README.md has each metric with its type, labels and meaning, and no other.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range metrics.All {
		labels := ""
		for _, l := range m.Labels {
			labels += " `" + l + "`"
		}
		want = append(want, fmt.Sprintf("| `%s` | %s |%s | %s |", m.Name, m.Type, labels, m.Help))
	}
	got := regexp.MustCompile("(?m)^\\| `.*$").FindAllString(string(text), -1)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("README.md (-want +got):\n%s", d)
	}
}

// TestBoard holds that the board is JSON, that each metric in it exists, and that
// it shows each metric of ours.
func TestBoard(t *testing.T) {
	text, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || board.Title == "" {
		t.Fatalf("%v, title %q", err, board.Title)
	}
	shown := map[string]bool{}
	suffix := regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, p := range board.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`\b(splitdns|go|process)_\w+`).FindAllString(target.Expr, -1) {
				if !slices.ContainsFunc(metrics.All, func(m metrics.Metric) bool { return m.Name == name }) {
					name = suffix.ReplaceAllString(name, "")
				}
				shown[name] = true
			}
		}
	}
	if !strings.Contains(string(text), `source=\"stale\"`) {
		t.Error("the board does not show stale answers by themselves")
	}
	want := map[string]bool{}
	for _, m := range metrics.All {
		want[m.Name] = true
	}
	if d := cmp.Diff(want, shown); d != "" {
		t.Errorf("metrics of the board (-want +got):\n%s", d)
	}
}
