//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// A mode is how the load generator asks.
type mode string

// The modes.
const (
	modeClosed mode = "closed" // a number of queries is always under way
	modeOpen   mode = "open"   // queries leave at random, at a rate
	modeTCP    mode = "tcp"    // as closed, over pipelined TCP connections
	modeFill   mode = "fill"   // as closed, each of the many names once
)

// A job is what one process of the load generator does: it asks every hot name
// once, so that the cache has them; then it loads the server for Ramp, and then
// measures for Duration. A fill is measured from its start until it is done.
type job struct {
	Mode      mode          `json:"mode"`
	Port      int           `json:"port"`
	Window    int           `json:"window"` // queries under way, in all
	Flows     int           `json:"flows"`  // sockets or connections
	Rate      float64       `json:"rate"`   // queries a second, in an open loop
	Ramp      time.Duration `json:"ramp_ns"`
	Duration  time.Duration `json:"duration_ns"`
	Patience  time.Duration `json:"patience_ns"` // after which a query is lost
	Hot       []string      `json:"hot"`
	Many      int           `json:"many"`     // so many names are asked in place of the hot ones, each as often
	Suffixes  []string      `json:"suffixes"` // of names that are asked once
	MissShare float64       `json:"miss_share"`
	NoRD      bool          `json:"no_rd"` // hot names are asked without RD, which no answer kept finished is for
	Expect    expectation   `json:"expect"`

	ServerPID int    `json:"server_pid"`
	StubPID   int    `json:"stub_pid"`
	Layout    layout `json:"layout"`
}

// A result is what a job measured. Times are CPU time unless they say otherwise.
type result struct {
	Wall          time.Duration `json:"wall_ns"` // on the clock
	Sent          uint64        `json:"sent"`
	Answered      uint64        `json:"answered"`
	Lost          uint64        `json:"lost"`
	Wrong         uint64        `json:"wrong"`  // answered, but not as expected
	Closed        uint64        `json:"closed"` // connections that the server closed
	Cut           uint64        `json:"cut"`    // queries under way over them
	Server        usageJSON     `json:"server"`
	Generator     time.Duration `json:"generator_ns"`
	Stub          time.Duration `json:"stub_ns"`
	Strangers     time.Duration `json:"strangers_ns"`      // what others used of the server's core
	LoadStrangers time.Duration `json:"load_strangers_ns"` // what others used of the load generator's core

	Memory      memory  `json:"memory"`      // of the server, at the end
	Collections int     `json:"collections"` // of its garbage, as far as it tells
	Hits        latency `json:"hits"`
	Misses      latency `json:"misses"`
	Late        latency `json:"late"` // how late queries of an open loop left
}

// A usageJSON is a usage as JSON has it.
type usageJSON struct {
	Total  time.Duration `json:"total_ns"`
	User   time.Duration `json:"user_ns"`
	System time.Duration `json:"system_ns"`
}

// runLoad is the role "load": a job on standard input, its result on standard
// output.
func runLoad([]string) error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	r, err := j.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// A tally is what is counted while a load runs.
type tally struct {
	sent, answered, lost, wrong, closed, cut uint64

	hits, misses, late histogram
}

// A load asks in one mode until a moment, counted from its start, and adds to the
// tally. Between calls its queries stay under way.
type load interface {
	// runUntil loads the server.
	runUntil(end time.Duration) error
	// drain asks nothing more, waits for the responses that are due, and counts the
	// others as lost.
	drain() error
	// close closes the sockets.
	close()
}

// run does the job.
func (j job) run() (result, error) {
	queries, err := newSource(j)
	if err != nil {
		return result{}, err
	}
	if j.MissShare < 1 && j.Many == 0 {
		if err := j.warm(queries.hot); err != nil {
			return result{}, err
		}
	}
	if j.NoRD {
		queries.withoutRD()
	}
	a := &asker{job: j, source: queries, tally: &tally{}, start: time.Now()}
	l, err := a.load()
	if err != nil {
		return result{}, err
	}
	defer l.close()
	if err := l.runUntil(a.now() + j.Ramp); err != nil {
		return result{}, err
	}
	return j.measure(a, l)
}

// measure is the part of run that counts.
func (j job) measure(a *asker, l load) (result, error) {
	before, err := j.read()
	if err != nil {
		return result{}, err
	}
	*a.tally = tally{}
	if err := j.runUntilAnswered(a, l); err != nil {
		return result{}, err
	}
	after, err := j.read()
	if err != nil {
		return result{}, err
	}
	t := a.tally
	answered := t.answered // those that come later took no part in the time that was measured
	if err := l.drain(); err != nil {
		return result{}, err
	}
	r := after.since(before, j.Layout)
	r.Sent, r.Answered, r.Lost, r.Wrong = t.sent, answered, t.lost, t.wrong
	r.Closed, r.Cut = t.closed, t.cut
	r.Hits, r.Misses, r.Late = t.hits.summary(), t.misses.summary(), t.late.summary()
	return r, nil
}

// silence is how long a server may answer nothing at all.
const silence = 5 * time.Second

// runUntilAnswered loads the server for the duration of the job; longer, if nothing
// was answered until then.
func (j job) runUntilAnswered(a *asker, l load) error {
	for began := a.now(); a.now() < began+max(j.Duration, silence); {
		if err := l.runUntil(a.now() + j.Duration); err != nil {
			return err
		}
		if a.tally.answered > 0 {
			return nil
		}
	}
	return errors.New("the server answered nothing")
}

// A reading is every clock at one moment.
type reading struct {
	at              time.Time
	server          usage
	generator, stub time.Duration
	core            time.Duration // the server's was not idle
	loadCore        time.Duration // the load generator's was not idle
}

// read reads the clocks.
func (j job) read() (reading, error) {
	server, err1 := processUsage(j.ServerPID)
	stub, err2 := processUsage(j.StubPID)
	core, err3 := coreBusy(j.Layout.Server)
	loadCore, err4 := coreBusy(j.Layout.Generator)
	own, err5 := ownUsage()
	r := reading{at: time.Now(), server: server, generator: own, stub: stub.Total, core: core, loadCore: loadCore}
	return r, errors.Join(err1, err2, err3, err4, err5)
}

// since is a result with what passed between two readings.
func (r reading) since(before reading, l layout) result {
	server := r.server.since(before.server)
	out := result{
		Wall:      r.at.Sub(before.at),
		Server:    usageJSON(server),
		Generator: r.generator - before.generator,
		Stub:      r.stub - before.stub,
		Strangers: max(r.core-before.core-server.Total, 0),
	}
	ours := out.Generator
	if l.Stub == l.Generator {
		ours += out.Stub
	}
	out.LoadStrangers = max(r.loadCore-before.loadCore-ours, 0)
	return out
}
