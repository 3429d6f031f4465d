package drift_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/server/internal/drift"
	"splitdns/server/policy"
	"splitdns/zones"
)

func TestNearest(t *testing.T) {
	published := prefixes("13.107.218.0/24", "13.107.220.0/24", "17.0.0.0/8", "20.1.2.3", "2620:149:a44::/48", "::/127", "0.0.0.5/32")
	for text, want := range map[string]string{
		"13.107.219.0":        "1 after 13.107.218.0/24",
		"13.107.219.1":        "2 after 13.107.218.0/24",
		"13.107.219.255":      "1 before 13.107.220.0/24",
		"20.1.2.4":            "1 after 20.1.2.3",
		"0.0.0.4":             "1 before 0.0.0.5",
		"255.255.255.255":     "far 0 after 20.1.2.3",
		"13.80.0.1":           "far 10 before 13.107.218.0/24",
		"18.0.255.255":        "65536 after 17.0.0.0/8",
		"18.1.0.0":            "far 6 after 17.0.0.0/8",
		"2620:149:a45::":      "1 after 2620:149:a44::/48",
		"2620:149:a43:ffff::": "far 45 before 2620:149:a44::/48",
		"::2":                 "1 after ::/127",
	} {
		got := "none"
		if n := drift.NearestOf(addr(text), published); n != nil {
			got = fmt.Sprint(n.Distance, " ", n.Side, " ", n.Prefix)
			if n.Distance == 0 {
				got = fmt.Sprint("far ", n.Common, " ", n.Side, " ", n.Prefix)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if n := drift.NearestOf(addr("::1"), prefixes("17.0.0.0/8")); n != nil {
		t.Errorf("IPv6 is near %v", n)
	}
}

// prefixes reads prefixes, or single addresses.
func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		p, err := zones.ParsePrefix(text)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	return all
}

func TestWider(t *testing.T) {
	for _, test := range []struct{ pattern, names, want string }{
		{"{0..50}-courier.push.apple.com", "51-courier.push.apple.com", "{0..51}-courier.push.apple.com"},
		{"{0..50}-courier.push.apple.com", "51-courier.push.apple.com 101-courier.push.apple.com", "{0..101}-courier.push.apple.com"},
		{"{0..50}-courier.push.apple.com", "102-courier.push.apple.com", ""},
		{"{0..50}-courier.push.apple.com", "4294967295-courier.push.apple.com 4294967296-courier.push.apple.com", ""},
		{"{0..50}-courier.push.apple.com", "051-courier.push.apple.com", ""},
		{"{10..20}.x.example", "9.x.example 0.x.example", "{0..20}.x.example"},
		{"a{1..2}b.x.example", "a3b.x.example a0b.x.example", "{a}"},
		{"{1..2}-{1..2}.x.example", "3-1.x.example", ""},
		{"{1..2}*.x.example", "3a.x.example", ""},
		{"{1..2}.x.example", "x.x.example", ""},
		{"x.example", "x.example", ""},
	} {
		want := strings.Replace(test.want, "{a}", "a{0..3}b.x.example", 1)
		p, ok := drift.WiderOf(test.pattern, strings.Fields(test.names))
		if p.String() != want && (ok || want != "") {
			t.Errorf("%s with %s: %q, want %q", test.pattern, test.names, p, want)
		}
	}
}

// TestAggregated holds that no address is added, none lost, and no two prefixes are halves of one.
func TestAggregated(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		var addrs []netip.Addr
		for range 1 + r.IntN(40) {
			addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(32))}), netip.AddrFrom16([16]byte{0x20, 1, 15: byte(r.IntN(16))}))
		}
		got := drift.Aggregated(addrs)
		held := 0
		for i, p := range got {
			if p != p.Masked() || slices.ContainsFunc(got[:i], p.Overlaps) {
				t.Fatalf("%v of %v", got, addrs)
			}
			held += 1 << (p.Addr().BitLen() - p.Bits())
		}
		distinct := map[netip.Addr]bool{}
		for _, a := range addrs {
			distinct[a] = true
			if !slices.ContainsFunc(got, func(p netip.Prefix) bool { return p.Contains(a) }) {
				t.Fatalf("%v lack %v", got, a)
			}
		}
		if held != len(distinct) {
			t.Fatalf("%v hold %d addresses, want %d", got, held, len(distinct))
		}
		if fewer := drift.Aggregated(addrs[:1]); len(fewer) != 1 || !fewer[0].IsSingleIP() {
			t.Fatalf("one address: %v", fewer)
		}
	}
	if got, want := drift.Aggregated([]netip.Addr{addr("192.0.2.2"), addr("192.0.2.3"), addr("192.0.2.1")}), prefixes("192.0.2.1", "192.0.2.2/31"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// bundled are the zones of the default edition.
func bundled(t testing.TB) []*zones.Zone {
	t.Helper()
	all, err := zones.Bundled(zones.DefaultEdition)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// zone reads a zone.
func zone(t testing.TB, name, text string) *zones.Zone {
	t.Helper()
	z, problems := zones.Parse(name, name+".toml", []byte(text))
	if z == nil {
		t.Fatal(problems)
	}
	return z
}

// sightings are what m has seen, held against loaded zones.
func sightings(outside, uncovered *drift.Memory, loaded ...*zones.Zone) drift.Sightings {
	return drift.Sightings{
		Outside: outside.All(), Uncovered: uncovered.All(),
		Policy: policy.New(policy.Input{Zones: loaded}), Suffixes: drift.NewSuffixes(loaded, "none"),
	}
}

// office is a zone with a bit of everything.
const office = `
[row.core]
names    = ["*.office.example"]
prefixes = ["192.0.2.0/28", "2001:db8::/48"]
[row.mail]
names    = ["{1..9}-mail.example.org", "www.example.org"]
prefixes = ["192.0.2.64/26"]
[row.cdn]
names     = ["cdn.office.example"]
carve_out = true
`

func TestReport(t *testing.T) {
	outside, uncovered := drift.NewMemory(4096), drift.NewMemory(4096)
	note := func(zone, address, names string, clients int) {
		for i, n := range strings.Fields(names) {
			for c := range clients {
				outside.Note(drift.Key{Group: zone, Addr: addr(address)}, drift.Sighting{At: noon.Add(time.Duration(i) * time.Hour), Client: clientNo(c), Name: name(t, n)})
			}
		}
	}
	note("office", "192.0.2.16", "a.office.example b.office.example", 2)
	note("office", "192.0.2.17", "a.office.example b.office.example", 1)
	note("before", "192.0.2.17", "c.office.example", 1) // the zone had another name
	note("office", "192.0.2.3", "a.office.example", 1)  // by now it is inside
	note("office", "192.0.2.70", "a.office.example cdn.office.example", 3)
	note("office", "192.0.2.1", "1-mail.example.org gone.example", 1)
	for suffix, names := range map[string]string{
		"example.org": "10-mail.example.org 99-mail.example.org new.example.org www.example.org *.example.org", "gone.example": "x.gone.example",
	} {
		for _, n := range strings.Fields(names) {
			uncovered.Note(drift.Key{Group: suffix, Name: name(t, n)}, drift.Sighting{At: noon, Client: clientNo(1), Addresses: []netip.Addr{addr("192.0.2.66"), addr("198.51.100.1")}})
		}
	}
	r := drift.NewReport(sightings(outside, uncovered, zone(t, "office", office)), drift.Scope{})
	want := []string{
		"office 192.0.2.70 outside [a.office.example] nearest 192.0.2.0/28 elsewhere [office/mail] 6 times, 3 clients",
		"office 192.0.2.16 outside [a.office.example b.office.example] nearest 192.0.2.0/28 elsewhere [] 4 times, 2 clients",
		"office 192.0.2.17 outside [a.office.example b.office.example c.office.example] nearest 192.0.2.0/28 elsewhere [] 3 times, 1 clients",
		"office 192.0.2.1 outside [1-mail.example.org] nearest 192.0.2.64/26 elsewhere [office/core] 2 times, 1 clients",
		"near 10-mail.example.org {1..9}-mail.example.org {1..10}-mail.example.org",
		"near 99-mail.example.org {1..9}-mail.example.org ",
		"uncovered example.org [office] *.example.org", "uncovered example.org [office] new.example.org",
	}
	if d := gocmp.Diff(want, lines(&r)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	wantRows := `
[row.office-outside-1]
names = ["a.office.example"]
prefixes = ["192.0.2.70"]
purpose = "Seen outside what office publishes: 2026-11-22, by 3 clients"
required = false

[row.office-outside-2]
names = ["a.office.example", "b.office.example"]
prefixes = ["192.0.2.16"]
purpose = "Seen outside what office publishes: 2026-11-22, by 2 clients"
required = false

[row.office-outside-3]
names = ["a.office.example", "b.office.example", "c.office.example"]
prefixes = ["192.0.2.17"]
purpose = "Seen outside what office publishes: 2026-11-22, by 1 client"
required = false

[row.office-outside-4]
names = ["1-mail.example.org"]
prefixes = ["192.0.2.1"]
purpose = "Seen outside what office publishes: 2026-11-22, by 1 client"
required = false

[row.office-near-1]
names = ["99-mail.example.org", "{1..10}-mail.example.org"]
prefixes = ["192.0.2.64/26", "198.51.100.1"]
purpose = "Numbers outside {1..9}-mail.example.org, with its ranges and what was seen besides: 2026-11-22, by 1 client"
required = false

[row.uncovered-1]
names = ["new.example.org"]
purpose = "Below example.org, and in no row: 2026-11-22, by 1 client"
required = false
`
	if _, rows, _ := strings.Cut(r.Rows, "published\"\n"); rows != wantRows {
		t.Errorf("rows (-want +got):\n%s", gocmp.Diff(wantRows, rows))
	}
	covered(t, r, outside, uncovered, zone(t, "office", office))
	for scope, want := range map[drift.Scope]int{
		{Zone: "office"}: len(want), {Zone: "other"}: 0, {Since: noon.Add(time.Hour)}: 4, {Since: noon.Add(time.Hour + 1)}: 0,
	} {
		r := drift.NewReport(sightings(outside, uncovered, zone(t, "office", office)), scope)
		if n := len(lines(&r)); n != want {
			t.Errorf("%+v: %d lines, want %d:\n%s", scope, n, want, strings.Join(lines(&r), "\n"))
		}
	}
}

// lines are what r says, a line for each.
func lines(r *drift.Report) []string {
	all := []string{}
	for _, z := range r.Zones {
		for _, a := range z.Addresses {
			all = append(all, fmt.Sprintf("%s %s outside %v nearest %s elsewhere %v %d times, %d clients",
				z.Zone, a.Address, a.Names, a.Nearest.Prefix, a.Elsewhere, a.Count, a.ClientCount))
		}
	}
	for _, n := range r.Near {
		all = append(all, fmt.Sprint("near ", n.Name, " ", n.Pattern, " ", n.Wider))
	}
	for _, u := range r.Uncovered {
		for _, n := range u.Names {
			all = append(all, fmt.Sprint("uncovered ", u.Suffix, " ", u.Zones, " ", n.Name))
		}
	}
	return all
}

// covered holds that with the rows that r proposes the report shows nothing more, but for names that cannot
// stand in a file.
func covered(t *testing.T, r drift.Report, outside, uncovered *drift.Memory, loaded ...*zones.Zone) {
	t.Helper()
	if r.Rows == "" {
		return
	}
	after := drift.NewReport(sightings(outside, uncovered, append(loaded, zone(t, "seen", r.Rows))...), drift.Scope{})
	for _, line := range lines(&after) {
		if !strings.Contains(line, "*") {
			t.Errorf("with the proposed rows there still is: %s\n%s", line, r.Rows)
		}
	}
}

// TestReportAsItsTwin holds small reports against one that is worked out without memory: each sighting by itself.
func TestReportAsItsTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	z := zone(t, "office", office)
	p := policy.New(policy.Input{Zones: []*zones.Zone{z}})
	for range 200 {
		outside, uncovered := drift.NewMemory(4096), drift.NewMemory(4096)
		want := map[string]bool{}
		for range r.IntN(30) {
			n := name(t, fmt.Sprintf([]string{"h%d.office.example", "%d-mail.example.org", "x%d.example.org"}[r.IntN(3)], r.IntN(8)+5))
			a := netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(80))})
			s := drift.Sighting{At: noon, Client: clientNo(r.IntN(3)), Name: n, Addresses: []netip.Addr{a}}
			d := p.Decide(n, 0)
			switch {
			case p.Judge(d, []netip.Addr{a}).Verdict == policy.Outside:
				outside.Note(drift.Key{Group: "office", Addr: a}, s)
				want[fmt.Sprint("office ", a, " ", n)] = true
			case d.Match != (policy.Match{}):
			case len(p.Near(n)) > 0:
				uncovered.Note(drift.Key{Group: "example.org", Name: n}, s)
				want[fmt.Sprint("near ", n, " ", p.Near(n)[0].Pattern)] = true
			default:
				uncovered.Note(drift.Key{Group: "example.org", Name: n}, s)
				want["uncovered "+n.String()] = true
			}
		}
		report := drift.NewReport(sightings(outside, uncovered, z), drift.Scope{})
		got := pairs(&report)
		if d := gocmp.Diff(slices.Sorted(maps.Keys(want)), got); d != "" && len(want)+len(got) > 0 {
			t.Fatalf("(-want +got):\n%s", d)
		}
		covered(t, report, outside, uncovered, z)
	}
}

