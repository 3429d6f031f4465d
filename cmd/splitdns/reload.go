package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/spf13/cobra"

	"splitdns/server"
)

// reloadCommand is `splitdns reload`.
func reloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload",
		Short: "Have a running server read its configuration again",
		Long: `Have a running server read its configuration again.

Prints every problem and warning as check does, and what is in force then. A
configuration with a problem is refused: the old one stays in force, and the
exit code is 1. Sets of the firewall that are not well are named too: that
refuses nothing.`,
		Args: arguments(0, 0, "the configuration of the server with -c FILE"),
	}
	f := controlFlagsOf(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		var r server.Reloaded
		if err := f.call(c.Context(), http.MethodPost, "/v1/reload", nil, &r); err != nil {
			return err
		}
		return printReloaded(c.OutOrStdout(), r)
	}
	return c
}

// printReloaded prints what became of a reload.
func printReloaded(w io.Writer, r server.Reloaded) error {
	for _, line := range slices.Concat(r.Problems, r.Restart, r.Sets) {
		fmt.Fprintln(w, line)
	}
	if !r.OK {
		fmt.Fprintln(w, "refused; still in force: "+r.InForce)
		return errSaid{}
	}
	_, err := fmt.Fprintln(w, "in force: "+r.InForce)
	return err
}
