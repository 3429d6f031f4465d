package upstream_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
)

// serverCookie is the cookie of the tests' upstreams, in hexadecimal.
const serverCookie = "00112233445566778899aabbccddeeff"

// cookieOf is the COOKIE option of a message, in hexadecimal.
func cookieOf(m *dns.Msg) string {
	if o := m.IsEdns0(); o != nil {
		for _, option := range o.Option {
			if c, ok := option.(*dns.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
	}
	return ""
}

// withCookie adds a COOKIE option.
func withCookie(m *dns.Msg, cookie string) *dns.Msg {
	if m.IsEdns0() == nil {
		m.SetEdns0(1232, false)
	}
	o := m.IsEdns0()
	o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	return m
}

// client is the part of a query's cookie that is ours.
func client(q *servertest.Query) string { return cookieOf(q.Msg)[:16] }

// baked answers with a cookie.
func baked(q *servertest.Query) { q.Respond(withCookie(answer(q), client(q)+serverCookie)) }

// A server's cookie is sent back to it, and no server gets another's.
func TestCookies(t *testing.T) {
	first, second := servertest.New(t, baked), servertest.New(t, baked)
	g := withStrategy(t, upstream.Parallel, first, second)
	for range 2 {
		wantAnswer(t, g, "192.0.2.1")
	}
	eventually(t, "cookies of both", func() bool { return stateOf(g, 0).Cookies && stateOf(g, 1).Cookies })
	wantAnswer(t, g, "192.0.2.1")
	eventually(t, "three queries each", func() bool { return len(first.Queries()) == 3 && len(second.Queries()) == 3 })
	a, b := cookieOf(first.Queries()[2].Msg), cookieOf(second.Queries()[2].Msg)
	if len(a) != 48 || len(b) != 48 || a[16:] != serverCookie || b[16:] != serverCookie {
		t.Errorf("cookies %q and %q, want the server's", a, b)
	}
	if a[:16] == b[:16] || client(first.Queries()[0]) != a[:16] {
		t.Errorf("client cookies %q and %q, want one for each server", a[:16], b[:16])
	}
}

// A response with another cookie than ours is discarded, as is one with a cookie that
// cannot be (RFC 7873, section 5.3).
func TestWrongCookieIsDiscarded(t *testing.T) {
	for name, cookie := range map[string]func(client string) string{
		"another": func(c string) string { return "0123456789abcdef" + serverCookie },
		"short":   func(c string) string { return c[:14] },
		"between": func(c string) string { return c + "00" },
		"long":    func(c string) string { return c + strings.Repeat("00", 33) },
		"none":    func(string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, func(q *servertest.Query) {
				q.Send(forged(q, func(m *dns.Msg) { withCookie(m, cookie(client(q))) }))
				baked(q)
			})
			wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
			if n := len(u.Queries()); n != 1 {
				t.Errorf("%v queries, want 1", n)
			}
		})
	}
}

// A server that has sent cookies is believed without one only over TCP. If it has none there
// either, it has none any more.
func TestMissingCookie(t *testing.T) {
	for name, c := range map[string]struct {
		overTCP servertest.Script
		cookies bool
	}{
		"forged":              {baked, true},
		"no cookies any more": {atOnce, false},
		"nor TCP":             {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, func(q *servertest.Query) {
				switch {
				case q.Number == 1:
					baked(q)
				case q.TCP:
					c.overTCP(q)
				case c.overTCP == nil:
					q.Respond(answer(q))
				default:
					q.Send(forged(q, func(*dns.Msg) {}))
				}
			})
			if c.overTCP == nil {
				u.CloseTCP()
			}
			g := patient(t, u.Addr)
			for range 2 {
				wantAnswer(t, g, "192.0.2.1")
			}
			if s := stateOf(g, 0); s.Cookies != c.cookies {
				t.Errorf("%+v, want cookies: %v", s, c.cookies)
			}
			if n := len(u.Queries()); n != 3 {
				t.Errorf("%v queries, want one more than answers", n)
			}
		})
	}
}

