package upstream_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// groupOf is a group of servers that are asked in any way.
func groupOf(t testing.TB, timeout time.Duration, servers ...upstream.Server) *upstream.Group {
	t.Helper()
	g := upstream.New(upstream.Options{Name: "default", Servers: servers, Timeout: timeout}, func() {})
	t.Cleanup(g.Close)
	return g
}

// onTCP is a server that is asked over TCP only.
func onTCP(u *servertest.Upstream) upstream.Server {
	return upstream.Server{Addr: u.Addr, Transport: upstream.TCP}
}

// connections are those over which u was asked.
func connections(u *servertest.Upstream) int {
	from := map[netip.AddrPort]bool{}
	for _, q := range u.Queries() {
		from[q.From] = true
	}
	return len(from)
}

func TestConnectionIsKept(t *testing.T) {
	u := good(t)
	g := groupOf(t, 10*time.Second, onTCP(u))
	for range 50 {
		wantAnswer(t, g, "192.0.2.1")
	}
	for _, q := range u.Queries() {
		if !q.TCP {
			t.Fatal("a query over UDP")
		}
	}
	if n := connections(u); n != 1 {
		t.Errorf("50 queries over %v connections, want 1", n)
	}
}

// Queries do not wait for each other, and responses come in any order.
func TestPipelined(t *testing.T) {
	const queries = 20
	var mu sync.Mutex
	var held []*servertest.Query
	u := servertest.New(t, func(q *servertest.Query) {
		mu.Lock()
		defer mu.Unlock()
		if held = append(held, q); len(held) < queries {
			return
		}
		slices.Reverse(held)
		for _, q := range held {
			m := answer(q)
			m.Answer[0].(*dns.A).A = net.IPv4(192, 0, 2, q.Question[0].Name[0]-'a') // a.example has 192.0.2.0
			q.Respond(m)
		}
	})
	g := groupOf(t, 10*time.Second, onTCP(u))
	var ended []<-chan outcome
	for i := range queries {
		ended = append(ended, begin(g, question(string(rune('a'+i))+".example")))
	}
	for i, c := range ended {
		if o := <-c; o.err != nil || !strings.Contains(o.message.Text(), fmt.Sprintf("192.0.2.%d", i)) {
			t.Errorf("query %d: %q, %v", i, o.message.Text(), o.err)
		}
	}
	ids := map[uint16]bool{}
	for _, q := range u.Queries() {
		ids[q.Id] = true
	}
	if n := connections(u); n != 1 || len(ids) != queries {
		t.Errorf("%v connections, %v IDs, want 1 and %v", n, len(ids), queries)
	}
}

// A connection that the server has closed meanwhile costs no answer.
func TestClosedConnectionIsReplaced(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		q.Respond(answer(q))
		q.Hang()
	})
	g := groupOf(t, 10*time.Second, onTCP(u))
	for range 20 {
		wantAnswer(t, g, "192.0.2.1")
	}
}

// So does a server that takes one query on each connection, of several at once.
func TestServerOfOneQueryAConnection(t *testing.T) {
	var mu sync.Mutex
	served := map[netip.AddrPort]bool{}
	u := servertest.New(t, func(q *servertest.Query) {
		mu.Lock()
		defer mu.Unlock()
		if !served[q.From] {
			served[q.From] = true
			q.Respond(answer(q))
			q.Hang()
		}
	})
	g := groupOf(t, 10*time.Second, onTCP(u))
	var ended []<-chan outcome
	for range 10 {
		ended = append(ended, begin(g, question("www.example")))
	}
	for _, c := range ended {
		if o := <-c; o.err != nil {
			t.Error(o.err)
		}
	}
}

// A connection that has died without a sign is not used again, and the server is not
// blamed for it for long.
func TestSilentConnectionIsReplaced(t *testing.T) {
	var mu sync.Mutex
	var dead netip.AddrPort
	u := servertest.New(t, func(q *servertest.Query) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case q.Number == 2:
			dead = q.From
		case q.From != dead:
			q.Respond(answer(q))
		}
	})
	g := groupOf(t, 2*time.Second, onTCP(u))
	wantAnswer(t, g, "192.0.2.1")
	wantAnswer(t, g, "192.0.2.1")
	if q := u.Queries(); len(q) != 3 || connections(u) != 2 {
		t.Errorf("%v queries over %v connections, want the third on another one", len(q), connections(u))
	}
}

// Wrong responses are discarded, and the right one after them is taken.
func TestWrongResponsesOnAConnection(t *testing.T) {
	lie := func(q *servertest.Query, n int) {
		for i := range n {
			m := answer(q)
			switch i % 3 {
			case 0:
				m.Id++
			case 1:
				m.Question[0].Name = "other.example."
			case 2:
				m.Response = false
			}
			q.Respond(m)
		}
	}
	u := servertest.New(t, func(q *servertest.Query) {
		lie(q, upstream.MaxDiscarded-1)
		q.Respond(answer(q))
	})
	wantAnswer(t, groupOf(t, 10*time.Second, onTCP(u)), "192.0.2.1")
	u = servertest.New(t, func(q *servertest.Query) { lie(q, upstream.MaxDiscarded) })
	err := wantError(t, groupOf(t, 10*time.Second, onTCP(u)))
	if text := err.Failures[0].Text; text != "over TCP: too many wrong responses" {
		t.Errorf("%q", text)
	}
	u = servertest.New(t, func(q *servertest.Query) { lie(q, 3) })
	err = wantError(t, groupOf(t, 300*time.Millisecond, onTCP(u)))
	if text := err.Failures[0].Text; !strings.Contains(text, ", 3 wrong responses discarded, the last for being a query") {
		t.Errorf("%q", text)
	}
}

