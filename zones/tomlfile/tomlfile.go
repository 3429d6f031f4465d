// Package tomlfile reads a TOML file and keeps every problem with its line.
//
// A file is decoded into untyped values first and converted key by key after,
// so that one wrong type does not hide the next problem; only a syntax error
// stands alone, since nothing after it can be trusted. What a file may hold is
// a [Schema]; keys that are not in it are problems which name the nearest key,
// also one of another table. Keys are matched exactly, in case too.
//
// The decoder keeps no position inside arrays of tables and lists and gives
// none at all to its callers (github.com/BurntSushi/toml, issue 462). A scanner
// of our own therefore finds the line of every key and element. Its keys must be those of the
// decoder, in the same order; where they differ, problems carry no line at all
// rather than a wrong one. Decoding into structs was turned down: it stops at
// the first wrong type and takes keys in any case.
//
// What keys mean is left to the packages that own a file format.
package tomlfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// MaxSize is the size in octets of the largest TOML file that is read.
const MaxSize = 4 << 20

// maxBrackets is how many tables and lists a text may open when the scanner
// could not follow it and its depth is therefore not known.
const maxBrackets = 10_000

// File is one TOML file: its tables, and the problems found in it so far.
type File struct {
	name     string
	schema   Schema
	root     *Table
	problems Record
}

// Parse reads a file. It checks tables and keys against the schema, and leaves
// values to the getters of [Table]. It gives false for a text that is not TOML;
// the only problem is then the syntax error.
func Parse(name string, data []byte, schema Schema) (f *File, ok bool) {
	f = &File{name: name, schema: schema, problems: Record{File: name, LastLine: lastLine(data)}}
	f.root = &Table{file: f}
	f.root.section, _ = schema.section("")
	if len(data) > MaxSize {
		f.problems.Add(Problem{File: name, Text: fmt.Sprintf("larger than %d MiB", MaxSize>>20)})
		return f, false
	}
	values, places, problem := decode(data)
	if problem.Text != "" {
		problem.File = name
		f.problems.Add(problem)
		return f, false
	}
	f.root.values, f.root.node = values, places
	f.check()
	return f, true
}

// lastLine gives the number of the last line of a text.
func lastLine(data []byte) int {
	return 1 + bytes.Count(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

// Problems gives what was found so far, by line.
func (f *File) Problems() Problems { return f.problems.Problems() }

// Full says whether so much is wrong that a further problem is only counted.
func (f *File) Full() bool { return f.problems.Full() }

// Failed gives how many problems that are more than warnings were found so far.
func (f *File) Failed() int { return f.problems.Failed() }

// Empty says whether the file gives no key a value.
func (f *File) Empty() bool { return isBlank(f.root.values) }

// isBlank says whether there is nothing but tables in a table, and nothing in these.
func isBlank(values map[string]any) bool {
	for _, v := range values {
		if inner, ok := v.(map[string]any); !ok || !isBlank(inner) {
			return false
		}
	}
	return true
}

// Root is the table of the keys that stand before any header.
func (f *File) Root() *Table { return f.root }

// Table gives a table by its name. Where the file has none it is empty, so that
// its getters give defaults.
func (f *File) Table(name string) *Table {
	if _, ok := f.schema.section(name); !ok {
		panic("tomlfile: no table " + name + " in the schema")
	}
	if t, ok := f.root.inner(name); ok {
		return t
	}
	t := f.root.empty(name)
	t.section, _ = f.schema.section(name)
	return t
}

// Named gives the tables that users named below top, in the order of the file.
func (f *File) Named(top string) []*Table {
	if !f.schema.named(top) {
		panic("tomlfile: no table " + top + ".* in the schema")
	}
	parent, ok := f.root.inner(top)
	if !ok {
		return nil
	}
	var tables []*Table
	for _, name := range parent.sorted() {
		if t, ok := parent.inner(name); ok {
			tables = append(tables, t)
		}
	}
	return tables
}

// decode gives the values of a file and their places, or the syntax error.
func decode(data []byte) (map[string]any, *node, Problem) {
	s, scanErr := scan(data)
	if text := refusal(data, scanErr); text != "" {
		return nil, nil, Problem{Line: s.line, Text: text}
	}
	values, keys, err := decodeHuge(s.data, s.nodes)
	switch {
	case err != nil:
		return nil, nil, syntaxProblem(err, s, scanErr)
	case s.twice != nil: // the decoder takes a.b = 1, a = 2 and forgets the second
		return nil, nil, s.twice.problem()
	case scanErr != nil || !slices.EqualFunc(s.keys, keys, slices.Equal):
		return values, nil, Problem{}
	}
	return values, s.root, Problem{}
}

// refusal says why a text is not given to the decoder; it is empty where it may be.
func refusal(data []byte, scanErr error) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "the text is UTF-16; TOML is UTF-8"
	case errors.Is(scanErr, errDepth):
		return fmt.Sprintf("nested deeper than %d tables and lists", maxDepth)
	case errors.Is(scanErr, errNodes):
		return fmt.Sprintf("more than %d tables, keys and elements of lists", MaxNodes)
	case errors.Is(scanErr, errKey):
		return fmt.Sprintf("a key of more than %d octets", maxKey)
	case scanErr != nil && bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > maxBrackets:
		return "not TOML"
	}
	return ""
}

// maxHuge is how many numbers out of range a file may have, and maxHugeNodes the
// tables, keys and elements of a file in which they are looked for: each costs a
// decoding.
const (
	maxHuge      = 10
	maxHugeNodes = 10_000
)

// decodeHuge decodes, and takes numbers that are out of range as infinite: they
// are for whoever reads the key to refuse, with all other problems. In a file of
// many nodes the first is a syntax error.
func decodeHuge(data []byte, nodes int) (values map[string]any, keys [][]string, err error) {
	if nodes > maxHugeNodes {
		return safeDecode(data)
	}
	for range maxHuge {
		values, keys, err = safeDecode(data)
		start, end, ok := hugeNumber(err, len(data))
		if !ok {
			return values, keys, err
		}
		data = slices.Clone(data)
		copy(data[start:end], infinite+strings.Repeat(" ", end-start-len(infinite)))
	}
	return safeDecode(data)
}

// infinite is how TOML spells a number that is out of every range.
const infinite = "inf"

// hugeNumber gives the place of a number, in a text of the given size, because of
// which the decoder stopped: it is out of range.
func hugeNumber(err error, size int) (start, end int, ok bool) {
	pe, _ := errors.AsType[toml.ParseError](err)
	if !strings.Contains(pe.Message, "is out of range for") {
		return 0, 0, false
	}
	start, end = pe.Position.Start, pe.Position.Start+pe.Position.Len
	return start, end, start >= 0 && end <= size && end-start > len(infinite)
}

// safeDecode decodes, and takes the decoder's panics as syntax errors: it calls
// what it did not foresee a bug, whatever the text.
func safeDecode(data []byte) (values map[string]any, keys [][]string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot be read as TOML: %v", r)
		}
	}()
	meta, err := toml.Decode(string(data), &values)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range meta.Keys() {
		keys = append(keys, k)
	}
	return values, keys, nil
}

// problem gives the duplicate as a problem.
func (d *duplicate) problem() Problem {
	return Problem{Line: d.line, Key: joined(d.key), Text: fmt.Sprintf("given twice, first on line %d", d.earlier)}
}
