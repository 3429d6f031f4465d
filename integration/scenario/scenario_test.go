package scenario_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/zones/tomlfile"
)

// folder is where the scenarios lie, a file for each subject.
const folder = "../testdata/scenario"

// TestScenarios runs all scenarios. With -v it lists them by subject.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(folder, "*.scenario"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s: %v", folder, err)
	}
	count := 0
	for _, file := range files {
		all, err := parseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		count += len(all)
		t.Logf("%4d %s", len(all), strings.TrimSuffix(filepath.Base(file), ".scenario"))
		t.Run(strings.TrimSuffix(filepath.Base(file), ".scenario"), func(t *testing.T) {
			t.Parallel()
			for _, s := range all {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					if _, problems := config.Parse("", []byte(s.needs)); problems.Errors() {
						t.Skipf("the server does not know this yet: %v", problems)
					}
					if err := run(t, s); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
	t.Logf("%4d scenarios", count)
}

// world is where a scenario takes place: a server with its upstreams, and the time.
type world struct {
	*scenario
	dir       string // of the configuration and its files
	upstreams map[string]*scripted
	passed    atomic.Int64 // time.Duration that the clock went on by pass
	sent      atomic.Int64 // queries of clients
	server    *server.Server
	log       *lines

	conversations map[string]*conversation // "" is the last one
	open          []net.Conn
}

// run runs a scenario, and returns the first thing that is not as it says.
func run(t *testing.T, s *scenario) error {
	t.Helper()
	w := &world{scenario: s, dir: t.TempDir(), upstreams: map[string]*scripted{}, conversations: map[string]*conversation{}, log: new(lines)}
	for _, u := range s.upstreams {
		w.upstreams[u.name] = startUpstream(t, u, &w.sent)
	}
	if err := w.start(t); err != nil {
		return err
	}
	for _, st := range s.steps {
		if err := st.run(w); err != nil {
			return w.explained(err)
		}
	}
	return w.explained(nil)
}

// explained is err with the problems of the upstreams and what the server has said.
func (w *world) explained(err error) error {
	var b strings.Builder
	for _, u := range w.upstreams {
		u.mu.Lock()
		for _, problem := range u.problems {
			fmt.Fprintf(&b, "%v\n", problem)
		}
		u.mu.Unlock()
	}
	if err == nil && b.Len() == 0 {
		return nil
	}
	if err != nil {
		fmt.Fprintf(&b, "%v\n", err)
	}
	if said := w.log.serious(); said != "" {
		fmt.Fprintf(&b, "the server said\n%s", said)
	}
	return fmt.Errorf("%s", b.String())
}

// start starts the server, which ends with the test.
func (w *world) start(t *testing.T) error {
	t.Helper()
	for _, n := range w.files {
		if err := os.WriteFile(filepath.Join(w.dir, n.rest()), []byte(n.block()), 0o600); err != nil {
			return n.errorf("%v", err)
		}
	}
	if err := w.configure(w.config); err != nil {
		return err
	}
	if err := w.writeCertificate(); err != nil {
		return err
	}
	began := time.Now().Add(time.Second) // after whatever the server takes for its start
	var problems tomlfile.Problems
	s, err := server.Open(server.Options{
		Load: func() (c *config.Config, files []config.File, ps tomlfile.Problems) {
			c, files, problems = w.load()
			return c, files, problems
		},
		Version: "scenario", Stdout: w.log, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Now: func() time.Time { return began.Add(time.Duration(w.passed.Load())) },
	})
	if err != nil {
		return fmt.Errorf("%s: %w\n%v", w.place, err, problems)
	}
	w.server = s
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		for _, c := range w.open {
			_ = c.Close()
		}
		for _, u := range w.upstreams {
			u.release()
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: the server ended with %v", w.place, err)
		}
	})
	return nil
}

// listenOn is where servers listen. Those without IPv6 do without.
var listenOn = sync.OnceValue(func() []netip.AddrPort {
	addrs := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	if l, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		_ = l.Close()
		addrs = append(addrs, netip.MustParseAddrPort("[::1]:0"))
	}
	return addrs
})

// load reads the configuration.
func (w *world) load() (*config.Config, []config.File, tomlfile.Problems) {
	c, files, problems := config.LoadFiles(w.configFile())
	if c != nil {
		c = c.WithListen(listenOn())
	}
	return c, files, problems
}

// configFile is the file of the configuration.
func (w *world) configFile() string { return filepath.Join(w.dir, "splitdns.toml") }

// upstreamWord is $NAME in a configuration.
var upstreamWord = regexp.MustCompile(`\$\w+`)

// configure writes the configuration. $NAME stands for the address of an upstream; those
// that it does not name have a group of their own name.
func (w *world) configure(text string) error {
	var unknown error
	done := upstreamWord.ReplaceAllStringFunc(text, func(word string) string {
		u := w.upstreams[word[1:]]
		if u == nil {
			unknown = fmt.Errorf("%s: config: no upstream for %s", w.place, word)
			return word
		}
		return u.addr.String()
	})
	if unknown != nil {
		return unknown
	}
	for name, u := range w.upstreams {
		if !strings.Contains(text, "$"+name) && !strings.Contains(text, "[upstream."+name+"]") {
			done += fmt.Sprintf("\n[upstream.%s]\nservers = [%q]\n", name, u.addr)
		}
	}
	if !strings.Contains(done, "[upstream.default]") {
		done += "\n[upstream.default]\nservers = [\"127.0.0.1:9\"]\n" // nobody: not the system's
	}
	if !strings.Contains(done, "[zones]") {
		done += "\n[zones]\nedition = \"2020-09-08\"\n" // the smaller one: reading it is most of what a scenario costs
	}
	return os.WriteFile(w.configFile(), []byte(done), 0o600)
}

// reload changes the configuration, and waits until the server has taken it, or with
// "refused" has said no.
func (w *world) reload(n *node, text string) error {
	want := "msg=\"reloaded: "
	if n.rest() == "refused" {
		want = "reload refused"
	}
	before := w.log.count(want)
	if err := w.configure(text); err != nil {
		return err
	}
	for until := time.Now().Add(patience); w.log.count(want) == before; {
		if time.Now().After(until) {
			return n.errorf("the server did not say %q", want)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// addr is where the server listens.
func (w *world) addr(ipv6 bool) netip.AddrPort {
	for _, a := range w.server.Addrs() {
		if a.Addr().Is6() == ipv6 {
			return a
		}
	}
	return netip.AddrPort{}
}

// lines is a log. It is safe for concurrent use.
type lines struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write adds p.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// count counts the lines that hold text.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.b.Bytes(), []byte(text))
}

// serious are the lines of warnings and errors.
func (l *lines) serious() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, "level=WARN") || strings.Contains(line, "level=ERROR") {
			b.WriteString("\t" + line)
		}
	}
	return b.String()
}
