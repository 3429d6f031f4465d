package compare_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"splitdns/zones"
	"splitdns/zones/compare"
)

// now is the day on which the tests look.
var now = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func TestLint(t *testing.T) {
	newest := state(t, "zone a 2026-03-24\nr x.example 192.88.1.0/24 tcp/443")
	for name, c := range map[string]struct{ zones, want string }{
		"nothing":                      {"zone a\nr x.example 192.88.1.0/24 tcp/443", ""},
		"everything":                   {"zone a\nr x.example 0.0.0.0/0", "problem no-place a/r [0.0.0.0/0]"},
		"documentation":                {"zone a\nr x.example 192.88.1.1 198.51.100.0/25", "problem no-place a/r [198.51.100.0/25]"},
		"multicast":                    {"zone a\nr x.example ff02::1 224.0.0.251", "problem no-place a/r [ff02::1 224.0.0.251]"},
		"private among public":         {"zone a\nr x.example 192.88.1.1 10.0.0.0/8", "warning private a/r [10.0.0.0/8]"},
		"one's own network":            {"zone a\nr x.example 172.16.0.0/12 fd00::/8 192.168.0.0/16", ""},
		"a single address in a prefix": {"zone a\nr x.example 192.88.1.0/24 192.88.1.7 192.88.1.7/32", "note nested a/r [192.88.1.7]"},
		"prefixes in prefixes":         {"zone a\nr x.example 2a01:b740::/32 2a01:b740:a42::/48 192.88.0.0/16 192.88.2.0/24 192.88.1.0/24", "note nested a/r [192.88.1.0/24 192.88.2.0/24 2a01:b740:a42::/48]"},
		"side by side":                 {"zone a\nr x.example 192.88.0.0/24 192.88.1.0/24", ""},
		"wide":                         {"zone a\nr x.example 12.0.0.0/8 2a00::/20", "warning weak-range a/r [12.0.0.0/8 2a00::/20]"},
		"wide, but one vendor's":       {"zone a\nr x.example 17.0.0.0/8", ""},
		"many":                         {"zone a\nr x.example 12.0.0.0/12 13.0.0.0/12 14.0.0.0/12 15.0.0.0/12", "warning weak-range a/r []"},
		"rented":                       {"zone a\nr x.example 104.18.0.0/16 192.88.1.1", "warning shared-range a/r [104.18.0.0/16]"},
		"around what is rented":        {"zone a\nr x.example 104.0.0.0/12 52.84.0.0/14 2600::/16", "warning weak-range a/r [2600::/16]; warning shared-range a/r [52.84.0.0/14 2600::/16]"},
		"stale with ranges":            {"zone a\nr x.example 192.88.1.1 @2026-05-25\ns y.example @2026-05", "warning stale a [r s]"},
		"stale":                        {"zone b\nr x.example 192.88.1.1 @2026-05-26\ns y.example @2026-05", "note stale b [s]"},
		"the edition's age":            {"zone b 2020-09-08\nr x.example 192.88.1.1\ns y.example @2026-11-01", "warning stale b [r]"},
		"replaced":                     {"zone a 2020-09-08\nr x.example 192.88.1.7 192.88.2.1 192.88.0.0/16 @2026-11-01", "warning replaced a [192.88.2.1]; note nested a/r [192.88.1.7 192.88.2.1]"},
		"not replaced":                 {"zone a 2026-11-01\nr x.example 192.88.2.1", ""},
		"copies differ":                {"zone a\nr x.example 192.88.1.1 192.88.1.2\ns x.example y.example 192.88.1.2 192.88.1.3", "warning copies-differ a/s [x.example]"},
		"copies agree":                 {"zone a\nr x.example 192.88.0.0/24 192.88.1.0/24\ns x.example 192.88.0.0/23", ""},
		"one copy says nothing":        {"zone a\nr x.example 192.88.0.0/24\ns x.example", ""},
		"copies in zones":              {"zone a\nr x.example 192.88.1.1\nzone b\nr x.example 192.88.1.2", "warning copies-differ b/r [x.example]"},
		"narrower rows outside":        {"zone a\nr *.x.example x.example 192.88.1.0/24\ns n.x.example 192.88.2.1 192.88.1.1\nt m.x.example 192.88.1.1", "note outside-wider a/r [n.x.example]"},
		"apex":                         {"zone a\nr *.x.example *.y.example\ns y.example", "note apex-gap a [x.example]"},
		"apex with ranges":             {"zone a\nr *.x.example 192.88.1.1", "warning apex-gap a/r [x.example]"},
		"apex in another zone":         {"zone a\nr *.x.example 192.88.1.1\nzone b\nr .example", ""},
		"apex of a catch-all":          {"zone a catch-all\nr *.x.example", "note catch-all a [*.x.example]"},
		"inherits":                     {"zone a\nr *.x.example x.example 192.88.1.1\nzone b\ns cdn.x.example *.y.x.example y.x.example", "warning inherits b/s [cdn.x.example *.y.x.example y.x.example]"},
		"carved out":                   {"zone a\nr *.x.example x.example 192.88.1.1\nzone b\ns cdn.x.example !", ""},
		"carved out of nothing":        {"zone a\nr *.x.example x.example\ns cdn.x.example !", "note idle-carve-out a/s [cdn.x.example]"},
		"has ranges by another row":    {"zone a\nr *.x.example x.example 192.88.1.1\ns n.x.example\nt n.x.example 192.88.1.1", ""},
		"a public suffix":              {"zone a\nr *.co.uk .com", "problem public-suffix a/r [*.co.uk]; problem public-suffix a/r [.com]"},
		"all names":                    {"zone a\nr * 192.88.1.1", "problem public-suffix a/r [*]"},
		"the customers of a service":   {"zone a\nr *.github.io", "warning public-suffix a/r [*.github.io]"},
		"a domain at home":             {"zone a\nr .corp .home.arpa", ""},
		"a vendor":                     {"zone a\nr .microsoft.com", "warning catch-all a/r [.microsoft.com]"},
		"a vendor in a catch-all":      {"zone a catch-all\nr *.microsoft.com", "note catch-all a [*.microsoft.com]"},
		"the widest of a catch-all":    {"zone a catch-all\nr x.example *.b.x.example .x.example\ns *.y.example z.example", "note catch-all a [.x.example *.y.example]"},
		"a catch-all of hosts":         {"zone a catch-all\nr x.example", "note catch-all a []"},
		"swallows ranges":              {"zone a\nr *.x.example x.example 192.88.1.0/24\nzone b\nr n.x.example 192.88.1.1", "warning swallows a/r [n.x.example]"},
		"swallows names of three":      {"zone a\nr .x.example\nzone b\nr b.x.example\nzone c\nr c.x.example\nzone d\nr d.x.example", "note swallows a/r [b.x.example c.x.example d.x.example]"},
		"swallows names of two":        {"zone a\nr .x.example\nzone b\nr b.x.example\nzone c\nr c.x.example", ""},
		"numbers":                      {"zone a\nr alt3.x.example alt1.x.example alt2.x.example", "note numbers a/r [alt1.x.example alt3.x.example]"},
		"numbers with a hole":          {"zone a\nr n01.x.example n02.x.example n04.x.example n05.x.example", "note numbers a/r [n03.x.example]"},
		"numbers with leading zeros":   {"zone a\nr n01.x.example n02.x.example n03.x.example", ""},
		"numbers far apart":            {"zone a\nr n1.x.example n70.x.example n9999.x.example n123456789012345678901.example", ""},
		"no ports":                     {"zone a\nr x.example tcp/443\ns y.example\nt 192.88.1.1", "note no-ports a [s]"},
	} {
		t.Run(name, func(t *testing.T) {
			all := state(t, c.zones)
			if !strings.Contains(c.zones, "tcp/") {
				for _, z := range all {
					z.Vendor = ""
				}
			}
			var got []string
			for _, f := range compare.Lint(all, compare.LintOptions{Now: now, Newest: newest}) {
				got = append(got, line(&f))
			}
			if text := strings.Join(got, "; "); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

// line is f without its texts, which must be there.
func line(f *compare.Finding) string {
	place := f.Zone
	if f.Row != "" {
		place += "/" + f.Row
	}
	if f.Text == "" || f.Fix == "" || f.File == "" || (f.Line == 0) != (f.Row == "") || !slices.Contains(compare.Codes, f.Code) {
		return "incomplete: " + f.Text
	}
	return f.Severity.String() + " " + f.Code + " " + place + " [" + strings.Join(f.Subjects, " ") + "]"
}

func TestLintOnlyReportsOnTheNamedZones(t *testing.T) {
	all := state(t, "zone a\nr .com tcp/443\nzone b\nr *.x.example tcp/443\nzone c\nr x.example tcp/443")
	if got := compare.Lint(all, compare.LintOptions{Only: []string{"b"}}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// These are the keys of a finding's JSON; Subjects are never null.
func TestFindingsAsJSON(t *testing.T) {
	found := compare.Lint(state(t, "zone a\nr .com tcp/443"), compare.LintOptions{})
	got, err := json.Marshal(found)
	want := `[{"severity":"problem","code":"public-suffix","zone":"a","row":"r","file":"a.toml","line":2,` +
		`"text":".com is for the names of everybody: anyone can register one below","fix":"name the domains that are meant","subjects":[".com"]}]`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if none, err := json.Marshal(compare.Lint(nil, compare.LintOptions{})); err != nil || string(none) != "[]" {
		t.Errorf("nothing is %s, %v", none, err)
	}
}

// The bundled zones are ours: what Lint says of them was looked at by hand, and is true.
func TestLintOfTheBundledEditions(t *testing.T) {
	newest := bundled(t, zones.DefaultEdition)
	for edition, want := range map[string]string{
		"2020-09-08": "warning replaced intune, warning stale intune",
		"2026-03-24": "warning apex-gap intune-21vianet, warning apex-gap intune-usgov, warning apex-gap m365, warning apex-gap m365-auth, " +
			"warning public-suffix android-enterprise, warning public-suffix android-enterprise, warning public-suffix m365-auth, " +
			"warning public-suffix remote-help, warning shared-range fcm, warning stale intune, warning stale intune-21vianet, " +
			"warning stale intune-usgov, warning weak-range fcm",
	} {
		var got []string
		for _, f := range compare.Lint(bundled(t, edition), compare.LintOptions{Now: now, Newest: newest}) {
			if f.Severity != compare.Note {
				got = append(got, f.Severity.String()+" "+f.Code+" "+f.Zone)
			}
		}
		slices.Sort(got)
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%s: got  %s\nwant %s", edition, text, want)
		}
	}
}

// A rule that pins by a catch-all changes answers of other zones.
func TestLintOfPinnedCatchAlls(t *testing.T) {
	all := state(t, "zone a catch-all\nr *.x.example tcp/443\nzone b\nr y.example tcp/443")
	found := compare.Lint(all, compare.LintOptions{Pinned: map[string][]string{"a": {"strict"}, "b": {"other"}}})
	if len(found) != 1 || line(&found[0]) != "warning catch-all a [*.x.example]" || !strings.Contains(found[0].Text, "(strict)") {
		t.Errorf("%+v", found)
	}
}
