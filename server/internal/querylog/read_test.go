package querylog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"splitdns/server/internal/querylog"
)

// read reads a line.
func read(line []byte) (querylog.Entry, error) {
	var r querylog.Raw
	if err := r.Scan(line); err != nil {
		return querylog.Entry{}, err
	}
	return r.Entry()
}

// sameEntry compares entries. Lists without an element are alike.
var sameEntry = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

// withoutTimes is e without what Entry does not read.
func withoutTimes(e querylog.Entry) querylog.Entry {
	e.Time, e.RTT, e.Duration = time.Time{}, 0, 0
	return e
}

func TestReadsWhatItWrites(t *testing.T) {
	full := full()
	full.Along = []string{"edge.cdn.example"}
	for name, e := range map[string]querylog.Entry{"full": full, "little": {Client: full.Client, Name: "a\"\\\u00e9\x00.example"}} {
		got, err := read(querylog.AppendEntry(nil, &e))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(withoutTimes(e), got, sameEntry); d != "" {
			t.Errorf("%s (-written +read):\n%s", name, d)
		}
	}
}

// line is a good line, with text in place of some of it.
func line(t *testing.T, old, text string) string {
	t.Helper()
	e := full()
	good := string(querylog.AppendEntry(nil, &e))
	if !strings.Contains(good, old) {
		t.Fatalf("%s is not in %s", old, good)
	}
	return strings.Replace(good, old, text, 1)
}

func TestHostileLines(t *testing.T) {
	const deep = 17
	for name, test := range map[string]struct{ line, want string }{
		"good":                    {line(t, "", ""), ""},
		"keys in another order":   {line(t, `{"time":"2026-11-03T09:04:05.067Z",`, `{"extra":{"a":[1,{}]},`), ""},
		"white space":             {" \t" + line(t, `,"row":`, " ,\r\n \"row\"\t: ") + " ", ""},
		"a key with an escape":    {line(t, `"row"`, `"r\u006fw"`), ""},
		"invalid UTF-8":           {line(t, `"mdm"`, "\"m\xff\""), ""},
		"nothing":                 {"", "not an object of JSON"},
		"no object":               {"[]", "not an object of JSON"},
		"cut short":               {line(t, `"zone":"apple-push"`, `"zone":"app`), "not an object of JSON"},
		"something behind it":     {line(t, "\n", "x"), "not an object of JSON"},
		"a control character":     {line(t, "apple-push", "apple\x01push"), "not an object of JSON"},
		"too deep":                {line(t, `{"time"`, `{"x":`+strings.Repeat("[", deep)+strings.Repeat("]", deep)+`,"time"`), "not an object of JSON"},
		"deep without an end":     {`{"x":` + strings.Repeat("[", 1<<20), "not an object of JSON"},
		"a key twice":             {line(t, `"row":"courier"`, `"row":"courier","row":"x"`), "row stands there twice"},
		"an escaped key twice":    {line(t, `"row":"courier"`, `"row":"courier","\u0072ow":"x"`), "row stands there twice"},
		"missing":                 {line(t, `"row":"courier",`, ""), "row: missing"},
		"a number for a string":   {line(t, `"row":"courier"`, `"row":1`), "row: want a string"},
		"null":                    {line(t, `"row":"courier"`, `"row":null`), "row: want a string"},
		"a string for a list":     {line(t, `"tags":["mdm"]`, `"tags":"mdm"`), "tags: want a list"},
		"a list in a list":        {line(t, `"tags":["mdm"]`, `"tags":[["mdm"]]`), "tags: want a string"},
		"no address":              {line(t, `"served":["17.57.144.23"]`, `"served":["17.57.144.23x"]`), "served: want an address"},
		"no client":               {line(t, `"client":"10.2.7.41"`, `"client":""`), "client: want an address"},
		"no truth":                {line(t, `"demo":true`, `"demo":"true"`), "demo: want true or false"},
		"a list without end":      {line(t, `"tags":["mdm"]`, `"tags":[`+strings.Repeat(`"m",`, 4096)+`"m"]`), "tags: more than 4096 elements"},
		"a long string":           {line(t, `"row":"courier"`, `"row":"`+strings.Repeat("x", 2047)+`"`), "row: too long"},
		"a long list":             {line(t, `"tags":["mdm"]`, `"tags":[`+strings.Repeat(`"m",`, 4095)+`"m"]`), ""},
		"a comma behind the last": {line(t, `"tags":["mdm"]`, `"tags":["mdm",]`), "not an object of JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read([]byte(test.line))
			if got := errorText(err); got != test.want {
				t.Errorf("error %q, want %q", got, test.want)
			}
		})
	}
}

