//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// A report turns runs into tables.
type report struct {
	record
	workloads []workload
	servers   []string // in the order of the tables
	base      string   // the one that others are compared with
}

// none stands in a cell without a figure.
const none = "–"

// write writes the report in Markdown.
func (r report) write(w io.Writer) {
	fmt.Fprintf(w, "# splitdns and others on one core\n\n%s\n\n", r.Machine)
	fmt.Fprintf(w, "Medians of the rounds, and their spread in brackets; ratios are to the echo of the same round. CPU: user and system\n"+
		"seconds of the server for a million answers; the user's part is sampled, and has its standard error. Latencies in\n"+
		"milliseconds: of hits, where there are any. Memory: at the end, and at most. Start: until the first right answer.\n\n")
	for _, wl := range r.workloads {
		r.table(w, wl, r.columns(wl))
	}
	r.sources(w)
}

// table writes the table of a workload, if any server was measured, and what there is
// to say about it.
func (r report) table(w io.Writer, wl workload, columns []column) {
	fmt.Fprintf(w, "## %s\n\n", wl.Title)
	if wl.Large {
		fmt.Fprintf(w, "%d names are in the cache.\n\n", r.Pace.Many)
	}
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
	base := r.of(wl.Name, r.base)
	columns := []column{
		{"CPU s/M", r.figure(mainPhase, result.perMillion, "%.2f")},
		{"of it user", userCell},
		{"× " + r.base, r.ratio(base, mainPhase, result.perMillion)},
	}
	for _, p := range wl.Phases {
		columns = append(columns, r.phaseColumns(p, base)...)
	}
	return append(columns, column{"memory", memoryCell}, column{"start", startCell})
}

// phaseColumns are the columns of a phase. Those of the latencies have its loss with
// them, so that nobody praises a server for what it answered only the half of.
func (r report) phaseColumns(p phase, base []run) []column {
	latencies := []column{
		{"loss", r.loss(p.Name)},
		r.latency("p50", p.Name, func(l latency) time.Duration { return l.P50 }),
		r.latency("p99", p.Name, func(l latency) time.Duration { return l.P99 }),
		r.latency("p999", p.Name, func(l latency) time.Duration { return l.P999 }),
	}
	switch {
	case p.Name == fillPhase:
		return []column{{"filling s/M", r.figure(fillPhase, result.perMillion, "%.1f")}, {"octets/name", r.perName}}
	case p.Name == listedPhase:
		return []column{{"listed s/M", r.figure(listedPhase, result.perMillion, "%.2f")}, {"to cached", r.toCached}}
	case p.Name == growthPhase:
		return append(prefixed("then ", latencies), column{"collections", collectionsCell})
	case p.Name == latencyPhase:
		return prefixed("then ", latencies)
	case p.closed():
		return append([]column{{"queries/s", r.capacity}, {"of " + r.base, r.capacityRatio(base)}}, latencies...)
	}
	return latencies
}

// prefixed are columns whose heads begin with prefix.
func prefixed(prefix string, columns []column) []column {
	for i := range columns {
		columns[i].head = prefix + columns[i].head
	}
	return columns
}

// perName is the cell of the memory that a name in the cache takes: what filling the
// cache added.
func (r report) perName(runs []run) string {
	var all []float64
	for _, one := range runs {
		all = append(all, float64(one.Phases[fillPhase].Memory.RSS-one.Before.RSS)/float64(r.Pace.Many))
	}
	return spreadCell(all, "%.0f")
}

// collectionsCell is how often the server collected its garbage meanwhile, if it is
// one of those that tell.
func collectionsCell(runs []run) string {
	var all []float64
	for _, one := range runs {
		if one.Server != splitdnsName {
			return none
		}
		all = append(all, float64(one.Phases[growthPhase].Collections))
	}
	return spreadCell(all, "%.0f")
}

// userCell is the part of the CPU time that is not the kernel's, with its standard
// error. The kernel samples that part once a tick or more often; a run of a moment is a
// few samples, so the rounds are taken together.
func userCell(runs []run) string {
	var user, all float64
	for _, one := range runs {
		p := one.Phases[mainPhase]
		user += p.Server.User.Seconds()
		all += (p.Server.User + p.Server.System).Seconds()
	}
	if all == 0 {
		return none
	}
	share := user / all
	cpu := spreadOf(mapValues(values(runs, mainPhase, result.perMillion))).Median
	return fmt.Sprintf("%.2f ± %.2f", share*cpu, math.Sqrt(share*(1-share)*tick.Seconds()/all)*cpu)
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
			return r.base + " " + string(s)
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

// loss makes the cells of the loss in a phase.
func (r report) loss(phase string) func([]run) string {
	return func(runs []run) string {
		s := spreadOf(mapValues(values(runs, phase, result.loss)))
		if s.Max == 0 {
			return "0"
		}
		return fmt.Sprintf("%.3f %%", 100*s.Median)
	}
}

// latency makes a column of a quantile: of hits, or of misses where all are.
func (r report) latency(head, phase string, of func(latency) time.Duration) column {
	return column{head, r.figure(phase, milliseconds(of), "%.3f")}
}

// milliseconds is a quantile as a figure.
func milliseconds(of func(latency) time.Duration) func(result) float64 {
	return func(p result) float64 {
		l := p.Hits
		if l.Count == 0 {
			l = p.Misses
		}
		return of(l).Seconds() * 1000
	}
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

// sources says who was measured, who was not, and how well the load generator and the
// stub do.
func (r report) sources(w io.Writer) {
	fmt.Fprint(w, "## Servers\n\n")
	for _, name := range r.servers {
		fmt.Fprintf(w, "- %s: %s\n", name, r.Servers[name])
	}
	if ceilings := values(r.of("cached", echoName), mainPhase, result.ceiling); len(ceilings) > 0 {
		fmt.Fprintf(w, "- the load generator: %s queries/s with its core to itself, by its CPU time against the echo\n",
			spreadCell(mapValues(ceilings), "%.0f"))
	}
	if ceiling := r.missCeiling(); ceiling > 0 {
		fmt.Fprintf(w, "- the load generator and the stub: %.0f new names/s, by their CPU time against the fastest\n", ceiling)
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
	if with, without := r.of(wl.Name, splitdnsLogName), r.of(wl.Name, splitdnsName); len(with) > 0 && len(without) > 0 {
		order = append(order, fmt.Sprintf("the query log: %s × the CPU time of %s without",
			r.ratio(without, mainPhase, result.perMillion)(with), splitdnsName))
	}
	if n := len(r.of(wl.Name, r.base)); n < r.Pace.rounds(wl) {
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
	for _, name := range []string{mainPhase, latencyPhase, listedPhase, fillPhase, growthPhase} {
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
		if p.share(p.LoadStrangers) > strangersNoted {
			notes = append(notes, "others used the load generator's core")
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
