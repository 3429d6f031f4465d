package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/server"
)

// get gives the HTTP service of b a request from an address, to a host.
func get(h http.Handler, from, host, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr, r.Host = from, host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// serveHTTP is the HTTP service of b, on a port of 127.0.0.1, and its address.
func serveHTTP(t *testing.T, b *server.Bench, listen string) (http.Handler, string) {
	t.Helper()
	h, closeHTTP, err := b.HTTP(netip.MustParseAddrPort(listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeHTTP)
	return h, b.HTTPAddrs()[0].String()
}

func TestHealth(t *testing.T) {
	b := newBench(t, held("observe", ""), says(t, mixed))
	h, host := serveHTTP(t, b, "127.0.0.1:0")
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if w := get(h, "203.0.113.99:4242", host, path); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
	b.Drain()
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		if w := get(h, "203.0.113.99:4242", host, path); w.Code != want {
			t.Errorf("%s while draining: %d, want %d", path, w.Code, want)
		}
	}
}

// TestExplainOverHTTP holds that it is for administrators only, and only under a
// name of this machine.
func TestExplainOverHTTP(t *testing.T) {
	const admin = "127.0.0.1:4242"
	b := newBench(t, held("observe", ""), says(t, mixed))
	h, host := serveHTTP(t, b, "127.0.0.1:0")
	_, port, _ := strings.Cut(host, ":")
	for name, c := range map[string]struct {
		from, host, query string
		want              int
	}{
		"an administrator":            {admin, host, "name=dual.example", http.StatusOK},
		"localhost":                   {admin, "localhost:" + port, "name=dual.example", http.StatusOK},
		"Localhost":                   {admin, "Localhost", "name=dual.example", http.StatusOK},
		"IPv4-mapped":                 {"[::ffff:127.0.0.1]:4242", host, "name=dual.example", http.StatusOK},
		"another client":              {"10.1.1.1:4242", host, "name=dual.example", http.StatusForbidden},
		"rebinding":                   {admin, "evil.example:" + port, "name=dual.example", http.StatusForbidden},
		"rebinding to an address":     {admin, "192.0.2.1:" + port, "name=dual.example", http.StatusForbidden},
		"a name that begins likewise": {admin, "localhost.evil.example", "name=dual.example", http.StatusForbidden},
		"no name":                     {admin, host, "", http.StatusBadRequest},
		"a bad name":                  {admin, host, "name=a..b", http.StatusBadRequest},
		"a bad type":                  {admin, host, "name=dual.example&type=AX", http.StatusBadRequest},
		"a type":                      {admin, host, "name=dual.example&type=aaaa", http.StatusOK},
		"a bad client":                {admin, host, "name=dual.example&client=phone", http.StatusBadRequest},
		"a client":                    {admin, host, "name=dual.example&client=10.2.7.41", http.StatusOK},
		"a bad address":               {admin, host, "address=192.0.2", http.StatusBadRequest},
		"an address":                  {admin, host, "address=192.0.2.1", http.StatusOK},
		"a name and an address":       {admin, host, "name=dual.example&address=192.0.2.1", http.StatusBadRequest},
		"an address twice":            {admin, host, "name=192.0.2.1&address=192.0.2.1", http.StatusBadRequest},
	} {
		w := get(h, c.from, c.host, "/api/explain?"+c.query)
		if w.Code != c.want || (w.Header().Get("Content-Type") == "application/json") != (c.want == http.StatusOK) {
			t.Errorf("%s: %d %v %s, want %d", name, w.Code, w.Header(), w.Body, c.want)
		}
	}
	for method, path := range map[string]string{http.MethodPost: "/api/explain?name=dual.example", http.MethodGet: "/api/other"} {
		r := httptest.NewRequest(method, path, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusMethodNotAllowed && w.Code != http.StatusNotFound {
			t.Errorf("%s %s: %d", method, path, w.Code)
		}
	}
}

// TestExplainOverHTTPOnEveryAddress holds that a service on the unspecified
// address is known by any address of the machine, but by no name.
func TestExplainOverHTTPOnEveryAddress(t *testing.T) {
	b := newBench(t, held("observe", ""), says(t, mixed))
	h, _ := serveHTTP(t, b, "0.0.0.0:0")
	for host, want := range map[string]int{
		"192.0.2.1:9153": http.StatusOK, "192.0.2.1": http.StatusOK, "[2001:db8::1]:9153": http.StatusOK, "localhost": http.StatusOK,
		"evil.example": http.StatusForbidden, "": http.StatusForbidden,
	} {
		if w := get(h, "127.0.0.1:4242", host, "/api/explain?name=dual.example"); w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

// TestExplainOverHTTPIsExplain holds that HTTP says what Explain says.
func TestExplainOverHTTPIsExplain(t *testing.T) {
	b := newBench(t, explaining, says(t, mixed))
	ask(t, b, "dual.example")
	h, host := serveHTTP(t, b, "127.0.0.1:0")
	for _, name := range []string{"dual.example", "null.test", "51-push.example", "cut.wide.example"} {
		w := get(h, "127.0.0.1:4242", host, "/api/explain?"+url.Values{"name": {name}, "client": {"10.2.7.41"}}.Encode())
		n, err := matcher.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		e, err := b.Resolver().Explain(n, "", server.Asker{Client: phone, Admin: true})
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), strings.TrimSpace(w.Body.String())); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
