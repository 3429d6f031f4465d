package server_test

import (
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// fails is an upstream that answers with err.
func fails(err error) exchange {
	return func(wire.UpstreamQuery) (wire.Message, string, error) { return wire.Message{}, "", err }
}

// errDown is why the upstream of a test has no answer.
var errDown = errors.New("upstream default: 192.0.2.53: connection refused")

// TestFailuresAreRemembered holds that failures are kept for a while, as RFC 9520, section 3.2,
// wants: from one second to five minutes. Meanwhile nobody is asked, and the answer says so.
func TestFailuresAreRemembered(t *testing.T) {
	for name, c := range map[string]struct {
		upstream exchange
		ede      []string
		again    []string
	}{
		"no answer": {fails(errDown), []string{"23 " + errDown.Error()}, []string{"23 " + errDown.Error(), "13"}},
		"silence": {
			fails(&upstream.Error{Group: "default", Failures: []upstream.Failure{{Server: "192.0.2.53", Text: "no answer in 4s", Timeout: true}}}),
			[]string{"22 upstream default: 192.0.2.53: no answer in 4s"},
			[]string{"22 upstream default: 192.0.2.53: no answer in 4s", "13"},
		},
		"SERVFAIL": {
			says(t, "rcode SERVFAIL"),
			[]string{"22 upstream default: 192.0.2.53: answered SERVFAIL"},
			[]string{"22 upstream default: 192.0.2.53: answered SERVFAIL", "13"},
		},
		"REFUSED": {
			says(t, "rcode REFUSED"),
			[]string{"22 upstream default: 192.0.2.53: answered REFUSED"},
			[]string{"22 upstream default: 192.0.2.53: answered REFUSED", "13"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				b := newBench(t, "[rule.all]\nnames = [\"www.example\"]\nlog = true\n[server]\nannotate = \"off\"\n", counted(&asked, c.upstream))
				for i, want := range [][]string{c.ede, c.again, c.again} {
					m := ask(t, b, "www.example")
					if m.Rcode != dns.RcodeServerFailure || !slices.Equal(edes(m), want) || asked.Load() != 1 {
						t.Errorf("query %d: asked %d times, response %v\nwant SERVFAIL with %q", i, asked.Load(), m, want)
					}
				}
				if _, ok := b.Fast(nil, packet(t, "www.example"), client, false); ok {
					t.Error("a failure is kept finished")
				}
				time.Sleep(5*time.Second - time.Nanosecond)
				if ask(t, b, "www.example"); asked.Load() != 1 {
					t.Errorf("before 5 s asked %d times, want 1", asked.Load())
				}
				time.Sleep(time.Nanosecond)
				if m := ask(t, b, "www.example"); asked.Load() != 2 || !slices.Equal(edes(m), c.ede) {
					t.Errorf("after 5 s asked %d times, want 2; response %v", asked.Load(), m)
				}
			})
		})
	}
}

// TestFailureIsAboutOneQuestion holds that only the same question of the same group is
// answered with a failure from before.
func TestFailureIsAboutOneQuestion(t *testing.T) {
	for _, words := range []string{"www.example AAAA", "www.example +do", "www.example +cd", "a.www.example", "example", "phone"} {
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
`, counted(&asked, fails(errDown)))
		from := client
		ask(t, b, "www.example")
		if words == "phone" {
			words, from = "www.example", netip.MustParseAddr("10.2.7.41")
		}
		if send(t, b, question(words), from, false); asked.Load() != 2 {
			t.Errorf("%s from %v: asked %d times, want 2", words, from, asked.Load())
		}
	}
}

// TestRecovers holds that an answer ends what was remembered, and is not followed by it.
func TestRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		b := newBench(t, silent, counted(&asked, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			if asked.Load() == 1 {
				return wire.Message{}, "", errDown
			}
			return respond(t, q.Question, "www.example. 60 IN A 192.0.2.1"), "192.0.2.53", nil
		}))
		ask(t, b, "www.example")
		time.Sleep(5 * time.Second)
		for range 3 {
			if m := ask(t, b, "www.example"); m.Rcode != dns.RcodeSuccess || len(edes(m)) != 0 || asked.Load() != 2 {
				t.Errorf("asked %d times, response %v; want the answer", asked.Load(), m)
			}
		}
		if n := b.CacheLen(); n != 1 {
			t.Errorf("%d entries in the cache, want the answer alone", n)
		}
	})
}

// TestOurOwnTroubleIsNotRemembered holds that neither a panic nor the end of a group that a
// reload has replaced is taken for a failure of the upstream.
func TestOurOwnTroubleIsNotRemembered(t *testing.T) {
	for name, x := range map[string]exchange{
		"panic": func(wire.UpstreamQuery) (wire.Message, string, error) { panic("on purpose") }, "closed": fails(upstream.ErrClosed),
	} {
		var asked atomic.Int32
		b := newBench(t, silent, counted(&asked, x))
		for range 2 {
			ask(t, b, "www.example")
		}
		if asked.Load() != 2 || b.CacheLen() != 0 {
			t.Errorf("%s: asked %d times, %d entries; want 2, 0", name, asked.Load(), b.CacheLen())
		}
	}
}

// TestFailuresAreBounded asks for more names that fail than the cache has room for.
func TestFailuresAreBounded(t *testing.T) {
	b := newBench(t, "[cache]\nentries = 10", fails(errDown))
	for i := range 100 {
		ask(t, b, string(rune('a'+i%26))+string(rune('a'+i/26))+".example")
	}
	if n := b.CacheLen(); n != 10 {
		t.Errorf("%d entries, want 10", n)
	}
}
