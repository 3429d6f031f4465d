package export_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"splitdns/zones"
	"splitdns/zones/export"
)

// file is the zone file that most tests export.
const file = `
title   = "Mobile \"management\"\n}; reset"
vendor  = "Example"
edition = "2026-03-24"
source  = "https://www.example/list?of=names"
[row.core]
names    = ["portal.example", "*.portal.example", "deep.er.portal.example", ".apps.example", "{1..3}-push.example"]
prefixes = ["192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "198.51.100.9"]
ports    = ["tcp/443", "udp/5228-5230"]
purpose  = "=HYPERLINK(\"https://www.example/\")"
[row.odd]
names    = ["cdn*.edge.example", "{0..4294967295}.n.example", "a*.com", "sp\\032ace.example"]
required = false
`

// second is another zone file, with some of the same names.
const second = `
title   = "More"
edition = "2026-04"
[row.more]
names    = ["*.example", "portal.example"]
prefixes = ["192.0.2.0/25"]
ports    = ["tcp/80"]
`

// parsed are zones of files, by name.
func parsed(t testing.TB, files map[string]string) (loaded []*zones.Zone) {
	t.Helper()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		z, problems := zones.Parse(name, name+".toml", []byte(files[name]))
		if z == nil {
			t.Fatal(problems)
		}
		loaded = append(loaded, z)
	}
	return loaded
}

// samples are the two zones, and a catch-all.
func samples(t testing.TB) []*zones.Zone {
	return parsed(t, map[string]string{
		"mdm": file, "other": second, "wide": "catch_all = true\n[row.all]\nnames = [\"*.test\"]\nprefixes = [\"0.0.0.0/0\", \"::/0\"]\n",
	})
}

// options are what a format cannot do without.
func options(format string) export.Options {
	o := export.Options{Format: format, SetPrefix: export.DefaultSetPrefix}
	switch format {
	case "dnsmasq":
		o.Upstream = []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:53")}
	case "pac":
		o.Proxy = "PROXY proxy.example:3128"
	case "nft-rules":
		o.Rules.Clients = []export.Clients{{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("2001:db8:20::/48")}}}
	case "edl":
		o.What, o.Comments = "both", true
	}
	return o
}

// written is an export, with its notes.
func written(t testing.TB, loaded []*zones.Zone, o export.Options) (text string, notes []string) {
	t.Helper()
	x, err := export.New(loaded, o)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := x.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, n := range x.Notes() {
		notes = append(notes, n.String())
	}
	return b.String(), notes
}

func TestFormats(t *testing.T) {
	for _, f := range export.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			got, notes := written(t, samples(t), options(f.Name))
			got += "\nNotes:\n" + strings.Join(notes, "\n") + "\n"
			golden := filepath.Join("testdata", f.Name+".golden")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s is other than %s:\n%s", f.Name, golden, got)
			}
		})
	}
}

func TestSameZonesSameOctets(t *testing.T) {
	for _, f := range export.Formats() {
		o := options(f.Name)
		first, _ := written(t, samples(t), o)
		o.Zones = []string{"other", "mdm"} // by another order
		if again, _ := written(t, samples(t), o); again != first {
			t.Errorf("%s: other octets for the same zones:\n%s\n%s", f.Name, first, again)
		}
	}
}

