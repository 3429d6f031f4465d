package server_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server"
	"splitdns/server/internal/wire"
)

// shadowConfig is a configuration with the other edition as its shadow. One zone of one's own is in both.
const shadowConfig = `
[zones]
shadow = "2020-09-08"
[zone.office]
names    = ["*.office.example"]
prefixes = ["192.0.2.0/24"]
[rule.published]
zones = ["*"]
log   = true
`

// saysOf is an upstream that knows the A records of a script, each by its own name.
func saysOf(t testing.TB, script string) exchange {
	return func(q wire.UpstreamQuery) (wire.Message, string, error) {
		known := ""
		for line := range strings.Lines(script) {
			if strings.HasPrefix(line, q.Question.Name.String()+". ") && q.Question.Type == wire.TypeA {
				known += line
			}
		}
		return respond(t, q.Question, known), "192.0.2.53", nil
	}
}

// shadowed are the names that b reports, a line for each.
func shadowed(t *testing.T, b *server.Bench) []string {
	t.Helper()
	r, err := b.Drift("", 0)
	if err != nil || r.Shadow == nil {
		t.Fatalf("%+v %v", r.Shadow, err)
	}
	lines := []string{fmt.Sprintf("%s: %d of %d", r.Shadow.Shadow, r.Shadow.Differ, r.Shadow.Answers)}
	for _, n := range r.Shadow.Names {
		lines = append(lines, fmt.Sprintf("%s %s: %s -> %s, %d", n.Zone, n.Name, n.Active, n.Shadow, n.Count))
	}
	return lines
}

