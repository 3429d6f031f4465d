package addressfeed_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"splitdns/server/internal/addressfeed"
)

// day is for how long addresses are kept here.
const day = 24 * time.Hour

// stateOf is a file with these lines, whose digest fits.
func stateOf(body string) []byte {
	sum := sha256.Sum256([]byte(body))
	return []byte("splitdns-observed 1 " + hex.EncodeToString(sum[:]) + "\n" + body)
}

// head is the first line of a file that was saved at start, after a day.
const head = `{"saved":"2026-11-22T21:00:00Z","since":"2026-11-21T21:00:00Z"}` + "\n"

// TestARestartForgetsNothing holds that lists are the same before and after, octet by octet, and that the time
// between does not count.
func TestARestartForgetsNothing(t *testing.T) {
	f, p := begun(), fleet("192.0.2.0/25")
	note(t, f, "push", "a.push.example", "192.0.2.1", -20*time.Hour)
	note(t, f, "push", "b.push.example", "192.0.2.2", -time.Hour)
	note(t, f, "push", "b.push.example", "192.0.2.200", -time.Hour)
	note(t, f, "push", `odd\.label\032.push.example`, "192.0.2.3", -time.Hour)
	note(t, f, "push", "cdn.example", "2001:db8::1", -time.Hour)
	before, err := f.Body(path(t, "push/inside.txt"), source(p, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	data := f.State(start)
	for away, want := range map[time.Duration]string{0: "192.0.2.1 192.0.2.2 192.0.2.3", 3 * day: "192.0.2.1 192.0.2.2 192.0.2.3", -time.Hour: "192.0.2.1 192.0.2.2 192.0.2.3"} {
		again := addressfeed.New()
		again.Begin(start.Add(away))
		if err := again.Restore(data, day, start.Add(away)); err != nil {
			t.Fatal(err)
		}
		body, err := again.Body(path(t, "push/inside.txt"), source(p, 1, away))
		if err != nil || body.Version != before.Version || strings.Join(strings.Fields(string(body.Octets)), " ") != want {
			t.Errorf("%v later: %s, %v, version %s, want %s as version %s", away, body.Octets, err, body.Version, want, before.Version)
		}
		if got := get(t, again, "push/outside.txt", source(p, 1, away)); got != "192.0.2.200" {
			t.Errorf("%v later: outside %s", away, got)
		}
		if got := get(t, again, "push/inside.txt", source(p, 1, away+5*time.Hour)); away >= 0 && got != "192.0.2.2 192.0.2.3" {
			t.Errorf("%v and five hours later: %s, want those that were seen in the last day that the server was there", away, got)
		}
	}
}

// TestFullMemoriesAreRestored holds that nearly nothing of a full memory is lost, and nobody has more than a share.
func TestFullMemoriesAreRestored(t *testing.T) {
	f := begun()
	for i := range 4000 {
		for j := range 2 {
			f.Note(addressfeed.Sighting{
				Rule: fmt.Sprint("rule", i%3), Name: name(t, fmt.Sprint("n", i, ".push.example")), Addr: netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}),
				Client: netip.AddrFrom4([4]byte{10, byte(j), 0, byte(i)}), At: start,
			})
		}
	}
	have, _ := f.Observed()
	data := f.State(start)
	again := addressfeed.New()
	if err := again.Restore(data, day, start); err != nil {
		t.Fatal(err)
	}
	if got, _ := again.Observed(); have < 3900 || got < have*99/100 {
		t.Errorf("%d addresses of %d", got, have)
	}
	t.Logf("%d addresses, %d KiB", have, len(data)>>10)
}