// A dead server has few connections, however many wait for it, and each hears in time.
func TestDeadServerHasFewConnections(t *testing.T) {
	u := servertest.New(t, servertest.Silent)
	g := groupOf(t, 600*time.Millisecond, onTCP(u))
	before := runtime.NumGoroutine()
	start := time.Now()
	var ended []<-chan outcome
	for range 2000 {
		ended = append(ended, begin(g, question("www.example")))
	}
	// Some are those of the server here.
	eventually(t, "few goroutines", func() bool { return runtime.NumGoroutine()-before < 5*upstream.MaxStreams })
	for _, c := range ended {
		if o := <-c; o.err == nil {
			t.Error("no error")
		}
	}
	if took := time.Since(start); took > 600*time.Millisecond+generous {
		t.Errorf("took %v", took)
	}
	if n := u.Connections(); n > upstream.MaxStreams {
		t.Errorf("%v connections, want at most %v", n, upstream.MaxStreams)
	}
}

// More queries than may wait are refused at once.
func TestTooManyOnConnections(t *testing.T) {
	u := servertest.New(t, servertest.Silent)
	g := groupOf(t, 30*time.Second, onTCP(u))
	refused := make(chan error, upstream.MaxStreams*upstream.MaxPipelined+100)
	for range cap(refused) {
		g.Exchange(question("www.example"), func(_ wire.Message, _ string, err error) { refused <- err })
	}
	if err := <-refused; err == nil || !strings.Contains(err.Error(), "over TCP: too many queries wait for answers on 16 connections") {
		t.Errorf("%v, want that there are too many", err)
	}
}

// keepalive is an answer that says how long a connection may be idle.
func keepalive(q *servertest.Query, tenths uint16) *dns.Msg {
	m := answer(q)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{ // the library's own type has no 0
		Code: dns.EDNS0TCPKEEPALIVE, Data: binary.BigEndian.AppendUint16(nil, tenths),
	}}
	return m
}

// "If the client wishes to keep an idle TCP connection open it MUST close it when the
// timeout ends" (RFC 7828, section 3.2.2), and with 0 at once.
func TestKeepalive(t *testing.T) {
	for name, tenths := range map[string]uint16{"100ms": 1, "none": 0} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, func(q *servertest.Query) { q.Respond(keepalive(q, tenths)) })
			g := groupOf(t, 3*time.Second, onTCP(u))
			wantAnswer(t, g, "192.0.2.1")
			eventually(t, "the connection is closed", func() bool { return u.Connections() == 0 })
			wantAnswer(t, g, "192.0.2.1")
			for _, q := range u.Queries() {
				o := q.IsEdns0().Option
				if len(o) != 1 || o[0].Option() != dns.EDNS0TCPKEEPALIVE {
					t.Errorf("options %v of the first query on a connection, want keepalive alone", o)
				}
			}
			if connections(u) != 2 {
				t.Errorf("%v connections, want 2", connections(u))
			}
		})
	}
}

// An idle connection is closed, and a server cannot have it kept for ever.
func TestIdleConnectionIsClosed(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) { q.Respond(keepalive(q, 65535)) })
	g := groupOf(t, 10*time.Second, onTCP(u))
	wantAnswer(t, g, "192.0.2.1")
	if idle := upstream.Idle(g); idle != 2*time.Minute {
		t.Errorf("may be idle for %v, want 2m", idle)
	}
	upstream.SetIdle(g, 50*time.Millisecond)
	wantAnswer(t, g, "192.0.2.1")
	eventually(t, "the connection is closed", func() bool { return u.Connections() == 0 && upstream.Open(g) == 0 })
}

// Whatever octets come, a query ends once, and only with a response that is its own.
func FuzzStream(f *testing.F) {
	q := question("www.example")
	m := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	m.Id, m.Response = 0, true
	good := framed(servertest.Pack(m))
	other := bytes.Clone(good)
	other[3]++
	for _, octets := range [][]byte{nil, good, append(other, good...), good[:len(good)-1], {0, 0}, framed(make([]byte, 12))} {
		f.Add(octets)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		n := 0
		upstream.Hear(q, octets, func(query, response []byte, err error) {
			n++
			if err != nil {
				return
			}
			if response[2]&0x80 == 0 || !bytes.Equal(response[:2], query[:2]) || !bytes.EqualFold(response[12:29], query[12:29]) {
				t.Errorf("%x is no response to %x", response, query)
			}
		})
		if n != 1 {
			t.Errorf("the query ended %d times", n)
		}
	})
}
