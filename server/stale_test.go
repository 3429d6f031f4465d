package server_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/wire"
)

// minuteOnly is an answer for 60 s.
const minuteOnly = "ad\nwww.example. 60 IN A 192.0.2.1"

// turns is an upstream that has its first answer from one, all later ones from the other.
func turns(first, later exchange) exchange {
	var asked atomic.Int32
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		if asked.Add(1) == 1 {
			return first(q)
		}
		return later(q)
	}
}

// within is x, which takes that long.
func within(d time.Duration, x exchange) exchange {
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		time.Sleep(d)
		return x(q)
	}
}

// TestStaleAfterFailure holds to RFC 8767, section 4: "If the data is unable to be authoritatively
// refreshed when the TTL expires, the record MAY be used as though it is unexpired", with a TTL of
// 30 s, for as long as cache.stale says.
func TestStaleAfterFailure(t *testing.T) {
	const down = "23 upstream default: 192.0.2.53: connection refused"
	for name, c := range map[string]struct {
		config string
		first  string
		later  exchange
		after  time.Duration
		rcode  int
		ttl    uint32 // of all records; 0: there are none
		edes   []string
	}{
		"just expired":    {silent, minuteOnly, fails(errDown), time.Minute, 0, 30, []string{"3 expired 0s ago", down}},
		"hours ago":       {silent, minuteOnly, fails(errDown), time.Minute + 24*time.Hour - 1, 0, 30, []string{"3 expired 23h59m59s ago", down}},
		"a day ago":       {silent, minuteOnly, fails(errDown), time.Minute + 24*time.Hour, 2, 0, []string{down}},
		"stale = 1m":      {"[cache]\nstale = \"1m\"", minuteOnly, fails(errDown), 2 * time.Minute, 2, 0, []string{down}},
		"off":             {"[cache]\nstale = \"0s\"", minuteOnly, fails(errDown), time.Minute, 2, 0, []string{down}},
		"SERVFAIL":        {silent, minuteOnly, says(t, "rcode SERVFAIL"), time.Minute, 0, 30, []string{"3 expired 0s ago", "22 upstream default: 192.0.2.53: answered SERVFAIL"}},
		"REFUSED":         {silent, minuteOnly, says(t, "rcode REFUSED"), time.Minute, 0, 30, []string{"3 expired 0s ago", "22 upstream default: 192.0.2.53: answered REFUSED"}},
		"NXDOMAIN":        {silent, nxdomain, fails(errDown), 107 * time.Second, 3, 30, []string{"19 expired 7s ago", down}},
		"NODATA":          {silent, strings.TrimPrefix(nxdomain, "rcode NXDOMAIN\n"), fails(errDown), 107 * time.Second, 0, 30, []string{"3 expired 7s ago", down}},
		"never kept":      {silent, "www.example. 0 IN A 192.0.2.1", fails(errDown), 0, 2, 0, []string{down}},
		"a rule's TTL":    {"[rule.a]\nnames = [\"www.example\"]\nmax_ttl = \"7s\"\n[server]\nannotate = \"off\"", minuteOnly, fails(errDown), time.Minute, 0, 7, []string{"3 expired 0s ago", down}},
		"panic of ours":   {silent, minuteOnly, func(wire.UpstreamQuery) (wire.Message, string, error) { panic("on purpose") }, time.Minute, 2, 0, []string{"0 internal error: the program's log has more"}},
		"fresh NXDOMAIN":  {silent, minuteOnly, says(t, nxdomain), time.Minute, 3, 100, nil},
		"NXDOMAIN, bare":  {silent, minuteOnly, says(t, "rcode NXDOMAIN"), time.Minute, 3, 0, nil},
		"fresh, with TTL": {silent, minuteOnly, says(t, "www.example. 9 IN A 192.0.2.2"), time.Minute, 0, 9, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.config, turns(says(t, c.first), c.later))
				ask(t, b, "www.example")
				time.Sleep(c.after)
				m := ask(t, b, "www.example +ad")
				if m.Rcode != c.rcode || !slices.Equal(edes(m), c.edes) || m.AuthenticatedData {
					t.Errorf("response %v\nwant %s with %q, without AD", m, dns.RcodeToString[c.rcode], c.edes)
				}
				records := slices.Concat(m.Answer, m.Ns)
				if (len(records) > 0) != (c.ttl > 0) {
					t.Errorf("records %v, want some: %v", records, c.ttl > 0)
				}
				for _, rr := range records {
					if rr.Header().Ttl != c.ttl {
						t.Errorf("record %v, want TTL %d", rr, c.ttl)
					}
				}
			})
		})
	}
}

