package config_test

import (
	"slices"
	"strings"
	"testing"

	"splitdns/matcher"
	"splitdns/server/config"
	"splitdns/zones"
)

// TestShadow holds that a shadow has the zones of its edition, and those of one's own.
func TestShadow(t *testing.T) {
	cfg, problems := config.Parse("c.toml", []byte(`
[zones]
shadow = "2020-09-08"
[zone.corp]
names    = ["*.corp.example"]
prefixes = ["10.0.0.0/8"]
[zone.intune]
names = ["*.manage.microsoft.com"]
[rule.office]
zones = ["m365", "corp"]
names = ["*.office.example"]
`))
	if cfg == nil {
		t.Fatal(problems)
	}
	want := slices.Sorted(slices.Values(append(zones.BundledNames("2020-09-08"), "corp")))
	var got []string
	for _, z := range cfg.Shadow.Zones {
		got = append(got, z.Name)
		if z.Name == "intune" && len(z.Rows) != 1 {
			t.Errorf("intune has %d rows, want those of the configuration", len(z.Rows))
		}
	}
	if !slices.Equal(got, want) || cfg.Shadow.Text() != "edition 2020-09-08" || len(cfg.Zones) == len(got) {
		t.Errorf("%s: %v, want %v", cfg.Shadow.Text(), got, want)
	}
	for text, rule := range map[string]bool{"x.corp.example": true, "x.office.example": true, "outlook.office365.com": false} {
		name, err := matcher.ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cfg.Shadow.Policy.Decide(name, 0); d.Matched() != rule {
			t.Errorf("%s: a rule matches %v, want %v", text, d.Matched(), rule)
		}
	}
	wantText := `c.toml:3: warning: zones.shadow: edition 2020-09-08 has no zone "m365", which rule.office names: there the rule matches nothing by it`
	if !strings.Contains(problems.String(), wantText) {
		t.Errorf("problems %v, want %s", problems, wantText)
	}
}

// TestNoShadow holds what has none, and what is said of it.
func TestNoShadow(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "",
		`shadow = ""`:                          "",
		`shadow = "2026-03-24"`:                "c.toml:2: warning: zones.shadow: 2026-03-24 is the edition in force: there is nothing to compare; leave this out, or name another edition",
		"shadow = \"2026\"\n":                  `c.toml:2: zones.shadow: no edition "2026"; have 2020-09-08, 2026-03-24`,
		"shadow = \"2020-09-08\"\n[rule.x]\n":  "c.toml:3: rule.x: a rule needs",
		"edition = \"2020-09-08\"\nshadow = 1": "c.toml:3: zones.shadow: ",
	} {
		cfg, problems := config.Parse("c.toml", []byte("[zones]\n"+text+"\n"))
		if !strings.Contains(problems.String(), want) || want == "" && strings.Contains(problems.String(), "shadow") {
			t.Errorf("%q: problems %q, want %q", text, problems, want)
		}
		if cfg != nil && cfg.Shadow != nil {
			t.Errorf("%q: there is a shadow", text)
		}
	}
}
