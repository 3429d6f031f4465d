package replay_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"splitdns/server/internal/querylog"
	"splitdns/server/policy"
	"splitdns/server/replay"
)

// TestLogs reads logs of all forms: their lines are the same wherever blocks end.
func TestLogs(t *testing.T) {
	c := parse(t, rules)
	const entries = 9000 // some blocks
	e := vendor()
	e.Verdict = "inside"
	text := strings.Repeat(lines(e), entries)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, text); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 3*querylog.BlockSize)
	for name, test := range map[string]struct {
		log        io.Reader
		unreadable []int64
	}{
		"plain":               {strings.NewReader(text), nil},
		"without a last end":  {strings.NewReader(strings.TrimSuffix(text, "\n")), nil},
		"line ends of CR LF":  {strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")), nil},
		"in little pieces":    {iotest.HalfReader(strings.NewReader(text)), nil},
		"compressed":          {&packed, nil},
		"a long line":         {strings.NewReader(lines(e) + long + "\n" + strings.Repeat(lines(e), entries-1) + "x"), []int64{2, entries + 2}},
		"a long line at last": {strings.NewReader(text + long), []int64{entries + 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var shown int64
			r, err := replay.Run(context.Background(), replay.Options{
				Logs: []replay.Log{{Name: "log", Reader: test.log}}, Config: c, Progress: func(n int64) { shown = n },
			})
			if err != nil {
				t.Fatal(err)
			}
			var bad []int64
			for _, u := range r.First {
				bad = append(bad, u.Line)
			}
			if r.Verdicts != entries || r.Entries != entries+int64(len(bad)) || !slices.Equal(bad, test.unreadable) {
				t.Errorf("%d of %d entries change, unreadable lines %v; want %d and %v", r.Verdicts, r.Entries, bad, entries, test.unreadable)
			}
			if shown < entries-1 {
				t.Errorf("the progress ends at %d, want %d", shown, entries)
			}
		})
	}
}

// TestBrokenLogs holds that what cannot be read is an error.
func TestBrokenLogs(t *testing.T) {
	c := parse(t, rules)
	broken := errors.New("broken")
	over, cancel := context.WithCancel(context.Background())
	cancel()
	var packed strings.Builder
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, strings.Repeat(lines(vendor()), 1000)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	cut := packed.String()[:packed.Len()-20]
	for name, test := range map[string]struct {
		ctx  context.Context
		log  io.Reader
		want string
	}{
		"an error":    {context.Background(), io.MultiReader(strings.NewReader(lines(vendor())), iotest.ErrReader(broken)), "reading log: broken"},
		"cut off":     {context.Background(), strings.NewReader(cut), "reading log: unexpected EOF"},
		"no gzip":     {context.Background(), strings.NewReader("\x1f\x8bx"), "reading log: unexpected EOF"},
		"interrupted": {over, strings.NewReader(lines(vendor())), "reading log: context canceled"},
	} {
		_, err := replay.Run(test.ctx, replay.Options{Logs: []replay.Log{{Name: "log", Reader: test.log}}, Config: c})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
}

// TestHostileLog holds that texts of a log are shown without what a terminal obeys, and cut.
func TestHostileLog(t *testing.T) {
	e := vendor()
	e.Zone, e.Verdict = "\x1b[2J\u202e", strings.Repeat("v", 1000)
	e.Rules = slices.Repeat([]string{"\u009b"}, 500)
	for i := range e.Rules {
		e.Rules[i] += fmt.Sprint(i)
	}
	r := run(t, parse(t, rules), lines(e))
	for _, c := range r.Changes {
		if strings.ContainsAny(c.Was+c.Is, "\x1b\u202e\u009b") || len(c.Was) > 200 {
			t.Errorf("change %q to %q", c.Was, c.Is)
		}
	}
	if len(r.Changes) > 64 || len(r.Names[0].Changes) > 16 {
		t.Errorf("%d changes, %d of the name", len(r.Changes), len(r.Names[0].Changes))
	}
	other := vendor()
	other.Name = strings.Repeat("x", 64)
	bad := vendor()
	bad.Type = "TYPE70000"
	rcode := vendor()
	rcode.Rcode = "GOOD"
	if r := run(t, parse(t, rules), lines(other, bad, rcode)); r.Unreadable != 3 {
		t.Errorf("unreadable %+v, want 3", r.First)
	}
}

// millionLines is a log as a busy day has it: most queries are for few of many names, by
// many clients, and addresses change.
func millionLines(n int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	zipf := rand.NewZipf(r, 1.2, 1, 100_000)
	var b []byte
	for range n {
		e := vendor()
		i := zipf.Uint64()
		e.Name = fmt.Sprintf("host-%d.vendor.example", i)
		e.Client = netip.AddrFrom4([4]byte{10, byte(r.IntN(4)), byte(r.IntN(20)), byte(r.IntN(250))})
		e.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + uint64(r.IntN(8)))})}
		e.Served, e.Outside, e.Verdict = e.Addresses, nil, policy.Inside.String()
		if i%7 == 0 {
			e.Verdict = policy.Outside.String()
		}
		e.RTT, e.Duration = time.Duration(r.IntN(50_000_000)), time.Millisecond
		b = appendLine(b, e)
	}
	return b
}

// BenchmarkMillionEntries replays a million entries.
func BenchmarkMillionEntries(b *testing.B) {
	text, c := millionLines(1_000_000), parse(b, rules)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r, err := replay.Run(context.Background(), replay.Options{Logs: []replay.Log{{Name: "log", Reader: bytes.NewReader(text)}}, Config: c})
		if err != nil || r.Entries != 1_000_000 {
			b.Fatal(r, err)
		}
	}
}
