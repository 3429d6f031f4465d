package addressfeed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/server/internal/addressfeed"
	"splitdns/server/policy"
	"splitdns/zones"
)

// start is when the tests begin.
var start = time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)

// client is who asks.
var client = netip.MustParseAddr("10.2.7.41")

// name parses a name.
func name(t testing.TB, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// row is a row of a zone.
func row(name, patterns, prefixes string) zones.Row {
	r := zones.Row{Name: name}
	var all []matcher.Pattern
	for _, s := range strings.Fields(patterns) {
		all = append(all, matcher.MustParsePattern(s))
	}
	r.Patterns = matcher.ListOf(all...)
	for _, s := range strings.Fields(prefixes) {
		p, err := zones.ParsePrefix(s)
		if err != nil {
			panic(err)
		}
		r.Prefixes = append(r.Prefixes, p)
	}
	return r
}

// fleet is a policy with rules for zones, one of them with nothing published, and for names.
func fleet(push string) *policy.Policy {
	return policy.New(policy.Input{
		Zones: []*zones.Zone{
			{Name: "push", Rows: []zones.Row{row("push", "*.push.example", push), row("cdn", "cdn.example", "")}},
			{Name: "bare", Rows: []zones.Row{row("bare", ".bare.example", "")}},
			{Name: "all", CatchAll: true, Rows: []zones.Row{row("all", "*.wide.example", "198.51.100.0/25 198.51.100.64/26")}},
		},
		Rules: []policy.Rule{
			{Name: "push", Zones: []string{"push"}},
			{Name: "bare", Zones: []string{"bare"}},
			{Name: "own", Names: []matcher.Pattern{matcher.MustParsePattern("a.push.example"), matcher.MustParsePattern("*.b.wide.example")}},
			{Name: "everything", AllZones: true, Clients: []string{"nobody"}},
		},
		NAT64: []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")},
	})
}

// published is what push publishes: one prefix in another, one twice, and not in order.
const published = "192.0.2.128/25 2001:db8:1::/48 192.0.2.129 17.0.0.0/8 17.0.0.0/8 192.0.2.5"

// source is p at a time.
func source(p *policy.Policy, generation uint64, at time.Duration) addressfeed.Source {
	return addressfeed.Source{Policy: p, Generation: generation, Keep: 24 * time.Hour, Now: start.Add(at)}
}

// path parses a path.
func path(t testing.TB, s string) addressfeed.Path {
	t.Helper()
	p, ok := addressfeed.ParsePath(s)
	if !ok {
		t.Fatalf("%s: no path", s)
	}
	return p
}

// get gives the lines of a list, or why there are none.
func get(t testing.TB, f *addressfeed.Feeds, s string, src addressfeed.Source) string {
	t.Helper()
	body, err := f.Body(path(t, s), src)
	switch {
	case errors.Is(err, addressfeed.ErrEmpty):
		return "empty"
	case err != nil:
		return err.Error()
	}
	if !strings.HasSuffix(string(body.Octets), "\n") {
		t.Errorf("%s: no end of the last line", s)
	}
	return strings.Join(strings.Fields(string(body.Octets)), " ")
}

// begun are lists of which nothing was observed for long.
func begun() *addressfeed.Feeds {
	f := addressfeed.New()
	f.Begin(start.Add(-24 * time.Hour))
	return f
}

// note has seen an address in an answer for a name.
func note(t testing.TB, f *addressfeed.Feeds, rule, n, addr string, at time.Duration) {
	t.Helper()
	f.Note(addressfeed.Sighting{Rule: rule, Name: name(t, n), Addr: netip.MustParseAddr(addr), Client: client, At: start.Add(at)})
}

func TestPaths(t *testing.T) {
	for s, want := range map[string]string{
		"mdm.txt": "/feed/mdm/published.txt", "mdm.json": "/feed/mdm/published.json", "mdm/published.txt": "/feed/mdm/published.txt",
		"mdm/inside.txt": "/feed/mdm/inside.txt", "mdm/inside-4.txt": "/feed/mdm/inside-4.txt", "mdm/outside-6.json": "/feed/mdm/outside-6.json",
		"mdm/admitted.txt": "/feed/mdm/admitted.txt",
		// What rules may be called.
		"x.txt.txt": "/feed/x.txt/published.txt", "x.json.txt": "/feed/x.json/published.txt", "x.txt.json": "/feed/x.txt/published.json",
		"inside.txt": "/feed/inside/published.txt", "mdm-4.txt": "/feed/mdm-4/published.txt", "a..b.txt": "/feed/a..b/published.txt", "4.txt": "/feed/4/published.txt",
		"": "", ".txt": "", ".json": "", "mdm": "", "mdm.TXT": "", "mdm.csv": "", "mdm/": "", "mdm/.txt": "", "mdm/inside": "", "/mdm.txt": "", "mdm//inside.txt": "",
		"mdm/inside/x.txt": "", "mdm/inside-5.txt": "", "mdm/inside-4-4.txt": "", "mdm/-4.txt": "", "../mdm.txt": "", "..txt": "", "mdm/../inside.txt": "",
		"MDM.txt": "", "mdm%00.txt": "", "mdm\x00.txt": "", "mdm .txt": "", "mdm/Inside.txt": "", strings.Repeat("x", 64) + ".txt": "", "mdm.txt\n": "",
	} {
		p, ok := addressfeed.ParsePath(s)
		if ok != (want != "") || ok && p.String() != want {
			t.Errorf("ParsePath(%q) = %v, %v, want %q", s, p, ok, want)
		}
	}
}

// FuzzPath holds that a path that is taken is one of a rule and a list, and comes back the same.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"mdm.txt", "mdm/inside-4.json", "x.json.txt", "../x.txt", "a/b/c.txt", "mdm/published-6.txt", ".txt", "\xff.txt"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := addressfeed.ParsePath(s)
		if !ok {
			return
		}
		if zones.CheckName(p.Rule) != nil || !slices.Contains(addressfeed.Lists, p.List) {
			t.Errorf("%q: %+v", s, p)
		}
		again, ok := addressfeed.ParsePath(strings.TrimPrefix(p.String(), addressfeed.Root))
		if !ok || again != p {
			t.Errorf("%q: %+v comes back as %+v", s, p, again)
		}
	})
}

