package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/wire"
)

// mixed is what an upstream says of dual.example: an address inside, one outside.
const mixed = "dual.example. 300 IN A 192.0.2.1\ndual.example. 300 IN A 198.51.100.1"

func TestReloadTakesEffectOnCachedAnswers(t *testing.T) {
	var asked atomic.Int32
	b := newBench(t, held("observe", ""), counted(&asked, says(t, mixed)))
	for _, c := range []struct {
		config string
		want   []string
		ede    string
	}{
		{held("observe", ""), []string{"192.0.2.1", "198.51.100.1"}, "0 rule=held zone=vendor row=dual pin=observe verdict=mixed tags=mdm"},
		{held("enforce", ""), []string{"192.0.2.1"}, "17 rule=held zone=vendor row=dual pin=enforce verdict=mixed tags=mdm"},
		{held("enforce", "[rule.no]\nnames = [\"dual.example\"]\nanswer = \"192.0.2.99\"\n"), []string{"192.0.2.99"}, "4 rule=no,held zone=vendor row=dual answer=192.0.2.99 tags=mdm"},
		{"[rule.other]\nnames = [\"other.example\"]\n", []string{"192.0.2.1", "198.51.100.1"}, ""},
		{held("observe", ""), []string{"192.0.2.1", "198.51.100.1"}, "0 rule=held zone=vendor row=dual pin=observe verdict=mixed tags=mdm"},
	} {
		b.Reload(parseConfig(t, c.config), nil)
		m := ask(t, b, "dual.example")
		if got := addresses(m); !slices.Equal(got, c.want) || strings.Join(edes(m), "") != c.ede {
			t.Errorf("%s\n: %v %q, want %v %q", c.config, got, edes(m), c.want, c.ede)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the upstream was asked %d times, want once: the cache outlives reloads", n)
	}
}

func TestBadConfigurationKeepsTheOld(t *testing.T) {
	b := newBench(t, held("enforce", ""), says(t, mixed))
	before := b.Digest()
	c, problems := config.Parse("config.toml", []byte("[rule.held]\nnames = [\"dual.example\"]\npin = \"loose\"\n\n[server]\nallow = [\"nobody\"]\n"))
	if c != nil {
		t.Fatal("the configuration has no problem")
	}
	b.Reload(nil, problems)
	if got := addresses(ask(t, b, "dual.example")); !slices.Equal(got, []string{"192.0.2.1"}) || b.Digest() != before {
		t.Errorf("%v, configuration %s, want the old one still enforced", got, b.Digest())
	}
	for _, want := range []string{"config.toml:3: rule.held.pin", "config.toml:6: server.allow[0]", "the old configuration stays in force", before} {
		if !strings.Contains(b.Messages(), want) {
			t.Errorf("the log does not say %q:\n%s", want, b.Messages())
		}
	}
}

// TestReloadReportsWarnings holds that warnings are said and keep nothing back.
func TestReloadReportsWarnings(t *testing.T) {
	b := newBench(t, held("observe", ""), says(t, mixed))
	c, problems := config.Parse("testdata/config.toml", []byte(held("enforce", "")+"[upstream.default]\nservers = [\"192.0.2.53\"]\n"))
	if c == nil || len(problems) == 0 {
		t.Fatalf("problems %v, want warnings", problems)
	}
	b.Reload(c, problems)
	if said := b.Messages(); !strings.Contains(said, "level=WARN") || !strings.Contains(said, "reloaded: edition") || strings.Contains(said, "level=ERROR") {
		t.Errorf("the log says\n%s\nwant a warning and that it has reloaded", said)
	}
	if got := addresses(ask(t, b, "dual.example")); !slices.Equal(got, []string{"192.0.2.1"}) {
		t.Errorf("%v, want it enforced", got)
	}
}

// TestReloadRefusesItselfAsUpstream holds that a reload that would ask ourselves is refused.
func TestReloadRefusesItselfAsUpstream(t *testing.T) {
	b := newBench(t, held("enforce", ""), says(t, mixed))
	c := parseConfig(t, held("observe", ""))
	self := netip.MustParseAddrPort("127.0.0.1:5300")
	b.Reload(c.WithListen([]netip.AddrPort{self}).WithUpstream(config.PlainServers([]netip.AddrPort{self})), nil)
	if got := addresses(ask(t, b, "dual.example")); !slices.Equal(got, []string{"192.0.2.1"}) || !strings.Contains(b.Messages(), "is this server itself") {
		t.Errorf("%v, and the log says\n%s", got, b.Messages())
	}
}

// TestReloadOfSimulatedInternet holds that a demonstration's internet knows the
// zones in force.
func TestReloadOfSimulatedInternet(t *testing.T) {
	b := newBench(t, held("observe", ""), notAsked(t))
	b.Simulate()
	b.Reload(parseConfig(t, held("enforce", "")), nil)
	ask(t, b, "dual.example") // of the internet before
	const own = "[zone.own]\nnames = [\"portal.corp.example\"]\nprefixes = [\"203.0.113.7\"]\n[rule.own]\nzones = [\"own\"]\npin = \"observe\"\n"
	b.Reload(parseConfig(t, held("enforce", own)), nil)
	if got := addresses(ask(t, b, "portal.corp.example")); !slices.Equal(got, []string{"203.0.113.7"}) {
		t.Errorf("%v, want what the new zone publishes", got)
	}
}

func TestNeedRestart(t *testing.T) {
	base := held("observe", "")
	for text, want := range map[string][]string{
		"": nil,
		"[server]\nlisten = [\"127.0.0.1:5301\"]":                                 {"server.listen"},
		"[server]\nqueries_in_flight = 5\ntcp_connections = 5\ntcp_idle = \"5s\"": {"server.queries_in_flight", "server.tcp_connections", "server.tcp_idle"},
		"[server]\ncontrol = \"/run/splitdns/control.sock\"":                      {"server.control"},
		"[server]\nudp_hold = \"0s\"":                                             {"server.udp_hold"},
		"[cache]\nentries = 5":                                                    {"cache.entries"},
		"[log]\nqueries = \"off\"":                                                {"log.queries"},
		"[http]\nlisten = [\"127.0.0.1:9153\"]":                                   {"http.listen"},
		"[cache]\nmax_ttl = \"5m\"":                                               nil,

		"[server]\nannotate = \"off\"\nudp_size = 4096\ndrain = \"1s\"\nallow = [\"10.0.0.0/8\"]": nil,
	} {
		got := server.NeedRestart(parseConfig(t, base), parseConfig(t, base+text))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

// TestNeedRestartUntilRestarted changes a key that takes effect only at a start,
// then something else, then the key back.
func TestNeedRestartUntilRestarted(t *testing.T) {
	const moved = "[server]\nlisten = [\"127.0.0.1:5301\"]\n"
	b := newBench(t, held("observe", ""), says(t, mixed))
	for i, text := range []string{held("observe", moved), held("enforce", moved), held("enforce", "")} {
		b.Reload(parseConfig(t, text), nil)
		if n, want := strings.Count(b.Messages(), "server.listen has changed"), min(i+1, 2); n != want {
			t.Errorf("after %d reloads it was said %d times that server.listen has changed, want %d", i+1, n, want)
		}
	}
}

// TestReloadOfUpstreams counts the groups made and the questions asked when the
// upstreams change.
func TestReloadOfUpstreams(t *testing.T) {
	const first = "[upstream.default]\nservers = [\"192.0.2.53\"]\n"
	for name, c := range map[string]struct {
		next         string
		dials, asked int32 // after the reload
	}{
		"unchanged":      {first + held("enforce", ""), 0, 0},
		"other servers":  {"[upstream.default]\nservers = [\"192.0.2.54\"]\n", 1, 1},
		"more servers":   {"[upstream.default]\nservers = [\"192.0.2.53\", \"192.0.2.54\"]\n", 1, 1},
		"other port":     {"[upstream.default]\nservers = [\"192.0.2.53:5353\"]\n", 1, 1},
		"other timeout":  {first + "timeout = \"1s\"\n", 1, 0},
		"another group":  {first + "[upstream.more]\nservers = [\"192.0.2.55\"]\n", 1, 0},
		"the same again": {first, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var dials, asked atomic.Int32
			b, err := server.NewBench(parseConfig(t, first), func(config.Upstream) server.Exchanger {
				dials.Add(1)
				return counted(&asked, says(t, mixed))
			})
			if err != nil {
				t.Fatal(err)
			}
			ask(t, b, "dual.example")
			dials.Store(0)
			asked.Store(0)
			b.Reload(parseConfig(t, c.next), nil)
			ask(t, b, "dual.example")
			if dials.Load() != c.dials || asked.Load() != c.asked {
				t.Errorf("%d groups made, %d questions asked, want %d and %d", dials.Load(), asked.Load(), c.dials, c.asked)
			}
		})
	}
}

// closable is an upstream group that refuses questions when it is closed.
type closable struct {
	exchange
	closed atomic.Bool
}

// Exchange fails once c is closed.
func (c *closable) Exchange(q wire.UpstreamQuery, done func(m wire.Message, from string, err error)) {
	if c.closed.Load() {
		done(wire.Message{}, "", errors.New("closed"))
		return
	}
	c.exchange.Exchange(q, done)
}

// Close closes c.
func (c *closable) Close() { c.closed.Store(true) }

// TestReplacedGroupsAreClosed reloads twice and looks at the groups of the three configurations: those
// that were replaced are closed when their last query must have ended, or the server ends; each once.
func TestReplacedGroupsAreClosed(t *testing.T) {
	const life = 2*time.Second + 4*time.Second // twice the timeout, and what a query may wait for a place over TCP
	var configs []*config.Config
	for i := range 3 {
		configs = append(configs, parseConfig(t, fmt.Sprintf("[server]\ntcp_idle = \"4s\"\n[upstream.default]\nservers = [\"192.0.2.%d\"]\ntimeout = \"1s\"\n", 53+i)))
	}
	for name, c := range map[string]struct {
		apart, after time.Duration // between the reloads, and until the end
		before       [3]int32      // which are closed before that
		left         int           // of those replaced
	}{
		"end at once":                 {0, 0, [3]int32{}, 2},
		"end within the timeout":      {life / 4, life / 2, [3]int32{}, 2},
		"end between the two":         {life / 2, life / 2, [3]int32{1, 0, 0}, 1},
		"end when all have ended":     {life / 2, life, [3]int32{1, 1, 0}, 0},
		"reloads far from each other": {time.Minute, life / 2, [3]int32{1, 0, 0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var groups []*countedClose
				b, err := server.NewBench(configs[0], func(config.Upstream) server.Exchanger {
					groups = append(groups, &countedClose{exchange: says(t, mixed)})
					return groups[len(groups)-1]
				})
				if err != nil {
					t.Fatal(err)
				}
				want := func(when string, closes [3]int32) {
					t.Helper()
					synctest.Wait()
					if got := [3]int32{groups[0].closes.Load(), groups[1].closes.Load(), groups[2].closes.Load()}; got != closes {
						t.Errorf("%s: the groups are closed %v times, want %v", when, got, closes)
					}
				}
				b.Reload(configs[1], nil)
				time.Sleep(c.apart)
				b.Reload(configs[2], nil)
				time.Sleep(c.after)
				want("before the end", c.before)
				if n := b.Replaced(); n != c.left {
					t.Errorf("%d groups wait for queries, want %d", n, c.left)
				}
				b.CloseUpstreams()
				want("at the end", [3]int32{1, 1, 1})
				time.Sleep(time.Hour)
				want("much later", [3]int32{1, 1, 1})
			})
		})
	}
}

