package nftset_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"splitdns/server/internal/nftset"
	"splitdns/server/policy"
)

// inside is set in the process that runs in a namespace of its own: it is the namespace that the
// process came from.
const inside = "NFTSET_TEST_INSIDE"

// namespace runs the test or benchmark again in a network namespace of its own, and reports whether
// this is that run: nothing that it does to nftables is seen outside.
func namespace(t testing.TB, flags ...string) bool {
	t.Helper()
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		impossible(t, "no network namespace: "+err.Error())
	}
	if outside := os.Getenv(inside); outside != "" {
		if !strings.HasPrefix(outside, "net:[") || outside == own {
			t.Fatalf("%s=%s, in %s: the tests set it themselves, and would flush the ruleset of this machine", inside, outside, own)
		}
		return true
	}
	if _, err := exec.LookPath("nft"); err != nil {
		impossible(t, "nft is missing: apt-get install nftables")
	}
	if len(flags) == 0 {
		flags = []string{"-test.run=^" + t.Name() + "$"}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], append(flags, "-test.v", "-test.timeout=120s")...)
	cmd.Env = append(os.Environ(), inside+"="+own)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: gid, Size: 1}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		impossible(t, "no network namespace: "+err.Error())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("in its namespace: %v", err)
	}
	t.Log(out.String())
	return false
}

// impossible skips a test for want of something; where nothing may be missing, it fails.
func impossible(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// nft runs the command, which is the oracle for what is in a set.
func nft(t testing.TB, script string) string {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nft %.500s: %v\n%.500s", script, err, out)
	}
	return string(out)
}

// A running is a keeper with what it told.
type running struct {
	*nftset.Keeper
	t testing.TB

	mu   sync.Mutex
	good []string
	bad  []string
	lost int
}

// run starts a keeper for sets, all of one rule.
func run(t testing.TB, sets ...string) *running {
	t.Helper()
	r := &running{t: t}
	r.Keeper = nftset.New(nftset.Options{Now: time.Now, Report: r.report, Lost: func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lost++
	}})
	r.follow(sets...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run does not end")
		}
	})
	return r
}

// follow gives the keeper other sets.
func (r *running) follow(sets ...string) {
	c := nftset.Config{Grace: 2 * time.Minute, Min: 10 * time.Minute}
	for _, s := range sets {
		c.Sets = append(c.Sets, nftset.Wanted{Set: setOf(r.t, s), Rules: []string{"mdm"}})
	}
	r.Follow(c)
}

func (r *running) report(bad bool, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if bad {
		r.bad = append(r.bad, text)
		return
	}
	r.good = append(r.good, text)
}

// losses is how often Lost was called.
func (r *running) losses() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

// told is what was reported so far.
func (r *running) told() (good, bad string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.good, "\n"), strings.Join(r.bad, "\n")
}

// add puts addresses into a set, and is the verdict.
func (r *running) add(set string, addrs ...string) error {
	r.t.Helper()
	done := make(chan error, 2)
	r.Add(elements(r.t, set, addrs...), func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Second):
		r.t.Fatal("Add does not end")
	}
	return nil
}

// state waits until the set is in a state.
func (r *running) state(set, want string) nftset.SetStatus {
	r.t.Helper()
	var got nftset.SetStatus
	wait(r.t, set+" is "+want, func() bool {
		got = r.status(set)
		return got.State == want
	})
	return got
}

// status is that of one set.
func (r *running) status(set string) nftset.SetStatus {
	for _, s := range r.Status().Sets {
		if s.Set == setOf(r.t, set) {
			return s
		}
	}
	return nftset.SetStatus{}
}

// wait waits until something is true, for 2 seconds: that is what healing may take.
func wait(t testing.TB, what string, is func() bool) time.Duration {
	t.Helper()
	return waitFor(t, 2*time.Second, what, is)
}

// waitFor waits until something is true, for a time.
func waitFor(t testing.TB, most time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !is() {
		if time.Since(begin) > most {
			t.Fatalf("after %v: not %s", time.Since(begin), what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(begin)
}

// setOf is a set as nft writes it.
func setOf(t testing.TB, s string) policy.Set {
	t.Helper()
	set, err := policy.ParseSet(s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