func TestPublishedLists(t *testing.T) {
	f := begun()
	src := source(fleet(published), 1, 0)
	for s, want := range map[string]string{
		"push.txt":              "17.0.0.0/8 192.0.2.5 192.0.2.128/25 2001:db8:1::/48",
		"push/published-4.txt":  "17.0.0.0/8 192.0.2.5 192.0.2.128/25",
		"push/published-6.txt":  "2001:db8:1::/48",
		"bare.txt":              "empty", // its zone publishes nothing
		"own/published-6.txt":   "2001:db8:1::/48",
		"own/published-4.txt":   "17.0.0.0/8 192.0.2.5 192.0.2.128/25 198.51.100.0/25", // of each zone, also a catch-all
		"everything.txt":        "17.0.0.0/8 192.0.2.5 192.0.2.128/25 2001:db8:1::/48",
		"nothing.txt":           "no such rule",
		"push/inside.txt":       "empty",
		"push/admitted.txt":     "empty",
		"push/outside.txt":      "# no address is outside what is published",
		"push/outside.json":     `{ "rule": "push", "list": "outside", "prefixes": [] }`,
		"push/published-6.json": `{ "rule": "push", "list": "published-6", "prefixes": [ "2001:db8:1::/48" ] }`,
	} {
		if got := get(t, f, s, src); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
}

func TestObservedLists(t *testing.T) {
	f := begun()
	src := source(fleet("192.0.2.0/25"), 1, time.Minute)
	for _, n := range []string{"a.push.example", "b.push.example"} {
		note(t, f, "push", n, "192.0.2.9", 0)
	}
	note(t, f, "push", "a.push.example", "192.0.2.2", 0)
	note(t, f, "push", "a.push.example", "192.0.2.200", 0)
	note(t, f, "push", "a.push.example", "2001:db8::1", 0)       // nothing is published for IPv6
	note(t, f, "push", "cdn.example", "203.0.113.7", 0)          // nor for this name
	note(t, f, "push", "cdn.example", "192.0.2.3", 0)            // but for the other,
	note(t, f, "push", "a.push.example", "192.0.2.3", 0)         // which is enough
	note(t, f, "push", "cdn.example", "192.0.2.201", 0)          // and nothing for one
	note(t, f, "push", "a.push.example", "192.0.2.201", 0)       // is kinder than outside for the other
	note(t, f, "push", "a.push.example", "::ffff:192.0.2.4", 0)  // is IPv4
	note(t, f, "push", "a.push.example", "64:ff9b::c000:205", 0) // 192.0.2.5 behind NAT64
	note(t, f, "push", "elsewhere.example", "192.0.2.6", 0)      // no name of the rule
	note(t, f, "bare", "bare.example", "203.0.113.8", 0)
	for _, addr := range []string{
		"127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "240.0.0.1", "100.64.0.1", "::1", "fe80::1", "fd00::1", "ff02::1",
		"::", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
	} {
		note(t, f, "bare", "bare.example", addr, 0)
	}
	for s, want := range map[string]string{
		"push/inside.txt":         "192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.9 64:ff9b::c000:205",
		"push/inside-4.txt":       "192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.9",
		"push/outside.txt":        "192.0.2.200",
		"push/outside-6.txt":      "# no address is outside what is published",
		"push/admitted.txt":       "192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.9 192.0.2.201 203.0.113.7 64:ff9b::c000:205 2001:db8::1",
		"push/admitted-6.txt":     "64:ff9b::c000:205 2001:db8::1",
		"bare/inside.txt":         "empty",
		"bare/admitted.txt":       "203.0.113.8",
		"everything/admitted.txt": "empty",
	} {
		if got := get(t, f, s, src); got != want {
			t.Errorf("%s: %s, want %s", s, got, want)
		}
	}
	// What is withdrawn leaves, and the rule's other names stay, at the reload.
	src = source(fleet("192.0.2.0/29"), 2, time.Minute+time.Second)
	if got := get(t, f, "push/inside-4.txt", src); got != "192.0.2.2 192.0.2.3 192.0.2.4" {
		t.Errorf("after a reload: %s", got)
	}
	if got := get(t, f, "push/outside-4.txt", src); got != "192.0.2.9 192.0.2.200" {
		t.Errorf("after a reload: %s", got)
	}
}

// TestInsideIsPublished holds that what is inside lies in what is published, whichever zone publishes it.
func TestInsideIsPublished(t *testing.T) {
	f := begun()
	p := policy.New(policy.Input{
		Zones: []*zones.Zone{
			{Name: "names", Rows: []zones.Row{row("names", "a.push.example *.b.example", "")}},
			{Name: "ranges", Rows: []zones.Row{row("ranges", "*.push.example c.b.example", "192.0.2.0/25")}},
		},
		Rules: []policy.Rule{{Name: "r", Zones: []string{"names"}}},
	})
	note(t, f, "r", "a.push.example", "192.0.2.1", 0)
	note(t, f, "r", "c.b.example", "192.0.2.2", 0)
	for list, want := range map[string]string{"r/inside.txt": "192.0.2.1 192.0.2.2", "r.txt": "192.0.2.0/25"} {
		if got := get(t, f, list, source(p, 1, time.Minute)); got != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
}

// TestAddressesLeave holds that an address leaves when it was not seen for the time that it is kept, and that
// seeing it again changes nothing else.
func TestAddressesLeave(t *testing.T) {
	f, p := begun(), fleet("192.0.2.0/25")
	const day = 24 * time.Hour
	note(t, f, "push", "a.push.example", "192.0.2.1", 0)
	note(t, f, "push", "a.push.example", "192.0.2.2", 0)
	first, err := f.Body(path(t, "push/inside.txt"), source(p, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	note(t, f, "push", "b.push.example", "192.0.2.2", time.Hour)
	again, err := f.Body(path(t, "push/inside.txt"), source(p, 2, day))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(first, again); d != "" {
		t.Errorf("seen again (-before +after):\n%s", d)
	}
	if got := get(t, f, "push/inside.txt", source(p, 2, day+9*time.Second)); got != "192.0.2.1 192.0.2.2" {
		t.Errorf("within ten seconds a list is given again: %s", got)
	}
	if got := get(t, f, "push/inside.txt", source(p, 2, day+10*time.Second)); got != "192.0.2.2" {
		t.Errorf("a day and ten seconds later: %s, want the one that was seen again", got)
	}
	later, _ := f.Body(path(t, "push/inside.txt"), source(p, 2, day+10*time.Second))
	if later.Version == first.Version || !later.Modified.Equal(start.Add(day+10*time.Second)) {
		t.Errorf("version %s, modified %v; before %s", later.Version, later.Modified, first.Version)
	}
	if got := get(t, f, "push/inside.txt", source(p, 2, day+time.Hour+20*time.Second)); got != "empty" {
		t.Errorf("after all: %s", got)
	}
}

// TestVersions holds that each version has a second of its own, and that one comes back as itself.
func TestVersions(t *testing.T) {
	f := begun()
	var modified []time.Time
	versions := map[string]bool{}
	for i, prefixes := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"} {
		body, err := f.Body(path(t, "push.txt"), source(fleet(prefixes), uint64(i), time.Duration(i)*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(modified, body.Modified.Equal) {
			t.Errorf("%d: modified %v, as before", i, body.Modified)
		}
		modified = append(modified, body.Modified)
		versions[body.Version] = true
	}
	if len(versions) != 3 {
		t.Errorf("versions %v, want three", versions)
	}
}

// TestJSON holds that JSON has what the text has.
func TestJSON(t *testing.T) {
	f, src := begun(), source(fleet(published), 1, 0)
	body, err := f.Body(path(t, "push.json"), src)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Rule, List string
		Prefixes   []string
	}
	if err := json.Unmarshal(body.Octets, &doc); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(doc.Prefixes, " "); got != get(t, f, "push.txt", src) || doc.Rule != "push" || doc.List != "published" || body.Entries != 4 {
		t.Errorf("%+v, %d entries", doc, body.Entries)
	}
}

// TestMemoryIsBounded holds that neither clients who make up addresses, nor firewalls, nor reloads with other rules take up
// more and more.
func TestMemoryIsBounded(t *testing.T) {
	f := begun()
	before := allocated()
	long := strings.Repeat("x.", 100) + "push.example"
	for i := range 200_000 {
		addr := netip.AddrFrom4([4]byte{198, byte(18 + i>>16), byte(i >> 8), byte(i)})
		from := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		f.Note(addressfeed.Sighting{Rule: fmt.Sprint("rule", i%16), Name: name(t, fmt.Sprint("n", i, ".", long)), Addr: addr, Client: from, At: start})
	}
	addresses, lost := f.Observed()
	if addresses > 1<<14 || lost < 100_000 {
		t.Errorf("%d addresses, %d lost", addresses, lost)
	}
	p := fleet(published)
	for i := range 20_000 {
		f.Fetched(addressfeed.Fetch{Path: addressfeed.Path{Rule: fmt.Sprint("r", i), List: addressfeed.Inside}, Client: client, Agent: strings.Repeat("x", 1000), Code: 200})
		f.Fetched(addressfeed.Fetch{Path: path(t, "push.txt"), Client: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), Code: 200})
	}
	if _, err := f.Body(path(t, "push.txt"), source(p, 1, 0)); err != nil {
		t.Fatal(err)
	}
	if n := len(f.Fetches("")); n != 512 {
		t.Errorf("%d fetches are remembered, want 512", n)
	}
	if n := len(f.Fetches("push")); n != 8 {
		t.Errorf("%d clients of a list are remembered, want 8", n)
	}
	if n := len(f.Counts()); n > 4096 {
		t.Errorf("%d counts", n)
	}
	if grown := allocated() - before; grown > 64<<20 {
		t.Errorf("%d MiB, want 64 at most", grown>>20)
	}
	runtime.KeepAlive(f)
}

// allocated is the memory in use.
func allocated() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestFetches(t *testing.T) {
	f := begun()
	fetch := func(list, from, version string, code int, at time.Duration, agent string) {
		f.Fetched(addressfeed.Fetch{Path: path(t, list), Client: netip.MustParseAddr(from), Version: version, Code: code, At: start.Add(at), Agent: agent})
	}
	fetch("push.txt", "10.0.0.1", "aa", 200, 0, "PAN-OS")
	fetch("push/inside.txt", "10.0.0.1", "", 503, 1, "\x1b[31mred\r\nX: y\u202e "+strings.Repeat("z", 100))
	fetch("push.txt", "10.0.0.2", "aa", 200, 2, "")
	fetch("push/published.txt", "10.0.0.1", "aa", 304, 3, "PAN-OS")
	fetch("own.txt", "10.0.0.1", "bb", 200, 4, "")
	fetch("push.txt", "10.0.0.2", "", 503, 2, "")
	var got []string
	for _, x := range f.Fetches("push") {
		got = append(got, fmt.Sprintf("%s %s %s %s %d %q", x.Name(), x.Client, x.Version, addressfeed.Result(x.Code), x.Count, x.Agent))
	}
	want := []string{
		`published 10.0.0.2 aa none 2 ""`, // it keeps what it has
		`published 10.0.0.1 aa same 2 "PAN-OS"`,
		`inside 10.0.0.1  none 1 "_[31mred__X: y_ ` + strings.Repeat("z", 62) + `"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := len(f.Fetches("")); n != 4 {
		t.Errorf("%d fetches of all rules", n)
	}
}
