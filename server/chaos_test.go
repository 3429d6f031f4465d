package server_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/internal/wire"
)

// explaining is a configuration whose rules show in explanations. Only loopback
// is an administrator's.
const explaining = `
[zone.vendor]
file = "vendor.toml"

[client.phones]
addresses = ["10.2.7.0/24"]

[rule.published]
zones = ["vendor"]
log   = true
tags  = ["mdm"]

[rule.phones]
names   = ["*.dual.example"]
clients = ["phones"]
tags    = ["phones"]
pin     = "enforce"
max_ttl = "5m"

[rule.secret]
names   = ["secret.example.net"]
clients = ["phones"]

[rule.null]
names  = ["null.example.net"]
answer = "null"

[rule.gone]
names  = ["gone.example.net"]
answer = "nxdomain"

[rule.alias]
names  = ["alias.example.net"]
answer = "www.example.net"

[rule.tracker]
names  = ["*.tracker.example.net"]
tags   = ["tracker"]
answer = "null"
`

// phone is a client that is in a group and no administrator.
var phone = netip.MustParseAddr("10.2.7.41")

// explainBench is a server on the configuration above that has answered a few
// questions of phone.
func explainBench(t *testing.T) *server.Bench {
	t.Helper()
	b := newBench(t, explaining, says(t, `
		dual.example. 300 IN A 192.0.2.1
		dual.example. 300 IN A 198.51.100.9
		x.dual.example. 300 IN CNAME edge.example.net.
		edge.example.net. 300 IN A 198.51.100.9
		dual.example. 300 IN HTTPS 1 . ipv4hint=192.0.2.2
		secret.example.net. 300 IN A 192.0.2.1
		bare.example. 300 IN CNAME a.tracker.example.net.
		www.example.net. 300 IN CNAME a.tracker.example.net.
		a.other.example.net. 300 IN CNAME a.tracker.example.net.
		a.tracker.example.net. 300 IN A 198.51.100.9
		www.example.net. 300 IN HTTPS 1 . alpn=h2`))
	for _, words := range []string{"dual.example", "dual.example HTTPS", "x.dual.example", "secret.example.net", "bare.example", "www.example.net", "www.example.net HTTPS", "a.other.example.net"} {
		send(t, b, question(words), phone, false)
	}
	return b
}

// head is the first fact of every explanation.
func head(b *server.Bench, name string, from netip.Addr) string {
	return fmt.Sprintf("v1 name=%s client=%s config=%s edition=2026-03-24", name, from, b.Digest())
}

// ranges is the fact that lists what vendor.toml publishes for dual.example.
const ranges = "published 192.0.2.0/25 192.0.2.200 2001:db8:1::/48 2001:db8:2::7"

