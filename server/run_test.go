package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/servertest"
	"splitdns/zones/tomlfile"
)

// patience is how long a test waits for what should happen soon.
const patience = 10 * time.Second

// running is a server under Run, on sockets of the loopback interface.
type running struct {
	*server.Server
	addr  string        // of DNS
	said  chan string   // what it says to the administrator, by line
	loads chan struct{} // a token for each time the configuration is read
	stop  func() error  // ends it and returns what Run returned; may be called again
	out   *lockedBuffer // the query log on standard output
}

// lockedBuffer is a buffer that several goroutines may use.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write adds to b.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String is what was written so far.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// lines sends each message to a channel.
type lines chan string

// Write sends p, which is one message.
func (l lines) Write(p []byte) (int, error) {
	l <- strings.TrimSpace(string(p))
	return len(p), nil
}

// start opens and runs a server on the configuration file at path. It ends with
// the test.
func start(t *testing.T, path string) *running {
	t.Helper()
	return startWith(t, path, server.Options{})
}

// startWith is start with more options.
func startWith(t *testing.T, path string, o server.Options) *running {
	t.Helper()
	r := &running{said: make(chan string, 1000), loads: make(chan struct{}, 1000), out: new(lockedBuffer)}
	o.Load = func() (*config.Config, []config.File, tomlfile.Problems) {
		defer func() { r.loads <- struct{}{} }()
		return config.LoadFiles(path)
	}
	o.LoadCandidate = func(zone string) (*config.Config, []config.File, tomlfile.Problems) {
		return config.LoadCandidate(path, zone)
	}
	o.Version, o.Stdout, o.Log = "test", r.out, slog.New(slog.NewTextHandler(lines(r.said), nil))
	var err error
	r.Server, err = server.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	r.addr = r.Addrs()[0].String()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// hears waits until the server says something with text in it, and returns all
// that it said until then.
func (r *running) hears(t *testing.T, text string) (said []string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line := <-r.said:
			said = append(said, line)
			if strings.Contains(line, text) {
				return said
			}
		case <-deadline:
			t.Fatalf("the server did not say %q, only\n%s", text, strings.Join(said, "\n"))
		}
	}
}

// asks sends a question to the server.
func (r *running) asks(t *testing.T, words, network string) *dns.Msg {
	t.Helper()
	m, _, err := (&dns.Client{Net: network, Timeout: patience}).Exchange(question(words), r.addr)
	if err != nil {
		t.Fatalf("%s over %s: %v", words, network, err)
	}
	return m
}

// write writes a file of a test.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runConfig is a configuration on chosen ports and with that upstream, whose rule
// has pin.
func runConfig(upstream netip.AddrPort, pin, more string) string {
	return fmt.Sprintf(`
[server]
listen = ["127.0.0.1:0"]
drain  = "2s"
[http]
listen = ["127.0.0.1:0"]
[upstream.default]
servers = [%q]
[zone.vendor]
names    = ["dual.example"]
prefixes = ["192.0.2.0/25"]
[rule.held]
zones = ["vendor"]
log   = true
pin   = %q
`, upstream, pin) + more
}

// upstreamOf starts an upstream that knows these records.
func upstreamOf(t *testing.T, records string) netip.AddrPort {
	return servertest.New(t, servertest.Records(t, strings.Split(records, "\n")...)).Addr
}

func TestRunAnswers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, runConfig(upstreamOf(t, mixed), "enforce", ""))
	r := start(t, file)
	for i, network := range []string{"udp", "tcp", "udp"} {
		m := r.asks(t, "dual.example", network)
		if got := addresses(m); !slices.Equal(got, []string{"192.0.2.1"}) {
			t.Errorf("question %d over %s: %v", i, network, m)
		}
	}
	if !strings.HasPrefix(r.Summary(), "edition 2026-03-24: ") || !strings.Contains(r.Summary(), "rules: held") {
		t.Errorf("summary %q", r.Summary())
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(r.out.String(), "\n"); n != 3 {
		t.Errorf("%d entries after the end, want all 3:\n%s", n, r.out)
	}
	if _, _, err := new(dns.Client).Exchange(question("dual.example"), r.addr); err == nil {
		t.Error("it answers after its end")
	}
}