func TestShadowIsJudgedBeside(t *testing.T) {
	t.Parallel()
	script := "12-courier.push.apple.com. 60 IN A 17.57.144.23\nportal.manage.microsoft.com. 60 IN A 20.199.207.198\nx.office.example. 60 IN A 192.0.2.1\nwww.example. 60 IN A 192.0.2.2"
	b := newBench(t, shadowConfig, saysOf(t, script))
	for _, q := range []string{"12-courier.push.apple.com", "12-courier.push.apple.com", "portal.manage.microsoft.com", "x.office.example", "www.example", "12-courier.push.apple.com MX"} {
		ask(t, b, q)
	}
	want := []string{
		"edition 2020-09-08: 3 of 5",
		"apple-push 12-courier.push.apple.com: inside -> no-range, 2", "intune portal.manage.microsoft.com: inside -> outside, 1",
	}
	if d := cmp.Diff(want, shadowed(t, b)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(&server.ShadowStatus{Shadow: "edition 2020-09-08", Answers: 5, Differ: 3, Names: 2}, b.Status().Shadow); d != "" {
		t.Errorf("status (-want +got):\n%s", d)
	}
	h, _ := serveHTTP(t, b, "127.0.0.1:0")
	got := scrape(t, h)
	for key, want := range map[string]float64{
		"splitdns_shadow_answers_total": 5, "splitdns_shadow_differences_total zone=apple-push active=inside shadow=no-range": 2,
		"splitdns_shadow_differences_total zone=intune active=inside shadow=outside": 1,
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	facts := texts(ask(t, b, "portal.manage.microsoft.com CH TXT"))
	if !slices.ContainsFunc(facts, func(f string) bool {
		return strings.HasPrefix(f, "shadow edition=2020-09-08 zone=intune row=") && strings.HasSuffix(f, " verdict=outside")
	}) {
		t.Errorf("%q", facts)
	}
	if facts := texts(ask(t, b, "www.example CH TXT")); !slices.Contains(facts, "shadow edition=2020-09-08 verdict=no-range") {
		t.Errorf("%q", facts)
	}
	entries := b.Entries()
	for line := range strings.Lines(entries) {
		if !strings.Contains(line, `,"shadow":"`) {
			t.Errorf("no shadow in %s", line)
		}
	}
	if !strings.Contains(entries, `"verdict":"inside"`) || !strings.Contains(entries, `"shadow":"outside"}`) {
		t.Errorf("entries:\n%s", entries)
	}
}

// TestShadowChangesNothing holds that each answer, the finished ones among them, and each entry of
// the log is the same with a shadow that would take every address away.
func TestShadowChangesNothing(t *testing.T) {
	t.Parallel()
	script := "portal.manage.microsoft.com. 60 IN A 20.199.207.198\nportal.manage.microsoft.com. 60 IN A 198.51.100.1\nx.office.example. 60 IN A 198.51.100.1"
	text := strings.Replace(shadowConfig, "log   = true", "log = true\npin = 'enforce'", 1)
	with := newBench(t, text, saysOf(t, script))
	without := newBench(t, strings.Replace(text, `shadow = "2020-09-08"`, "", 1), saysOf(t, script))
	for _, q := range []string{"portal.manage.microsoft.com", "x.office.example", "www.example"} {
		for range 3 {
			if a, b := ask(t, with, q), ask(t, without, q); a.String() != b.String() {
				t.Errorf("%s: with a shadow\n%v\nwithout\n%v", q, a, b)
			}
		}
	}
	if got := shadowed(t, with); len(got) != 2 || !strings.HasSuffix(got[1], "mixed -> outside, 3") {
		t.Errorf("%q", got)
	}
	for line := range strings.Lines(without.Entries()) {
		if strings.Contains(line, "shadow") {
			t.Errorf("without a shadow: %s", line)
		}
	}
}

// TestShadowOfAnswersAndRoutes holds what is said where the zones decide whether an upstream is asked, and which.
func TestShadowOfAnswersAndRoutes(t *testing.T) {
	t.Parallel()
	text := `
[zones]
shadow = "2020-09-08"
[rule.block]
zones  = ["windows-update"]
answer = "nxdomain"
[rule.route]
zones    = ["apple-push", "android-enterprise"]
upstream = "other"
[upstream.other]
servers = ["192.0.2.54"]
`
	b := newBench(t, text, saysOf(t, "gateway.push.apple.com. 60 IN A 17.57.144.23"))
	for _, q := range []string{"devicelistenerprod.microsoft.com", "12-courier.push.apple.com", "gateway.push.apple.com"} {
		ask(t, b, q)
	}
	want := []string{
		"edition 2020-09-08: 2 of 3",
		"windows-update devicelistenerprod.microsoft.com: answer -> not-asked, 1", "apple-push gateway.push.apple.com: inside -> not-asked, 1",
	}
	if d := cmp.Diff(want, shadowed(t, b)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestShadowEndsWithItsConfiguration holds that what was found is that of the configuration in force, and goes on
// where only the machine's networks change.
func TestShadowEndsWithItsConfiguration(t *testing.T) {
	t.Parallel()
	b := newBench(t, shadowConfig, saysOf(t, "portal.manage.microsoft.com. 60 IN A 20.199.207.198"))
	ask(t, b, "portal.manage.microsoft.com")
	b.SetLocal(append(slices.Clone(server.LocalPrefixes), netip.MustParsePrefix("203.0.113.0/24"))...)
	if got := shadowed(t, b); len(got) != 2 {
		t.Errorf("after a change of networks: %q", got)
	}
	b.Reload(parseConfig(t, shadowConfig+"# changed\n"), nil)
	if got := shadowed(t, b); len(got) != 1 || got[0] != "edition 2020-09-08: 0 of 0" {
		t.Errorf("after a reload: %q", got)
	}
	b.Reload(parseConfig(t, strings.Replace(shadowConfig, `shadow = "2020-09-08"`, "", 1)), nil)
	if r, _ := b.Drift("", 0); r.Shadow != nil || b.Status().Shadow != nil {
		t.Errorf("without a shadow: %+v", r.Shadow)
	}
}

// TestFastWithShadowDoesNotAllocate is TestFastDoesNotAllocate with a shadow.
func TestFastWithShadowDoesNotAllocate(t *testing.T) {
	b := newBench(t, shadowConfig, saysOf(t, "portal.manage.microsoft.com. 60 IN A 20.199.207.198"))
	for range 2 {
		ask(t, b, "portal.manage.microsoft.com")
	}
	p, dst := packet(t, "portal.manage.microsoft.com"), make([]byte, 0, 1500)
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok := b.Fast(dst, p, client, false); !ok {
			t.Fatal("nothing is finished")
		}
	}); n != 0 {
		t.Errorf("a finished answer allocates %v times, want 0", n)
	}
}
