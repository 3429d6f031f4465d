package upstream_test

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
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
	bare := func(rcode byte) servertest.Script {
		return func(q *servertest.Query) {
			q.Send([]byte{q.Packet[0], q.Packet[1], 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0})
		}
	}
	for name, refuse := range map[string]servertest.Script{
		"FORMERR":       servertest.Rcode(dns.RcodeFormatError),
		"NOTIMP":        servertest.Rcode(dns.RcodeNotImplemented),
		"bare FORMERR":  bare(dns.RcodeFormatError),
		"bare NOTIMP":   bare(dns.RcodeNotImplemented),
		"FORMERR, more": func(q *servertest.Query) { q.Send(append(servertest.Pack(new(dns.Msg).SetRcode(q.Msg, 1)), 1)) },
		"BADVERS": func(q *servertest.Query) {
			m := new(dns.Msg).SetReply(q.Msg)
			m.SetEdns0(1232, false)
			m.Rcode = dns.RcodeBadVers
			q.Respond(m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, func(q *servertest.Query) {
				if q.IsEdns0() != nil {
					refuse(q)
					return
				}
				q.Respond(answer(q))
			})
			g := patient(t, u.Addr)
			wantAnswer(t, g, "192.0.2.1")
			wantAnswer(t, g, "192.0.2.1")
			var edns []bool
			for _, q := range u.Queries() {
				edns = append(edns, q.IsEdns0() != nil)
			}
			if len(edns) != 3 || !edns[0] || edns[1] || edns[2] {
				t.Errorf("queries with EDNS: %v, want the first of three", edns)
			}
		})
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
