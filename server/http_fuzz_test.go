package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"splitdns/server"
)

// FuzzExplainParameters holds that whatever an administrator's browser sends is met
// with an explanation in JSON, or with why not.
func FuzzExplainParameters(f *testing.F) {
	for _, query := range []string{
		"name=dual.example", "name=dual.example&type=aaaa&client=10.2.7.41", "address=192.0.2.1", "address=::ffff:192.0.2.1%25x", "name=.", "",
		"name=a..b", "name=%5C000%5C255.example&type=TYPE65535", "name=" + strings.Repeat("x.", 127), "name=51-push.example&type=ANY", "name=%zz",
		"name=x&name=y&type=%00", "name=dual.example&client=fe80::1%25eth0", "name=*.example", "name=\u3002.example&type=65536", ";", "name=a;type=b",
	} {
		f.Add(query)
	}
	b := newBench(f, explaining, says(f, mixed))
	h, closeHTTP, err := b.HTTP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(closeHTTP)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/api/explain", nil)
		r.URL.RawQuery = query
		r.RemoteAddr, r.Host = "127.0.0.1:4242", b.HTTPAddrs()[0].String()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusOK:
			isExplanation(t, query, w.Body.Bytes())
		case http.StatusBadRequest:
			if w.Body.Len() == 0 {
				t.Errorf("%q: no reason", query)
			}
		default:
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	})
}

// isExplanation holds that body is an explanation, and of one name or address.
func isExplanation(t *testing.T, query string, body []byte) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil || len(fields) == 0 {
		t.Errorf("%q: %v in %s", query, err, body)
	}
	values, _ := url.ParseQuery(query) // as FormValue: what can be read counts
	if (values.Get("name") == "") == (values.Get("address") == "") {
		t.Errorf("%q is explained: %s", query, body)
	}
}

// FuzzSystemResolvers holds that whatever a resolv.conf says, there are resolvers or a
// problem, each resolver once, and never ourselves.
func FuzzSystemResolvers(f *testing.F) {
	for _, c := range resolvConfs {
		f.Add(c.file)
	}
	f.Add("nameserver\t192.0.2.1 # x\r\nnameserver fe80::1%eth0\nnameserver 0.0.0.0\nnameserver ::\n nameserver ::ffff:127.0.0.1\x00")
	listen := addrPorts("127.0.0.1:53", "[::1]:53")
	file := filepath.Join(f.TempDir(), "resolv.conf")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		servers, err := server.SystemResolvers(file, listen)
		if (err == nil) != (len(servers) > 0) {
			t.Fatalf("%v, error %v", servers, err)
		}
		for i, s := range servers {
			a := s.Addr()
			if !s.IsValid() || s.Port() != 53 || a.Is4In6() || slices.Contains(servers[:i], s) || slices.Contains(listen, s) || a.IsUnspecified() {
				t.Errorf("%q: %v", text, servers)
			}
		}
	})
}

// FuzzTexts holds that any facts come whole in records of one string of 255 octets at
// most, of which those that go on begin with the same word.
func FuzzTexts(f *testing.F) {
	f.Add("published " + strings.Repeat("192.0.2.0/24 ", 40))
	f.Add("v1 name=" + strings.Repeat("x", 600))
	f.Add("match none")
	f.Fuzz(func(t *testing.T, rest string) {
		const word, longest = "word", 255
		fact := word + " " + rest
		var whole strings.Builder
		for i, record := range server.Texts([]string{fact}) {
			if len(record) != 1 || len(record[0]) > longest || !strings.HasPrefix(record[0], word) {
				t.Fatalf("record %d of %q: %q", i, fact, record)
			}
			if i > 0 {
				whole.WriteByte(' ')
			}
			whole.WriteString(strings.TrimPrefix(record[0], word))
		}
		join := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, " +=", ""), " ", "") }
		if got, want := join(whole.String()), join(" "+rest); got != want {
			t.Errorf("%q comes as %q", fact, whole.String())
		}
	})
}
