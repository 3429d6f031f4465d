package config_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/server/config"
)

func TestReadsTests(t *testing.T) {
	cfg, problems := config.Parse("c.toml", []byte(`
[test.b]
query  = "WWW.Vendor.Example. aaaa"
client = "::ffff:10.2.7.41"
answer = ["2001:db8::1"]
chain  = ["a.example", "b.example"]
want   = { verdict = "inside", rule = ["z", "a", "z"], served = "2001:DB8:0::1", rcode = "nxdomain" }
[test.a]
query = "x.example"
want.log = true
`))
	if cfg == nil || len(problems) > 0 {
		t.Fatal(problems)
	}
	b, a := cfg.Tests[0], cfg.Tests[1]
	if b.Name != "b" || b.Question.String() != "www.vendor.example IN AAAA" || b.Client != netip.MustParseAddr("10.2.7.41") ||
		!b.Known || len(b.Addresses) != 1 || len(b.Chain) != 2 {
		t.Errorf("test b: %+v", b)
	}
	want := []config.Want{
		{Key: "rule", Values: []string{"a", "z"}, IsList: true, Place: "test.b.want.rule", Line: 7},
		{Key: "verdict", Values: []string{"inside"}, Place: "test.b.want.verdict", Line: 7},
		{Key: "rcode", Values: []string{"NXDOMAIN"}, Place: "test.b.want.rcode", Line: 7},
		{Key: "served", Values: []string{"2001:db8::1"}, IsList: true, Place: "test.b.want.served", Line: 7},
	}
	if d := cmp.Diff(want, b.Want); d != "" {
		t.Errorf("want (-want +got):\n%s", d)
	}
	if a.Known || a.Client.IsValid() || a.Question.Type.String() != "A" || a.Want[0].Line != 10 {
		t.Errorf("test a: %+v", a)
	}
}

func TestProblemsOfTests(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"no query": {"want = { log = true }", []string{`c.toml:1: test.a: a test needs a query, such as query = "www.corp.example A"`}},
		"queries": {`query = "a b c"` + "\nwant = { log = true }", []string{
			`c.toml:2: test.a.query: "a b c": want a name and a type, such as "www.corp.example A"`,
		}},
		"types": {`query = "x.example AX"` + "\nwant = { log = true }", []string{`c.toml:2: test.a.query: unknown record type "AX"`}},
		"names": {`query = "x..example A"` + "\nwant = { log = true }", []string{`c.toml:2: test.a.query: name "x..example": empty label: two dots with nothing between them, or a dot too many at an end`}},
		"client, addresses, chain": {
			"query = \"x.example AAAA\"\nclient = \"10.0.0.0/8\"\nanswer = [\"10.0.0.1\", \"x\"]\nchain = [\"a..b\"]\nwant = { log = true }",
			[]string{
				`c.toml:3: test.a.client: "10.0.0.0/8": want one address, such as 10.2.7.41`,
				`c.toml:4: test.a.answer[0]: "10.0.0.1": an answer to a query for AAAA holds IPv6 addresses`,
				`c.toml:4: test.a.answer[1]: "x": want an address; the names of a CNAME chain stand in chain`,
				`c.toml:5: test.a.chain[0]: name "a..b": empty label: two dots with nothing between them, or a dot too many at an end`,
			},
		},
		"nothing wanted": {"query = \"x.example\"\nwant = {}", []string{
			`c.toml:1: test.a: a test wants something, such as want = { verdict = "inside" }; want takes zone, row, rule, tags, sets, pin, verdict, upstream, rcode, served, answered, log`,
		}},
		"words": {"query = \"x.example\"\n[test.a.want]\nverdict = \"insde\"\npin = \"strictly\"\nanswered = \"upstreams\"\nserved = [\"x\"]\nzone = \"\"", []string{
			`c.toml:4: test.a.want.verdict: "insde": did you mean "inside"?`,
			`c.toml:5: test.a.want.pin: "strictly": want "observe", "prefer", "enforce" or "substitute"`,
			`c.toml:6: test.a.want.answered: "upstreams": did you mean "upstream"?`,
			`c.toml:7: test.a.want.served[0]: "x": want an address`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := config.Parse("c.toml", []byte("[test.a]\n"+test.text+"\n"))
			if d := cmp.Diff(strings.Join(test.want, "\n")+"\n", problems.String()); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

func TestLoadEdition(t *testing.T) {
	if cfg, problems := config.LoadEdition("", "2020-09-08"); cfg == nil || cfg.Edition != "2020-09-08" {
		t.Error(problems)
	}
	if cfg, problems := config.LoadEdition("../../config.example.toml", ""); cfg == nil || cfg.Edition != "2026-03-24" {
		t.Error(problems)
	}
	if cfg, problems := config.LoadEdition("testdata/none.toml", ""); cfg != nil || len(problems) != 1 {
		t.Error(problems)
	}
}
