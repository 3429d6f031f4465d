package server_test

import (
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/wire"
)

// nxdomain is the response of a zone "example" that lacks a name; it holds for 100 s.
const nxdomain = "rcode NXDOMAIN\nau example. 100 IN SOA ns.example. host.example. 1 2 3 4 300"

// TestNXDomainCut holds to RFC 8020, section 2: "When an iterative caching DNS resolver
// receives an NXDOMAIN response, it SHOULD store it in its cache and then all names and
// resource record sets (RRsets) at or below that node SHOULD be considered unreachable."
func TestNXDomainCut(t *testing.T) {
	for _, words := range []string{
		"gone.example", "gone.example AAAA", "GONE.example HTTPS", "www.gone.example", "a.b.c.d.gone.example TXT",
		"gone.example +noedns", "www.gone.example +ad", "www.gone.example +nord",
	} {
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int32
			b := newBench(t, silent, counted(&asked, says(t, nxdomain)))
			ask(t, b, "gone.example")
			time.Sleep(99 * time.Second)
			for range 2 { // the second time it may be finished
				m := ask(t, b, words)
				if m.Rcode != dns.RcodeNameError || len(m.Answer) != 0 || len(m.Ns) != 1 || asked.Load() != 1 {
					t.Fatalf("%s: asked %d times, response %v; want NXDOMAIN from the cache", words, asked.Load(), m)
				}
				if h := m.Ns[0].Header(); h.Name != "example." || h.Ttl != 1 {
					t.Errorf("%s: SOA %v, want that of example. with TTL 1", words, h)
				}
			}
			time.Sleep(time.Second)
			if ask(t, b, "x.gone.example"); asked.Load() != 2 {
				t.Errorf("after its time asked %d times, want 2", asked.Load())
			}
		})
	}
}

// TestCutWithProof holds to RFC 8020, section 2: "The iterative, caching resolver MUST return these
// NSEC or NSEC3 records in the response to the triggering query if the query had the DNSSEC OK (DO)
// bit set."
func TestCutWithProof(t *testing.T) {
	b := newBench(t, silent, turns(says(t, nxdomain+"\nau f.example. 100 IN NSEC h.example. A NSEC"), notAsked(t)))
	ask(t, b, "gone.example +do")
	if m := ask(t, b, "www.gone.example AAAA +do"); m.Rcode != dns.RcodeNameError || len(m.Ns) != 2 {
		t.Errorf("response %v, want NXDOMAIN with SOA and NSEC", m)
	}
}

// TestNXDomainCutsNoOther lists what an NXDOMAIN for gone.example says nothing of.
func TestNXDomainCutsNoOther(t *testing.T) {
	phone := netip.MustParseAddr("10.2.7.41")
	for name, c := range map[string]struct {
		script, words string
		from          netip.Addr
	}{
		"the name above":        {nxdomain, "example", client},
		"a name beside it":      {nxdomain, "agone.example", client},
		"DO":                    {nxdomain, "www.gone.example +do", client},
		"CD":                    {nxdomain, "gone.example AAAA +cd", client},
		"another group":         {nxdomain, "www.gone.example", phone},
		"NODATA":                {strings.TrimPrefix(nxdomain, "rcode NXDOMAIN\n"), "www.gone.example", client},
		"NXDOMAIN of a target":  {"gone.example. 100 IN CNAME a.example.\n" + nxdomain, "www.gone.example", client},
		"a target, other types": {"gone.example. 100 IN CNAME a.example.\n" + nxdomain, "gone.example AAAA", client},
		"NXDOMAIN without SOA":  {"rcode NXDOMAIN", "www.gone.example", client},
		"SERVFAIL":              {"rcode SERVFAIL", "www.gone.example", client},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			b, err := server.NewBench(parseConfig(t, `
[client.phones]
addresses = ["10.2.7.0/24"]
[upstream.second]
servers = ["192.0.2.54"]
[rule.phones]
names    = ["*.gone.example"]
clients  = ["phones"]
upstream = "second"
`), everywhere(counted(&asked, says(t, c.script))))
			if err != nil {
				t.Fatal(err)
			}
			ask(t, b, "gone.example")
			if send(t, b, question(c.words), c.from, false); asked.Load() != 2 {
				t.Errorf("asked %d times, want 2", asked.Load())
			}
		})
	}
}

// TestCutsAreOfTheirGroup holds that an NXDOMAIN counts for the group that said it: a rule's
// names go to their own group. One for a top-level domain takes no names with it.
func TestCutsAreOfTheirGroup(t *testing.T) {
	for name, kept := range map[string]int{"z.example": 0, "example": 1} {
		b, err := server.NewBench(parseConfig(t, `
[upstream.corp]
servers = ["192.0.2.54"]
[rule.corp]
names    = [".corp.z.example"]
upstream = "corp"
`), func(u config.Upstream) server.Exchanger {
			if u.Name == "corp" {
				return says(t, "www.corp.z.example. 60 IN A 192.0.2.1")
			}
			return says(t, "rcode NXDOMAIN\nau . 100 IN SOA ns.example. host.example. 1 2 3 4 300")
		})
		if err != nil {
			t.Fatal(err)
		}
		ask(t, b, name)
		entries := b.CacheLen()
		if m := ask(t, b, "www.z.example"); m.Rcode != dns.RcodeNameError || b.CacheLen() != entries+kept {
			t.Errorf("%s does not exist, and below it: %v", name, m)
		}
		if m := ask(t, b, "www.corp.z.example"); len(addresses(m)) != 1 {
			t.Errorf("%s does not exist for one group, and for the other: %v, want an address", name, m)
		}
	}
}

// TestAnswerEndsCut has an answer come that was asked for before the cut.
func TestAnswerEndsCut(t *testing.T) {
	for name, script := range map[string]string{
		"an answer": "www.sub.example. 60 IN A 192.0.2.1", "TTL 0": "www.sub.example. 0 IN A 192.0.2.1",
		"NODATA": "au example. 60 IN SOA ns.example. host.example. 1 2 3 4 5", "a chain": "www.sub.example. 60 IN CNAME a.test.\n" + nxdomain,
	} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			var asked atomic.Int32
			b := newBehind(t, silent, counted(&asked, func(q wire.UpstreamQuery) (wire.Message, string, error) {
				if q.Name.String() != "www.sub.example" {
					return respond(t, q.Question, nxdomain), "192.0.2.53", nil
				}
				<-release
				return respond(t, q.Question, script), "192.0.2.53", nil
			}))
			done := make(chan struct{})
			go func() {
				defer close(done)
				ask(t, b, "www.sub.example")
			}()
			synctest.Wait()
			ask(t, b, "sub.example")
			if ask(t, b, "x.sub.example"); asked.Load() != 2 {
				t.Fatalf("asked %d times, want 2: there is no cut", asked.Load())
			}
			close(release)
			<-done
			if ask(t, b, "y.sub.example"); asked.Load() != 3 {
				t.Errorf("%s below it: the cut is still there", name)
			}
		})
	}
}
