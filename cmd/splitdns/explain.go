package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"splitdns/matcher"
	"splitdns/server"
)

// explainCommand is `splitdns explain`.
func explainCommand() *cobra.Command {
	var file, client string
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain NAME|ADDRESS [TYPE]",
		Short: "Say how a name is treated for a client, or which zones publish an address",
		Long: `Say how a name is treated for a client, or which zones publish an address.

Works without a running server, by the same code that serves live queries. It
has no cache, knows of no fetch of an address feed, and asks nobody; ask the running
server with: dig @SERVER CH TXT NAME`,
		Args: arguments(1, 2, "a NAME or an ADDRESS, and perhaps a TYPE"),
		RunE: func(c *cobra.Command, args []string) error {
			loaded, problems := load(file)
			if loaded == nil {
				return &server.ConfigError{Problems: problems}
			}
			asker, err := netip.ParseAddr(client)
			if err != nil {
				return problem{fmt.Errorf("--client: %q: want one address, such as 10.0.0.7", client)}
			}
			return explain(c.OutOrStdout(), server.NewResolver(loaded), subject{args, asker.Unmap(), asJSON})
		},
	}
	configFlag(c, &file)
	c.Flags().StringVar(&client, "client", "127.0.0.1", "explain as for the client with this `ADDRESS`")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// subject is what explain is asked.
type subject struct {
	args   []string // a name or an address, and perhaps a type
	client netip.Addr
	json   bool
}

// explain prints what r asks for.
func explain(w io.Writer, resolver *server.Resolver, r subject) error {
	asker := server.Asker{Client: r.client, Admin: true}
	if addr, err := netip.ParseAddr(r.args[0]); err == nil {
		if len(r.args) > 1 {
			return problem{fmt.Errorf("%s: an address has no TYPE", r.args[1])}
		}
		e := resolver.ExplainAddress(addr, asker)
		return printExplanation(w, r.json, e, e.Facts())
	}
	name, err := parseName(r.args[0])
	if err != nil {
		return problem{err}
	}
	e, err := resolver.Explain(name, strings.Join(r.args[1:], ""), asker)
	if err != nil {
		return problem{err}
	}
	lines := append(e.Facts(), "")
	return printExplanation(w, r.json, e, append(lines, e.Cascade()...))
}

// parseName reads a name, and refuses what people take for one: it could only be
// explained as a name that nobody publishes.
func parseName(s string) (matcher.Name, error) {
	if strings.ContainsAny(s, "/:") {
		return matcher.Name{}, fmt.Errorf("%q: want a name or one address: no URL, port or prefix", s)
	}
	if strings.Trim(s, "0123456789.") == "" {
		return matcher.Name{}, fmt.Errorf("%q: want a name or one address: this is no address", s)
	}
	return matcher.ParseName(s)
}

// printExplanation prints e as JSON or as lines.
func printExplanation(w io.Writer, asJSON bool, e any, lines []string) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(e)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
