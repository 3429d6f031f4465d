package zones_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/zones"
)

func samePattern(a, b matcher.Pattern) bool { return a.String() == b.String() }

// comparePatterns lets cmp look at patterns and prefixes by their text.
var comparePatterns = cmp.Options{
	cmp.Comparer(func(a, b matcher.List) bool {
		return slices.EqualFunc(slices.Collect(a.All()), slices.Collect(b.All()), samePattern)
	}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestParse(t *testing.T) {
	text := `title     = "Example MDM"
vendor    = "Example"
edition   = "2026-01-01"
source    = "https://vendor.example/endpoints"
catch_all = true

[row.push]
names     = [
  "{0..50}-push.vendor.example",
  "*.cdn.vendor.example",
]
prefixes  = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]
ports     = ["tcp/443", "udp/5228-5230"]
purpose   = "push"
required  = false
carve_out = true
source    = "https://vendor.example/push"
date      = "2026-01"

[row.api]
names = ["api.vendor.example"]
`
	z, problems := zones.Parse("mdm", "mdm.toml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := &zones.Zone{
		Name: "mdm", Title: "Example MDM", Vendor: "Example", Edition: "2026-01-01",
		Source: "https://vendor.example/endpoints", File: "mdm.toml", CatchAll: true,
		Rows: []zones.Row{
			{
				Name: "push", Line: 7,
				Patterns: matcher.ListOf(matcher.MustParsePattern("{0..50}-push.vendor.example"), matcher.MustParsePattern("*.cdn.vendor.example")),
				Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("2001:db8::/32")},
				Ports:    []zones.Port{{Protocol: "tcp", First: 443, Last: 443}, {Protocol: "udp", First: 5228, Last: 5230}},
				Purpose:  "push", CarveOut: true, Source: "https://vendor.example/push", Date: "2026-01",
			},
			{
				Name: "api", Line: 20, Patterns: matcher.ListOf(matcher.MustParsePattern("api.vendor.example")),
				Required: true, Source: "https://vendor.example/endpoints",
			},
		},
	}
	if diff := cmp.Diff(want, z, comparePatterns); diff != "" {
		t.Errorf("zone (-want +got):\n%s", diff)
	}
	if !z.HasRanges() {
		t.Error("HasRanges = false, want true")
	}
	if z.Rows = z.Rows[1:]; z.HasRanges() {
		t.Error("HasRanges of a zone without prefixes = true, want false")
	}
}

func TestParseProblems(t *testing.T) {
	tests := map[string]struct {
		text string
		want []string
	}{
		"syntax": {"[row.a]\nnames = [a]\n", []string{`z.toml:2: a: no value; text stands in quotes, and booleans are true or false`}},
		"empty":  {"", []string{`z.toml:1: a zone needs at least one row: [row.NAME]`}},
		"all of them": {
			"titel = 'x'\nedition = 'yesterday'\n[row.A]\nnames = ['a.example']\n[row.b]\nports = ['tcp/1']\n[row.c]\nprefixes = []\ncarve_out = true\n[row.d]\nnames = ['x']\ndate = 'May'\nname = 'x'\nrequired = 'yes'\n[rows.e]\n",
			[]string{
				`z.toml:1: titel: unknown key; did you mean "title"?`,
				`z.toml:2: edition: "yesterday": want a date such as "2026-03-24", or "2026-03"`,
				`z.toml:3: row.A: name "A": capital letters; write "a"`,
				`z.toml:5: row.b: a row needs names, prefixes or both`,
				`z.toml:8: row.c.prefixes: the list is empty; leave the key out`,
				`z.toml:9: row.c.carve_out: only names can be carved out, and the row has none`,
				`z.toml:12: row.d.date: "May": want a date such as "2026-03-24", or "2026-03"`,
				`z.toml:13: row.d.name: unknown key; did you mean "names"?`,
				`z.toml:14: row.d.required: want true or false, have a string; write true`,
				`z.toml:15: rows: unknown table; did you mean [row.NAME]?`,
			},
		},
		"warnings": {
			"[row.a]\nnames = [\n'A.example',\n'b.example',\n'b.example.',\n]\nprefixes = ['192.0.2.1', '192.0.2.1/32']\n",
			[]string{
				`z.toml:3: warning: row.a.names[0]: "A.example": made upper case lower case; read as "a.example"`,
				`z.toml:5: warning: row.a.names[2]: "b.example.": removed the final dot; read as "b.example"`,
				`z.toml:5: warning: row.a.names[2]: "b.example." stands in this list twice, first as row.a.names[1]`,
				`z.toml:7: warning: row.a.prefixes[1]: "192.0.2.1/32" stands in this list twice, first as row.a.prefixes[0]`,
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			z, problems := zones.Parse("z", "z.toml", []byte(test.text))
			if diff := cmp.Diff(test.want, strings.Split(strings.TrimSpace(problems.String()), "\n")); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if (z == nil) != problems.Errors() {
				t.Errorf("zone is nil: %v, problems beyond warnings: %v", z == nil, problems.Errors())
			}
		})
	}
}

func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "192.0.2.0/24": "192.0.2.0/24", "2001:db8::1": "2001:db8::1/128", "0.0.0.0/0": "0.0.0.0/0",
	} {
		if got, err := zones.ParsePrefix(text); err != nil || got.String() != want {
			t.Errorf("ParsePrefix(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
	const forms = `; want an address or a prefix, such as "192.0.2.1" or "192.0.2.0/24"`
	for text, want := range map[string]string{
		"192.0.2.1/24":          `bits are set beyond the prefix length; write "192.0.2.0/24"`,
		"::ffff:192.0.2.1":      `an IPv4-mapped address; write it as IPv4, such as "192.0.2.1"`,
		"fe80::1%eth0":          `an interface has no place here; write "fe80::1"`,
		"fe80::%eth0/64":        `an interface has no place here; write "fe80::/64"`,
		"192.0.2.01":            `01: an IPv4 address has no zeros before its numbers` + forms,
		"192.0.2.256":           `256 is no part of an IPv4 address, which has numbers up to 255` + forms,
		"192.0.2":               `an IPv4 address has 4 numbers, this has 3` + forms,
		"192.0..2":              `a dot too many` + forms,
		"192.0.2.*":             `a star has no place in an address` + forms,
		" 192.0.2.1":            `spaces around the address` + forms,
		"192.0.2.1:53":          `a port has no place here; write "192.0.2.1"`,
		"192.0.2.1-192.0.2.9":   `a run of addresses; write it as prefixes, such as "192.0.2.0/24"`,
		"www.example":           `no address` + forms,
		"2001:db8::g":           `no IPv6 address` + forms,
		"192.0.2.0/33":          `"33" is no prefix length; want a number up to 32`,
		"2001:db8::/129":        `"129" is no prefix length; want a number up to 128`,
		"192.0.2.0/":            `"" is no prefix length; want a number up to 32`,
		"10/8":                  `an IPv4 address has 4 numbers, this has 1` + forms,
		"192.0.2.0/255.255.0.0": `a netmask; write the prefix length: "192.0.0.0/16"`,
		"":                      `no address at all` + forms,
	} {
		want = fmt.Sprintf("%q: %s", text, want)
		if got, err := zones.ParsePrefix(text); err == nil || err.Error() != want {
			t.Errorf("ParsePrefix(%q) = %v, %v, want the error\n%s", text, got, err, want)
		}
	}
}

func TestEditions(t *testing.T) {
	if diff := cmp.Diff([]string{"2020-09-08", zones.DefaultEdition}, zones.Editions()); diff != "" {
		t.Errorf("editions (-want +got):\n%s", diff)
	}
	_, err := zones.Bundled("2021-01-01")
	if want := `no edition "2021-01-01"; have 2020-09-08, 2026-03-24`; err == nil || err.Error() != want {
		t.Errorf("Bundled of no edition: %v, want %s", err, want)
	}
	if got := zones.BundledNames("../x"); got != nil {
		t.Errorf("BundledNames of no edition = %v, want none", got)
	}
	for _, edition := range zones.Editions() {
		bundled, err := zones.Bundled(edition)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, z := range bundled {
			names = append(names, z.Name)
		}
		if diff := cmp.Diff(zones.BundledNames(edition), names); diff != "" {
			t.Errorf("edition %s: names (-BundledNames +Bundled):\n%s", edition, diff)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "0", "apple-push", "a.b_c-9", strings.Repeat("a", 63)} {
		if err := zones.CheckName(name); err != nil {
			t.Errorf("CheckName(%q) = %v, want none", name, err)
		}
	}
	for _, name := range []string{"", "A", "-a", ".a", "_a", "a b", "a=b", "é", "a\n", strings.Repeat("a", 64)} {
		if zones.CheckName(name) == nil {
			t.Errorf("CheckName(%q) finds nothing wrong", name)
		}
	}
}

// FuzzParse holds that no text makes the parser panic, and that a zone comes
// exactly where nothing is worse than a warning.
func FuzzParse(f *testing.F) {
	f.Add([]byte("[row.a]\nnames = ['{0..50}-a.example']\nprefixes = ['192.0.2.0/24']\nports = ['tcp/1-2']\n"))
	f.Add([]byte("[[row]]\n[zone.a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if z, problems := zones.Parse("z", "z.toml", data); (z == nil) != problems.Errors() {
			t.Errorf("zone is nil: %v, problems %v", z == nil, problems)
		}
	})
}
