// Package integration drives the real command as its users do: it builds
// splitdns, runs it as a process of its own, and asks it with dig and kdig. What
// can be tested beside the code is tested there.
//
// Each file of testdata/script is one behaviour, with its configuration, its
// upstream's records and the expected text; commands_test.go has the commands
// that scripts use besides those of testscript. Everything stays on the loopback
// interface or in a network namespace that the test made, and nothing waits for
// time to pass: scripts wait for what a program prints.
//
// A script that needs a tool that is missing is skipped; with CI=true that is a
// failure.
//
// What we do otherwise than unbound stands in testdata/oracle/differences.txt, line by
// line, each below the reason. A line that the test reports as not explained is a bug,
// or goes there as it is.
//
// The soak test lasts a few seconds, or as long as it is told:
//
//	go test ./integration -run Soak -v -soak 10m -timeout 0
package integration_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait. It is far longer than anything takes, as it ends
// only tests that fail.
const patience = 20 * time.Second

// command is the file of the command under test.
var command string

func TestMain(m *testing.M) {
	os.Exit(runMain(m))
}

// runMain builds the command once and runs the tests.
func runMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "splitdns-integration-*")
	if err == nil {
		defer os.RemoveAll(dir)
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build builds the command into dir, with the race detector if the tests have it.
// Another user must be able to run it, too.
func build(dir string) error {
	command = filepath.Join(dir, "splitdns")
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	args := []string{"build", "-o", command}
	if underRace {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "splitdns/cmd/splitdns")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the command: %w\n%s", err, out)
	}
	return errors.Join(os.Chmod(dir, 0o755), os.Chmod(command, 0o755))
}

// TestSourcesAreReadable reads the folders of the sources. What it finds does not
// matter: folders that a test has read are part of what its kept result depends
// on, so that `go test` does not take an old result for one of the command as it is.
func TestSourcesAreReadable(t *testing.T) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestScripts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the scripts use all of 127.0.0.0/8, signals and namespaces, as Linux has them")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Setup:               setup,
		Cmds:                commands,
		Condition:           condition,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// condition is [ipv6]: the loopback interface has an IPv6 address, and [ip_set]: the
// kernel has IP sets, which no package installs.
func condition(name string) (bool, error) {
	switch name {
	case "ipv6":
		l, err := net.Listen("tcp6", "[::1]:0")
		if err != nil {
			return false, nil
		}
		return true, l.Close()
	case "ip_set":
		return exec.Command("unshare", "--user", "--map-root-user", "--net", "ipset", "list", "-n").Run() == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// needs skips the test where one of tools is missing.
func needs(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing, and CI=true", tool)
		}
		t.Skipf("%s is missing", tool)
	}
}
