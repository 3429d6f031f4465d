package upstream_test

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
	"splitdns/server/internal/wire"
)

// truncated is an empty response with TC.
func truncated(q *servertest.Query) *dns.Msg {
	m := new(dns.Msg).SetReply(q.Msg)
	m.Truncated = true
	return m
}

// overTCP is an upstream that truncates over UDP, and runs a script over TCP.
func overTCP(t testing.TB, script servertest.Script) *servertest.Upstream {
	t.Helper()
	return servertest.New(t, func(q *servertest.Query) {
		if !q.TCP {
			q.Respond(truncated(q))
			return
		}
		script(q)
	})
}

// framed is a packet with its length before it.
func framed(packet []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

func TestTruncatedGoesToTCP(t *testing.T) {
	u := overTCP(t, func(q *servertest.Query) { q.Respond(answer(q)) })
	start := time.Now()
	wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
	if took := time.Since(start); took > prompt {
		t.Errorf("took %v, want TCP at once", took)
	}
	if q := u.Queries(); len(q) != 2 || q[0].TCP || !q[1].TCP {
		t.Errorf("%v queries, want one over UDP, then one over TCP", len(q))
	}
}

// A datagram larger than we read is as good as truncated.
func TestOversizedDatagramGoesToTCP(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if q.TCP {
			q.Respond(answer(q))
			return
		}
		q.Send(append(servertest.Pack(answer(q)), make([]byte, 5000)...))
	})
	wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
}

func TestTCPInSingleOctets(t *testing.T) {
	u := overTCP(t, func(q *servertest.Query) {
		for _, b := range framed(servertest.Pack(answer(q))) {
			q.SendStream([]byte{b})
		}
	})
	wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
}

func TestLargestResponseOverTCP(t *testing.T) {
	u := overTCP(t, func(q *servertest.Query) {
		m := answer(q)
		for i := range 2420 { // of 27 octets each
			rr := dns.Copy(m.Answer[0])
			rr.(*dns.A).A = net.IPv4(198, 51, byte(i>>8), byte(i))
			m.Answer = append(m.Answer, rr)
		}
		q.Respond(m)
	})
	wantAnswer(t, patient(t, u.Addr), "198.51.9.115")
}

// TCP that fails is that server's failure, and the next one is asked.
func TestTCPFails(t *testing.T) {
	for name, c := range map[string]struct {
		script servertest.Script
		want   string
	}{
		"hangs up":      {func(q *servertest.Query) { q.Hang() }, "over TCP: connection closed before the response was complete"},
		"half a length": {func(q *servertest.Query) { q.SendStream([]byte{0}); q.Hang() }, "over TCP: connection closed before the response was complete"},
		"half a response": {func(q *servertest.Query) {
			p := framed(servertest.Pack(answer(q)))
			q.SendStream(p[:len(p)-1])
			q.Hang()
		}, "over TCP: connection closed before the response was complete"},
		"length 0":        {func(q *servertest.Query) { q.SendStream([]byte{0, 0}) }, "over TCP: malformed response: shorter than a header"},
		"length 11":       {func(q *servertest.Query) { q.SendStream([]byte{0, 11}) }, "over TCP: malformed response: shorter than a header"},
		"truncated again": {func(q *servertest.Query) { q.Respond(truncated(q)) }, "over TCP: truncated response"},
		"garbage after":   {func(q *servertest.Query) { q.Send(append(servertest.Pack(answer(q)), 0)) }, "malformed response: "},
		"silent":          {servertest.Silent, "no answer over TCP in "},
	} {
		t.Run(name, func(t *testing.T) {
			u := overTCP(t, c.script)
			timeout := 10 * time.Second
			if name == "silent" {
				timeout = 300 * time.Millisecond
			}
			err := wantError(t, newGroup(t, timeout, u.Addr))
			if text := err.Failures[0].Text; !strings.HasPrefix(text, c.want) {
				t.Errorf("%q, want %q", text, c.want)
			}
			if err.Timeout() != (name == "silent") {
				t.Errorf("Timeout() = %v", err.Timeout())
			}
			wantAnswer(t, patient(t, u.Addr, good(t).Addr), "192.0.2.1")
		})
	}
}

func TestTCPRefused(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) { q.Respond(truncated(q)) })
	u.CloseTCP()
	err := wantError(t, patient(t, u.Addr))
	if text := err.Failures[0].Text; text != "over TCP: connection refused" {
		t.Errorf("%q, want the connection refused", text)
	}
}

// A server that does not know EDNS is asked without it, and from then on at once.
func TestWithoutEDNS(t *testing.T) {
	for name, c := range map[string]struct {
		refuse servertest.Script
		want   string // see asked
	}{
		"FORMERR":       {servertest.Rcode(dns.RcodeFormatError), "Uuu"},
		"NOTIMP":        {servertest.Rcode(dns.RcodeNotImplemented), "Uuu"},
		"bare FORMERR":  {bare(dns.RcodeFormatError), "UTuu"},
		"bare NOTIMP":   {bare(dns.RcodeNotImplemented), "UTuu"},
		"FORMERR, more": {func(q *servertest.Query) { q.Send(append(servertest.Pack(new(dns.Msg).SetRcode(q.Msg, 1)), 1)) }, "Uuu"},
		"BADVERS": {func(q *servertest.Query) {
			m := new(dns.Msg).SetReply(q.Msg)
			m.SetEdns0(1232, false)
			m.Rcode = dns.RcodeBadVers
			q.Respond(m)
		}, "Uuu"},
	} {
		t.Run(name, func(t *testing.T) {
			u := withoutEDNS(t, c.refuse)
			g := patient(t, u.Addr)
			wantAnswer(t, g, "192.0.2.1")
			wantAnswer(t, g, "192.0.2.1")
			if got := asked(u); got != c.want || !stateOf(g, 0).WithoutEDNS {
				t.Errorf("queries %v, %+v; want %v, and no EDNS", got, stateOf(g, 0), c.want)
			}
		})
	}
}

