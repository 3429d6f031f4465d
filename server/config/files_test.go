package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
)

// TestLoadFilesNamesWhatItTried holds that a file is named although it is missing or
// broken, or another one is.
func TestLoadFilesNamesWhatItTried(t *testing.T) {
	const both = "[zone.a]\nfile = 'a.toml'\n[zone.b]\nfile = 'b.txt'\nformat = 'list'\n"
	for name, c := range map[string]struct {
		config, a string // "" is no file
		ok        bool
		want      []string
	}{
		"no configuration":       {"", "", false, []string{"config.toml"}},
		"no TOML":                {"[server", "", false, []string{"config.toml"}},
		"a missing zone file":    {both, "", false, []string{"config.toml", "a.toml", "b.txt"}},
		"a broken zone file":     {both, "[row.r]\nnmes = ['a.example']\n", false, []string{"config.toml", "a.toml", "b.txt"}},
		"a good one":             {both, "[row.r]\nnames = ['a.example']\n", true, []string{"config.toml", "a.toml", "b.txt"}},
		"a mistake before zones": {"[server]\nudp_size = 5\n" + both, "", false, []string{"config.toml", "a.toml", "b.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"config.toml": c.config, "a.toml": c.a, "b.txt": "b.example\n"} {
				if text != "" {
					write(t, dir, file, text)
				}
			}
			cfg, files, problems := config.LoadFiles(filepath.Join(dir, "config.toml"))
			var got []string
			for _, file := range files {
				got = append(got, filepath.Base(file.Path))
			}
			if diff := cmp.Diff(c.want, got); diff != "" || (cfg != nil) != c.ok {
				t.Errorf("problems %v, files (-want +got):\n%s", problems, diff)
			}
		})
	}
}

// TestLoadFilesAreAbsolute loads by a relative path.
func TestLoadFilesAreAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	_, files, _ := config.LoadFiles("missing.toml")
	if diff := cmp.Diff([]config.File{{Path: filepath.Join(here, "missing.toml")}}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestListenByDefault(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                true,
		"[server]\ndrain = '1s'":          true,
		"[server]\nlisten = ['[::1]:53']": false,
	} {
		cfg, problems := config.Parse("", []byte(text))
		if cfg == nil || cfg.Server.ListenByDefault != want {
			t.Errorf("%q: %v, ListenByDefault is not %v", text, problems, want)
			continue
		}
		if given := cfg.WithListen(cfg.Server.Listen); given.Server.ListenByDefault {
			t.Errorf("%q: WithListen leaves ListenByDefault", text)
		}
	}
}
