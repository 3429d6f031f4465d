//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// measured is a run in which the server and the generator used shares of their
// cores for a second.
func measured(round int, server string, answered uint64, serverShare, generatorShare float64) run {
	return run{
		Round: round, Workload: "cached", Server: server, Start: 20 * time.Millisecond, Memory: memory{RSS: 5e6, Peak: 6e6},
		Phases: map[string]result{mainPhase: {
			Wall: time.Second, Sent: answered, Answered: answered,
			Server:    usageJSON{Total: time.Duration(serverShare * 1e9), System: time.Second},
			Generator: time.Duration(generatorShare * 1e9),
			Hits:      latency{Count: answered, P50: time.Millisecond, P99: 2 * time.Millisecond, P999: 3 * time.Millisecond},
		}},
	}
}

// tables are the report of runs of the workload "cached".
func tables(runs ...run) string {
	workloads, err := chooseWorkloads(allWorkloads(), []string{"cached"})
	if err != nil {
		panic("bench: " + err.Error())
	}
	var b strings.Builder
	report{
		record: record{
			Machine: machine{CPU: "a CPU", Layout: layout{Server: 1}}, Pace: pace{Rounds: 2},
			Servers: map[string]string{"splitdns": "splitdns devel"}, Missing: []missing{{"bind9", "bind9"}, {"dnsmasq", "dnsmasq-base"}},
			Runs: runs,
		},
		workloads: workloads,
		servers:   []string{echoName, "splitdns", "unbound"},
		base:      echoName,
	}.write(&b)
	return b.String()
}

// row are the cells of a server in text.
func row(t *testing.T, text, server string) []string {
	t.Helper()
	for line := range strings.Lines(text) {
		if cells := strings.Split(strings.Trim(line, "| \n"), " | "); cells[0] == server {
			return cells
		}
	}
	t.Fatalf("no row for %s in:\n%s", server, text)
	return nil
}

