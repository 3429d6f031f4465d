//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A report turns runs into tables.
type report struct {
	record
	workloads []workload
	servers   []string // in the order of the tables
}

// none stands in a cell without a figure.
const none = "–"

// write writes the report in Markdown.
func (r report) write(w io.Writer) {
	fmt.Fprintf(w, "# splitdns and others on one core\n\n%s\n\n", r.Machine)
	fmt.Fprintf(w, "Medians of the rounds, and their spread in brackets; ratios are to the echo of the same round. CPU: user and system\n"+
		"seconds of the server for a million answers. Memory: at the end, and at most. Start: until the first right answer.\n\n")
	for _, wl := range r.workloads {
		r.table(w, wl)
	}
	r.sources(w)
}

// table writes the table of a workload, if any server was measured, and what there is
// to say about it.
func (r report) table(w io.Writer, wl workload) {
	fmt.Fprintf(w, "## %s\n\n", wl.Title)
	columns := r.columns(wl)
	head, rule := "| server |", "|:--|"
	for _, c := range columns {
		head, rule = head+" "+c.head+" |", rule+"--:|"
	}
	above := head + "\n" + rule + "\n"
	for _, server := range r.servers {
		runs := r.of(wl.Name, server)
		if len(runs) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s| %s |", above, server)
		above = ""
		for _, c := range columns {
			fmt.Fprintf(w, " %s |", c.cell(runs))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	for _, note := range r.notes(wl) {
		fmt.Fprintf(w, "- %s\n", note)
	}
	fmt.Fprintln(w)
}

// of are the runs of a server under a workload that came to an end.
func (r report) of(workload, server string) []run {
	var out []run
	for _, one := range r.Runs {
		if one.Workload == workload && one.Server == server && one.Error == "" {
			out = append(out, one)
		}
	}
	return out
}

// A column is one figure of a table.
type column struct {
	head string
	cell func(runs []run) string
}

// columns are the columns of a workload's table.
func (r report) columns(wl workload) []column {
	base := r.of(wl.Name, echoName)
	columns := []column{
		{"CPU s/M", r.figure(mainPhase, result.perMillion, "%.2f")},
		{"of it user", r.figure(mainPhase, result.userPerMillion, "%.2f")},
		{"× echo", r.ratio(base, mainPhase, result.perMillion)},
	}
	latencies := mainPhase
	for _, p := range wl.Phases {
		switch {
		case p.Name == mainPhase && p.closed():
			columns = append(columns, column{"queries/s", r.capacity}, column{"of echo", r.capacityRatio(base)})
		case p.Name == listedPhase:
			columns = append(columns, column{"listed s/M", r.figure(listedPhase, result.perMillion, "%.2f")},
				column{"to cached", r.toCached})
		case p.Name == latencyPhase:
			latencies = latencyPhase
		}
	}
	columns = append(columns, column{"loss", r.loss})
	return append(columns,
		r.latency("p50", latencies, func(l latency) time.Duration { return l.P50 }),
		r.latency("p99", latencies, func(l latency) time.Duration { return l.P99 }),
		r.latency("p999", latencies, func(l latency) time.Duration { return l.P999 }),
		column{"memory", memoryCell},
		column{"start", startCell},
	)
}

// values are what the rounds gave for a phase.
func values(runs []run, phase string, figure func(result) float64) map[int]float64 {
	out := map[int]float64{}
	for _, one := range runs {
		if p, ok := one.Phases[phase]; ok {
			out[one.Round] = figure(p)
		}
	}
	return out
}

// spreadCell is a spread in a cell.
func spreadCell(values []float64, format string) string {
	s := spreadOf(values)
	if s.Runs == 0 {
		return none
	}
	if s.Runs == 1 {
		return fmt.Sprintf(format, s.Median)
	}
	return fmt.Sprintf(format+" ("+format+"–"+format+")", s.Median, s.Min, s.Max)
}

// figure makes the cells of a figure.
func (r report) figure(phase string, of func(result) float64, format string) func([]run) string {
	return func(runs []run) string {
		return spreadCell(mapValues(values(runs, phase, of)), format)
	}
}

// mapValues are the values of m.
func mapValues(m map[int]float64) []float64 {
	var out []float64
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// ratio makes the cells of a figure's ratio to that of base in the same round.
func (r report) ratio(base []run, phase string, of func(result) float64) func([]run) string {
	return func(runs []run) string {
		return spreadCell(ratios(values(runs, phase, of), values(base, phase, of)), "%.2f")
	}
}

// toCached is what the list costs a hit: the ratio to the workload "cached".
func (r report) toCached(runs []run) string {
	base := r.of("cached", runs[0].Server)
	return spreadCell(ratios(values(runs, mainPhase, result.perMillion), values(base, mainPhase, result.perMillion)), "%.2f")
}

// capacity is the cell of queries/s; where these are not the server's limit, it says
// so.
func (r report) capacity(runs []run) string {
	thousands := func(p result) float64 { return p.qps() / 1000 }
	cell := r.figure(mainPhase, thousands, "%.0f k")(runs)
	if s := r.heldBack(runs); s != saturated {
		cell += ", " + string(s)
	}
	return cell
}

// capacityRatio makes the cells of the ratio of queries/s, which is refused unless it
// is one of two servers that could take no more.
func (r report) capacityRatio(base []run) func([]run) string {
	return func(runs []run) string {
		if s := r.heldBack(runs); s != saturated {
			return string(s)
		}
		if s := r.heldBack(base); s != saturated {
			return "echo " + string(s)
		}
		return r.ratio(base, mainPhase, result.qps)(runs)
	}
}

// heldBack is what held back any of the rounds, the load generator before others.
func (r report) heldBack(runs []run) saturation {
	worst := saturated
	for _, one := range runs {
		s := one.Phases[mainPhase].saturation(r.Machine.Layout)
		if s == generatorBound {
			return s
		}
		worst = cmp.Or(worst, s)
	}
	return worst
}

// loss is the cell of the loss, in all phases.
func (r report) loss(runs []run) string {
	var most []float64
	for _, one := range runs {
		var worst float64
		for _, p := range one.Phases {
			worst = max(worst, p.loss())
		}
		most = append(most, worst)
	}
	s := spreadOf(most)
	if s.Max == 0 {
		return "0"
	}
	return fmt.Sprintf("%.3f %%", 100*s.Median)
}

// latency makes a column of a quantile: of hits, or of misses where all are.
func (r report) latency(head, phase string, of func(latency) time.Duration) column {
	milliseconds := func(p result) float64 {
		l := p.Hits
		if l.Count == 0 {
			l = p.Misses
		}
		return of(l).Seconds() * 1000
	}
	return column{head + " ms", r.figure(phase, milliseconds, "%.3f")}
}

// memoryCell is what the server had in memory.
func memoryCell(runs []run) string {
	var rss, peak []float64
	for _, one := range runs {
		rss, peak = append(rss, float64(one.Memory.RSS)/1e6), append(peak, float64(one.Memory.Peak)/1e6)
	}
	return fmt.Sprintf("%.0f, %.0f MB", spreadOf(rss).Median, spreadOf(peak).Median)
}

// startCell is how long the server took to answer.
func startCell(runs []run) string {
	var starts []float64
	for _, one := range runs {
		starts = append(starts, one.Start.Seconds())
	}
	return fmt.Sprintf("%.2f s", spreadOf(starts).Median)
}

// sources says who was measured, who was not, and how well the load generator does.
func (r report) sources(w io.Writer) {
	fmt.Fprint(w, "## Servers\n\n")
	for _, name := range r.servers {
		fmt.Fprintf(w, "- %s: %s\n", name, r.Servers[name])
	}
	if ceilings := values(r.of("cached", echoName), mainPhase, result.ceiling); len(ceilings) > 0 {
		fmt.Fprintf(w, "- the load generator: %s queries/s with its core to itself, by its CPU time against the echo\n",
			spreadCell(mapValues(ceilings), "%.0f"))
	}
	var packages []string
	for _, m := range r.Missing {
		fmt.Fprintf(w, "- %s: not installed\n", m.Name)
		packages = append(packages, m.Package)
	}
	if len(packages) > 0 {
		fmt.Fprintf(w, "\nTo compare with all, on Debian: `apt-get install --no-install-recommends %s`\n", strings.Join(packages, " "))
	}
}

// notes are what a reader of a workload's table must know: each with the servers
// that it is about.
func (r report) notes(wl workload) []string {
	about := map[string][]string{}
	var order []string
	for _, one := range r.Runs {
		if one.Workload != wl.Name {
			continue
		}
		for _, note := range one.notes() {
			if about[note] == nil {
				order = append(order, note)
			}
			if !slices.Contains(about[note], one.Server) {
				about[note] = append(about[note], one.Server)
			}
		}
	}
	for i, note := range order {
		order[i] = strings.Join(about[note], ", ") + ": " + note
	}
	if n := len(r.of(wl.Name, echoName)); n < r.Pace.rounds(wl) {
		order = append(order, fmt.Sprintf("%d of %d rounds: there was no time for more", n, r.Pace.rounds(wl)))
	}
	return order
}

// Shares from which on a note is made.
const (
	wrongNoted     = 0.001
	strangersNoted = 0.05
	lateNoted      = 50 * time.Microsecond // the p99 of queries of an open loop that left late
)

// notes are what is odd about a run.
func (r run) notes() []string {
	if r.Error != "" {
		return []string{r.Error}
	}
	var notes []string
	for _, name := range []string{mainPhase, latencyPhase, listedPhase} {
		p, ok := r.Phases[name]
		if !ok {
			continue
		}
		if float64(p.Wrong) > wrongNoted*float64(p.Answered) {
			notes = append(notes, "some answers were wrong")
		}
		if p.share(p.Strangers) > strangersNoted {
			notes = append(notes, "others used the server's core")
		}
		if p.Late.P99 > lateNoted {
			notes = append(notes, "the load generator was late")
		}
		if p.Closed > 0 {
			notes = append(notes, "connections were closed with queries under way")
		}
	}
	return notes
}
