package upstream_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// funnel is a group of one server, whose queries leave from one socket.
func funnel(t *testing.T, timeout time.Duration, addr netip.AddrPort) *upstream.Group {
	t.Helper()
	g := newGroup(t, timeout, addr)
	if err := upstream.Funnel(g); err != nil {
		t.Fatal(err)
	}
	return g
}

// fromFirstPort asks n times, one after the other, and says how many of these queries
// left from the port of the first.
func fromFirstPort(t *testing.T, g *upstream.Group, u *servertest.Upstream, n int) (same int) {
	t.Helper()
	for range n {
		wantAnswer(t, g, "192.0.2.1")
	}
	queries := u.Queries()
	for _, q := range queries {
		if q.From == queries[0].From {
			same++
		}
	}
	return same
}

func TestSocketIsRenewedAfterManyQueries(t *testing.T) {
	u := good(t)
	g := funnel(t, 10*time.Second, u.Addr)
	if same := fromFirstPort(t, g, u, upstream.SocketQueries+50); same != upstream.SocketQueries {
		t.Errorf("%v queries from one port, want %v", same, upstream.SocketQueries)
	}
}

// Who sends many wrong responses knows the port.
func TestSocketIsRenewedAfterManyWrongResponses(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		q.Send(forged(q, func(m *dns.Msg) { m.Response = false }))
		q.Respond(answer(q))
	})
	g := funnel(t, 10*time.Second, u.Addr)
	if same := fromFirstPort(t, g, u, upstream.MaxDiscarded+20); same != upstream.MaxDiscarded {
		t.Errorf("%v queries from one port, want %v", same, upstream.MaxDiscarded)
	}
}

// A socket out of use is closed when the last response has come.
func TestSocketOutOfUseWaits(t *testing.T) {
	asked, release := make(chan bool), make(chan bool)
	u := servertest.New(t, func(q *servertest.Query) {
		asked <- true
		<-release
		q.Respond(answer(q))
	})
	g := patient(t, u.Addr)
	ended := begin(g, question("www.example"))
	<-asked
	upstream.Retire(g)
	if sockets, queries := upstream.Waiting(g); sockets != 1 || queries != 1 {
		t.Errorf("%v queries wait at %v sockets, want one at one", queries, sockets)
	}
	release <- true
	if o := <-ended; o.err != nil {
		t.Error(o.err)
	}
	eventually(t, "no socket", func() bool {
		sockets, _ := upstream.Waiting(g)
		return sockets == 0
	})
}

// Among as many queries as a socket takes, random IDs alone would be the same twice.
func TestNoIDWaitsTwice(t *testing.T) {
	g := funnel(t, 10*time.Second, servertest.New(t, servertest.Silent).Addr)
	ended := make(chan error, upstream.SocketQueries)
	for range upstream.SocketQueries {
		g.Exchange(question("www.example"), func(_ wire.Message, _ string, err error) { ended <- err })
	}
	if sockets, queries := upstream.Waiting(g); sockets != 1 || queries != upstream.SocketQueries {
		t.Errorf("%v queries wait at %v sockets, want %v at one", queries, sockets, upstream.SocketQueries)
	}
	g.Close()
	for range upstream.SocketQueries {
		if err := <-ended; err != upstream.ErrClosed {
			t.Errorf("%v, want %v", err, upstream.ErrClosed)
		}
	}
}

// addressOf is what the upstream of TestEachGetsItsOwn has for a name: n7.example is at
// 192.0.2.7.
func addressOf(name string) string {
	return "192.0.2." + strings.TrimPrefix(strings.ToLower(name[:strings.Index(name, ".")]), "n")
}

// Many queries wait at one socket, and then at many. Each gets its own response, also
// where one with its ID and another's question comes before.
func TestEachGetsItsOwn(t *testing.T) {
	const queries = 200
	respond := func(q *servertest.Query, name string) {
		m := new(dns.Msg).SetReply(q.Msg)
		m.Question[0].Name = name
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300},
			A:   net.ParseIP(addressOf(name)),
		}}
		q.Respond(m)
	}
	u := servertest.New(t, func(q *servertest.Query) {
		if q.Number%4 == 0 { // for each, they would be more than the system keeps for us
			respond(q, "n0.example.")
		}
		respond(q, q.Question[0].Name)
	})
	for name, g := range map[string]*upstream.Group{
		"one socket":   funnel(t, 10*time.Second, u.Addr),
		"many sockets": patient(t, u.Addr),
	} {
		ended := make([]<-chan outcome, queries)
		for i := range ended {
			ended[i] = begin(g, question(fmt.Sprintf("n%d.example", i+1)))
		}
		for i := range ended {
			o, want := <-ended[i], fmt.Sprintf("192.0.2.%d", i+1)
			if a := o.message.Addresses(); o.err != nil || len(a) != 1 || a[0].String() != want {
				t.Errorf("%s: query %d got %v, %v, want %s", name, i+1, a, o.err, want)
			}
		}
	}
}

