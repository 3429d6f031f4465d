package querylog_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"splitdns/server/internal/querylog"

	"github.com/google/go-cmp/cmp"
)

// full is an entry in which every field says something.
func full() querylog.Entry {
	inside, outside := netip.MustParseAddr("17.57.144.23"), netip.MustParseAddr("2001:db8::9")
	return querylog.Entry{
		Time:      time.Date(2026, 11, 3, 10, 4, 5, 67_890_000, time.FixedZone("", 3600)),
		Client:    netip.MustParseAddr("10.2.7.41"),
		Name:      "12-courier.push.apple.com",
		Type:      "AAAA",
		Rcode:     "NOERROR",
		Rules:     []string{"mdm", "apns"},
		Zone:      "apple-push",
		Row:       "courier",
		Tags:      []string{"mdm"},
		Pin:       "enforce",
		Verdict:   "mixed",
		Addresses: []netip.Addr{inside, outside},
		Outside:   []netip.Addr{outside},
		Served:    []netip.Addr{inside},
		Upstream:  "9.9.9.9",
		RTT:       12_034_567 * time.Nanosecond,
		Cache:     "miss",
		Duration:  12_345_678 * time.Nanosecond,
		Demo:      true,
	}
}

func TestLine(t *testing.T) {
	tests := map[string]struct {
		entry querylog.Entry
		want  string
	}{
		"everything": {full(), `{"time":"2026-11-03T09:04:05.067Z","client":"10.2.7.41","name":"12-courier.push.apple.com",` +
			`"type":"AAAA","rcode":"NOERROR","rule":["mdm","apns"],"zone":"apple-push","row":"courier","tags":["mdm"],` +
			`"pin":"enforce","verdict":"mixed","addresses":["17.57.144.23","2001:db8::9"],"outside":["2001:db8::9"],` +
			`"served":["17.57.144.23"],"upstream":"9.9.9.9","rtt_ms":12.034,"cache":"miss","duration_us":12345,"demo":true}`},
		"nothing": {querylog.Entry{Time: time.Unix(0, 0)}, `{"time":"1970-01-01T00:00:00.000Z","client":"","name":"",` +
			`"type":"","rcode":"","rule":[],"zone":"","row":"","tags":[],"pin":"","verdict":"","addresses":[],"outside":[],` +
			`"served":[],"upstream":"","rtt_ms":null,"cache":"","duration_us":0}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := string(querylog.AppendEntry(nil, &test.entry))
			if diff := cmp.Diff(test.want+"\n", got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTime holds that the time is written as package time does.
func TestTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		at := time.Unix(r.Int64N(200*365*24*3600), r.Int64N(1e9))
		line := string(querylog.AppendEntry(nil, &querylog.Entry{Time: at}))
		if want := `{"time":"` + at.UTC().Format("2006-01-02T15:04:05.000Z07:00") + `"`; !strings.HasPrefix(line, want) {
			t.Fatalf("line %s, want it to begin with %s", line, want)
		}
	}
}

func TestRTT(t *testing.T) {
	tests := map[time.Duration]string{
		-1:                               "null",
		0:                                "null",
		time.Nanosecond:                  "0.000",
		7 * time.Microsecond:             "0.007",
		70 * time.Microsecond:            "0.070",
		700 * time.Microsecond:           "0.700",
		2*time.Second + time.Microsecond: "2000.001",
	}
	for rtt, want := range tests {
		line := string(querylog.AppendEntry(nil, &querylog.Entry{RTT: rtt}))
		if !strings.Contains(line, `"rtt_ms":`+want+`,"cache"`) {
			t.Errorf("RTT %v: line %s, want rtt_ms %s", rtt, line, want)
		}
	}
}

func TestHostileText(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"quote and backslash":   {`a"b\c`, `a\"b\\c`},
		"line ends":             {"a\r\nb", `a\u000d\u000ab`},
		"escape sequence":       {"\x1b[2J\x00\x7f", `\u001b[2J\u0000\u007f`},
		"C1 control":            {"\u009b2J", `\u009b2J`},
		"invalid UTF-8":         {"a\xffb\xc3", `a\ufffdb\ufffd`},
		"line separator":        {"\u2028", `\u2028`},
		"right to left":         {"\u202egpj", `\u202egpj`},
		"above the basic plane": {"\U000e0001", `\udb40\udc01`},
		"printable":             {"Zürich 😀", "Zürich 😀"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			line := string(querylog.AppendEntry(nil, &querylog.Entry{Name: test.text}))
			if !strings.Contains(line, `"name":"`+test.want+`","type"`) {
				t.Errorf("line %s, want name %s", line, test.want)
			}
		})
	}
}

func TestHostileInterfaceName(t *testing.T) {
	client := netip.MustParseAddr("fe80::1").WithZone("a\"\nb")
	line := string(querylog.AppendEntry(nil, &querylog.Entry{Client: client}))
	if want := `"client":"fe80::1%a\"\u000ab",`; !strings.Contains(line, want) {
		t.Errorf("line %s, want %s", line, want)
	}
}

// keysOf reads the keys of a JSON object in their order.
func keysOf(t *testing.T, line []byte) []string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(line))
	var keys []string
	for depth, isKey := 0, false; ; {
		token, err := d.Token()
		if err == io.EOF {
			return keys
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			isKey = depth == 1
			continue
		case json.Delim('}'), json.Delim(']'):
			depth--
			isKey = true
			continue
		}
		if depth > 1 {
			continue
		}
		if isKey {
			keys = append(keys, token.(string))
		}
		isKey = !isKey
	}
}

