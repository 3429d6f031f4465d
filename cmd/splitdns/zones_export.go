package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"splitdns/zones"
	"splitdns/zones/export"
)

// exporting is what `splitdns zones export` was told.
type exporting struct {
	source
	export.Options
	upstream []string
	output   string
	rules    rulesFlags
}

// zonesExportCommand is `splitdns zones export`.
func zonesExportCommand() *cobra.Command {
	var e exporting
	c := &cobra.Command{
		Use:     "export [ZONE...] --format FORMAT",
		Short:   "Write zones in the form that a firewall, a proxy or another resolver loads",
		Long:    exportHelp(),
		Example: exportExamples,
		PreRunE: notBoth,
		RunE: func(c *cobra.Command, args []string) error {
			e.Zones = args
			return e.run(c)
		},
	}
	e.addFlags(c)
	return c
}

// addFlags adds the flags: first those of every format.
func (e *exporting) addFlags(c *cobra.Command) {
	configFlag(c, &e.file)
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&e.edition, "edition", "",
		"a bundled `EDITION` ("+strings.Join(zones.Editions(), ", ")+"), instead of a configuration's")
	f.StringVar(&e.Format, "format", "", "the `FORMAT`, one of those above")
	f.StringVarP(&e.output, "output", "o", "", "write to `FILE`, replacing it at once; else, or with -, to standard output")
	f.BoolVar(&e.Required, "required", false, "only rows that the vendor calls required")
	f.IntVar(&e.Family, "family", 0, "only prefixes of IP `VERSION` 4 or 6")
	f.BoolVar(&e.Widen, "widen", false, "for stars in labels and wide ranges, take all names beside them")
	f.StringVar(&e.Table, "table", export.DefaultTable, "nft, nft-rules, dnsmasq: family and name of the `TABLE`")
	f.StringVar(&e.SetPrefix, "set-prefix", export.DefaultSetPrefix, "nft, nft-rules, ipset, dnsmasq, fortigate: `TEXT` that names begin with")
	f.StringVar(&e.What, "what", export.DefaultWhat, "edl: `WHAT`, one of prefixes, names, both")
	f.BoolVar(&e.Comments, "comments", false, "edl: say at its head what the file is; PAN-OS takes no such lines")
	f.StringVar(&e.Action, "action", export.DefaultAction, "rpz: `ACTION`, one of passthru, nxdomain, nodata, drop")
	f.IntVar(&e.Counter, "counter", 0, "rpz: `NUMBER` at the end of the serial, after the edition's date")
	f.StringVar(&e.Use, "use", export.DefaultUse, "dnsmasq: the `OPTION` to write, one of server, nftset, ipset")
	f.StringArrayVar(&e.upstream, "upstream", nil, "dnsmasq, unbound: `ADDRESS[:PORT]` to send the names to; again for more; dnsmasq without: its standard servers")
	f.StringVar(&e.Proxy, "proxy", export.DefaultProxy, "pac: `TEXT` for all other hosts; the default is a proxy that nobody has")
	e.rules.add(f, &e.Rules)
}

