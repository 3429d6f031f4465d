//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A run is one server under one workload.
type run struct {
	Round    int               `json:"round"`
	Workload string            `json:"workload"`
	Server   string            `json:"server"`
	Error    string            `json:"error,omitempty"`
	Start    time.Duration     `json:"start_ns"` // until the first right answer
	Before   memory            `json:"before"`   // then
	Memory   memory            `json:"memory"`   // after all phases
	Phases   map[string]result `json:"phases"`
}

// A bench is what all runs share.
type bench struct {
	pace     pace
	layout   layout
	dir      string
	user     string
	names    namesAsked
	stub     *process
	stubPort int
	progress io.Writer
	began    time.Time
}

// startStub starts the upstream that all runs use.
func (b *bench) startStub(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.stubPort = port
	argv := []string{self, "stub", strconv.Itoa(port), b.pace.Delay.String()}
	if b.stub, err = spawn(b.dir, command{Argv: argv, Env: roleEnv, Core: b.layout.Stub}); err != nil {
		return fmt.Errorf("starting the stub: %w", err)
	}
	query, err := newQuery("stub.example", typeA)
	if err != nil {
		return err
	}
	if _, err = b.stub.answers(ctx, port, query, expectation{Answer: true}); err != nil {
		return fmt.Errorf("starting the stub: %w", err)
	}
	return nil
}

// all makes every run that there is time for: in each round each workload, and in
// each workload each server in turn. A round of a workload is not begun if it would
// end too late, were it to take as long as the one before.
func (b *bench) all(ctx context.Context, workloads []workload, servers []*server) ([]run, error) {
	var runs []run
	took := map[string]time.Duration{}
	for round := 1; round <= b.pace.Rounds; round++ {
		for _, w := range workloads {
			if round > b.pace.rounds(w) {
				continue
			}
			began := time.Now()
			if began.Sub(b.began)+took[w.Name] > b.pace.Limit {
				fmt.Fprintf(b.progress, "%s: no time for round %d\n", w.Name, round)
				continue
			}
			more, err := b.round(ctx, round, w, servers)
			runs = append(runs, more...)
			if err != nil {
				return runs, err
			}
			took[w.Name] = time.Since(began)
		}
	}
	return runs, nil
}

// round is one workload on each server. Only an interrupt stops it: what goes wrong
// with a server is noted.
func (b *bench) round(ctx context.Context, round int, w workload, servers []*server) ([]run, error) {
	var runs []run
	for _, s := range servers {
		if !s.does(w) {
			continue
		}
		r := run{Round: round, Workload: w.Name, Server: s.Name, Phases: map[string]result{}}
		err := errNoTime
		if time.Since(b.began) < b.pace.Limit {
			err = b.one(ctx, &r, w, s)
		}
		if ctx.Err() != nil {
			return runs, context.Cause(ctx)
		}
		if err != nil {
			r.Error = err.Error()
		}
		runs = append(runs, r)
		fmt.Fprintf(b.progress, "round %d, %s, %s: %s\n", round, w.Name, s.Name, r.outline())
	}
	return runs, nil
}

// errNoTime says why a server was not measured.
var errNoTime = errors.New("there was no time")

// outline is a run in a few words.
func (r run) outline() string {
	if r.Error != "" {
		return r.Error
	}
	m := r.Phases[mainPhase]
	return fmt.Sprintf("%.2f s/M, %.0f queries/s, started in %v", m.perMillion(), m.qps(), r.Start.Round(time.Millisecond))
}

// one starts a server, loads it, and stops it.
func (b *bench) one(ctx context.Context, r *run, w workload, s *server) error {
	dir, err := os.MkdirTemp(b.dir, s.Name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	at, err := b.setup(w, s, dir)
	if err != nil {
		return err
	}
	p, err := s.launch(at, b.layout.Server)
	if err != nil {
		return err
	}
	defer p.stop()
	if r.Start, err = b.await(ctx, p, at, s); err != nil {
		return err
	}
	if r.Before, err = processMemory(p.pid()); err != nil {
		return err
	}
	for _, ph := range w.Phases {
		j := w.job(ph, b.names, b.pace)
		j.Port, j.Expect = at.Port, s.expect(j.Expect)
		if r.Phases[ph.Name], err = b.load(ctx, j, p); err != nil {
			return fmt.Errorf("%s: %w (what the server said: %s)", ph.Name, err, p.said())
		}
	}
	r.Memory = r.Phases[w.Phases[len(w.Phases)-1].Name].Memory
	return nil
}

// setup is what the configuration of a server in dir must say for a workload.
func (b *bench) setup(w workload, s *server, dir string) (setup, error) {
	at := setup{Dir: dir, Upstream: b.stubPort, Cache: usualCache, User: b.user}
	if w.Large {
		at.Cache = cacheFor(b.pace.Many)
	}
	var err error
	if w.List && s.List.File != "" {
		if at.List, err = s.List.write(b.dir, listSize); err != nil {
			return at, err
		}
	}
	at.Port, err = freePort()
	return at, err
}

// startReserve is how long a start may take after the limit of the whole.
const startReserve = 8 * time.Second

// await waits until a server answers, with the list if it has it.
func (b *bench) await(ctx context.Context, p *process, at setup, s *server) (time.Duration, error) {
	most := min(b.pace.Start, b.pace.Limit+startReserve-time.Since(b.began))
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("not within %v", most.Round(time.Second)))
	defer cancel()
	name, want := b.names.Hot[0], expectation{Answer: true}
	if at.List != "" {
		name, want = b.names.Listed[len(b.names.Listed)-1], expectation{Rcode: nxdomain}
	}
	query, err := newQuery(name, typeA)
	if err != nil {
		return 0, err
	}
	return p.answers(ctx, at.Port, query, s.expect(want))
}

// expect is want, or what an echo sends instead.
func (s *server) expect(want expectation) expectation {
	if s.Name == echoName {
		return expectation{}
	}
	return want
}

// load has a process of the load generator do a job on p.
func (b *bench) load(ctx context.Context, j job, p *process) (result, error) {
	j.ServerPID, j.StubPID, j.Layout = p.pid(), b.stub.pid(), b.layout
	input, err := json.Marshal(j)
	if err != nil {
		return result{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, j.Duration+time.Minute, errors.New("the load generator did not end"))
	defer cancel()
	collections := p.collections()
	output, err := call(ctx, command{Argv: []string{self, "load"}, Env: roleEnv, Core: b.layout.Generator}, input)
	if err != nil {
		return result{}, err
	}
	var r result
	if err := json.Unmarshal(output, &r); err != nil {
		return result{}, err
	}
	r.Collections = p.collections() - collections
	r.Memory, err = processMemory(p.pid())
	return r, err
}

// A record is what is written to the file of JSON.
type record struct {
	Time    time.Time         `json:"time"`
	Machine machine           `json:"machine"`
	Pace    pace              `json:"pace"`
	Servers map[string]string `json:"servers"` // their versions
	Missing []missing         `json:"missing"`
	Runs    []run             `json:"runs"`
}

// write writes the record to path.
func (r record) write(path string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(path), append(data, '\n'), 0o644)
}
