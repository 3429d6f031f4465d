package server_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server"
	"splitdns/server/internal/wire"
)

// driftConfig has a zone with a bit of everything; nothing is logged.
const driftConfig = `
[zone.office]
names    = ["*.office.example", "{1..9}-mail.example.org"]
prefixes = ["192.0.2.0/24", "10.0.0.0/8"]
[rule.answered]
names  = ["held.office.example"]
answer = "203.0.113.5"
[rule.held]
names = ["pinned.office.example"]
pin   = "enforce"
`

// nameOf is an upstream that gives each name the addresses that it begins with: "198-51-100-9.x.office.example".
func nameOf(t testing.TB) exchange {
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		script := ""
		first, _, _ := strings.Cut(q.Question.Name.String(), ".")
		switch addr, err := netip.ParseAddr(strings.ReplaceAll(first, "-", ".")); {
		case first == "none":
			script = "rcode NXDOMAIN"
		case first == "empty":
		case err == nil:
			script = fmt.Sprintf("%s. 300 IN A %s", q.Question.Name, addr)
		default:
			script = fmt.Sprintf("%s. 300 IN A 198.51.100.7\n%[1]s. 300 IN A 192.0.2.1", q.Question.Name)
		}
		return respond(t, q.Question, script), "192.0.2.53", nil
	}
}

// reported is what b reports, a line for each thing.
func reported(t *testing.T, b *server.Bench) []string {
	t.Helper()
	r, err := b.Drift("", 0)
	if err != nil {
		t.Fatal(err)
	}
	return driftLines(&r)
}

// driftLines are what r says, a line for each thing.
func driftLines(r *server.Drift) []string {
	lines := []string{}
	for _, z := range r.Zones {
		for _, a := range z.Addresses {
			lines = append(lines, fmt.Sprintf("%s %s %v %d %v", z.Zone, a.Address, a.Names, a.Count, a.Clients))
		}
	}
	for _, n := range r.Near {
		lines = append(lines, fmt.Sprintf("near %s %s %v", n.Name, n.Wider, n.Addresses))
	}
	for _, u := range r.Uncovered {
		for _, n := range u.Names {
			lines = append(lines, fmt.Sprintf("uncovered %s %v %d", n.Name, n.Addresses, n.Count))
		}
	}
	return lines
}

