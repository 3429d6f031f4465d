// Package feed keeps zones that are published somewhere up to date: it fetches what a
// subscription names, judges it, and keeps the last good copy on disk.
//
// What is in force is always a copy on disk, which the configuration reads as it reads
// any other file: so a server starts without a network, and whoever looks at the
// configuration offline sees what the server has. A new copy is written beside it
// as a candidate, the whole configuration is loaded with the candidate, and
// only what stands that becomes the copy, by a rename. So a restart never fails
// because of a feed, and a crash at any moment leaves a good copy. To put
// a copy in force first and take it back where it breaks something was turned down:
// the breaking would have been seen by clients.
//
// Additions apply at once, removals late: a copy carries the rows that are no longer
// published, with the time since when, until they have been kept long enough.
//
// This package listens to nobody and knows no configuration. How to reach a host, and how
// to put a copy in force, its user tells it.
package feed

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"splitdns/zones/importer"
)

// A Subscription is a zone that is published somewhere.
type Subscription struct {
	Zone        string
	URLs        []string // or absolute paths; read together
	Format      string   // "zone", "list" or one of the importer's; "" is found out
	Every       time.Duration
	RemoveAfter time.Duration // how long what is published no longer stays in force
	Shadow      time.Duration // how long a new copy waits before it is in force; 0: it does not
	MaxLoss     int           // the part of the names, or of the prefixes, that one copy may remove, in percent
	Bundled     bool          // a bundled zone of this name is in force until there is a copy
}

// is says whether s and o are the same subscription.
func (s Subscription) is(o Subscription) bool {
	urls := slices.Equal(s.URLs, o.URLs)
	s.URLs, o.URLs = nil, nil
	return urls && fmt.Sprint(s) == fmt.Sprint(o)
}

// The formats that are ours, besides those of the importer.
const (
	FormatZone = "zone" // a zone file
	FormatList = "list" // a pattern a line
)

// Formats are the values of Subscription.Format besides "".
func Formats() []string { return append([]string{FormatZone, FormatList}, importer.Formats()...) }

// MaxSize is how many octets the documents of a subscription may have together.
const MaxSize = importer.MaxSize

// MaxURLs is how many documents a subscription may have.
const MaxURLs = 16

// A Kind is what kept a copy from being taken over. Kinds are labels of metrics.
type Kind string

// The kinds of errors.
const (
	Network Kind = "network" // the document could not be fetched
	Status  Kind = "status"  // the HTTP server said something else than the document
	Size    Kind = "size"    // too large
	HTML    Kind = "html"    // a web page in the place of data
	Shape   Kind = "format"  // of no known format, of another one than before, or malformed
	Empty   Kind = "empty"   // without a single name and prefix
	Shrunk  Kind = "shrunk"  // more has gone than Subscription.MaxLoss
	Widened Kind = "widened" // it admits what a list of endpoints does not, see admits.go
	Config  Kind = "config"  // the configuration has problems with it
	State   Kind = "state"   // the disk
	Other   Kind = "other"   // the configuration is broken by itself: nothing can be judged
)

// Kinds are all kinds of errors.
var Kinds = []Kind{Network, Status, Size, HTML, Shape, Empty, Shrunk, Widened, Config, State, Other}

// An Error is why there is no new copy.
type Error struct {
	Kind  Kind
	Err   error
	After time.Duration // the HTTP server asked to be left alone for so long; 0: it did not
}

// Error is the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refused says whether there was a document, and it was no good.
func (e *Error) Refused() bool {
	return e.Kind != Network && e.Kind != Status && e.Kind != State && e.Kind != Other
}

// what says in a word or two what became of the copy.
func (e *Error) what() string {
	switch {
	case e.Refused():
		return "refused"
	case e.Kind == Other:
		return "put off"
	case e.Kind == State:
		return "cannot be kept"
	}
	return "could not be fetched"
}

// errorf makes an error of a kind.
func errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// asError is err with a kind: its own, or else kind.
func asError(kind Kind, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Kind: e.Kind, Err: err, After: e.After}
	}
	return &Error{Kind: kind, Err: err}
}

// Shown is a URL without its password, as it may be shown.
func Shown(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	return address
}
