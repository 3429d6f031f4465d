//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A phase is one load on a server that has been started.
type phase struct {
	Name      string
	Mode      mode
	Rate      float64 // queries a second in an open loop
	MissShare float64
	Listed    bool // the hot names are of the list
	Times     int  // as long as others; 0: once
	NoRD      bool // hot names are asked without RD
}

// A workload is what is asked of each server, after a start of its own.
type workload struct {
	Name   string
	Title  string
	List   bool        // the server has the list in its configuration
	Large  bool        // the server has a large cache, and the many names are asked in place of the hot ones
	Names  *namesAsked // nil: the usual ones
	Phases []phase
}

// mainPhase is the phase that a workload is about; latencyPhase, where there is
// one, has the latencies.
const (
	mainPhase    = "main"
	latencyPhase = "latency"
	listedPhase  = "listed"
	fillPhase    = "fill"
	growthPhase  = "growth"
)

// How the load generator asks.
const (
	window       = 128    // queries under way in a closed loop: what fits a socket's buffer
	udpFlows     = 4      // sockets
	tcpFlows     = 8      // connections
	moderateRate = 20_000 // queries a second in an open loop
	growthRate   = 10_000 // new names a second besides, as the cache grows
)

// allWorkloads are the workloads, in the order of the report. The one that takes
// longest comes last.
func allWorkloads() []workload {
	return []workload{
		{
			Name:   "cached",
			Title:  fmt.Sprintf("cached: %d hot names, %d queries under way", hotCount, window),
			Phases: []phase{{Name: mainPhase, Mode: modeClosed}},
		},
		{
			Name:   "missing",
			Title:  fmt.Sprintf("missing: each name is new, %d queries under way", window),
			Phases: []phase{{Name: mainPhase, Mode: modeClosed, MissShare: 1}},
		},
		{
			Name:  "mixed",
			Title: fmt.Sprintf("mixed: every tenth name is new, %d queries under way; then the latency of hits at %d queries/s", window, moderateRate),
			Phases: []phase{
				{Name: mainPhase, Mode: modeClosed, MissShare: 0.1},
				{Name: latencyPhase, Mode: modeOpen, Rate: moderateRate, MissShare: 0.1},
			},
		},
		{
			Name:   "moderate",
			Title:  fmt.Sprintf("moderate: cached, at %d queries/s", moderateRate),
			Phases: []phase{{Name: mainPhase, Mode: modeOpen, Rate: moderateRate}},
		},
		{
			Name:   "tcp",
			Title:  fmt.Sprintf("tcp: cached, %d queries under way over %d connections", window, tcpFlows),
			Phases: []phase{{Name: mainPhase, Mode: modeTCP}},
		},
		{
			Name:  "large",
			Title: fmt.Sprintf("large: many names in the cache, any of them at %d queries/s; then %d new names/s besides", moderateRate, growthRate),
			Large: true,
			Phases: []phase{
				{Name: fillPhase, Mode: modeFill},
				{Name: mainPhase, Mode: modeOpen, Rate: moderateRate},
				{
					Name: growthPhase, Mode: modeOpen, Rate: moderateRate + growthRate,
					MissShare: float64(growthRate) / (moderateRate + growthRate), Times: 5,
				},
			},
		},
		{
			Name:  "list",
			Title: fmt.Sprintf("list: cached, with %d names that do not exist in the configuration; then these names", listSize),
			List:  true,
			Phases: []phase{
				{Name: mainPhase, Mode: modeClosed},
				{Name: listedPhase, Mode: modeClosed, Listed: true},
			},
		},
	}
}

// chooseWorkloads keeps those of names, or all if there are none.
func chooseWorkloads(all []workload, names []string) ([]workload, error) {
	var known []string
	for _, w := range all {
		known = append(known, w.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no workload %q: there are %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(w workload) bool { return len(names) > 0 && !slices.Contains(names, w.Name) }), nil
}

// closed says whether the phase's queries/s are what the server can do, rather than
// what it was asked.
func (p phase) closed() bool { return p.Mode != modeOpen }

// job is a phase of the workload as a job, but for the server.
func (w workload) job(p phase, names namesAsked, pace pace) job {
	if w.Names != nil {
		names = *w.Names
	}
	j := job{
		Mode:      p.Mode,
		Window:    window,
		Flows:     udpFlows,
		Rate:      p.Rate,
		Ramp:      pace.Ramp,
		Duration:  pace.Duration * time.Duration(max(p.Times, 1)),
		Patience:  500*time.Millisecond + 4*pace.Delay,
		Hot:       names.Hot,
		Suffixes:  names.Suffixes,
		MissShare: p.MissShare,
		NoRD:      p.NoRD,
		Expect:    expectation{Answer: true},
	}
	if p.Mode == modeTCP {
		j.Flows = tcpFlows
	}
	if p.Mode == modeFill {
		j.Ramp, j.Duration = 0, pace.Fill
	}
	if w.Large {
		j.Many = pace.Many
	}
	if p.Listed {
		j.Hot, j.Expect = names.Listed, expectation{Rcode: nxdomain}
	}
	return j
}

// namesAsked are the names that the load generator asks.
type namesAsked struct {
	Hot      []string // the most popular first
	Suffixes []string // below which every name is new
	Listed   []string // some of the list
}

// newNamesAsked makes the names.
func newNamesAsked() (namesAsked, error) {
	hot, err := hotNames(hotCount)
	if err != nil {
		return namesAsked{}, err
	}
	suffixes, err := missSuffixes(16)
	if err != nil {
		return namesAsked{}, err
	}
	n := namesAsked{Hot: hot, Suffixes: suffixes}
	for i := range hotCount {
		n.Listed = append(n.Listed, listed(i*(listSize/hotCount)))
	}
	return n, nil
}

// A pace says how much is done, and how long things take.
type pace struct {
	Rounds      int           `json:"rounds"`
	ListRounds  int           `json:"list_rounds"`  // of workloads with the list: peers take long to load it
	LargeRounds int           `json:"large_rounds"` // of workloads with a large cache: peers take long to fill it
	Many        int           `json:"many"`         // names in it
	Ramp        time.Duration `json:"ramp_ns"`
	Duration    time.Duration `json:"duration_ns"`
	Delay       time.Duration `json:"delay_ns"` // of the stub
	Start       time.Duration `json:"start_ns"` // the most that a start may take
	Fill        time.Duration `json:"fill_ns"`  // the most that filling a large cache may take
	Limit       time.Duration `json:"limit_ns"` // after which nothing is started
}

// The paces: under ten minutes, and under two.
var (
	fullPace = pace{
		Rounds: 3, ListRounds: 2, LargeRounds: 1, Many: 1_000_000,
		Ramp: 200 * time.Millisecond, Duration: 1200 * time.Millisecond,
		Start: time.Minute, Fill: 100 * time.Second, Limit: 9*time.Minute + 15*time.Second,
	}
	quickPace = pace{
		Rounds: 2, ListRounds: 1, LargeRounds: 1, Many: 100_000,
		Ramp: 100 * time.Millisecond, Duration: 300 * time.Millisecond,
		Start: 25 * time.Second, Fill: 30 * time.Second, Limit: 105 * time.Second,
	}
)

// rounds is how often a workload is repeated.
func (p pace) rounds(w workload) int {
	switch {
	case w.List:
		return p.ListRounds
	case w.Large:
		return p.LargeRounds
	}
	return p.Rounds
}
