package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"splitdns/server"
)

// controlled is a running server with a control socket.
type controlled struct {
	*running
	file, socket string
}

// startControlled starts a server with a control socket, and an upstream that knows www.example.
func startControlled(t *testing.T) controlled {
	t.Helper()
	dir := t.TempDir()
	c := controlled{file: filepath.Join(dir, "config.toml"), socket: filepath.Join(dir, "c.sock")}
	write(t, c.file, c.config(t, ""))
	c.running = start(t, c.file)
	return c
}

// config is a configuration of c.
func (c controlled) config(t *testing.T, more string) string {
	text := runConfig(upstreamOf(t, mixed+"\nwww.example. 60 IN A 192.0.2.9"), "enforce", more)
	return strings.Replace(text, "[server]", fmt.Sprintf("[server]\ncontrol = %q", c.socket), 1)
}

// calls asks the control socket, and returns the status code and the body.
func (c controlled) calls(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	code, text, err := call(c.socket, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return code, text
}

// call asks a control socket.
func call(socket, method, path, body string) (code int, text string, err error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequest(method, "http://splitdns"+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(all), err
}

// status asks for the status.
func (c controlled) status(t *testing.T) (st server.Status) {
	t.Helper()
	if _, text := c.calls(t, http.MethodGet, "/v1/status", ""); json.Unmarshal([]byte(text), &st) != nil {
		t.Fatalf("status: %s", text)
	}
	return st
}

func TestControlStatus(t *testing.T) {
	t.Parallel()
	c := startControlled(t)
	for _, network := range []string{"udp", "udp", "udp", "tcp"} {
		c.asks(t, "www.example", network)
	}
	c.asks(t, "no.example", "udp")
	st := c.status(t)
	if st.Version != "test" || !st.Ready || st.Started.After(st.Now) || st.Config.File != c.file || len(st.Config.Digest) != 8 || st.Config.Edition != "2026-03-24" {
		t.Errorf("%+v", st)
	}
	if l := st.Listeners; len(l) != 1 || l[0].Address != c.addr || l[0].Transport != "plain" || l[0].UDP != 4 || l[0].TCP != 1 || l[0].Accepted != 1 {
		t.Errorf("listeners %+v, want one with 4 queries over UDP and 1 over TCP", l)
	}
	if q := st.Queries; q.Limit != 10_000 || q.InFlight != 0 || q.Sources["miss"] != 2 || q.Sources["hit"] != 1 || q.Sources["finished"] != 2 {
		t.Errorf("queries %+v, want 2 misses, 1 hit, 2 finished", q)
	}
	if st.Cache.Entries != 1 || st.Cache.Bytes == 0 || st.Cache.Finished != 1 || st.Cache.FinishedBytes == 0 || st.Cache.BytesLimit != 256<<20 {
		t.Errorf("cache %+v, want 1 answer, finished too", st.Cache)
	}
	if u := st.Upstreams; len(u) != 1 || u[0].Group != "default" || u[0].Queries != 2 || u[0].Answered != 2 || u[0].RTT <= 0 {
		t.Errorf("upstreams %+v, want one that answered twice", u)
	} else if s := u[0].Servers; len(s) != 1 || s[0].State != "ok" || s[0].Queries < 2 || s[0].Answers < 2 || s[0].RTT <= 0 || !strings.HasPrefix(s[0].Address, "127.0.0.1:") {
		t.Errorf("servers %+v, want one that is ok and answered twice", s)
	}
	if !st.Reloads.LastOK || !st.Reloads.Last.IsZero() {
		t.Errorf("reloads %+v, want none", st.Reloads)
	}
}

func TestControlReload(t *testing.T) {
	t.Parallel()
	c := startControlled(t)
	reload := func() (r server.Reloaded) {
		if code, text := c.calls(t, http.MethodPost, "/v1/reload", ""); code != http.StatusOK || json.Unmarshal([]byte(text), &r) != nil {
			t.Fatalf("reload: %d %s", code, text)
		}
		return r
	}
	before := c.Summary()
	write(t, c.file, c.config(t, "tgas = [\"x\"]\n"))
	r := reload()
	if said := strings.Join(r.Problems, "\n"); r.OK || !strings.Contains(said, c.file+":17: rule.held.tgas: unknown key") || r.InForce != before {
		t.Errorf("%+v, want it refused for rule.held.tgas and %q in force", r, before)
	}
	if st := c.status(t); st.Reloads.LastOK || st.Reloads.Refused == 0 || st.Reloads.Last.IsZero() {
		t.Errorf("%+v, want one refused", st.Reloads)
	}
	write(t, c.file, strings.Replace(c.config(t, "tags = [\"x\"]\n"), "drain", "tcp_idle = \"7s\"\ndrain", 1))
	r = reload()
	if !r.OK || r.InForce == before || r.InForce != c.Summary() || len(r.Restart) != 1 || !strings.HasPrefix(r.Restart[0], "server.tcp_idle has changed") {
		t.Errorf("%+v, want it in force, and a word about server.tcp_idle", r)
	}
	if st := c.status(t); !st.Reloads.LastOK || st.Reloads.OK == 0 {
		t.Errorf("%+v, want one that is ok", st.Reloads)
	}
}

func TestControlFlush(t *testing.T) {
	t.Parallel()
	c := startControlled(t)
	c.asks(t, "www.example", "udp")
	c.asks(t, "www.example", "udp")
	for _, call := range []struct{ body, want string }{
		{`{"pattern":"other.example"}`, `{"answers":0}`},
		{`{"pattern":".example"}`, `{"answers":1}`},
		{`{}`, `{"answers":0}`},
	} {
		if code, text := c.calls(t, http.MethodPost, "/v1/flush", call.body); code != http.StatusOK || strings.TrimSpace(text) != call.want {
			t.Errorf("flush %s: %d %s, want %s", call.body, code, text, call.want)
		}
	}
	if st := c.status(t); st.Cache.Entries != 0 || st.Cache.Flushed != 1 || st.Cache.Finished != 0 {
		t.Errorf("%+v, want nothing cached, and 1 flushed", st.Cache)
	}
}

func TestControlRefuses(t *testing.T) {
	t.Parallel()
	c := startControlled(t)
	for name, call := range map[string]struct {
		method, path, body string
		code               int
		want               string
	}{
		"no such path":        {http.MethodGet, "/v2/status", "", 404, "no GET /v2/status"},
		"the wrong method":    {http.MethodGet, "/v1/flush", "", 404, "no GET /v1/flush"},
		"no body":             {http.MethodPost, "/v1/flush", "", 400, "reading the body"},
		"no JSON":             {http.MethodPost, "/v1/flush", "www.example", 400, "reading the body"},
		"an unknown key":      {http.MethodPost, "/v1/flush", `{"name":"www.example"}`, 400, `"name"`},
		"no name":             {http.MethodPost, "/v1/flush", `{"pattern":"a..b"}`, 400, "empty label"},
		"a body without end":  {http.MethodPost, "/v1/flush", `{"pattern":"` + strings.Repeat("a", 5000), 400, "too large"},
		"the public services": {http.MethodGet, "/metrics", "", 404, "no GET /metrics"},
	} {
		code, text := c.calls(t, call.method, call.path, call.body)
		var refusal struct{ Error string }
		if code != call.code || json.Unmarshal([]byte(text), &refusal) != nil || !strings.Contains(refusal.Error, call.want) {
			t.Errorf("%s: %d %s, want %d and an error with %q", name, code, text, call.code, call.want)
		}
	}
}

// TestControlSocket looks at the socket's file through a server's life.
func TestControlSocket(t *testing.T) {
	c := startControlled(t)
	if runtime.GOOS == "linux" {
		if info, err := os.Lstat(c.socket); err != nil || info.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("%v, %v, want a socket for its owner only", info.Mode(), err)
		}
	}
	o := options(t, c.config(t, ""))
	if s, err := server.Open(o); err == nil || !strings.Contains(err.Error(), "server.control: "+c.socket+": another server is listening") {
		t.Errorf("a second server: %v %v, want the socket named", s, err)
	}
	if st := c.status(t); !st.Ready {
		t.Error("the first server does not answer any more")
	}
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(c.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: %v, want no file", err)
	}
}

// TestControlSocketLeftBehind starts where a killed server has left its socket.
func TestControlSocketLeftBehind(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "c.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	c := controlled{file: filepath.Join(t.TempDir(), "config.toml"), socket: socket}
	write(t, c.file, c.config(t, ""))
	c.running = start(t, c.file)
	if st := c.status(t); !st.Ready {
		t.Errorf("%+v", st)
	}
}

func TestControlSocketCannotBe(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "file")
	write(t, plain, "precious")
	for path, want := range map[string]string{
		plain: "is there and is no socket: give another path",
	} {
		c := controlled{socket: path}
		if s, err := server.Open(options(t, c.config(t, ""))); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "server.control: ") {
			t.Errorf("%s: %v %v, want %q", path, s, err, want)
		}
	}
	if text, err := os.ReadFile(plain); string(text) != "precious" || err != nil {
		t.Errorf("the file in the way: %q, %v", text, err)
	}
}

