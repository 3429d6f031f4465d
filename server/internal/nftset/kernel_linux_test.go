package nftset_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"
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
	table ip g { set four { type ipv4_addr; flags timeout; } }`)
	for _, name := range []string{"inet f shash", "inet f ssized", "inet f srange", "inet f smerge", "inet f scount", "inet f sdefault", "inet f sdynamic", "inet f styped", "ip g four"} {
		t.Run(strings.ReplaceAll(name, " ", "#"), func(t *testing.T) {
			r := run(t, name)
			if err := r.add(name, "192.0.2.1", "192.0.2.2", "2001:db8::1"); err != nil {
				t.Fatal(err)
			}
			es := elements(t, name, "192.0.2.1", "192.0.2.2")
			until, ok := r.Holds(es)
			if left := time.Until(until); !ok || left < 9*time.Minute || left > 10*time.Minute {
				t.Errorf("Holds = %v, %v, want 10 minutes", left, ok)
			}
			list := nft(t, "list set "+name)
			if n := strings.Count(list, "timeout 10m1s"); n != 2 {
				t.Errorf("%d elements with a timeout of 10 minutes, want 2:\n%s", n, list)
			}
			if !has(name, "192.0.2.1") || has(name, "192.0.2.3") {
				t.Errorf("192.0.2.1 in %v, want true; 192.0.2.3 in %v, want false", has(name, "192.0.2.1"), has(name, "192.0.2.3"))
			}
			if good, bad := r.told(); good != "" || !strings.Contains(bad, "hold IPv4 addresses only") || strings.Contains(bad, "\n") {
				t.Errorf("reported %q and %q", good, bad)
			}
		})
	}
}
