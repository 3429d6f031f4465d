package zones_test

import (
	"cmp"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/zones"
)

const (
	edition2020 = "2020-09-08"
	edition2026 = "2026-03-24"
)

// entry is one pattern of one row.
type entry struct {
	zone    *zones.Zone
	row     *zones.Row
	pattern matcher.Pattern
}

// place names the row of e as ZONE/ROW.
func (e entry) place() string { return e.zone.Name + "/" + e.row.Name }

// prefixes returns the prefixes of e's row in the order of the file, a single
// address without a length.
func (e entry) prefixes() []string {
	var out []string
	for _, p := range e.row.Prefixes {
		out = append(out, shortPrefix(p))
	}
	return out
}

// shortPrefix writes p, a single address without a length.
func shortPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// entries returns every pattern of edition except those of the zones in but.
func entries(t *testing.T, edition string, but ...string) []entry {
	t.Helper()
	bundled, err := zones.Bundled(edition)
	if err != nil {
		t.Fatalf("Bundled(%q): %v", edition, err)
	}
	var out []entry
	for _, z := range bundled {
		if slices.Contains(but, z.Name) {
			continue
		}
		for i := range z.Rows {
			for p := range z.Rows[i].Patterns.All() {
				out = append(out, entry{zone: z, row: &z.Rows[i], pattern: p})
			}
		}
	}
	return out
}

func mustName(t *testing.T, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatalf("ParseName(%q): %v", s, err)
	}
	return n
}

func TestBundledFilesHaveNoProblems(t *testing.T) {
	files, err := filepath.Glob("data/*/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no zone files: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		z, problems := zones.Parse(strings.TrimSuffix(filepath.Base(file), ".toml"), file, data)
		if len(problems) > 0 {
			t.Errorf("%v", problems)
		}
		if z != nil {
			checkStated(t, file, z)
		}
	}
}

// rowDate is a day, or a month where no more is known.
var rowDate = regexp.MustCompile(`^20\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?$`)

// checkStated holds a bundled zone to more than the format asks of any zone:
// where everything comes from, and what it is for.
func checkStated(t *testing.T, file string, z *zones.Zone) {
	t.Helper()
	if want := filepath.Base(filepath.Dir(file)); z.Edition != want {
		t.Errorf("%s: edition = %q, want that of its folder", file, z.Edition)
	}
	if z.Title == "" || z.Vendor == "" || !strings.HasPrefix(z.Source, "https://") {
		t.Errorf("%s: title %q, vendor %q, source %q: want all three", file, z.Title, z.Vendor, z.Source)
	}
	for _, r := range z.Rows {
		if !strings.HasPrefix(r.Source, "https://") || !rowDate.MatchString(r.Date) {
			t.Errorf("%s: row %s: source %q, date %q: want a page and a date", file, r.Name, r.Source, r.Date)
		}
		if r.Purpose == "" || len(r.Ports) == 0 {
			t.Errorf("%s: row %s: want a purpose and ports", file, r.Name)
		}
	}
}

// editionCounts is what can be counted without the publications.
type editionCounts struct {
	Zones, Rows, Patterns, RowsWithPrefixes, CarveOuts int
	Addresses, Prefixes                                int // distinct
}

func TestBundledEditionsAreWhole(t *testing.T) {
	want := map[string]editionCounts{
		edition2020: {Zones: 9, Rows: 32, Patterns: 109, RowsWithPrefixes: 19, Addresses: 55, Prefixes: 15},
		// 81 groups, 6 of them split; 495 patterns, one of them a template for 186 names.
		edition2026: {Zones: 20, Rows: 87, Patterns: 680, RowsWithPrefixes: 9, CarveOuts: 6, Addresses: 39, Prefixes: 238},
	}
	got := map[string]editionCounts{}
	for _, edition := range zones.Editions() {
		got[edition] = countEdition(entries(t, edition))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("bundled editions (-want +got):\n%s", diff)
	}
}

// countEdition counts the rows of all once, however many patterns they have.
func countEdition(all []entry) editionCounts {
	var prefixes []string
	places, names := map[string]bool{}, map[string]bool{}
	c := editionCounts{Patterns: len(all)}
	for _, e := range all {
		names[e.zone.Name] = true
		if places[e.place()] {
			continue
		}
		places[e.place()] = true
		prefixes = append(prefixes, e.prefixes()...)
		if len(e.row.Prefixes) > 0 {
			c.RowsWithPrefixes++
		}
		if e.row.CarveOut {
			c.CarveOuts++
		}
	}
	c.Zones, c.Rows = len(names), len(places)
	printed := count(nil, prefixes)
	c.Addresses, c.Prefixes = printed.Addresses, printed.Prefixes
	return c
}

func TestZonesOf2020KeepTheirNamesIn2026(t *testing.T) {
	later := map[string]bool{}
	homes := map[string][]string{} // pattern -> zones of 2026 that hold it
	for _, e := range entries(t, edition2026) {
		later[e.zone.Name] = true
		homes[e.pattern.String()] = append(homes[e.pattern.String()], e.zone.Name)
	}
	for _, e := range entries(t, edition2020) {
		if !later[e.zone.Name] {
			t.Errorf("zone %s of %s is not in %s", e.zone.Name, edition2020, edition2026)
		}
		if home := homes[e.pattern.String()]; home != nil && !slices.Contains(home, e.zone.Name) {
			t.Errorf("%s is in zone %s of %s, but in %v of %s", e.pattern, e.zone.Name, edition2020, home, edition2026)
		}
	}
}

