package server_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/internal/wire"
)

// TestSetsGetWhatTheClientGets holds which addresses go into which sets, with which TTL.
func TestSetsGetWhatTheClientGets(t *testing.T) {
	for question, test := range map[string]struct {
		script string
		want   []string
	}{
		"a.office.example": {
			script: "a.office.example. 300 IN A 192.0.2.1\na.office.example. 300 IN A 198.51.100.1\na.office.example. 300 IN A 10.0.0.1",
			want:   []string{"a4 192.0.2.1 5m0s a.office.example 127.0.0.1", "a6 192.0.2.1 5m0s a.office.example 127.0.0.1"},
		},
		"b.all.office.example": {
			script: "b.all.office.example. 300 IN A 192.0.2.1\nb.all.office.example. 300 IN A 198.51.100.1\nb.all.office.example. 300 IN A 127.0.0.1",
			want: []string{
				"a4 192.0.2.1 5m0s b.all.office.example 127.0.0.1", "a6 192.0.2.1 5m0s b.all.office.example 127.0.0.1",
				"all 192.0.2.1 5m0s b.all.office.example 127.0.0.1", "all 198.51.100.1 5m0s b.all.office.example 127.0.0.1",
			},
		},
		"c.pinned.office.example": { // what the pin removes goes nowhere
			script: "c.pinned.office.example. 300 IN A 192.0.2.1\nc.pinned.office.example. 300 IN A 198.51.100.1",
			want:   []string{"a4 192.0.2.1 5m0s c.pinned.office.example 127.0.0.1", "a6 192.0.2.1 5m0s c.pinned.office.example 127.0.0.1"},
		},
		"own.office.example": { // a rule's own answer
			want: []string{"a4 192.0.2.7 1m0s own.office.example 127.0.0.1", "a6 192.0.2.7 1m0s own.office.example 127.0.0.1"},
		},
		"d.short.office.example": {
			script: "d.short.office.example. 300 IN A 192.0.2.1",
			want:   []string{"a4 192.0.2.1 30s d.short.office.example 127.0.0.1", "a6 192.0.2.1 30s d.short.office.example 127.0.0.1"},
		},
		"e.other.example HTTPS": { // hints and additional records
			script: "e.other.example. 300 IN HTTPS 1 . ipv4hint=203.0.113.1 ipv6hint=2001:db8:1::1\nar e.other.example. 600 IN A 203.0.113.2",
			want: []string{
				"all 2001:db8:1::1 10m0s e.other.example 127.0.0.1", "all 203.0.113.1 10m0s e.other.example 127.0.0.1", "all 203.0.113.2 10m0s e.other.example 127.0.0.1",
			},
		},
		"www.example": { // along the chain
			script: "www.example. 300 IN CNAME f.office.example.\nf.office.example. 60 IN A 192.0.2.6",
			want:   []string{"a4 192.0.2.6 1m0s www.example 127.0.0.1", "a6 192.0.2.6 1m0s www.example 127.0.0.1"},
		},
		"g.office.example TXT": {script: "g.office.example. 300 IN TXT x"},
		"h.office.example":     {script: "rcode SERVFAIL"},
		"unmatched.example":    {script: "unmatched.example. 300 IN A 192.0.2.1"},
	} {
		t.Run(question, func(t *testing.T) {
			b := newBench(t, setsConfig, says(t, test.script))
			w := newWalls(b)
			ask(t, b, question)
			if d := cmp.Diff(test.want, w.brought()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if len(test.want) == 0 && w.asked > 0 {
				t.Error("the sets were asked for an answer that has nothing for them")
			}
		})
	}
}

// TestSetsAreFilledBeforeTheAnswer holds it for answers from upstream, for all who wait for one, and
// for one from the cache whose elements have gone.
func TestSetsAreFilledBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBehind(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
		w := newWalls(b)
		w.holds = true
		answered := make(chan []byte, 10)
		begin := func(last byte) {
			from := server.Peer{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, last}), 4242), At: time.Now()}
			b.Begin(packet(t, "a.office.example"), from, func(p []byte) { answered <- p })
		}
		for last := range byte(3) {
			begin(1 + last)
		}
		synctest.Wait()
		if len(answered) > 0 || len(w.held) != 3 {
			t.Fatalf("%d answers, %d additions; want no answer before 3 additions", len(answered), len(w.held))
		}
		w.release()
		if len(answered) != 3 || len(w.brought()) != 6 {
			t.Errorf("%d answers after the additions, want 3; brought %v", len(answered), w.brought())
		}
		begin(1) // a hit that needs nothing
		if len(answered) != 4 || len(w.held) > 0 {
			t.Error("a hit whose addresses are in their sets waits")
		}
		if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); !ok {
			t.Error("it is not finished")
		}
		w.flush()
		if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); ok {
			t.Error("an answer is finished whose addresses are lost")
		}
		begin(1)
		if len(answered) != 4 || len(w.held) != 1 {
			t.Error("a hit whose addresses are lost does not wait")
		}
		w.release()
	})
}

