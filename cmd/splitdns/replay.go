package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/replay"
	"splitdns/zones"
)

// replayFlags are the flags of `splitdns replay`.
type replayFlags struct {
	logs     []string
	file     string
	edition  string
	failOn   string
	json     bool
	all      bool
	progress bool
}

// replayCommand is `splitdns replay`.
func replayCommand() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay --log FILE",
		Short: "Say what a configuration or edition would have changed in a query log",
		Long: `Say what a configuration or edition would have changed in a query log.

Each entry's name, type and client are judged by the configuration, by the same
code that serves live queries and with the addresses that the upstream gave
then, and what comes of it is held against what the log says. Asks nobody. The
exit code is 1 if an answer or a verdict changes, or what --fail-on names, and
if there is no entry.

A log cannot tell everything: the answer of a name for which nobody was asked,
names that no rule logged, and of CNAME chains only the names by which rules
applied. Clients in the log count as directly connected where server.allow has
"local". The configuration's tests are not run: splitdns check does that.`,
		Args: arguments(0, 0, "the logs with --log FILE"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	configFlag(c, &f.file)
	logsFlag(c, &f.logs, &f.progress, "read the query log `FILE`, as it is or compressed by gzip, - for standard input; may be repeated")
	c.Flags().StringVar(&f.edition, "edition", "", "judge by this bundled `EDITION` ("+strings.Join(zones.Editions(), ", ")+") in place of the configuration's")
	c.Flags().StringVar(&f.failOn, "fail-on", "verdicts", "exit with 1 if `WHAT` changes: answers, verdicts or answers (verdicts), any, or nothing at all (nothing)")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().BoolVar(&f.all, "all", false, "list all names, clients and changes, not only the most frequent ones")
	return c
}

// run replays as the flags say.
func (f replayFlags) run(c *cobra.Command) error {
	failOn, ok := replay.ParseLevel(f.failOn)
	switch {
	case len(f.logs) == 0:
		return misuse{c, errors.New("want a query log: --log FILE")}
	case !ok:
		return misuse{c, fmt.Errorf("--fail-on: %q: want %s", f.failOn, strings.Join(replay.LevelWords, ", "))}
	case f.edition != "" && !slices.Contains(zones.Editions(), f.edition):
		return problem{fmt.Errorf("--edition: no edition %q; have %s", f.edition, strings.Join(zones.Editions(), ", "))}
	}
	loaded, problems := config.LoadEdition(f.file, f.edition)
	if loaded == nil {
		return &server.ConfigError{Problems: problems}
	}
	ctx, stop := untilSignal(c.Context())
	defer stop()
	r, err := f.replay(ctx, c, loaded)
	if err != nil {
		return problem{err}
	}
	if err := f.print(c.OutOrStdout(), r); err != nil {
		return err
	}
	return verdictOn(r, failOn)
}

// verdictOn is the error that makes the exit code 1 for r.
func verdictOn(r *replay.Report, failOn replay.Level) error {
	switch {
	case r.Entries == r.Unreadable:
		return problem{fmt.Errorf("%s: no entry of a query log, so nothing was held against the configuration", strings.Join(r.Logs, ", "))}
	case failOn > replay.Nothing && r.Level() >= failOn:
		return errSaid{}
	}
	return nil
}

// replay reads the logs and holds them against c.
func (f replayFlags) replay(ctx context.Context, cmd *cobra.Command, c *config.Config) (*replay.Report, error) {
	logs, err := openLogs(cmd, f.logs, f.progress)
	if err != nil {
		return nil, err
	}
	defer logs.close()
	o := replay.Options{Config: c, Progress: logs.progress}
	for i, name := range logs.names {
		o.Logs = append(o.Logs, replay.Log{Name: name, Reader: logs.readers[i]})
	}
	return replay.Run(ctx, o)
}

// print prints a report.
func (f replayFlags) print(w io.Writer, r *replay.Report) error {
	if f.json {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	return printReplay(w, r, f.all)
}
