package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/zones"
)

// zonesCommand is `splitdns zones`.
func zonesCommand() *cobra.Command {
	var from source
	c := &cobra.Command{
		Use:   "zones",
		Short: "Look at the zones: the names and ranges that vendors publish",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return misuse{c, errors.New("want list, show ZONE, import FILE, diff OLD NEW, lint or export")}
		},
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the zones",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return from.with(c.OutOrStdout(), listZones) },
	}
	show := &cobra.Command{
		Use:   "show ZONE",
		Short: "Show the rows of a zone",
		Args:  arguments(1, 1, "a ZONE; `splitdns zones list` has their names"),
		RunE: func(c *cobra.Command, args []string) error {
			return from.with(c.OutOrStdout(), func(w io.Writer, loaded []*zones.Zone) error {
				return showZone(w, loaded, args[0])
			})
		},
	}
	for _, sub := range []*cobra.Command{list, show} {
		sub.PreRunE = notBoth
		configFlag(sub, &from.file)
		sub.Flags().StringVar(&from.edition, "edition", "",
			"a bundled `EDITION` ("+strings.Join(zones.Editions(), ", ")+"), instead of a configuration's")
		c.AddCommand(sub)
	}
	c.AddCommand(zonesImportCommand(), zonesDiffCommand(), zonesLintCommand(), zonesExportCommand())
	return c
}

// notBoth refuses two sources of zones: one of them would count for nothing.
func notBoth(c *cobra.Command, _ []string) error {
	if c.Flags().Changed("config") && c.Flags().Changed("edition") {
		return misuse{c, errors.New("--config and --edition exclude each other")}
	}
	return nil
}

// source says which zones to look at.
type source struct {
	file, edition string
}

// with calls show with the zones of s.
func (s source) with(w io.Writer, show func(io.Writer, []*zones.Zone) error) error {
	loaded, err := s.load()
	if err != nil {
		return err
	}
	return show(w, loaded.Zones)
}

// load loads the configuration of s, or one that has nothing but the zones of its edition.
func (s source) load() (*config.Config, error) {
	if s.edition != "" {
		bundled, err := zones.Bundled(s.edition)
		if err != nil {
			return nil, problem{err}
		}
		return &config.Config{Zones: bundled}, nil
	}
	loaded, problems := load(s.file)
	if loaded == nil {
		return nil, &server.ConfigError{Problems: problems}
	}
	return loaded, nil
}

// listZones prints one line for each zone.
func listZones(w io.Writer, loaded []*zones.Zone) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ZONE\tROWS\tNAMES\tPREFIXES\tEDITION\tTITLE")
	for _, z := range loaded {
		names, prefixes := 0, 0
		for i := range z.Rows {
			names += z.Rows[i].Patterns.Len()
			prefixes += len(z.Rows[i].Prefixes)
		}
		title := z.Title
		if z.CatchAll {
			title += ` (catch-all: not in "*")`
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\n", z.Name, len(z.Rows), names, prefixes, z.Edition, title)
	}
	return t.Flush()
}

// showZone prints the zone called name, row by row.
func showZone(w io.Writer, loaded []*zones.Zone, name string) error {
	for _, z := range loaded {
		if z.Name == name {
			return writeZone(w, z)
		}
	}
	var have []string
	for _, z := range loaded {
		have = append(have, z.Name)
	}
	return problem{fmt.Errorf("no zone %q; have %s", name, strings.Join(have, ", "))}
}

// writeZone writes a zone as people read it.
func writeZone(w io.Writer, z *zones.Zone) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s: %s\n", z.Name, z.Title)
	field(b, "", "vendor", z.Vendor)
	field(b, "", "edition", z.Edition)
	field(b, "", "source", z.Source)
	if z.CatchAll {
		field(b, "", "catch-all", `not in "*": name it in a rule to use it`)
	}
	for i := range z.Rows {
		writeRow(b, &z.Rows[i])
	}
	return b.Flush() // says what went wrong before, too
}

// writeRow writes one row.
func writeRow(b *bufio.Writer, r *zones.Row) {
	fmt.Fprintf(b, "\n%s\n", r.Name)
	field(b, "  ", "purpose", r.Purpose)
	var words []string
	for _, p := range r.Ports {
		words = append(words, p.String())
	}
	field(b, "  ", "ports", strings.Join(words, " "))
	if !r.Required {
		field(b, "  ", "required", "no")
	}
	if r.CarveOut {
		field(b, "  ", "carve-out", "takes no ranges from wider patterns")
	}
	field(b, "  ", "source", strings.TrimSpace(r.Source+" "+r.Date))
	for p := range r.Patterns.All() {
		field(b, "  ", "name", p.String())
	}
	for _, p := range r.Prefixes {
		field(b, "  ", "prefix", zones.PrefixText(p))
	}
}

// field writes one line, unless there is nothing to say.
func field(b *bufio.Writer, indent, key, value string) {
	if value != "" {
		fmt.Fprintf(b, "%s%-9s %s\n", indent, key, value)
	}
}
