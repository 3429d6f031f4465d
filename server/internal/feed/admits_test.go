package feed_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"splitdns/server/internal/feed"
)

// row is a zone file of one row, with further keys.
func row(name, prefixes string, more ...string) string {
	text := fmt.Sprintf("[row.r]\nnames = [%q]\n", name)
	if prefixes != "" {
		text += "prefixes = [" + prefixes + "]\n"
	}
	return text + strings.Join(more, "")
}

// TestACopyThatAdmitsTooMuchIsRefused gives a subscription with a good copy, or as its first, what would open pins.
func TestACopyThatAdmitsTooMuchIsRefused(t *testing.T) {
	const good = "[row.g]\nnames = ['a.example']\nprefixes = ['198.51.100.0/24', '2001:db8::/32']\n"
	for name, test := range map[string]struct{ zone, before, fresh, want string }{
		"all of IPv4":              {"z", good, good + row("b.example", "'0.0.0.0/0'"), "it publishes 0.0.0.0/0, wider than /8: so much nobody has"},
		"all of IPv6":              {"z", good, good + row("b.example", "'::/0'"), "it publishes ::/0, wider than /19: so much nobody has"},
		"all of IPv4 at first":     {"z", "", row("b.example", "'0.0.0.0/0'"), "it publishes 0.0.0.0/0"},
		"all of it in pieces":      {"z", good, good + row("b.example", slashEights(60)), "it publishes 1006633216 IPv4 addresses, and before it were 256"},
		"pieces at first":          {"z", "", row("b.example", slashEights(60)), "it publishes 1006632960 IPv4 addresses, and before it were 0"},
		"loopback":                 {"z", good, good + row("b.example", "'127.0.0.1'"), "it publishes 127.0.0.1, loopback addresses"},
		"metadata":                 {"z", "", row("b.example", "'169.254.169.254'"), "it publishes 169.254.169.254, link-local addresses"},
		"private":                  {"z", good, good + row("b.example", "'10.0.0.0/8'"), "it publishes 10.0.0.0/8, private addresses, of which there were none"},
		"private in a bundled one": {"apple-push", "", row(".push.apple.com", "'10.0.0.0/8'"), "it publishes 10.0.0.0/8, private addresses"},
		"one's own network":        {"z", "", row("b.example", "'10.0.0.0/8'"), ""},
		"more of one's own":        {"z", row("b.example", "'10.0.0.0/24'"), row("b.example", "'10.0.0.0/16'"), ""},
		"some growth":              {"z", good, good + row("b.example", "'203.0.112.0/20'"), ""},
		"what was accepted":        {"z", row("b.example", "'0.0.0.0/0'"), row("b.example", "'0.0.0.0/0', '2.0.0.0/7'"), ""},
		"a top-level domain":       {"z", good, good + row("*.com", "'198.51.100.0/24'"), "*.com takes in names of everybody"},
		"a public suffix at first": {"z", "", row(".co.uk", ""), ".co.uk takes in names of everybody"},
		"stars in a block list":    {"z", "", row("ads.*", ""), ""},
		"stars with ranges":        {"z", good, good + row("ads*.com", "'198.51.100.0/24'"), "ads*.com takes in names of everybody"},
		"more of such":             {"z", row(".zip", ""), row(".zip", "") + "[row.s]\nnames = ['.top']\n", ""},
		"all names among such":     {"z", row(".zip", ""), row(".zip", "") + "[row.s]\nnames = ['*']\n", "* takes in names of everybody"},
		"ranges for such":          {"z", row(".zip", ""), row(".zip", "'198.51.100.0/24'"), ".zip takes in names of everybody"},
		"another vendor's name":    {"z", good, good + row("12-courier.push.apple.com", "'198.51.100.7'"), "12-courier.push.apple.com takes in names of zone apple-push, which publishes ranges for "},
		"another's at first":       {"z", "", row("12-courier.push.apple.com", "'198.51.100.7'"), ""},
		"another's, in a bundled":  {"fcm", "", row("12-courier.push.apple.com", "'198.51.100.7'"), "12-courier.push.apple.com takes in names of zone apple-push"},
		"around another's name":    {"z", good, good + row("*.apple.com", "'198.51.100.7'"), "*.apple.com takes in names of zone apple-push"},
		"it without ranges":        {"z", good, good + row("12-courier.push.apple.com", ""), ""},
		"carving out another's":    {"z", good, good + row("12-courier.push.apple.com", "", "carve_out = true\n"), "12-courier.push.apple.com takes in names of zone apple-push"},
		"carving out its own":      {"z", row(".b.example", "'198.51.100.0/24'"), row(".b.example", "'198.51.100.0/24'") + "[row.s]\nnames = ['a.b.example']\ncarve_out = true\n", "it carves out a.b.example, for which it published ranges"},
		"out of every rule":        {"z", good, "catch_all = true\n" + good, "it says catch_all"},
		"ranges moved away":        {"z", good, "[row.g]\nnames = ['a.example']\n[row.h]\nnames = ['x.invalid']\nprefixes = ['198.51.100.0/24', '2001:db8::/32']\n", "1 of 1 names with ranges have none any more"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := daily
				s.Zone, s.Bundled = test.zone, test.zone != "z"
				first := test.before
				if first == "" {
					first = test.fresh
				}
				w := newWorld(t, first, s)
				defer func() { w.stop() }()
				if test.before != "" && w.status().Kind == feed.Widened {
					if o, err := w.Refresh(t.Context(), s.Zone, true); err != nil || !o[0].OK {
						t.Fatalf("not accepted: %+v, %v", o, err)
					}
				}
				w.set(func() { w.text = test.fresh })
				sleep(24 * time.Hour)
				problem := w.status().Problem
				if test.want == "" && problem != "" || !strings.Contains(problem, test.want) {
					t.Fatalf("%q, want %q", problem, test.want)
				}
				if test.want != "" && !strings.HasSuffix(problem, "; if that is right, take it over with: splitdns refresh "+s.Zone+" --accept") {
					t.Errorf("%q does not say how to accept it", problem)
				}
			})
		})
	}
}

// slashEights is n prefixes of length 8.
func slashEights(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("'%d.0.0.0/8'", 11+i+i/55*64))
	}
	return strings.Join(all, ", ")
}

// TestKeepingIsNotQuadratic has many names with many prefixes, of which half go.
func TestKeepingIsNotQuadratic(t *testing.T) {
	const n = 30_000
	var names, all, half strings.Builder
	for i := range n {
		fmt.Fprintf(&names, "'n%d.example',", i)
		fmt.Fprintf(&all, "'10.%d.%d.0/30',", i/200, i%200)
		if i%2 == 0 {
			fmt.Fprintf(&half, "'10.%d.%d.0/30',", i/200, i%200)
		}
	}
	text := "[row.a]\nnames = [" + names.String() + "]\nprefixes = ["
	old := copyOf(text + all.String() + "]\n")
	start := time.Now()
	c := after(t, old, text+half.String()+"]\n", day)
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("took %v", took)
	}
	if len(c.Kept) == 0 {
		t.Error("nothing is kept")
	}
}