// factCells are explanations of explainBench, 61 seconds after its questions,
// without their first line.
var factCells = []struct {
	title string
	name  string
	from  netip.Addr
	want  []string
}{
	{"a rule by its zone, several types cached", "dual.example", phone, []string{
		"match zone=vendor row=dual pattern=dual.example rule=published",
		"decision log tags=mdm pin=observe upstream=default", ranges,
		"cache A age=61 ttl=239 from=192.0.2.53 192.0.2.1=inside 198.51.100.9=outside",
		"cache HTTPS age=61 ttl=239 from=192.0.2.53 192.0.2.2=inside", "verdict=mixed",
	}},
	{"a rule's own pattern, for a client group, with a changed answer", "x.dual.example", phone, []string{
		"match zone=vendor row=dual pattern=*.dual.example rule=phones,published rule-pattern=*.dual.example",
		"decision log tags=mdm,phones pin=enforce upstream=default max_ttl=5m", ranges,
		"cache A age=61 ttl=239 from=192.0.2.53 198.51.100.9=outside", "served A none", "verdict=outside",
	}},
	{"the same for another client", "x.dual.example", client, []string{
		"match zone=vendor row=dual pattern=*.dual.example rule=published",
		"decision log tags=mdm pin=observe upstream=default", ranges,
		"cache A age=61 ttl=239 from=192.0.2.53 198.51.100.9=outside", "verdict=outside",
	}},
	{"not cached", "y.dual.example", phone, []string{
		"match zone=vendor row=dual pattern=*.dual.example rule=phones,published rule-pattern=*.dual.example",
		"decision log tags=mdm,phones pin=enforce upstream=default max_ttl=5m", ranges, "cache none", "verdict=not-asked",
	}},
	{"others' lookups are hidden where no rule matches", "secret.example.net", netip.MustParseAddr("10.1.1.1"), []string{
		"match none", "decision pin=observe upstream=default", "published no-range",
	}},
	{"but not from administrators", "secret.example.net", client, []string{
		"match none", "decision pin=observe upstream=default", "published no-range",
		"cache A age=61 ttl=239 from=192.0.2.53 192.0.2.1=no-range", "verdict=no-range",
	}},
	{"nor from a client that a rule matches", "secret.example.net", phone, []string{
		"match rule=secret rule-pattern=secret.example.net", "decision pin=observe upstream=default", "published no-range",
		"cache A age=61 ttl=239 from=192.0.2.53 192.0.2.1=no-range", "verdict=no-range",
	}},
	{"carved out", "cut.wide.example", phone, []string{
		"match zone=vendor row=cut pattern=cut.wide.example rule=published",
		"decision log tags=mdm pin=observe upstream=default", "published no-range carve-out=vendor/cut", "cache none", "verdict=not-asked",
	}},
	{"near miss, no rule matches", "51-push.example", phone, []string{
		"match none", "near zone=vendor row=numbers pattern={0..50}-push.example",
		"decision pin=observe upstream=default", "published no-range",
	}},
	{"a number in the range", "50-push.example", phone, []string{
		"match zone=vendor row=numbers pattern={0..50}-push.example rule=published",
		"decision log tags=mdm pin=observe upstream=default", "published 192.0.2.0/25", "cache none", "verdict=not-asked",
	}},
	{"answer null", "null.example.net", phone, []string{
		"match rule=null rule-pattern=null.example.net", "decision answer=null", "published no-range",
		"answer A 0.0.0.0", "answer AAAA ::", "answer HTTPS none", "cache none", "verdict=not-asked",
	}},
	{"answer nxdomain", "gone.example.net", phone, []string{
		"match rule=gone rule-pattern=gone.example.net", "decision answer=nxdomain", "published no-range",
		"answer A rcode=NXDOMAIN none", "answer AAAA rcode=NXDOMAIN none", "answer HTTPS rcode=NXDOMAIN none", "cache none", "verdict=not-asked",
	}},
	{"answer CNAME", "alias.example.net", phone, []string{
		"match rule=alias rule-pattern=alias.example.net", "decision upstream=default answer=www.example.net", "published no-range", "cache none", "verdict=not-asked",
	}},
	{"a block along the chain of one type only", "www.example.net", client, []string{
		"match rule=tracker rule-pattern=*.tracker.example.net", "decision tags=tracker answer=null chain=a.tracker.example.net", "published no-range",
		"cache A age=61 ttl=239 from=192.0.2.53 198.51.100.9=no-range", "served A 0.0.0.0",
		"cache HTTPS age=61 ttl=239 from=192.0.2.53", "verdict=no-address",
	}},
	{"a block along the chain of all that is cached", "a.other.example.net", client, []string{
		"match rule=tracker rule-pattern=*.tracker.example.net", "decision tags=tracker answer=null chain=a.tracker.example.net", "published no-range",
		"cache A age=61 ttl=239 from=192.0.2.53 198.51.100.9=no-range", "served A 0.0.0.0", "verdict=not-asked",
	}},
	{"a block along the chain that is spared", "bare.example", client, []string{
		"match zone=vendor row=bare pattern=bare.example rule=published,tracker rule-pattern=*.tracker.example.net",
		"decision log tags=mdm,tracker pin=observe upstream=default spared=tracker", "published no-range",
		"cache A age=61 ttl=239 from=192.0.2.53 198.51.100.9=no-range", "verdict=no-range",
	}},
}

func TestFacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := explainBench(t)
		time.Sleep(61 * time.Second)
		for _, c := range factCells {
			m := send(t, b, question(c.name+" CH TXT"), c.from, false)
			want := append([]string{head(b, c.name, c.from)}, c.want...)
			if d := cmp.Diff(want, texts(m)); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.title, d)
			}
			if m.Rcode != dns.RcodeSuccess || !m.Authoritative || m.Answer[0].Header().Ttl != 0 || m.Answer[0].Header().Class != dns.ClassCHAOS {
				t.Errorf("%s: response %v, want authoritative, class CH, TTL 0", c.title, m)
			}
		}
	})
}

// TestFactsOfManyPrefixes counts the prefixes that an explanation lists.
func TestFactsOfManyPrefixes(t *testing.T) {
	for n, more := range map[int]string{24: "", 25: " more=1", 60: " more=36"} {
		var prefixes []string
		for i := range n {
			prefixes = append(prefixes, fmt.Sprintf("2001:db8:%x::/48", 0xf000+i))
		}
		b := newBench(t, fmt.Sprintf("[zone.many]\nnames = [\"many.example.net\"]\nprefixes = [\"%s\"]\n", strings.Join(prefixes, `", "`)), says(t, ""))
		want := "published " + strings.Join(prefixes[:24], " ") + more
		var got []string // over several records, each with the word before it
		for _, text := range texts(ask(t, b, "many.example.net CH TXT")) {
			if len(text) > 255 {
				t.Errorf("a text of %d octets: %s", len(text), text)
			}
			if rest, ok := strings.CutPrefix(text, "published "); ok {
				got = append(got, rest)
			}
		}
		if len(got) < 2 || "published "+strings.Join(got, " ") != want {
			t.Errorf("%d prefixes: %q, want in parts %q", n, got, want)
		}
	}
}

func TestSubnet(t *testing.T) {
	b := explainBench(t)
	for title, c := range map[string]struct {
		from   netip.Addr
		subnet string
		head   string // after the name
	}{
		"an administrator":                  {client, "10.2.7.41/32", "client=10.2.7.41"},
		"an administrator, IPv6":            {client, "2001:db8::1/128", "client=2001:db8::1"},
		"an administrator, a whole network": {client, "10.2.7.0/24", "client=127.0.0.1 subnet=ignored"},
		"an administrator, no subnet":       {client, "0.0.0.0/0", "client=127.0.0.1 subnet=ignored"},
		"another client":                    {phone, "127.0.0.1/32", "client=10.2.7.41 subnet=ignored"},
	} {
		p := netip.MustParsePrefix(c.subnet)
		family := map[bool]uint16{true: 1, false: 2}[p.Addr().Is4()]
		q := question("x.dual.example CH TXT")
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice(),
		})
		facts := texts(send(t, b, q, c.from, false))
		if want := "v1 name=x.dual.example " + c.head + " config="; !strings.HasPrefix(facts[0], want) {
			t.Errorf("%s: %s, want %s…", title, facts[0], want)
		}
		isPhone := strings.HasPrefix(c.head, "client=10.2.7.41")
		if got := strings.Contains(facts[1], "rule=phones"); got != isPhone {
			t.Errorf("%s: %s, want the rules of that client", title, facts[1])
		}
	}
}

func TestFactsOfAddresses(t *testing.T) {
	b := newBench(t, explaining+"[server]\nnat64 = [\"64:ff9b::/96\"]\n", says(t, ""))
	for name, want := range map[string][]string{
		"200.2.0.192.in-addr.arpa": {"v1 address=192.0.2.200", "published zone=vendor row=dual prefix=192.0.2.200"},
		"1.2.0.192.in-addr.arpa": {
			"v1 address=192.0.2.1", "published zone=vendor row=dual prefix=192.0.2.0/25", "published zone=vendor row=four prefix=192.0.2.0/25",
			"published zone=vendor row=numbers prefix=192.0.2.0/25", "published zone=vendor row=range prefix=192.0.2.0/25",
			"published zone=vendor row=wide prefix=192.0.2.0/25",
		},
		"9.100.51.198.in-addr.arpa": {"v1 address=198.51.100.9", "published none"},
		reverse(t, "2001:db8:2::7"): {"v1 address=2001:db8:2::7", "published zone=vendor row=dual prefix=2001:db8:2::7"},
		reverse(t, "64:ff9b::c000:2c8"): {
			"v1 address=64:ff9b::c000:2c8", "judged-as 192.0.2.200", "published zone=vendor row=dual prefix=192.0.2.200",
		},
		// Not whole addresses, so names like any other.
		"2.0.192.in-addr.arpa":     {"v1 name=2.0.192.in-addr.arpa", "match none"},
		"0.0.192.2.ip6.arpa":       {"v1 name=0.0.192.2.ip6.arpa", "match none"},
		"256.2.0.192.in-addr.arpa": {"v1 name=256.2.0.192.in-addr.arpa", "match none"},
	} {
		facts := texts(ask(t, b, name+" CH TXT"))
		facts[0], _, _ = strings.Cut(facts[0], " client=")
		if d := cmp.Diff(want, facts[:len(want)]); d != "" || strings.HasPrefix(want[0], "v1 address") && len(facts) != len(want) {
			t.Errorf("%s: %q (-want +got):\n%s", name, facts, d)
		}
	}
}

