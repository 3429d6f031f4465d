package server_test

import (
	"testing"

	"github.com/miekg/dns"
)

// TestNXDomainStays holds that no pin puts an address into an NXDOMAIN, whatever
// the upstream put there.
func TestNXDomainStays(t *testing.T) {
	for _, pin := range []string{"observe", "prefer", "enforce", "substitute"} {
		b := newBench(t, held(pin, ""), says(t, "rcode NXDOMAIN\ndual.example. 300 IN A 198.51.100.1\n"+
			"au example. 300 IN SOA ns.test. host.test. 1 2 3 4 5"))
		m := ask(t, b, "dual.example")
		forged := pin != "observe" && pin != "prefer" && len(m.Answer) > 0
		if m.Rcode != dns.RcodeNameError || forged {
			t.Errorf("%s: %v", pin, m)
		}
	}
}

// TestEnforcedNoDataIsShort holds that clients do not keep what a pin took away for
// as long as the SOA of another answer would let them.
func TestEnforcedNoDataIsShort(t *testing.T) {
	b := newBench(t, held("enforce", ""), says(t, "dual.example. 86400 IN A 198.51.100.1\n"+
		"au example. 86400 IN SOA ns.test. host.test. 1 2 3 4 86400"))
	m := ask(t, b, "dual.example")
	if len(m.Answer) != 0 || len(m.Ns) != 1 {
		t.Fatalf("%v", m)
	}
	if soa, ok := m.Ns[0].(*dns.SOA); !ok || soa.Hdr.Ttl != 60 || soa.Minttl != 60 || soa.Hdr.Name != "dual.example." {
		t.Errorf("authority %v, want a SOA of the QNAME with TTL and MINIMUM 60", m.Ns[0])
	}
}

// TestCacheBoundsReachClients holds that clients keep an answer no longer than the
// configuration lets us keep it.
func TestCacheBoundsReachClients(t *testing.T) {
	const bounds = silent + "[cache]\nmax_ttl = \"1m\"\nmax_negative_ttl = \"30s\"\n"
	for script, want := range map[string]uint32{
		"www.example. 86400 IN A 192.0.2.1":                                         60,
		"au example. 86400 IN SOA ns.test. host.test. 1 2 3 4 86400":                30,
		"rcode NXDOMAIN\nau example. 86400 IN SOA ns.test. host.test. 1 2 3 4 9999": 30,
	} {
		m := ask(t, newBench(t, bounds, says(t, script)), "www.example")
		if got := append(m.Answer, m.Ns...)[0].Header().Ttl; got != want {
			t.Errorf("%s: TTL %d, want %d", script, got, want)
		}
	}
}