// TestStaleIsCheckedAgain holds that where an upstream has failed it is asked again once in
// failure_ttl (the failure recheck timer of RFC 8767, section 5), and that an answer ends it.
func TestStaleIsCheckedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		b := newBench(t, "[rule.all]\nnames = [\"www.example\"]\nlog = true\n", counted(&asked, func(q wire.UpstreamQuery) (wire.Message, string, error) {
			if n := asked.Load(); n > 1 && n < 5 {
				return wire.Message{}, "", errDown
			}
			return respond(t, q.Question, minuteOnly), "192.0.2.53", nil
		}))
		ask(t, b, "www.example")
		time.Sleep(time.Minute)
		for i := range 15 {
			m := ask(t, b, "www.example")
			if want := int32(2 + i/5); asked.Load() != want || !strings.HasPrefix(edes(m)[0], "3 expired") || len(addresses(m)) != 1 {
				t.Errorf("second %d: asked %d times, want %d; response %v", i, asked.Load(), want, m)
			}
			if _, ok := b.Fast(nil, packet(t, "www.example"), client, false); ok {
				t.Error("a stale answer is kept finished")
			}
			time.Sleep(time.Second)
		}
		if m := ask(t, b, "www.example"); m.Answer[0].Header().Ttl != 60 || strings.HasPrefix(edes(m)[0], "3") {
			t.Errorf("response %v, want the fresh one", m)
		}
		lines := strings.SplitAfter(b.Entries(), "\n")
		if e := parseEntry(t, lines[1]); e.Cache != "stale" || e.Rcode != "NOERROR" || e.Verdict == "" {
			t.Errorf("entry of a stale answer: %s", lines[1])
		}
	})
}

// TestStaleAfterAWhile has an upstream take longer than the 1.8 s that a client should wait (the
// client response timer of RFC 8767, section 5). What it says later is for the cache.
func TestStaleAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		b := newBehind(t, silent, counted(&asked, turns(says(t, minuteOnly), within(3*time.Second, says(t, "www.example. 60 IN A 192.0.2.2")))))
		ask(t, b, "www.example")
		time.Sleep(time.Minute)
		begin := time.Now()
		late := regexp.MustCompile(`^3 expired [012]s ago; upstream default: no answer in 1\.8s$`)
		stale := func(after time.Duration) {
			m := ask(t, b, "www.example")
			took, got := time.Since(begin), edes(m)
			if took != after || !slices.Equal(addresses(m), []string{"192.0.2.1"}) || len(got) != 1 || !late.MatchString(got[0]) {
				t.Errorf("after %v: %v, want the stale answer after %v", took, m, after)
			}
		}
		var g sync.WaitGroup
		for range 5 {
			g.Go(func() { stale(1800 * time.Millisecond) })
		}
		time.Sleep(time.Second)
		g.Go(func() { stale(1800 * time.Millisecond) }) // who comes later waits no longer
		g.Wait()
		time.Sleep(200 * time.Millisecond)
		stale(2 * time.Second) // and at once, once it is known
		time.Sleep(time.Second + 1)
		if m := ask(t, b, "www.example"); asked.Load() != 2 || !slices.Equal(addresses(m), []string{"192.0.2.2"}) || len(edes(m)) != 0 {
			t.Errorf("asked %d times, response %v; want what the upstream said in the end", asked.Load(), m)
		}
	})
}

// TestInTime holds that an answer which comes in time is the one given, and that no timer is
// left: who asks the next time waits for a full time again.
func TestInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := within(1700*time.Millisecond, says(t, "www.example. 0 IN A 192.0.2.2"))
		b := newBehind(t, "[cache]\nprefetch = false", turns(says(t, minuteOnly), slow))
		ask(t, b, "www.example")
		time.Sleep(time.Minute)
		for range 2 { // the second time there is nothing stale any more
			if m := ask(t, b, "www.example"); !slices.Equal(addresses(m), []string{"192.0.2.2"}) || len(edes(m)) != 0 {
				t.Errorf("response %v, want the fresh one", m)
			}
		}
	})
}

// TestFreshAnswerEndsStaleness lists answers that are not kept, after which there is nothing
// stale to give when the upstream fails.
func TestFreshAnswerEndsStaleness(t *testing.T) {
	for name, script := range map[string]string{
		"TTL 0": "www.example. 0 IN A 192.0.2.2", "NXDOMAIN": "rcode NXDOMAIN", "NODATA": "", "YXDOMAIN": "rcode YXDOMAIN",
		"another type": "rcode NXDOMAIN\nau example. 1 IN SOA ns.example. host.example. 1 2 3 4 1",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, silent, turns(says(t, minuteOnly), turns(says(t, script), fails(errDown))))
				ask(t, b, "www.example")
				time.Sleep(time.Minute)
				words := "www.example"
				if name == "another type" {
					words = "www.example AAAA"
				}
				ask(t, b, words)
				time.Sleep(time.Second)
				m := ask(t, b, "www.example")
				if len(addresses(m)) != 0 {
					t.Errorf("response %v, want nothing stale", m)
				}
				if name == "another type" && m.Rcode != dns.RcodeNameError {
					t.Errorf("response %v, want the stale NXDOMAIN, which came later", m)
				}
			})
		})
	}
}

