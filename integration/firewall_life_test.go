//go:build linux

package integration_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// briefly makes elements live little longer than answers.
const briefly = firewallServer + `
set_grace = "2s"
set_min   = "1s"
`

// It can be seen why an address passes.
func TestFirewallExplained(t *testing.T) {
	if !asRoot(t) {
		return
	}
	control := "control = \"" + filepath.Join(t.TempDir(), "control.sock") + "\"\n"
	f := startFirewall(t, plainSets, firewallServer+control, firewallRecords)
	f.answered("1-courier.push.apple.com", dns.TypeA, "17.57.144.20")
	shows(t, f.router.run(command, "sets", "-c", f.config),
		`(?s)inet filter mdm4: ok.*\s17\.57\.144\.20\s.*\s1-courier\.push\.apple\.com for 10\.7\.0\.10\n`, `inet filter mdm6: ok`)
	out := f.router.run("dig", "@127.0.0.1", "+short", "CH", "TXT", "1-courier.push.apple.com")
	shows(t, out, `"decision .*\bsets=inet#filter#mdm4,inet#filter#mdm6\b`)
	match := regexp.MustCompile(`"set inet#filter#mdm4 17\.57\.144\.20=(\d+)"`).FindStringSubmatch(out)
	if match == nil {
		t.Fatalf("no remaining time in\n%s", out)
	}
	// A minimum of 10 minutes is longer than the TTL of 300s with its grace of 120s.
	left, err := strconv.Atoi(match[1])
	if least := 600 - int(patience.Seconds()); err != nil || left < least || left > 600 {
		t.Errorf("%s seconds are left, want %d to 600", match[1], least)
	}
}

// An element lives as long as the answer and the grace, and comes with the next answer.
func TestFirewallForgets(t *testing.T) {
	if !asRoot(t) {
		return
	}
	for _, kind := range []string{plainSets, intervalSets} {
		t.Run(kind, func(t *testing.T) {
			f := startFirewall(t, kind, briefly, firewallRecords)
			t.Parallel()
			const name, ipv4, ipv6 = "4-courier.push.apple.com", "17.57.144.23", "2403:300:a42::23"
			asked := time.Now()
			f.answered(name, dns.TypeA, ipv4)
			f.answered(name, dns.TypeAAAA, ipv6)
			f.passes(ipv4, ipv6)
			for _, addr := range []string{ipv4, ipv6} {
				f.soon(patience, addr+" out of its set", func() bool { return !f.holds(setOf(addr), addr) })
				if took, least := time.Since(asked), 3*time.Second; took < least {
					t.Errorf("%s was gone after %s, want at least %s", addr, took, least)
				}
			}
			f.blocked(ipv4, ipv6)
			f.answered(name, dns.TypeA, ipv4)
			f.passes(ipv4)
			f.blocked(ipv6)
		})
	}
}

// How clients use their addresses all the time: each asks again when its answer has
// expired, which is after a second, and connects all along.
const (
	keepClients = 30
	keepFor     = 10 * time.Second // so long all of them: 300 lives of answers, 75 of elements
	keepEvery   = 50 * time.Millisecond
)

// A client that asks when its answer has expired is never without a way.
func TestFirewallKeeps(t *testing.T) {
	if !asRoot(t) {
		return
	}
	var records strings.Builder
	for i := range keepClients {
		fmt.Fprintf(&records, "%d-courier.push.apple.com 1 A 17.57.144.%d\n%[1]d-courier.push.apple.com 1 AAAA 2403:300:a42::%[2]d\n", i, 100+i)
	}
	for _, kind := range []string{plainSets, intervalSets} {
		t.Run(kind, func(t *testing.T) {
			f := startFirewall(t, kind, briefly, records.String())
			t.Parallel()
			f.keeps()
			f.blocked("17.57.144.99", "2403:300:a42::99")
		})
	}
}

