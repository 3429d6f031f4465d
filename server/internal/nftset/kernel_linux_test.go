package nftset_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/nftset"
)

// has reports whether nft finds addr in the set.
func has(set, addr string) bool {
	return exec.Command("nft", "get element "+set+" { "+addr+" }").Run() == nil
}

func TestElementsGoIntoSetsOfEachKind(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, `table inet f {
		set shash { type ipv4_addr; flags timeout; }
		set ssized { type ipv4_addr; flags timeout; size 100; }
		set srange { type ipv4_addr; flags interval,timeout; }
		set smerge { type ipv4_addr; flags interval,timeout; auto-merge; }
		set scount { type ipv4_addr; flags timeout; counter; }
		set sdefault { type ipv4_addr; timeout 5m; }
		set sdynamic { type ipv4_addr; flags dynamic,timeout; timeout 1m; size 100; }
		set styped { typeof ip daddr; flags timeout; }
	}
	table ip g {
		set four { type ipv4_addr; flags timeout; }
	}`)
	for _, name := range []string{"inet f shash", "inet f ssized", "inet f srange", "inet f smerge", "inet f scount", "inet f sdefault", "inet f sdynamic", "inet f styped", "ip g four"} {
		t.Run(strings.ReplaceAll(name, " ", "#"), func(t *testing.T) {
			r := run(t, name)
			if err := r.add(name, "192.0.2.1", "192.0.2.2", "2001:db8::1"); err != nil {
				t.Fatal(err)
			}
			es := elements(t, name, "192.0.2.1", "192.0.2.2")
			var until time.Time
			wait(t, "known to be in", func() (ok bool) { // the monitor begins with doubt
				until, ok = r.Holds(es)
				return ok
			})
			if left := time.Until(until); left < 9*time.Minute || left > 10*time.Minute+2*time.Second {
				t.Errorf("Holds = %v, want 10 minutes", left)
			}
			list := nft(t, "list set "+name)
			if n := strings.Count(list, "timeout 10m1s") + strings.Count(list, "timeout 10m2s"); n != 2 { // an old kernel keeps the longer
				t.Errorf("%d elements with a timeout of 10 minutes, want 2:\n%s", n, list)
			}
			if !has(name, "192.0.2.1") || has(name, "192.0.2.3") {
				t.Errorf("192.0.2.1 in %v, want true; 192.0.2.3 in %v, want false", has(name, "192.0.2.1"), has(name, "192.0.2.3"))
			}
			if good, bad := r.told(); (good != "") != oldKernel(t) || !strings.Contains(bad, "hold IPv4 addresses only") || strings.Contains(bad, "\n") {
				t.Errorf("reported %q and %q", good, bad)
			}
		})
	}
}

// A broken set, what is said of it, and what nft does to mend it.
var broken = map[string]struct{ state, ruleset, says string }{
	"no table":      {"missing", "", "there is no table inet f"},
	"no set":        {"missing", "table inet f { }", "it is not there"},
	"wrong type":    {"wrong type", "table inet f { set s { type inet_service; flags timeout; }; }", "its type is inet_service, want ipv4_addr or ipv6_addr"},
	"concatenation": {"wrong type", "table inet f { set s { type ipv4_addr . inet_service; flags timeout; }; }", "its type is ipv4_addr . inet_service"},
	"map":           {"wrong type", "table inet f { map s { type ipv4_addr : verdict; flags timeout; }; }", "it is a map"},
	"no timeout":    {"no timeout", "table inet f { set s { type ipv4_addr; }; }", `it has no "flags timeout"`},
	"interval":      {"no timeout", "table inet f { set s { type ipv4_addr; flags interval; }; }", `it has no "flags timeout"`},
	"constant":      {"constant", "table inet f { set s { type ipv4_addr; flags constant; }; }", "it is constant"},
}

