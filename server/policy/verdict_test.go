package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/policy"
	"splitdns/zones"
)

// What is published in the tables below, by name.
var ranges = []*zones.Zone{zone("a",
	row("both", "both.example", "192.0.2.0/24 2001:db8::/48"),
	row("four", "four.example", "192.0.2.0/24 198.51.100.7"),
	row("six", "six.example", "2001:db8::/48"),
	row("none", "none.example", ""),
	row("more", "*.union.example", "192.0.2.0/24"),
	row("less", "x.union.example", "2001:db8::/48"),
)}

func TestJudge(t *testing.T) {
	const inside, outside, noFamily, noRange = "inside", "outside", "no-family", "no-range"
	tests := map[string]struct {
		name   string
		addrs  string
		want   string
		each   string // the verdict of each address
		strict string // the same with strict families, if it differs: the verdict, then each
	}{
		"no address":                        {name: "both.example", want: "no-address"},
		"no address, nothing published":     {name: "none.example", want: "no-address"},
		"no address, no row":                {name: "other.example", want: "no-address"},
		"inside, IPv4":                      {name: "both.example", addrs: "192.0.2.1", want: inside, each: inside},
		"inside, IPv6":                      {name: "both.example", addrs: "2001:db8::1", want: inside, each: inside},
		"inside, both":                      {name: "both.example", addrs: "192.0.2.1 2001:db8::1", want: inside, each: inside + " " + inside},
		"inside, a single address":          {name: "four.example", addrs: "198.51.100.7", want: inside, each: inside},
		"inside, the ends of a prefix":      {name: "four.example", addrs: "192.0.2.0 192.0.2.255", want: inside, each: inside + " " + inside},
		"outside, the ends of a prefix":     {name: "four.example", addrs: "192.0.1.255 192.0.3.0", want: outside, each: outside + " " + outside},
		"outside, IPv4":                     {name: "both.example", addrs: "203.0.113.1", want: outside, each: outside},
		"outside, IPv6":                     {name: "both.example", addrs: "2001:db8:1::1", want: outside, each: outside},
		"mixed, one family":                 {name: "four.example", addrs: "203.0.113.1 192.0.2.1", want: "mixed", each: outside + " " + inside},
		"mixed, both families":              {name: "both.example", addrs: "192.0.2.1 2001:db8:1::1", want: "mixed", each: inside + " " + outside},
		"nothing published":                 {name: "none.example", addrs: "192.0.2.1 2001:db8::1", want: noRange, each: noRange + " " + noRange},
		"no row":                            {name: "other.example", addrs: "192.0.2.1", want: noRange, each: noRange},
		"the union of rows":                 {name: "x.union.example", addrs: "192.0.2.1 2001:db8::1", want: inside, each: inside + " " + inside},
		"the other family only":             {name: "four.example", addrs: "2001:db8::1", want: noFamily, each: noFamily, strict: "outside outside"},
		"the other family only, IPv4":       {name: "six.example", addrs: "192.0.2.1", want: noFamily, each: noFamily, strict: "outside outside"},
		"the other family beside inside":    {name: "four.example", addrs: "2001:db8::1 192.0.2.1", want: inside, each: noFamily + " " + inside, strict: "mixed outside inside"},
		"the other family beside outside":   {name: "four.example", addrs: "2001:db8::1 203.0.113.1", want: outside, each: noFamily + " " + outside, strict: "outside outside outside"},
		"the other family beside both":      {name: "four.example", addrs: "192.0.2.1 2001:db8::1 203.0.113.1", want: "mixed", each: inside + " " + noFamily + " " + outside, strict: "mixed inside outside outside"},
		"IPv4-mapped, inside":               {name: "four.example", addrs: "::ffff:192.0.2.1", want: inside, each: inside},
		"IPv4-mapped, outside":              {name: "four.example", addrs: "::ffff:203.0.113.1", want: outside, each: outside},
		"IPv4-mapped, only IPv6 published":  {name: "six.example", addrs: "::ffff:192.0.2.1", want: noFamily, each: noFamily, strict: "outside outside"},
		"NAT64, inside":                     {name: "four.example", addrs: "64:ff9b::192.0.2.1", want: inside, each: inside},
		"NAT64, outside":                    {name: "four.example", addrs: "64:ff9b::203.0.113.1", want: outside, each: outside},
		"NAT64, only IPv6 published":        {name: "six.example", addrs: "64:ff9b::192.0.2.1", want: noFamily, each: noFamily, strict: "outside outside"},
		"beside NAT64":                      {name: "four.example", addrs: "64:ff9b:0:0:0:1:c000:201", want: noFamily, each: noFamily, strict: "outside outside"},
		"IPv4-compatible is not IPv4":       {name: "four.example", addrs: "::192.0.2.1", want: noFamily, each: noFamily, strict: "outside outside"},
		"with a scope, as nobody publishes": {name: "six.example", addrs: "2001:db8::1%eth0", want: inside, each: inside},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			in := policy.Input{Zones: ranges, NAT64: prefixes("64:ff9b::/96")}
			want := test.want + " " + test.each
			checkJudgement(t, in, test.name, test.addrs, want)
			in.StrictFamilies = true
			if test.strict != "" {
				want = test.strict
			}
			checkJudgement(t, in, test.name, test.addrs, want)
		})
	}
}

