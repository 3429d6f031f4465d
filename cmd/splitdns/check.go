package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// checkCommand is `splitdns check`.
func checkCommand() *cobra.Command {
	var file string
	var strict bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Print every problem and warning of a configuration as FILE:LINE: KEY: text",
		Args:  arguments(0, 0, "the file with -c FILE"),
		RunE: func(c *cobra.Command, _ []string) error {
			loaded, problems := loadTested(file)
			printProblems(c.OutOrStdout(), problems)
			if loaded == nil || strict && len(problems) > 0 {
				return errSaid{}
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s: fine: %s\n", name(file), summary(loaded, problems))
			return err
		},
	}
	configFlag(c, &file)
	c.Flags().BoolVar(&strict, "strict", false, "exit with 1 for warnings too")
	return c
}

// configFlag adds -c to c.
func configFlag(c *cobra.Command, file *string) {
	c.Flags().StringVarP(file, "config", "c", "", "the configuration `FILE`; none: the defaults")
}

// loadTested reads file and runs its tests, as the server does; none is the defaults.
func loadTested(file string) (*config.Config, tomlfile.Problems) {
	if file == "" {
		return load(file)
	}
	c, _, problems := server.Load(file)
	return c, problems
}

// load reads file; none is the defaults. It runs no tests: whoever asks why one is red, or
// what else changes, has a configuration that fails it.
func load(file string) (*config.Config, tomlfile.Problems) {
	if file == "" {
		return config.Default(), nil
	}
	return config.Load(file)
}

// name is how messages call file.
func name(file string) string {
	if file == "" {
		return "no configuration file, the defaults"
	}
	return file
}

// summary says what a good configuration holds.
func summary(c *config.Config, problems tomlfile.Problems) string {
	groups := make([]string, 0, len(c.Upstreams))
	for _, u := range c.Upstreams {
		groups = append(groups, u.Name)
	}
	if !slices.Contains(groups, config.DefaultUpstream) {
		groups = append(groups, config.DefaultUpstream+" (the system's)")
	}
	return fmt.Sprintf("rules %d, zones %d of edition %s, upstream groups %s, tests %d, warnings %d",
		len(c.Rules), len(c.Zones), c.Edition, strings.Join(groups, ", "), len(c.Tests), len(problems))
}