func TestDriftIsRemembered(t *testing.T) {
	t.Parallel()
	b := newBench(t, driftConfig, nameOf(t))
	for _, q := range []string{
		"portal.office.example", "198-51-100-9.office.example", "192-0-2-9.office.example", "pinned.office.example",
		"10-mail.example.org", "new.example.org", "new.example.org AAAA", "empty.example.org", "none.example.org",
		"www.example.net", "held.office.example", "portal.office.example ANY", "portal.office.example CH TXT",
	} {
		ask(t, b, q)
	}
	want := []string{
		"office 198.51.100.7 [pinned.office.example portal.office.example] 2 [127.0.0.1]",
		"office 198.51.100.9 [198-51-100-9.office.example] 1 [127.0.0.1]",
		"near 10-mail.example.org {1..10}-mail.example.org [198.51.100.7 192.0.2.1]",
		"uncovered new.example.org [198.51.100.7 192.0.2.1] 1",
	}
	if d := cmp.Diff(want, reported(t, b)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	st := b.Status().Drift
	if d := cmp.Diff(server.DriftStatus{Addresses: map[string]int{"office": 2}, Near: 1, Uncovered: 1}, st); d != "" {
		t.Errorf("status (-want +got):\n%s", d)
	}
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	got := scrape(t, h)
	for key, want := range map[string]float64{
		"splitdns_drift_addresses zone=office": 2, "splitdns_drift_names kind=near": 1, "splitdns_drift_names kind=uncovered": 1, "splitdns_drift_lost_total": 0,
	} {
		if n, ok := got[key]; n != want || !ok {
			t.Errorf("%s = %v, want %v", key, n, want)
		}
	}
}

// TestDriftOutlivesReloads holds that what is remembered is judged by the configuration in force.
func TestDriftOutlivesReloads(t *testing.T) {
	t.Parallel()
	b := newBench(t, driftConfig, nameOf(t))
	before := parseConfig(t, driftConfig)
	for _, q := range []string{"198-51-100-9.office.example", "198-51-100-10.office.example", "new.example.org", "10-mail.example.org"} {
		ask(t, b, q)
	}
	first := reported(t, b)
	if len(first) != 4 {
		t.Fatalf("%q, want 4 lines", first)
	}
	b.Reload(parseConfig(t, driftConfig+"\n[zone.more]\nnames = ['198-51-100-9.office.example', 'new.example.org', '10-mail.example.org']\nprefixes = ['198.51.100.9']\n"), nil)
	if d := cmp.Diff(first[1:2], reported(t, b)); d != "" {
		t.Errorf("with more published (-want +got):\n%s", d)
	}
	b.Reload(before, nil)
	if d := cmp.Diff(first, reported(t, b)); d != "" {
		t.Errorf("as before (-want +got):\n%s", d)
	}
}

// TestDriftTimes proves the times of sightings, and that finished answers are counted when they are made.
func TestDriftTimes(t *testing.T) {
	c := parseConfig(t, driftConfig)
	synctest.Test(t, func(t *testing.T) {
		b, err := server.NewBench(c, everywhere(nameOf(t)))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 25 { // seconds: a miss, a hit, and then every ten seconds a hit
			ask(t, b, "198-51-100-9.office.example")
			time.Sleep(time.Second)
		}
		r, err := b.Drift("office", 0)
		if err != nil {
			t.Fatal(err)
		}
		a := r.Zones[0].Addresses[0]
		if first := a.First.Sub(began); first != 0 {
			t.Errorf("first seen after %v", first)
		}
		if last := a.Last.Sub(began); last != 21*time.Second || a.Count != 4 {
			t.Errorf("last seen after %v, %d times; want the miss at 0 s, the hits at 1, 11 and 21 s", last, a.Count)
		}
		time.Sleep(time.Hour - 4*time.Second)
		for before, want := range map[time.Duration]int{time.Hour: 1, time.Hour - time.Second: 0, 0: 1} {
			if r, _ := b.Drift("office", before); len(r.Zones) != want {
				t.Errorf("seen in the last %v: %d zones, want %d", before, len(r.Zones), want)
			}
		}
	})
}

func TestControlDrift(t *testing.T) {
	t.Parallel()
	b := newBench(t, driftConfig, nameOf(t))
	ask(t, b, "198-51-100-9.office.example")
	for query, want := range map[string]string{
		"":                     "198.51.100.9",
		"zone=office&since=1h": "198.51.100.9",
		"zone=intune":          `"zones":[]`,
		"zone=none":            `no zone \"none\" is loaded`,
		"since=yesterday":      `since: \"yesterday\": want a duration such as 24h`,
		"since=-1h":            `want a duration`,
	} {
		code, text := b.ControlDrift(query)
		if fine := !strings.Contains(want, "no zone") && !strings.Contains(want, "want"); !strings.Contains(text, want) || (code == http.StatusOK) != fine || !json.Valid([]byte(text)) {
			t.Errorf("%q: %d %s, want %s", query, code, text, want)
		}
	}
}

// TestDriftStaysPrivate holds that neither names nor addresses nor clients are in the metrics.
func TestDriftStaysPrivate(t *testing.T) {
	t.Parallel()
	b := newBench(t, driftConfig, nameOf(t))
	send(t, b, question("198-51-100-9.office.example"), netip.MustParseAddr("10.9.8.7"), false)
	send(t, b, question("new.example.org"), netip.MustParseAddr("10.9.8.7"), false)
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	for key := range scrape(t, h) {
		for _, word := range []string{"198", "new.", "10.9.8.7"} {
			if strings.Contains(key, word) && !strings.HasPrefix(key, "go_") && !strings.HasPrefix(key, "splitdns_build") {
				t.Errorf("%s", key)
			}
		}
	}
}

// TestDriftStatusIsBounded holds that counting what full memories hold is not for whoever asks to repeat at will.
func TestDriftStatusIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, driftConfig, nameOf(t))
		asked := 0
		add := func(n int) int {
			for range n {
				asked++
				send(t, b, question(fmt.Sprintf("n%d.example.org", asked)), netip.AddrFrom4([4]byte{10, 1, 1, byte(asked)}), false)
			}
			return b.Status().Drift.Uncovered
		}
		if n := add(1); n != 1 {
			t.Fatalf("%d names, want 1", n)
		}
		if n := add(2); n != 3 {
			t.Errorf("a few more: %d names, want 3 at once", n)
		}
		full := add(297)
		if full < 290 {
			t.Fatalf("%d of 300 names", full)
		}
		if n := add(10); n != full {
			t.Errorf("many: %d names just now and %d again", full, n)
		}
		time.Sleep(10 * time.Second)
		if n := b.Status().Drift.Uncovered; n <= full {
			t.Errorf("later: %d names, want more than %d", n, full)
		}
	})
}

