package tomlfile

import (
	"fmt"
	"slices"
	"strconv"
)

// String gives a string.
func (t *Table) String(key, def string) string {
	if s, ok := t.Text(key); ok {
		return s.Value
	}
	return def
}

// OneOf gives the place in words of the string that the file has, 0 where it has none.
func (t *Table) OneOf(key string, words ...string) int {
	s, ok := t.text(key, Alternatives(words))
	if !ok {
		return 0
	}
	if i := slices.Index(words, s.Value); i >= 0 {
		return i
	}
	if near := Nearest(s.Value, words); near != "" {
		s.Problem("%q: did you mean %q?", s.Value, near)
	} else {
		s.Problem("%q: want %s", s.Value, Alternatives(words))
	}
	return 0
}

// Text gives a string with its place. It gives false where the file has none,
// or something else, which is recorded.
func (t *Table) Text(key string) (Text, bool) { return t.text(key, t.wants(key)) }

// text is Text for a key that wants what is said. A list of one string is taken
// for the string once it is recorded, so that what is wrong with that comes with it.
func (t *Table) text(key, wants string) (Text, bool) {
	if !t.Has(key) {
		return Text{}, false
	}
	v := t.values[key]
	if list, ok := v.([]any); ok && len(list) == 1 {
		if s, ok := list[0].(string); ok {
			t.Problem(key, "want %s, have a list; write %s", wants, strconv.Quote(s))
			v = s
		}
	}
	s, ok := v.(string)
	if !ok {
		t.Problem(key, "want %s, have %s%s", wants, kindOf(v), stringForm(v, wants))
		return Text{}, false
	}
	return Text{Value: s, Key: t.keyPath(key), Line: t.LineOf(key), file: t.file}, true
}

// wants says what a string, or an element of a list, is to be.
func (t *Table) wants(key string) string {
	if wants, ok := t.section.Wants[key]; ok {
		return wants
	}
	return anyString
}

// Texts gives a list of strings with their places. Where the file has none it
// gives the defaults, without a line. One string is taken for a list of it once
// it is recorded.
func (t *Table) Texts(key string, def ...string) []Text {
	if !t.Has(key) {
		return t.defaults(key, def)
	}
	switch v := t.values[key].(type) {
	case []any:
		return t.elements(key, v)
	case string:
		t.Problem(key, "want a list of strings, have a string; write [%q]", v)
		return []Text{{Value: v, Key: t.keyPath(key), Line: t.LineOf(key), file: t.file}}
	}
	each := ""
	if wants := t.wants(key); wants != anyString {
		each = ", each " + wants
	}
	t.Problem(key, "want a list of strings%s; have %s", each, kindOf(t.values[key]))
	return t.defaults(key, def)
}

// elements gives the strings of a list.
func (t *Table) elements(key string, list []any) []Text {
	var texts []Text
	for i, v := range list {
		text := Text{Key: indexed(t.keyPath(key), i), Line: t.itemLine(key, i), file: t.file}
		s, ok := v.(string)
		if !ok {
			text.Problem("want %s, have %s%s", t.wants(key), kindOf(v), stringForm(v, t.wants(key)))
			continue
		}
		text.Value = s
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
	if _, ok := t.values[key].([]any); ok {
		return t.SomeTexts(key)
	}
	wants := t.wants(key)
	if wants == anyString {
		wants = "a string or a list of strings"
	}
	s, ok := t.text(key, wants)
	if !ok {
		return nil
	}
	return []Text{s}
}

// ListOrText gives the strings of a key that may hold one string or a list, also an empty one.
func (t *Table) ListOrText(key string) []Text {
	if t.isEmpty(key) {
		return nil
	}
	return t.TextOrTexts(key)
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
