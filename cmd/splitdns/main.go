// Command splitdns is a DNS resolver for networks full of managed devices. It
// forwards and caches, knows the hostnames that the devices need, and logs, tags
// or pins their answers to the address ranges that vendors publish.
//
// This package is flags, signals and text for people: one file for each
// subcommand. What they do is package server and what lies below it.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/zones/tomlfile"
)

// The exit codes.
const (
	exitFine    = 0
	exitProblem = 1 // in what was given: a configuration, a name, a taken port
	exitUsage   = 2 // in how the command was called
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := root.Execute()
	var problems *server.ConfigError
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &problems):
		printProblems(stderr, problems.Problems)
		return exitProblem
	case errors.As(err, new(errSaid)):
		return exitProblem
	case errors.As(err, new(problem)), errors.As(err, new(*fs.PathError)): // a full disk behind standard output
		fmt.Fprintln(stderr, "splitdns: "+err.Error())
		return exitProblem
	case !errors.As(err, new(misuse)): // the library's own
		err = misuse{root, onOneLine(err)}
	}
	fmt.Fprintln(stderr, err)
	return exitUsage
}

// misuse is an error in how a command was called.
type misuse struct {
	command *cobra.Command
	cause   error
}

// Error names the command, and says where its help is.
func (m misuse) Error() string {
	path := m.command.CommandPath()
	return fmt.Sprintf("%s: %v; see %s --help", path, m.cause, path)
}

// Unwrap returns the cause.
func (m misuse) Unwrap() error { return m.cause }

// onOneLine is the library's err with its suggestions in the same line.
func onOneLine(err error) error {
	text, near, ok := strings.Cut(err.Error(), "\n\nDid you mean this?")
	if !ok {
		return err
	}
	return fmt.Errorf("%s; did you mean %s?", text, strings.Join(strings.Fields(near), " or "))
}

// problem is an error in what was given, not in how the command was called.
type problem struct{ error }

// Unwrap returns the cause.
func (p problem) Unwrap() error { return p.error }

// errSaid ends a command whose output has said what is wrong.
type errSaid struct{}

// Error is never printed.
func (errSaid) Error() string { return "" }

// newRoot returns the command with its subcommands.
func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "splitdns",
		Short:         "A DNS resolver that logs, tags and pins the names that managed devices need",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	root.SetVersionTemplate("splitdns {{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return misuse{c, err} })
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(serveCommand(), checkCommand(), explainCommand(), zonesCommand(), statusCommand(), reloadCommand(), refreshCommand(), flushCommand(), driftCommand(), setsCommand(), replayCommand(), versionCommand())
	return root
}

// arguments accepts between least and most arguments, which are what.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) > most:
			return misuse{c, fmt.Errorf("unexpected %q; want %s", args[most], what)}
		case len(args) < least:
			return misuse{c, fmt.Errorf("want %s", what)}
		}
		return nil
	}
}

// versionCommand is `splitdns version`.
func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "splitdns "+version())
			return err
		},
	}
}

// version is the version of the module, as the build recorded it, and the
// commit where there is no version.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}

// printProblems prints problems, one a line, in the form that editors jump to.
func printProblems(w io.Writer, problems tomlfile.Problems) {
	for _, p := range problems {
		fmt.Fprintln(w, p.String())
	}
}
