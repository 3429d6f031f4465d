package feed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/server/internal/feed"
	"splitdns/zones"
)

// day is the first day of these tests.
var day = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// copyOf is a copy of a zone file.
func copyOf(text string) *feed.Copy {
	d := feed.NewDocument("https://lists.example/z.toml", []byte(text))
	d.Format = feed.FormatZone
	return &feed.Copy{Zone: "z", Fetched: day, Documents: []feed.Document{d}}
}

// read is the zone of a copy.
func read(t *testing.T, c *feed.Copy) *zones.Zone {
	t.Helper()
	z, err := c.ReadZone()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// after is the copy of text in the place of old.
func after(t *testing.T, old *feed.Copy, text string, now time.Time) *feed.Copy {
	t.Helper()
	c := copyOf(text)
	kept, err := feed.Keep(old, read(t, c), now, 30*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c.Kept = kept
	return c
}

func TestRowsThatHaveGoneAreKept(t *testing.T) {
	for name, test := range map[string]struct{ old, fresh, want string }{
		"nothing":                   {"[row.a]\nnames = ['a.example']\n", "[row.b]\nnames = ['a.example']\n", ""},
		"a row under another name":  {"[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.0/25']\n", "[row.b]\nnames = ['a.example']\nprefixes = ['192.0.2.0/24']\n", ""},
		"two halves for a whole":    {"[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.0/24']\n", "[row.b]\nnames = ['a.example']\nprefixes = ['192.0.2.0/25', '192.0.2.128/25']\n", ""},
		"halves in two rows":        {"[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.0/24']\n", "[row.b]\nnames = ['a.example']\nprefixes = ['192.0.2.0/25']\n[row.c]\nnames = ['a.example']\nprefixes = ['192.0.2.128/25']\n", ""},
		"a row":                     {"[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.1']\n[row.b]\nnames = ['b.example']\n", "[row.b]\nnames = ['b.example']\n", "a.gone-20261101 a.example 192.0.2.1/32"},
		"a name, with the ranges":   {"[row.a]\nnames = ['a.example', 'b.example']\nprefixes = ['192.0.2.1']\n", "[row.a]\nnames = ['b.example']\nprefixes = ['192.0.2.1']\n", "a.gone-20261101 a.example 192.0.2.1/32"},
		"a range, for its names":    {"[row.a]\nnames = ['a.example', 'b.example']\nprefixes = ['192.0.2.1', '192.0.2.9']\n", "[row.a]\nnames = ['a.example', 'b.example']\nprefixes = ['192.0.2.9']\n", "a.gone-20261101 a.example b.example 192.0.2.1/32"},
		"a range for one name only": {"[row.a]\nnames = ['a.example', 'b.example']\nprefixes = ['192.0.2.1']\n", "[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.1']\n[row.b]\nnames = ['b.example']\n", "a.gone-20261101 b.example 192.0.2.1/32"},
		"ranges without names":      {"[row.a]\nprefixes = ['192.0.2.0/24', '2001:db8::/32']\n", "[row.a]\nprefixes = ['192.0.2.0/25', '2001:db8::/31']\n", "a.gone-20261101 192.0.2.0/24"},
		"a carve-out":               {"[row.a]\nnames = ['a.example', 'b.example']\ncarve_out = true\n", "[row.a]\nnames = ['b.example']\n", "a.gone-20261101 a.example carve-out"},
	} {
		t.Run(name, func(t *testing.T) {
			c := after(t, copyOf(test.old), test.fresh, day)
			var got []string
			for _, r := range read(t, c).Rows {
				if strings.Contains(r.Name, ".gone-") {
					got = append(got, inWords(&r))
				}
			}
			if d := cmp.Diff(test.want, strings.Join(got, "; ")); d != "" {
				t.Errorf("(-want +got): %s", d)
			}
		})
	}
}

// inWords is a row in a line.
func inWords(r *zones.Row) string {
	words := []string{r.Name}
	for p := range r.Patterns.All() {
		words = append(words, p.String())
	}
	for _, p := range r.Prefixes {
		words = append(words, p.String())
	}
	if r.CarveOut {
		words = append(words, "carve-out")
	}
	return strings.Join(words, " ")
}

// TestKeptRowsComeAndGo has a name vanish, a range of it come again, and the name, too.
func TestKeptRowsComeAndGo(t *testing.T) {
	const both = "[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.1', '192.0.2.2']\n[row.b]\nnames = ['b.example']\n"
	c := after(t, copyOf(both), "[row.b]\nnames = ['b.example']\n", day)
	c = after(t, c, "[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.2']\n[row.b]\nnames = ['b.example']\n", day.Add(48*time.Hour))
	if len(c.Kept) != 1 || !c.Kept[0].Since.Equal(day) || !strings.Contains(c.Kept[0].Rows, "192.0.2.1") || strings.Contains(c.Kept[0].Rows, "192.0.2.2") {
		t.Fatalf("kept %+v, want 192.0.2.1 for a.example since the first day", c.Kept)
	}
	if c = after(t, c, both, day.Add(72*time.Hour)); len(c.Kept) != 0 {
		t.Errorf("kept %+v, want nothing: all is published again", c.Kept)
	}
}

// TestManyNamesAreKeptInParts takes more than a zone file may have.
func TestManyNamesAreKeptInParts(t *testing.T) {
	var list strings.Builder
	for i := range 150_000 {
		fmt.Fprintf(&list, "a-name-that-takes-its-room-%d.example\n", i)
	}
	old := copyOf(list.String())
	old.Documents[0].Format = feed.FormatList
	c := after(t, old, "[row.a]\nnames = ['a.example']\n", day)
	names := 0
	for _, r := range read(t, c).Rows {
		names += r.Patterns.Len()
	}
	if names != 150_001 {
		t.Errorf("%d names, want all 150,001", names)
	}
}

// TestWhatWasPublishedStays holds for zones at random that whatever was published for a name is so still, and
// whatever is new is published at once.
func TestWhatWasPublishedStays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		old, fresh := copyOf(randomZone(random)), randomZone(random)
		c := after(t, old, fresh, day)
		now := pairs(read(t, c))
		for _, text := range []*zones.Zone{read(t, old), read(t, copyOf(fresh))} {
			for pair := range pairs(text) {
				if !now[pair] {
					t.Fatalf("%v is not published any more:\n%s\nthen\n%s\nkept\n%v", pair, old.Documents[0].Data, fresh, c.Kept)
				}
			}
		}
		again := after(t, c, fresh, day.Add(time.Hour))
		if d := cmp.Diff(pairs(read(t, c)), pairs(read(t, again))); d != "" {
			t.Fatalf("the same copy once more changes something: %s", d)
		}
	}
}

