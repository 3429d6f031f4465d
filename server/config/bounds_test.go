package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/zones"
)

// repeated gives text for each number from 0, which stands in it as %d.
func repeated(count int, text string) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, text, i)
	}
	return b.String()
}

// TestTooMany holds that there is a bound to what a file may have of each kind.
func TestTooMany(t *testing.T) {
	last := func(text string) string { return fmt.Sprintf("%d", strings.Count(text, "\n")) }
	groups := repeated(65_537, "[client.c%d]\n")
	rules := repeated(65_537, "[rule.r%d]\n")
	own := repeated(4097, "[zone.z%d]\nnames = ['a.example']\n")
	upstreams := repeated(4097, "[upstream.u%d]\nservers = ['192.0.2.1']\n")
	tests := map[string]struct{ text, want string }{
		"client groups": {groups, "c.toml:" + last(groups) + ": client.c65536: more than 65536 [client.NAME]"},
		"rules":         {rules, "c.toml:" + last(rules) + ": rule.r65536: more than 65536 [rule.NAME]"},
		"zones":         {own, "c.toml:8193: zone.z4096: more than 4096 [zone.NAME]"},
		"local zones":   {repeated(4097, "[local.l%d]\nformat = 'hosts'\n"), "c.toml:8193: local.l4096: more than 4096 [local.NAME]"},
		"upstreams":     {upstreams, "c.toml:8193: upstream.u4096: more than 4096 [upstream.NAME]"},
		"listen": {
			"[server]\nlisten = [\n" + repeated(1001, "'[::1]:%d0',\n") + "]\n",
			`c.toml:1003: server.listen[1000]: more than 1000 addresses`,
		},
		"answer": {
			"[rule.a]\nnames = ['a.example']\nanswer = [\n" + strings.Repeat("'192.0.2.1',\n", 1001) + "]\n",
			`c.toml:1004: rule.a.answer[1000]: more than 1000 addresses`,
		},
		"unknown keys": {
			"[server]\n" + repeated(20_000, "k%d = 1\n"),
			`c.toml:20001: and 19900 more problems in this file`,
		},
		"warnings": {
			"[server]\nallow = [\n" + strings.Repeat("'0.0.0.0/0',\n", 150) + "]\n",
			`c.toml:153: warning: and 199 more such warnings in this file`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, problems := config.Parse("c.toml", []byte(test.text))
			if got := problems.String(); !strings.Contains(got, test.want+"\n") || len(problems) > 201 {
				t.Errorf("%d problems without %q:\n%.2000s", len(problems), test.want, got)
			}
		})
	}
}

// TestManyThatFit holds that what is within the bounds is taken, and in no time
// that grows with its square.
func TestManyThatFit(t *testing.T) {
	text := repeated(5000, "[client.c%[1]d]\naddresses = ['10.0.0.0/8']\n[rule.r%[1]d]\nnames = ['h%[1]d.example']\n"+
		"clients = ['c%[1]d']\nupstream = 'none'\n")
	_, problems := config.Parse("c.toml", []byte(text))
	if want := `c.toml:30000: and 4900 more problems in this file`; !strings.Contains(problems.String(), want+"\n") {
		t.Errorf("problems without %q:\n%.2000s", want, problems)
	}
	if want := `c.toml:6: rule.r0.upstream: no [upstream.none]; have default`; !strings.HasPrefix(problems.String(), want+"\n") {
		t.Errorf("problems do not begin with %q:\n%.2000s", want, problems)
	}
}

func TestLoadRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, problems := config.Load(dir); problems.String() != dir+": is a directory\n" {
		t.Errorf("Load of a directory: %s", problems)
	}
	path := write(t, dir, "config.toml", "[zone.a]\nfile = '.'\n")
	if _, problems := config.Load(path); problems.String() != path+":2: zone.a.file: reading "+dir+": is a directory\n" {
		t.Errorf("Load of a zone that is a directory: %s", problems)
	}
}

// TestFilesOfAllZones holds that many zones cannot take what one cannot.
func TestFilesOfAllZones(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "list.txt", strings.Repeat("#"+strings.Repeat("x", 4094)+"\n", 47<<8))
	path := write(t, dir, "config.toml", repeated(6, "[zone.z%d]\nfile = 'list.txt'\nformat = 'list'\n"))
	_, problems := config.Load(path)
	want := fmt.Sprintf("%s:17: zone.z5.file: with %s, the files of all zones are larger than 256 MiB\n", path, filepath.Join(dir, "list.txt"))
	if !strings.HasPrefix(problems.String(), want) {
		t.Errorf("problems = %s, want first %s", problems, want)
	}
}

// TestPatternsOfAllZones is TestFilesOfAllZones for patterns, without making so many.
func TestPatternsOfAllZones(t *testing.T) {
	z := &zones.Zone{Rows: []zones.Row{{Patterns: matcher.ListOf(matcher.MustParsePattern("a.example"), matcher.MustParsePattern("b.example"))}, {Patterns: matcher.ListOf(matcher.MustParsePattern("c.example"))}}}
	if err := config.AddPatterns(3_999_997, z); err != nil {
		t.Errorf("4,000,000 patterns: %v", err)
	}
	err := config.AddPatterns(3_999_998, z)
	if want := "with z.txt, the files of all zones have more than 4000000 patterns"; err == nil || err.Error() != want {
		t.Errorf("4,000,001 patterns: %v, want %s", err, want)
	}
}

// TestEscapes holds that no text of a file reaches a terminal as more than text.
func TestEscapes(t *testing.T) {
	const evil = "\u001b[2J\nhost.toml:1: all fine\u202e\u009b"
	const escaped = `\x1b[2J\nhost.toml:1: all fine\u202e\u009b`
	dir := t.TempDir()
	write(t, dir, "list.txt", "a.example \x1b[2J\n#-\x1b[2J.example\n")
	text := "['" + `'."\u001b"` + "]\n"
	for name, text := range map[string]string{
		"syntax": text,
		"word":   "a = " + "\u202e" + "x\n",
		"key":    `"` + escaped + `" = 1`,
		"table":  `[rule."` + escaped + `"]`,
		"value":  `[rule.a]` + "\n" + `names = ["` + escaped + `"]` + "\n" + `answer = "` + escaped + `"` + "\n" + `pin = "` + escaped + `"` + "\n" + `upstream = "` + escaped + `"`,
		"server": "[server]\n" + `listen = ["` + escaped + `", "[::1%` + escaped + `]:5"]` + "\n" + `allow = ["` + escaped + `", "fe80::1%` + escaped + `"]`,
		"file":   "[zone.a]\n" + `file = "` + escaped + `"`,
		"list":   "[zone.a]\nfile = 'list.txt'\nformat = 'list'\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := config.Parse(filepath.Join(dir, evil), []byte(text))
			got := problems.String()
			if len(problems) == 0 || strings.Count(got, "\n") != len(problems) || strings.ContainsAny(got, "\x1b\u202e\u009b") {
				t.Errorf("problems = %q, want one line each, without control characters", got)
			}
		})
	}
}
