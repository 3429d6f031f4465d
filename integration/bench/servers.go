//go:build linux

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A setup is what the configuration of a server must say.
type setup struct {
	Dir      string // its own, where its files are
	Port     int    // of 127.0.0.1, for UDP and TCP
	Upstream int    // the port of the stub
	Cache    cacheSize
	List     string // the file of the list; empty: without
	User     string // who runs it
}

// A cacheSize is how much the cache of each server holds: names, and octets where a
// server counts these.
type cacheSize struct{ Names, Octets int }

// usualCache is the size in all workloads but the large one.
var usualCache = cacheSize{100_000, 128 << 20}

// cacheFor is a cache with room for half as many names again as there are. The octets
// are a limit that none reaches.
func cacheFor(names int) cacheSize { return cacheSize{names * 3 / 2, names * 1500} }

// A configuration is the files of a server, by their names in its directory, its
// arguments, and what its environment has besides ours.
type configuration struct {
	Files map[string]string
	Args  []string
	Env   []string
}

// A server is one that can be measured.
type server struct {
	Name      string
	Programs  []string // the executable, by any of its names
	Package   string   // Debian's
	Version   string   // the argument that makes it print its version; empty: it is ours
	List      listFormat
	Configure func(setup) configuration
	Only      []string     // the workloads that make sense; none: all
	Large     bool         // its cache can hold a million names, and is filled in a minute
	Before    func() error // done before each start; nil: nothing

	argv []string // how to run it, without the arguments
	said string   // its version
}

// echoName is the server that the others are compared with.
const echoName = "echo"

// does says whether the server takes part in a workload.
func (s *server) does(w workload) bool {
	return (len(s.Only) == 0 || slices.Contains(s.Only, w.Name)) && (s.Large || !w.Large)
}

// locate finds the executable, also where only root's PATH would.
func (s *server) locate() bool {
	for _, program := range s.Programs {
		for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
			if path, err := exec.LookPath(dir + program); err == nil {
				s.argv = []string{path}
				return true
			}
		}
	}
	return false
}

// versionNumber is a version in what a server prints about itself.
var versionNumber = regexp.MustCompile(`[0-9]+\.[0-9]+(\.[0-9]+)?(-[0-9A-Za-z~.+]+)*`)

// learnVersion asks a peer for its version.
func (s *server) learnVersion() {
	out, _ := exec.Command(s.argv[0], s.Version).CombinedOutput() // some exit with 1
	s.said = cmp.Or(versionNumber.FindString(string(out)), "unknown version")
}

// launch writes the files of a server and starts it.
func (s *server) launch(at setup, core int) (*process, error) {
	c := s.Configure(at)
	for name, text := range c.Files {
		if err := os.WriteFile(filepath.Join(at.Dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	if s.Before != nil {
		if err := s.Before(); err != nil {
			return nil, err
		}
	}
	p, err := spawn(at.Dir, command{Argv: slices.Concat(s.argv, c.Args), Env: c.Env, Core: core})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.Name, err)
	}
	return p, nil
}

// A missing is a server that is not installed.
type missing struct {
	Name    string `json:"name"`
	Package string `json:"package"`
}

// choose keeps the servers of names, or all if there are none, and the first, which the
// others are compared with; it says which of these are not installed.
func choose(all []*server, names []string) (chosen []*server, absent []missing, err error) {
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s *server) bool { return s.Name == name }) {
			return nil, nil, fmt.Errorf("no server %q: there are %s", name, strings.Join(serverNames(all), ", "))
		}
	}
	for _, s := range all {
		if len(names) > 0 && s != all[0] && !slices.Contains(names, s.Name) {
			continue
		}
		if s.Package != "" && !s.locate() {
			absent = append(absent, missing{s.Name, s.Package})
			continue
		}
		chosen = append(chosen, s)
	}
	return chosen, absent, nil
}

// serverNames are the names of servers.
func serverNames(all []*server) []string {
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

// prepare builds what is built here, into dir, and asks the others for their
// versions.
func prepare(chosen []*server, dir string) error {
	for _, s := range chosen {
		var err error
		switch {
		case s.Package != "":
			s.learnVersion()
		case s.Name == echoName:
			s.argv, s.said, err = buildEcho(dir)
		default:
			s.argv, s.said, err = buildSplitdns(dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// buildSplitdns builds splitdns from this tree into dir and returns how to run it,
// and its version.
func buildSplitdns(dir string) (argv []string, version string, err error) {
	program := filepath.Join(dir, "splitdns")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", program, "splitdns/cmd/splitdns").CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("building splitdns (run bench in its source tree): %w\n%s", err, out)
	}
	out, err := exec.Command(program, "version").Output()
	if err != nil {
		return nil, "", fmt.Errorf("asking splitdns for its version: %w", err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return []string{program}, first, nil
}

// userName is who runs this program.
func userName() (string, error) {
	u, err := user.Current()
	if err != nil {
		return "", errors.Join(errors.New("finding out who runs this"), err)
	}
	return u.Username, nil
}
