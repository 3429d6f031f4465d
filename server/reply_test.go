package server_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/internal/wire"
)

// withOptions packs a query for words with these EDNS options.
func withOptions(t testing.TB, words string, options ...dns.EDNS0) []byte {
	t.Helper()
	m := question(words)
	if m.IsEdns0() == nil {
		m.SetEdns0(1232, false)
	}
	m.IsEdns0().Option = append(m.IsEdns0().Option, options...)
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// cookieOption is a COOKIE option with that data, in hexadecimal digits.
func cookieOption(data string) dns.EDNS0 {
	return &dns.EDNS0_LOCAL{Code: dns.EDNS0COOKIE, Data: unhex(data)}
}

// unhex is what s, which is good, stands for.
func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Two other options of a client.
var (
	keepaliveOption = &dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE}
	paddingOption   = &dns.EDNS0_PADDING{Padding: make([]byte, 8)}
)

// option is the data of the option of that code in a response; "" without, "x" before it if it is there.
func option(t testing.TB, response []byte, code uint16) string {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(response); err != nil {
		t.Fatalf("% x: %v", response, err)
	}
	if m.IsEdns0() == nil {
		return ""
	}
	for _, o := range m.IsEdns0().Option {
		if o.Option() != code {
			continue
		}
		switch o := o.(type) {
		case *dns.EDNS0_COOKIE:
			return "x" + o.Cookie
		case *dns.EDNS0_TCP_KEEPALIVE:
			return fmt.Sprintf("x%d", o.Timeout)
		case *dns.EDNS0_PADDING:
			return fmt.Sprintf("x%d", len(o.Padding))
		}
	}
	return ""
}

// The ways in which queries come.
var ways = map[string]server.Peer{
	"UDP": {}, "TCP": {TCP: true}, "TLS": {TCP: true, Secure: true}, "HTTPS": {TCP: true, Secure: true, HTTP: true},
}

// from is a query's peer now.
func from(way server.Peer, client netip.Addr) server.Peer {
	way.Addr, way.At = netip.AddrPortFrom(client, 4242), time.Now()
	return way
}

// RFC 7828, section 3.2.1: over UDP the option "MUST be ignored"; RFC 8467 has responses padded on encrypted
// transports only; RFC 7873, section 5.2: a COOKIE option in the response if there was one in the query.
func TestOptionsByWay(t *testing.T) {
	b := newBench(t, silent, says(t, fastUpstream))
	all := withOptions(t, "www.example.net", cookieOption("2464c4abcf10c957"), keepaliveOption, paddingOption)
	for name, way := range ways {
		for range 3 { // of which the last is a finished answer
			response := b.ServeFrom(all, from(way, client))
			if c := option(t, response, dns.EDNS0COOKIE); len(c) != 49 || !strings.HasPrefix(c, "x2464c4abcf10c957010000") {
				t.Errorf("%s: cookie %s", name, c)
			}
			wantIdle := ""
			if name == "TCP" || name == "TLS" {
				wantIdle = "x100" // 10 seconds
			}
			if got := option(t, response, dns.EDNS0TCPKEEPALIVE); got != wantIdle {
				t.Errorf("%s: keepalive %q, want %q", name, got, wantIdle)
			}
			if padded := option(t, response, dns.EDNS0PADDING) != ""; padded != way.Secure || padded && len(response)%468 != 0 {
				t.Errorf("%s: %d octets, padded %v", name, len(response), padded)
			}
		}
		response := b.ServeFrom(withOptions(t, "www.example.net"), from(way, client))
		for _, code := range []uint16{dns.EDNS0COOKIE, dns.EDNS0TCPKEEPALIVE, dns.EDNS0PADDING} {
			if got := option(t, response, code); got != "" {
				t.Errorf("%s: option %d without being asked for: %s", name, code, got)
			}
		}
	}
}

