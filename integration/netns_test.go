//go:build linux

package integration_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A host is a machine of a test: a network namespace with a resolv.conf of its own.
// It has the loopback interface, and no way to anywhere but the cables that the test
// lays. It and what runs on it end with the test.
type host struct {
	t    testing.TB
	name string // of the namespace: no other test has it
}

// Where `ip netns` keeps namespaces, and what it binds over /etc for a command.
const (
	namespaces   = "/run/netns"
	hostSettings = "/etc/netns"
	hostPrefix   = "sdns-"
)

// newHosts makes hosts, as root. The test is skipped where that is impossible, which
// with CI=true is a failure.
func newHosts(t testing.TB, names ...string) []*host {
	t.Helper()
	needs(t, "ip")
	removeStale(t)
	hosts := make([]*host, len(names))
	for i, name := range names {
		hosts[i] = newHost(t, name)
	}
	return hosts
}

// asRoot says whether the test runs as root. If not, it has run the test again as the
// root of a user namespace, with a /run and an /etc that nobody else sees, and the
// caller has nothing left to do.
func asRoot(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() == 0 {
		return true
	}
	needs(t, "unshare")
	if out, err := rootOfNothing("true").CombinedOutput(); err != nil {
		cannot(t, fmt.Sprintf("making network namespaces needs root, or user namespaces: %v: %s", err, out))
	}
	timeout := flag.Lookup("test.timeout").Value.String()
	out, err := rootOfNothing(os.Args[0], "-test.v", "-test.timeout="+timeout, "-test.run=^"+t.Name()+"$").CombinedOutput()
	switch {
	case err != nil:
		t.Fatalf("as the root of a user namespace: %v\n%s", err, out)
	case bytes.Contains(out, []byte("--- SKIP")):
		t.Skipf("%s", out)
	}
	t.Logf("as the root of a user namespace:\n%s", out)
	return false
}

