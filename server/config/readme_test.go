package config_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/BurntSushi/toml"

	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// hasKey reports whether table has key; "NAME" or another name stands for those that users give.
func hasKey(table, key string) bool {
	return slices.ContainsFunc(config.Schema, func(s tomlfile.Section) bool {
		return (s.Table == table || s.Table == table+".*") && slices.Contains(s.Keys, key)
	})
}

// TestReadmeNamesKeysThatExist holds that the keys in the configurations of the README exist, and
// those that its text names.
func TestReadmeNamesKeysThatExist(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	check := func(table, key string) {
		if seen++; !hasKey(table, key) {
			t.Errorf("README: there is no %s.%s", table, key)
		}
	}
	for _, block := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllSubmatch(text, -1) {
		for table, keys := range keysOf(t, block[1]) {
			for _, key := range keys {
				check(table, key)
			}
		}
	}
	for _, m := range regexp.MustCompile("`(server|cache|log|http|tls|upstream|rule)\\.([a-z_]+)`").FindAllSubmatch(text, -1) {
		check(string(m[1]), string(m[2]))
	}
	for _, m := range regexp.MustCompile("`\\[(\\w+)\\] (\\w+)").FindAllSubmatch(text, -1) {
		check(string(m[1]), string(m[2]))
	}
	if seen < 30 {
		t.Errorf("%d keys found in the README, want more", seen)
	}
}

// keysOf are the keys of a configuration, by table; named tables of a kind are one.
func keysOf(t *testing.T, text []byte) map[string][]string {
	t.Helper()
	var tables map[string]map[string]any
	if err := toml.Unmarshal(text, &tables); err != nil {
		t.Fatalf("README: %v in\n%s", err, text)
	}
	all := make(map[string][]string)
	for table, values := range tables {
		for key, value := range values {
			named, ok := value.(map[string]any)
			if !ok {
				all[table] = append(all[table], key)
			}
			for key := range named {
				all[table] = append(all[table], key)
			}
		}
	}
	return all
}