// RFC 7828, section 3.2.1: "Clients MUST specify an OPTION-LENGTH of 0 and omit the TIMEOUT value." Nothing there has a
// server refuse the query of one that does not.
func TestTimeoutOfAClientIsIgnored(t *testing.T) {
	b := newBench(t, silent, says(t, fastUpstream))
	p := withOptions(t, "www.example.net", &dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE, Data: []byte{0, 7}})
	for name, want := range map[string]string{"UDP": "", "TCP": "10s", "TLS": "10s", "HTTPS": ""} {
		response := b.ServeFrom(p, from(ways[name], client))
		m := new(dns.Msg)
		if err := m.Unpack(response); err != nil || m.Rcode != dns.RcodeSuccess {
			t.Errorf("%s: %v, %s", name, err, dns.RcodeToString[m.Rcode])
		}
		if got := option(t, response, dns.EDNS0TCPKEEPALIVE); (got != "") != (want != "") {
			t.Errorf("%s: keepalive %q", name, got)
		}
	}
}

func TestCookiesCanBeOff(t *testing.T) {
	b := newBench(t, "[server]\ncookies = false\n"+silent, says(t, fastUpstream))
	for range 3 {
		response := b.Serve(withOptions(t, "www.example.net", cookieOption("2464c4abcf10c957")), client, false)
		if c := option(t, response, dns.EDNS0COOKIE); c != "" {
			t.Errorf("cookie %s", c)
		}
	}
}

// A finished answer to a query with a cookie, as dig sends one, takes the fast path and has a cookie.
func TestFastAnswersCookies(t *testing.T) {
	b := newBench(t, fastConfig, says(t, fastUpstream))
	p, dst := withOptions(t, "x.dual.example", cookieOption("2464c4abcf10c957")), make([]byte, 0, 1500)
	for range 2 {
		b.Serve(p, client, false)
	}
	got, ok := b.Fast(dst, p, client, false)
	if c := option(t, got, dns.EDNS0COOKIE); !ok || len(c) != 49 {
		t.Fatalf("finished %v, cookie %q", ok, c)
	}
	again := withOptions(t, "x.dual.example", cookieOption(option(t, got, dns.EDNS0COOKIE)[1:]))
	for _, p := range [][]byte{p, again} {
		if n := testing.AllocsPerRun(1000, func() { b.Fast(dst, p, client, false) }); n != 0 {
			t.Errorf("%v allocations, want 0", n)
		}
	}
	good, _ := b.Fast(nil, again, client, false)
	if option(t, good, dns.EDNS0COOKIE) != option(t, got, dns.EDNS0COOKIE) {
		t.Error("a good cookie is not given back")
	}
}

// What an answer and its options do not fit into is left to the ordinary way, which shortens EDEs.
func TestFastLeavesRoomForOptions(t *testing.T) {
	b := newBench(t, silent, manyAddresses(20))
	p := withOptions(t, "www.example", cookieOption("2464c4abcf10c957"))
	for range 2 {
		b.Serve(p, client, true)
	}
	m := new(dns.Msg)
	whole, _ := b.Fast(nil, p, client, true)
	if err := m.Unpack(p); err != nil {
		t.Fatal(err)
	}
	for size := len(whole) - 30; size <= len(whole)+1; size++ {
		m.IsEdns0().SetUDPSize(uint16(max(512, size)))
		p, _ := m.Pack()
		got, ok := b.Fast(nil, p, client, false)
		if ok && (len(got) > max(512, size) || !bytes.Equal(got, b.ServeOrdinary(p, from(ways["UDP"], client)))) {
			t.Errorf("%d octets for a client that takes %d", len(got), size)
		}
	}
}

