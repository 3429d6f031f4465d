//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// roles are what this program starts itself as.
var roles = map[string]func(args []string) error{
	"load": runLoad,
	"stub": runStub,
	"echo": runEcho,
}

// roleEnv keeps the Go runtime quiet in roles, which allocate next to nothing: no
// collector, and no signals to long loops.
var roleEnv = []string{"GOGC=off", "GODEBUG=asyncpreemptoff=1"}

func main() {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		if err := roles[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
		return
	}
	runtime.LockOSThread() // see spawn
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if o.sets && !inNamespace() {
		err = runInNamespace(ctx)
	} else {
		err = o.run(ctx)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	servers   []*server
	missing   []missing
	workloads []workload
	pace      pace
	output    string
	sets      bool // what sets cost, in place of a comparison with others
}

// parseOptions reads the command line; what is wrong with it is also said to w.
func parseOptions(args []string, w io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(w)
	quick := flags.Bool("quick", false, "take under two minutes: shorter and fewer rounds")
	only := flags.String("only", "", "the `SERVERS` to measure besides the echo, separated by commas (default all that are installed)")
	list := flags.String("workloads", "", "the `WORKLOADS`, separated by commas (default all)")
	output := flags.String("o", filepath.Join(os.TempDir(), "bench-results.json"), "the `FILE` for the figures of every run")
	sets := flags.Bool("sets", false, "measure what sets of nftables cost, in a network namespace of its own")
	delay := flags.Duration("delay", 0, "how long the upstream takes to answer")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o := options{pace: fullPace, output: *output, sets: *sets}
	servers, workloads := allServers(), allWorkloads()
	if o.sets {
		o.pace, servers, workloads = setsPace, setsServers(), setsWorkloads()
	}
	if *quick {
		o.pace = quickPace
	}
	o.pace.Delay = *delay
	var err1, err2 error
	o.servers, o.missing, err1 = choose(servers, words(*only))
	o.workloads, err2 = chooseWorkloads(workloads, words(*list))
	return o, errors.Join(err1, err2)
}

// words splits text at commas.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// run measures, and writes the report and the record.
func (o options) run(ctx context.Context) (err error) {
	began := time.Now()
	m, err := thisMachine()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "splitdns-bench-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.sets {
		if err := errors.Join(loopbackUp(), makeSets()); err != nil {
			return err
		}
	}
	if err := prepare(o.servers, dir); err != nil {
		return err
	}
	b := &bench{pace: o.pace, layout: m.Layout, dir: dir, progress: os.Stderr, began: began}
	runs, err := o.measure(ctx, b)
	if err != nil {
		return err
	}
	return o.report(record{Time: began, Machine: m, Pace: o.pace, Missing: o.missing, Runs: runs})
}

// measure makes the runs.
func (o options) measure(ctx context.Context, b *bench) ([]run, error) {
	var err error
	if b.user, err = userName(); err != nil {
		return nil, err
	}
	if b.names, err = newNamesAsked(); err != nil {
		return nil, err
	}
	if err := pinSelf(b.layout.Generator); err != nil {
		return nil, err
	}
	if err := b.startStub(ctx); err != nil {
		return nil, err
	}
	defer b.stub.stop()
	return b.all(ctx, o.workloads, o.servers)
}

// report writes the tables to standard output, and the record to its file.
func (o options) report(r record) error {
	r.Servers = map[string]string{}
	for _, s := range o.servers {
		r.Servers[s.Name] = s.said
	}
	full := report{record: r, workloads: o.workloads, servers: serverNames(o.servers), base: o.servers[0].Name}
	if o.sets {
		setsReport{full}.write(os.Stdout)
	} else {
		full.write(os.Stdout)
	}
	if err := r.write(o.output); err != nil {
		return fmt.Errorf("writing the figures of every run: %w", err)
	}
	fmt.Printf("\nEvery figure of every run: %s\n", o.output)
	return nil
}