// keeps lets all clients work at once. Every second one uses IPv6.
func (f *firewall) keeps() {
	var tasks sync.WaitGroup
	uses := make([]use, keepClients)
	for i := range uses {
		tasks.Go(func() {
			uses[i].failed = uses[i].work(f, fmt.Sprintf("%d-courier.push.apple.com", i), []uint16{dns.TypeA, dns.TypeAAAA}[i%2])
		})
	}
	tasks.Wait()
	var sum use
	for _, u := range uses {
		sum.answers += u.answers
		sum.connections += u.connections
		sum.failed = cmp.Or(sum.failed, u.failed)
	}
	f.t.Logf("%d answers, %d connections", sum.answers, sum.connections)
	if sum.failed != nil {
		f.t.Errorf("%v\n%s", sum.failed, f.rules())
	}
}

// A use is what a client has done, until something failed.
type use struct {
	answers, connections int
	failed               error
}

// work asks and connects for as long as the test lasts.
func (u *use) work(f *firewall, name string, qtype uint16) error {
	for end := time.Now().Add(keepFor); time.Now().Before(end); u.answers++ {
		addrs, ttl, err := f.ask(name, qtype)
		if err != nil {
			return err
		}
		for expires := time.Now().Add(ttl); ; time.Sleep(keepEvery) {
			if err := f.reach(addrs[0]); err != nil {
				return err
			}
			u.connections++
			if !time.Now().Before(expires) {
				break
			}
		}
	}
	return nil
}

// An answer from the cache opens the firewall as one from the upstream does.
func TestFirewallFromTheCache(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := startFirewall(t, plainSets, firewallServer, firewallRecords)
	const name, addr = "1-courier.push.apple.com", "17.57.144.20"
	for range 3 {
		f.answered(name, dns.TypeA, addr)
	}
	f.passes(addr)
	f.router.run("nft", "delete", "element", "inet", "filter", "mdm4", "{ "+addr+" }")
	f.soon(healTime, addr+" passes when it is asked for again", func() bool {
		f.answered(name, dns.TypeA, addr)
		return f.reach(addr) == nil
	})
	if got := strings.Count(f.upstream.asked.String(), " A "+name); got != 1 {
		t.Errorf("the upstream was asked %d times, want once", got)
	}
}

// A reload closes nothing, and new rules hold for answers in the cache.
func TestFirewallReload(t *testing.T) {
	if !asRoot(t) {
		return
	}
	f := newFirewall(t, firewallRecords)
	f.load(strings.ReplaceAll(firewallRules, "KIND", plainSets))
	withoutSets := regexp.MustCompile(`(?m)^sets .*$`).ReplaceAllString(firewallServer+firewallConfig, "")
	f.serve(withoutSets)
	const name, addr = "1-courier.push.apple.com", "17.57.144.20"
	for range 3 {
		f.answered(name, dns.TypeA, addr)
	}
	f.blocked(addr)

	f.reload(1, firewallServer+firewallConfig)
	f.answered(name, dns.TypeA, addr)
	f.passes(addr)

	f.reload(2, firewallServer+strings.ReplaceAll(firewallConfig, `"mdm"`, `"mdm", "more"`))
	f.passes(addr)
	shows(t, f.client.run("dig", name), `tags=mdm,more`)
	f.passes(addr)

	f.reload(3, withoutSets)
	f.passes(addr) // the answer may still be in use
	if got := strings.Count(f.upstream.asked.String(), " A "+name); got != 1 {
		t.Errorf("the upstream was asked %d times, want once", got)
	}
}

// reload puts another configuration in force, for the nth time.
func (f *firewall) reload(nth int, config string) {
	f.t.Helper()
	if err := os.WriteFile(f.config, []byte(config), 0o644); err != nil {
		f.t.Fatal(err)
	}
	if err := f.server.signal(syscall.SIGHUP); err != nil {
		f.t.Fatal(err)
	}
	f.server.stderr.must(f.t, fmt.Sprintf(`(?s)(reloaded: .*){%d}`, nth))
}