// A forged refusal without a cookie does not take EDNS from a server that has sent
// cookies.
func TestBareRefusalWithoutCookie(t *testing.T) {
	learnt := servertest.New(t, func(q *servertest.Query) {
		if q.Number > 1 {
			q.Send([]byte{q.Packet[0], q.Packet[1], 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0})
		}
		baked(q)
	})
	g := patient(t, learnt.Addr)
	for range 2 {
		wantAnswer(t, g, "192.0.2.1")
	}
	if n := len(learnt.Queries()); n != 2 || stateOf(g, 0).WithoutEDNS {
		t.Errorf("%v queries, %+v; want two with EDNS", n, stateOf(g, 0))
	}
}

// A server that wants a cookie gets it, or else is asked over TCP.
func TestBadCookie(t *testing.T) {
	bad := func(q *servertest.Query) {
		m := withCookie(new(dns.Msg).SetReply(q.Msg), client(q)+serverCookie)
		m.Rcode = dns.RcodeBadCookie
		q.Respond(m)
	}
	for name, c := range map[string]struct {
		script servertest.Script
		want   string // how the queries came: u with our cookie, U with the server's, t over TCP
	}{
		"once": {func(q *servertest.Query) {
			if len(cookieOf(q.Msg)) == 16 {
				bad(q)
				return
			}
			baked(q)
		}, "uU"},
		"over UDP": {func(q *servertest.Query) {
			if !q.TCP {
				bad(q)
				return
			}
			baked(q)
		}, "uUt"},
	} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, c.script)
			wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
			got := ""
			for _, q := range u.Queries() {
				switch {
				case q.TCP:
					got += "t"
				case strings.HasSuffix(cookieOf(q.Msg), serverCookie):
					got += "U"
				default:
					got += "u"
				}
			}
			if got != c.want {
				t.Errorf("queries %q, want %q", got, c.want)
			}
		})
	}
	t.Run("always", func(t *testing.T) {
		u := servertest.New(t, bad)
		if err := wantError(t, patient(t, u.Addr)); !strings.HasSuffix(err.Error(), "answered BADCOOKIE") {
			t.Errorf("%v, want the BADCOOKIE", err)
		}
		if n := len(u.Queries()); n != 3 {
			t.Errorf("%v queries, want 3", n)
		}
	})
}

// FuzzFindCookie: what is found in a message that the library understands is its first
// cookie.
func FuzzFindCookie(f *testing.F) {
	m := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "www.example.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(192, 0, 2, 1)}}
	m.Compress = true
	f.Add(servertest.Pack(m))
	f.Add(servertest.Pack(withCookie(m, "0123456789abcdef"+serverCookie)))
	f.Add(servertest.Pack(withCookie(m, "fedcba9876543210")))
	f.Add(bytes.Repeat([]byte{0xC0}, 40))
	f.Fuzz(func(t *testing.T, packet []byte) {
		option, ok := upstream.FindCookie(packet)
		m := new(dns.Msg)
		if err := m.Unpack(packet); err != nil || len(m.Question) != 1 || !isWhole(m, packet) {
			return
		}
		want := ""
		for _, rr := range m.Extra {
			if o, isOPT := rr.(*dns.OPT); isOPT {
				want = cookieOf(&dns.Msg{Extra: []dns.RR{o}})
				break
			}
		}
		if got := hex.EncodeToString(option); got != want || ok && want == "" && len(option) > 0 {
			t.Errorf("cookie %q, %v, want %q: %x", got, ok, want, packet)
		}
	})
}

// isWhole says whether m has all records that the header of packet promises.
func isWhole(m *dns.Msg, packet []byte) bool {
	count := func(at int) int { return int(packet[at])<<8 | int(packet[at+1]) }
	return len(m.Answer) == count(6) && len(m.Ns) == count(8) && len(m.Extra) == count(10)
}