// TestNobodyHasAnAnswerWithoutItsElement asks for hours, and looks after each answer whether its
// addresses are in their sets until the client forgets them.
func TestNobodyHasAnAnswerWithoutItsElement(t *testing.T) {
	for name, server := range map[string]string{
		"as it comes": "", "no grace": "[server]\nset_grace = \"0s\"\nset_min = \"1s\"\n", "without prefetch": "[cache]\nprefetch = false\n",
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { reuse(t, server) }) })
	}
}

// reuse is the test above for one configuration.
func reuse(t *testing.T, text string) {
	if strings.HasPrefix(text, "[server]") {
		text = strings.Replace(setsConfig, "[server]\nset_grace = \"2m\"\nset_min   = \"10m\"\n", text, 1)
	} else {
		text += setsConfig
	}
	b := newBench(t, text, func(q wire.UpstreamQuery) (wire.Message, string, error) {
		n := q.Question.Name
		return respond(t, q.Question, fmt.Sprintf("%v. 1800 IN A 192.0.2.1", n)), "192.0.2.53", nil
	})
	w := newWalls(b)
	names := []string{"a.office.example", "x.short.office.example", "own.office.example"}
	random := rand.New(rand.NewPCG(1, 2))
	finished := map[string]int{}
	for begin := time.Now(); time.Since(begin) < 6*time.Hour; time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second)))) {
		name := names[random.IntN(len(names))]
		p := packet(t, name)
		got, ok := b.Fast(nil, p, client, false)
		if ok {
			finished[name]++
		} else {
			got = b.Serve(p, client, false)
		}
		m := new(dns.Msg)
		if err := m.Unpack(got); err != nil || len(m.Answer) == 0 {
			t.Fatalf("%v: %v", err, m)
		}
		for _, rr := range m.Answer {
			addr := netip.MustParseAddr(rr.(*dns.A).A.String())
			ends := time.Now().Add(time.Duration(rr.Header().Ttl) * time.Second)
			if in := w.ends[inSet{"inet filter a4", addr}]; !addr.IsPrivate() && in.Before(ends) {
				t.Fatalf("%s (finished: %t): %s is given until %v, and in the set until %v", name, ok, addr, ends, in)
			}
		}
	}
	for _, name := range names {
		if finished[name] < 100 && name == names[0] || finished[name] == 0 && !strings.Contains(text, `set_min = "1s"`) {
			t.Errorf("%s was finished %d times, want many", name, finished[name])
		}
	}
	if len(w.brought()) > 6*60*60/10 && !strings.Contains(text, `set_min = "1s"`) {
		t.Errorf("%d elements were added", len(w.brought()))
	}
}

// TestLossWhileFinishing holds that an answer is not kept whose elements are lost between the
// look at the sets and the table.
func TestLossWhileFinishing(t *testing.T) {
	b := newBench(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
	w := newWalls(b)
	ask(t, b, "a.office.example")
	w.slowly = w.o.Lost
	ask(t, b, "a.office.example")
	if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); ok {
		t.Error("the answer is finished")
	}
	w.slowly = nil
	ask(t, b, "a.office.example")
	if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); !ok {
		t.Error("the answer is not finished without a loss")
	}
}

// TestLossTakesAnswersWithSetsOnly holds that others stay finished.
func TestLossTakesAnswersWithSetsOnly(t *testing.T) {
	b := newBench(t, setsConfig, nameOf(t))
	w := newWalls(b)
	for _, name := range []string{"192-0-2-1.office.example", "192-0-2-1.unmatched.example"} {
		for range 3 {
			ask(t, b, name)
		}
	}
	w.o.Lost()
	if _, ok := b.Fast(nil, packet(t, "192-0-2-1.office.example"), client, false); ok {
		t.Error("an answer with sets stays")
	}
	if _, ok := b.Fast(nil, packet(t, "192-0-2-1.unmatched.example"), client, false); !ok {
		t.Error("an answer without sets goes")
	}
}

