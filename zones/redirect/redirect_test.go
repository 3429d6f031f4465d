package redirect_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"splitdns/zones/redirect"
)

// remote is a connection that is said to lead to another address.
type remote struct {
	net.Conn
	addr net.TCPAddr
}

// RemoteAddr is that address.
func (r remote) RemoteAddr() net.Addr { return &r.addr }

// TestRedirects has names lead to made-up addresses, all of them played by one server, which sends on to the URL
// in the query.
func TestRedirects(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.RawQuery; to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}))
	defer server.Close()
	hosts := map[string]string{
		"public.example": "198.51.100.1", "other.example": "2001:db8::1", "office.example": "10.1.2.3", "six.example": "fd00::1",
		"shared.example": "100.64.0.1", "self.example": "127.0.0.1", "link.example": "169.254.169.254", "mapped.example": "::ffff:127.0.0.1",
		"169.254.169.254": "169.254.169.254", "127.0.0.1": "127.0.0.1", "::1": "::1", "localhost": "127.0.0.1",
	}
	var d net.Dialer
	client := http.Client{CheckRedirect: redirect.Check, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: redirect.Dial(func(ctx context.Context, _, address string) (net.Conn, error) {
			host, _, _ := net.SplitHostPort(address)
			conn, err := d.DialContext(ctx, "tcp", server.Listener.Addr().String())
			return remote{conn, net.TCPAddr{IP: net.ParseIP(hosts[host])}}, err
		}),
	}}
	const closer = "redirected to an address of this machine or of its network"
	for path, want := range map[string]string{
		"http://public.example/?http://other.example/":                      "",
		"http://public.example/?http://office.example/":                     closer,
		"http://public.example/?http://six.example/":                        closer,
		"http://public.example/?http://shared.example/":                     closer,
		"http://public.example/?http://self.example/":                       closer,
		"http://public.example/?http://mapped.example/":                     closer,
		"http://public.example/?http://link.example/latest/meta-data":       closer,
		"http://public.example/?http://169.254.169.254/latest/meta-data":    closer,
		"http://public.example/?http://[::1]/":                              closer,
		"http://public.example/?http://localhost/":                          closer,
		"http://public.example/?http://other.example/?http://self.example/": closer,
		"http://office.example/?http://public.example/?http://six.example/": "",
		"http://office.example/?http://self.example/":                       closer,
		"http://self.example/?http://127.0.0.1/":                            "",
		"http://self.example/":                                              "",
		"http://public.example/?file:///etc/passwd":                         `redirected to "file:///etc/passwd": want HTTPS or HTTP`,
		"http://public.example/?gopher://x/":                                "want HTTPS or HTTP",
		"http://a.example/" + strings.Repeat("?http://a.example/", 5):       "",
		"http://a.example/" + strings.Repeat("?http://a.example/", 6):       "more than 5 redirects",
	} {
		hosts["a.example"] = "198.51.100.2"
		request, err := http.NewRequestWithContext(redirect.Context(t.Context()), http.MethodGet, path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if response, err := client.Do(request); err != nil {
			got = err.Error()
		} else {
			response.Body.Close()
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestFromHTTPSToHTTP(t *testing.T) {
	first := httptest.NewRequest(http.MethodGet, "https://a.example/", http.NoBody)
	next := httptest.NewRequest(http.MethodGet, "http://user:secret@b.example/", http.NoBody)
	err := redirect.Check(next, []*http.Request{first})
	if err == nil || err.Error() != `redirected from HTTPS to "http://user:xxxxx@b.example/", where anybody on the way could change it` {
		t.Error(err)
	}
}