// TestOddStates holds that a file is taken as a whole or not at all.
func TestOddStates(t *testing.T) {
	line := func(change ...string) string {
		l := `{"rule":"push","address":"192.0.2.1","last":"2026-11-22T20:00:00Z","count":3,"clients":["10.0.0.1"],"names":["a.push.example"]}` + "\n"
		return strings.NewReplacer(change...).Replace(l)
	}
	whole := stateOf(head + line())
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"good":                 {whole, ""},
		"none seen":            {stateOf(head), ""},
		"from a time to come":  {stateOf(head + line("2026-11-22T20", "2099-11-22T20")), ""},
		"nothing":              {nil, "damaged: its digest does not fit"},
		"half":                 {whole[:len(whole)-9], "damaged: its digest does not fit"},
		"another version":      {[]byte(strings.Replace(string(whole), "observed 1 ", "observed 2 ", 1)), "damaged: its digest does not fit"},
		"no head":              {stateOf(""), "damaged: "},
		"too old":              {stateOf(strings.ReplaceAll(head, "2026-11-2", "2026-11-0") + line()), "it is of 2026-11-02, and so too old"},
		"no JSON":              {stateOf(head + "x\n"), "damaged: address 1: "},
		"no rule":              {stateOf(head + line("push\"", "\"")), "damaged: address 1: "},
		"a rule of octets":     {stateOf(head + line(`"push"`, `"\u001b[31m"`)), "damaged: address 1: "},
		"no address":           {stateOf(head + line("192.0.2.1", "")), "damaged: address 1: an odd address"},
		"an interface":         {stateOf(head + line("192.0.2.1", "fe80::1%eth0")), "damaged: address 1: an odd address"},
		"IPv4-mapped":          {stateOf(head + line("192.0.2.1", "::ffff:192.0.2.1")), "damaged: address 1: an odd address"},
		"no client":            {stateOf(head + line(`"10.0.0.1"`, "")), "damaged: address 1: an odd number of names or clients"},
		"no name":              {stateOf(head + line() + line(`"a.push.example"`, "")), "damaged: address 2: an odd number of names or clients"},
		"many names":           {stateOf(head + line(`"a.push.example"`, strings.TrimSuffix(strings.Repeat(`"a.example",`, 9), ","))), "damaged: address 1: an odd number"},
		"no name at all":       {stateOf(head + line("a.push", "a..push")), "damaged: address 1: "},
		"a long line":          {stateOf(head + line("a.push.example", strings.Repeat("x", 40_000))), "damaged: more than was ever written"},
		"more than was seen":   {stateOf(head + strings.Repeat(line(), 1<<14+1)), "damaged: more than was ever written"},
		"as many as were seen": {stateOf(head + strings.Repeat(line(), 1<<14)), ""},
	} {
		f := addressfeed.New()
		f.Begin(start)
		err := f.Restore(c.data, day, start)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if n, _ := f.Observed(); err != nil && n > 0 || f.Since().After(start) {
			t.Errorf("%s: %d addresses, since %v", name, n, f.Since())
		}
	}
}

// TestReadState holds that only a file of a bearable size is read.
func TestReadState(t *testing.T) {
	dir := t.TempDir()
	if _, err := addressfeed.ReadState(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	file := filepath.Join(dir, addressfeed.StateFile)
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := addressfeed.ReadState(dir); err == nil || err.Error() != file+": not a regular file" {
		t.Errorf("a folder: %v", err)
	}
	if err := errors.Join(os.Remove(file), os.WriteFile(file, nil, 0o600), os.Truncate(file, 1<<40)); err != nil {
		t.Skip(err)
	}
	if _, err := addressfeed.ReadState(dir); err == nil || err.Error() != file+": damaged: larger than any" {
		t.Errorf("a huge file: %v", err)
	}
}

// TestListsBeginLate holds that there is no observed list before it can be a whole one.
func TestListsBeginLate(t *testing.T) {
	f, p := addressfeed.New(), fleet("192.0.2.0/25")
	f.Begin(start)
	note(t, f, "push", "a.push.example", "192.0.2.1", 0)
	for _, list := range []string{"push/inside.txt", "push/admitted-4.txt", "push/outside.json"} {
		_, err := f.Body(path(t, list), source(p, 1, 59*time.Minute))
		if !errors.Is(err, addressfeed.ErrEarly) || !strings.Contains(err.Error(), "observed since 2026-11-22T21:00:00Z; there is a list from 2026-11-22T22:00:00Z on") {
			t.Errorf("%s: %v", list, err)
		}
		if got := get(t, f, list, source(p, 1, time.Hour)); strings.Contains(got, "complete") {
			t.Errorf("%s after an hour: %s", list, got)
		}
	}
	if got := get(t, f, "push.txt", source(p, 1, 0)); got != "192.0.2.0/25" {
		t.Errorf("published: %s", got)
	}
	src := source(p, 1, time.Minute)
	src.Keep = time.Minute
	if got := get(t, f, "push/inside.txt", src); got != "192.0.2.1" {
		t.Errorf("after all the time that they are kept: %s", got)
	}
}

// FuzzRestore holds that no file makes more of itself than is remembered, and that what was taken is written as
// something that is taken again.
func FuzzRestore(f *testing.F) {
	for _, body := range []string{
		"", head, head + `{"rule":"push","address":"192.0.2.1","last":"2026-11-22T20:00:00Z","count":3,"clients":["10.0.0.1"],"names":["a.push.example"]}` + "\n",
		head + `{"rule":"push","address":"2001:db8::1","last":"2099-11-22T20:00:00Z","count":0,"clients":["fe80::1","10.0.0.1"],"names":["."]}`, head + "{}\n", head + "[]\n", "{}\n", "null\nnull\n",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		feeds := addressfeed.New()
		feeds.Begin(start)
		if err := feeds.Restore(stateOf(body), day, start); err != nil {
			return
		}
		n, _ := feeds.Observed()
		if n > strings.Count(body, "\n") {
			t.Errorf("%d addresses", n)
		}
		again := addressfeed.New()
		again.Begin(start)
		if err := again.Restore(feeds.State(start), day, start); err != nil {
			t.Fatal(err)
		}
		if m, _ := again.Observed(); m < n-n/100 {
			t.Errorf("%d addresses, and then %d", n, m)
		}
	})
}
