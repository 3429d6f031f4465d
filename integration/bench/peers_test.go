//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"splitdns/server/config"
)

// text is all of a configuration.
func (c configuration) text() string {
	text := strings.Join(c.Args, " ")
	for name, file := range c.Files {
		text += "\n# " + name + "\n" + file
	}
	return text
}

func TestConfigurationsAreAlike(t *testing.T) {
	for _, s := range allServers() {
		t.Run(s.Name, func(t *testing.T) {
			at := setup{Dir: "/bench/dir", Port: 5301, Upstream: 5302, Cache: usualCache, User: "nobody"}
			without := s.Configure(at).text()
			if !strings.Contains(without, "5301") {
				t.Errorf("no port:\n%s", without)
			}
			if s.Name != echoName && !strings.Contains(without, "5302") {
				t.Errorf("no upstream:\n%s", without)
			}
			if strings.Contains(without, "%!") {
				t.Errorf("a wrong format:\n%s", without)
			}
			at.List = "/bench/the-list"
			with := s.Configure(at).text()
			if got, want := strings.Contains(with, at.List), s.Name != echoName; got != want {
				t.Errorf("that it has the list is %v, want %v:\n%s", got, want, with)
			}
			if strings.Contains(with, "%!") {
				t.Errorf("a wrong format:\n%s", with)
			}
		})
	}
}

func TestConfigurationsSayWhatIsEqual(t *testing.T) {
	want := map[string][]string{
		"splitdns":        {fmt.Sprintf("entries = %d", usualCache.Names), `pin = "observe"`, "log = false", `queries = "off"`},
		"splitdns-log":    {fmt.Sprintf("entries = %d", usualCache.Names), "log = true", `queries = "/bench/dir/queries.jsonl"`},
		"splitdns-unheld": {fmt.Sprintf("entries = %d", usualCache.Names), "log = false", `udp_hold = "0s"`},
		"unbound":         {"num-threads: 1", `forward-addr: 127.0.0.1@5302`, fmt.Sprintf("msg-cache-size: %d", usualCache.Octets/2), `include: "/l"`},
		"dnsdist":         {"address='127.0.0.1:5302'", fmt.Sprintf("newPacketCache(%d,", usualCache.Names), `io.lines("/l")`, "DNSRCode.NXDOMAIN"},
		"dnsmasq":         {"server=127.0.0.1#5302", fmt.Sprintf("cache-size=%d", usualCache.Names), "conf-file=/l", "user=nobody"},
		"knot-resolver":   {"policy.STUB('127.0.0.1@5302')", fmt.Sprintf("cache.open(%d,", usualCache.Octets), `policy.rpz(policy.DENY, "/l"`},
		"pdns-recursor":   {"threads=1", "forward-zones-recurse=.=127.0.0.1:5302", fmt.Sprintf("max-packetcache-entries=%d", usualCache.Names), `rpzFile("/l"`},
		"bind9":           {"-n 1", "forwarders port 5302 { 127.0.0.1; }", fmt.Sprintf("max-cache-size %d", usualCache.Octets), `type primary; file "/l"`},
	}
	for _, s := range allServers() {
		got := s.Configure(setup{Dir: "/bench/dir", Port: 5301, Upstream: 5302, Cache: usualCache, User: "nobody", List: "/l"}).text()
		if s.Name != echoName && len(want[s.Name]) == 0 {
			t.Errorf("%s: nothing is known", s.Name)
		}
		for _, part := range want[s.Name] {
			if !strings.Contains(got, part) {
				t.Errorf("%s: no %q in:\n%s", s.Name, part, got)
			}
		}
	}
}

func TestSplitdnsTakesItsConfiguration(t *testing.T) {
	dir := t.TempDir()
	list, err := plainList.write(dir, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, configure := range []func(setup) configuration{configureSplitdns, configureSplitdnsLog} {
		c := configure(setup{Dir: dir, Port: 5301, Upstream: 5302, Cache: usualCache, List: list})
		loaded, problems := config.Parse(filepath.Join(dir, "splitdns.toml"), []byte(c.Files["splitdns.toml"]))
		if len(problems) > 0 || loaded == nil {
			t.Fatalf("problems: %v", problems)
		}
		if loaded.Cache.Entries != usualCache.Names || loaded.Server.Listen[0].Port() != 5301 || len(loaded.Rules) != 2 {
			t.Errorf("loaded: %+v, %+v, %d rules", loaded.Cache, loaded.Server.Listen, len(loaded.Rules))
		}
	}
}

func TestLargeCachesAreEqual(t *testing.T) {
	for _, s := range allServers() {
		if !s.Large || s.Name == echoName {
			continue
		}
		at := setup{Cache: usualCache}
		usual := s.Configure(at).text()
		at.Cache = cacheFor(1_000_000)
		large := s.Configure(at).text()
		if large == usual || !strings.Contains(large, "1500000") && !strings.Contains(large, "750000000") {
			t.Errorf("%s: its cache is not for a million names and half as many again:\n%s", s.Name, large)
		}
	}
}

func TestVersionNumbersAreFound(t *testing.T) {
	for said, want := range map[string]string{
		"Version 1.17.1\n\nConfigure line: --build=x86_64":              "1.17.1",
		"dnsdist 1.7.3 (Lua 5.1.4 [LuaJIT 2.1.0-beta3])":                "1.7.3",
		"Dnsmasq version 2.90  Copyright (c) 2000-2024 Simon Kelley":    "2.90",
		"Nov 22 10:16:26 PowerDNS Recursor 4.8.8 (C) 2001-2022":         "4.8.8",
		"BIND 9.18.49-1~deb12u3-Debian (Extended Support Version) <id>": "9.18.49-1~deb12u3-Debian",
		"no number": "",
	} {
		if got := versionNumber.FindString(said); got != want {
			t.Errorf("the version in %q is %q, want %q", said, got, want)
		}
	}
}

func TestWhatIsNotInstalledIsSaid(t *testing.T) {
	here := filepath.Join(t.TempDir(), "here")
	if err := os.WriteFile(here, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(here))
	all := []*server{
		{Name: echoName},
		{Name: "present", Programs: []string{"another", "here"}, Package: "present-dns"},
		{Name: "absent", Programs: []string{"no-such-program"}, Package: "absent-dns"},
	}
	chosen, absent, err := choose(all, nil)
	if err != nil || len(chosen) != 2 || chosen[1].argv[0] != here {
		t.Errorf("chosen %q, %v, want the echo and what is present", serverNames(chosen), err)
	}
	if len(absent) != 1 || absent[0] != (missing{"absent", "absent-dns"}) {
		t.Errorf("absent %v, want absent-dns", absent)
	}
}