func TestBrokenSetIsToldAtOnceAndTheFixHeals(t *testing.T) {
	if !namespace(t) {
		return
	}
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			nft(t, "flush ruleset\n"+strings.ReplaceAll(c.ruleset, "; }; }", "; }\n}"))
			r := run(t, "inet f s")
			st := r.state("inet f s", c.state)
			var bad string
			wait(t, "reported", func() bool { _, bad = r.told(); return bad != "" })
			if !strings.HasPrefix(bad, "set inet f s (rule mdm): "+c.says) || strings.Contains(bad, "\n") {
				t.Errorf("reported %q, want one line with %q", bad, c.says)
			}
			t.Log(bad)
			err := r.add("inet f s", "192.0.2.1")
			if err == nil || !strings.HasPrefix(err.Error(), "set inet f s: "+c.says) {
				t.Errorf("Add: %v, want %q", err, c.says)
			}
			_, command, _ := strings.Cut(st.Fix, "nft '")
			command, _, _ = strings.Cut(command, "'")
			if out, err := exec.Command("sh", "-c", "nft '"+command+"'").CombinedOutput(); err != nil {
				t.Fatalf("the fix %s: %v\n%s", st.Fix, err, out)
			}
			took := wait(t, "in the set", func() bool { return has("inet f s", "192.0.2.1") })
			r.state("inet f s", "ok")
			var good string
			wait(t, "reported", func() bool { good, _ = r.told(); return strings.Contains(good, "well again") })
			if !strings.Contains(good, "is well again after") || !strings.Contains(good, "1 element is back") {
				t.Errorf("reported %q", good)
			}
			t.Logf("%s: mended after %v", good, took)
		})
	}
}

