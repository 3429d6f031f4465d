package metrics

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Metric is one name under which figures are given, and what they mean.
type Metric struct {
	Name   string
	Type   string // "counter", "gauge" or "histogram"
	Help   string
	Labels []string
}

// A Page is figures in the making. The zero value has none.
type Page struct {
	samples map[string][]sample // by the metric's name
}

// sample is one figure.
type sample struct {
	suffix string // of the name, in a histogram
	labels string
	value  float64
}

// ContentType is what a page is, for HTTP.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Add adds a figure to the metric of that name, with a value for each of its labels. It
// panics where All has none such.
func (p *Page) Add(name string, value float64, labels ...string) {
	p.add(name, "", value, pairs(p.metric(name), labels))
}

// AddHistogram is Add for a histogram.
func (p *Page) AddHistogram(name string, h Histogram, labels ...string) {
	common := pairs(p.metric(name), labels)
	total := uint64(0)
	for i, n := range h.Counts {
		total += n
		bound := "+Inf"
		if i < len(waits) {
			bound = strconv.FormatFloat(waits[i].Seconds(), 'g', -1, 64)
		}
		p.add(name, "_bucket", float64(total), append(slices.Clip(common), pair("le", bound)))
	}
	p.add(name, "_sum", h.Sum.Seconds(), common)
	p.add(name, "_count", float64(total), common)
}

// metric returns the metric of that name.
func (p *Page) metric(name string) Metric {
	i := slices.IndexFunc(All, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		panic("metrics: there is no " + name)
	}
	return All[i]
}

// add adds a sample.
func (p *Page) add(name, suffix string, value float64, labels []string) {
	if p.samples == nil {
		p.samples = map[string][]sample{}
	}
	p.samples[name] = append(p.samples[name], sample{suffix, strings.Join(labels, ","), value})
}

// pairs are the labels of m with their values.
func pairs(m Metric, values []string) []string {
	if len(values) != len(m.Labels) {
		panic(fmt.Sprintf("metrics: %s has the labels %q, not %q", m.Name, m.Labels, values))
	}
	var all []string
	for i, label := range m.Labels {
		all = append(all, pair(label, values[i]))
	}
	return all
}

// pair is a label with its value, which may hold any octets.
func pair(label, value string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	return label + `="` + escape.Replace(strings.ToValidUTF8(value, "\uFFFD")) + `"`
}

// Text is the page as Prometheus reads it, with the metrics in the order of All.
func (p *Page) Text() []byte {
	var b bytes.Buffer
	for _, m := range All {
		samples := p.samples[m.Name]
		if len(samples) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.Name, m.Help, m.Name, m.Type)
		for _, s := range samples {
			b.WriteString(m.Name + s.suffix)
			if s.labels != "" {
				b.WriteString("{" + s.labels + "}")
			}
			b.WriteString(" " + strconv.FormatFloat(s.value, 'g', -1, 64) + "\n")
		}
	}
	return b.Bytes()
}
