package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// serveFlags are the flags of `splitdns serve`.
type serveFlags struct {
	file     string
	listen   []string
	upstream []string
	demo     bool
	control  string // "" is none, if hasControl
	// hasControl says that control was given.
	hasControl bool
}

// serveCommand is `splitdns serve`.
func serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Answer DNS queries until stopped",
		Long: `Answer DNS queries until stopped.

Without -c no file is read: all bundled zones are logged and observed, on
127.0.0.1:5300 and [::1]:5300, with the system's resolvers as upstream.
SIGHUP, or a change of the configuration's files, reloads it; SIGTERM and
SIGINT finish the queries under way and stop, and a second one stops at once.`,
		Args: arguments(0, 0, "the file with -c FILE"),
		RunE: func(c *cobra.Command, _ []string) error {
			if f.demo && len(f.upstream) > 0 {
				return misuse{c, errors.New("--demo asks nobody: it goes without --upstream")}
			}
			f.hasControl = c.Flags().Changed("control")
			signal.Ignore(syscall.SIGPIPE) // who reads the query log may go; the resolver stays
			ctx, stop := untilSignal(c.Context())
			defer stop()
			return serve(ctx, f, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	configFlag(c, &f.file)
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "listen on `ADDR[:PORT]` instead of server.listen; may be repeated")
	c.Flags().StringArrayVar(&f.upstream, "upstream", nil, "forward to `SERVER`, such as 192.0.2.53 or tls://192.0.2.53#dns.example, instead of [upstream.default]; may be repeated")
	c.Flags().StringVar(&f.control, "control", "", "let status, reload and flush in by the socket `PATH` instead of server.control")
	c.Flags().BoolVar(&f.demo, "demo", false, "answer from a simulated internet, without a network")
	return c
}

// untilSignal returns a context that SIGTERM and SIGINT end. The second one finds
// nobody who waits for it, and ends the program at once.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	signalled, stop := signal.NotifyContext(parent, syscall.SIGTERM, syscall.SIGINT)
	ctx, cancel := context.WithCancel(parent)
	context.AfterFunc(signalled, func() {
		stop() // first: who hears that the server is stopping can count on it
		cancel()
	})
	return ctx, stop
}

// serve runs a server until ctx is cancelled.
func serve(ctx context.Context, f serveFlags, stdout, stderr io.Writer) error {
	load, err := f.loader()
	if err != nil {
		return err
	}
	s, err := server.Open(server.Options{
		Load:          func() (*config.Config, []config.File, tomlfile.Problems) { return load("") },
		LoadCandidate: load, Demo: f.demo, Version: version(), Stdout: stdout,
		Log: slog.New(slog.NewTextHandler(stderr, nil)),
	})
	if err != nil {
		return asProblem(err)
	}
	announce(stderr, s, f)
	return asProblem(s.Run(ctx))
}

// asProblem marks err as a problem in what was given.
func asProblem(err error) error {
	if err == nil {
		return nil
	}
	return problem{err}
}

// demoConfig is what --demo brings when no file is given.
//
//go:embed demo.toml
var demoConfig []byte

// loader returns the function that reads the configuration, at start and at
// each reload, with the flags laid over it, and with the candidate for the copy of a zone unless
// that is "".
func (f serveFlags) loader() (func(zone string) (*config.Config, []config.File, tomlfile.Problems), error) {
	listen, err := flagValues("--listen", f.listen, config.ParseAddrPort)
	if err != nil {
		return nil, err
	}
	upstream, err := flagValues("--upstream", f.upstream, config.ParseUpstreamFlag)
	if err != nil {
		return nil, err
	}
	control, err := f.controlPath()
	if err != nil {
		return nil, err
	}
	return func(zone string) (*config.Config, []config.File, tomlfile.Problems) {
		c, files, problems := f.read(zone)
		if c == nil {
			return nil, files, problems
		}
		if len(listen) > 0 {
			c = c.WithListen(listen)
		}
		if len(upstream) > 0 || f.demo { // a simulated internet has no servers to be known
			c = c.WithUpstream(upstream)
		}
		if f.hasControl {
			c = c.WithControl(control)
		}
		return c, files, problems
	}, nil
}

// controlPath is the path that --control gives.
func (f serveFlags) controlPath() (string, error) {
	if f.control == "" {
		return "", nil
	}
	path, err := config.ParseControl(f.control)
	if err != nil {
		return "", problem{fmt.Errorf("--control: %w", err)}
	}
	return path, nil
}

// read reads the configuration that the flags name, with the candidate for the copy of a zone.
func (f serveFlags) read(zone string) (c *config.Config, files []config.File, problems tomlfile.Problems) {
	switch {
	case f.file != "":
		return server.LoadCandidate(f.file, zone)
	case f.demo:
		c, problems = config.Parse("", demoConfig)
		if c != nil {
			problems = nil // warnings about our own choices are of no use to anybody
		}
		return c, nil, problems
	}
	return config.Default(), nil, nil
}

// flagValues reads the values of a flag by parse.
func flagValues[V any](flag string, values []string, parse func(string) (V, error)) ([]V, error) {
	var all []V
	for _, text := range values {
		v, err := parse(text)
		if err != nil {
			return nil, problem{fmt.Errorf("%s: %w", flag, err)}
		}
		all = append(all, v)
	}
	return all, nil
}

// announce says where s listens and on what it runs.
func announce(w io.Writer, s *server.Server, f serveFlags) {
	var addrs []string
	for _, a := range s.Addrs() {
		addrs = append(addrs, a.String())
	}
	fmt.Fprintf(w, "splitdns %s: listening on %s, UDP and TCP\n%s\n", version(), strings.Join(addrs, ", "), s.Summary())
	overTLS, overHTTPS := s.EncryptedAddrs()
	for _, a := range overTLS {
		fmt.Fprintf(w, "DNS over TLS on %s\n", a)
	}
	for _, a := range overHTTPS {
		fmt.Fprintf(w, "DNS over HTTPS on https://%s/dns-query\n", a)
	}
	for _, a := range s.HTTPAddrs() {
		fmt.Fprintf(w, "HTTP on http://%s: /healthz, /readyz, /metrics, /api/explain?name=NAME, /feed/RULE.txt\n", a)
	}
	if f.demo {
		announceDemo(w, s.Addrs()[0])
	}
}
