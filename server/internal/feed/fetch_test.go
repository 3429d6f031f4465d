package feed_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/feed"
)

// fetcher connects as the system does.
func fetcher() *feed.Fetcher { return feed.NewFetcher(new(net.Dialer).DialContext, "splitdns/test") }

// kindOf is the kind of an error; "" of none.
func kindOf(err error) feed.Kind {
	if e, ok := errors.AsType[*feed.Error](err); ok {
		return e.Kind
	}
	return ""
}

func TestFetch(t *testing.T) {
	large := bytes.Repeat([]byte("."), feed.MaxSize+1)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(large)
	_ = z.Close()
	for name, test := range map[string]struct {
		serve http.HandlerFunc
		want  string // of the document, or of the error
		kind  feed.Kind
	}{
		"a document": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a.example\n") }, "a.example\n", ""},
		"who asks":   {func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.UserAgent()) }, "splitdns/test", ""},
		"too large":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) }, "larger than 64 MiB", feed.Size},
		"a bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		}, "larger than 64 MiB", feed.Size},
		"half of what is packed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes()[:packed.Len()/2])
		}, "ends too early", feed.Network},
		"half": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "20")
			_, _ = io.WriteString(w, "a.example\n")
		}, "ends too early", feed.Network},
		"half in chunks": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "a.example\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "ends too early", feed.Network},
		"a part":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPartialContent) }, "206", feed.Status},
		"nothing":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "204", feed.Status},
		"not modified?": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, "304", feed.Status},
		"in a circle":   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }, "more than 5 redirects", feed.Network},
		"to a file": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, "want HTTPS or HTTP", feed.Network},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(test.serve)
			defer s.Close()
			d, unchanged, err := fetcher().Fetch(context.Background(), s.URL+"/list?key=1", nil)
			got := string(d.Data)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) || kindOf(err) != test.kind || unchanged {
				t.Errorf("%.200q %q, want %q %q", got, kindOf(err), test.want, test.kind)
			}
		})
	}
}

func TestFetchAsksForWhatHasChanged(t *testing.T) {
	body := "one"
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("If-None-Match")+" "+r.Header.Get("If-Modified-Since"))
		w.Header().Set("ETag", `"`+body+`"`)
		w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 00:00:00 GMT")
		if r.Header.Get("If-None-Match") == `"`+body+`"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	first, _, err := fetcher().Fetch(context.Background(), s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, unchanged, err := fetcher().Fetch(context.Background(), s.URL, &first)
	if err != nil || !unchanged || string(second.Data) != "one" {
		t.Errorf("%v %v %q, want the same", err, unchanged, second.Data)
	}
	body = "two"
	third, unchanged, err := fetcher().Fetch(context.Background(), s.URL, &second)
	if err != nil || unchanged || string(third.Data) != "two" {
		t.Errorf("%v %v %q, want two", err, unchanged, third.Data)
	}
	if want := `"one" Mon, 02 Nov 2026 00:00:00 GMT`; asked[0] != " " || asked[1] != want || asked[2] != want {
		t.Errorf("asked with %q", asked)
	}
}

// TestSlowServersAreGivenUp has a server send an octet a second, and another one nothing at all.
func TestSlowServersAreGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		head  string
		after time.Duration
	}{
		"it drips":   {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", 2 * time.Minute},
		"it is mute": {"", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var work sync.WaitGroup
				dial := func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					work.Go(func() { drip(theirs, test.head) })
					return ours, nil
				}
				begin := time.Now()
				_, _, err := feed.NewFetcher(dial, "test").Fetch(context.Background(), "http://lists.example/", nil)
				if took := time.Since(begin); kindOf(err) != feed.Network || took != test.after {
					t.Errorf("%v after %v, want to give up after %v", err, took, test.after)
				}
				work.Wait()
			})
		})
	}
}

// drip answers a request with head and then an octet a second; with nothing if there is no head.
func drip(c net.Conn, head string) {
	defer c.Close()
	if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
		return
	}
	if head == "" {
		_, _ = io.Copy(io.Discard, c) // until the client goes
		return
	}
	for text := head; ; text = "." {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// farAway is a connection that is said to lead to a public address.
type farAway struct{ net.Conn }

// RemoteAddr is that address.
func (farAway) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1)} }

func TestRedirectsLeadNowhereCloser(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest/meta-data", http.StatusFound))
	defer server.Close()
	f := feed.NewFetcher(func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, server.Listener.Addr().String())
		return farAway{conn}, err
	}, "test")
	_, _, err := f.Fetch(t.Context(), "http://lists.example/", nil)
	if err == nil || !strings.Contains(err.Error(), `"http://169.254.169.254/latest/meta-data": redirected to an address of this machine`) {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "99999999": 24 * time.Hour,
		"Mon, 02 Nov 2026 12:30:00 GMT": 30 * time.Minute, "Mon, 02 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := feed.RetryAfter(text, now); got != want {
			t.Errorf("RetryAfter(%q) = %v, want %v", text, got, want)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer s.Close()
	_, _, err := fetcher().Fetch(context.Background(), s.URL, nil)
	if e, ok := errors.AsType[*feed.Error](err); !ok || e.After != 90*time.Second || e.Kind != feed.Status {
		t.Errorf("%v, want to wait for 90 s", err)
	}
}

func TestFetchFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(path, []byte("a.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, unchanged, err := fetcher().Fetch(context.Background(), path, nil)
	if err != nil || unchanged || string(d.Data) != "a.example\n" {
		t.Fatalf("%q %v %v", d.Data, unchanged, err)
	}
	if _, unchanged, err = fetcher().Fetch(context.Background(), path, &d); err != nil || !unchanged {
		t.Errorf("%v %v, want it unchanged", unchanged, err)
	}
	for _, bad := range []string{path + ".none", filepath.Dir(path)} {
		if _, _, err := fetcher().Fetch(context.Background(), bad, nil); kindOf(err) != feed.Network {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	address := strings.Replace(s.URL, "http://", "http://user:hunter2@", 1)
	_, _, err := fetcher().Fetch(context.Background(), address, nil)
	if text := fmt.Sprint(err, feed.Shown(address)); strings.Contains(text, "hunter2") || !strings.Contains(text, "404") {
		t.Error(text)
	}
}