// TestControlIsBounded opens more connections than there are places, which say nothing: who
// comes later waits, and is answered.
func TestControlIsBounded(t *testing.T) {
	t.Parallel()
	c := startControlled(t)
	for range 30 {
		nc, err := net.Dial("unix", c.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	if st := c.status(t); !st.Ready {
		t.Errorf("%+v", st)
	}
}

// TestControlUnderLoad asks, flushes, reloads and looks at once.
func TestControlUnderLoad(t *testing.T) {
	t.Parallel()
	c := startControlled(t)
	go func() { // what it says is of no interest
		for range c.said {
			continue
		}
	}()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 200 {
				c.asks(t, "www.example", "udp")
			}
		})
	}
	for _, q := range []struct{ method, path, body string }{
		{http.MethodGet, "/v1/status", ""},
		{http.MethodPost, "/v1/reload", ""},
		{http.MethodPost, "/v1/flush", `{"pattern":".example"}`},
	} {
		wg.Go(func() {
			for range 20 {
				if code, text, err := call(c.socket, q.method, q.path, q.body); code != http.StatusOK || err != nil {
					t.Errorf("%s: %d %s %v", q.path, code, text, err)
				}
			}
		})
	}
	wg.Wait()
	if st := c.status(t); st.Reloads.OK != 20 || st.Listeners[0].UDP != 400 {
		t.Errorf("%+v, want 20 reloads and 400 queries", st)
	}
}

// FuzzControlFlush gives the flush any body.
func FuzzControlFlush(f *testing.F) {
	b := newBench(f, silent, says(f, "www.example. 60 IN A 192.0.2.1"))
	for _, seed := range []string{`{"pattern":"*.corp.example"}`, `{"pattern":"."}`, `{`, `[]`, `{"pattern":"\u0000."}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		code, text := b.ControlFlush(body)
		if code != http.StatusOK && code != http.StatusBadRequest || !json.Valid([]byte(text)) {
			t.Errorf("%q: %d %s", body, code, text)
		}
	})
}
