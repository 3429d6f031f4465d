// Package export writes zones in the forms that firewalls, proxies and other
// resolvers load.
//
// A format is one file here, and one line in the table of formats. What a format cannot
// say is never lost in silence: it is left out, or widened to what the format can say,
// and a note counts it, which also stands in the file where the format has comments.
// The same zones and options give the same octets, with no time in them, so that files
// can be compared and served with an ETag.
//
// A text is made twice. The first time it goes nowhere and gives the number of entries
// and the notes, which stand at the head of the file; the second time it is streamed.
// Nothing is kept in memory but what a format needs to tell names that stand in several
// rows. Texts of zones (titles, purposes) are hostile: each format says how they are
// kept within a comment or a string.
package export

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// Defaults of options.
const (
	DefaultTable     = "inet splitdns"
	DefaultSetPrefix = "splitdns-"
	DefaultAction    = "passthru"
	DefaultUse       = "server"
	DefaultWhat      = "prefixes"
)

// Options say what to export, and how. The first ones hold for every format, the others
// for those that [Format.Options] names them for; there the zero value stands for the default.
type Options struct {
	Format   string   // one of Formats, or what [FormatName] takes for one
	Zones    []string // by name; none are all but the catch-alls
	Required bool     // only rows that are required
	Command  string   // how the file was made, for its head

	Family    int              // 4 or 6: only prefixes of that IP version; 0 is both
	Widen     bool             // take all names beside a star inside a label, rather than leave it out
	Table     string           // of nftables: family and name
	SetPrefix string           // what names of sets, objects and groups begin with; "" is no prefix
	Action    string           // of a response policy zone: passthru, nxdomain, nodata, drop
	Counter   int              // 0 to 99, the end of the zone's serial
	Use       string           // of dnsmasq: server, nftset, ipset
	Upstream  []netip.AddrPort // resolvers to forward to; none: of dnsmasq, its standard servers
	What      string           // of an EDL: prefixes, names, both
	Comments  bool             // an EDL with a head
	Proxy     string           // of a PAC file, for all that is not in the zones
	Rules     Rules            // of nft-rules
}

// Format describes a format for people.
type Format struct {
	Name, What string
	Options    []string // the flags that have a meaning for it
}

// Formats gives the formats, by use: firewalls, resolvers, proxies, programs.
func Formats() []Format {
	all := make([]Format, 0, len(formats))
	for _, f := range formats {
		all = append(all, f.Format)
	}
	return all
}

// OptionError is an option that cannot be followed. It is the user's, not the zones'.
type OptionError struct {
	Option string // as the flag is called, without hyphens
	Text   string
}

// Error names the flag.
func (e *OptionError) Error() string { return "--" + e.Option + ": " + e.Text }

// Export is zones ready to be written in a format. It does not change.
type Export struct {
	zones   []*zones.Zone
	options Options
	format  format
	entries int
	notes   []Note
}

// errNothing says that a file would be empty: loaded by a firewall it would shut everything.
var errNothing = errors.New("nothing to export")

// New prepares an export of loaded, which it keeps and does not change. Its errors are an
// [OptionError], a zone that is not there, and that there would be no entry.
func New(loaded []*zones.Zone, o Options) (*Export, error) {
	f, err := formatOf(&o)
	if err != nil {
		return nil, err
	}
	chosen, err := selected(loaded, &o)
	if err != nil {
		return nil, err
	}
	e := &Export{zones: chosen, options: o, format: f}
	w := e.writing(io.Discard)
	if err := f.write(w); err != nil {
		return nil, err
	}
	e.entries, e.notes = w.entries, w.notes.list
	if e.entries == 0 {
		return nil, fmt.Errorf("%w: %s", errNothing, nothingIn(chosen, e.notes))
	}
	return e, nil
}

// nothingIn says why there is no entry.
func nothingIn(chosen []*zones.Zone, notes []Note) string {
	why := "the options leave no row"
	if len(notes) > 0 {
		why = notes[0].String()
	}
	return "zones " + listed(chosen) + ": " + why
}

// listed gives the names of zones.
func listed(all []*zones.Zone) string {
	names := make([]string, 0, len(all))
	for _, z := range all {
		names = append(names, z.Name)
	}
	if len(names) == 0 {
		return "(none)"
	}
	return strings.Join(names, ", ")
}

// Notes say what the format could not say as the zones do.
func (e *Export) Notes() []Note { return slices.Clone(e.notes) }

// Write writes the export. The same export gives the same octets each time.
func (e *Export) Write(w io.Writer) error {
	out := e.writing(w)
	out.total, out.said = e.entries, e.notes
	if e.format.comment != "" && (e.format.Name != formatEDL || e.options.Comments) {
		out.head(e.format.comment)
	}
	if err := e.format.write(out); err != nil {
		return err
	}
	return out.Flush() // says what went wrong before, too
}

// bufferSize is what goes out at once.
const bufferSize = 1 << 16

// writing starts one pass.
func (e *Export) writing(w io.Writer) *writing {
	return &writing{Writer: bufio.NewWriterSize(w, bufferSize), zones: e.zones, o: &e.options, format: e.format.Name}
}

// selected are the zones to export, with the rows and prefixes that o asks for. They come
// in the order of loaded, whatever the order in which they were asked for.
func selected(loaded []*zones.Zone, o *Options) ([]*zones.Zone, error) {
	var have []string
	for _, z := range loaded {
		if err := zones.CheckName(z.Name); err != nil {
			return nil, err // names stand unquoted in most formats
		}
		have = append(have, z.Name)
	}
	for _, name := range o.Zones {
		if !slices.Contains(have, name) {
			return nil, noZone(name, have)
		}
	}
	var chosen []*zones.Zone
	for _, z := range loaded {
		if slices.Contains(o.Zones, z.Name) || len(o.Zones) == 0 && !z.CatchAll {
			chosen = append(chosen, cut(z, o))
		}
	}
	return chosen, nil
}

// noZone says that there is no such zone.
func noZone(name string, have []string) error {
	hint := ""
	if near := tomlfile.Nearest(name, have); near != "" {
		hint = "; did you mean " + near
	}
	return fmt.Errorf("no zone %q%s; have %s", name, hint, strings.Join(have, ", "))
}

// cut is z with the rows and prefixes that o asks for. A zone without any stays: a set of
// a firewall must be emptied when its zone is.
func cut(z *zones.Zone, o *Options) *zones.Zone {
	short := *z
	short.Rows = nil
	for _, r := range z.Rows {
		if o.Required && !r.Required {
			continue
		}
		r.Prefixes = slices.DeleteFunc(slices.Clone(r.Prefixes), func(p netip.Prefix) bool {
			return o.Family == 4 && !p.Addr().Is4() || o.Family == 6 && p.Addr().Is4()
		})
		if r.Patterns.Len() > 0 || len(r.Prefixes) > 0 {
			short.Rows = append(short.Rows, r)
		}
	}
	return &short
}
