package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"splitdns/server"
)

// flushCommand is `splitdns flush`.
func flushCommand() *cobra.Command {
	var below bool
	c := &cobra.Command{
		Use:   "flush [NAME]",
		Short: "Have a running server forget cached answers",
		Long: `Have a running server forget cached answers, of all types.

  NAME      that name
  '*.NAME'  every name below it
  .NAME     both, as NAME --below
  nothing   everything`,
		Args: arguments(0, 1, "one NAME, or none for everything"),
	}
	f := controlFlagsOf(c)
	c.Flags().BoolVar(&below, "below", false, "also every name below NAME")
	c.RunE = func(c *cobra.Command, args []string) error {
		pattern := strings.Join(args, "")
		if len(args) == 1 && pattern == "" {
			return misuse{c, errors.New("an empty NAME; without one everything is flushed")}
		}
		if below && pattern != "." {
			if pattern == "" || strings.HasPrefix(pattern, "*.") || strings.HasPrefix(pattern, ".") {
				return misuse{c, errors.New("--below wants a NAME without a star or dot before it")}
			}
			pattern = "." + pattern
		}
		var flushed server.Flushed
		if err := f.call(c.Context(), http.MethodPost, "/v1/flush", server.FlushQuery{Pattern: pattern}, &flushed); err != nil {
			return err
		}
		_, err := fmt.Fprintf(c.OutOrStdout(), "%s: %s flushed\n", flushedWhat(pattern), counted(flushed.Answers, "answer"))
		return err
	}
	return c
}

// flushedWhat is the pattern in words.
func flushedWhat(pattern string) string {
	if pattern == "" || pattern == "." {
		return "everything"
	}
	return pattern
}

// counted is n with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
