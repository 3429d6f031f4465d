package nftset_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"splitdns/server/internal/nftset"
)

// TestTimeoutsAreRefreshed asks for an address again and again, as clients do, each time when what is
// left of its element has become too short. The timeout is mostly the same: an element that is added
// again with the timeout that it has is not refreshed by any kernel, and before 6.12 with no other
// either.
func TestTimeoutsAreRefreshed(t *testing.T) {
	if !namespace(t, "-test.run=^"+t.Name()+"$", "-test.parallel=4") { // most of it is waiting
		return
	}
	nft(t, `table inet f {
		set hashed_same { type ipv4_addr; flags timeout; }
		set hashed_other { type ipv4_addr; flags timeout; }
		set ranges_same { type ipv4_addr; flags interval,timeout; }
		set ranges_other { type ipv4_addr; flags interval,timeout; }
	}`)
	old := oldKernel(t)
	for _, name := range []string{"hashed_same", "hashed_other", "ranges_same", "ranges_other"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := "inet f " + name
			r := run(t, set)
			r.Follow(nftset.Config{Grace: 3 * time.Second, Sets: []nftset.Wanted{{Set: setOf(t, set), Rules: []string{"mdm"}}}})
			ttls := []time.Duration{5, 5, 5}
			if strings.HasSuffix(name, "other") { // what is learned first is that the kernel refreshes
				ttls = []time.Duration{4, 5, 5, 5}
			}
			for i, ttl := range ttls {
				if i > 0 {
					time.Sleep(5 * time.Second) // and less than the TTL is left, also of the second more that an old kernel gives at first
				}
				r.refresh(t, set, ttl*time.Second)
			}
			recipe := r.Status().Recipe
			t.Logf("recipe %q", recipe)
			good, bad := r.told()
			if found := recipe == "delete and add"; found != old || strings.Contains(good+bad, "before 6.12") != old {
				t.Errorf("an old kernel: %v, recipe %q, reported %q and %q", old, recipe, good, bad)
			}
		})
	}
}

// refresh asks for an element, which is to last for the TTL and the grace from now.
func (r *running) refresh(t *testing.T, set string, ttl time.Duration) {
	t.Helper()
	es := elements(t, set, "192.0.2.1")
	es[0].TTL = ttl
	done := make(chan error, 1)
	r.Add(es, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	list := nft(t, "list set "+set)
	expires := regexp.MustCompile(`expires (\S+)`).FindStringSubmatch(list)
	if len(expires) != 2 {
		t.Fatalf("not one element with a timeout:\n%s", list)
	}
	if left, err := time.ParseDuration(expires[1]); err != nil || left < ttl+2*time.Second {
		t.Errorf("%v, %v left, want %v", left, err, ttl+3*time.Second)
	}
}

// oldKernel reports whether this is Linux before 6.12.
func oldKernel(t *testing.T) bool {
	t.Helper()
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(unix.ByteSliceToString(u.Release[:]), ".", 3)
	major, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 3 {
		t.Fatalf("%q, %v", parts, err)
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return major < 6 || major == 6 && minor < 12
}