// No option of a client goes upstream, a cookie least of all: the upstream would know him by it.
func TestCookiesStayHere(t *testing.T) {
	asked := make(chan wire.UpstreamQuery, 1)
	b := newBench(t, silent, func(q wire.UpstreamQuery) (wire.Message, string, error) {
		asked <- q
		return wire.NewMessage(q.Question, wire.NXDomain), "192.0.2.53", nil
	})
	b.Serve(withOptions(t, "www.example.net", cookieOption("2464c4abcf10c957"), keepaliveOption, paddingOption), client, false)
	packet := wire.AppendQuery(nil, 1, <-asked)
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil || m.IsEdns0() == nil || len(m.IsEdns0().Option) > 0 {
		t.Errorf("%v, asked %v", err, m)
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "[server]\nrate_limit = 10\n"+silent, says(t, fastUpstream))
		p, other := packet(t, "www.example.net"), netip.MustParseAddr("10.0.0.99")
		outcome := func(p []byte, way server.Peer, client netip.Addr) string {
			response := b.ServeFrom(p, from(way, client))
			m := new(dns.Msg)
			switch {
			case len(response) == 0:
				return "dropped"
			case m.Unpack(response) != nil:
				return "garbage"
			case m.Truncated && len(m.Answer) == 0 && m.Rcode == dns.RcodeSuccess:
				return "truncated"
			case len(m.Answer) == 1:
				return "answered"
			}
			return m.String()
		}
		count := func(n int, p []byte, way server.Peer, client netip.Addr) string {
			got := map[string]int{}
			for range n {
				got[outcome(p, way, client)]++
			}
			return fmt.Sprint(got)
		}
		udp := ways["UDP"]
		for _, step := range []struct {
			what, want string
			n          int
			p          []byte
			way        server.Peer
			client     netip.Addr
			after      time.Duration
		}{
			{"two seconds' worth at once, then every second truncated", "map[answered:20 dropped:5 truncated:5]", 30, p, udp, client, 0},
			{"others are not concerned", "map[answered:20]", 20, p, udp, other, 0},
			{"nor is TCP", "map[answered:50]", 50, p, ways["TCP"], client, 0},
			{"it fills by and by", "map[answered:5 dropped:1 truncated:1]", 7, p, udp, client, 500 * time.Millisecond},
			{"and no further than it began", "map[answered:20 dropped:1 truncated:1]", 22, p, udp, client, time.Hour},
			{"what is malformed is dropped", "map[dropped:4]", 4, p[:20], udp, client, 0},
		} {
			time.Sleep(step.after)
			if got := count(step.n, step.p, step.way, step.client); got != step.want {
				t.Errorf("%s: %s, want %s", step.what, got, step.want)
			}
		}
		if got, want := b.Status().Queries.Limited, (server.LimitedStatus{Truncated: 7, Dropped: 11}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
		// A truncated response has the cookie with which the next query is spared.
		asks := withOptions(t, "www.example.net", cookieOption("2464c4abcf10c957"))
		given := ""
		for given == "" {
			if response := b.ServeFrom(asks, from(udp, client)); len(response) > 0 {
				given = option(t, response, dns.EDNS0COOKIE)
			}
		}
		good := withOptions(t, "www.example.net", cookieOption(given[1:]))
		if got := count(100, good, udp, client); got != "map[answered:100]" {
			t.Errorf("with a good cookie: %s", got)
		}
		if got := count(2, good, udp, netip.MustParseAddr("10.0.0.100")); got != "map[answered:2]" {
			t.Errorf("with another's cookie, under the limit: %s", got)
		}
		if !strings.Contains(b.Messages(), "clients are over server.rate_limit") || strings.Count(b.Messages(), "rate_limit") != 2 {
			t.Errorf("said:\n%s", b.Messages())
		}
	})
}

// A client of IPv6 has a /56 to choose addresses from.
func TestRateLimitOfNetworks(t *testing.T) {
	r := server.NewRates(10)
	now := time.Now()
	spend := func(addr string) (n int) {
		for r.Allow(netip.MustParseAddr(addr), now) && n < 100 {
			n++
		}
		return n
	}
	for _, step := range []struct {
		addr string
		want int
	}{
		{"2001:db8:1:100::1", 20},
		{"2001:db8:1:1ff::2", 0},
		{"2001:db8:1:200::1", 20},
		{"192.0.2.1", 20},
		{"::ffff:192.0.2.1", 0},
		{"192.0.2.2", 20},
	} {
		if got := spend(step.addr); got != step.want {
			t.Errorf("%s: %d, want %d", step.addr, got, step.want)
		}
	}
}

