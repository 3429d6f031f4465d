package server_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/wire"
)

// labZone is a local zone.
const labZone = `
$TTL 300
@    SOA ns hostmaster 1 3600 1200 604800 60
     NS  ns
ns   A   10.0.0.1
www  A   10.0.0.2
cdn  CNAME www.example.net.
here CNAME a.localhost.
loop CNAME back.example.net.
sub  NS  ns.sub
tosub CNAME x.sub
`

// localConfig is a configuration with local zones, whose files it writes.
func localConfig(t testing.TB, rules string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"lab.zone": labZone, "hosts": "10.0.0.9 printer.lab.example printer\n10.0.0.10 nas.home.arpa\n",
		"home.zone": "@ 60 SOA ns h 1 2 3 4 5\ntv A 10.0.0.11\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const tables = `
[local.lab]
file = "lab.zone"
zone = "lab.example"
[local.home]
file = "home.zone"
zone = "home.arpa"
[local.office]
file   = "hosts"
format = "hosts"
[upstream.default]
servers = ["9.9.9.9"]
`
	c, problems := config.Parse(filepath.Join(dir, "config.toml"), []byte(tables+rules))
	if c == nil {
		t.Fatalf("problems:\n%v", problems)
	}
	return c
}

// localBench is a server with local zones that asks x.
func localBench(t testing.TB, rules string, x exchange) *server.Bench {
	t.Helper()
	b, err := server.NewBench(localConfig(t, rules), everywhere(x))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLocalZonesAnswer(t *testing.T) {
	b := localBench(t, "[rule.lab]\nnames = ['www.lab.example', 'none.lab.example']\nupstream = 'default'\n", notAsked(t))
	for words, want := range map[string]string{
		"www.lab.example":           "NOERROR A 10.0.0.2",
		"www.lab.example A +nord":   "NOERROR A 10.0.0.2",
		"www.lab.example A +do +cd": "NOERROR A 10.0.0.2",
		"www.lab.example MX":        "NOERROR soa=lab.example.",
		"none.lab.example":          "NXDOMAIN soa=lab.example.",
		"here.lab.example":          "NOERROR CNAME a.localhost. A 127.0.0.1",
		"printer.lab.example":       "NOERROR A 10.0.0.9",
		"printer AAAA":              "NOERROR soa=printer.",
		"9.0.0.10.in-addr.arpa PTR": "NOERROR PTR printer.lab.example.",
		"8.0.0.10.in-addr.arpa PTR": "NXDOMAIN soa=10.in-addr.arpa.",
		"tv.home.arpa":              "NOERROR A 10.0.0.11",
		"nas.home.arpa":             "NOERROR A 10.0.0.10",
		"none.home.arpa":            "NXDOMAIN soa=home.arpa.",
		"cdn.lab.example A +nord":   "NOERROR CNAME www.example.net.", // RFC 1034, section 4.3.2
		"lab.example AXFR":          "REFUSED",
		"www.lab.example ANY":       `NOERROR HINFO "RFC8482" ""`,
	} {
		from := client
		if strings.Contains(words, "cdn") {
			from = netip.MustParseAddr("10.1.1.1") // who is not told what is in the cache
		}
		for _, cached := range []bool{false, true} {
			m := send(t, b, question(words), from, false)
			if got := outcome(m); got != want {
				t.Errorf("%s, asked before %v: %s, want %s", words, cached, got, want)
			}
			isOurs := m.Rcode != dns.RcodeRefused && words != "8.0.0.10.in-addr.arpa PTR"
			if m.Authoritative != isOurs || !m.RecursionAvailable || m.AuthenticatedData {
				t.Errorf("%s, asked before %v: flags of %v", words, cached, m.MsgHdr)
			}
		}
	}
}

func TestLocalZonesLetGo(t *testing.T) {
	for words, want := range map[string]string{
		"cdn.lab.example":   "www.example.net: NOERROR CNAME www.example.net. A 192.0.2.7", // less a private address
		"tosub.lab.example": "x.sub.lab.example: NOERROR CNAME x.sub.lab.example. A 192.0.2.7",
		"x.sub.lab.example": "x.sub.lab.example: NOERROR A 192.0.2.7",
		"loop.lab.example":  "back.example.net: SERVFAIL",
		"www.example":       "www.example: NOERROR A 192.0.2.7",
		"a.printer":         "a.printer: NOERROR A 192.0.2.7",
		"www.alias.example": "www.example.net: NOERROR CNAME cdn.lab.example. CNAME www.example.net. A 192.0.2.7",
	} {
		asked := ""
		b := localBench(t, "[rule.alias]\nnames = ['*.alias.example']\nanswer = 'cdn.lab.example'\n", func(q wire.UpstreamQuery) (wire.Message, string, error) {
			asked = q.Name.String()
			script := fmt.Sprintf("%v. 300 IN A 192.0.2.7\n%v. 300 IN A 10.0.0.7", q.Name, q.Name)
			if asked == "back.example.net" {
				script = "back.example.net. 300 IN CNAME loop.lab.example."
			}
			return respond(t, q.Question, script), "9.9.9.9", nil
		})
		for _, from := range []string{"upstream", "cache", "cache again"} {
			m := ask(t, b, words)
			if got := asked + ": " + outcome(m); got != want {
				t.Errorf("%s, from the %s: %s, want %s", words, from, got, want)
			}
			if want := strings.HasSuffix(words, "lab.example") && !strings.HasPrefix(words, "x.") && m.Rcode == 0; m.Authoritative != want {
				t.Errorf("%s, from the %s: AA is %v, want %v", words, from, m.Authoritative, want)
			}
		}
	}
}

func TestRulesAndLocalZones(t *testing.T) {
	const rules = `
[zone.vendor]
names    = ["www.lab.example"]
prefixes = ["192.0.2.0/24"]
[rule.pinned]
zones = ["vendor"]
pin   = "enforce"
log   = true
tags  = ["lab"]
max_ttl = "30s"
[rule.gone]
names  = ["ns.lab.example"]
answer = "nxdomain"
`
	b := localBench(t, rules, notAsked(t))
	if got, want := outcome(ask(t, b, "ns.lab.example")), "NXDOMAIN soa=ns.lab.example."; got != want {
		t.Errorf("a rule's answer: %s, want %s", got, want)
	}
	m := ask(t, b, "www.lab.example")
	if got, want := outcome(m), "NOERROR A 10.0.0.2"; got != want || m.Answer[0].Header().Ttl != 30 {
		t.Errorf("a pinned name: %v, want %s with a TTL of 30", m.Answer, want)
	}
	if got, want := edes(m), []string{"0 local=lab rule=pinned zone=vendor row=inline tags=lab"}; !slices.Equal(got, want) {
		t.Errorf("extended errors %q, want %q", got, want)
	}
	if got, want := edes(ask(t, b, "printer.lab.example")), []string{"0 local=office"}; !slices.Equal(got, want) {
		t.Errorf("extended errors %q, want %q", got, want)
	}
	facts := strings.Join(texts(ask(t, b, "www.lab.example CH TXT")), "|")
	if want := "|answered local=lab|answer A 10.0.0.2|answer AAAA none|answer HTTPS none|cache none|verdict=not-asked"; !strings.HasSuffix(facts, want) {
		t.Errorf("%s, want %s", facts, want)
	}
	entry := b.Entries()
	for _, want := range []string{`"verdict":""`, `"pin":""`, `"cache":"local"`, `"upstream":""`, `"served":["10.0.0.2"]`, `"tags":["lab"]`} {
		if !strings.Contains(entry, want) {
			t.Errorf("the log has no %s: %s", want, entry)
		}
	}
}

// TestLocalChainsFollowTheRulesOfTheirNames holds that a name outside, to which a local zone leads,
// is asked for where a rule sends it, and blocked where a rule blocks it.
func TestLocalChainsFollowTheRulesOfTheirNames(t *testing.T) {
	const corp = "[upstream.corp]\nservers = ['10.0.0.1']\n[rule.r]\nnames = ['www.example.net']\n"
	for rule, want := range map[string]string{
		"upstream = 'corp'":   "corp asked: NOERROR CNAME www.example.net. A 10.0.0.7",
		"tags = ['x']":        "default asked: NOERROR CNAME www.example.net. A 192.0.2.7",
		"answer = 'nxdomain'": "default asked: NXDOMAIN soa=cdn.lab.example.",
	} {
		asked := ""
		b, err := server.NewBench(localConfig(t, corp+rule), func(u config.Upstream) server.Exchanger {
			return exchange(func(q wire.UpstreamQuery) (wire.Message, string, error) {
				asked = u.Name + " asked: "
				script := fmt.Sprintf("%v. 300 IN A 192.0.2.7", q.Name)
				if u.Name == "corp" {
					script = fmt.Sprintf("%v. 300 IN A 10.0.0.7", q.Name)
				}
				return respond(t, q.Question, script), u.Name, nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		answer := outcome(ask(t, b, "cdn.lab.example"))
		if got := asked + answer; got != want {
			t.Errorf("%s: %s, want %s", rule, got, want)
		}
	}
}

func TestLocalZonesAreOfTheirGeneration(t *testing.T) {
	b := localBench(t, "", says(t, "rcode NXDOMAIN"))
	for range 2 { // the second is finished
		if got, want := outcome(ask(t, b, "www.lab.example")), "NOERROR A 10.0.0.2"; got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	b.Reload(parseConfig(t, ""), nil)
	if got, want := outcome(ask(t, b, "www.lab.example")), "NXDOMAIN"; got != want {
		t.Errorf("%s after the reload, want %s", got, want)
	}
}

func TestLocalZonesAreAnsweredFast(t *testing.T) {
	b := localBench(t, "", notAsked(t))
	for _, words := range []string{"www.lab.example", "WWW.lab.example MX +do", "none.lab.example +noedns", "printer AAAA", "9.0.0.10.in-addr.arpa PTR"} {
		p := packet(t, words)
		first := b.Serve(p, client, false)
		fast, ok := b.Fast(nil, p, client, false)
		if !ok || !bytes.Equal(fast, first) {
			t.Errorf("%s: finished: %v,\n%x, want\n%x", words, ok, fast, first)
		}
	}
}