// pairs are the pairs that r tells of, sorted.
func pairs(r *drift.Report) []string {
	var all []string
	for _, z := range r.Zones {
		for _, a := range z.Addresses {
			for _, n := range a.Names {
				all = append(all, z.Zone+" "+a.Address+" "+n)
			}
		}
	}
	for _, n := range r.Near {
		all = append(all, "near "+n.Name+" "+n.Pattern)
	}
	for _, u := range r.Uncovered {
		for _, n := range u.Names {
			all = append(all, "uncovered "+n.Name)
		}
	}
	slices.SortFunc(all, cmp.Compare)
	return all
}

// TestManyNamesOfOneAddress holds that an address that more names have than are remembered is proposed for
// the pattern of their row, and that this is said.
func TestManyNamesOfOneAddress(t *testing.T) {
	outside := drift.NewMemory(64)
	for i := range 9 {
		outside.Note(drift.Key{Group: "office", Addr: addr("198.51.100.1")}, drift.Sighting{At: noon, Client: clientNo(1), Name: name(t, fmt.Sprintf("n%d.office.example", i))})
	}
	r := drift.NewReport(sightings(outside, drift.NewMemory(8), zone(t, "office", office)), drift.Scope{})
	if !strings.Contains(r.Rows, `names = ["*.office.example"]`) || !strings.Contains(r.Rows, "for more than 8 names, so for all of the pattern") {
		t.Errorf("rows:\n%s", r.Rows)
	}
}

