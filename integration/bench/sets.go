//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The servers with which it is measured what sets cost: splitdns with one and the same
// rule, but for the sets.
const (
	withoutName  = "without"
	hashName     = "hash"
	intervalName = "interval"
)

// setsServers are these, first the one that the others are compared with.
func setsServers() []*server {
	return []*server{
		{Name: withoutName, Configure: configureSets("")},
		{Name: hashName, Configure: configureSets(setsLine("hash4", "hash6")), Before: emptySets},
		{Name: intervalName, Configure: configureSets(setsLine("interval4", "interval6")), Before: emptySets},
	}
}

// setsLine is the line of a rule with two sets of the bench's table.
func setsLine(set4, set6 string) string {
	return fmt.Sprintf(`sets = ["inet %s %s", "inet %[1]s %s"]`, setsTable, set4, set6)
}

// configureSets is splitdns with a rule that matches the names below setsSuffix, and in it
// the line that names sets.
func configureSets(line string) func(setup) configuration {
	return func(at setup) configuration {
		return at.splitdns(`queries = "off"`, lines("log = false", "[rule.sets]", `names = ["*`+setsSuffix+`"]`, `tags = ["sets"]`, line))
	}
}

// The table of the bench, and the end of the names that its rule matches.
const (
	setsTable  = "splitdns-bench"
	setsSuffix = ".sets.example"
)

// makeSets makes the sets of all servers, or makes them anew.
func makeSets() error {
	const table = "table inet " + setsTable
	return nft(lines(
		table, "delete "+table, table+" {",
		"set hash4 { type ipv4_addr; flags timeout; }", "set hash6 { type ipv6_addr; flags timeout; }",
		"set interval4 { type ipv4_addr; flags interval,timeout; }", "set interval6 { type ipv6_addr; flags interval,timeout; }",
		"}",
	))
}

// emptySets is makeSets: each run begins with empty sets, as it does with an empty cache.
func emptySets() error { return makeSets() }

// nft has the command do what script says.
func nft(script string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making sets with nft (Debian: apt-get install nftables): %w\n%s", err, out)
	}
	return nil
}

// coldRate is how many new names a second are asked to see their latency.
const coldRate = 5000

// setsWorkloads are what is asked of these servers.
func setsWorkloads() []workload {
	matched, other := setsNames(setsSuffix, fewLabel), setsNames(".other.example", fewLabel)
	fresh, mixed := setsNames(setsSuffix, ownLabel), setsNames(setsSuffix, ownLabel, fewLabel)
	closed := func(missShare float64, rate float64) []phase {
		return []phase{
			{Name: mainPhase, Mode: modeClosed, MissShare: missShare},
			{Name: latencyPhase, Mode: modeOpen, MissShare: missShare, Rate: rate},
		}
	}
	ordinary := closed(0, moderateRate)
	for i := range ordinary {
		ordinary[i].NoRD = true
	}
	return []workload{
		{Name: "held", Title: "cached, and the addresses are in their sets", Names: matched, Phases: closed(0, moderateRate)},
		{Name: "ordinary", Title: "the same where answers are made anew each time", Names: matched, Phases: ordinary},
		{Name: "known", Title: fmt.Sprintf("each name is new, its address one of %d", fewAddresses), Names: matched, Phases: closed(1, coldRate)},
		{Name: "fresh", Title: "each name is new, and so is its address", Names: fresh, Phases: closed(1, coldRate)},
		{Name: "mixed", Title: "every tenth name is new, and of every other of these the address", Names: mixed, Phases: closed(0.1, moderateRate)},
		{Name: "other", Title: "names that no rule with sets matches, cached", Names: other, Phases: closed(0, moderateRate)},
		{Name: "other-new", Title: "names that no rule with sets matches, each new", Names: other, Phases: closed(1, coldRate)},
	}
}

// setsNames are names that end in suffix: the hot ones share a few addresses, the new ones have
// addresses as their second label says, one of kinds.
func setsNames(suffix string, kinds ...string) *namesAsked {
	n := &namesAsked{}
	for i := range hotCount {
		n.Hot = append(n.Hot, fmt.Sprintf("host-%d.%s.site-%d%s", i, fewLabel, i%97, suffix))
	}
	for i := range 16 {
		n.Suffixes = append(n.Suffixes, fmt.Sprintf(".%s.site-%d%s", kinds[i%len(kinds)], i, suffix))
	}
	return n
}

// setsPace is for small differences: many rounds, each a short one.
var setsPace = pace{
	Rounds: 7, Ramp: 150 * time.Millisecond, Duration: 600 * time.Millisecond,
	Start: time.Minute, Limit: 9*time.Minute + 15*time.Second,
}

// namespaceEnv is set in the process that runs in a namespace of its own.
const namespaceEnv = "SPLITDNS_BENCH_NAMESPACE"

// inNamespace says whether this is that process.
func inNamespace() bool { return os.Getenv(namespaceEnv) != "" }

// runInNamespace runs this program once more in a network namespace of its own, with all that
// it starts: the kernel and its sets are real, and the sets of the machine are left alone. Only
// root needs no user namespace for that.
func runInNamespace(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, os.Args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), namespaceEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("making a network namespace: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("in a network namespace: %w", err)
	}
	return nil
}

// loopbackUp brings up the loopback interface, which a new namespace has down.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket: %w", err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return errors.Join(errors.New("bringing up the loopback interface"), err)
	}
	return nil
}
