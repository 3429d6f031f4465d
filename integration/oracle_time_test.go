package integration_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The lives of the records that TestOracleTTL watches.
const (
	longLife  = 300 // counted down
	shortLife = 2   // over soon
)

// TTLs are counted down alike, and what is over is asked for anew, by both servers.
func TestOracleTTL(t *testing.T) {
	needs(t, "unbound")
	var renewed atomic.Int32
	long := zoneSays("long", fmt.Sprintf("@ %d A 192.0.2.1", longLife))
	short := zoneSays("short", fmt.Sprintf("@ %d A 192.0.2.1", shortLife))
	u := newScripted(t, func(q asked) {
		m := new(dns.Msg)
		if m.Unpack(q.packet) != nil {
			return
		}
		if dns.IsSubDomain("long.example.", m.Question[0].Name) {
			long(q, m)
			return
		}
		renewed.Add(1)
		short(q, m)
	})
	addrs := []string{startUnbound(t, u.addr), start(t, "-c", writeConfig(t, oracleConfig(u.addr))).Addr}
	due := time.NewTicker(shortLife * time.Second / 20)
	defer due.Stop()
	const servers = 2
	for end := time.Now().Add(patience); renewed.Load() < 2*servers; <-due.C {
		if time.Now().After(end) {
			t.Fatalf("the upstream was asked %d times for what lives %ds, in %s", renewed.Load(), shortLife, patience)
		}
		var ttls [servers]int
		for i, addr := range addrs {
			exchange(t, addr, "short.example.")
			ttls[i] = int(exchange(t, addr, "long.example.").Answer[0].Header().Ttl)
		}
		if d := ttls[0] - ttls[1]; d < -1 || d > 1 {
			t.Fatalf("TTLs of unbound and splitdns: %v", ttls)
		}
	}
	m := exchange(t, addrs[1], "long.example.")
	if ttl := m.Answer[0].Header().Ttl; ttl > longLife-shortLife+1 {
		t.Errorf("TTL %d after %ds, want it counted down from %d", ttl, shortLife, longLife)
	}
}