// checkJudgement judges addresses. want is the verdict, then that of each.
func checkJudgement(t *testing.T, in policy.Input, qname, addrList, want string) {
	t.Helper()
	p := policy.New(in)
	j := p.Judge(decide(p, qname, ""), addrs(addrList))
	verdicts := []string{j.Verdict.String()}
	var judged, outside []netip.Addr
	for _, a := range j.Addresses {
		verdicts = append(verdicts, a.Verdict.String())
		judged = append(judged, a.Addr)
		if a.Verdict == policy.Outside {
			outside = append(outside, a.Addr)
		}
	}
	if got := strings.Join(verdicts, " "); got != strings.TrimSpace(want) {
		t.Errorf("Judge(%s, %s), strict families %v = %s, want %s", qname, addrList, in.StrictFamilies, got, want)
	}
	if diff := cmp.Diff(addrs(addrList), judged, cmp.Comparer(sameAddr)); diff != "" {
		t.Errorf("the judged addresses of %s, want them as they were sent - got +:\n%s", qname, diff)
	}
	if diff := cmp.Diff(outside, j.Outside(), cmp.Comparer(sameAddr)); diff != "" {
		t.Errorf("Outside() for %s, want - got +:\n%s", qname, diff)
	}
}

func TestVerdictWords(t *testing.T) {
	verdicts := []policy.Verdict{
		policy.NotAsked, policy.Inside, policy.Mixed, policy.Outside, policy.NoRange, policy.NoFamily, policy.NoAddress,
	}
	var words []string
	for _, v := range verdicts {
		words = append(words, v.String())
	}
	want := strings.Fields("not-asked inside mixed outside no-range no-family no-address")
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("the words of Verdict, want - got +:\n%s", diff)
	}
}

// nat64Examples is the table of RFC 6052, section 2.4: the forms of 192.0.2.33.
var nat64Examples = []struct{ prefix, addr string }{
	{"2001:db8::/32", "2001:db8:c000:221::"},
	{"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
	{"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
	{"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
	{"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
	{"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
}

func TestNAT64(t *testing.T) {
	var all string
	for _, e := range nat64Examples {
		all += " " + e.prefix
	}
	nested := prefixes(all)
	policy.New(policy.Input{NAT64: nested})
	if diff := cmp.Diff(prefixes(all), nested, cmp.Comparer(samePrefix)); diff != "" {
		t.Errorf("the input after New, want it as it was - got +:\n%s", diff)
	}
	want := netip.MustParseAddr("192.0.2.33")
	for _, e := range nat64Examples {
		for _, list := range []string{e.prefix, all} { // the longest of nested prefixes counts
			p := policy.New(policy.Input{Zones: ranges, NAT64: prefixes(list)})
			if _, got := p.Sources(netip.MustParseAddr(e.addr)); got != want {
				t.Errorf("%s with nat64 %s is judged as %v, want %v", e.addr, list, got, want)
			}
			checkJudgement(t, policy.Input{Zones: ranges, NAT64: prefixes(list)}, "four.example", e.addr, "inside inside")
		}
		p := policy.New(policy.Input{Zones: ranges})
		if _, got := p.Sources(netip.MustParseAddr(e.addr)); got != netip.MustParseAddr(e.addr) {
			t.Errorf("%s without nat64 is judged as %v, want it as it is", e.addr, got)
		}
	}
}

func TestNAT64IgnoresTheSuffix(t *testing.T) {
	// What stands behind the IPv4 address is reserved (RFC 6052, section 2.2).
	p := policy.New(policy.Input{NAT64: prefixes("2001:db8::/32")})
	_, got := p.Sources(netip.MustParseAddr("2001:db8:c000:221:0:ffff:ffff:ffff"))
	if want := netip.MustParseAddr("192.0.2.33"); got != want {
		t.Errorf("an address with a suffix is judged as %v, want %v", got, want)
	}
}
