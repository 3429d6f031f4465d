package compare_test

import (
	"net/netip"
	"testing"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/compare"
)

func TestUnbelievable(t *testing.T) {
	for text, want := range map[string]string{
		"0.0.0.0/0": "wider than /8: so much nobody has", "::/0": "wider than /19: so much nobody has",
		"16.0.0.0/7": "wider than /8: so much nobody has", "17.0.0.0/8": "", "2400::/18": "wider than /19: so much nobody has", "2400::/19": "",
		"127.0.0.1/32": "loopback addresses", "0.0.0.0/32": `"this network" addresses`, "169.254.169.254/32": "link-local addresses",
		"224.0.0.0/8": "multicast addresses", "255.255.255.255/32": "reserved addresses", "::1/128": "unspecified and loopback addresses",
		"fe80::1/128": "link-local addresses", "::ffff:7f00:1/128": "IPv4 addresses within IPv6", "192.0.2.0/24": "", "10.0.0.0/8": "",
	} {
		if got := compare.Unbelievable(netip.MustParsePrefix(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestIsOfEverybody(t *testing.T) {
	for text, want := range map[string]bool{
		"*": true, ".com": true, "*.com": true, "*.co.uk": true, "a*.com": true, "{1..9}.com": true, "a.*.com": true,
		"com": false, ".x.com": false, "*.x.co.uk": false, ".corp": false, ".home.arpa": false, "*.github.io": false, "a*.x.com": false,
	} {
		p, err := matcher.ParsePattern(text)
		if err != nil {
			t.Logf("%s: %v", text, err)
			continue
		}
		if got := compare.IsOfEverybody(p); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

func TestIsInside(t *testing.T) {
	for text, want := range map[string]bool{"10.1.2.3/32": true, "8.0.0.0/6": true, "100.64.0.0/10": true, "fd00::/8": true, "17.0.0.0/8": false, "2a00::/32": false} {
		if got := compare.IsInside(netip.MustParsePrefix(text)); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

// Nothing bundled is beyond belief, or the guards that ask for it would refuse what they are to keep.
func TestTheBundledEditionsAreBelieved(t *testing.T) {
	for _, edition := range zones.Editions() {
		for _, z := range bundled(t, edition) {
			for i := range z.Rows {
				for _, p := range z.Rows[i].Prefixes {
					if why := compare.Unbelievable(p); why != "" || compare.IsInside(p) {
						t.Errorf("%s %s: %s", z.Name, p, why)
					}
				}
				for p := range z.Rows[i].Patterns.All() {
					if compare.IsOfEverybody(p) {
						t.Errorf("%s: %s", z.Name, p)
					}
				}
			}
		}
	}
}
