package tomlfile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones/tomlfile"
)

var testSchema = tomlfile.Schema{
	{Table: "", Keys: []string{"title"}},
	{Table: "server", Keys: []string{"listen", "limit", "idle", "hidden", "mode"}},
	{Table: "http", Keys: []string{"listen"}},
	{Table: "zones", Keys: []string{"edition"}},
	{Table: "zone.*", Keys: []string{"names", "file"}},
	{Table: "rule.*", Keys: []string{"names", "pin", "log"}},
}

// readAll calls every kind of getter, as a loader does.
func readAll(f *tomlfile.File) {
	f.Root().String("title", "")
	s := f.Table("server")
	s.SomeTexts("listen", "default")
	s.Int("limit", 5, 1, 10)
	s.Duration("idle", time.Minute, time.Second, time.Hour)
	s.Bool("hidden", false)
	s.OneOf("mode", "slow", "fast", "off")
	f.Table("http").Texts("listen")
	f.Table("zones").String("edition", "")
	for _, t := range f.Named("zone") {
		t.NeedTexts("names", "a.example")
		t.TextOrTexts("file")
	}
	for _, t := range f.Named("rule") {
		t.Texts("names")
		t.Text("pin")
		t.Bool("log", false)
	}
}

func TestProblems(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"none": {
			text: "title = 'x'\n[server]\nlisten = ['a']\nlimit = 10\nidle = '1h'\nhidden = true\nmode = 'off'\n[zone.x]\nnames = ['a']\n",
		},
		"wrong types, all at once": {
			text: "title = 5\n[server]\nlisten = 'a'\nlimit = '7'\nidle = 5\nhidden = 'true'\nmode = ['fast']\n[http]\nlisten = [\n  'a',\n  5,\n  2026-01-01,\n]\n",
			want: []string{
				`x.toml:1: title: want a string, have an integer; write "5"`,
				`x.toml:3: server.listen: want a list of strings, have a string; write ["a"]`,
				`x.toml:4: server.limit: want an integer, have a string; write 7`,
				`x.toml:5: server.idle: want a duration such as "30s", "5m" or "24h", have an integer; write "5s"`,
				`x.toml:6: server.hidden: want true or false, have a string; write true`,
				`x.toml:7: server.mode: want "slow", "fast" or "off", have a list; write "fast"`,
				`x.toml:11: http.listen[1]: want a string, have an integer; write "5"`,
				`x.toml:12: http.listen[2]: want a string, have a date or a time; write "2026-01-01"`,
			},
		},
		"out of bounds": {
			text: "[server]\nlisten = []\nlimit = 11\nidle = '61m'\nmode = 'fats'\n",
			want: []string{
				`x.toml:2: server.listen: the list is empty; leave the key out`,
				`x.toml:3: server.limit: 11: want 1 to 10`,
				`x.toml:4: server.idle: "61m": want 1s to 1h`,
				`x.toml:5: server.mode: "fats": did you mean "fast"?`,
			},
		},
		"duration without a unit": {
			text: "[server]\nidle = '5'\n",
			want: []string{`x.toml:2: server.idle: "5": want a number with its unit, such as "30s", "5m" or "24h"; write "5s"`},
		},
		"needed lists": {
			text: "[zone.a]\n[zone.b]\nnames = []\nfile = 1.5\n",
			want: []string{
				`x.toml:1: zone.a.names: want at least one, such as names = ["a.example"]`,
				`x.toml:3: zone.b.names: want at least one, such as names = ["a.example"]`,
				`x.toml:4: zone.b.file: want a string or a list of strings, have a number with a point; write "1.5"`,
			},
		},
		"unknown keys": {
			text: "titel = 'x'\nlimit = 5\ncolour = 'red'\n[server]\nLimit = 5\nhiden = true\nnonsense = 1\n[rule.a]\npni = 'x'\nedition = 'x'\nlisten = []\n",
			want: []string{
				`x.toml:1: titel: unknown key; did you mean "title"?`,
				`x.toml:2: limit: unknown key; did you mean "limit" in [server]?`,
				`x.toml:3: colour: unknown key; have title`,
				`x.toml:5: server.Limit: unknown key; did you mean "limit"?`,
				`x.toml:6: server.hiden: unknown key; did you mean "hidden"?`,
				`x.toml:7: server.nonsense: unknown key; have listen, limit, idle, hidden, mode`,
				`x.toml:9: rule.a.pni: unknown key; did you mean "pin"?`,
				`x.toml:10: rule.a.edition: unknown key; did you mean "edition" in [zones]?`,
				`x.toml:11: rule.a.listen: unknown key; did you mean "listen" in [server] or [http]?`,
			},
		},
		"unknown tables": {
			text: "[rules.x]\n[zones.corp]\nnames = []\n[server.http]\n[rule.a.b]\n[servre]\n[potato]\n[zone.'a b'.c]\n",
			want: []string{
				`x.toml:1: rules: unknown table; did you mean [rule.NAME]?`,
				`x.toml:2: zones.corp: unknown table; did you mean [zone.corp]?`,
				`x.toml:4: server.http: unknown table; did you mean [http]?`,
				`x.toml:5: rule.a.b: unknown table; a name with a dot stands in quotes: [rule."a.b"]`,
				`x.toml:6: servre: unknown table; did you mean [server]?`,
				`x.toml:7: potato: unknown table; have [server], [http], [zones], [zone.NAME], [rule.NAME]`,
				`x.toml:8: zone."a b".c: unknown table; a name with a dot stands in quotes: [zone."a b.c"]`,
				`x.toml:8: zone."a b".names: want at least one, such as names = ["a.example"]`,
			},
		},
		"tables that should have names": {
			text: "[zone]\nedition = 'x'\nnames = ['a']\nwhat = 1\n",
			want: []string{
				`x.toml:2: zone.edition: unknown key; did you mean "edition" in [zones]?`,
				`x.toml:3: zone.names: [zone] needs a name: [zone.NAME]`,
				`x.toml:4: zone.what: unknown key; have names, file`,
			},
		},
		"arrays of tables": {
			text: "[[rule]]\nname = 'mdm'\n\n[[rule]]\nlog = 5\n[[server]]\n[[zone.x]]\n[[what]]\n",
			want: []string{
				`x.toml:1: rule[0]: [[rule]] is an array of tables; give each table a name: [rule.mdm]`,
				`x.toml:4: rule[1]: [[rule]] is an array of tables; give each table a name: [rule.NAME]`,
				`x.toml:6: server: want a table, as in [server]; have an array of tables; write [server] once`,
				`x.toml:7: zone.x: [[zone.x]] is an array of tables; write it once, as [zone.x]`,
				`x.toml:8: what: unknown table; have [server], [http], [zones], [zone.NAME], [rule.NAME]`,
			},
		},
		"values where tables stand": {
			text: "server = 5\nrule = 'x'\ntitle.x = 1\n",
			want: []string{
				`x.toml:1: server: want a table, as in [server]; have an integer`,
				`x.toml:2: rule: want tables with names, as in [rule.NAME]; have a string`,
				`x.toml:3: title: want a string, have a table`,
			},
		},
		"inline tables have lines too": {
			text: "rule = {\n  a = {log = 1},\n  b = {pin = 2},\n}\n",
			want: []string{
				`x.toml:2: rule.a.log: want true or false, have an integer; write true`,
				`x.toml:3: rule.b.pin: want a string, have an integer; write "2"`,
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, ok := tomlfile.Parse("x.toml", []byte(test.text), testSchema)
			if !ok {
				t.Fatalf("syntax error: %v", f.Problems())
			}
			readAll(f)
			if diff := cmp.Diff(strings.Join(test.want, "\n"), strings.TrimSpace(f.Problems().String())); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// manyTables is a small file of very many tables.
var manyTables = func() string {
	var b strings.Builder
	for i := range tomlfile.MaxNodes / 7 * 2 {
		fmt.Fprintf(&b, "[%x.b.b.b.b.b.b]\n", i)
	}
	return b.String()
}()

func TestSyntaxErrorStandsAlone(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"no quotes":       {"colour = 1\n[rule.a]\npin = enforce\n", `x.toml:3: enforce: no value; text stands in quotes, and booleans are true or false`},
		"capital boolean": {"[rule.a]\nlog = True\n", `x.toml:2: True: no value; write true`},
		"no value":        {"[rule.a]\nlog\n", `x.toml:2: a key without a value; want KEY = VALUE`},
		"open list": {
			"[rule.a]\nnames = [\n  'a',\n\n[rule.b]\nlog = true\n",
			`x.toml:5: rule.b: no value; the list or table begun on line 2 is still open here`,
		},
		"open string":      {"[rule.a]\npin = \"x\nlog = true\n", `x.toml:2: the string has no closing quote on its line`},
		"open long string": {"[rule.a]\npin = '''x\nlog = true\n", `x.toml:2: the text has no closing '''`},
		"key twice":        {"[rule.a]\nlog = true\npin = 'x'\nlog = true\n", `x.toml:4: rule.a.log: given twice, first on line 2`},
		"table twice":      {"[rule.a]\n[rule.b]\n[rule.a]\n", `x.toml:3: rule.a: given twice, first on line 1`},
		"value and table":  {"zone.a = 1\nzone = 2\n", `x.toml:2: zone: given twice, first on line 1`},
		"bad number":       {"[server]\r\nlimit = 01\r\n", `x.toml:2: 01: a number has no zeros in front; text stands in quotes`},
		"control":          {"\x00", `x.toml:1: the text is UTF-16; TOML is UTF-8`},
		"UTF-16":           {"\xff\xfea\x00", `x.toml:1: the text is UTF-16; TOML is UTF-8`},
		"not UTF-8":        {"title = '\xff'", `x.toml:1: octet 0xff: the text is not UTF-8`},
		"deep lists":       {"\ntitle = " + strings.Repeat("[", 1_000_000), `x.toml:2: nested deeper than 8 tables and lists`},
		"deep tables":      {"title = " + strings.Repeat("{a=", 1_000_000), `x.toml:1: nested deeper than 8 tables and lists`},
		"deep keys":        {strings.Repeat("a.", 1_000_000) + "a = 1", `x.toml:1: nested deeper than 8 tables and lists`},
		"deep keys in deep tables": {
			"[a.b.c.d.e]\nf.g.h = 1\nf.g.i.j = 2\n",
			`x.toml:3: nested deeper than 8 tables and lists`,
		},
		"many tables":     {manyTables, `x.toml:42858: more than 300000 tables, keys and elements of lists`},
		"many elements":   {"title = [" + strings.Repeat("1,", tomlfile.MaxNodes) + "]", `x.toml:1: more than 300000 tables, keys and elements of lists`},
		"long key":        {"[server]\n" + strings.Repeat("a", 257) + " = 1", `x.toml:2: a key of more than 256 octets`},
		"deep after junk": {"= \n" + strings.Repeat("[", 1_000_000), `x.toml:1: not TOML`},
		"huge":            {strings.Repeat("#", tomlfile.MaxSize+1), `x.toml: larger than 4 MiB`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, ok := tomlfile.Parse("x.toml", []byte(test.text), testSchema)
			if got := strings.TrimSpace(f.Problems().String()); ok || got != test.want {
				t.Errorf("Parse = %v, problems\n%s\nwant\n%s", ok, got, test.want)
			}
		})
	}
}

func TestGettersGiveValuesAndDefaults(t *testing.T) {
	f, ok := tomlfile.Parse("x.toml", []byte("[server]\nlimit = 7\nmode = 'fast'\n[rule.b]\n[rule.a]\nnames = ['x']\n"), testSchema)
	if !ok {
		t.Fatal(f.Problems())
	}
	s := f.Table("server")
	if got := s.Int("limit", 5, 1, 10); got != 7 {
		t.Errorf("Int = %d, want 7", got)
	}
	if got := s.OneOf("mode", "slow", "fast"); got != 1 {
		t.Errorf("OneOf = %d, want 1", got)
	}
	if got := s.Duration("idle", time.Minute, 0, time.Hour); got != time.Minute {
		t.Errorf("Duration = %v, want the default", got)
	}
	if got := s.Texts("listen", "a", "b"); len(got) != 2 || got[1].Value != "b" || got[1].Key != "server.listen[1]" {
		t.Errorf("Texts = %+v, want the defaults with their keys", got)
	}
	if got := f.Table("zones").String("edition", "none"); got != "none" {
		t.Errorf("String of an absent table = %q, want the default", got)
	}
	var names []string
	for _, r := range f.Named("rule") {
		names = append(names, r.Name())
	}
	if diff := cmp.Diff([]string{"b", "a"}, names); diff != "" {
		t.Errorf("Named is not in the order of the file: %s", diff)
	}
	if got := f.Named("rule")[1].LineOf("names"); got != 6 {
		t.Errorf("LineOf = %d, want 6", got)
	}
	if len(f.Problems()) > 0 {
		t.Errorf("problems: %v", f.Problems())
	}
}

func TestUndocumentedKeysPanic(t *testing.T) {
	f, _ := tomlfile.Parse("x.toml", nil, testSchema)
	for name, read := range map[string]func(){
		"key":          func() { f.Table("server").Bool("missing", false) },
		"table":        func() { f.Table("missing") },
		"named tables": func() { f.Named("server") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("reading what the schema does not have went unnoticed")
				}
			}()
			read()
		})
	}
}

