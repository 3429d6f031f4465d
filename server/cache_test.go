package server_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/wire"
)

// counted counts how often x is asked.
func counted(n *atomic.Int32, x exchange) exchange {
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		n.Add(1)
		return x(q)
	}
}

// silent is the rule of configurations whose log is not looked at.
const silent = "[rule.quiet]\nnames = [\"quiet.example\"]\n"

// withoutPrefetch is the configuration text with prefetch = false.
func withoutPrefetch(text string) string {
	return "[cache]\nprefetch = false\n" + strings.Replace(text, "[cache]\n", "", 1)
}

func TestCacheLifetime(t *testing.T) {
	const negative = "au example. 3600 IN SOA ns.example. host.example. 1 2 3 4 "
	for name, c := range map[string]struct {
		config   string
		question string
		upstream string
		lifetime int // seconds; 0: not kept
	}{
		"TTL":                   {"", "www.example A", "www.example. 60 IN A 192.0.2.1", 60},
		"smallest TTL":          {"", "www.example A", "www.example. 60 IN CNAME a.example.\na.example. 20 IN A 192.0.2.1", 20},
		"TTL 0":                 {"", "www.example A", "www.example. 0 IN A 192.0.2.1", 0},
		"max_ttl":               {"[cache]\nmax_ttl = \"30s\"", "www.example A", "www.example. 60 IN A 192.0.2.1", 30},
		"NODATA":                {"", "www.example A", negative + "45", 45},
		"NXDOMAIN":              {"", "www.example A", "rcode NXDOMAIN\n" + negative + "45", 45},
		"NODATA behind a chain": {"", "www.example A", "www.example. 20 IN CNAME a.example.\n" + negative + "45", 20},
		"max_negative_ttl":      {"[cache]\nmax_negative_ttl = \"10s\"", "www.example A", negative + "45", 10},
		"NODATA without SOA":    {"", "www.example A", "", 0},
		"NXDOMAIN without SOA":  {"", "www.example A", "rcode NXDOMAIN", 0},
		"SERVFAIL":              {"", "www.example A", "rcode SERVFAIL\n" + negative + "45", 5},
		"failure_ttl":           {"[cache]\nfailure_ttl = \"2m\"", "www.example A", "rcode REFUSED", 120},
		"FORMERR":               {"", "www.example A", "rcode FORMERR\nwww.example. 60 IN A 192.0.2.1", 0},
		"truncated":             {"", "www.example A", "tc", 0},
		"TTL with the high bit": {"", "www.example A", "www.example. 2147483708 IN A 192.0.2.1", 0},
		"SOA with TTL 20":       {"", "www.example A", "rcode NXDOMAIN\nau example. 20 IN SOA ns.example. host.example. 1 2 3 4 45", 20},
		"negative over 3 hours": {"", "www.example A", "au example. 86400 IN SOA ns.example. host.example. 1 2 3 4 86400", 3 * 3600},
		"TTL over a day":        {"", "www.example A", "www.example. 604800 IN A 192.0.2.1", 24 * 3600},
		"a rule's max_ttl":      {"[rule.short]\nnames = [\"www.example\"]\nmax_ttl = \"5s\"", "www.example A", "www.example. 60 IN A 192.0.2.1", 60},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				b := newBench(t, withoutPrefetch(c.config), counted(&asked, says(t, c.upstream)))
				ask(t, b, c.question)
				if c.lifetime > 0 {
					time.Sleep(time.Duration(c.lifetime-1) * time.Second)
					ask(t, b, c.question)
					if n := asked.Load(); n != 1 {
						t.Errorf("after %d s the upstream was asked %d times, want 1", c.lifetime-1, n)
					}
					time.Sleep(time.Second)
				}
				ask(t, b, c.question)
				if n := asked.Load(); n != 2 {
					t.Errorf("after %d s the upstream was asked %d times, want 2", c.lifetime, n)
				}
			})
		})
	}
}

func TestCacheCountsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for second, want := range map[int]uint32{0: 60, 1: 59, 59: 1} {
			b := newBench(t, silent, says(t, "www.example. 60 IN A 192.0.2.1"))
			ask(t, b, "www.example")
			time.Sleep(time.Duration(second) * time.Second)
			m := ask(t, b, "www.example")
			if len(m.Answer) != 1 || m.Answer[0].Header().Ttl != want {
				t.Errorf("after %d s: %v, want TTL %d", second, m.Answer, want)
			}
		}
	})
}

// TestNegativeCountsDown holds that clients keep a negative answer no longer than we do: its
// SOA is given with min(TTL, MINIMUM), which counts down, as are its signatures (RFC 2308,
// section 5). The chain before it has TTLs of its own.
func TestNegativeCountsDown(t *testing.T) {
	const script = "www.example. 300 IN CNAME a.example.\nau example. 3600 IN SOA ns.example. host.example. 1 2 3 4 45"
	for upstream, want := range map[string][]uint32{script: {283, 28}, "rcode NXDOMAIN\n" + script: {283, 28}, script[36:]: {28}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, silent, says(t, upstream))
			for _, age := range []uint32{0, 17} {
				m := ask(t, b, "www.example")
				var got []uint32
				for _, rr := range slices.Concat(m.Answer, m.Ns) {
					got = append(got, rr.Header().Ttl+age-17)
				}
				if !slices.Equal(got, want) {
					t.Errorf("after %d s: %v, want TTLs %v less the age", age, m, want)
				}
				time.Sleep(17 * time.Second)
			}
		})
	}
}

