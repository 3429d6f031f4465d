package zones

import (
	"strings"
	"time"
	"unicode"

	"splitdns/matcher"
	"splitdns/zones/tomlfile"
)

// fileSchema is what a zone file may hold.
var fileSchema = tomlfile.Schema{
	{Table: "", Keys: []string{"title", "vendor", "edition", "source", "catch_all"}},
	{
		Table: "row.*",
		Keys:  []string{"names", "prefixes", "ports", "purpose", "required", "carve_out", "source", "date"},
		Wants: map[string]string{"names": WantPattern, "prefixes": WantPrefix, "ports": WantPort},
	},
}

// Parse reads a zone file. What it normalised are warnings; with any other
// problem there is no zone.
func Parse(name, file string, data []byte) (*Zone, tomlfile.Problems) {
	f, ok := tomlfile.Parse(file, data, fileSchema)
	if !ok {
		return nil, f.Problems()
	}
	root := f.Root()
	z := &Zone{
		Name:     name,
		File:     file,
		Title:    prose(root.String("title", "")),
		Vendor:   prose(root.String("vendor", "")),
		Edition:  root.String("edition", ""),
		Source:   prose(root.String("source", "")),
		CatchAll: root.Bool("catch_all", false),
	}
	checkDate(root, "edition", z.Edition)
	tables := f.Named("row")
	for _, t := range tables {
		z.Rows = append(z.Rows, parseRow(t, z.Source))
	}
	if len(tables) == 0 {
		root.Problem("", "a zone needs at least one row: [row.NAME]")
	}
	problems := f.Problems()
	if problems.Errors() {
		return nil, problems
	}
	return z, problems
}

// parseRow reads one row of a zone file.
func parseRow(t *tomlfile.Table, source string) Row {
	if err := CheckName(t.Name()); err != nil {
		t.Problem("", "%v", err)
	}
	r := Row{
		Name:     t.Name(),
		Line:     t.Line(),
		Patterns: matcher.ListOf(Patterns(t.SomeTexts("names"))...),
		Prefixes: Prefixes(t.SomeTexts("prefixes")),
		Ports:    Ports(t.SomeTexts("ports")),
		Purpose:  prose(t.String("purpose", "")),
		Required: t.Bool("required", true),
		CarveOut: t.Bool("carve_out", false),
		Source:   prose(t.String("source", source)),
		Date:     t.String("date", ""),
	}
	if !t.Has("names") && !t.Has("prefixes") {
		t.Problem("", "a row needs names, prefixes or both")
	}
	if r.CarveOut && !t.Has("names") {
		t.Problem("carve_out", "only names can be carved out, and the row has none")
	}
	checkDate(t, "date", r.Date)
	return r
}

// checkDate records a value that is no date; vendors print some of them without the day.
func checkDate(t *tomlfile.Table, key, value string) {
	_, errDay := time.Parse(time.DateOnly, value)
	_, errMonth := time.Parse("2006-01", value)
	if value != "" && errDay != nil && errMonth != nil {
		t.Problem(key, "%q: want a date such as \"2026-03-24\", or \"2026-03\"", value)
	}
}

// prose is text for people, of which everything that is not printable is left out: it is shown in
// terminals, and stands in files of other programs. Breaks are spaces.
func prose(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, s)
}