func TestKeysAndTypes(t *testing.T) {
	want := []string{
		"time", "client", "name", "type", "rcode", "rule", "zone", "row", "tags", "pin", "verdict", "addresses", "outside",
		"served", "upstream", "rtt_ms", "cache", "duration_us",
	}
	arrays := map[string]bool{"rule": true, "tags": true, "addresses": true, "outside": true, "served": true}
	entry := full()
	entry.Demo = false
	for name, e := range map[string]querylog.Entry{"full": entry, "zero": {}} {
		line := querylog.AppendEntry(nil, &e)
		if diff := cmp.Diff(want, keysOf(t, line)); diff != "" {
			t.Errorf("%s: keys (-want +got):\n%s", name, diff)
		}
		var values map[string]any
		if err := json.Unmarshal(line, &values); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for key, value := range values {
			if _, isArray := value.([]any); isArray != arrays[key] {
				t.Errorf("%s: %s is %T, want an array: %v", name, key, value, arrays[key])
			}
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", values["time"].(string)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	demo := keysOf(t, querylog.AppendEntry(nil, &querylog.Entry{Demo: true}))
	if diff := cmp.Diff(append(want, "demo"), demo); diff != "" {
		t.Errorf("demo: keys (-want +got):\n%s", diff)
	}
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	e := full()
	e.Client = netip.MustParseAddr("fe80::1%eth0")
	e.Name = `\000a"` + "\x1b\xff"
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() { buf = querylog.AppendEntry(buf[:0], &e) }); n != 0 {
		t.Errorf("encoding allocates %v times, want 0", n)
	}
}

func BenchmarkEncoding(b *testing.B) {
	e := full()
	buf := make([]byte, 0, 4096)
	for b.Loop() {
		buf = querylog.AppendEntry(buf[:0], &e)
	}
}

// FuzzLine holds that no text breaks a line, and that encoding/json, the slow twin, reads the text back.
func FuzzLine(f *testing.F) {
	f.Add("a.example", "tag", "eth0")
	f.Add("\"\\\n\x00", "\xff\u2028\U000e0001", "\u009b\n")
	f.Fuzz(func(t *testing.T, name, tag, zone string) {
		client := netip.MustParseAddr("fe80::1").WithZone(zone)
		line := querylog.AppendEntry(nil, &querylog.Entry{Name: name, Tags: []string{tag, tag}, Client: client})
		if i := bytes.IndexByte(line, '\n'); i != len(line)-1 {
			t.Fatalf("line %q ends at octet %d", line, i)
		}
		for i, r := range string(line[:len(line)-1]) {
			if r == utf8.RuneError || !unicode.IsPrint(r) {
				t.Fatalf("line %q holds %U at octet %d", line, r, i)
			}
		}
		var got struct {
			Name, Client string
			Tags         []string
		}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		valid := func(s string) string { return string([]rune(s)) }
		if got.Name != valid(name) || len(got.Tags) != 2 || got.Tags[1] != valid(tag) || got.Client != valid(client.String()) {
			t.Fatalf("line %q, read back %+v, want name %q tag %q client %q", line, got, name, tag, client)
		}
	})
}
