//go:build linux

package main

import (
	"fmt"
	"io"
	"time"
)

// A setsReport turns the runs of servers with and without sets into tables.
type setsReport struct{ report }

// write writes the report in Markdown.
func (r setsReport) write(w io.Writer) {
	fmt.Fprintf(w, "# What sets cost\n\n%s\n\n", r.Machine)
	fmt.Fprintf(w, "Medians of the rounds, and their spread in brackets; ratios are to the same round without sets. CPU: user and system\n"+
		"seconds of the server for a million answers, with %d queries under way. Latencies in milliseconds, at the rate above the\n"+
		"table: of hits, where there are any.\n\n", window)
	for _, wl := range r.workloads {
		wl.Title = fmt.Sprintf("%s: %s; then %.0f queries/s", wl.Name, wl.Title, wl.Phases[1].Rate)
		r.table(w, wl, r.setsColumns(wl))
	}
}

// setsColumns are the columns of each table.
func (r setsReport) setsColumns(wl workload) []column {
	base := r.of(wl.Name, r.base)
	columns := []column{
		{"CPU s/M", r.figure(mainPhase, result.perMillion, "%.2f")},
		{"×", r.ratio(base, mainPhase, result.perMillion)},
		{"queries/s", r.capacity},
		{"×", r.capacityRatio(base)},
		{"loss", r.loss(mainPhase)},
		{"then CPU s/M", r.figure(latencyPhase, result.perMillion, "%.2f")},
		{"×", r.ratio(base, latencyPhase, result.perMillion)},
		{"loss", r.loss(latencyPhase)},
	}
	for _, q := range []struct {
		head string
		of   func(latency) time.Duration
	}{
		{"p50", func(l latency) time.Duration { return l.P50 }},
		{"p99", func(l latency) time.Duration { return l.P99 }},
		{"p999", func(l latency) time.Duration { return l.P999 }},
	} {
		milliseconds := milliseconds(q.of)
		columns = append(columns, column{q.head, r.figure(latencyPhase, milliseconds, "%.3f")}, column{"×", r.ratio(base, latencyPhase, milliseconds)})
	}
	return columns
}
