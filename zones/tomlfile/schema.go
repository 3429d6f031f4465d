package tomlfile

import (
	"fmt"
	"slices"
	"strings"
)

// Schema says which tables a kind of file has and which keys stand in each, in
// the order in which they are documented.
type Schema []Section

// Section is one table of a schema.
type Section struct {
	Table string   // "" for keys before any table; "rule.*" for tables that users name; "rule.*.KEY" for a table in these
	Keys  []string // keys of values

	// Wants says what the strings of a key are, for messages: "the name of a
	// zone". Words in quotes in it are values that the key takes. Keys that take any
	// string are not in it.
	Wants map[string]string
}

// section gives the section of the given name.
func (s Schema) section(table string) (Section, bool) {
	i := slices.IndexFunc(s, func(sec Section) bool { return sec.Table == table })
	if i < 0 {
		return Section{}, false
	}
	return s[i], true
}

// named says whether users name the tables below top.
func (s Schema) named(top string) bool {
	_, ok := s.section(top + ".*")
	return ok
}

// tables gives the first word of every table.
func (s Schema) tables() []string {
	var names []string
	for _, sec := range s {
		if name, _, _ := strings.Cut(sec.Table, "."); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// header gives a table's name as it is written for users: [rule.NAME].
func header(table string) string {
	if table == "" {
		return "the top of the file, before any table"
	}
	return "[" + strings.Replace(table, "*", "NAME", 1) + "]"
}

// homes gives every table in which a key may stand.
func (s Schema) homes(key string) []string {
	var homes []string
	for _, sec := range s {
		if slices.Contains(sec.Keys, key) {
			homes = append(homes, header(sec.Table))
		}
	}
	return homes
}

// check records everything that stands in the file where the schema has nothing.
func (f *File) check() {
	top, _ := f.schema.section("")
	for _, key := range f.root.sorted() {
		switch {
		case slices.Contains(top.Keys, key):
		case f.schema.named(key):
			f.checkNamed(key)
		case slices.Contains(f.schema.tables(), key):
			f.checkTable(f.root, key)
		default:
			f.unknownTop(key)
		}
	}
}

// checkTable looks into a table whose name is fixed.
func (f *File) checkTable(parent *Table, key string) {
	t, ok := parent.inner(key)
	if !ok {
		parent.Problem(key, "want a table, as in %s; have %s%s", header(parent.schemaName(key)), kindOf(parent.values[key]), f.namedForm(parent.keyPath(key), parent.values[key]))
		return
	}
	for _, k := range t.sorted() {
		_, isTable := f.schema.section(t.section.Table + "." + k)
		switch {
		case !slices.Contains(t.section.Keys, k):
			f.unknownKey(t, k)
		case isTable:
			f.checkTable(t, k)
		}
	}
}

// checkNamed looks into the tables below top, which users name.
func (f *File) checkNamed(top string) {
	if tables, ok := f.root.values[top].([]map[string]any); ok {
		for i, values := range tables {
			f.problems.Add(Problem{
				File: f.name, Line: f.root.itemLine(top, i), Key: indexed(top, i),
				Text: fmt.Sprintf("[[%s]] is an array of tables; give each table a name: [%s.%s]", top, top, nameFor(values)),
			})
		}
		return
	}
	parent, ok := f.root.inner(top)
	if !ok {
		f.root.Problem(top, "want tables with names, as in [%s.NAME]; have %s", top, kindOf(f.root.values[top]))
		return
	}
	for _, name := range parent.sorted() {
		if _, isTable := parent.values[name].(map[string]any); !isTable {
			f.unnamed(parent, top, name)
			continue
		}
		f.checkTable(parent, name)
	}
}

// unnamed records a value right below [rule], where only [rule.NAME] may stand.
func (f *File) unnamed(parent *Table, top, key string) {
	if _, ok := parent.values[key].([]map[string]any); ok {
		parent.Problem(key, "[[%s.%s]] is an array of tables; write it once, as [%s.%s]", top, key, top, key)
		return
	}
	sec, _ := f.schema.section(top + ".*")
	if slices.Contains(sec.Keys, key) {
		parent.Problem(key, "[%s] needs a name: [%s.NAME]", top, top)
		return
	}
	f.unknown(parent, key, sec.Keys)
}

// unknownTop records a key or a table that no file of this kind has.
func (f *File) unknownTop(key string) {
	switch f.root.values[key].(type) {
	case map[string]any, []map[string]any:
		near := Nearest(key, f.schema.tables())
		if near == "" {
			f.root.Problem(key, "unknown table; have %s", strings.Join(f.headers(), ", "))
			return
		}
		f.root.Problem(key, "unknown table; did you mean %s?", f.tableHeader(near))
	default:
		top, _ := f.schema.section("")
		f.unknown(f.root, key, top.Keys)
	}
}

// headers gives every table of the schema as users write it.
func (f *File) headers() []string {
	var all []string
	for _, sec := range f.schema {
		if sec.Table != "" {
			all = append(all, header(sec.Table))
		}
	}
	return all
}

// tableHeader gives the header of a top-level table, with NAME where users name it.
func (f *File) tableHeader(top string) string {
	if f.schema.named(top) {
		return header(top + ".*")
	}
	return header(top)
}

// unknownKey records a key that its table does not have.
func (f *File) unknownKey(t *Table, key string) {
	if _, ok := t.values[key].(map[string]any); !ok {
		f.unknown(t, key, t.section.Keys)
		return
	}
	near := Nearest(t.top, f.schema.tables(), t.top)
	switch {
	case strings.HasSuffix(t.section.Table, ".*"):
		t.Problem(key, "unknown table; a name with a dot stands in quotes: [%s.%q]", t.top, t.name+"."+key)
	case f.schema.named(near): // [zones.corp] for [zone.corp]
		t.Problem(key, "unknown table; did you mean [%s.%s]?", near, keyPart(key))
	case slices.Contains(f.schema.tables(), key): // [server.http] for [http]
		t.Problem(key, "unknown table; did you mean %s?", f.tableHeader(key))
	default:
		f.unknown(t, key, t.section.Keys)
	}
}

// unknown records an unknown key of a table that has the given ones.
func (f *File) unknown(t *Table, key string, have []string) {
	if f.Full() { // what may have been meant is dear to find, and would not be said
		t.Problem(key, "unknown key")
		return
	}
	near := Nearest(key, have)
	homes := f.schema.homes(strings.ToLower(key))
	switch {
	case key == "":
		t.Problem("", `unknown key ""%s`, haveKeys(have))
	case near != "" && strings.EqualFold(near, key):
		t.Problem(key, "unknown key; did you mean %q?", near)
	case len(homes) > 0:
		t.Problem(key, "unknown key; did you mean %q in %s?", strings.ToLower(key), strings.Join(homes, " or "))
	case near != "":
		t.Problem(key, "unknown key; did you mean %q?", near)
	default:
		t.Problem(key, "unknown key%s", haveKeys(have))
	}
}

// haveKeys lists the keys that a table has.
func haveKeys(have []string) string {
	if len(have) == 0 {
		return ""
	}
	return "; have " + strings.Join(have, ", ")
}

// namedForm adds the right form for an array of tables.
func (f *File) namedForm(key string, v any) string {
	if _, ok := v.([]map[string]any); ok {
		return "; write [" + key + "] once"
	}
	return ""
}

// nameFor makes a name for a table that stands in an array, from its name key if it has one.
func nameFor(values map[string]any) string {
	if name, ok := values["name"].(string); ok && name != "" && len(name) <= maxWord {
		return keyPart(name)
	}
	return "NAME"
}
