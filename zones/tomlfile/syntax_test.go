package tomlfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones/tomlfile"
)

// TestSyntaxErrorsAreSaidInWordsOfOurOwn holds one text for each thing that the
// decoder can say.
func TestSyntaxErrorsAreSaidInWordsOfOurOwn(t *testing.T) {
	tests := map[string]string{
		// Headers. The line is that of the header, though the decoder stops on the next.
		"[rule.a\nlog = true\n":      `1: the header has no closing ]`,
		"[rule.a":                    `1: the header has no closing ]`,
		"\n[rule.a b]\n":             `2: want ] after the name in the header, have 'b'; a name has only letters a-z, digits, hyphen and underscore`,
		"[[rule]\n":                  `1: the header begins with [[ and does not end with ]]`,
		"[]\n":                       `1: the header has an empty name`,
		"[rule..a]\n":                `1: the header has an empty name`,
		"[rule.a] log = true\n":      `1: want the end of the line, have 'l'`,
		"[rule.a]]\n":                `1: want the end of the line, have ']'`,
		"rule.a = 1\n[rule.a]\n":     `2: rule.a: given twice, or as a value and as a table`,
		"rule.a = 1\n[rule.a.b]\n":   `2: rule.a: given twice, or as a value and as a table`,
		"rule = [1]\n[[rule]]\n":     `2: rule: given twice, or as a value and as a table`,
		"[rule.“a”]\n":               `1: “: use straight quotes, as in "text"`,
		"[rule.a]\nlog\n":            `2: a key without a value; want KEY = VALUE`,
		"log":                        `1: a key without a value; want KEY = VALUE`,
		"log: true\n":                `1: want = after the key, have ':'`,
		"server {\n":                 `1: want = after the key, have '{'`,
		"= 5\n":                      `1: = without a key before it`,
		"a. = 5\n":                   `1: = without a key before it`,
		".a = 5\n":                   `1: a dot without a word beside it`,
		"a..b = 5\n":                 `1: a dot without a word beside it`,
		"a = 1 b = 2\n":              `1: want the end of the line, have 'b'`,
		"\na = \n":                   `2: want a value, have the end of the line`,
		"a =":                        `1: want a value, have the end of the file`,
		"a = tru\n":                  `1: tru: no value; text stands in quotes, and booleans are true or false`,
		"a = FALSE # c\n":            `1: FALSE: no value; write false`,
		"a = apple-push\n":           `1: apple-push: no value; text stands in quotes, and booleans are true or false`,
		"a = [ x.example, b ]\n":     `1: x.example: no value; text stands in quotes, and booleans are true or false`,
		"a = ::1\n":                  `1: ::1: no value; text stands in quotes, and booleans are true or false`,
		"a = 10s\n":                  `1: want the end of the line, have 's'; text stands in quotes`,
		"a = 10.0.0.1\n":             `1: 10.0.0.1: no number; text stands in quotes`,
		"a = 10.0.0.0/8\n":           `1: 10.0.0.0/8: no number; text stands in quotes`,
		"a = .5\n":                   `1: .5: no number; text stands in quotes`,
		"a = 5.\n":                   `1: 5.: no number; text stands in quotes`,
		"a = 1_\n":                   `1: 1_: no number; text stands in quotes`,
		"a = 007\n":                  `1: 007: a number has no zeros in front; text stands in quotes`,
		"a = +x\n":                   `1: +x: no number; text stands in quotes`,
		"a = 2026-13-24\n":           `1: 2026-13-24: no such date or time; text stands in quotes`,
		"a = \"x\nb = 1\n":           `1: the string has no closing quote on its line`,
		"a = \"x":                    `1: the string has no closing quote on its line`,
		"a = 'x":                     `1: the string has no closing quote on its line`,
		"a = \"\"\"x\ny\nz\n":        `1: the text has no closing """`,
		"\na = [\n'''x\ny\n":         `3: the text has no closing '''`,
		"a = “x”\n":                  `1: “: use straight quotes, as in "text"`,
		"a = \"x”\n":                 `1: the string has no closing quote; use straight quotes, as in "text"`,
		"a = \"\\*.example\"\n":      `1: "\*": no escape; write * without the backslash`,
		"a = [\n'x',\n\"\\#-x\"]\n":  `3: "\#": no escape; write # without the backslash`,
		"a = \"C:\\path\"\n":         `1: "\p": no escape; a backslash itself is \\`,
		"a = \"\\u12\"\n":            `1: \x takes two hexadecimal digits, \u four and \U eight; a backslash itself is \\`,
		"a = \"\\ud800\"\n":          `1: the number after \u or \U is no character; a backslash itself is \\`,
		"a = ['x' 'y']\n":            `1: want a comma or ] after a value of the list, have '\''`,
		"a = ['x',, 'y']\n":          `1: a comma without a value before it`,
		"a = {b = 1 c = 2}\n":        `1: want a comma or } after a value of the table, have 'c'`,
		"a = {b = 1":                 `1: want a comma or } after a value of the table, have the end of the file`,
		"a = 1\rb = 2\rc = 3\r":      `1: a line ends with a lone carriage return (CR); lines end with LF or CR LF`,
		"a = 1\n# b\rc\n":            `2: a line ends with a lone carriage return (CR); lines end with LF or CR LF`,
		"a = 'x\x01'\n":              `1: octet 0x01: a control character has no place in the file`,
		"a = 1\nb = '\xfe'\n":        `2: octet 0xfe: the text is not UTF-8`,
		"\xef\xbb\xbf[rule.a\nb=1\n": `1: the header has no closing ]`,
	}
	for text, want := range tests {
		f, ok := tomlfile.Parse("x", []byte(text), testSchema)
		if got := strings.TrimSpace(f.Problems().String()); ok || got != "x:"+want {
			t.Errorf("Parse(%q) = %v, problems\n%s\nwant\nx:%s", text, ok, got, want)
		}
	}
}

