package nftset_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"splitdns/server/internal/nftset"
)

// many are n addresses.
func many(n int) []string {
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
	}
	return addrs
}

// fill puts n elements of others into a set: all at once, but where this is not the first user
// namespace, as nft may not send that much there.
func fill(t testing.TB, set string, n int) {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		t.Fatal(err)
	}
	piece := n
	if !strings.Contains(string(ids), "4294967295") {
		piece = 2000
	}
	for addrs := range slices.Chunk(many(n), piece) {
		nft(t, "add element "+set+" { "+strings.Join(addrs, ",")+" }")
	}
}

// TestNoCapability has a process without CAP_NET_ADMIN say what it lacks.
func TestNoCapability(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, "table inet f {\nset s { type ipv4_addr; flags timeout; }\n}")
	if os.Getenv("NFTSET_TEST_PLAIN") == "" {
		if _, err := exec.LookPath("setpriv"); err != nil {
			impossible(t, "setpriv is missing: apt-get install util-linux")
		}
		cmd := exec.Command("setpriv", "--bounding-set", "-net_admin", os.Args[0], "-test.run=^TestNoCapabilityInside$", "-test.v")
		cmd.Env = append(os.Environ(), "NFTSET_TEST_PLAIN=1")
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil || !strings.Contains(string(out), "PASS: TestNoCapabilityInside") {
			t.Errorf("without CAP_NET_ADMIN: %v", err)
		}
	}
}

// TestNoCapabilityInside is what the process without CAP_NET_ADMIN does.
func TestNoCapabilityInside(t *testing.T) {
	if os.Getenv("NFTSET_TEST_PLAIN") == "" {
		t.Skip("a part of TestNoCapability")
	}
	r := run(t, "inet f s")
	r.state("inet f s", "not permitted")
	if err := r.add("inet f s", "192.0.2.1"); err == nil || !strings.Contains(err.Error(), "no CAP_NET_ADMIN") {
		t.Errorf("Add: %v", err)
	}
	time.Sleep(1500 * time.Millisecond) // over a retry
	_, bad := r.told()
	if strings.Contains(bad, "\n") || !strings.Contains(bad, "AmbientCapabilities") {
		t.Errorf("reported %q, want one line", bad)
	}
	t.Log(bad)
}

// TestLargeLoads is a kernel busy with the rulesets of others: Add is never late, overruns are
// noticed, and everything is in its set at the end.
func TestLargeLoads(t *testing.T) {
	if !namespace(t) {
		return
	}
	const ruleset = "table inet f {\nset s { type ipv4_addr; flags timeout; }\n}\n"
	nft(t, ruleset)
	r := run(t, "inet f s")
	r.state("inet f s", "ok")
	if err := r.add("inet f s", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	var load sync.WaitGroup
	load.Go(func() {
		nft(t, "table inet big {\nset b { type ipv4_addr; }\n}")
		fill(t, "inet big b", 100_000)
		nft(t, "flush ruleset\n"+ruleset)
	})
	loaded := make(chan struct{})
	go func() { load.Wait(); close(loaded) }()
	var late time.Duration
	failed, n := 0, 0
	for done := false; !done; n++ {
		select {
		case <-loaded:
			done = true
		case <-time.After(5 * time.Millisecond):
		}
		begin := time.Now()
		err := r.add("inet f s", fmt.Sprintf("192.0.%d.%d", 3+n>>8, n&255))
		late = max(late, time.Since(begin))
		if err != nil {
			failed++
			if !strings.Contains(err.Error(), "did not answer for 500ms") && !strings.Contains(err.Error(), "not there") {
				t.Errorf("Add: %v", err)
			}
		}
	}
	if late > 700*time.Millisecond {
		t.Errorf("Add took %v", late)
	}
	took := wait(t, "everything is in", func() bool { return strings.Count(nftList(t, "inet f s"), "expires") == n+1 })
	good, bad := r.told()
	t.Logf("%d adds, %d failed, the slowest took %v; all in %v after the load\ngood: %s\nbad: %s", n, failed, late, took, good, bad)
}

// TestLargeFlushHeals flushes what thousands of answers put in: 20,000 are back within a quarter of a
// second, but not under the race detector on a machine that does other things.
func TestLargeFlushHeals(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, "table inet f {\nset s { type ipv4_addr; flags timeout; }\nset i { type ipv4_addr; flags interval,timeout; }\n}")
	for name, n := range map[string]int{"inet f s": 20_000, "inet f i": 2_000} {
		r := run(t, name)
		addrs := many(n)
		for i := 0; i < n; i += 1000 {
			if err := r.add(name, addrs[i:i+1000]...); err != nil {
				t.Fatal(err)
			}
		}
		nft(t, "flush set "+name)
		took := waitFor(t, 20*time.Second, "all are back", func() bool {
			held, err := r.Elements(setOf(t, name))
			return err == nil && len(held) == n
		})
		waitFor(t, 20*time.Second, "healed", func() bool { return r.status(name).Heals > 0 })
		good, bad := r.told()
		t.Logf("after %v\ngood: %s\nbad: %s", took, good, bad)
	}
}

