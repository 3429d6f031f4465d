package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
	"splitdns/server/policy"
)

// example gives config.example.toml.
func example(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// uncommented is the example with all that can be taken into use.
func uncommented(t *testing.T) []byte {
	t.Helper()
	return regexp.MustCompile(`(?m)^#([a-z\[])`).ReplaceAll(example(t), []byte("$1"))
}

// onlyForPins checks that nothing is to be said about an example but what
// enforcing brings with it.
func onlyForPins(t *testing.T, cfg *config.Config, problems []string) {
	t.Helper()
	want := []string{"warning: rule.apple-push.pin: clients that validate DNSSEC take a changed signed answer as bogus and get no address at all"}
	if diff := cmp.Diff(want, problems); cfg == nil || diff != "" {
		t.Fatalf("problems (-want +got):\n%s", diff)
	}
}

func TestExampleLoads(t *testing.T) {
	cfg, problems := config.Load("../../config.example.toml")
	var texts []string
	for _, p := range problems {
		p.File, p.Line = "", 0
		texts = append(texts, p.String())
	}
	onlyForPins(t, cfg, texts)
}

func TestExampleLoadsWithEverythingTakenIntoUse(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.toml":        strings.Replace(string(uncommented(t)), `state = ""`, `state = "state"`, 1), // zones with a url need it
		"zones/branch.toml":  "[row.all]\nnames = ['*.branch.example']\n",
		"lists/unwanted.txt": "# unwanted\n.ads.example\n",
		"local/lab.zone":     "@ 3600 IN SOA ns hostmaster 1 3600 1200 604800 300\n",
		"local/hosts":        "192.0.2.1 printer.lab.example printer\n",
		"corp-ca.pem":        authority,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, files, problems := config.LoadFiles(filepath.Join(dir, "config.toml"))
	var texts []string
	for _, p := range problems {
		p.File, p.Line = "", 0
		texts = append(texts, p.String())
	}
	onlyForPins(t, cfg, texts)
	if want := 6; len(files) != want {
		t.Errorf("files = %v, want %d", files, want)
	}
}

func TestExampleShowsEveryKey(t *testing.T) {
	var values map[string]any
	if err := toml.Unmarshal(uncommented(t), &values); err != nil {
		t.Fatal(err)
	}
	for _, section := range config.Schema {
		shown := values
		for _, word := range strings.Split(section.Table, ".") {
			if word == "*" {
				shown = merged(shown)
				continue
			}
			shown, _ = shown[word].(map[string]any)
		}
		for _, key := range section.Keys {
			if _, ok := shown[key]; !ok {
				t.Errorf("config.example.toml does not show %s.%s", section.Table, key)
			}
		}
	}
}

// merged is all tables of one kind as one.
func merged(tables map[string]any) map[string]any {
	all := make(map[string]any)
	for _, t := range tables {
		for key, value := range t.(map[string]any) {
			all[key] = value
		}
	}
	return all
}

func TestExampleShowsTheDefaults(t *testing.T) {
	cfg, _ := config.Load("../../config.example.toml")
	if cfg == nil {
		t.Fatal("the example does not load")
	}
	def := config.Default()
	def.Server.ListenByDefault = false // the example gives it, as any other
	shown := []any{cfg.Server, cfg.Cache, cfg.Edition, cfg.Log, cfg.HTTP}
	code := []any{def.Server, def.Cache, def.Edition, def.Log, def.HTTP}
	if diff := cmp.Diff(code, shown, compare); diff != "" {
		t.Errorf("defaults (-code +example):\n%s", diff)
	}
	for _, u := range cfg.Upstreams {
		if u.Timeout != config.DefaultTimeout {
			t.Errorf("upstream.%s.timeout = %v, the default is %v", u.Name, u.Timeout, config.DefaultTimeout)
		}
	}
	published := slices.IndexFunc(cfg.Rules, func(r policy.Rule) bool { return r.Name == "published" })
	if published < 0 {
		t.Fatal("the example has no [rule.published]")
	}
	if diff := cmp.Diff(def.Rules[0], cfg.Rules[published], compare); diff != "" {
		t.Errorf("[rule.published] (-code +example):\n%s", diff)
	}
}
