package tomlfile

import (
	"fmt"
	"slices"
)

// MaxProblems is how many problems, and how many warnings, of one file are kept.
// A file that is something else altogether has one on every line.
const MaxProblems = 100

// Record keeps the problems of one file, and only counts those beyond
// [MaxProblems] of their kind.
type Record struct {
	File     string
	LastLine int // of the file: there stands how many were only counted

	kept     Problems
	problems int // more than warnings
	warnings int
}

// Add records a problem.
func (r *Record) Add(p Problem) {
	count := &r.problems
	if p.Warning {
		count = &r.warnings
	}
	if *count++; *count <= MaxProblems {
		r.kept.Add(p)
	}
}

// Failed gives how many problems that are more than warnings there were so far.
func (r *Record) Failed() int { return r.problems }

// Full says whether a further problem is only counted, whatever its text.
func (r *Record) Full() bool { return r.problems >= MaxProblems }

// Problems gives what was kept, by line, and how many were only counted.
func (r *Record) Problems() Problems {
	all := slices.Clone(r.kept)
	if more := r.problems - MaxProblems; more > 0 {
		all.Add(Problem{File: r.File, Line: r.LastLine, Text: fmt.Sprintf("and %d more problems in this file", more)})
	}
	if more := r.warnings - MaxProblems; more > 0 {
		all.Add(Problem{File: r.File, Line: r.LastLine, Text: fmt.Sprintf("and %d more such warnings in this file", more), Warning: true})
	}
	all.Sort(r.File)
	return all
}
