// Package zones holds policy zones: what vendors publish about the names, the
// address ranges and the ports that their services need, and what
// administrators write in the same form.
//
// A zone is a file of rows. The zones that vendors published at one time make an
// edition; editions are bundled with the program, in data/EDITION/NAME.toml. This
// package loads zones and checks them strictly, with the line of every problem.
// What a rule does with a zone is the business of the policy, and so is what is
// published for a name: the ranges of all rows, of all zones, that match it.
package zones

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"splitdns/matcher"
)

// Zone is a named bundle of rows. It is not changed after it was loaded.
type Zone struct {
	Name    string
	Title   string
	Vendor  string
	Edition string // the dated state of the publication, as the file says
	Source  string // where it was published
	File    string // where the zone was loaded from
	// CatchAll keeps the zone out of "*": its patterns are so wide that a rule
	// for all zones would take in names that nobody thought of.
	CatchAll bool
	Rows     []Row // in the order of the file
}

// Row is one line of a publication. A row without prefixes publishes no range.
type Row struct {
	Name     string
	Line     int // in the zone's file; 0 where it is not known
	Patterns matcher.List
	Prefixes []netip.Prefix // masked; a single address has its full length
	Ports    []Port
	Purpose  string
	Required bool
	CarveOut bool   // its names take no ranges from wider patterns
	Source   string // the zone's where the row names none
	Date     string // as 2026-03-24, or empty
}

// Port is a port, or a run of ports, of one transport protocol.
type Port struct {
	Protocol    string // "tcp" or "udp"
	First, Last uint16
}

// String gives the form in which ports are written: tcp/443, udp/5228-5230.
func (p Port) String() string {
	if p.First == p.Last {
		return fmt.Sprintf("%s/%d", p.Protocol, p.First)
	}
	return fmt.Sprintf("%s/%d-%d", p.Protocol, p.First, p.Last)
}

// HasRanges says whether any row publishes a range.
func (z *Zone) HasRanges() bool {
	for i := range z.Rows {
		if len(z.Rows[i].Prefixes) > 0 {
			return true
		}
	}
	return false
}

// maxName is how long a name that users choose may be.
const maxName = 63

// CheckName says what is wrong with the name of a zone, a row, a rule, a client
// group, an upstream group or a tag. Names stand in key=value tokens in DNS
// answers and as labels of metrics, so they are of [a-z0-9._-] and begin
// with a letter or a digit.
func CheckName(name string) error {
	switch {
	case name == "":
		return errors.New("the name is empty")
	case len(name) > maxName:
		return fmt.Errorf("name %.20q...: longer than %d octets", name, maxName)
	case isName(name):
		return nil
	case isName(strings.ToLower(name)):
		return fmt.Errorf("name %q: capital letters; write %q", name, strings.ToLower(name))
	}
	return fmt.Errorf("name %q: want only a-z, 0-9, dot, hyphen and underscore, a letter or a digit first", name)
}

// isName says whether s has only the octets of a name.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return s != ""
}