// randomZone is a zone file of a few names and addresses.
func randomZone(random *rand.Rand) string {
	rows := []zones.Row{}
	for i := range 1 + random.IntN(4) {
		r := zones.Row{Name: fmt.Sprintf("r%d", i), Required: true}
		var names []matcher.Pattern
		for _, n := range random.Perm(5)[:random.IntN(4)] {
			p, _ := matcher.ParsePattern(fmt.Sprintf("n%d.example", n))
			names = append(names, p)
		}
		r.Patterns = matcher.ListOf(names...)
		for _, n := range random.Perm(8)[:random.IntN(4)] {
			r.Prefixes = append(r.Prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 32))
		}
		if len(names)+len(r.Prefixes) > 0 {
			rows = append(rows, r)
		}
	}
	p, _ := matcher.ParsePattern("always.example")
	rows = append(rows, zones.Row{Name: "always", Required: true, Patterns: matcher.ListOf(p)})
	return string(zones.AppendFile(nil, &zones.Zone{Rows: rows}))
}

// pairs are the names of z with what is published for each; "" stands for none, of either.
func pairs(z *zones.Zone) map[[2]string]bool {
	all := map[[2]string]bool{}
	for _, r := range z.Rows {
		names := []string{}
		for p := range r.Patterns.All() {
			names = append(names, p.String())
			all[[2]string{p.String()}] = true
		}
		if len(names) == 0 {
			names = []string{""}
		}
		for _, name := range names {
			for _, p := range r.Prefixes {
				all[[2]string{name, p.String()}] = true
			}
		}
	}
	return all
}

