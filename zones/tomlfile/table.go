package tomlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Table is one table of a file. Its getters give a value, or the default where
// the file says nothing; what is wrong with a value they record, and give the
// default too. A key that the schema does not have makes them panic.
type Table struct {
	file    *File
	path    string // as it stands in problems: "rule.mdm"; "" for the root
	top     string // first word of the path
	name    string // last word of the path, without quotes
	section Section
	values  map[string]any
	node    *node // nil where lines are not known
}

// Name is the table's own name: mdm for [rule.mdm].
func (t *Table) Name() string { return t.name }

// Line is where the table begins; 0 where the place is not known.
func (t *Table) Line() int {
	if t.node == nil {
		return 0
	}
	return t.node.line
}

// LineOf is where a key stands, or its table where the file does not have it or key is "".
func (t *Table) LineOf(key string) int {
	if key == "" || t.node == nil || t.node.keys[key] == nil {
		return t.Line()
	}
	return t.node.keys[key].line
}

// Has says whether the file gives a value for the key.
func (t *Table) Has(key string) bool {
	if !slices.Contains(t.section.Keys, key) {
		panic("tomlfile: no key " + key + " in the schema of [" + t.section.Table + "]")
	}
	_, ok := t.values[key]
	return ok
}

// Problem records what is wrong with a key, or with the table where key is "".
func (t *Table) Problem(key, format string, args ...any) {
	t.file.problems.Add(Problem{File: t.file.name, Line: t.LineOf(key), Key: t.pathOf(key), Text: fmt.Sprintf(format, args...)})
}

// Warn records what a user should know about a key, or about the table where key is "".
func (t *Table) Warn(key, format string, args ...any) {
	t.file.problems.Add(Problem{File: t.file.name, Line: t.LineOf(key), Key: t.pathOf(key), Text: fmt.Sprintf(format, args...), Warning: true})
}

// pathOf is how a key of t stands in problems, or t itself where key is "".
func (t *Table) pathOf(key string) string {
	if key == "" {
		return t.path
	}
	return t.keyPath(key)
}

// Bool gives a boolean.
func (t *Table) Bool(key string, def bool) bool {
	if !t.Has(key) {
		return def
	}
	if b, ok := t.values[key].(bool); ok {
		return b
	}
	t.Problem(key, "want true or false, have %s%s", kindOf(t.values[key]), boolForm(t.values[key]))
	return def
}

// Int gives an integer within the given bounds.
func (t *Table) Int(key string, def, lowest, highest int) int {
	if !t.Has(key) {
		return def
	}
	n, ok := t.values[key].(int64)
	switch {
	case isHuge(t.values[key]):
		t.Problem(key, "out of range: want %d to %d", lowest, highest)
	case !ok:
		t.Problem(key, "want an integer, have %s%s", kindOf(t.values[key]), intForm(t.values[key], lowest, highest))
	case n < int64(lowest) || n > int64(highest):
		t.Problem(key, "%d: want %d to %d", n, lowest, highest)
	default:
		return int(n)
	}
	return def
}

// Duration gives a duration within the given bounds, written as "90s", "5m" or "1h30m".
func (t *Table) Duration(key string, def, lowest, highest time.Duration) time.Duration {
	if !t.Has(key) {
		return def
	}
	text, isText := t.values[key].(string)
	d, err := time.ParseDuration(text)
	switch {
	case !isText:
		t.Problem(key, `want a duration such as "30s", "5m" or "24h", have %s%s`, kindOf(t.values[key]), durationForm(t.values[key], lowest, highest))
	case err != nil:
		t.Problem(key, `%q: want a number with its unit, such as "30s", "5m" or "24h"%s`, text, durationForm(text, lowest, highest))
	case d < lowest || d > highest:
		t.Problem(key, "%q: want %s to %s", text, Span(lowest), Span(highest))
	default:
		return d
	}
	return def
}

// itemLine is where an element of a list stands.
func (t *Table) itemLine(key string, i int) int {
	if t.node != nil && t.node.keys[key] != nil && i < len(t.node.keys[key].items) {
		return t.node.keys[key].items[i].line
	}
	return t.LineOf(key)
}

// Inner gives the table that stands in t under a key of the schema, as KEY = { … } or with a
// header of its own. Where the file has none it is empty, so that its getters give defaults.
func (t *Table) Inner(key string) *Table {
	section, ok := t.file.schema.section(t.schemaName(key))
	if !ok {
		panic("tomlfile: no table " + t.schemaName(key) + " in the schema")
	}
	if in, ok := t.inner(key); ok {
		return in
	}
	in := t.empty(key)
	in.section = section
	return in
}

// Empty says whether the file gives no key of t a value.
func (t *Table) Empty() bool { return isBlank(t.values) }

// Path is how a key of t stands in problems.
func (t *Table) Path(key string) string { return t.keyPath(key) }

// inner gives the table that stands in t under key.
func (t *Table) inner(key string) (*Table, bool) {
	values, ok := t.values[key].(map[string]any)
	if !ok {
		return nil, false
	}
	in := t.empty(key)
	in.values = values
	if t.node != nil {
		in.node = t.node.keys[key]
	}
	in.section, _ = t.file.schema.section(t.schemaName(key))
	return in, true
}

// empty gives a table without values.
func (t *Table) empty(key string) *Table {
	return &Table{file: t.file, path: t.keyPath(key), top: cmp.Or(t.top, key), name: key}
}

// schemaName is what the schema calls the table under key.
func (t *Table) schemaName(key string) string {
	switch {
	case t.path == "":
		return key
	case t.section.Table != "":
		return t.section.Table + "." + key
	}
	return t.top + ".*"
}

// keyPath is how a key of t stands in problems.
func (t *Table) keyPath(key string) string {
	if t.path == "" {
		return keyPart(key)
	}
	return t.path + "." + keyPart(key)
}

// sorted gives the table's keys in the order of the file, by name where lines are not known.
func (t *Table) sorted() []string {
	type place struct {
		line int
		key  string
	}
	places := make([]place, 0, len(t.values)) // lines looked up once: a file may have very many keys
	for key := range t.values {
		places = append(places, place{t.LineOf(key), key})
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.line, b.line), strings.Compare(a.key, b.key))
	})
	keys := make([]string, len(places))
	for i, p := range places {
		keys[i] = p.key
	}
	return keys
}