// TestReplaceHasNoGap sends packets through a rule with the set while its element is replaced.
func TestReplaceHasNoGap(t *testing.T) {
	if !namespace(t) {
		return
	}
	for _, args := range []string{"link set lo up", "route add 192.0.2.0/24 dev lo"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			impossible(t, fmt.Sprintf("ip %s: %v: %s", args, err, out))
		}
	}
	nft(t, `table inet f {
		set shash { type ipv4_addr; flags timeout; }
		set srange { type ipv4_addr; flags interval,timeout; }
		chain out { type filter hook output priority 0;
			ip daddr 192.0.2.1 ip daddr != @shash drop
			ip daddr 192.0.2.2 ip daddr != @srange drop
		}
	}`)
	for name, addr := range map[string]string{"inet f shash": "192.0.2.1", "inet f srange": "192.0.2.2"} {
		write, end := nftset.Writer(setOf(t, name), netip.MustParseAddr(addr))
		defer end()
		conn, err := net.Dial("udp", addr+":9")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("x")); !errors.Is(err, syscall.EPERM) {
			t.Fatalf("before the element is in: %v, want EPERM", err)
		}
		if err := write(time.Minute, false); err != nil {
			t.Fatal(err)
		}
		stop, sent := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-stop:
					sent <- n
					return
				default:
				}
				if _, err := conn.Write([]byte("x")); err != nil {
					t.Errorf("%s: packet %d: %v", name, n, err)
					sent <- n
					return
				}
			}
		}()
		begin, replaced := time.Now(), 0
		for time.Since(begin) < time.Second {
			if err := write(time.Minute, true); err != nil {
				t.Error(err)
				break
			}
			replaced++
		}
		close(stop)
		t.Logf("%s: %d packets passed while the element was replaced %d times", name, <-sent, replaced)
	}
}

// TestOwnTransactionsAreNotHeard has the monitor hear of others only.
func TestOwnTransactionsAreNotHeard(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, "table inet f {\nset s { type ipv4_addr; flags timeout; }\n}")
	var addrs []netip.Addr
	for _, addr := range many(100) {
		addrs = append(addrs, netip.MustParseAddr(addr))
	}
	before, err := nftset.Overheard(t.Context(), setOf(t, "inet f s"), addrs, func() {
		nft(t, "add set inet f other { type ipv4_addr; }")
	})
	if err != nil || before != 0 {
		t.Errorf("%d events of 100 transactions of its own, %v, want 0", before, err)
	}
}

// TestElementsOfLargeSets lists what others have in bounds.
func TestElementsOfLargeSets(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, "table inet f {\nset s { type ipv4_addr; flags timeout; }\n"+
		"set i { type ipv4_addr; flags interval,timeout; elements = { 198.51.100.0/24, 203.0.113.0-203.0.113.7 timeout 1h, 255.255.255.0/24 }; }\n}")
	fill(t, "inet f s", 100_000)
	r := run(t, "inet f s", "inet f i")
	if err := r.add("inet f i", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	held, err := r.Elements(setOf(t, "inet f s"))
	if !errors.Is(err, nftset.ErrMore) || len(held) != nftset.MaxListed {
		t.Errorf("%d elements, %v, want %d of more", len(held), err, nftset.MaxListed)
	}
	t.Logf("%d elements in %v", len(held), time.Since(begin))
	held, err = r.Elements(setOf(t, "inet f i"))
	if err != nil || len(held) != 4 {
		t.Fatalf("%+v, %v, want 4 elements", held, err)
	}
	for i, want := range []string{"192.0.2.1 192.0.2.1", "198.51.100.0 198.51.100.255", "203.0.113.0 203.0.113.7", "255.255.255.0 255.255.255.255"} {
		h := held[i]
		if got := h.Addr.String() + " " + h.Last.String(); got != want || h.Other != (i != 0) || (h.Remaining < 0) != (i == 1 || i == 3) {
			t.Errorf("%+v, want %s", h, want)
		}
	}
	if h := held[0]; h.Names[0] != "push.example" || h.Clients[0].String() != "10.0.0.1" || h.Remaining > h.Timeout || h.Timeout != 601*time.Second {
		t.Errorf("%+v", h)
	}
	left, err := r.Remaining(setOf(t, "inet f i"), []netip.Addr{held[0].Addr, netip.MustParseAddr("203.0.113.3"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::1")})
	if err != nil || len(left) != 3 || left[netip.MustParseAddr("198.51.100.1")] != -1 || left[held[0].Addr] < 9*time.Minute {
		t.Errorf("Remaining = %v, %v", left, err)
	}
	if _, err := r.Elements(setOf(t, "inet f none")); err == nil {
		t.Error("Elements of a set that is not in the configuration is fine")
	}
}

func BenchmarkAddOne(b *testing.B)      { benchmarkAdd(b, 1) }
func BenchmarkAddThousand(b *testing.B) { benchmarkAdd(b, 1000) }

// benchmarkAdd puts n new elements into a set of the real kernel.
func benchmarkAdd(b *testing.B, n int) {
	if !namespace(b, "-test.run=^$", "-test.bench=^"+b.Name()+"$") {
		return
	}
	nft(b, "table inet f {\nset s { type ipv4_addr; flags timeout; }\n}")
	r := run(b, "inet f s")
	r.state("inet f s", "ok")
	es := elements(b, "inet f s", many(n)...)
	done := make(chan error, 1)
	addr := netip.MustParseAddr("11.0.0.0")
	for b.Loop() {
		for i := range es {
			es[i].Addr, addr = addr, addr.Next()
		}
		r.Add(es, func(err error) { done <- err })
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
