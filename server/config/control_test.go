package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"splitdns/server/config"
)

func TestControl(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.toml")
	long := "/" + strings.Repeat("a", 107)
	for name, c := range map[string]struct{ text, want, problem string }{
		"none":          {"", "", ""},
		"off":           {"[server]\ncontrol = ''\n", "", ""},
		"absolute":      {"[server]\ncontrol = '/run/splitdns/c.sock'\n", "/run/splitdns/c.sock", ""},
		"relative":      {"[server]\ncontrol = 'c.sock'\n", filepath.Join(dir, "c.sock"), ""},
		"long enough":   {"[server]\ncontrol = '" + long[1:] + "'\n", "", "octets, and a socket's path has 107 at most"},
		"too long":      {"[server]\ncontrol = '" + long + "'\n", "", `:2: server.control: "` + long + `": 108 octets, and a socket's path has 107 at most; give a shorter one`},
		"as long as":    {"[server]\ncontrol = '" + long[:107] + "'\n", long[:107], ""},
		"a number":      {"[server]\ncontrol = 5\n", "", ":2: server.control: "},
		"other trouble": {"[server]\ncontrol = '/run/c.sock'\nlisten = 5\ncolour = 1\n[rule.x]\npin = 'hard'\n", "/run/c.sock", ""},
		"no TOML":       {"[server\n", "", ":1: "},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		path, problems := config.LoadControl(file)
		if path != c.want || !strings.Contains(problems.String(), c.problem) || (c.problem == "") != (len(problems) == 0) {
			t.Errorf("%s: %q %v, want %q and the problem %q", name, path, problems, c.want, c.problem)
		}
		cfg, problems := config.Load(file)
		switch {
		case cfg != nil && cfg.Server.Control != c.want:
			t.Errorf("%s: server.control is %q, want %q", name, cfg.Server.Control, c.want)
		case cfg == nil && !strings.Contains(problems.String(), c.problem):
			t.Errorf("%s: %v, want %q", name, problems, c.problem)
		}
	}
	if path, problems := config.LoadControl(filepath.Join(dir, "none.toml")); path != "" || !strings.Contains(problems.String(), "none.toml: no such file") {
		t.Errorf("a file that is not there: %q %v", path, problems)
	}
	if cfg := config.Default().WithControl("/run/c.sock"); cfg.Server.Control != "/run/c.sock" {
		t.Errorf("%q, want what was given", cfg.Server.Control)
	}
}