// TestRulesApplyToStaleAnswers holds that policy comes after the cache, also after a reload.
func TestRulesApplyToStaleAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, held("enforce", ""), turns(
			says(t, "dual.example. 60 IN A 192.0.2.1\ndual.example. 60 IN A 198.51.100.1"), fails(errDown)))
		ask(t, b, "dual.example")
		time.Sleep(2 * time.Minute)
		m := ask(t, b, "dual.example")
		if got := edes(m); !slices.Equal(addresses(m), []string{"192.0.2.1"}) || len(got) != 3 ||
			!strings.HasPrefix(got[0], "3 expired 1m0s ago") || !strings.HasPrefix(got[2], "17 ") {
			t.Errorf("response %v, want the stale answer, filtered", m)
		}
		b.Reload(parseConfig(t, "[rule.blocked]\nnames = [\"dual.example\"]\nanswer = \"nxdomain\""), nil)
		if m := ask(t, b, "dual.example"); m.Rcode != dns.RcodeNameError {
			t.Errorf("response %v, want the rule's", m)
		}
		b.Reload(parseConfig(t, "[cache]\nstale = \"1m\""), nil)
		if m := ask(t, b, "dual.example"); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("response %v, want nothing that is older than cache.stale now", m)
		}
	})
}

// TestStaleTarget holds that the target of a rule's CNAME may be stale like any other name.
func TestStaleTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "[rule.alias]\nnames = [\"intra.example\"]\nanswer = \"www.example\"\n", turns(says(t, minuteOnly), fails(errDown)))
		ask(t, b, "intra.example")
		time.Sleep(time.Minute)
		for range 2 {
			if m := ask(t, b, "intra.example"); len(m.Answer) != 2 || m.Answer[1].Header().Ttl != 30 || !strings.HasPrefix(edes(m)[0], "3 ") {
				t.Errorf("response %v, want the CNAME with the stale address", m)
			}
		}
	})
}

// TestStaleKeepsClientsApart holds that a stale answer is for those of its group only, and that
// refusals stay refusals.
func TestStaleKeepsClientsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, silent, turns(says(t, minuteOnly), fails(errDown)))
		ask(t, b, "www.example")
		time.Sleep(time.Minute)
		for words, from := range map[string]netip.Addr{"www.example": stranger, "www.example +nord": client} {
			if m := send(t, b, question(words), from, false); m.Rcode != dns.RcodeRefused {
				t.Errorf("%s from %v: %v, want REFUSED", words, from, m)
			}
		}
		if m := ask(t, b, "www.example +do"); m.Rcode != dns.RcodeServerFailure {
			t.Errorf("with DO: %v, want SERVFAIL", m)
		}
	})
}

// TestExplainsStaleAndFailed holds what dig CH TXT says of what the cache has when the upstream is down.
func TestExplainsStaleAndFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, held("observe", ""), turns(says(t, "dual.example. 60 IN A 192.0.2.1"), turns(fails(errDown), says(t, nxdomain))))
		facts := func(words string, want ...string) {
			t.Helper()
			got := texts(ask(t, b, words+" CH TXT"))
			for _, fact := range want {
				if !slices.Contains(got, fact) {
					t.Errorf("%s: facts\n%s\nwant among them\n%s", words, strings.Join(got, "\n"), fact)
				}
			}
			if strings.Count(strings.Join(got, "\n"), "cache ") != strings.Count(strings.Join(want, "\n"), "cache ") {
				t.Errorf("%s: facts\n%s\nwant no more of the cache than\n%s", words, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		ask(t, b, "dual.example")
		time.Sleep(61 * time.Second)
		stale := "cache A age=61 ttl=30 from=192.0.2.53 stale 192.0.2.1=inside"
		facts("dual.example", stale, "verdict=inside")
		ask(t, b, "dual.example")
		facts("dual.example", stale, "cache A failed age=0 ttl=5 ede=23", "failure A "+errDown.Error())
		ask(t, b, "gone.dual.example")
		gone := " age=0 ttl=100 from=192.0.2.53 cut=gone.dual.example rcode=NXDOMAIN"
		facts("www.gone.dual.example", "cache A"+gone, "cache AAAA"+gone, "cache HTTPS"+gone)
		time.Sleep(24 * time.Hour)
		facts("dual.example", "cache none", "verdict=not-asked")
	})
}