func TestSelection(t *testing.T) {
	tests := map[string]struct {
		o    export.Options
		want []string
	}{
		"all but the catch-alls": {export.Options{}, []string{"192.0.2.0/24", "198.51.100.9", "2001:db8::/32"}},
		"one":                    {export.Options{Zones: []string{"other"}}, []string{"192.0.2.0/25"}},
		"a catch-all by name":    {export.Options{Zones: []string{"wide"}}, []string{"0.0.0.0/0", "::/0"}},
		"IPv4":                   {export.Options{Family: 4}, []string{"192.0.2.0/24", "198.51.100.9"}},
		"IPv6":                   {export.Options{Family: 6}, []string{"2001:db8::/32"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.o.Format = "edl"
			text, _ := written(t, samples(t), test.o)
			if got := strings.Fields(text); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRequired(t *testing.T) {
	o := options("csv")
	o.Required = true
	if text, _ := written(t, samples(t), o); strings.Contains(text, "mdm,odd,") || !strings.Contains(text, "mdm,core,") {
		t.Errorf("want only required rows:\n%s", text)
	}
}

func TestWiden(t *testing.T) {
	o := options("edl")
	o.What, o.Comments, o.Zones, o.Widen = "names", false, []string{"mdm"}, true
	text, notes := written(t, samples(t), o)
	for _, want := range []string{"*.edge.example", "*.n.example"} {
		if !slices.Contains(strings.Fields(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, "*.com") || !strings.Contains(strings.Join(notes, "\n"), "top-level domain: a*.com") {
		t.Errorf("a*.com must not become *.com, and say so:\n%s\n%s", text, notes)
	}
}

func TestProblems(t *testing.T) {
	tests := map[string]struct {
		o      export.Options
		option string // whose fault it is; "" for none
		want   string
	}{
		"no format":        {export.Options{}, "format", "want a format; have nft,"},
		"unknown format":   {export.Options{Format: "ntf"}, "format", `no format "ntf"; did you mean nft; have`},
		"unknown zone":     {export.Options{Format: "pf", Zones: []string{"mdn"}}, "", `no zone "mdn"; did you mean mdm; have mdm, other, wide`},
		"family":           {export.Options{Format: "pf", Family: 5}, "family", "want 4 or 6"},
		"table":            {export.Options{Format: "nft", Table: "splitdns; flush ruleset"}, "table", "want a family and a name"},
		"set prefix":       {export.Options{Format: "nft", SetPrefix: "a b"}, "set-prefix", "want a letter"},
		"action":           {export.Options{Format: "rpz", Action: "allow"}, "action", `"allow": want "passthru"`},
		"counter":          {export.Options{Format: "rpz", Counter: 100}, "counter", "up to 99"},
		"what":             {export.Options{Format: "edl", What: "urls"}, "what", `want "prefixes"`},
		"use":              {export.Options{Format: "dnsmasq", Use: "address"}, "use", `want "server"`},
		"family of server": {export.Options{Format: "dnsmasq", Upstream: options("dnsmasq").Upstream, Family: 4}, "family", "no meaning"},
		"upstream of sets": {export.Options{Format: "dnsmasq", Use: "ipset", Upstream: options("dnsmasq").Upstream}, "upstream", "no meaning"},
		"proxy":            {export.Options{Format: "pac", Proxy: "DIRECT\n"}, "proxy", "printable ASCII"},
		"nothing":          {export.Options{Format: "pf", Zones: []string{"other"}, Family: 6}, "", "nothing to export: zones other: 2 names left out"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := export.New(samples(t), test.o)
			option := ""
			if e := new(export.OptionError); errors.As(err, &e) {
				option = e.Option
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || option != test.option {
				t.Errorf("error %v of option %q, want %q of %q", err, option, test.want, test.option)
			}
		})
	}
}

func TestZoneNamesAreChecked(t *testing.T) {
	z := samples(t)[0]
	z.Name = "a b"
	if _, err := export.New([]*zones.Zone{z}, options("nft")); err == nil {
		t.Error("a zone with a space in its name was exported")
	}
}

func TestNFTSetsBeginWithALetter(t *testing.T) {
	loaded := parsed(t, map[string]string{"365": second})
	o := options("nft")
	if text, _ := written(t, loaded, o); !strings.Contains(text, "splitdns-365_4 ") {
		t.Errorf("no set for the zone:\n%s", text)
	}
	o.SetPrefix = ""
	if _, err := export.New(loaded, o); err == nil || !strings.Contains(err.Error(), "--set-prefix") {
		t.Errorf("error %v, want one that names --set-prefix", err)
	}
}

func TestLongNamesOfSets(t *testing.T) {
	long := strings.Repeat("a", 62)
	loaded := parsed(t, map[string]string{long + "1": second, long + "2": second})
	for _, format := range []string{"ipset", "fortigate"} {
		text, _ := written(t, loaded, options(format))
		limit := map[string]int{"ipset": 31, "fortigate": 79}[format]
		names := map[string]bool{}
		for line := range strings.Lines(text) {
			words := strings.Fields(strings.ReplaceAll(line, `"`, ""))
			if len(words) < 2 || words[0] != "create" && words[0] != "edit" {
				continue
			}
			if len(words[1]) > limit || names[words[1]] && words[0] == "create" {
				t.Errorf("%s: %s is too long, or there are two", format, words[1])
			}
			names[words[1]] = true
		}
		if len(names) < 4 {
			t.Errorf("%s: %d names", format, len(names))
		}
	}
}

// dnsmasq goes by the longest name, and only by that.
func TestDNSMasqSetsOfNamesAbove(t *testing.T) {
	o := options("dnsmasq")
	o.Upstream, o.Use, o.Family = nil, "ipset", 4
	text, _ := written(t, samples(t), o)
	for _, want := range []string{
		"ipset=/portal.example/splitdns-mdm_4,splitdns-other_4\n",
		"ipset=/deep.er.portal.example/splitdns-mdm_4,splitdns-other_4\n",
		"ipset=/example/splitdns-other_4\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestLargeFortiGateGroup(t *testing.T) {
	var names strings.Builder
	for i := range 600 {
		names.WriteString(`"n` + strings.Repeat("0", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `.example", `)
	}
	loaded := parsed(t, map[string]string{"big": "[row.a]\nnames = [" + names.String() + "]\n"})
	text, _ := written(t, loaded, options("fortigate"))
	if !strings.Contains(text, `set member "splitdns-big/part/1" "splitdns-big/part/2" "splitdns-big/part/3"`) {
		t.Error("no group of groups")
	}
	checkFortiGate(t, text)
}

// A set that is empty is no surprise for whoever reads the notes.
func TestZonesWithoutPrefixes(t *testing.T) {
	loaded := parsed(t, map[string]string{"mdm": file, "names": "[row.a]\nnames = [\"a.example\"]\n"})
	for _, format := range []string{"nft", "ipset", "pf"} {
		if _, notes := written(t, loaded, options(format)); !slices.Contains(notes, "1 zone without a prefix: names") {
			t.Errorf("%s: the notes %q do not name the zone", format, notes)
		}
	}
}

// People write formats as programs, vendors and manuals do.
func TestFormatName(t *testing.T) {
	for word, want := range map[string]string{
		"nftables": "nft", "nftset": "nft", "pftable": "pf", "pf-table": "pf", "fortios": "fortigate", "pacfile": "pac",
		"RPZ": "rpz", "EDL": "edl", "FortiGate": "fortigate", "FortiOS": "fortigate", "PAC": "pac", "JSON": "json", "CSV": "csv",
		"nft": "nft", "NTF": "NTF", "": "",
	} {
		if got := export.FormatName(word); got != want {
			t.Errorf("%q is %q, want %q", word, got, want)
		}
		if _, err := export.New(samples(t), export.Options{Format: word}); (err == nil) != (want != "" && want != "NTF") {
			t.Errorf("%q: %v", word, err)
		}
	}
}

// What is not said has a default with which the file loads, and a note says what it is.
func TestDefaultsOfResolversAndProxies(t *testing.T) {
	for format, want := range map[string]string{"dnsmasq": "server=/portal.example/#\n", "pac": `var proxy = "PROXY proxy.example:8080";` + "\n"} {
		text, notes := written(t, samples(t), export.Options{Format: format})
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", format, want, text)
		}
		said := func(n string) bool {
			return strings.Contains(n, "see --upstream") || strings.Contains(n, "say which with --proxy")
		}
		if i := slices.IndexFunc(notes, said); i < 0 || !strings.Contains(text, notes[i]) {
			t.Errorf("%s: not noted, or not in the file: %q", format, notes)
		}
		if _, notes = written(t, samples(t), options(format)); slices.ContainsFunc(notes, said) {
			t.Errorf("%s: noted though it was said: %q", format, notes)
		}
	}
}