// reverse is the reverse name of addr.
func reverse(t *testing.T, addr string) string {
	t.Helper()
	name, err := dns.ReverseAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReverseTypePTR(t *testing.T) {
	b := newBench(t, explaining, says(t, ""))
	m := ask(t, b, reverse(t, "192.0.2.1")+" CH PTR")
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 || len(edes(m)) != 1 || !strings.Contains(edes(m)[0], "dig CH TXT -x 192.0.2.1") {
		t.Errorf("response %v, want NODATA with an EDE that names the command", m)
	}
}

func TestIdentity(t *testing.T) {
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	shown := newBench(t, silent, says(t, ""))
	hidden := newBench(t, "[server]\nhide_identity = true", says(t, ""))
	for name, want := range map[string]string{
		"version.bind": "splitdns test", "VERSION.server": "splitdns test", "hostname.bind": hostname, "id.server": hostname,
	} {
		m := ask(t, shown, name+" CH TXT")
		if got := texts(m); !slices.Equal(got, []string{want}) || m.Answer[0].Header().Ttl != 0 {
			t.Errorf("%s: %v, want %q with TTL 0", name, m, want)
		}
		m = ask(t, hidden, name+" CH TXT")
		if m.Rcode != dns.RcodeRefused || len(m.Answer) != 0 || len(edes(m)) != 1 {
			t.Errorf("%s hidden: %v, want REFUSED with an EDE", name, m)
		}
		if m = ask(t, shown, name+" CH A"); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 {
			t.Errorf("%s type A: %v, want NODATA", name, m)
		}
	}
}

// TestOtherChaosQuestions holds that class CH is answered here, whatever the type.
func TestOtherChaosQuestions(t *testing.T) {
	b := newBench(t, explaining, func(wire.UpstreamQuery) (wire.Message, string, error) {
		t.Error("an upstream was asked")
		return wire.Message{}, "", errors.New("not to be asked")
	})
	for _, qtype := range []string{"A", "AAAA", "NS", "SOA", "PTR", "ANY", "HINFO"} {
		if m := ask(t, b, "dual.example CH "+qtype); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 0 || b.CacheLen() != 0 {
			t.Errorf("%s: %v, want NODATA, and nothing cached", qtype, m)
		}
	}
}

func TestExplanationsAreRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, explaining, says(t, "dual.example. 300 IN A 192.0.2.1"))
		refused := func(n int) (count int) {
			for range n {
				if m := send(t, b, question("dual.example CH TXT"), phone, false); m.Rcode == dns.RcodeRefused {
					count++
				}
			}
			return count
		}
		if n := refused(server.ExplainBurst + 5); n != 5 {
			t.Errorf("%d of %d refused, want 5", n, server.ExplainBurst+5)
		}
		if m := send(t, b, question("dual.example"), phone, false); m.Rcode != dns.RcodeSuccess {
			t.Errorf("another question is refused too: %v", m)
		}
		time.Sleep(time.Second)
		if n := refused(server.ExplainRate + 1); n != 1 {
			t.Errorf("a second later %d of %d refused, want 1", n, server.ExplainRate+1)
		}
	})
}