// Queries wait at one socket, and each as long as it shall, whichever was asked first. An
// hour is not waited for: it ends with the group, and is no silence.
func TestEachHasItsOwnSilence(t *testing.T) {
	for name, waits := range map[string][]time.Duration{
		"the later first":            {20 * time.Millisecond, time.Millisecond},
		"the earlier first":          {time.Millisecond, 20 * time.Millisecond},
		"at once":                    {time.Millisecond, time.Millisecond},
		"far later first":            {time.Hour, time.Millisecond},
		"a later one after an hour":  {time.Hour, time.Millisecond, 20 * time.Millisecond},
		"an hour between the others": {20 * time.Millisecond, time.Hour, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			g := funnel(t, 10*time.Second, servertest.New(t, servertest.Silent).Addr)
			ended, hours, unended := make(chan bool, 2*len(waits)), make(chan bool, 2), 0
			for _, wait := range waits {
				until, to := time.Now().Add(wait), ended
				if wait == time.Hour {
					to, unended = hours, 1
				}
				upstream.AskOnce(g, question("www.example"), until, func(err error) {
					silent := upstream.IsSilence(err)
					if silent && time.Now().Before(until) {
						t.Errorf("%v: silence is found too early", wait)
					}
					to <- silent
				})
			}
			for range len(waits) - unended {
				if !<-ended {
					t.Error("another end than silence")
				}
			}
			if sockets, queries := upstream.Waiting(g); sockets != 1 || queries != unended {
				t.Errorf("%v queries wait at %v sockets, want %v at one", queries, sockets, unended)
			}
			g.Close()
			if unended > 0 && <-hours {
				t.Error("an hour's silence")
			}
			if len(ended)+len(hours) > 0 {
				t.Error("a query has ended twice")
			}
		})
	}
}

// When the server is gone, the first query after that tells all who wait there.
func TestRefusalReachesAllWhoWait(t *testing.T) {
	server := servertest.UDP(t)
	g := funnel(t, 10*time.Second, server.LocalAddr().(*net.UDPAddr).AddrPort())
	start := time.Now()
	var ended []<-chan outcome
	for range 20 {
		ended = append(ended, begin(g, question("www.example")))
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	ended = append(ended, begin(g, question("www.example")))
	for _, e := range ended {
		if o := <-e; o.err == nil || !strings.HasSuffix(o.err.Error(), ": connection refused") {
			t.Errorf("%v, want the connection refused", o.err)
		}
	}
	if took := time.Since(start); took > prompt {
		t.Errorf("took %v, want no waiting", took)
	}
}

// Queries leave when they are asked to, together and from one socket; who asked for them
// hears when some have ended.
func TestFlush(t *testing.T) {
	const queries = 70 // more than one system call takes
	u := good(t)
	heard := make(chan bool, queries)
	g := upstream.New(options(10*time.Second, u.Addr), func() { heard <- true })
	t.Cleanup(g.Close)
	ended := make(chan error, queries)
	for range queries {
		g.Exchange(question("www.example"), func(_ wire.Message, _ string, err error) { ended <- err })
	}
	if _, waiting := upstream.Waiting(g); waiting != queries || len(u.Queries()) != 0 {
		t.Errorf("%v queries wait, %v have left, want %v and none", waiting, len(u.Queries()), queries)
	}
	g.Flush()
	for range queries {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	<-heard // what ended last is followed by this
	ports := map[netip.AddrPort]bool{}
	for _, q := range u.Queries() {
		ports[q.From] = true
	}
	if len(ports) != 1 {
		t.Errorf("queries left from %v ports, want 1", len(ports))
	}
}

// Whoever guesses at responses drives who waits there to TCP, where he cannot.
func TestGuessedPortIsLeft(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if q.TCP {
			q.Respond(answer(q))
			return
		}
		for i := range upstream.MaxDiscarded {
			wrong := answer(q)
			wrong.Id += uint16(i + 1)
			q.Respond(wrong)
		}
		forged := answer(q)
		forged.Answer[0].(*dns.A).A = net.IPv4(203, 0, 113, 66)
		q.Respond(forged)
	})
	wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
	if q := u.Queries(); len(q) != 2 || !q[1].TCP {
		t.Errorf("%v queries, want one over UDP and one over TCP", len(q))
	}
}

// A server on this machine that is gone leaves its port free: a socket there would be connected
// to itself.
func TestPortIsNotTheServers(t *testing.T) {
	for range 1 << 20 { // one of 64,512 would be
		if upstream.RandomPort(5353) == 5353 {
			t.Fatal("a query would leave from the port where the server is")
		}
	}
}