// bare refuses with a mere header.
func bare(rcode byte) servertest.Script {
	return func(q *servertest.Query) {
		q.Send([]byte{q.Packet[0], q.Packet[1], 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0})
	}
}

// withoutEDNS is an upstream that answers queries without EDNS, and refuses others.
func withoutEDNS(t testing.TB, refuse servertest.Script) *servertest.Upstream {
	t.Helper()
	return servertest.New(t, func(q *servertest.Query) {
		if q.IsEdns0() != nil {
			refuse(q)
			return
		}
		q.Respond(answer(q))
	})
}

// asked is how queries came to u: U over UDP, T over TCP, in lower case without EDNS.
func asked(u *servertest.Upstream) string {
	var b strings.Builder
	for _, q := range u.Queries() {
		over := "U"
		if q.TCP {
			over = "T"
		}
		if q.IsEdns0() == nil {
			over = strings.ToLower(over)
		}
		b.WriteString(over)
	}
	return b.String()
}

// Whoever guesses an ID and sends a mere header turns off nothing: the server is asked over
// TCP, with EDNS and DO.
func TestForgedBareRefusal(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if !q.TCP && q.Number%2 == 1 {
			bare(dns.RcodeFormatError)(q)
		}
		q.Respond(answer(q))
	})
	g := patient(t, u.Addr)
	q := question("www.example")
	q.DO = true
	for range 3 {
		if m, _, err := exchange(g, q); err != nil || m.Lifetime(time.Hour, time.Hour) != 300*time.Second {
			t.Fatalf("%v, %v, want an answer", m.Text(), err)
		}
	}
	if got := asked(u); got != "UTUTUT" || stateOf(g, 0).WithoutEDNS {
		t.Errorf("queries %v, %+v; want all with EDNS", got, stateOf(g, 0))
	}
	for _, q := range u.Queries() {
		if o := q.IsEdns0(); o == nil || !o.Do() {
			t.Errorf("query\n%v\nwant DO", q.Msg)
		}
	}
}

// A server without EDNS and without TCP is believed once it answers without EDNS.
func TestBareRefusalWithoutTCP(t *testing.T) {
	u := withoutEDNS(t, bare(dns.RcodeFormatError))
	u.CloseTCP()
	g := patient(t, u.Addr)
	wantAnswer(t, g, "192.0.2.1")
	wantAnswer(t, g, "192.0.2.1")
	if got := asked(u); got != "Uuu" || !stateOf(g, 0).WithoutEDNS {
		t.Errorf("queries %v, %+v; want one with EDNS", got, stateOf(g, 0))
	}
	all := servertest.New(t, bare(dns.RcodeFormatError))
	all.CloseTCP()
	g = patient(t, all.Addr)
	err := wantError(t, g)
	if text := err.Failures[0].Text; text != "answered FORMERR" || stateOf(g, 0).WithoutEDNS {
		t.Errorf("%q, %+v; want the FORMERR, and nothing learned", text, stateOf(g, 0))
	}
}

// What lacks signatures since DO went with EDNS is not kept for long.
func TestAnswerWithoutDOIsShort(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if q.IsEdns0() != nil {
			servertest.Rcode(dns.RcodeFormatError)(q)
			return
		}
		m := answer(q)
		m.Answer[0].Header().Ttl = 86400
		q.Respond(m)
	})
	for name, c := range map[string]struct {
		do   bool
		want time.Duration
	}{
		"with DO":    {true, upstream.PlainFor},
		"without DO": {false, 24 * time.Hour},
	} {
		g := patient(t, u.Addr)
		for range 2 { // found, and then known
			q := question("www.example")
			q.DO = c.do
			m, _, err := exchange(g, q)
			if err != nil || m.Lifetime(48*time.Hour, time.Hour) != c.want {
				t.Errorf("%s: %v, %v, want a lifetime of %v", name, m.Text(), err, c.want)
			}
		}
	}
}

// A server that refuses a query with and without EDNS knows EDNS for all we know.
func TestRefusalWithoutEDNSIsNotRemembered(t *testing.T) {
	u := servertest.New(t, servertest.Rcode(dns.RcodeFormatError))
	g := patient(t, u.Addr)
	for range 2 {
		err := wantError(t, g)
		if text := err.Failures[0].Text; text != "answered "+wire.FormErr.String() {
			t.Errorf("%q, want the FORMERR", text)
		}
	}
	if n := len(u.Queries()); n != 4 {
		t.Errorf("%v queries, want each time one with and one without EDNS", n)
	}
}
