package main

import (
	"fmt"
	"io"
	"net/http"

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
exit code is 1.`,
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
	for _, line := range append(r.Problems, r.Restart...) {
		fmt.Fprintln(w, line)
	}
	if !r.OK {
		fmt.Fprintln(w, "refused; still in force: "+r.InForce)
		return errSaid{}
	}
	_, err := fmt.Fprintln(w, "in force: "+r.InForce)
	return err
}
