package tomlfile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones/tomlfile"
)

// innerSchema has a table in tables that users name.
var innerSchema = tomlfile.Schema{
	{Table: "test.*", Keys: []string{"query", "want"}},
	{Table: "test.*.want", Keys: []string{"zone", "rule", "log"}},
}

// TestInnerTables holds that a table in a table is read alike in each form that TOML has for
// it, and that problems carry the line of the key.
func TestInnerTables(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"nothing":              {"[test.a]\nquery = 'x'\n", nil},
		"inline":               {"[test.a]\nquery = 'x'\nwant = { zone = 'z', rule = ['r'], log = true }\n", nil},
		"one string of a list": {"[test.a]\nwant = { rule = 'r' }\n", nil},
		"an empty list":        {"[test.a]\nwant = { rule = [] }\n", nil},
		"wrong types, inline": {"[test.a]\nquery = 'x'\nwant = { zone = 1, rule = ['r', 2], log = 'yes' }\n", []string{
			`x.toml:3: test.a.want.zone: want a string, have an integer; write "1"`,
			`x.toml:3: test.a.want.rule[1]: want a string, have an integer; write "2"`,
			`x.toml:3: test.a.want.log: want true or false, have a string; write true`,
		}},
		"wrong types, with a header": {"[test.a]\nquery = 'x'\n[test.a.want]\nzone = 1\nrule = [\n  'r',\n  2,\n]\n", []string{
			`x.toml:4: test.a.want.zone: want a string, have an integer; write "1"`,
			`x.toml:7: test.a.want.rule[1]: want a string, have an integer; write "2"`,
		}},
		"wrong types, dotted": {"[test.a]\nwant.zone = 1\nwant.rule = 'r'\nwant.log = 2\n", []string{
			`x.toml:2: test.a.want.zone: want a string, have an integer; write "1"`,
			`x.toml:4: test.a.want.log: want true or false, have an integer`,
		}},
		"unknown keys": {"[test.a]\nwant = { zones = 'x', query = 'y', x = { y = 1 } }\n[test.b]\nlog = true\n", []string{
			`x.toml:2: test.a.want.query: unknown key; did you mean "query" in [test.NAME]?`,
			`x.toml:2: test.a.want.x: unknown key; have zone, rule, log`,
			`x.toml:2: test.a.want.zones: unknown key; did you mean "zone"?`,
			`x.toml:4: test.b.log: unknown key; did you mean "log" in [test.NAME.want]?`,
		}},
		"no table": {"[test.a]\nwant = 'x'\n[[test.b.want]]\nzone = 'x'\n", []string{
			`x.toml:2: test.a.want: want a table, as in [test.NAME.want]; have a string`,
			`x.toml:3: test.b.want: want a table, as in [test.NAME.want]; have an array of tables; write [test.b.want] once`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f, ok := tomlfile.Parse("x.toml", []byte(test.text), innerSchema)
			if !ok {
				t.Fatal(f.Problems())
			}
			for _, table := range f.Named("test") {
				in := table.Inner("want")
				in.Text("zone")
				in.ListOrText("rule")
				in.Bool("log", false)
			}
			var got []string
			for _, p := range f.Problems() {
				got = append(got, p.String())
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

// TestInnerValues gives values, places, and whether there are any.
func TestInnerValues(t *testing.T) {
	f, ok := tomlfile.Parse("x.toml", []byte("[test.a]\nquery = 'x'\nwant = { zone = 'z', rule = ['r', 's'] }\n[test.b]\nwant = {}\n"), innerSchema)
	if !ok {
		t.Fatal(f.Problems())
	}
	tests := f.Named("test")
	a, b := tests[0].Inner("want"), tests[1].Inner("want")
	zone, _ := a.Text("zone")
	if zone.Value != "z" || zone.Line != 3 || zone.Key != "test.a.want.zone" || a.LineOf("rule") != 3 || a.Path("rule") != "test.a.want.rule" {
		t.Errorf("zone %+v, rule on line %d at %s", zone, a.LineOf("rule"), a.Path("rule"))
	}
	if rule := a.ListOrText("rule"); len(rule) != 2 || rule[1].Value != "s" {
		t.Errorf("rule %+v", rule)
	}
	if a.Empty() || !b.Empty() || b.Has("zone") {
		t.Errorf("empty: %v and %v, want false and true", a.Empty(), b.Empty())
	}
}
