package drift_test

import (
	"slices"
	"strings"
	"testing"

	"splitdns/server/internal/drift"
	"splitdns/zones"
)

func TestSuffixOf(t *testing.T) {
	for pattern, want := range map[string]string{
		"gateway.push.apple.com":               "push.apple.com",
		"{0..50}-courier.push.apple.com":       "push.apple.com",
		"*.manage.microsoft.com":               "manage.microsoft.com",
		".corp.example":                        "corp.example",
		"apple.com":                            "apple.com",
		"google.co.uk":                         "google.co.uk",
		"aka.ms":                               "aka.ms",
		"swda01-mscdn.azureedge.net":           "swda01-mscdn.azureedge.net",
		"payloadprod*.blob.core.windows.net":   "",
		"*.azureedge.net":                      "",
		"enterpriseregistration.windows.net":   "enterpriseregistration.windows.net",
		"a.*.b{1..2}.x.example":                "x.example",
		"ocsp.digicert.com":                    "ocsp.digicert.com",
		"phobos.itunes-apple.com.akadns.net":   "itunes-apple.com.akadns.net",
		"*.phobos.itunes-apple.com.akadns.net": "phobos.itunes-apple.com.akadns.net",
		".":                                    "",
		"*":                                    "",
	} {
		got, ok := drift.SuffixOf(pattern)
		if got.String() != want || ok != (want != "") {
			t.Errorf("%s: %q %v, want %q", pattern, got, ok, want)
		}
	}
}

func TestSuffixes(t *testing.T) {
	s := drift.NewSuffixes(bundled(t), zones.DefaultEdition)
	for text, want := range map[string]string{
		"push.apple.com":                  "push.apple.com apple-push",
		"51-courier.push.apple.com":       "push.apple.com apple-push",
		"x.y.push.apple.com":              "push.apple.com apple-push",
		"store.apple.com":                 "apple.com apple",
		"new.manage.microsoft.com":        "manage.microsoft.com intune",
		"www.example.com":                 "none",
		"somebody.azureedge.net":          "none",
		"somebody.akadns.net":             "none",
		"somebody.servicebus.windows.net": "none",
		"com":                             "none",
		".":                               "none",
	} {
		suffix, ok := s.Of(name(t, text))
		got := "none"
		if ok {
			got = suffix.String() + " " + s.Zones(suffix)[0]
		}
		if got != want && !(want != "none" && slices.Contains(s.Zones(suffix), want[strings.Index(want, " ")+1:]) && strings.HasPrefix(want, suffix.String()+" ")) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	n := name(t, "www.some.name.below.nothing.example")
	if a := testing.AllocsPerRun(100, func() { s.Of(n) }); a != 0 {
		t.Errorf("a name below none allocates %v times", a)
	}
}

// TestListsAreNotWatched holds that a zone of one's own counts only if it publishes ranges, and no catch-all does.
func TestListsAreNotWatched(t *testing.T) {
	list := func(prefix string) *zones.Zone {
		text := "[row.all]\nnames = ['x.ads.example', '.banner.example']\n"
		if prefix != "" {
			text += "prefixes = ['" + prefix + "']\n"
		}
		return zone(t, "own", text)
	}
	catchAll := zone(t, "all", "catch_all = true\n[row.all]\nnames = ['*.ads.example']\nprefixes = ['192.0.2.0/24']\n")
	for want, z := range map[bool]*zones.Zone{false: list(""), true: list("192.0.2.0/24")} {
		if _, ok := drift.NewSuffixes([]*zones.Zone{z, catchAll}, zones.DefaultEdition).Of(name(t, "y.ads.example")); ok != want {
			t.Errorf("watched: %v, want %v", ok, want)
		}
	}
}