// exportHelp lists the formats.
func exportHelp() string {
	var b strings.Builder
	b.WriteString("Write zones in the form that a firewall, a proxy or another resolver loads: all but the\n" +
		"catch-alls, or those named. What a format cannot say is noted on standard error, and in\n" +
		"the file. Ports are in nft-rules, fortigate, json and csv. The same zones give the same file.\n\nFormats:\n")
	for _, f := range export.Formats() {
		fmt.Fprintf(&b, "  %-10s %s\n", f.Name, f.What)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// exportExamples are the examples in the help text.
const exportExamples = `  splitdns zones export --format nft -o /etc/nftables.d/zones.nft
  splitdns zones export intune fcm --format nft-rules --clients 10.20.0.0/16 -o /etc/nftables.d/mdm.nft
  splitdns zones export apple-push fcm --format edl --what names
  splitdns zones export --format unbound --upstream 10.0.0.2 -c splitdns.toml`

// run exports what e says.
func (e *exporting) run(c *cobra.Command) error {
	if err := e.check(c); err != nil {
		return err
	}
	e.Command = commandLine(c, e.Zones)
	loaded, err := e.load()
	if err != nil {
		return err
	}
	if err := e.rules.read(&e.Rules, loaded); err != nil {
		return misuse{c, err}
	}
	x, err := export.New(loaded.Zones, e.Options)
	if option := new(export.OptionError); errors.As(err, &option) {
		return misuse{c, err}
	}
	if err != nil {
		return problem{err}
	}
	for _, n := range x.Notes() {
		fmt.Fprintln(c.ErrOrStderr(), "splitdns: note: "+n.String())
	}
	return e.write(c.OutOrStdout(), x)
}

// check reads the upstreams, and refuses flags that would count for nothing.
func (e *exporting) check(c *cobra.Command) error {
	for _, text := range e.upstream {
		upstream, err := upstreamAddress(text)
		if err != nil {
			return misuse{c, err}
		}
		e.Upstream = append(e.Upstream, upstream)
	}
	formats := export.Formats()
	e.Format = export.FormatName(e.Format) // the flag's value, too: the file says how it was made
	i := slices.IndexFunc(formats, func(f export.Format) bool { return f.Name == e.Format })
	if i < 0 {
		return nil // export.New says which there are
	}
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		isOther := slices.ContainsFunc(formats, func(o export.Format) bool { return slices.Contains(o.Options, f.Name) })
		if isOther && !slices.Contains(formats[i].Options, f.Name) {
			err = misuse{c, fmt.Errorf("--%s has no meaning with --format %s", f.Name, e.Format)}
		}
	})
	return err
}

// upstreamAddress reads an address, with a port if it is not that of DNS.
func upstreamAddress(text string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(addr, 53), nil
	}
	ap, err := netip.ParseAddrPort(text)
	if err != nil || ap.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("--upstream: %q: want an address, as 10.0.0.2, or one with a port, as 10.0.0.2:5300 or [2001:db8::2]:5300", text)
	}
	return ap, nil
}

// commandLine is how the command was called, but for where it writes to: the same zones
// give the same file anywhere.
func commandLine(c *cobra.Command, args []string) string {
	var flags []string
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "output" {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			flags = append(flags, "--"+f.Name+"="+value)
		}
	})
	slices.Sort(flags) // they come in the order in which they were given
	words := slices.Concat(strings.Fields(c.CommandPath()), args, flags)
	for i, word := range words {
		if strings.ContainsAny(word, " \t\n;'\"") {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}

// write writes x to w, or to the file that e names.
func (e *exporting) write(w io.Writer, x *export.Export) error {
	if e.output == "" || e.output == "-" {
		return x.Write(w)
	}
	info, err := os.Stat(e.output)
	switch {
	case err != nil:
		err = replace(e.output, 0o644, x)
	case info.Mode().IsRegular():
		err = replace(e.output, info.Mode().Perm(), x)
	default:
		err = overwrite(e.output, x) // a device or a pipe stays what it is
	}
	if err != nil {
		return problem{fmt.Errorf("writing %s: %w", e.output, err)}
	}
	return nil
}

// overwrite writes x to the file that is there.
func overwrite(file string, x *export.Export) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(x.Write(f), f.Close())
}

// replace writes x to a file beside the one that may be there, then puts it in its place:
// whoever reads it, a web server perhaps, sees the old one or the new one. Where file is a
// link, what it leads to is replaced.
func replace(file string, mode os.FileMode, x *export.Export) error {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	folder := filepath.Dir(file)
	f, err := os.CreateTemp(folder, "."+filepath.Base(file)+".*")
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("in %s: %w", folder, failed.Err) // nobody knows the name beside it
	}
	if err != nil {
		return err
	}
	err = errors.Join(x.Write(f), f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