// countedClose is an upstream group that counts how often it is closed.
type countedClose struct {
	exchange
	closes atomic.Int32
}

// Close counts.
func (c *countedClose) Close() { c.closes.Add(1) }

// TestReloadUnderQueries reloads, with other servers each time, while queries
// come: each must be answered by one configuration or the other, not a mixture.
func TestReloadUnderQueries(t *testing.T) {
	configs := make([]*config.Config, 2)
	for i, pin := range []string{"observe", "enforce"} {
		configs[i] = parseConfig(t, held(pin, fmt.Sprintf("\n[upstream.default]\nservers = [\"192.0.2.%d\"]\n[server]\nannotate = \"matched\"\n", 53+i)))
	}
	dial := func(config.Upstream) server.Exchanger {
		return &closable{exchange: func(q wire.UpstreamQuery) (wire.Message, string, error) {
			m := wire.NewMessage(q.Question, wire.NoError)
			return m.WithAnswerAddresses([]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")}, 300), "192.0.2.53", nil
		}}
	}
	b, err := server.NewBench(configs[0], dial)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var g sync.WaitGroup
	for n := range 4 {
		g.Go(func() {
			for i := 0; ctx.Err() == nil && !t.Failed(); i++ {
				oneConfiguration(t, ask(t, b, fmt.Sprintf("n%d-%d.dual.example", n, i)))
			}
		})
	}
	for i := range 100 {
		b.Reload(configs[(i+1)%2], nil)
	}
	stop()
	g.Wait()
}

// oneConfiguration holds that an answer has as many addresses as the pin that it
// names lets pass.
func oneConfiguration(t *testing.T, m *dns.Msg) {
	text := strings.Join(edes(m), "")
	want := map[bool]int{true: 2, false: 1}[strings.Contains(text, "pin=observe")]
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != want {
		t.Errorf("response %v %q", m, text)
	}
}

func TestLocalNetworksChange(t *testing.T) {
	on := netip.MustParsePrefix("203.0.113.0/24")
	for text, want := range map[string]int{
		"":                                   dns.RcodeSuccess,
		"[server]\nallow = [\"10.0.0.0/8\"]": dns.RcodeRefused,
	} {
		b := newBench(t, text+"\n"+held("observe", ""), says(t, mixed))
		gets := func() int { return send(t, b, question("dual.example"), stranger, false).Rcode }
		before := gets()
		b.SetLocal(append(slices.Clone(server.LocalPrefixes), on)...)
		during := gets()
		b.SetLocal(append(slices.Clone(server.LocalPrefixes), on)...) // nothing new
		b.SetLocal(server.LocalPrefixes...)
		after := gets()
		if before != dns.RcodeRefused || during != want || after != dns.RcodeRefused {
			t.Errorf("%q: rcodes %d, %d, %d, want only the second to be %d", text, before, during, after, want)
		}
		if n := strings.Count(b.Messages(), "networks have changed"); n != 2*(1-want/dns.RcodeRefused) {
			t.Errorf("%q: said %d times that networks have changed:\n%s", text, n, b.Messages())
		}
	}
}
