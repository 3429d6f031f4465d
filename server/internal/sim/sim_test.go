package sim_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"splitdns/matcher"
	"splitdns/server/internal/sim"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
	"splitdns/zones"
)

// bundled is the zones of an edition.
func bundled(t *testing.T, edition string) []*zones.Zone {
	t.Helper()
	loaded, err := zones.Bundled(edition)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// own is a zone from the text of its file.
func own(t *testing.T, text string) []*zones.Zone {
	t.Helper()
	z, problems := zones.Parse("own", "own.toml", []byte(text))
	if z == nil {
		t.Fatalf("own zone:\n%s", problems)
	}
	return []*zones.Zone{z}
}

// parseName reads a name that is known to be good.
func parseName(t *testing.T, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// exchange is what in says to q, before Exchange returns.
func exchange(in *sim.Internet, q wire.UpstreamQuery) (m wire.Message, from string, err error) {
	in.Exchange(q, func(answer wire.Message, server string, failure error) { m, from, err = answer, server, failure })
	return m, from, err
}

// ask asks in a question of class IN; the response is checked as one that comes
// from a real upstream is.
func ask(t *testing.T, in *sim.Internet, name matcher.Name, typ wire.Type) wire.Message {
	t.Helper()
	q := wire.Question{Name: name, Type: typ, Class: wire.ClassIN}
	m, from, err := exchange(in, wire.UpstreamQuery{Question: q, DO: true, CD: true, UDPSize: 1232})
	if err != nil || from != "simulated" {
		t.Fatalf("%v: from %q, error %v", q, from, err)
	}
	packet := wire.Response{Query: wire.Query{Question: q, RD: true}, Message: m, Limit: 65535}.Append(nil)
	again, err := wire.ParseResponse(packet, q)
	if err != nil {
		t.Fatalf("%v: the packed response does not parse: %v", q, err)
	}
	if again.Text() != m.Text() || again.Rcode() != m.Rcode() || again.Truncated() {
		t.Fatalf("%v: packed and parsed again\n%s\nwant\n%s", q, again.Text(), m.Text())
	}
	if m.Lifetime(24*time.Hour, time.Hour) == 0 {
		t.Errorf("%v: the response cannot be cached:\n%s", q, m.Text())
	}
	return m
}

// examples is a name for each pattern of loaded.
func examples(loaded []*zones.Zone) []matcher.Name {
	var names []matcher.Name
	for _, z := range loaded {
		for i := range z.Rows {
			for p := range z.Rows[i].Patterns.All() {
				names = append(names, p.Example())
			}
		}
	}
	return names
}

// TestEveryPatternHasAnAnswer asks for a name of every bundled pattern.
func TestEveryPatternHasAnAnswer(t *testing.T) {
	const placeholder = "courier.push.apple.com" // always NODATA
	for _, edition := range zones.Editions() {
		loaded := bundled(t, edition)
		in := sim.New(loaded)
		for _, n := range examples(loaded) {
			if m := ask(t, in, n, wire.TypeA); m.Rcode() != wire.NoError || m.Empty() != (n.String() == placeholder) {
				t.Errorf("%v A: %v\n%s", n, m.Rcode(), m.Text())
			}
			for _, typ := range []wire.Type{wire.TypeAAAA, wire.TypeHTTPS} {
				if m := ask(t, in, n, typ); m.Rcode() != wire.NoError {
					t.Errorf("%v %v: %v, want NOERROR", n, typ, m.Rcode())
				}
			}
		}
	}
}

// TestAddressesArePublished holds the addresses of every bundled pattern's example
// against what is published for it.
func TestAddressesArePublished(t *testing.T) {
	for _, edition := range zones.Editions() {
		loaded := bundled(t, edition)
		in := sim.New(loaded)
		p := policy.New(policy.Input{Zones: loaded})
		count := map[policy.Verdict]int{}
		for _, n := range examples(loaded) {
			count[p.Judge(p.Decide(n, 0), ask(t, in, n, wire.TypeA).Addresses()).Verdict]++
		}
		strayed := count[policy.Mixed] + count[policy.Outside]
		if count[policy.Inside] < 10*strayed || strayed == 0 || count[policy.NoFamily] > 0 {
			t.Errorf("edition %s: verdicts %v, want most inside, some mixed or outside, none no-family", edition, count)
		}
	}
}

// TestNamesWithoutRangesLeadAway finds a CNAME chain at every bundled name for
// which nothing is published.
func TestNamesWithoutRangesLeadAway(t *testing.T) {
	const staged = "login.microsoftonline.com" // the same in every edition
	for _, edition := range zones.Editions() {
		loaded := bundled(t, edition)
		in := sim.New(loaded)
		p := policy.New(policy.Input{Zones: loaded})
		for _, n := range examples(loaded) {
			if p.Decide(n, 0).Published.Any() || n.String() == staged {
				continue
			}
			if m := ask(t, in, n, wire.TypeA); len(m.Chain()) == 0 {
				t.Errorf("edition %s: %v has no chain:\n%s", edition, n, m.Text())
			}
		}
	}
}

func TestVerdicts(t *testing.T) {
	loaded := bundled(t, zones.DefaultEdition)
	in := sim.New(loaded)
	p := policy.New(policy.Input{Zones: loaded})
	for question, want := range map[string]policy.Verdict{
		"0-courier.push.apple.com A":             policy.Inside,
		"12-courier.push.apple.com A":            policy.Mixed,
		"12-courier.push.apple.com AAAA":         policy.NoAddress,
		"gateway.push.apple.com AAAA":            policy.Inside,
		"manage.microsoft.com A":                 policy.Inside,
		"manage.microsoft.com AAAA":              policy.Inside,
		"a.b.c.manage.microsoft.com A":           policy.Inside,
		`o\.d\@d\000\".manage.microsoft.com A`:   policy.Inside,
		"portal.manage.microsoft.com A":          policy.Mixed,
		"portal.manage.microsoft.com AAAA":       policy.Mixed,
		"portal.manage.microsoft.com HTTPS":      policy.NoAddress,
		"mixed.manage.microsoft.com A":           policy.Mixed,
		"outside.manage.microsoft.com A":         policy.Outside,
		"outside.manage.microsoft.com AAAA":      policy.Outside,
		"r.manage.microsoft.com A":               policy.Outside,
		"swda02.manage.microsoft.com A":          policy.Outside,
		"swda01-mscdn.manage.microsoft.com A":    policy.NoRange,
		"swda01-mscdn.manage.microsoft.com AAAA": policy.NoRange,
		"login.microsoftonline.com A":            policy.Mixed,
		"login.microsoftonline.com AAAA":         policy.Inside,
		"login.microsoftonline.com HTTPS":        policy.Mixed,
		"manage.microsoft.us A":                  policy.Inside,
		"manage.microsoft.us AAAA":               policy.NoAddress, // nothing is published in IPv6
		"alt3-mtalk.google.com A":                policy.Inside,
		"mtalk4.google.com A":                    policy.Mixed,
		"login.live.com A":                       policy.NoRange,
		"outside.mzstatic.com A":                 policy.NoRange,
	} {
		owner, mnemonic, _ := strings.Cut(question, " ")
		typ, err := wire.ParseType(mnemonic)
		if err != nil {
			t.Fatal(err)
		}
		n := parseName(t, owner)
		m := ask(t, in, n, typ)
		if got := p.Judge(p.Decide(n, 0), m.Addresses()).Verdict; got != want {
			t.Errorf("%s: %v, want %v:\n%s", question, got, want, m.Text())
		}
	}
}

func TestZonesOfOnesOwn(t *testing.T) {
	for why, tc := range map[string]struct {
		zone, name string
		typ        wire.Type
		want       []string
	}{
		"a single address": {
			`names = ["a.example"]
			prefixes = ["198.51.100.7"]`, "a.example", wire.TypeA,
			[]string{"198.51.100.7"},
		},
		"a pair": {
			`names = ["a.example"]
			prefixes = ["198.51.100.6/31"]`, "a.example", wire.TypeA,
			[]string{"198.51.100.6", "198.51.100.7"},
		},
		"nothing in IPv6": {
			`names = ["a.example"]
			prefixes = ["198.51.100.7"]`, "a.example", wire.TypeAAAA,
			nil,
		},
		"a single address in IPv6": {
			`names = ["a.example"]
			prefixes = ["2001:db8::7"]`, "a.example", wire.TypeAAAA,
			[]string{"2001:db8::7"},
		},
	} {
		in := sim.New(own(t, "[row.own]\n"+tc.zone))
		for _, a := range ask(t, in, parseName(t, tc.name), tc.typ).Addresses() {
			if !slices.Contains(tc.want, a.String()) {
				t.Errorf("%s: %v, want %v", why, a, tc.want)
			}
		}
		if got := ask(t, in, parseName(t, tc.name), tc.typ); got.Empty() != (tc.want == nil) {
			t.Errorf("%s: want %v, got\n%s", why, tc.want, got.Text())
		}
	}
}

// TestOutsideAvoidsOnesOwnRanges takes the documentation ranges themselves, one
// after the other, for what is published.
func TestOutsideAvoidsOnesOwnRanges(t *testing.T) {
	in := sim.New(own(t, `[row.own]
		names = ["*.example"]
		prefixes = ["198.51.100.0/24", "203.0.113.0/24"]`))
	for _, a := range ask(t, in, parseName(t, "outside.example"), wire.TypeA).Addresses() {
		if !netip.MustParsePrefix("192.0.2.0/24").Contains(a) {
			t.Errorf("outside.example: %v is published, or not for documentation", a)
		}
	}
	in = sim.New(own(t, `[row.own]
		names = ["*.example"]
		prefixes = ["2001:db8::/32"]`))
	if m := ask(t, in, parseName(t, "a.example"), wire.TypeA); m.Empty() {
		t.Error("a name that has ranges in IPv6 alone has no IPv4 address")
	}
}

func TestOtherNames(t *testing.T) {
	in := sim.New(nil)
	ordinary := netip.MustParsePrefix("192.0.2.0/24")
	for _, s := range []string{"www.example.org", "example", ".", "manage.microsoft.com"} {
		m := ask(t, in, parseName(t, s), wire.TypeA)
		if a := m.Addresses(); len(a) != 1 || !ordinary.Contains(a[0]) {
			t.Errorf("%s: %v, want one address in %v", s, a, ordinary)
		}
	}
	for _, s := range []string{"invalid", "a.b.invalid", "nxdomain.example", "a.nxdomain.example"} {
		if m := ask(t, in, parseName(t, s), wire.TypeA); m.Rcode() != wire.NXDomain || m.Text() != "" {
			t.Errorf("%s: %v, want NXDOMAIN\n%s", s, m.Rcode(), m.Text())
		}
	}
	for _, typ := range []wire.Type{wire.TypeAAAA, wire.TypePTR, wire.TypeTXT, wire.TypeNS, wire.TypeHTTPS, wire.TypeANY, 65280} {
		if m := ask(t, in, parseName(t, "www.example.org"), typ); m.Rcode() != wire.NoError || !m.Empty() {
			t.Errorf("%v: %v, want NODATA\n%s", typ, m.Rcode(), m.Text())
		}
	}
}

func TestOtherClassesAreRefused(t *testing.T) {
	q := wire.Question{Name: parseName(t, "version.bind"), Type: wire.TypeTXT, Class: wire.ClassCH}
	m, _, err := exchange(sim.New(nil), wire.UpstreamQuery{Question: q})
	if err != nil || m.Rcode() != wire.Refused {
		t.Errorf("class CH: %v, %v, want REFUSED", m.Rcode(), err)
	}
}

func TestAnswersNeverChange(t *testing.T) {
	loaded := bundled(t, zones.DefaultEdition)
	one, other := sim.New(loaded), sim.New(loaded)
	defer one.Close()
	defer other.Close()
	for _, s := range []string{"manage.microsoft.com", "swda01-mscdn.manage.microsoft.com", "www.example.org"} {
		n := parseName(t, s)
		first := ask(t, one, n, wire.TypeA).Text()
		if second, third := ask(t, one, n, wire.TypeA).Text(), ask(t, other, n, wire.TypeA).Text(); first != second || first != third {
			t.Errorf("%s:\n%s\nthen\n%s\nthen\n%s", s, first, second, third)
		}
	}
}