func TestFullSetTakesWhatItCanAndIsToldOnce(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, `table inet f {
		set s { type ipv4_addr; flags timeout; size 3; }
		set other { type ipv4_addr; flags timeout; }
	}`)
	r := run(t, "inet f s", "inet f other")
	r.state("inet f other", "ok")
	if err := r.add("inet f s", "192.0.2.1", "192.0.2.2"); err != nil {
		t.Fatal(err)
	}
	es := append(elements(t, "inet f s", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"), elements(t, "inet f other", "192.0.2.3")...)
	done := make(chan error, 1)
	r.Add(es, func(err error) { done <- err })
	if err := <-done; err == nil || err.Error() != "set inet f s: it is full (size 3)" {
		t.Errorf("Add: %v", err)
	}
	if !has("inet f other", "192.0.2.3") || !has("inet f s", "192.0.2.3") {
		t.Error("what has room is not in")
	}
	r.state("inet f s", "full")
	r.add("inet f s", "192.0.2.7")
	_, bad := r.told()
	if strings.Count(bad, "full") != 1 || !strings.Contains(bad, "size 65536") {
		t.Errorf("reported %q, want it once, with the fix", bad)
	}
	// Known elements are refreshed all the same.
	es = elements(t, "inet f s", "192.0.2.1")
	es[0].TTL = time.Hour
	r.Add(es, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Errorf("refresh in a full set: %v", err)
	}
	nft(t, "delete set inet f s\nadd set inet f s { type ipv4_addr; flags timeout; size 100; }")
	st := r.state("inet f s", "ok")
	wait(t, "all in", func() bool { return strings.Count(nftList(t, "inet f s"), "expires") == 7 })
	t.Logf("%+v", st)
}

// nftList is the set as nft lists it.
func nftList(t testing.TB, set string) string {
	t.Helper()
	out, err := exec.Command("nft", "list", "set", "inet", "f", strings.Fields(set)[2]).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func TestWhatOthersRemoveComesBack(t *testing.T) {
	if !namespace(t) {
		return
	}
	const ruleset = `table inet f {
	set s { type ipv4_addr; flags timeout; }
	set i { type ipv4_addr; flags interval,timeout; }
}
`
	nft(t, ruleset)
	r := run(t, "inet f s", "inet f i")
	addrs := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}
	back := func() bool {
		return strings.Count(nftList(t, "inet f s"), "expires") == 3 && strings.Count(nftList(t, "inet f i"), "expires") == 3
	}
	for _, set := range []string{"inet f s", "inet f i"} {
		if err := r.add(set, addrs...); err != nil {
			t.Fatal(err)
		}
	}
	for _, script := range []string{
		"flush set inet f s\nflush set inet f i",
		"delete element inet f s { 192.0.2.2 }\ndelete element inet f i { 192.0.2.2 }",
		"delete set inet f s\ndelete set inet f i\nadd set inet f s { type ipv4_addr; flags timeout; }\nadd set inet f i { type ipv4_addr; flags interval,timeout; }",
		"flush ruleset\n" + ruleset,
		"delete table inet f\n" + ruleset,
	} {
		lost := r.losses()
		nft(t, script)
		took := wait(t, "all are back", back)
		if r.losses() == lost {
			t.Errorf("%s: Lost was not called", script)
		}
		t.Logf("%q: back after %v", script, took)
	}
	nft(t, "flush ruleset")
	r.state("inet f s", "missing")
	if _, ok := r.Holds(elements(t, "inet f s", addrs...)); ok {
		t.Error("a set that is gone holds its elements")
	}
	if err := r.add("inet f s", "192.0.2.4"); err == nil {
		t.Error("Add into a set that is gone is fine")
	}
	nft(t, ruleset)
	took := wait(t, "with what could not be added", func() bool { return strings.Count(nftList(t, "inet f s"), "expires") == 4 })
	wait(t, "and the other", func() bool { return strings.Count(nftList(t, "inet f i"), "expires") == 3 })
	good, bad := r.told()
	t.Logf("after %v\ngood: %s\nbad: %s", took, good, bad)
}

func TestWhatOthersAddIsNeverMadeShorter(t *testing.T) {
	if !namespace(t) {
		return
	}
	nft(t, `table inet f {
		set s { type ipv4_addr; flags timeout; elements = { 192.0.2.1, 192.0.2.2 timeout 5h }; }
		set i { type ipv4_addr; flags interval,timeout; elements = { 10.0.0.0/8, 192.0.2.0/24 timeout 5h, 198.51.100.0/24 timeout 10s }; }
	}`)
	r := run(t, "inet f s", "inet f i")
	for _, c := range []struct{ set, addr, want string }{
		{"inet f s", "192.0.2.1", "192.0.2.1, "},
		{"inet f s", "192.0.2.2", "192.0.2.2 timeout 5h "},
		{"inet f i", "10.1.2.3", "10.0.0.0/8, "},
		{"inet f i", "192.0.2.7", "192.0.2.0/24 timeout 5h "},
	} {
		if err := r.add(c.set, c.addr); err != nil {
			t.Fatal(err)
		}
		if _, ok := r.Holds(elements(t, c.set, c.addr)); !ok {
			t.Errorf("%s does not hold %s", c.set, c.addr)
		}
		if list := nftList(t, c.set); !strings.Contains(list, c.want) || strings.Contains(list, "10m1s") {
			t.Errorf("%s:\n%s\nwant %q", c.set, list, c.want)
		}
	}
	if err := r.add("inet f i", "198.51.100.7"); err == nil || !strings.Contains(err.Error(), "in a range that somebody else added, which ends in") {
		t.Errorf("in a range that ends too early: %v", err)
	}
	if st := r.status("inet f i").State; st != "ok" {
		t.Errorf("the set is %s", st)
	}
	// What was permanent and is not any longer, becomes ours.
	nft(t, "delete element inet f s { 192.0.2.1 }\ndelete element inet f i { 10.0.0.0/8 }")
	wait(t, "taken over", func() bool { return has("inet f s", "192.0.2.1") && has("inet f i", "10.1.2.3") })
}

// TestOnlyTheKernelIsHeard has another program answer in the kernel's place, before it.
func TestOnlyTheKernelIsHeard(t *testing.T) {
	if !namespace(t) {
		return
	}
	set := elements(t, "inet f s", "192.0.2.1")[0].Set
	// An answer that says of anything that it is there.
	answer := nftset.Question(unix.NFT_MSG_NEWSETELEM, set, netip.MustParseAddr("192.0.2.1"))
	for _, often := range []int{1, 10} {
		if err := nftset.Forged(set, answer, often); err == nil || err.Error() != "there is no table inet f" {
			t.Errorf("%d forged answers: %v, want the kernel's", often, err)
		}
	}
}