func TestNumbersOutOfRangeDoNotHideOtherProblems(t *testing.T) {
	const huge = "99999999999999999999"
	text := "title = " + huge + "\n[server]\nlisten = [" + huge + ", -" + huge + "]\nlimit = " + huge + "\nidle = 0x" + huge + "\nhidden = 1e999\nmode = 5\ncolour = 1\n"
	f, ok := tomlfile.Parse("x.toml", []byte(text), testSchema)
	if !ok {
		t.Fatalf("syntax error: %v", f.Problems())
	}
	readAll(f)
	want := `x.toml:1: title: want a string, have a number out of range
x.toml:3: server.listen[0]: want a string, have a number out of range
x.toml:3: server.listen[1]: want a string, have a number out of range
x.toml:4: server.limit: out of range: want 1 to 10
x.toml:5: server.idle: want a duration such as "30s", "5m" or "24h", have a number out of range
x.toml:6: server.hidden: want true or false, have a number out of range
x.toml:7: server.mode: want "slow", "fast" or "off", have an integer
x.toml:8: server.colour: unknown key; have listen, limit, idle, hidden, mode
`
	if diff := cmp.Diff(want, f.Problems().String()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	f, ok = tomlfile.Parse("x.toml", []byte(strings.Repeat("\n", 5)+"title = ["+strings.Repeat(huge+", ", 20)+"]\n"), testSchema)
	if want := "x.toml:6: " + huge + ": a number out of range\n"; ok || f.Problems().String() != want {
		t.Errorf("Parse of many = %v, problems %q, want %q", ok, f.Problems(), want)
	}
}

// TestSuggestionsAreAccepted takes every value that a message suggests, puts it in
// place, and wants no problem.
func TestSuggestionsAreAccepted(t *testing.T) {
	schema := tomlfile.Schema{{Table: "", Keys: []string{"any", "word", "idle", "limit", "flag", "list"}, Wants: map[string]string{"word": `"off" or a file`}}}
	read := func(text string) tomlfile.Problems {
		f, ok := tomlfile.Parse("x", []byte(text), schema)
		if !ok {
			return f.Problems()
		}
		root := f.Root()
		root.Text("any")
		root.Text("word")
		root.Duration("idle", 0, 1e9, 60e9)
		root.Int("limit", 1, 1, 10)
		root.Bool("flag", false)
		root.Texts("list")
		return f.Problems()
	}
	tests := map[string]string{ // value by key, and the suggestion
		"any = 5": `"5"`, "any = 1.5": `"1.5"`, "any = true": `"true"`, "any = 2026-03-24": `"2026-03-24"`, "any = 07:30:00": `"07:30:00"`,
		"any = 2026-03-24T07:30:00Z": `"2026-03-24T07:30:00Z"`, "any = ['x']": `"x"`, "any = []": "", "any = {}": "", "any = inf": "",
		"word = false": `"off"`, "word = true": "", "word = 5": "", "word = ['y']": `"y"`, "word = 2026-03-24": "",
		"idle = 10": `"10s"`, "idle = 1.5": `"1.5s"`, "idle = '10'": `"10s"`, "idle = 100": "", "idle = 'soon'": "", "idle = '1d'": "", "idle = true": "",
		"idle = '999999999999999999d'": "",
		"limit = '7'":                  "7", "limit = '70'": "", "limit = 'x'": "", "limit = true": "",
		"flag = 'yes'": "true", "flag = 'True'": "true", "flag = 0": "false", "flag = 'off'": "false", "flag = 'maybe'": "", "flag = 2": "",
		"list = 'x'": `["x"]`, "list = 5": "", "list = [5]": `"5"`,
	}
	for text, want := range tests {
		problems := read(text)
		if len(problems) != 1 {
			t.Errorf("%s: problems %v, want one", text, problems)
			continue
		}
		_, got, _ := strings.Cut(problems[0].Text, "; write ")
		if got != want {
			t.Errorf("%s: %q suggests %s, want %s", text, problems[0].Text, got, want)
		}
		key, _, _ := strings.Cut(text, " = ")
		if strings.HasPrefix(text, "list = [") {
			got = "[" + got + "]"
		}
		if again := read(key + " = " + got); want != "" && len(again) > 0 {
			t.Errorf("%s: the suggestion %s leads to %v", text, got, again)
		}
	}
}

func TestValuesInTheWrongFormAreReadAllTheSame(t *testing.T) {
	f, _ := tomlfile.Parse("x", []byte("[server]\nlisten = 'a'\nmode = ['fats']\n"), testSchema)
	s := f.Table("server")
	if got := s.Texts("listen"); len(got) != 1 || got[0].Value != "a" || got[0].Key != "server.listen" {
		t.Errorf("Texts = %+v, want the string", got)
	}
	s.OneOf("mode", "slow", "fast")
	want := `x:2: server.listen: want a list of strings, have a string; write ["a"]
x:3: server.mode: want "slow" or "fast", have a list; write "fats"
x:3: server.mode: "fats": did you mean "fast"?
`
	if diff := cmp.Diff(want, f.Problems().String()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestWantsStandInMessages(t *testing.T) {
	schema := tomlfile.Schema{{Table: "", Keys: []string{"list", "word", "either"}, Wants: map[string]string{
		"list": "a prefix", "word": `"off" or a file`, "either": "an answer",
	}}}
	f, _ := tomlfile.Parse("x", []byte("list = [10]\nword = 5\neither = 5\n"), schema)
	f.Root().Texts("list")
	f.Root().Text("word")
	f.Root().TextOrTexts("either")
	want := "x:1: list[0]: want a prefix, have an integer\nx:2: word: want \"off\" or a file, have an integer\nx:3: either: want an answer, have an integer\n"
	if diff := cmp.Diff(want, f.Problems().String()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	f, _ = tomlfile.Parse("x", []byte("list = true\n"), schema)
	f.Root().Texts("list")
	if want := "x:1: list: want a list of strings, each a prefix; have a boolean\n"; f.Problems().String() != want {
		t.Errorf("problems = %q, want %q", f.Problems(), want)
	}
}

func TestEmpty(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "# c\n": true, "[server]\n[rule.a]\n": true, "a = 1\n": false, "[rule.a]\nlog = false\n": false, "[[a]]\n": false,
	} {
		if f, _ := tomlfile.Parse("x", []byte(text), testSchema); f.Empty() != want {
			t.Errorf("Empty of %q = %v, want %v", text, f.Empty(), want)
		}
	}
}

// FuzzSyntax holds that every text that is not TOML has one problem, with a line
// of the text.
func FuzzSyntax(f *testing.F) {
	for _, text := range documents {
		f.Add([]byte(text))
	}
	for _, text := range []string{"[a\n", "a = \"\\", "\r", "“", "a = 1 x", "a = '''\xff", "\xef\xbb\xbf\xe2"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, ok := tomlfile.Parse("x", data, testSchema)
		if ok {
			return
		}
		problems := file.Problems()
		if len(problems) != 1 || problems[0].Text == "" || problems[0].Line > strings.Count(string(data), "\n")+1 {
			t.Errorf("Parse(%q): problems %v, want one within the text", data, problems)
		}
	})
}
