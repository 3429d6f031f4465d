package upstream_test

import (
	"bytes"
	"net"
	"regexp"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
	"splitdns/server/internal/upstream"
)

// answer is the right response to a query: one A record.
func answer(q *servertest.Query) *dns.Msg {
	m := new(dns.Msg).SetReply(q.Msg)
	rr, err := dns.NewRR(q.Question[0].Name + " 300 IN A 192.0.2.1")
	if err != nil {
		panic(err)
	}
	m.Answer = []dns.RR{rr}
	return m
}

// forged is a response that is right in all but what edit changes, and has another
// address.
func forged(q *servertest.Query, edit func(m *dns.Msg)) []byte {
	m := answer(q)
	m.Answer[0].(*dns.A).A = net.IPv4(203, 0, 113, 66)
	edit(m)
	return servertest.Pack(m)
}

// A wrong response is discarded, and the right one after it is taken.
func TestWrongResponseIsDiscarded(t *testing.T) {
	elsewhere := servertest.UDP(t)
	for name, edit := range map[string]func(m *dns.Msg){
		"ID":       func(m *dns.Msg) { m.Id++ },
		"QR":       func(m *dns.Msg) { m.Response = false },
		"opcode":   func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		"type":     func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA },
		"class":    func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"name":     func(m *dns.Msg) { m.Question[0].Name = "wwx.example." },
		"longer":   func(m *dns.Msg) { m.Question[0].Name = "www.example.example." },
		"none":     func(m *dns.Msg) { m.Question = nil },
		"two":      func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"TC":       func(m *dns.Msg) { m.Id++; m.Truncated = true },
		"SERVFAIL": func(m *dns.Msg) { m.Id++; m.Rcode = dns.RcodeServerFailure },
		"FORMERR":  func(m *dns.Msg) { m.Id++; m.Rcode, m.Question, m.Answer = dns.RcodeFormatError, nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, func(q *servertest.Query) {
				wrong := forged(q, edit)
				q.Send(wrong)
				q.Send(wrong)
				q.Respond(answer(q))
			})
			wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
			if n := len(u.Queries()); n != 1 {
				t.Errorf("%v queries, want 1", n)
			}
		})
	}
	t.Run("port", func(t *testing.T) {
		u := servertest.New(t, func(q *servertest.Query) {
			q.SendFrom(elsewhere, forged(q, func(*dns.Msg) {}))
			q.Respond(answer(q))
		})
		wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
	})
	for name, packet := range map[string][]byte{"empty": nil, "short": make([]byte, 11)} {
		t.Run(name, func(t *testing.T) {
			u := servertest.New(t, func(q *servertest.Query) {
				q.Send(packet)
				q.Respond(answer(q))
			})
			wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
		})
	}
}

// The same over TCP.
func TestWrongResponseOverTCPIsDiscarded(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		if !q.TCP {
			q.Respond(truncated(q))
			return
		}
		q.Send(forged(q, func(m *dns.Msg) { m.Id++ }))
		q.Send(forged(q, func(m *dns.Msg) { m.Response = false }))
		q.Respond(answer(q))
	})
	wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
}

// What was discarded is said when nothing better came, for each query by itself, also
// where both leave from one socket.
func TestDiscardedIsSaid(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		q.Send(forged(q, func(m *dns.Msg) { m.Response = false }))
		q.Send(forged(q, func(m *dns.Msg) { m.Id++ }))
	})
	err := wantError(t, funnel(t, 600*time.Millisecond, u.Addr))
	want := regexp.MustCompile(`: no answer in [6-9][0-9]0ms, 4 wrong responses discarded, the last for another ID$`)
	if !want.MatchString(err.Error()) {
		t.Errorf("error %q, want %v in it", err, want)
	}
}

// A server may spell the name as it likes: it is the same (RFC 4343).
func TestNameInAnotherCaseIsAccepted(t *testing.T) {
	u := servertest.New(t, func(q *servertest.Query) {
		m := answer(q)
		m.Question[0].Name = "wWw.EXAMPLE."
		q.Respond(m)
	})
	wantAnswer(t, patient(t, u.Addr), "192.0.2.1")
}

// FuzzAccept: whatever is accepted has the ID, QR, opcode and question of the query.
func FuzzAccept(f *testing.F) {
	f.Add(uint16(0), []byte("\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01"))
	f.Add(uint16(0), []byte("\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x03WWW\x07Example\x00\x00\x01\x00\x01"))
	f.Add(uint16(1), []byte("\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01"))
	f.Add(uint16(0), []byte("\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"))
	f.Add(uint16(0), []byte("\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"))
	q := question("www.example")
	f.Fuzz(func(t *testing.T, id uint16, rest []byte) {
		var response []byte
		query, ok := upstream.Accepts(q, func(query []byte) []byte {
			response = append([]byte{query[0] ^ byte(id>>8), query[1] ^ byte(id)}, rest...)
			return response
		})
		same := id == 0 && len(response) >= 12+17 &&
			response[2]>>3 == 0x80>>3 && bytes.Equal(response[4:6], []byte{0, 1}) &&
			bytes.EqualFold(response[12:12+13], query[12:12+13]) &&
			bytes.Equal(response[12+13:12+17], query[12+13:12+17])
		if ok != same {
			t.Errorf("accepted %v, want %v: query %x, response %x", ok, same, query, response)
		}
	})
}
