//go:build linux

package main

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"splitdns/server/config"
)

func TestServersWithSetsDifferOnlyInThese(t *testing.T) {
	for _, s := range setsServers() {
		text := s.Configure(setup{Dir: t.TempDir(), Port: 5301, Upstream: 5302, Cache: usualCache}).Files["splitdns.toml"]
		c, problems := config.Parse(filepath.Join(t.TempDir(), "splitdns.toml"), []byte(text))
		if c == nil {
			t.Fatalf("%s: %v", s.Name, problems)
		}
		var sets []string
		for _, w := range c.Sets() {
			sets = append(sets, w.Set.String())
		}
		want := []string{"inet splitdns-bench " + s.Name + "4", "inet splitdns-bench " + s.Name + "6"}
		if s.Name == withoutName {
			want = nil
		}
		slices.Sort(sets)
		if !slices.Equal(sets, want) || len(c.Rules) != 2 {
			t.Errorf("%s: sets %q, want %q; %d rules, want 2", s.Name, sets, want, len(c.Rules))
		}
	}
}

func TestAddressesOfTheStub(t *testing.T) {
	ask := func(name string, qtype uint16) string {
		var m dns.Msg
		if err := m.Unpack(responded(mustQuery(t, name, qtype))); err != nil || len(m.Answer) != 1 {
			t.Fatalf("%s: %v, %v", name, &m, err)
		}
		text := m.Answer[0].String()
		return text[strings.LastIndexByte(text, '\t')+1:]
	}
	few, own := map[string]bool{}, map[string]bool{}
	s, err := newSource(job{Mode: modeFill, Many: 1000, Hot: []string{"x.example"}, Suffixes: setsNames(setsSuffix, ownLabel).Suffixes})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		var packet [packetSize]byte
		n, _ := s.take(packet[:], 0)
		var m dns.Msg
		if err := m.Unpack(packet[:n]); err != nil {
			t.Fatal(err)
		}
		name := m.Question[0].Name
		own[ask(name, typeA)], own[ask(name, typeAAAA)] = true, true
		shared := strings.Replace(name, "."+ownLabel+".", "."+fewLabel+".", 1)
		few[ask(shared, typeA)] = true
	}
	if len(few) != fewAddresses || len(own) < 1990 {
		t.Errorf("%d addresses for 1000 names, want %d; %d for as many that have their own, want 2000", len(few), fewAddresses, len(own))
	}
	if got := ask(".", typeA); got != "11.0.0.1" {
		t.Errorf("the address of the root is %s", got)
	}
}

func TestWhatSetsCostIsPrinted(t *testing.T) {
	o, err := parseOptions([]string{"-sets", "-workloads", "fresh"}, io.Discard)
	if err != nil || !slices.Equal(serverNames(o.servers), []string{withoutName, hashName, intervalName}) {
		t.Fatalf("servers %q, %v", serverNames(o.servers), err)
	}
	var runs []run
	for i, name := range serverNames(o.servers) {
		r := measured(1, name, 100_000, 1, 0.5)
		r.Workload = "fresh"
		p := r.Phases[mainPhase]
		p.Server.Total *= time.Duration(2 + i)
		r.Phases = map[string]result{mainPhase: p, latencyPhase: p}
		runs = append(runs, r)
	}
	var b strings.Builder
	setsReport{report{record: record{Runs: runs, Pace: pace{Rounds: 1}}, workloads: o.workloads, servers: serverNames(o.servers), base: withoutName}}.write(&b)
	if got := row(t, b.String(), intervalName); got[2] != "2.00" || got[7] != "2.00" {
		t.Errorf("row %q, want twice the CPU time", got)
	}
	if !strings.Contains(b.String(), "## fresh: each name is new, and so is its address; then 5000 queries/s") {
		t.Errorf("no title in:\n%s", b.String())
	}
}