func TestRatiosArePrinted(t *testing.T) {
	text := tables(
		measured(1, echoName, 300_000, 1, 0.9), measured(1, "splitdns", 250_000, 1, 0.8),
		measured(2, echoName, 280_000, 1, 0.9), measured(2, "splitdns", 210_000, 1, 0.8),
	)
	want := []string{
		"splitdns", "4.38 (4.00–4.76)", "0.00 ± 0.00", "1.27 (1.20–1.33)", "230 k (210 k–250 k)", "0.79 (0.75–0.83)", "0",
		"1.000 (1.000–1.000)", "2.000 (2.000–2.000)", "3.000 (3.000–3.000)", "5, 6 MB", "0.02 s",
	}
	if got := row(t, text, "splitdns"); !slices.Equal(got, want) {
		t.Errorf("row:\n%q, want\n%q", got, want)
	}
	for _, part := range []string{"a CPU", "- splitdns: splitdns devel", "apt-get install --no-install-recommends bind9 dnsmasq-base", "the load generator: 322222"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

func TestNoRatioWhereTheGeneratorWasTheBottleneck(t *testing.T) {
	for name, tt := range map[string]struct {
		echo, splitdns float64 // the share of the server's core; the generator's is full
		ratio          string
	}{
		"of a server":   {1, 0.7, "generator-bound"},
		"of the echo":   {0.7, 1, "echo generator-bound"},
		"of neither":    {0.9, 0.9, "0.50"},
		"of both":       {0.7, 0.7, "generator-bound"},
		"just about so": {1, 0.84, "generator-bound"},
	} {
		t.Run(name, func(t *testing.T) {
			got := row(t, tables(measured(1, echoName, 200_000, tt.echo, 1), measured(1, "splitdns", 100_000, tt.splitdns, 1)), "splitdns")
			if got[5] != tt.ratio {
				t.Errorf("the ratio of queries/s is %q, want %q", got[5], tt.ratio)
			}
			if marked := strings.Contains(got[4], string(generatorBound)); marked != (tt.splitdns < serverFull) {
				t.Errorf("queries/s are %q", got[4])
			}
			if got[3] == none {
				t.Error("the ratio of CPU time is missing")
			}
		})
	}
}

func TestOneBadRoundIsEnoughForNoRatio(t *testing.T) {
	text := tables(
		measured(1, echoName, 200_000, 1, 0.9), measured(1, "splitdns", 100_000, 1, 0.9),
		measured(2, echoName, 200_000, 1, 0.9), measured(2, "splitdns", 100_000, 0.5, 0.6),
	)
	if got := row(t, text, "splitdns"); got[5] != string(unsaturated) {
		t.Errorf("the ratio of queries/s is %q, want %q", got[5], unsaturated)
	}
}

func TestNotes(t *testing.T) {
	broken := run{Round: 1, Workload: "cached", Server: "unbound", Error: "it ended: no such option"}
	odd := measured(1, "splitdns", 1000, 1, 0.9)
	p := odd.Phases[mainPhase]
	p.Wrong, p.Strangers, p.Late.P99, p.Closed = 10, 100*time.Millisecond, time.Millisecond, 1
	odd.Phases[mainPhase] = p
	text := tables(measured(1, echoName, 1000, 1, 0.9), odd, broken)
	for _, note := range []string{
		"- splitdns: some answers were wrong\n", "- splitdns: others used the server's core\n",
		"- splitdns: the load generator was late\n", "- splitdns: connections were closed with queries under way\n",
		"- unbound: it ended: no such option\n", "- 1 of 2 rounds: there was no time for more\n",
	} {
		if !strings.Contains(text, note) {
			t.Errorf("no %q in:\n%s", note, text)
		}
	}
	if strings.Contains(text, "| unbound |") {
		t.Errorf("a row of a server that was not measured:\n%s", text)
	}
}

func TestTheQueryLogIsComparedWithNone(t *testing.T) {
	const want = "- the query log: 1.25 × the CPU time of splitdns without\n"
	text := tables(measured(1, "splitdns", 100_000, 0.8, 0.5), measured(1, "splitdns-log", 80_000, 0.8, 0.5))
	if !strings.Contains(text, want) {
		t.Errorf("no %q in:\n%s", want, text)
	}
}

func TestTheUsersPartIsOfAllRounds(t *testing.T) {
	first, second := measured(1, "splitdns", 1_000_000, 1, 0.9), measured(2, "splitdns", 1_000_000, 1, 0.9)
	for _, r := range []run{first, second} {
		p := r.Phases[mainPhase]
		p.Server.User, p.Server.System = time.Duration(r.Round)*100*time.Millisecond, 350*time.Millisecond
		r.Phases[mainPhase] = p
	}
	if got, want := userCell([]run{first, second}), "0.30 ± 0.05"; got != want {
		t.Errorf("the user's part is %s, want %s", got, want)
	}
}

func TestMemoryOfANameInTheCache(t *testing.T) {
	r := run{Before: memory{RSS: 20e6}, Phases: map[string]result{fillPhase: {Memory: memory{RSS: 320e6}}}}
	rep := report{base: echoName, record: record{Pace: pace{Many: 1_000_000}}}
	if got, want := rep.perName([]run{r}), "300"; got != want {
		t.Errorf("a name takes %s octets, want %s", got, want)
	}
}

func TestColumnsOfEachWorkload(t *testing.T) {
	for name, want := range map[string]string{
		"cached":   "CPU s/M, of it user, × echo, queries/s, of echo, loss, p50, p99, p999, memory, start",
		"mixed":    "CPU s/M, of it user, × echo, queries/s, of echo, loss, p50, p99, p999, then loss, then p50, then p99, then p999, memory, start",
		"moderate": "CPU s/M, of it user, × echo, loss, p50, p99, p999, memory, start",
		"list":     "CPU s/M, of it user, × echo, queries/s, of echo, loss, p50, p99, p999, listed s/M, to cached, memory, start",
		"large":    "CPU s/M, of it user, × echo, filling s/M, octets/name, loss, p50, p99, p999, then loss, then p50, then p99, then p999, collections, memory, start",
	} {
		workloads, err := chooseWorkloads(allWorkloads(), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		var heads []string
		for _, c := range (report{base: echoName}).columns(workloads[0]) {
			heads = append(heads, c.head)
		}
		if got := strings.Join(heads, ", "); got != want {
			t.Errorf("%s: columns %s, want %s", name, got, want)
		}
	}
}

func TestJobsOfPhases(t *testing.T) {
	names := namesAsked{Hot: []string{"hot.example"}, Listed: []string{"listed.example"}}
	for _, w := range allWorkloads() {
		for _, p := range w.Phases {
			j := w.job(p, names, pace{Many: 5, Ramp: 1, Duration: 2, Delay: time.Second})
			if j.Window%(j.Flows*trainLength) != 0 || j.Flows > maxFlows {
				t.Errorf("%s, %s: %d queries under way over %d flows do not make whole trains", w.Name, p.Name, j.Window, j.Flows)
			}
			if j.Patience <= 4*time.Second || j.Mode != modeFill && (j.Ramp != 1 || j.Duration < 2) {
				t.Errorf("%s, %s: %+v", w.Name, p.Name, j)
			}
			if (j.Mode == modeOpen) != (j.Rate > 0) || (j.Many == 5) != w.Large {
				t.Errorf("%s, %s: at %v queries/s, %d names", w.Name, p.Name, j.Rate, j.Many)
			}
			want := expectation{Answer: true}
			if p.Listed {
				want = expectation{Rcode: nxdomain}
			}
			if j.Expect != want || (j.Hot[0] == "listed.example") != p.Listed {
				t.Errorf("%s, %s: asks %q and expects %+v", w.Name, p.Name, j.Hot, j.Expect)
			}
		}
	}
}