// TestDriftLogAsLive holds that a report from the query log is that of the server that wrote it, for
// names that are logged.
func TestDriftLogAsLive(t *testing.T) {
	t.Parallel()
	text := strings.Replace(driftConfig, "[rule.answered]", "[rule.log]\nnames = ['.']\nlog = true\n[rule.answered]", 1) + "\n[upstream.default]\nservers = ['9.9.9.9']\n"
	b := newBench(t, text, nameOf(t))
	for _, q := range []string{
		"portal.office.example", "198-51-100-9.office.example", "192-0-2-9.office.example", "10-0-0-1.office.example", "pinned.office.example",
		"10-mail.example.org", "new.example.org", "new.example.org AAAA", "empty.example.org", "none.example.org", "www.example.net", "held.office.example",
	} {
		ask(t, b, q)
	}
	want := reported(t, b)
	l := server.NewDriftLog(parseConfig(t, text))
	log := b.Entries()
	if err := l.Read(strings.NewReader(log+"\n{\"time\":\nnone\n{}\n[]\n"), unseen); err != nil {
		t.Fatal(err)
	}
	r, err := l.Report("", 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, driftLines(&r)); d != "" || len(want) != 4 {
		t.Errorf("(-want +got):\n%s", d)
	}
	if l.Bad != 4 || l.Entries != strings.Count(log, "\n") || r.Now.IsZero() || r.From.After(r.Now) {
		t.Errorf("%d entries, %d bad, from %v to %v", l.Entries, l.Bad, r.From, r.Now)
	}
	if _, err := l.Report("none", 0); err == nil {
		t.Error("a zone that is not loaded is no problem")
	}
	if err := l.Read(strings.NewReader(strings.Repeat("x", 3<<20)), unseen); err != nil || l.Bad != 5 {
		t.Errorf("a long line: %v, %d bad", err, l.Bad)
	}
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, log); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	again, lines := server.NewDriftLog(parseConfig(t, text)), int64(0)
	if err := again.Read(strings.NewReader(packed.String()), func(n int64) { lines = n }); err != nil || again.Entries != l.Entries || lines != int64(l.Entries) {
		t.Errorf("compressed: %v, %d entries in %d lines, want %d", err, again.Entries, lines, l.Entries)
	}
	if err := again.Read(strings.NewReader(packed.String()[:packed.Len()-9]), unseen); err == nil {
		t.Error("a file that is cut off is no problem")
	}
}

// unseen is progress that nobody looks at.
func unseen(int64) {}

// FuzzDriftLog gives the reader of query logs any line.
func FuzzDriftLog(f *testing.F) {
	for _, seed := range []string{
		`{"time":"2026-11-22T09:37:45.388Z","client":"10.20.7.41","name":"x.office.example","rcode":"NOERROR","addresses":["198.51.100.9"],"outside":["198.51.100.9"],"upstream":"default","type":"A","rule":[],"zone":"office","row":"x","tags":[],"pin":"observe","verdict":"outside","served":[],"cache":"miss"}`,
		`{"time":"2026-11-22T09:37:45.388Z","client":"fe80::1%eth0","name":"a\u001b[2J.example.org","rcode":"NOERROR","addresses":["::ffff:1.2.3.4","64:ff9b::1"],"outside":[],"upstream":"default","type":"A","rule":[],"zone":"office","row":"x","tags":[],"pin":"observe","verdict":"outside","served":[],"cache":"miss"}`,
		`{"time":"9999-12-31T23:59:59Z","client":"::","name":".","rcode":"NOERROR","addresses":[],"outside":[],"upstream":"x","type":"A","rule":[],"zone":"office","row":"x","tags":[],"pin":"observe","verdict":"outside","served":[],"cache":"miss"}`,
		`{`, `[]`, `null`,
	} {
		f.Add(seed)
	}
	b := newBench(f, driftConfig, notAsked(f))
	f.Fuzz(func(t *testing.T, line string) {
		l := b.SmallDriftLog()
		if err := l.Read(strings.NewReader(line), unseen); err != nil {
			return
		}
		r, err := l.Report("", 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(r.Rows) {
			if b := r.Rows[i]; b < ' ' && b != '\n' || b > '~' {
				t.Fatalf("octet %#x in %q", b, r.Rows)
			}
		}
	})
}

// BenchmarkOrdinary is an answer from the cache that is made, for a name that no list knows, one that is
// published, and one whose address is remembered each time, without a shadow and with one.
func BenchmarkOrdinary(b *testing.B) {
	for _, shadow := range []string{"", "[zones]\nshadow = \"2020-09-08\"\n"} {
		for _, name := range []string{"www.some.example.net", "192-0-2-9.office.example", "198-51-100-9.office.example"} {
			b.Run(fmt.Sprintf("shadow=%t/%s", shadow != "", name), func(b *testing.B) {
				s := newBench(b, driftConfig+shadow, nameOf(b))
				ask(b, s, name)
				q := question(name + " +nord") // which is never kept finished
				p, err := q.Pack()
				if err != nil {
					b.Fatal(err)
				}
				dst := make([]byte, 0, 1500)
				b.ReportAllocs()
				for b.Loop() {
					s.Now(dst, p, client)
				}
			})
		}
	}
}