func TestEachLeavesOutDuplicatesAndMistakes(t *testing.T) {
	f, _ := tomlfile.Parse("x.toml", []byte("[http]\nlisten = ['1s', '1x', '1000ms', '2s']\n"), testSchema)
	got := tomlfile.Each(f.Table("http").Texts("listen"), func(text tomlfile.Text) (time.Duration, error) {
		return time.ParseDuration(text.Value)
	})
	if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	want := "x.toml:2: http.listen[1]: time: unknown unit \"x\" in duration \"1x\"\n" +
		"x.toml:2: warning: http.listen[2]: \"1000ms\" stands in this list twice, first as http.listen[0]\n"
	if diff := cmp.Diff(want, f.Problems().String()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if f.Failed() != 1 {
		t.Errorf("Failed = %d, want 1", f.Failed())
	}
}

func TestProblemString(t *testing.T) {
	tests := []struct {
		problem tomlfile.Problem
		want    string
	}{
		{tomlfile.Problem{File: "a.toml", Line: 3, Key: "rule.x", Text: "bad"}, "a.toml:3: rule.x: bad"},
		{tomlfile.Problem{File: "a.toml", Line: 3, Key: "rule.x", Text: "odd", Warning: true}, "a.toml:3: warning: rule.x: odd"},
		{tomlfile.Problem{File: "a.toml", Text: "gone"}, "a.toml: gone"},
		{tomlfile.Problem{Line: 3, Key: "rule.x", Text: "bad"}, "line 3: rule.x: bad"},
		{tomlfile.Problem{Text: "bad"}, "bad"},
	}
	tests = append(tests, []struct {
		problem tomlfile.Problem
		want    string
	}{
		{tomlfile.Problem{Text: "\"#\u001b[2J\nhost.toml:1: all fine\""}, `"#\x1b[2J\nhost.toml:1: all fine"`},
		{tomlfile.Problem{File: "a\r\n.toml", Line: 1, Key: "\u009b31m", Text: "\u202eevil\u2066\u200b\ufeff"}, `a\r\n.toml:1: \u009b31m: \u202eevil\u2066\u200b\ufeff`},
		{tomlfile.Problem{Text: "\xff\x9b\x00\x7f\t\u2028\u00a0\U000e0041"}, `\xff\x9b\x00\x7f\t\u2028\u00a0\U000e0041`},
		{tomlfile.Problem{Text: `C:\x "é" 漢 😀 ` + "\ufffd"}, `C:\x "é" 漢 😀 ` + "\ufffd"},
		{tomlfile.Problem{Text: strings.Repeat("é", 1000)}, strings.Repeat("é", 500) + "..."},
		{tomlfile.Problem{Text: "x" + strings.Repeat("é", 1000)}, "x" + strings.Repeat("é", 499) + "..."},
	}...)
	for _, test := range tests {
		if got := test.problem.String(); got != test.want {
			t.Errorf("String = %q, want %q", got, test.want)
		}
	}
}

func TestProblemsSort(t *testing.T) {
	ps := tomlfile.Problems{
		{File: "z", Line: 1, Warning: true}, {File: "b", Line: 9}, {File: "b", Line: 2, Text: "first"}, {File: "a", Line: 5}, {File: "b", Line: 2, Text: "second"},
	}
	ps.Sort("b", "a")
	var got []string
	for _, p := range ps {
		got = append(got, p.String())
	}
	want := []string{"b:2: first", "b:2: second", "b:9: ", "a:5: ", "z:1: warning: "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if !ps.Errors() || ps[4:].Errors() {
		t.Errorf("Errors = %v, %v; want true, and false for a warning alone", ps.Errors(), ps[4:].Errors())
	}
}

func TestNearest(t *testing.T) {
	words := []string{"intune", "apple-push", "fcm", "pin", "names", "zones"}
	for word, want := range map[string]string{
		"inune": "intune", "Apple-Push": "apple-push", "apple_push": "apple-push", "pni": "pin", "name": "names", "zone": "zones",
		"potato": "", "": "", "x": "", strings.Repeat("a", 1000): "",
	} {
		if got := tomlfile.Nearest(word, words); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
	if got := tomlfile.Nearest("zones", words, "zones"); got != "" {
		t.Errorf("Nearest gives %q, which was excepted", got)
	}
}
