package server_test

import (
	"slices"
	"strings"
	"testing"

	"splitdns/server"
)

// TestDemoLeavesTheFirewallAlone holds that simulated addresses go nowhere, and that it is said.
func TestDemoLeavesTheFirewallAlone(t *testing.T) {
	b := newBench(t, setsConfig, says(t, "a.office.example. 300 IN A 192.0.2.1"))
	b.UseDemoSets()
	b.Reload(parseConfig(t, setsConfig), nil)
	for range 2 {
		if m := ask(t, b, "a.office.example"); !slices.Equal(addresses(m), []string{"192.0.2.1"}) || len(edes(m)) != 1 {
			t.Errorf("%v", m)
		}
	}
	if n := strings.Count(b.Messages(), "the demonstration never touches the firewall"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, b.Messages())
	}
	facts := strings.Join(texts(ask(t, b, "a.office.example CH TXT")), "\n")
	for _, want := range []string{" sets=inet#filter#a4,", "\nset inet#filter#a4 192.0.2.1=unknown\nset-failure inet#filter#a4 the demonstration never touches the firewall"} {
		if !strings.Contains(facts, want) {
			t.Errorf("%q is not in\n%s", want, facts)
		}
	}
	r, err := b.SetsReport("")
	if err != nil || len(r.Sets) != 3 || r.Sets[0].State != "demo" || r.Sets[0].Unheard == "" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestDemoIsRunWithoutNftables holds that the option is what decides.
func TestDemoIsRunWithoutNftables(t *testing.T) {
	if server.FirewallIsReal(server.Options{Demo: true}) || !server.FirewallIsReal(server.Options{}) {
		t.Error("want nftables but in the demonstration")
	}
}