// A flood from some addresses costs others nothing: hardly any shares both buckets.
func TestRateLimitSparesOthers(t *testing.T) {
	r := server.NewRates(1)
	now := time.Now()
	for i := range 1000 {
		for range 10 {
			r.Allow(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), now)
		}
	}
	refused := 0
	for i := range 1000 {
		if !r.Allow(netip.AddrFrom4([4]byte{10, 2, byte(i >> 8), byte(i)}), now) {
			refused++
		}
	}
	if refused > 10 {
		t.Errorf("%d of 1000 are refused for others' floods", refused)
	}
}

func TestRatesSurviveReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "[server]\nrate_limit = 1\n"+silent, says(t, fastUpstream))
		p := packet(t, "www.example.net")
		for range 2 {
			b.Serve(p, client, false)
		}
		b.Reload(parseConfig(t, "[server]\nrate_limit = 1\nannotate = 'off'\n"+silent), nil)
		if response := b.Serve(p, client, false); len(response) > 0 && response[2]&2 == 0 {
			t.Error("a reload gives new queries to those who had none left")
		}
		b.Reload(parseConfig(t, silent), nil)
		if response := b.Serve(p, client, false); len(response) == 0 || response[2]&2 != 0 {
			t.Error("the limit is still there")
		}
	})
}

func BenchmarkRates(b *testing.B) {
	r, now, client := server.NewRates(1_000_000), time.Now(), netip.MustParseAddr("10.0.0.1")
	for b.Loop() {
		r.Allow(client, now)
	}
}

// BenchmarkFastOptions measures what options cost where an answer is finished.
func BenchmarkFastOptions(b *testing.B) {
	for name, options := range map[string][]dns.EDNS0{"none": nil, "cookie": {cookieOption("2464c4abcf10c957")}} {
		b.Run(name, func(b *testing.B) {
			s := newBench(b, fastConfig, says(b, fastUpstream))
			p, dst := withOptions(b, "www.example.net", options...), make([]byte, 0, 1500)
			for range 2 {
				s.Serve(p, client, false)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := s.Fast(dst, p, client, false); !ok {
					b.Fatal("not finished")
				}
			}
		})
	}
}

// What is refused has a cookie too, and a query for nothing but a cookie gets it (RFC 7873, section 5.4).
func TestRefusalsHaveCookies(t *testing.T) {
	for cookies, want := range map[string]struct{ version, cookie, bad int }{
		"true":  {dns.RcodeBadVers, dns.RcodeSuccess, dns.RcodeBadCookie},
		"false": {dns.RcodeBadVers, dns.RcodeFormatError, dns.RcodeFormatError},
	} {
		b := newBench(t, "[server]\ncookies = "+cookies+"\n"+silent, notAsked(t))
		serve := func(what string, version uint8, cookie string, want int) (again string) {
			m := new(dns.Msg)
			m.SetEdns0(1232, false)
			m.IsEdns0().SetVersion(version)
			m.IsEdns0().Option = append(m.IsEdns0().Option, cookieOption(cookie))
			p, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			response := b.Serve(p, client, false)
			if err := m.Unpack(response); err != nil || m.Rcode != want || len(m.Question) != 0 {
				t.Errorf("cookies = %s: %s: %v, %v, want %s", cookies, what, err, m, dns.RcodeToString[want])
			}
			again = option(t, response, dns.EDNS0COOKIE)
			if (again != "") != (cookies == "true") {
				t.Errorf("cookies = %s: %s: cookie %q", cookies, what, again)
			}
			return strings.TrimLeft(again, " ")
		}
		serve("version 1", 1, "2464c4abcf10c957", want.version)
		good := serve("a client cookie", 0, "2464c4abcf10c957", want.cookie)
		if cookies == "true" {
			good = good[len(good)-48:]
			if again := serve("a good cookie", 0, good, dns.RcodeSuccess); again[len(again)-48:] != good {
				t.Errorf("%s, want the good cookie %s back", again, good)
			}
		}
		serve("a bad cookie", 0, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", want.bad)
	}
}