// TestDrain stops a server while a query is under way: it is answered, and until
// then the server says that it is not ready.
func TestDrain(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	var first sync.Once // the question may be repeated
	upstream := servertest.New(t, func(q *servertest.Query) {
		first.Do(func() { close(asked) })
		select {
		case <-release:
			servertest.Records(t, mixed[:strings.Index(mixed, "\n")])(q)
		case <-q.Done:
		}
	})
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, runConfig(upstream.Addr, "observe", ""))
	r := start(t, file)
	ready := "http://" + r.HTTPAddrs()[0].String() + "/readyz"
	if code := status(t, ready); code != http.StatusOK {
		t.Errorf("/readyz says %d at first", code)
	}
	answered := make(chan *dns.Msg, 1)
	go func() {
		m, _, _ := (&dns.Client{Timeout: patience}).Exchange(question("dual.example"), r.addr)
		answered <- m
	}()
	<-asked
	ended := make(chan error, 1)
	go func() { ended <- r.stop() }()
	r.hears(t, "stopping")
	for range 200 { // it goes on saying so
		if code := status(t, ready); code != http.StatusServiceUnavailable {
			t.Errorf("/readyz says %d while draining", code)
		}
	}
	close(release)
	if m := <-answered; m == nil || len(m.Answer) != 1 {
		t.Errorf("the query under way got %v", m)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// status asks a URL and returns the status code.
func status(t *testing.T, url string) int {
	t.Helper()
	response, err := (&http.Client{Timeout: patience}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func TestOpenRefuses(t *testing.T) {
	taken, err := server.Open(options(t, runConfig(netip.MustParseAddrPort("192.0.2.53:53"), "observe", "")))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ config, want string }{
		"bad configuration": {"[server]\nlisten = 5\n", "the configuration has problems: 1"},
		"a port in use":     {fmt.Sprintf("[server]\nlisten = [%q]\n[upstream.default]\nservers = [\"192.0.2.53\"]\n", taken.Addrs()[0]), "already in use"},
		"an HTTP port in use": {fmt.Sprintf("[server]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [%q]\n[upstream.default]\nservers = [\"192.0.2.53\"]\n",
			taken.HTTPAddrs()[0]), "http.listen"},
		"a log that cannot be written": {"[server]\nlisten = [\"127.0.0.1:0\"]\n[log]\nqueries = \"/tmp/.\"\n[upstream.default]\nservers = [\"192.0.2.53\"]\n", "query log"},
	} {
		s, err := server.Open(options(t, c.config))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want an error with %q", name, s, err, c.want)
		}
		problems, ok := errors.AsType[*server.ConfigError](err)
		if ok != (name == "bad configuration") || ok && len(problems.Problems) != 1 {
			t.Errorf("%s: problems %v", name, problems)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := taken.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestConfigErrorCountsNoWarnings counts.
func TestConfigErrorCountsNoWarnings(t *testing.T) {
	err := &server.ConfigError{Problems: tomlfile.Problems{{Text: "odd", Warning: true}, {Text: "bad"}, {Text: "worse"}}}
	if want := "the configuration has problems: 2"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

// TestFailedOpenLeavesNoFile holds that the query log is closed when the sockets
// cannot be opened.
func TestFailedOpenLeavesNoFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks at open files as Linux shows them")
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	log := filepath.Join(t.TempDir(), "queries.log")
	_, err = server.Open(options(t, fmt.Sprintf("[server]\nlisten = [%q]\n[log]\nqueries = %q\n[upstream.default]\nservers = [\"192.0.2.53\"]\n", taken.Addr(), log)))
	if err == nil || !strings.Contains(err.Error(), "already in use") {
		t.Fatalf("Open: %v, want a taken port", err)
	}
	if _, err := os.Stat(log); err != nil {
		t.Errorf("the log was never opened: %v", err)
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(open) == 0 {
		t.Fatalf("open files %v, %v", open, err)
	}
	for _, fd := range open {
		if at, _ := os.Readlink(fd); at == log { // an error: closed meanwhile
			t.Errorf("%s is still open", log)
		}
	}
}

// TestFailureOfHTTPIsReported takes the HTTP service its socket away: that is said
// at once, and queries are answered.
func TestFailureOfHTTPIsReported(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, runConfig(upstreamOf(t, mixed), "enforce", ""))
	r := start(t, file)
	status(t, "http://"+r.HTTPAddrs()[0].String()+"/readyz") // it is being served
	server.BreakHTTP(r.Server)
	said := r.hears(t, "HTTP on "+r.HTTPAddrs()[0].String()+" has ended")
	if last := said[len(said)-1]; !strings.Contains(last, "level=ERROR") {
		t.Errorf("it said %q, want an error", last)
	}
	if got := addresses(r.asks(t, "dual.example", "udp")); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Errorf("%v after the failure", got)
	}
	if err := r.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// options are those of a server on a configuration text.
func options(t *testing.T, text string) server.Options {
	file := filepath.Join(t.TempDir(), "config.toml")
	write(t, file, text)
	return server.Options{
		Load:   func() (*config.Config, []config.File, tomlfile.Problems) { return config.LoadFiles(file) },
		Stdout: io.Discard, Log: slog.New(slog.DiscardHandler),
	}
}

// TestRunLeavesNothingBehind counts goroutines before and after a whole life.
func TestRunLeavesNothingBehind(t *testing.T) {
	upstream := upstreamOf(t, mixed)
	life := func() {
		s, err := server.Open(options(t, runConfig(upstream, "observe", "")))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		for _, network := range []string{"udp", "tcp"} {
			client := &dns.Client{Net: network, Timeout: patience}
			if _, _, err := client.Exchange(question("dual.example"), s.Addrs()[0].String()); err != nil {
				t.Error(err)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	life() // the first one starts what the runtime and the libraries keep
	before := runtime.NumGoroutine()
	life()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
