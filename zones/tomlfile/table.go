package tomlfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
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
	t.Problem(key, "want true or false, have %s", kindOf(t.values[key]))
	return def
}

// Int gives an integer within the given bounds.
func (t *Table) Int(key string, def, lowest, highest int) int {
	if !t.Has(key) {
		return def
	}
	n, ok := t.values[key].(int64)
	if !ok {
		t.Problem(key, "want an integer, have %s%s", kindOf(t.values[key]), unquotedForm(t.values[key]))
		return def
	}
	if n < int64(lowest) || n > int64(highest) {
		t.Problem(key, "%d: want %d to %d", n, lowest, highest)
		return def
	}
	return int(n)
}

// String gives a string.
func (t *Table) String(key, def string) string {
	if s, ok := t.Text(key); ok {
		return s.Value
	}
	return def
}

// OneOf gives the place in words of the string that the file has, 0 where it has none.
func (t *Table) OneOf(key string, words ...string) int {
	s, ok := t.Text(key)
	if !ok {
		return 0
	}
	if i := slices.Index(words, s.Value); i >= 0 {
		return i
	}
	s.Problem("%q: want %s", s.Value, alternatives(words))
	return 0
}

// Duration gives a duration within the given bounds, written as "90s", "5m" or "1h30m".
func (t *Table) Duration(key string, def, lowest, highest time.Duration) time.Duration {
	if !t.Has(key) {
		return def
	}
	text, ok := t.values[key].(string)
	if !ok {
		t.Problem(key, `want a duration such as "30s", "5m" or "24h", have %s`, kindOf(t.values[key]))
		return def
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Problem(key, `%q: want a number with its unit, such as "30s", "5m" or "24h"`, text)
		return def
	}
	if d < lowest || d > highest {
		t.Problem(key, "%q: want %s to %s", text, Span(lowest), Span(highest))
		return def
	}
	return d
}

// Text gives a string with its place. It gives false where the file has none,
// or something else, which is recorded.
func (t *Table) Text(key string) (Text, bool) {
	if !t.Has(key) {
		return Text{}, false
	}
	s, ok := t.values[key].(string)
	if !ok {
		t.Problem(key, "want a string, have %s%s", kindOf(t.values[key]), quotedForm(t.values[key]))
		return Text{}, false
	}
	return Text{Value: s, Key: t.keyPath(key), Line: t.LineOf(key), file: t.file}, true
}

// Texts gives a list of strings with their places. Where the file has none it
// gives the defaults, without a line.
func (t *Table) Texts(key string, def ...string) []Text {
	if !t.Has(key) {
		return t.defaults(key, def)
	}
	list, ok := t.values[key].([]any)
	if !ok {
		t.Problem(key, "want a list of strings, have %s%s", kindOf(t.values[key]), listForm(t.values[key]))
		return t.defaults(key, def)
	}
	var texts []Text
	for i, v := range list {
		text := Text{Key: indexed(t.keyPath(key), i), Line: t.itemLine(key, i), file: t.file}
		if text.Value, ok = v.(string); !ok {
			text.Problem("want a string, have %s%s", kindOf(v), quotedForm(v))
			continue
		}
		texts = append(texts, text)
	}
	return texts
}

// TextOrTexts gives the strings of a key that may hold one string or a list,
// which must not be empty. It gives none where the file has none or something else.
func (t *Table) TextOrTexts(key string) []Text {
	if !t.Has(key) {
		return nil
	}
	switch t.values[key].(type) {
	case []any:
		return t.SomeTexts(key)
	case string:
		s, _ := t.Text(key)
		return []Text{s}
	}
	t.Problem(key, "want a string or a list of strings, have %s%s", kindOf(t.values[key]), quotedForm(t.values[key]))
	return nil
}

// SomeTexts is Texts for a list that must not be empty where it stands: an
// empty list says less than none at all, and was hardly meant.
func (t *Table) SomeTexts(key string, def ...string) []Text {
	if t.isEmpty(key) {
		t.Problem(key, "the list is empty; leave the key out")
	}
	return t.Texts(key, def...)
}

// NeedTexts is Texts for a list that must stand in the file and not be empty.
// The example is an element of it.
func (t *Table) NeedTexts(key, example string) []Text {
	if !t.Has(key) || t.isEmpty(key) {
		t.Problem(key, "want at least one, such as %s = [%q]", key, example)
	}
	return t.Texts(key)
}

// isEmpty says whether the file gives a list without elements.
func (t *Table) isEmpty(key string) bool {
	list, ok := t.values[key].([]any)
	return ok && len(list) == 0
}

// defaults turns the defaults of a list into texts.
func (t *Table) defaults(key string, def []string) []Text {
	var texts []Text
	for i, s := range def {
		texts = append(texts, Text{Value: s, Key: indexed(t.keyPath(key), i), file: t.file})
	}
	return texts
}

// itemLine is where an element of a list stands.
func (t *Table) itemLine(key string, i int) int {
	if t.node != nil && t.node.keys[key] != nil && i < len(t.node.keys[key].items) {
		return t.node.keys[key].items[i].line
	}
	return t.LineOf(key)
}

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
	if t.path == "" {
		return key
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
	return slices.SortedFunc(maps.Keys(t.values), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.LineOf(a), t.LineOf(b)), cmp.Compare(a, b))
	})
}

// Text is a string of a file, with its place.
type Text struct {
	Value string
	Key   string // as it stands in problems: "server.listen[1]"
	Line  int
	file  *File
}

// Problem records what is wrong with the string.
func (s Text) Problem(format string, args ...any) { s.add(false, format, args) }

// Warn records what a user should know about the string.
func (s Text) Warn(format string, args ...any) { s.add(true, format, args) }

// add records a problem.
func (s Text) add(warning bool, format string, args []any) {
	s.file.problems.Add(Problem{File: s.file.name, Line: s.Line, Key: s.Key, Text: fmt.Sprintf(format, args...), Warning: warning})
}
