//go:build linux

package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary play the roles, as the program does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		main()
		return
	}
	os.Exit(m.Run())
}

// echoInGo is the echo as the test binary plays it.
func echoInGo(t *testing.T) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &server{Name: echoName, Large: true, Configure: configureEcho, argv: []string{self, "echo"}}
}

// newTestBench is a bench with a stub, for runs of no length.
func newTestBench(t *testing.T) *bench {
	t.Helper()
	m, err := thisMachine()
	if err != nil {
		t.Skip(err)
	}
	names, err := newNamesAsked()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // see spawn
	b := &bench{
		pace:     pace{Rounds: 1, ListRounds: 1, LargeRounds: 1, Many: 1000, Fill: time.Minute, Ramp: time.Millisecond, Duration: 40 * time.Millisecond, Start: 20 * time.Second, Limit: time.Hour},
		layout:   m.Layout,
		dir:      t.TempDir(),
		names:    names,
		progress: io.Discard,
		began:    time.Now(),
	}
	if err := b.startStub(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.stub.stop)
	return b
}

func TestEveryWorkloadMeasuresTheEcho(t *testing.T) {
	b := newTestBench(t)
	workloads := slices.DeleteFunc(allWorkloads(), func(w workload) bool { return w.List })
	runs, err := b.all(t.Context(), workloads, []*server{echoInGo(t)})
	if err != nil || len(runs) != len(workloads) {
		t.Fatalf("%d runs, %v, want %d", len(runs), err, len(workloads))
	}
	for _, r := range runs {
		if r.Error != "" {
			t.Errorf("%s: %s", r.Workload, r.Error)
		}
		for name, p := range r.Phases {
			if p.Answered == 0 || p.Wrong != 0 || p.Server.Total <= 0 || p.Generator <= 0 || p.Hits.Count+p.Misses.Count == 0 {
				t.Errorf("%s, %s: %+v", r.Workload, name, p)
			}
		}
		if r.Memory.RSS == 0 || r.Start == 0 {
			t.Errorf("%s: memory %+v, start %v", r.Workload, r.Memory, r.Start)
		}
	}
}

func TestCollectionsAreCounted(t *testing.T) {
	p := &process{log: filepath.Join(t.TempDir(), "log")}
	const log = "starting\ngc 1 @0.01s 2%: 0.1+1+0.1 ms clock\ngc 2 @0.05s 2%: 0.1+1+0.1 ms clock\nall is gc 3 @ well\n"
	if err := os.WriteFile(p.log, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.collections(); got != 2 {
		t.Errorf("%d collections, want 2", got)
	}
	if got, want := p.said(), "starting all is gc 3 @ well"; got != want {
		t.Errorf("it said %q, want %q", got, want)
	}
}

func TestAServerThatDoesNotStartIsNoted(t *testing.T) {
	b := newTestBench(t)
	broken := &server{Name: "broken", argv: []string{"/bin/sh"}, Configure: func(setup) configuration {
		return configuration{Args: []string{"-c", "echo out of order >&2; exit 3"}}
	}}
	runs, err := b.all(t.Context(), allWorkloads()[:1], []*server{broken})
	if err != nil || len(runs) != 1 || !strings.Contains(runs[0].Error, "out of order") {
		t.Errorf("runs %+v, %v, want one with what the server printed", runs, err)
	}
}

func TestAnInterruptEndsWhatWasStarted(t *testing.T) {
	b := newTestBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	started := &server{Name: "mute", argv: []string{"/bin/sleep"}, Configure: func(setup) configuration {
		cancel()
		return configuration{Args: []string{"1000"}}
	}}
	began := time.Now()
	if _, err := b.all(ctx, allWorkloads()[:1], []*server{started}); err == nil {
		t.Error("no error")
	}
	if left := children(os.Getpid()); len(left) > 1 || time.Since(began) > 10*time.Second {
		t.Errorf("after %v, processes %v are left besides the stub %d", time.Since(began), left, b.stub.pid())
	}
}

func TestNoRoundBeginsTooLate(t *testing.T) {
	b := newTestBench(t)
	b.pace.Rounds, b.pace.Limit = 1000, 500*time.Millisecond
	b.began = time.Now()
	runs, err := b.all(t.Context(), allWorkloads()[:1], []*server{echoInGo(t)})
	if err != nil || len(runs) == 0 || len(runs) > 12 {
		t.Errorf("%d runs, %v, want some of 40 ms each", len(runs), err)
	}
}

func TestAServerForWhichThereIsNoTimeIsNoted(t *testing.T) {
	b := newTestBench(t)
	b.pace.Limit = 1
	runs, err := b.round(t.Context(), 1, allWorkloads()[0], []*server{echoInGo(t)})
	if err != nil || len(runs) != 1 || runs[0].Error != errNoTime.Error() {
		t.Errorf("runs %+v, %v, want one for which there was no time", runs, err)
	}
}

func TestOptions(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string // of the error; empty: none
	}{
		"nothing":           {nil, ""},
		"all":               {[]string{"-quick", "-only", "splitdns", "-workloads", "cached,tcp", "-o", "x", "-delay", "1ms"}, ""},
		"unknown server":    {[]string{"-only", "splitdns,djbdns"}, `no server "djbdns": there are echo, splitdns, `},
		"unknown workload":  {[]string{"-workloads", "hot"}, `no workload "hot": there are cached, missing, `},
		"an argument":       {[]string{"splitdns"}, `unexpected argument "splitdns"`},
		"an unknown option": {[]string{"-slow"}, "flag provided but not defined"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseOptions(tt.args, io.Discard)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestTheEchoIsAlwaysMeasured(t *testing.T) {
	o, err := parseOptions([]string{"-only", "splitdns", "-workloads", "moderate"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if got := serverNames(o.servers); !slices.Equal(got, []string{echoName, "splitdns"}) {
		t.Errorf("servers %q, want the echo and splitdns", got)
	}
	if len(o.workloads) != 1 || o.workloads[0].Name != "moderate" {
		t.Errorf("workloads %+v, want moderate", o.workloads)
	}
}

func TestRecordIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	want := record{Machine: machine{CPU: "one"}, Runs: []run{{Round: 2, Server: echoName, Phases: map[string]result{mainPhase: {Answered: 7}}}}}
	if err := want.write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got record
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Machine.CPU != "one" || len(got.Runs) != 1 || got.Runs[0].Phases[mainPhase].Answered != 7 {
		t.Errorf("read back: %+v", got)
	}
}