// rootOfNothing is a command of a user that takes itself for root.
func rootOfNothing(args ...string) *exec.Cmd {
	const prepare = `mount -t tmpfs tmpfs /run && mkdir /run/etc /run/work &&
		mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work /etc &&
		rm -f /etc/resolv.conf && touch /etc/resolv.conf && exec "$@"`
	head := []string{"--user", "--map-root-user", "--net", "--mount", "sh", "-c", prepare, "sh"}
	cmd := exec.Command("unshare", append(head, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// cannot skips the test, or fails it with CI=true.
func cannot(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and CI=true", why)
	}
	t.Skip(why)
}

// newHost makes a host whose resolv.conf has no resolver.
func newHost(t testing.TB, name string) *host {
	t.Helper()
	if err := os.MkdirAll(hostSettings, 0o755); err != nil {
		cannot(t, err.Error())
	}
	t.Cleanup(func() { _ = os.Remove(hostSettings) }) // unless there is something in it
	dir, err := os.MkdirTemp(hostSettings, fmt.Sprintf("%s%d-%s-", hostPrefix, os.Getpid(), name))
	if err != nil {
		cannot(t, err.Error())
	}
	h := &host{t, filepath.Base(dir)}
	out, err := exec.Command("ip", "netns", "add", h.name).CombinedOutput()
	if err != nil {
		_ = os.Remove(dir) // it is empty
		cannot(t, fmt.Sprintf("ip netns add: %v: %s", err, out))
	}
	t.Cleanup(func() { removeHost(t, h.name) })
	h.resolvers("# " + h.name + "\n")
	if got := h.run("cat", "/etc/resolv.conf"); got != "# "+h.name+"\n" {
		t.Fatalf("the host has the resolv.conf of this machine, which it must not touch:\n%s", got)
	}
	h.sysctl("ipv6/conf/default/accept_dad", "0") // no link-local address waits for who else may have it
	h.ip("link", "set", "lo", "up")
	return h
}

// resolvers writes the resolv.conf of h.
func (h *host) resolvers(text string) {
	h.t.Helper()
	if err := os.WriteFile(h.settings("resolv.conf"), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// settings is a path below what takes the place of /etc for commands on h.
func (h *host) settings(path string) string {
	return filepath.Join(hostSettings, h.name, path)
}

// removeHost removes what newHost made. Network devices go with their namespace, as
// soon as nothing runs in it.
func removeHost(t testing.TB, name string) {
	out, err := exec.Command("ip", "netns", "del", name).CombinedOutput()
	if err != nil {
		t.Errorf("ip netns del %s: %v: %s", name, err, out)
	}
	if err := os.RemoveAll(filepath.Join(hostSettings, name)); err != nil {
		t.Error(err)
	}
}

// removeStale removes the hosts of tests that could not: those that were killed.
func removeStale(t testing.TB) {
	for _, name := range stale(t, namespaces) {
		removeHost(t, name)
	}
	for _, name := range stale(t, hostSettings) { // without a namespace: killed before, or the machine has restarted
		if err := os.RemoveAll(filepath.Join(hostSettings, name)); err != nil {
			t.Error(err)
		}
	}
}

// stale are the hosts in a folder whose tests have ended.
func stale(t testing.TB, folder string) (names []string) {
	paths, err := filepath.Glob(filepath.Join(folder, hostPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		pid, _, _ := strings.Cut(strings.TrimPrefix(name, hostPrefix), "-")
		if _, err := os.Stat(filepath.Join("/proc", pid)); errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
	}
	return names
}

// command is a command on h, for the caller to start. It does not outlive this
// process.
func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", h.name}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// try runs a command on h and returns what it prints.
func (h *host) try(args ...string) (string, error) {
	out, err := h.command(args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w\n%s", h.name, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// run is try with a command that must succeed.
func (h *host) run(args ...string) string {
	h.t.Helper()
	out, err := h.try(args...)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// ip runs the command ip for h.
func (h *host) ip(args ...string) {
	h.t.Helper()
	out, err := exec.Command("ip", append([]string{"-n", h.name}, args...)...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: ip %s: %v\n%s", h.name, strings.Join(args, " "), err, out)
	}
}

// cable lays a cable from a device of h to one of peer. Both are new, and up.
func (h *host) cable(device string, peer *host, peerDevice string) {
	h.t.Helper()
	h.ip("link", "add", device, "type", "veth", "peer", "name", peerDevice, "netns", peer.name)
	h.ip("link", "set", device, "up")
	peer.ip("link", "set", peerDevice, "up")
}

// bridge makes a bridge of devices.
func (h *host) bridge(name string, devices ...string) {
	h.t.Helper()
	h.ip("link", "add", name, "type", "bridge")
	h.ip("link", "set", name, "up")
	for _, device := range devices {
		h.ip("link", "set", device, "master", name)
	}
}

// address gives a device addresses, IPv6 without waiting for who else may have them.
func (h *host) address(device string, prefixes ...string) {
	h.t.Helper()
	for _, prefix := range prefixes {
		h.ip("address", "add", prefix, "dev", device, "nodad")
	}
}

// gateway sends what is for elsewhere to routers, one for each IP version.
func (h *host) gateway(routers ...string) {
	h.t.Helper()
	for _, router := range routers {
		h.ip("route", "add", "default", "via", router)
	}
}

// sysctl sets a kernel parameter below /proc/sys/net.
func (h *host) sysctl(path, value string) {
	h.t.Helper()
	err := h.within(func() error { return os.WriteFile("/proc/sys/net/"+path, []byte(value), 0) })
	if err != nil {
		h.t.Fatal(err)
	}
}

// forwards makes a router of h.
func (h *host) forwards() {
	h.t.Helper()
	h.sysctl("ipv4/ip_forward", "1")
	h.sysctl("ipv6/conf/all/forwarding", "1")
}

// within calls f on a thread that is in the namespace of h. Sockets that f itself
// opens, not on another goroutine, are of that namespace, for as long as they live.
func (h *host) within(f func() error) error {
	ours, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer ours.Close()
	theirs, err := os.Open(filepath.Join(namespaces, h.name))
	if err != nil {
		return err
	}
	defer theirs.Close()
	runtime.LockOSThread() // from here on this thread is another than the rest
	if err := enter(theirs); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	failed := f()
	if err := enter(ours); err != nil {
		return err // still locked: the thread ends with the goroutine
	}
	runtime.UnlockOSThread()
	return failed
}

// enter puts this thread into a network namespace.
func enter(namespace *os.File) error {
	return os.NewSyscallError("setns", unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET))
}

// listenTCP listens on h.
func (h *host) listenTCP(addr string) (l net.Listener, err error) {
	err = h.within(func() error {
		l, err = net.Listen("tcp", addr)
		return err
	})
	return l, err
}

// upstream starts an upstream on h, at port 53 of an address. It ends with the test.
func (h *host) upstream(addr, records string) *upstream {
	h.t.Helper()
	at := net.JoinHostPort(addr, strconv.Itoa(53))
	u, err := newUpstreamAt(func() (udp net.PacketConn, tcp net.Listener, err error) {
		if tcp, err = h.listenTCP(at); err != nil {
			return nil, nil, err
		}
		err = h.within(func() error {
			udp, err = net.ListenPacket("udp", at)
			return err
		})
		return udp, tcp, err
	}, answers, records)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(u.close)
	return u
}

// splitdns starts `splitdns serve` on h.
func (h *host) splitdns(args ...string) *process {
	h.t.Helper()
	return h.launch(append([]string{command, "serve"}, args...)...)
}

// launch starts a command that becomes `splitdns serve` on h, in a folder of its own. It
// ends with the test, which fails if there was a data race or a panic.
func (h *host) launch(args ...string) *process {
	h.t.Helper()
	cmd := h.command(args...)
	cmd.Dir = h.t.TempDir()
	p, err := launch(cmd)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { p.stop(h.t) })
	return p
}

// daemon starts a program on h, whose output it returns as it grows. The program ends
// with the test.
func (h *host) daemon(args ...string) *transcript {
	h.t.Helper()
	var out transcript
	cmd := h.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed
		out.end()
		close(ended)
	}()
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		if h.t.Failed() {
			h.t.Logf("%s:\n%s", args[0], &out)
		}
	})
	return &out
}
