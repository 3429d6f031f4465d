package zones_test

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/zones"
)

// currentFile is the publication that edition 2026-03-24 was taken from. It is
// kept beside a checkout, not in it.
const currentFile = "../../shared/endpoints/current.json"

// publishedGroup is one group of the machine-readable publication.
type publishedGroup struct {
	ID    string
	Hosts []struct{ Pattern string }
	// Ranges are the published prefixes, none for most groups.
	Ranges struct{ IPv4, IPv6 []string } `json:"ip_ranges"`
	Ports  []string
}

// spelled holds the patterns that a zone file must spell differently from the
// vendor: a star glued to a domain, and bare domains that mean the suffix.
var spelled = map[string]string{
	"*gstatic.com":          ".gstatic.com",
	"*cdn.onenote.net":      ".cdn.onenote.net",
	"android.com":           ".android.com",
	"google-analytics.com":  ".google-analytics.com",
	"googleusercontent.com": ".googleusercontent.com",
}

// The template of a group, and the row that holds what became of it.
const (
	countryTemplate = "accounts.google.[country]"
	countryPlace    = "android-enterprise/auth-countries"
	countryCount    = 186
)

func TestEdition2026HoldsEveryGroup(t *testing.T) {
	groups := readGroups(t)
	want := sayings{}
	hosts := 0
	for _, g := range groups {
		hosts += len(g.Hosts)
		ranges := slices.Concat(g.Ranges.IPv4, g.Ranges.IPv6)
		for _, h := range g.Hosts {
			if h.Pattern != countryTemplate {
				want.add(matcher.MustParsePattern(cmp.Or(spelled[h.Pattern], h.Pattern)), g.Ports, ranges)
			}
		}
	}
	if len(groups) != 81 || hosts != 495 {
		t.Fatalf("%d groups with %d patterns, want 81 with 495", len(groups), hosts)
	}
	got := sayings{}
	var countries []string
	for _, e := range entries(t, edition2026) {
		if e.place() == countryPlace {
			countries = append(countries, e.pattern.String())
			continue
		}
		got.add(e.pattern, ports(e.row), e.prefixes())
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("prefixes of each pattern with its ports (-published +bundled):\n%s", diff)
	}
	country := regexp.MustCompile(`^accounts\.google\.(com?\.)?([a-z]{2}|cat)$`)
	countries = slices.DeleteFunc(distinct(countries), func(s string) bool { return !country.MatchString(s) })
	if len(countries) != countryCount {
		t.Errorf("%d names for %s, want %d", len(countries), countryTemplate, countryCount)
	}
}

// readGroups reads the machine-readable publication, or skips the test.
func readGroups(t *testing.T) []publishedGroup {
	t.Helper()
	data, err := os.ReadFile(currentFile)
	if err != nil {
		t.Skipf("the publication is not beside this checkout: %v", err)
	}
	var file struct{ Groups []publishedGroup }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatalf("reading %s: %v", currentFile, err)
	}
	return file.Groups
}

// ports returns the ports of r as text.
func ports(r *zones.Row) []string {
	var out []string
	for _, p := range r.Ports {
		out = append(out, p.String())
	}
	return out
}

// sayings holds what a publication says: for each pattern with its ports the
// prefixes, once for each time that it says so.
type sayings map[string][][]string

func (s sayings) add(p matcher.Pattern, ports, prefixes []string) {
	key := p.String() + " " + strings.Join(eachPort(ports), " ")
	short := []string{}
	for _, text := range prefixes {
		if p, err := netip.ParsePrefix(text); err == nil {
			text = shortPrefix(p)
		}
		short = append(short, text)
	}
	slices.Sort(short)
	s[key] = append(s[key], short)
	slices.SortFunc(s[key], slices.Compare)
}

// eachPort spells ranges of ports out, and sorts.
func eachPort(ports []string) []string {
	var each []string
	for _, s := range ports {
		protocol, numbers, _ := strings.Cut(s, "/")
		first, last, _ := strings.Cut(numbers, "-")
		from, _ := strconv.Atoi(first)
		to, _ := strconv.Atoi(cmp.Or(last, first))
		for ; from <= to; from++ {
			each = append(each, protocol+"/"+strconv.Itoa(from))
		}
	}
	return slices.Sorted(slices.Values(each))
}