// FuzzCopy reads copies whose digest fits whatever they hold.
func FuzzCopy(f *testing.F) {
	c := copyOf("[row.a]\nnames = ['a.example']\n")
	c.Kept = []feed.Kept{{Since: day, Rows: "[row.b]\nnames = ['b.example']\n"}}
	whole, err := feed.Encode(c)
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := bytes.Cut(whole, []byte("\n"))
	f.Add(body)
	f.Add(slices.Concat(body, []byte("more")))
	f.Add([]byte(`{"zone":"z","documents":[{"size":-1}]}` + "\n"))
	f.Add([]byte(`{"zone":"z","documents":[{"size":2,"format":"list"},{"size":1}]}` + "\nabc"))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		c, err := feed.Decode("z", slices.Concat([]byte(feed.Magic+hex.EncodeToString(sum[:])+"\n"), body))
		if err != nil {
			return
		}
		if z, err := c.ReadZone(); err == nil && z.Name != "z" {
			t.Errorf("zone %q", z.Name)
		}
		again, err := feed.Encode(c)
		if err != nil {
			return // a time that JSON cannot write
		}
		back, err := feed.Decode("z", again)
		if err != nil || !bytes.Equal(back.Digest(), c.Digest()) || back.Octets() != c.Octets() {
			t.Errorf("written and read again: %v, digest %x and %x", err, c.Digest(), back.Digest())
		}
	})
}

func TestDamagedCopiesAreNoticed(t *testing.T) {
	whole, err := feed.Encode(copyOf("[row.a]\nnames = ['a.example']\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		if _, err := feed.Decode("z", damaged); err == nil {
			t.Fatalf("octet %d is another, and nobody notices", i)
		}
		if _, err := feed.Decode("z", whole[:i]); err == nil {
			t.Fatalf("it ends after %d octets, and nobody notices", i)
		}
	}
	if _, err := feed.Decode("other", whole); err == nil {
		t.Error("the copy of another zone passes")
	}
}

// FuzzDocument reads documents as a publisher may send them, beside one that is in force.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{"", "a.example\n*.b.example\n", "[row.a]\nnames = ['a.example']\nprefixes = ['192.0.2.0/24', '2001:db8::/32']\n", "<!doctype html>", "\ufeff <HTML>"} {
		f.Add([]byte(text), feed.FormatList)
		f.Add([]byte(text), feed.FormatZone)
		f.Add([]byte(text), "")
	}
	old := copyOf("[row.a]\nnames = ['a.example', 'b.example']\nprefixes = ['192.0.2.0/24', '2001:db8::/32']\n")
	f.Fuzz(func(t *testing.T, data []byte, format string) {
		d := feed.NewDocument("https://lists.example/z", data)
		if d.Format = format; !slices.Contains([]string{"", feed.FormatList, feed.FormatZone}, format) {
			d.Format = ""
		}
		c := &feed.Copy{Zone: "z", Fetched: day, Documents: []feed.Document{d}}
		z, err := c.ReadZone()
		if err != nil {
			return
		}
		if c.Kept, err = feed.Keep(old, z, day, time.Hour); err != nil {
			t.Fatal(err)
		}
		merged, err := c.ReadZone()
		if err != nil {
			t.Fatalf("with what is kept it cannot be read: %v", err)
		}
		if !strings.Contains(fmt.Sprint(pairs(merged)), "a.example 192.0.2.0/24") && !covers(merged) {
			t.Errorf("a.example has lost 192.0.2.0/24 in %v", pairs(merged))
		}
	})
}

// covers says whether z publishes 192.0.2.0/24 for a.example otherwise than by a row of its own.
func covers(z *zones.Zone) bool {
	for _, r := range z.Rows {
		for p := range r.Patterns.All() {
			if p.String() == "a.example" && len(r.Prefixes) > 0 {
				return true
			}
		}
	}
	return false
}
