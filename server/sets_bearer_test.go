package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNobodyOpensForNamesOfOthers holds that a service binding, whose owner chooses both its target and
// the addresses beside it, brings no address of his into the sets and the feeds of a rule that
// matches the target. What a name that the rule matches leads to is by the word of its owner.
func TestNobodyOpensForNamesOfOthers(t *testing.T) {
	for name, test := range map[string]struct {
		question, script string
		want             []string
	}{
		"hints": {
			"evil.example HTTPS", "evil.example. 300 IN HTTPS 1 a.other.example. ipv4hint=203.0.113.66 ipv6hint=2001:db8:66::1", nil,
		},
		"additional records of another target": {
			"evil.example HTTPS",
			"evil.example. 300 IN HTTPS 1 a.other.example.\nevil.example. 300 IN HTTPS 2 b.evil.example.\nar b.evil.example. 300 IN A 203.0.113.66\nar evil.example. 300 IN A 203.0.113.67",
			nil,
		},
		"additional records of the target": {
			"evil.example HTTPS",
			"evil.example. 300 IN HTTPS 1 a.other.example. ipv4hint=203.0.113.66\nar a.other.example. 300 IN A 203.0.113.1\nar a.other.example. 300 IN AAAA 2001:db8:1::1",
			[]string{"2001:db8:1::1", "203.0.113.1"},
		},
		"alias": {
			"evil.example HTTPS", "evil.example. 300 IN HTTPS 0 a.other.example.\nar a.other.example. 300 IN A 203.0.113.1", []string{"203.0.113.1"},
		},
		"behind a CNAME": { // which its own owner has
			"evil.example HTTPS", "evil.example. 300 IN CNAME a.other.example.\na.other.example. 300 IN HTTPS 1 . ipv4hint=203.0.113.1", []string{"203.0.113.1"},
		},
		"its own": {
			"a.other.example HTTPS", "a.other.example. 300 IN HTTPS 1 cdn.example. ipv4hint=203.0.113.1\nar cdn.example. 300 IN A 203.0.113.2", []string{"203.0.113.1", "203.0.113.2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, setsConfig+"[http]\nlisten = [\"127.0.0.1:9153\"]\n", says(t, test.script))
			w := newWalls(b)
			ask(t, b, test.question)
			var got []string
			for _, line := range w.brought() {
				got = append(got, strings.Fields(line)[1])
			}
			slices.Sort(got)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("sets (-want +got):\n%s", d)
			}
			h, _ := serveHTTP(t, b, "127.0.0.1:0")
			fed := get(h, "127.0.0.1:4242", "localhost", "/feed/all/admitted.txt").Body.String()
			if list := strings.Fields(fed); len(test.want) > 0 && len(list) != len(test.want) || strings.Contains(fed, ".66") || strings.Contains(fed, ":66:") {
				t.Errorf("the feed has %s, want %v", fed, test.want)
			}
		})
	}
}