// TestStaleAnswersWaitForTheirSets holds that an answer which is given though it has expired is in
// its sets before, for as long as the client may use it.
func TestStaleAnswersWaitForTheirSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		text := strings.Replace(setsConfig, "\"2m\"\nset_min   = \"10m\"", "\"0s\"\nset_min   = \"1s\"", 1)
		b := newBench(t, text, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			if down {
				return wire.Message{}, "", errDown
			}
			return respond(t, q.Question, "a.office.example. 60 IN A 192.0.2.1"), "192.0.2.53", nil
		})
		w := newWalls(b)
		ask(t, b, "a.office.example")
		down, w.added = true, nil
		time.Sleep(10 * time.Minute)
		m := ask(t, b, "a.office.example")
		if e := edes(m); len(e) == 0 || !strings.HasPrefix(e[0], "3 ") || len(addresses(m)) != 1 {
			t.Fatalf("%v, want a stale answer", m)
		}
		end := w.ends[inSet{"inet filter a4", netip.MustParseAddr("192.0.2.1")}]
		if ttl := time.Duration(m.Answer[0].Header().Ttl) * time.Second; len(w.brought()) != 2 || end.Before(time.Now().Add(ttl)) {
			t.Errorf("brought %v, in until %v, with a TTL of %v", w.brought(), time.Until(end), ttl)
		}
	})
}

// TestLocalZonesWaitForTheirSets holds it for what our own zones answer.
func TestLocalZonesWaitForTheirSets(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "office.zone"), "@ 300 IN SOA ns.invalid. root.invalid. 1 3600 600 86400 60\n@ 300 IN NS ns.invalid.\na 300 IN A 192.0.2.1\na 300 IN A 10.0.0.1\n")
	b := newBench(t, setsConfig+"[local.office]\nfile = '"+filepath.Join(folder, "office.zone")+"'\nzone = 'office.example'\nformat = 'zone'\n", notAsked(t))
	w := newWalls(b)
	w.holds = true
	var got []byte
	b.Begin(packet(t, "a.office.example"), server.Peer{Addr: netip.AddrPortFrom(client, 4242), At: time.Now()}, func(p []byte) { got = p })
	if got != nil {
		t.Error("an answer before its sets are filled")
	}
	w.release()
	if m := unpack(t, got, question("a.office.example")); len(addresses(m)) != 2 || len(w.brought()) != 2 {
		t.Errorf("%v, brought %v", m, w.brought())
	}
}

// TestOnSetFailure holds what a client gets whose addresses are not in their sets.
func TestOnSetFailure(t *testing.T) {
	fault := errors.New("set inet filter a4: it is not there")
	for how, want := range map[string]struct {
		rcode int
		addrs []string
		edes  []string
	}{
		"answer": {dns.RcodeSuccess, []string{"192.0.2.1"}, []string{
			"0 " + fault.Error(), "0 rule=office zone=office row=inline pin=observe verdict=inside",
		}},
		"servfail": {dns.RcodeServerFailure, nil, []string{"0 " + fault.Error(), "0 rule=office zone=office row=inline pin=observe"}},
	} {
		t.Run(how, func(t *testing.T) {
			b := newBench(t, strings.Replace(setsConfig, "[server]\n", "[server]\non_set_failure = '"+how+"'\n", 1), says(t, "a.office.example. 300 IN A 192.0.2.1"))
			w := newWalls(b)
			w.fault = fault
			for range 3 { // from upstream, then from the cache
				m := ask(t, b, "a.office.example")
				if m.Rcode != want.rcode || !slices.Equal(addresses(m), want.addrs) || !slices.Equal(edes(m), want.edes) {
					t.Errorf("%v\n%q", m, edes(m))
				}
			}
			if _, ok := b.Fast(nil, packet(t, "a.office.example"), client, false); ok {
				t.Error("the answer is finished")
			}
			w.fault = nil
			if m := ask(t, b, "a.office.example"); !slices.Equal(addresses(m), []string{"192.0.2.1"}) || slices.Contains(edes(m), "0 "+fault.Error()) {
				t.Errorf("when it is well again: %v", m)
			}
			lines := strings.Split(strings.TrimSpace(b.Entries()), "\n")
			if len(lines) != 4 || strings.Count(strings.Join(lines, ""), `"set_failure":"set inet filter a4: it is not there"`) != 3 ||
				!strings.Contains(lines[3], `"sets":["inet filter a4","inet filter a6"]}`) {
				t.Errorf("log:\n%s", strings.Join(lines, "\n"))
			}
		})
	}
}

