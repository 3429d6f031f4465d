package config

import (
	"fmt"
	"slices"
	"strings"

	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// Bounds of what a file may have of one kind.
const (
	maxRules     = 65_536
	maxClients   = 65_536
	maxZones     = 4096
	maxUpstreams = 4096
)

// named gives the tables that users named below top, and records that there are
// more than limit.
func (l *loader) named(top string, limit int) []*tomlfile.Table {
	tables := l.file.Named(top)
	if len(tables) <= limit {
		return tables
	}
	tables[limit].Problem("", "more than %d [%s.NAME]", limit, top)
	return tables[:limit]
}

// nameSet is the names of all tables of one kind, with those that have problems.
type nameSet struct {
	names []string // in the order in which they were added, or sorted
	has   map[string]bool
}

// add adds names.
func (s *nameSet) add(names ...string) {
	if s.has == nil {
		s.has = make(map[string]bool)
	}
	for _, name := range names {
		s.has[name] = true
		s.names = append(s.names, name)
	}
}

// maxListed is how many names a message lists.
const maxListed = 8

// unknown says that there is no such thing, and the nearest name or all that there are.
func (l *loader) unknown(thing, name string, have []string) error {
	if l.file.Full() { // what may have been meant is dear to find, and would not be said
		return fmt.Errorf("no %s", thing)
	}
	// A name that is itself a problem is no way out of this one.
	all := len(have)
	have = slices.DeleteFunc(slices.Clone(have), func(s string) bool { return zones.CheckName(s) != nil })
	near := tomlfile.Nearest(name, have)
	switch {
	case near != "":
		return fmt.Errorf("no %s; did you mean %q?", thing, near)
	case all == 0:
		return fmt.Errorf("no %s; the file has none", thing)
	case len(have) == 0:
		return fmt.Errorf("no %s", thing)
	case len(have) > maxListed:
		return fmt.Errorf("no %s; have %s and %d more", thing, strings.Join(have[:maxListed], ", "), len(have)-maxListed)
	}
	return fmt.Errorf("no %s; have %s", thing, strings.Join(have, ", "))
}
