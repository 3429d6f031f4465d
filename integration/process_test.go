package integration_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// A process is a running `splitdns serve`.
type process struct {
	Addr string // where it listens: the first address that it announced

	cmd            *exec.Cmd
	stdout, stderr transcript
	ended          chan struct{} // closed when it has exited and all it printed is there
}

// announced and announcedHTTP are what serve prints when it listens.
var (
	announced     = regexp.MustCompile(`(?m)^splitdns \S+: listening on (\S+:\d+)\b`)
	announcedHTTP = regexp.MustCompile(`(?m)^HTTP on (http://[^/]+):`)
)

// run starts `splitdns serve` with args in dir, on a port of 127.0.0.1 unless
// args say where, and waits until it listens. The caller stops it.
func run(dir string, env []string, args ...string) (*process, error) {
	if !slices.Contains(args, "--listen") {
		args = append([]string{"--listen", "127.0.0.1:0"}, args...)
	}
	cmd := exec.Command(command, append([]string{"serve"}, args...)...)
	cmd.Dir, cmd.Env = dir, env
	return launch(cmd)
}

// launch is run with a command that becomes `splitdns serve`.
func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState has the exit code
		p.stdout.end()
		p.stderr.end()
		close(p.ended)
	}()
	match, err := p.stderr.wait(announced)
	if err != nil {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
		return nil, err
	}
	p.Addr = match[1]
	return p, nil
}

// crashed is what the Go runtime prints when a program is wrong.
var crashed = regexp.MustCompile(`WARNING: DATA RACE|panic:|fatal error:`)

// stop ends p at once. The test fails if there was a data race or a panic.
func (p *process) stop(t testing.TB) {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
	if crashed.MatchString(p.stderr.String()) {
		t.Errorf("the server's standard error:\n%s", &p.stderr)
	}
	if t.Failed() {
		t.Logf("the server's standard error:\n%s", &p.stderr)
	}
}

// signal sends a signal.
func (p *process) signal(s os.Signal) error {
	return p.cmd.Process.Signal(s)
}

// wait waits until p has exited, and returns its exit code.
func (p *process) wait() (int, error) {
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, errors.New("still running:\n" + p.stderr.String())
	}
}

// start is run in a Go test, with which it ends.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p, err := run(t.TempDir(), nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	return p
}

// port is the port of an address.
func port(addr string) string {
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		panic("integration: " + err.Error())
	}
	return p
}

// writeConfig writes a configuration file and returns its path.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