// TestTooManyElements holds that an answer with very many addresses opens nothing.
func TestTooManyElements(t *testing.T) {
	var script strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&script, "a.other.example. 300 IN AAAA 2001:db8::%x\n", i)
	}
	b := newBench(t, setsConfig, says(t, script.String()))
	w := newWalls(b)
	m := send(t, b, question("a.other.example AAAA"), client, true)
	if got := edes(m); len(w.brought()) > 0 || len(got) == 0 || !strings.Contains(got[0], "more than 1000") {
		t.Errorf("brought %d, %q", len(w.brought()), got)
	}
}

// TestSetsOverAReload holds that a query which waits over a reload is answered as it began, and
// that sets which the reload takes away hold nobody up.
func TestSetsOverAReload(t *testing.T) {
	b := newBench(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
	w := newWalls(b)
	w.holds = true
	var got []byte
	from := server.Peer{Addr: netip.AddrPortFrom(client, 4242), At: time.Now()}
	b.Begin(packet(t, "a.office.example"), from, func(p []byte) { got = p })
	b.Reload(parseConfig(t, "[rule.other]\nnames = ['a.office.example']\nanswer = 'nxdomain'\n"), nil)
	if len(w.c.Sets) != 0 {
		t.Errorf("the sets are %v after the reload, want none", w.c.Sets)
	}
	w.release()
	m := unpack(t, got, question("a.office.example"))
	if !slices.Equal(addresses(m), []string{"192.0.2.1"}) {
		t.Errorf("%v", m)
	}
	if m := ask(t, b, "a.office.example"); m.Rcode != dns.RcodeNameError {
		t.Errorf("after the reload: %v", m)
	}
}

// TestSetsFollowTheConfiguration holds what is asked of the firewall at start and at a reload.
func TestSetsFollowTheConfiguration(t *testing.T) {
	b := newBench(t, setsConfig, notAsked(t))
	w := newWalls(b)
	if w.c.Queue != 10 || w.c.Grace != 2*time.Minute || w.c.Min != 10*time.Minute || len(w.c.Sets) != 3 || !slices.Equal(w.c.Sets[0].Rules, []string{"office"}) {
		t.Errorf("%+v", w.c)
	}
	b.Reload(parseConfig(t, "[server]\nset_grace = '0s'\nset_min = '1s'\n[rule.a]\nnames = ['a.example']\nsets = ['ip x y']\n"), nil)
	if w.c.Grace != 2*time.Second || w.c.Min != time.Second || len(w.c.Sets) != 1 { // an answer on its way has its time
		t.Errorf("after the reload %+v", w.c)
	}
}

// TestPanicBeforeTheAnswer holds that a mistake of ours fails one query.
func TestPanicBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBehind(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
		w := newWalls(b)
		w.ends[inSet{"inet filter a4", netip.MustParseAddr("192.0.2.1")}] = time.Now().Add(time.Hour)
		w.ends[inSet{"inet filter a6", netip.MustParseAddr("192.0.2.1")}] = time.Now().Add(time.Hour)
		w.slowly = func() { panic("on purpose") }
		m := ask(t, b, "a.office.example")
		if m.Rcode != dns.RcodeServerFailure || !strings.Contains(strings.Join(edes(m), ""), "internal error") || !strings.Contains(b.Messages(), "on purpose") {
			t.Errorf("%v\n%s", m, b.Messages())
		}
	})
}

// TestSetsCostOthersNothing holds that answers of which no rule gives sets are made without more.
func TestSetsCostOthersNothing(t *testing.T) {
	with, without := newBench(t, setsConfig, nameOf(t)), newBench(t, driftConfig, nameOf(t))
	newWalls(with)
	p := packet(t, "192-0-2-1.unmatched.example +nord")
	var n [2]float64
	for i, b := range []*server.Bench{with, without} {
		ask(t, b, "192-0-2-1.unmatched.example")
		n[i] = testing.AllocsPerRun(1000, func() { b.Now(make([]byte, 0, 1500), p, client) })
	}
	if n[0] > n[1] {
		t.Errorf("an answer takes %v allocations where there are sets, and %v where not", n[0], n[1])
	}
}