func TestExactNamesBelowRangesAreCarvedOut(t *testing.T) {
	tests := map[string]struct{ below, carved int }{
		edition2020: {below: 0, carved: 0},
		edition2026: {below: 26, carved: 29}, // and the 3 names of apple-push/init
	}
	for edition, want := range tests {
		all := entries(t, edition)
		below, carved := map[string]bool{}, map[string]bool{}
		for _, e := range all {
			if e.row.CarveOut {
				carved[e.pattern.String()] = true
			}
			if !onlyBelowRanges(all, e.pattern) {
				continue
			}
			below[e.pattern.String()] = true
			if !e.row.CarveOut {
				t.Errorf("%s: %s has no ranges, lies below a pattern that has, and is not carved out in %s",
					edition, e.pattern, e.place())
			}
		}
		if len(below) != want.below || len(carved) != want.carved {
			t.Errorf("%s: %d exact names below ranges, %d carved out; want %d and %d",
				edition, len(below), len(carved), want.below, want.carved)
		}
	}
}

// onlyBelowRanges reports whether p is an exact name that a wider pattern
// with ranges matches, and that no row with ranges lists itself.
func onlyBelowRanges(all []entry, p matcher.Pattern) bool {
	n, exact := p.Literal()
	if !exact {
		return false
	}
	below := false
	for _, e := range all {
		if len(e.row.Prefixes) == 0 || !e.pattern.Matches(n) {
			continue
		}
		if e.pattern.String() == p.String() {
			return false
		}
		below = true
	}
	return below
}

func TestPortalKeepsItsRanges(t *testing.T) {
	n := mustName(t, "portal.manage.microsoft.com")
	for edition, want := range map[string]string{edition2020: "20.37.153.0/24", edition2026: "20.37.153.0/24"} {
		var published []string
		for _, e := range entries(t, edition) {
			if !e.pattern.Matches(n) {
				continue
			}
			if e.row.CarveOut {
				t.Errorf("%s: %s is carved out by %s", edition, n, e.place())
			}
			published = append(published, e.prefixes()...)
		}
		if !slices.Contains(published, want) {
			t.Errorf("%s: published for %s: %v, want %s among them", edition, n, published, want)
		}
	}
}

// TestKnownNamesAreFound looks up names that public captures of managed
// devices show. The most specific pattern may stand in several rows.
func TestKnownNamesAreFound(t *testing.T) {
	tests := []struct{ name, in2020, in2026 string }{
		{"1-courier.push.apple.com", "apple-push/courier", "apple-push/courier"},
		{"47-courier.push.apple.com", "apple-push/courier", "apple-push/courier"},
		{"51-courier.push.apple.com", "", ""},
		{"courier.push.apple.com", "", "apple-push/courier"},
		{"init-p01st.push.apple.com", "", "apple-push/init"},
		{"init.itunes.apple.com", "apple/itunes", "apple/app-store"},
		{"su.itunes.apple.com", "apple/itunes", "apple/app-store"},
		{"mesu.apple.com", "", "apple/software-update"},
		{"a769.phobos.apple.com", "apple/itunes", ""},
		{"client.wns.windows.com", "wns/push", "wns/push"},
		{"geo.prod.do.dsp.mp.microsoft.com", "delivery-optimization/service", "windows-update/update"},
		{"array509.prod.do.dsp.mp.microsoft.com", "delivery-optimization/service", "windows-update/update"},
		{"slscr.update.microsoft.com", "", "windows-update/update"},
		{"tsfe.trafficshaping.dsp.mp.microsoft.com", "", "windows-update/update"},
		{"login.live.com", "", "autopilot/deployment m365-auth/microsoft-account"},
		{"swda02.manage.microsoft.com", "intune/manage-wildcard", "endpoint-analytics/analytics intune/core"},
		{"swda02-mscdn.manage.microsoft.com", "intune/manage-wildcard", "intune-cdn/win32-cdn"},
		{"portal.manage.microsoft.com", "intune/portal", "endpoint-analytics/analytics intune/core"},
		{"manage.microsoft.com", "intune/manage", "intune/core"},
		{"alt3-mtalk.google.com", "fcm/device", "fcm/device"},
		{"alt9-mtalk.google.com", "", ""},
		{"accounts.google.co.uk", "", "android-enterprise/auth-countries"},
		{"packages.microsoft.com", "", "m365-catch-all/wildcards"},
		{"assets.msn.com", "", ""},
	}
	for edition, want := range map[string]func(i int) string{
		edition2020: func(i int) string { return tests[i].in2020 },
		edition2026: func(i int) string { return tests[i].in2026 },
	} {
		all := entries(t, edition)
		for i, tt := range tests {
			if got := mostSpecific(all, mustName(t, tt.name)); got != want(i) {
				t.Errorf("%s: %s is found in %q, want %q", edition, tt.name, got, want(i))
			}
		}
	}
}

// mostSpecific returns the rows that hold the most specific pattern matching n.
func mostSpecific(all []entry, n matcher.Name) string {
	var found []entry
	for _, e := range all {
		if e.pattern.Matches(n) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b entry) int {
		return cmp.Or(a.pattern.Compare(b.pattern), cmp.Compare(a.place(), b.place()))
	})
	var places []string
	for _, e := range found {
		if e.pattern.Compare(found[0].pattern) == 0 {
			places = append(places, e.place())
		}
	}
	return strings.Join(places, " ")
}
