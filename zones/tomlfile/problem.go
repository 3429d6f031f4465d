package tomlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong in a file, with its place. Its texts may quote the
// file, and hold whatever that does; String makes them safe to show.
type Problem struct {
	File    string // as the user wrote it
	Line    int    // from 1; 0 where the place is not known
	Key     string // as "rule.mdm.pin" or "zone.corp.prefixes[1]"; empty for the file as a whole
	Text    string // what is wrong and, where it can be said, the right form
	Warning bool   // the file can be used all the same
}

// String gives the problem in the form that editors jump to:
// FILE:LINE: [warning: ]KEY: text. It is one line, which a terminal shows as it
// is: what is not printable stands in it as an escape, as in Go.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(Shown(p.File))
	switch {
	case p.File == "" && p.Line > 0:
		fmt.Fprintf(&b, "line %d", p.Line)
	case p.Line > 0:
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Key != "" {
		b.WriteString(Shown(p.Key) + ": ")
	}
	b.WriteString(Shown(p.Text))
	return b.String()
}

// Problems are all the problems of one loading. The zero value has none.
type Problems []Problem

// Add records problems.
func (ps *Problems) Add(p ...Problem) { *ps = append(*ps, p...) }

// Errors says whether any problem is more than a warning.
func (ps Problems) Errors() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning })
}

// Sort puts the problems in the order in which a reader meets them: by the
// given order of files, then by line. Files that are not listed come last;
// problems of one line stay in the order in which they were found.
func (ps Problems) Sort(files ...string) {
	places := make(map[string]int, len(files))
	for i, file := range slices.Backward(files) { // the first place of a file counts
		places[file] = i
	}
	rank := func(file string) int {
		if i, ok := places[file]; ok {
			return i
		}
		return len(files)
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank(a.File), rank(b.File)), cmp.Compare(a.Line, b.Line))
	})
}

// String gives one problem a line.
func (ps Problems) String() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}
