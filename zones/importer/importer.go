// Package importer turns what vendors and others publish into zones.
//
// It is strict about the shape of a document and generous about dirt: a document
// that is not what it should be is refused whole, and within a good one everything
// is either taken over or noted, with its line. So nothing is lost in silence.
//
// A format is one file here: how the format is told from others, and how its rows
// are read as drafts. What drafts have in common (cleaning names and prefixes,
// naming rows, sorting them into zones) is done once, for all formats. This package
// opens no file and asks no server; it takes bytes, each of them hostile.
//
// # Formats
//
// What each takes over, in the order in which they are tried; the comments of their
// tables say more.
//
//	m365         endpoints.office.com: a set is a row; /version dates it, and /changes
//	             adds what is announced; what is to be removed stays
//	servicetags  Azure service tags: a tag is a row of prefixes
//	google       goog.json, without what cloud.json has if that is given as well
//	apple        Apple's page as copied text, with ports, or as JSON, without
//	ms-learn     Markdown of Microsoft's pages, in any language: a row of a table is a
//	             row, and so is a list; names of other services go to zones of their own
//	wns          push notifications of Windows, in XML: a service is a row
//	rpz          response policy zones: names in a row for each action
//	dnsmasq      server=, local=, address=, ipset=, nftset=: names in a row for each
//	adguard      ||x^, |x^, x: names blocked, excepted and rewritten, a row for each
//	v2fly        full:, domain:, simple regexp:; rules of Surge and Clash; a row
//	hosts        the names of a hosts file, in a row
//	names        one pattern or prefix a line: a row of names, a row of prefixes
package importer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// Document is one published text. Several may say different things about one
// publication, such as the ranges of a company and those of its cloud to be left out.
type Document struct {
	Name   string // the file or URL, as notes say it
	Data   []byte // is not kept, and not changed
	Format string // one of Formats; "" is found out by the shape of Data
}

// Options say what to make of documents.
type Options struct {
	// Zone is the name of the one zone that takes every row. Without it rows go where
	// the document, and what is known of its publisher, says.
	Zone string
	// Only are the names of the rows to be taken; "azurefrontdoor.*" takes several, as
	// in [path.Match]. Without it every row is.
	Only []string
}

// Result is what documents come to.
type Result struct {
	Zones []*zones.Zone // by name; each has a row at least
	Notes []Note        // by document, then by line
	Read  []Summary     // one for each document
}

// Summary says what one document was.
type Summary struct {
	Name, Format             string
	Edition                  string // as 2026-03-24; "" where the document has no date
	Rows, Patterns, Prefixes int    // taken over
}

// Kind is what happened to a part of a document.
type Kind uint8

// The kinds of notes.
const (
	Normalised Kind = iota // taken over in a clean form
	Skipped                // not taken over, for a reason that is said
	Doubted                // taken over, or not, and perhaps wrongly: somebody should look
)

// String gives the word that reports use.
func (k Kind) String() string { return [...]string{"normalised", "skipped", "doubted"}[k] }

// Note is one thing that an administrator may want to know of an import.
type Note struct {
	File string
	Line int // from 1; 0 for a document as a whole
	Kind Kind
	Text string // may quote the document; String makes it safe to show
}

// String gives the note in the form that editors jump to: FILE:LINE: KIND: text. It is
// one line, which a terminal shows as it is: what is not printable stands in it as an
// escape.
func (n Note) String() string {
	return tomlfile.Problem{File: n.File, Line: n.Line, Key: n.Kind.String(), Text: n.Text}.String()
}

// MaxSize is how large a document may be, in octets.
const MaxSize = 64 << 20

// Formats are the names of the formats, in the order in which they are tried.
func Formats() []string {
	names := make([]string, 0, len(formats))
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// format is one way of publishing endpoints.
type format struct {
	name string
	what string // for people
	// looksLike says whether data, which may be of any format, has the shape of this one.
	looksLike func(data []byte) bool
	read      func(*reading) error // its error refuses the document
	// together, unless it is nil, settles what the documents of the format that were given
	// together say about one another. Its error refuses them.
	together func([]*reading) error
}

// Read turns documents into zones. An error refuses them all: it says which document
// is not what it should be, and why. The notes say then what was done with a document in
// which nothing was found, and there is nothing else. Otherwise every part of every document is in the
// zones or in the notes.
func Read(documents []Document, o Options) (Result, error) {
	if o.Zone != "" {
		if err := zones.CheckName(o.Zone); err != nil {
			return Result{}, err
		}
	}
	var all []*reading
	for _, d := range documents {
		if err := nothing(d.Data, len(documents) == 1); err != nil {
			return Result{}, fmt.Errorf("%s: %w", d.Name, err)
		}
		r, err := readDocument(d)
		if err != nil {
			return Result{Notes: r.allNotes()}, fmt.Errorf("%s: %w", d.Name, err)
		}
		all = append(all, r)
	}
	if err := together(all); err != nil {
		return Result{}, err
	}
	if err := selectRows(all, o.Only); err != nil {
		return Result{}, err
	}
	return assemble(all, o)
}

// ErrEmptyList is what is wrong with JSON that would be a list of endpoints, and has none.
var ErrEmptyList = errors.New("the list is empty")

// What no document may be.
var (
	errEmpty = errors.New("the document is empty")
	errLarge = fmt.Errorf("larger than %d MiB", MaxSize>>20)
	errNone  = errors.New("no name and no prefix was found in it")
)

// readDocument reads one document as drafts. Where it has none, what was read comes with
// the error, for its notes; otherwise an error comes alone.
func readDocument(d Document) (*reading, error) {
	switch {
	case len(d.Data) > MaxSize:
		return nil, errLarge
	case strings.TrimSpace(string(d.Data[:min(len(d.Data), 4096)])) == "" && len(d.Data) <= 4096:
		return nil, errEmpty
	}
	if err := refusal(d.Data); err != nil {
		return nil, err
	}
	f, err := formatOf(d)
	if err != nil {
		return nil, err
	}
	r := &reading{document: d, format: f}
	if err := f.read(r); err != nil {
		return nil, fmt.Errorf("read as %s (%s): %w", f.name, f.what, err)
	}
	if err := r.bounds(); err != nil {
		return nil, fmt.Errorf("read as %s (%s): %w", f.name, f.what, err)
	}
	if len(r.drafts) == 0 && !r.mayBeEmpty {
		return r, fmt.Errorf("read as %s (%s): %w", f.name, f.what, errNone)
	}
	return r, nil
}

// formatOf is the format of d: the one it names, or the first whose shape it has.
func formatOf(d Document) (format, error) {
	for _, f := range formats {
		if f.name == d.Format || d.Format == "" && f.looksLike(d.Data) {
			return f, nil
		}
	}
	if d.Format != "" {
		return format{}, fmt.Errorf("no format %q; have %s", d.Format, strings.Join(Formats(), ", "))
	}
	if isZoneFile(d.Data) {
		return format{}, errZoneFile
	}
	return format{}, fmt.Errorf("the shape of no known format; have %s", strings.Join(slices.Sorted(slices.Values(Formats())), ", "))
}
