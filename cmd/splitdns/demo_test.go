package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"splitdns/server/config"
	"splitdns/server/policy"
)

func TestDemoConfigHasNoProblem(t *testing.T) {
	c, problems := config.Parse("", demoConfig)
	if c == nil {
		t.Fatalf("demo.toml does not load:\n%s", problems)
	}
	for _, p := range problems {
		if !p.Warning || !strings.Contains(p.Text, "validate DNSSEC") {
			t.Errorf("demo.toml: %s, want only the warning that comes with every pin", p)
		}
	}
	enforced := 0
	for _, r := range c.Rules {
		if r.Pin == policy.Enforce {
			enforced += len(r.Names)
		}
	}
	if enforced != 1 {
		t.Errorf("demo.toml enforces %d names, want 1", enforced)
	}
}

func TestDemonstrationsCanBeCopied(t *testing.T) {
	plain := regexp.MustCompile(`^[A-Za-z0-9@:.+= -]+$`) // nothing that a shell would change
	for _, d := range demonstrations {
		if _, err := regexp.Compile("(?s)" + d.shows); err != nil || d.shows == "" {
			t.Errorf("%s: shows %q: %v", d.dig, d.shows, err)
		}
		if d.says == "" || strings.ContainsAny(d.says, "\n") {
			t.Errorf("%s: says %q, want one line", d.dig, d.says)
		}
		if command := d.command(netip.MustParseAddrPort("[::1]:5300")); !plain.MatchString(command) {
			t.Errorf("%q needs quoting in a shell", command)
		}
	}
}

func TestAnnounceDemo(t *testing.T) {
	for at, server := range map[string]string{
		"127.0.0.1:5300":   "@127.0.0.1 -p 5300",
		"192.0.2.53:53":    "@192.0.2.53 -p 53",
		"[::1]:5300":       "@::1 -p 5300",
		"0.0.0.0:5353":     "@127.0.0.1 -p 5353",
		"[::]:5353":        "@::1 -p 5353",
		"[fe80::1%lo]:530": "@fe80::1%lo -p 530",
	} {
		var b bytes.Buffer
		announceDemo(&b, netip.MustParseAddrPort(at))
		if !strings.Contains(b.String(), "SIMULATED") {
			t.Errorf("announceDemo at %s does not say that it is simulated", at)
		}
		if got := strings.Count(b.String(), "\ndig "+server+" "); got != len(demonstrations) {
			t.Errorf("announceDemo at %s prints %d commands with %q, want %d", at, got, server, len(demonstrations))
		}
	}
}

// TestDemonstrationsShowWhatTheySay runs the commands as the command prints them,
// in order, with the real dig.
func TestDemonstrationsShowWhatTheySay(t *testing.T) {
	if _, err := exec.LookPath("dig"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("dig is missing")
		}
		t.Skip("dig is missing")
	}
	commands := startDemo(t, build(t))
	for i, d := range demonstrations {
		t.Run(d.dig, func(t *testing.T) {
			dig := exec.CommandContext(t.Context(), commands[i][0], commands[i][1:]...)
			dig.Env = append(os.Environ(), "HOME="+t.TempDir()) // no .digrc
			out, err := dig.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", strings.Join(commands[i], " "), err, out)
			}
			if !regexp.MustCompile("(?s)" + d.shows).Match(out) {
				t.Errorf("%s: want a match of\n%s\ngot\n%s", strings.Join(commands[i], " "), d.shows, out)
			}
		})
	}
}

// build builds the command and returns the path to it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "splitdns")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// startDemo starts `serve --demo` until the test ends, and returns the commands
// that it prints, split into words.
func startDemo(t *testing.T, path string) (commands [][]string) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	c := exec.CommandContext(ctx, path, "serve", "--demo", "--listen", "127.0.0.1:0")
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_, _ = io.Copy(io.Discard, stderr)
		_ = c.Wait() // the error is that of ctx
		if code := c.ProcessState.ExitCode(); code != exitFine {
			t.Errorf("serve --demo exits with %d after SIGTERM, want %d", code, exitFine)
		}
	})
	var said strings.Builder
	for lines := bufio.NewScanner(stderr); len(commands) < len(demonstrations) && lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if words := strings.Fields(lines.Text()); len(words) > 0 && words[0] == "dig" {
			commands = append(commands, words)
		}
	}
	if len(commands) < len(demonstrations) {
		t.Fatalf("serve --demo prints %d commands, want %d:\n%s", len(commands), len(demonstrations), said.String())
	}
	return commands
}
