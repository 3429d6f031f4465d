package zones_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"splitdns/zones"
)

func TestAppendFile(t *testing.T) {
	const want = `title = "Push \"1\" \\"
vendor = "Example"
edition = "2026-01-01"
source = "https://vendor.example/"
catch_all = true

[row.push]
names = ["{0..50}-push.vendor.example", "*.cdn.vendor.example"]
prefixes = ["192.0.2.0/24", "198.51.100.7"]
ports = ["tcp/443"]

[row."api.1"]
names = [
    "a.vendor.example",
    "b.vendor.example",
    "c.vendor.example",
    "d.vendor.example",
]
ports = ["udp/5228-5230"]
purpose = "calls"
required = false
carve_out = true
source = "https://api.vendor.example/"
date = "2026-01"
`
	z := parsed(t, []byte(want))
	if diff := cmp.Diff(want, string(zones.AppendFile(nil, z))); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

// A text of a zone that was not read from a file may hold anything.
func TestAppendFileEscapes(t *testing.T) {
	const want = "title = \"a\\\"\\u001b[2J\\u000a\\u007f\"\n"
	if got := string(zones.AppendFile(nil, &zones.Zone{Title: "a\"\x1b[2J\n\x7f"})); got != want {
		t.Errorf("file %q, want %q", got, want)
	}
}

// TestBundledZonesSurviveWriting reads each bundled zone again from what is written of it.
func TestBundledZonesSurviveWriting(t *testing.T) {
	for _, edition := range zones.Editions() {
		bundled, err := zones.Bundled(edition)
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range bundled {
			if diff := cmp.Diff(z, parsed(t, zones.AppendFile(nil, z)), unplaced, comparePatterns); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", z.Name, edition, diff)
			}
		}
	}
}

// unplaced lets cmp overlook where a zone and its rows were read.
var unplaced = cmp.Options{
	cmpopts.IgnoreFields(zones.Zone{}, "Name", "File"),
	cmpopts.IgnoreFields(zones.Row{}, "Line"),
}

// parsed is the zone in a file that has no problem.
func parsed(t *testing.T, file []byte) *zones.Zone {
	t.Helper()
	z, problems := zones.Parse("z", "z.toml", file)
	if len(problems) > 0 {
		t.Fatalf("%s\nof\n%s", problems, file)
	}
	return z
}

func FuzzAppendFile(f *testing.F) {
	f.Add([]byte("title = 'a\\b\"c'\n[row.a]\nnames = ['{0..50}-a.example']\nprefixes = ['192.0.2.0/24']\nports = ['tcp/1-2']\n"))
	f.Add([]byte("source = 's'\ncatch_all = true\n[row.'a.b']\nprefixes = ['2001:db8::1']\nsource = ''\nrequired = false\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		z, _ := zones.Parse("z", "z.toml", data)
		if z == nil {
			return
		}
		if diff := cmp.Diff(z, parsed(t, zones.AppendFile(nil, z)), unplaced, comparePatterns); diff != "" {
			t.Errorf("read again (-want +got):\n%s", diff)
		}
	})
}