// FuzzRows holds that whatever was seen, the proposed rows load, and no name is in them but those that were
// seen: clients choose names.
func FuzzRows(f *testing.F) {
	f.Add([]byte("\x03new\x07example\x03org\x00"), []byte{192, 0, 2, 200})
	f.Add([]byte("\x01*\x06office\x07example\x00"), []byte{10, 0, 0, 1})
	f.Add([]byte("\x06{1..9}\x07example\x03org\x00"), []byte{192, 0, 2, 1})
	f.Add([]byte("\x0710-mail\x07example\x03org\x00"), []byte("2001:db8::1 12345"))
	f.Add([]byte("\x09\"]\n[row.x\\\x07example\x03org\x00"), []byte{0, 0, 0, 0})
	f.Add([]byte("\x08a.b\x1b[2Jc\x06office\x07example\x00"), []byte{255, 255, 255, 255})
	loaded := zone(f, "office", office)
	f.Fuzz(func(t *testing.T, wire, address []byte) {
		n, _, err := matcher.NameFromWire(wire)
		a, ok := netip.AddrFromSlice(address)
		if err != nil || !ok {
			return
		}
		outside, uncovered := drift.NewMemory(8), drift.NewMemory(8)
		s := drift.Sighting{At: noon, Client: clientNo(1), Name: n, Addresses: []netip.Addr{a}}
		outside.Note(drift.Key{Group: "office", Addr: a}, s)
		uncovered.Note(drift.Key{Group: "example.org", Name: n}, s)
		r := drift.NewReport(sightings(outside, uncovered, loaded), drift.Scope{})
		if r.Rows == "" {
			return
		}
		for i := range len(r.Rows) {
			if c := r.Rows[i]; c < ' ' && c != '\n' || c > '~' {
				t.Fatalf("octet %#x in\n%s", c, r.Rows)
			}
		}
		seen := zone(t, "seen", r.Rows)
		for i := range seen.Rows {
			for p := range seen.Rows[i].Patterns.All() {
				if literal, ok := p.Literal(); ok && literal != n {
					t.Fatalf("%s in\n%s", p, r.Rows)
				} else if !ok && p.String() != "{1..18}-mail.example.org" && len(r.Near) == 0 {
					t.Fatalf("%s in\n%s", p, r.Rows)
				}
			}
		}
	})
}
