package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"splitdns/server"
)

// TestSetsText holds what `splitdns sets` shows, and that it is readable at 100 columns.
func TestSetsText(t *testing.T) {
	now := time.Date(2026, 11, 22, 21, 0, 0, 0, time.Local)
	full := server.SetReport{SetStatus: server.SetStatus{
		Set: "inet filter mdm4", Rules: []string{"mdm", "push"}, State: "ok", Type: "ipv4_addr", Flags: []string{"interval", "timeout"}, Size: 65535,
		Adds: 1234, Failures: map[string]uint64{"full": 2, "busy": 0}, Heals: 1, LastHeal: 6,
	}}
	for i := range 22 {
		full.Held = append(full.Held, server.HeldElement{
			Address: fmt.Sprintf("17.57.144.%d", i), Remaining: 412, Timeout: 600, Since: now.Add(-time.Hour), Clients: []string{"10.0.0.7"},
			Names: []string{"12-courier.push.apple.com", strings.Repeat("long.", 12) + "example", "another.name.apple.com"},
		})
	}
	full.Held[2].Other, full.Held[2].Names, full.Held[2].Clients = true, nil, nil
	full.Held[1] = server.HeldElement{Address: "17.57.144.1", Last: "17.57.144.9", Permanent: true, Other: true}
	gone := server.SetReport{Unheard: "set inet filter mdm6: it is not there", SetStatus: server.SetStatus{
		Set: "inet filter mdm6", Rules: []string{"mdm"}, State: "missing", Problem: "it is not there",
		Fix: "nft 'add set inet filter mdm6 { type ipv6_addr; flags timeout; }'",
	}}
	var all, one, none strings.Builder
	printSets(&all, &server.SetsReport{Now: now, Sets: []server.SetReport{full, gone}}, false)
	printSets(&one, &server.SetsReport{Now: now, Sets: []server.SetReport{full}}, true)
	printSets(&none, &server.SetsReport{Now: now}, false)
	want := `inet filter mdm4: ok, ipv4_addr, flags interval timeout, size 65,535, rules mdm push, 22 elements
  added 1,234, refreshed 0, failed 2 (full), well again 1 time, the last time in 6 ms
  17.57.144.0      6m52s of 10m left; since 20:00:00
    12-courier.push.apple.com, long.long.long.long.long.long.long.long.long.long.long.long.example,
      another.name.apple.com for 10.0.0.7
  17.57.144.1-17.57.144.9  permanent; not put in by splitdns
  17.57.144.2      6m52s of 10m left; from before the start, or not put in by splitdns
`
	if !strings.HasPrefix(all.String(), want) || !strings.HasSuffix(all.String(), `
  and 2 more: splitdns sets inet filter mdm4

inet filter mdm6: MISSING, rule mdm
  it is not there
  to heal it: nft 'add set inet filter mdm6 { type ipv6_addr; flags timeout; }'
  added 0, refreshed 0
`) {
		t.Errorf("got\n%s", &all)
	}
	if strings.Contains(one.String(), "more") || !strings.Contains(one.String(), "17.57.144.21 ") {
		t.Errorf("one set is not whole:\n%s", &one)
	}
	if !strings.HasPrefix(none.String(), "No rule names a set") {
		t.Errorf("got %q", &none)
	}
	for line := range strings.Lines(all.String() + none.String()) {
		if len([]rune(line)) > pageWidth+1 {
			t.Errorf("%d columns: %s", len([]rune(line)), line)
		}
	}
}

// TestSetsLine holds the line of the status, which has one cause for many sets before it.
func TestSetsLine(t *testing.T) {
	tests := map[string]struct {
		bad  int
		want string
	}{
		"well": {0, ""},
		"one":  {1, "; inet f s0: MISSING"},
		"four": {4, "; inet f s0: MISSING, inet f s1: MISSING, inet f s2: MISSING, inet f s3: MISSING"},
		"all":  {12, "; inet f s0: MISSING, inet f s1: MISSING, inet f s2: MISSING, 9 more: splitdns sets"},
	}
	for name, test := range tests {
		st := server.SetsStatus{Added: 4, Failed: 1}
		for i := range 12 {
			set := server.SetStatus{Set: fmt.Sprintf("inet f s%d", i), State: "ok"}
			if i < test.bad {
				set.State = "missing"
			}
			st.Sets = append(st.Sets, set)
		}
		if got, want := setsLine(&st), "12 sets, 0 elements; answers that waited for them 4, failed 1"+test.want; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
