package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"splitdns/server/config"
)

func TestFoldersOfFilesThatAreMade(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.toml")
	for text, want := range map[string]string{
		"[log]\nqueries = 'queries.log'\n":        "",
		"[log]\nqueries = 'none/queries.log'\n":   `c.toml:2: log.queries: "none/queries.log": there is no folder none; make it, or give a path in another`,
		"[log]\nqueries = 'c.toml/queries.log'\n": `c.toml:2: log.queries: "c.toml/queries.log": c.toml is no folder; give a path in one`,
		"[server]\ncontrol = 'none/c.sock'\n":     `c.toml:2: server.control: "none/c.sock": there is no folder none; make it, or give a path in another`,
		"[server]\ncontrol = 'c.toml/c.sock'\n":   `c.toml:2: server.control: "c.toml/c.sock": c.toml is no folder; give a path in one`,
		"[server]\ncontrol = '/run/splitdns-none/c.sock'\n": `c.toml:2: warning: server.control: "/run/splitdns-none/c.sock": there is no folder /run/splitdns-none: ` +
			"make it, or have the service manager do so, as systemd with RuntimeDirectory= or LogsDirectory=",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems := config.Load(file)
		if got := strings.TrimSpace(strings.ReplaceAll(problems.String(), dir+"/", "")); got != want {
			t.Errorf("%q:\n%s, want\n%s", text, got, want)
		}
		if _, problems := config.LoadControl(file); problems.Errors() { // of a server that may run all the same
			t.Errorf("%q: %v, want no problem for who only asks where the socket is", text, problems)
		}
	}
}
