package server_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/servertest"
	"splitdns/server/internal/wire"
)

// TestUpstreamFailures asks real upstreams that fail in different ways.
func TestUpstreamFailures(t *testing.T) {
	silentServer := servertest.New(t, servertest.Silent).Addr
	closed := servertest.Closed(t)
	broken := servertest.New(t, func(q *servertest.Query) { // says that there is an answer, and there is none
		packet := slices.Clone(q.Packet)
		packet[2] |= 0x80
		packet[7] = 1
		q.Send(packet)
	}).Addr
	refusing := servertest.New(t, servertest.Rcode(dns.RcodeRefused)).Addr
	good := servertest.New(t, servertest.Records(t, "www.example. 60 IN A 192.0.2.1")).Addr
	for name, c := range map[string]struct {
		servers []netip.AddrPort
		rcode   int
		ede     string // the beginning of the only one
	}{
		"silent":               {[]netip.AddrPort{silentServer}, dns.RcodeServerFailure, "22 upstream default: 127.0.0.1:"},
		"two, both silent":     {[]netip.AddrPort{silentServer, servertest.New(t, servertest.Silent).Addr}, dns.RcodeServerFailure, "22 upstream default: 127.0.0.1:"},
		"nothing listens":      {[]netip.AddrPort{closed}, dns.RcodeServerFailure, "23 upstream default: 127.0.0.1:"},
		"silent and not there": {[]netip.AddrPort{silentServer, closed}, dns.RcodeServerFailure, "23 upstream default: 127.0.0.1:"},
		"malformed":            {[]netip.AddrPort{broken}, dns.RcodeServerFailure, "23 upstream default: 127.0.0.1:"},
		"REFUSED":              {[]netip.AddrPort{refusing}, dns.RcodeServerFailure, "22 upstream default: 127.0.0.1:"},
		"one of two works":     {[]netip.AddrPort{closed, good}, dns.RcodeSuccess, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const timeout, bound = 2 * time.Second, 20 * time.Second
			cfg := parseConfig(t, silent)
			cfg.Upstreams = []config.Upstream{{Name: "default", Servers: c.servers, Timeout: timeout}}
			b, err := server.NewBench(cfg, server.DialUpstream)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			m := ask(t, b, "www.example")
			if took := time.Since(start); took > bound {
				t.Errorf("it took %v", took)
			}
			if m.Rcode != c.rcode || (len(m.Answer) == 1) != (c.rcode == dns.RcodeSuccess) || b.CacheLen() != 1 {
				t.Errorf("response %v, want %s, and that in the cache", m, dns.RcodeToString[c.rcode])
			}
			if got := strings.Join(edes(m), "\n"); !strings.HasPrefix(got, c.ede) || (got == "") != (c.ede == "") {
				t.Errorf("extended errors %q, want %s…", got, c.ede)
			}
		})
	}
}

// deadTimeout is how long the dead group of a test takes to give up.
const deadTimeout = 5 * time.Second

// deadGroup is a server whose group "dead" never answers, and all others do.
func deadGroup(t *testing.T) *server.Bench {
	t.Helper()
	dead := exchange(func(wire.UpstreamQuery) (wire.Message, string, error) {
		<-time.After(deadTimeout)
		return wire.Message{}, "", errors.New("upstream dead: no answer")
	})
	b, err := server.NewBench(parseConfig(t, `
[upstream.dead]
servers = ["192.0.2.54"]
[rule.dead]
names    = ["*.dead.example"]
upstream = "dead"
log      = true
`), func(u config.Upstream) server.Exchanger {
		if u.Name == "dead" {
			return dead
		}
		return says(t, "www.example. 60 IN A 192.0.2.1")
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDeadGroupHoldsUpNoOther has one group wait for its timeout while others
// are asked; in the bubble, time only goes on when everybody waits.
func TestDeadGroupHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := deadGroup(t)
		begin := time.Now()
		answered := func(words string, rcode int, after time.Duration) {
			m := ask(t, b, words)
			if took := time.Since(begin); m.Rcode != rcode || took != after {
				t.Errorf("%s: %s after %v, want %s after %v", words, dns.RcodeToString[m.Rcode], took, dns.RcodeToString[rcode], after)
			}
		}
		var g sync.WaitGroup
		for i := range 100 {
			g.Go(func() { answered(fmt.Sprintf("n%d.dead.example", i), dns.RcodeServerFailure, deadTimeout) })
		}
		synctest.Wait() // all of them are under way
		answered("www.example", dns.RcodeSuccess, 0)
		g.Wait()
		if e := parseEntry(t, strings.SplitAfter(b.Entries(), "\n")[0]); e.Rcode != "SERVFAIL" || e.Upstream != "dead" || e.Verdict != "" {
			t.Errorf("entry %+v", e)
		}
	})
}

// TestUpstreamPanics holds that a panic while an upstream is asked is a failure
// of that query.
func TestUpstreamPanics(t *testing.T) {
	b := newBench(t, silent, func(wire.UpstreamQuery) (wire.Message, string, error) { panic("on purpose") })
	for range 3 {
		if m := ask(t, b, "www.example"); m.Rcode != dns.RcodeServerFailure || len(edes(m)) != 1 || strings.Contains(edes(m)[0], "purpose") {
			t.Errorf("response %v, want SERVFAIL with an EDE that gives nothing away", m)
		}
	}
	if said := b.Messages(); strings.Count(said, "on purpose") != 1 || !strings.Contains(said, "failure_test.go") {
		t.Errorf("the log says %q, want the first panic with its stack", said)
	}
}
