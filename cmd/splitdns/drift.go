package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// driftFlags are the flags of `splitdns drift`.
type driftFlags struct {
	*controlFlags
	logs         []string
	edition      string
	zone         string
	since        time.Duration
	asJSON, rows bool
}

// driftCommand is `splitdns drift`.
func driftCommand() *cobra.Command {
	var f driftFlags
	c := &cobra.Command{
		Use:   "drift [--log FILE...]",
		Short: "Say what was seen that the vendors' lists do not say",
		Long: `Say what was seen that the vendors' lists do not say: addresses outside the published
ranges, names that just miss a range of numbers, names below a vendor's suffix that no
row covers, and with zones.shadow the names that the other edition judges otherwise. At
the end stand rows, ready to be pasted, that would cover what was seen.

Asks the running server, which remembers the names and clients whether they are logged or
not, or with --log reads query logs: these hold only what rules with log = true match.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && len(f.logs) == 0 {
				return misuse{c, fmt.Errorf("unexpected %q; want a query log with --log FILE", args[0])}
			}
			return nil
		},
	}
	f.controlFlags = controlFlagsOf(c)
	c.Flags().Lookup("config").Usage = "the configuration `FILE`: it says where the control socket is; with --log, what is published"
	c.Flags().StringArrayVar(&f.logs, "log", nil, "read the query log in this `FILE` instead, as it is or compressed by gzip, and those in further arguments; - is standard input")
	c.Flags().StringVar(&f.edition, "edition", "", "with --log and without -c: hold it against this bundled `EDITION`")
	c.Flags().StringVar(&f.zone, "zone", "", "only what is about this `ZONE`")
	c.Flags().DurationVar(&f.since, "since", 0, "only what was seen in so long a `TIME` before now, such as 24h; with --log, before the last entry")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&f.rows, "rows", false, "print the proposed rows alone, as a zone file")
	c.RunE = func(c *cobra.Command, args []string) error { return f.run(c, args) }
	return c
}

// run makes the report and prints it.
func (f *driftFlags) run(c *cobra.Command, args []string) error {
	if err := f.check(); err != nil {
		return misuse{c, err}
	}
	var r server.Drift
	var err error
	if len(f.logs) > 0 {
		r, err = f.fromLogs(c, append(f.logs, args...))
	} else {
		q := url.Values{"zone": {f.zone}, "since": {f.since.String()}}
		err = f.call(c.Context(), http.MethodGet, "/v1/drift?"+q.Encode(), nil, &r)
	}
	if err != nil {
		return err
	}
	switch out := c.OutOrStdout(); {
	case f.asJSON:
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	case f.rows:
		_, err := io.WriteString(out, r.Rows)
		return err
	default:
		return printDrift(out, &r)
	}
}

// check refuses flags that do not go together.
func (f *driftFlags) check() error {
	switch {
	case f.since < 0:
		return fmt.Errorf("--since %v: want a time before now, such as 24h", f.since)
	case f.asJSON && f.rows:
		return errors.New("--json holds the rows, too; give one of --json and --rows")
	case len(f.logs) == 0 && f.edition != "":
		return errors.New("--edition goes with --log; the running server has one in force")
	case len(f.logs) > 0 && f.socket != "":
		return errors.New("--control asks the running server and --log reads files; give one of them")
	case f.edition != "" && f.file != "":
		return errors.New("-c FILE says the edition; give one of -c and --edition")
	}
	return nil
}

// fromLogs reads query logs.
func (f *driftFlags) fromLogs(c *cobra.Command, paths []string) (server.Drift, error) {
	loaded, problems := f.load()
	if loaded == nil {
		return server.Drift{}, &server.ConfigError{Problems: problems}
	}
	l := server.NewDriftLog(loaded)
	for _, path := range paths {
		if err := readLog(c.InOrStdin(), path, l.Read); err != nil {
			return server.Drift{}, problem{err}
		}
	}
	switch {
	case l.Bad > 0 && l.Entries == 0:
		return server.Drift{}, problem{fmt.Errorf("%s: no line is an entry of a query log", strings.Join(paths, ", "))}
	case l.Bad > 0:
		fmt.Fprintf(c.ErrOrStderr(), "splitdns: %d of %d lines are no entries of a query log, and left out\n", l.Bad, l.Bad+l.Entries)
	}
	r, err := l.Report(f.zone, f.since)
	if err != nil {
		return r, problem{err}
	}
	return r, nil
}

// load reads the configuration that says what is published.
func (f *driftFlags) load() (*config.Config, tomlfile.Problems) {
	if f.edition == "" {
		return load(f.file)
	}
	return config.Parse("--edition", fmt.Appendf(nil, "[zones]\nedition = %q\n", f.edition))
}

// readLog gives the query log at path to read; "-" is in.
func readLog(in io.Reader, path string, read func(io.Reader) error) error {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("reading the query log: %w", err)
		}
		defer file.Close()
		in = file
	}
	text, err := plainLog(in)
	if err == nil {
		err = read(text)
	}
	if err != nil {
		return fmt.Errorf("reading the query log %s: %w", path, err)
	}
	return nil
}

// plainLog is the text of in, which may be compressed by gzip (RFC 1952, section 2.3.1).
func plainLog(in io.Reader) (io.Reader, error) {
	b := bufio.NewReader(in)
	if magic, err := b.Peek(2); err != nil || !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil // what is wrong with in is found when it is read
	}
	return gzip.NewReader(b)
}