// TestCacheKeepsApart asks a name twice, in two ways, and looks whether the
// upstream was asked for each.
func TestCacheKeepsApart(t *testing.T) {
	other := netip.MustParseAddr("10.2.7.1")
	for name, c := range map[string]struct {
		first, second string
		from          netip.Addr // of the second
		asked         int32
	}{
		"same question":        {"www.example", "www.example", client, 1},
		"other spelling":       {"www.example", "WwW.eXample", client, 1},
		"without EDNS":         {"www.example", "www.example +noedns", client, 1},
		"AD":                   {"www.example", "www.example +ad", client, 1},
		"DO":                   {"www.example", "www.example +do", client, 2},
		"CD":                   {"www.example", "www.example +cd", client, 2},
		"type":                 {"www.example", "www.example AAAA", client, 2},
		"other client":         {"www.example", "www.example", netip.MustParseAddr("10.9.9.9"), 1},
		"other upstream group": {"www.example", "www.example", other, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			b := newBench(t, `
[client.phones]
addresses = ["10.2.7.0/24"]
[upstream.second]
servers = ["192.0.2.54"]
[rule.phones]
names    = ["www.example"]
clients  = ["phones"]
upstream = "second"
`, counted(&asked, says(t, "www.example. 60 IN A 192.0.2.1\nwww.example. 60 IN AAAA 2001:db8::1")))
			send(t, b, question(c.first), client, false)
			send(t, b, question(c.second), c.from, false)
			send(t, b, question(c.first), client, false)
			send(t, b, question(c.second), c.from, true)
			if n := asked.Load(); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

// TestGroupsAnswerApart holds that what one group said never answers for another.
func TestGroupsAnswerApart(t *testing.T) {
	b, err := server.NewBench(parseConfig(t, `
[client.phones]
addresses = ["10.2.7.0/24"]
[upstream.second]
servers = ["192.0.2.54"]
[rule.phones]
names    = ["*.example"]
clients  = ["phones"]
upstream = "second"
`), func(u config.Upstream) server.Exchanger {
		return says(t, "www.example. 60 IN A "+map[string]string{"default": "192.0.2.1", "second": "192.0.2.2"}[u.Name])
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for from, want := range map[string]string{"10.1.1.1": "192.0.2.1", "10.2.7.1": "192.0.2.2"} {
			m := send(t, b, question("www.example"), netip.MustParseAddr(from), false)
			if got := addresses(m); !slices.Equal(got, []string{want}) {
				t.Errorf("%s gets %v, want %s", from, got, want)
			}
		}
	}
}

func TestIdenticalQuestionsShareOneExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		release := make(chan struct{})
		b := newBench(t, "[rule.all]\nnames = [\"www.example\"]\nlog = true", counted(&asked,
			func(q wire.UpstreamQuery) (wire.Message, string, error) {
				<-release
				return respond(t, q.Question, "www.example. 60 IN A 192.0.2.1"), "192.0.2.53", nil
			}))
		const clients = 200
		var g sync.WaitGroup
		for range clients {
			g.Go(func() {
				if m := ask(t, b, "www.example"); !slices.Equal(addresses(m), []string{"192.0.2.1"}) {
					t.Errorf("response %v", m)
				}
			})
		}
		synctest.Wait() // all of them wait for the one exchange
		close(release)
		g.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times, want 1", n)
		}
		how := map[string]int{}
		for line := range strings.Lines(b.Entries()) {
			how[parseEntry(t, line).Cache]++
		}
		if how["miss"] != 1 || how["shared"] != clients-1 {
			t.Errorf("cache in the log: %v, want one miss and %d shared", how, clients-1)
		}
	})
}

func TestWithoutRD(t *testing.T) {
	var asked atomic.Int32
	b := newBench(t, silent, counted(&asked, says(t, "www.example. 60 IN A 192.0.2.1")))
	m := ask(t, b, "www.example +nord")
	if m.Rcode != dns.RcodeRefused || asked.Load() != 0 || len(edes(m)) != 1 || m.RecursionDesired {
		t.Errorf("not cached: asked %d times, response %v; want REFUSED with EDE", asked.Load(), m)
	}
	ask(t, b, "www.example")
	m = ask(t, b, "www.example +nord")
	if m.Rcode != dns.RcodeSuccess || asked.Load() != 1 || len(m.Answer) != 1 {
		t.Errorf("cached: asked %d times, response %v; want the answer", asked.Load(), m)
	}
}

// TestSpelling holds that each client sees its own spelling of the name, also
// where the cache is shared.
func TestSpelling(t *testing.T) {
	b := newBench(t, silent, says(t, "www.example. 60 IN A 192.0.2.1"))
	for _, name := range []string{"WWW.example", "www.Example", "wWw.eXaMpLe", "www.example"} {
		m := ask(t, b, name)
		if got := m.Answer[0].Header().Name; got != name+"." || m.Question[0].Name != name+"." {
			t.Errorf("asked for %s: question %s, owner %s", name, m.Question[0].Name, got)
		}
	}
}

// TestUpstreamGetsNothingOfTheClient holds that only the question, DO and CD go
// on to an upstream.
func TestUpstreamGetsNothingOfTheClient(t *testing.T) {
	var got wire.UpstreamQuery
	b := newBench(t, "[server]\nudp_size = 1400", func(q wire.UpstreamQuery) (wire.Message, string, error) {
		got = q
		return wire.NewMessage(q.Question, wire.NoError), "192.0.2.53", nil
	})
	m := question("WWW.example TYPE65280 +do +cd")
	m.Question[0].Qtype = 65280
	m.IsEdns0().SetUDPSize(4096)
	m.IsEdns0().Option = append(m.IsEdns0().Option,
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 32, Address: stranger.AsSlice()},
		&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"})
	send(t, b, m, client, false)
	if got.Name.String() != "www.example" || got.Type != 65280 || !got.DO || !got.CD || got.UDPSize != 1400 {
		t.Errorf("the upstream was asked %+v", got)
	}
}