// errorText is the text of an error, "" for none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestScanDoesNotAllocate(t *testing.T) {
	e := full()
	text := querylog.AppendEntry(nil, &e)
	var r querylog.Raw
	if n := testing.AllocsPerRun(1000, func() { _ = r.Scan(text) }); n != 0 {
		t.Errorf("Scan allocates %v times, want 0", n)
	}
}

func BenchmarkScan(b *testing.B) {
	e := full()
	text := querylog.AppendEntry(nil, &e)
	b.SetBytes(int64(len(text)))
	var r querylog.Raw
	for b.Loop() {
		if err := r.Scan(text); err != nil {
			b.Fatal(err)
		}
	}
}

// slowKeys are the keys of a line that Entry reads, with a place for their values.
func slowKeys(e *querylog.Entry) map[string]any {
	return map[string]any{
		"client": &e.Client, "name": &e.Name, "type": &e.Type, "rcode": &e.Rcode, "rule": &e.Rules, "zone": &e.Zone, "row": &e.Row,
		"tags": &e.Tags, "pin": &e.Pin, "verdict": &e.Verdict, "addresses": &e.Addresses, "outside": &e.Outside, "served": &e.Served,
		"upstream": &e.Upstream, "cache": &e.Cache, "along": &e.Along, "demo": &e.Demo,
	}
}

// readSlowly is read by encoding/json.
func readSlowly(line []byte) (e querylog.Entry, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	if token, err := d.Token(); !json.Valid(line) || err != nil || token != json.Delim('{') {
		return e, querylog.ErrNotJSON
	}
	places, seen := slowKeys(&e), map[string]bool{}
	var wrong error
	for d.More() {
		key, _ := d.Token()
		var value json.RawMessage
		if err := d.Decode(&value); err != nil || depth(value) > 16 {
			return e, querylog.ErrNotJSON
		}
		name := key.(string)
		_, isOurs := places[name]
		switch isOurs = isOurs || name == "time" || name == "rtt_ms" || name == "duration_us"; {
		case !isOurs:
		case seen[name]:
			return e, errors.New("twice")
		case places[name] != nil && wrong == nil:
			wrong = slowValue(value, places[name])
		}
		seen[name] = seen[name] || isOurs
	}
	for name := range places {
		if !seen[name] && name != "along" && name != "demo" {
			wrong = fmt.Errorf("%s: missing", name)
		}
	}
	return e, wrong
}

// slowValue decodes a value, with neither null nor an empty address for one.
func slowValue(value []byte, into any) error {
	var whatever any
	if err := json.Unmarshal(value, &whatever); err != nil {
		return err
	}
	if hasLong(value) {
		return errors.New("too long")
	}
	list, isList := whatever.([]any)
	if whatever == nil || isList && (slices.Contains(list, nil) || len(list) > 4096) {
		return errors.New("null, or too long")
	}
	if err := json.Unmarshal(value, into); err != nil {
		return err
	}
	var all []netip.Addr
	switch into := into.(type) {
	case *netip.Addr:
		all = []netip.Addr{*into}
	case *[]netip.Addr:
		all = *into
	}
	if slices.Contains(all, netip.Addr{}) {
		return errors.New("no address")
	}
	return nil
}

// hasLong reports whether a value is or holds a string that is too long.
func hasLong(value []byte) bool {
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		list = []json.RawMessage{value}
	}
	return slices.ContainsFunc(list, func(v json.RawMessage) bool { return len(v) > 2048 })
}

// depth is how deep lists and objects lie in a value.
func depth(value []byte) int {
	d := json.NewDecoder(bytes.NewReader(value))
	now, most := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			now++
			most = max(most, now)
		case json.Delim(']'), json.Delim('}'):
			now--
		}
	}
}

// FuzzRead holds the reader to encoding/json.
func FuzzRead(f *testing.F) {
	e := full()
	good := querylog.AppendEntry(nil, &e)
	f.Add(good)
	for _, part := range []string{`{}`, `{"name":"\ud83d\ude00\ud83d","name":1}`, `{"rtt_ms":-1.5e+3}`, `{"x":[[1],{"a":null}]}`, "{\"\xff\":\"\x7f\"}"} {
		f.Add([]byte(part))
		f.Add(append(bytes.TrimSuffix(slices.Clone(good), []byte("}\n")), ","+strings.TrimPrefix(part, "{")...))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, err := read(line)
		want, slowErr := readSlowly(line)
		if (err == nil) != (slowErr == nil) {
			t.Fatalf("%q: error %v, encoding/json %v", line, err, slowErr)
		}
		if d := cmp.Diff(want, got, sameEntry); err == nil && d != "" {
			t.Fatalf("%q (-encoding/json +ours):\n%s", line, d)
		}
	})
}
