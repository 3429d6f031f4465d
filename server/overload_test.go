package server_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/internal/servertest"
)

// While a dead upstream has every place, whoever pipelines a name of its and names that are cached gets the latter at
// once, over TCP and TLS, and in the end is told of the former.
func TestHitsPassWhatADeadUpstreamHolds(t *testing.T) {
	t.Parallel()
	records := servertest.Records(t, "hit.example. 300 IN A 192.0.2.1")
	asked := make(chan string, 100)
	up := servertest.New(t, func(q *servertest.Query) {
		if q.Name() == "hit.example." {
			records(q)
			return
		}
		asked <- q.Name()
	})
	dir := t.TempDir()
	leaf := writePair(t, dir, 1)
	write(t, filepath.Join(dir, "config.toml"), fmt.Sprintf(`
[server]
listen = ["127.0.0.1:0"]
queries_in_flight = 2
drain = "1s"
[upstream.default]
servers = [%q]
timeout = "1m"
`, up.Addr)+tlsTable)
	r := start(t, filepath.Join(dir, "config.toml"))
	overTLS, _ := r.EncryptedAddrs()
	r.asks(t, "hit.example", "tcp") // so that it is cached
	holder := &dns.Conn{Conn: dialed(t, r.addr, nil)}
	if err := holder.WriteMsg(question("dead.example")); err != nil { // the one place of TCP
		t.Fatal(err)
	}
	<-asked
	for name, c := range map[string]*dns.Conn{
		"TCP": {Conn: dialed(t, r.addr, nil)},
		"TLS": {Conn: dialed(t, overTLS[0].String(), trusting(leaf))},
	} {
		begun := time.Now()
		for i := range 21 {
			words := "hit.example"
			if i == 0 {
				words = "late.example"
			}
			if err := c.WriteMsg(question(words)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 20 {
			m, err := c.ReadMsg()
			if err != nil || m.Question[0].Name != "hit.example." || len(m.Answer) != 1 {
				t.Fatalf("%s: hit %d: %v, %v", name, i, err, m)
			}
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s: 20 hits took %v", name, took)
		}
		m, err := c.ReadMsg()
		want := []string{"0 overloaded: as many queries wait as server.queries_in_flight lets"}
		if err != nil || m.Rcode != dns.RcodeServerFailure || m.Question[0].Name != "late.example." || !slices.Equal(edes(m), want) {
			t.Errorf("%s: %v, %v, want SERVFAIL with EDE %q", name, err, m, want)
		}
	}
}

// dialed is a connection to addr that ends with the test, over TLS with a config.
func dialed(t *testing.T, addr string, config *tls.Config) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		c = tls.Client(c, config)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}
