package integration_test

import (
	"testing"
	"time"

	"github.com/miekg/dns"
)

// dialTCP opens a connection to p that ends with the test.
func dialTCP(t *testing.T, p *process) *dns.Conn {
	t.Helper()
	c, err := dns.DialTimeout("tcp", p.Addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// send sends a query for the address of name.
func send(t *testing.T, c *dns.Conn, id uint16, name string) {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	q.Id = id
	if err := c.WriteMsg(q); err != nil {
		t.Fatal(err)
	}
}

// receive reads the response with an ID.
func receive(t *testing.T, c *dns.Conn, id uint16) *dns.Msg {
	t.Helper()
	m, err := c.ReadMsg()
	if err != nil {
		t.Fatal(err)
	}
	if m.Id != id || m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
		t.Fatalf("response %v, want one record under ID %d", m, id)
	}
	return m
}

// RFC 7766, section 6.2.1.1: "Since pipelined responses can arrive out of order".
// A quick answer does not wait behind a slow one of the same connection.
func TestTCPAnswersOutOfOrder(t *testing.T) {
	slow := startUpstream(t, holds, "slow.example. A 192.0.2.1")
	quick := startUpstream(t, answers, "quick.example. A 192.0.2.2")
	p := start(t, "-c", writeConfig(t, `
[upstream.default]
servers = ["`+quick.addr+`"]
[upstream.slow]
servers = ["`+slow.addr+`"]
timeout = "20s"
[rule.slow]
names    = ["slow.example"]
upstream = "slow"
`))
	c := dialTCP(t, p)
	const first, second, third = 1, 2, 3
	send(t, c, first, "slow.example.")
	slow.asked.must(t, `A slow\.example\.`)
	send(t, c, second, "quick.example.")
	receive(t, c, second)
	send(t, c, third, "quick.example.")
	receive(t, c, third)
	slow.release()
	receive(t, c, first)
}
