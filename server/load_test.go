package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"splitdns/server"
)

// tested is a configuration with rules of all kinds, to which tests are added.
const tested = `
[server]
allow = ["127.0.0.0/8", "10.0.0.0/8"]
[upstream.default]
servers = ["9.9.9.9"]
[upstream.isp]
servers = ["192.0.2.53"]
[zone.vendor]
names    = ["*.vendor.example", "{0..9}-push.vendor.example"]
prefixes = ["192.0.2.0/24", "198.51.100.7"]
[client.phones]
addresses = ["10.2.0.0/16"]
[rule.vendor]
zones = ["vendor"]
log   = true
tags  = ["mdm"]
pin   = "enforce"
[rule.phones]
zones    = ["vendor"]
clients  = ["phones"]
tags     = ["phones"]
upstream = "isp"
[rule.ads]
names  = [".ads.example"]
answer = "nxdomain"
[rule.moved]
names  = ["moved.example"]
answer = "new.example"
`

// load loads the tested configuration with text behind it, and gives its problems but for warnings.
func load(t testing.TB, text string) (loaded bool, problems []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(tested+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, files, all := server.Load(path)
	if len(files) != 1 {
		t.Errorf("files %v, want one", files)
	}
	first := strings.Count(tested, "\n")
	for _, p := range all {
		if !p.Warning {
			p.File, p.Line = "", p.Line-first
			problems = append(problems, p.String())
		}
	}
	return c != nil, problems
}

func TestGreenTests(t *testing.T) {
	for name, text := range map[string]string{
		"sets": `
[rule.sets]
names = ["*.in.example"]
sets  = ["inet filter b4", "inet filter a4"]
[test.sets]
query = "www.in.example"
want = { sets = ["inet  filter a4", "inet filter b4"] }
[test.none]
query = "www.out.example"
want = { sets = [] }
`,
		"everything": `
[test.a]
query  = "3-push.vendor.example A"
client = "10.2.7.41"
answer = ["192.0.2.1", "203.0.113.1"]
want   = { zone = "vendor", row = "inline", rule = ["vendor", "phones"], tags = ["mdm", "phones"], pin = "enforce", verdict = "mixed", upstream = "isp", rcode = "noerror", served = ["192.0.2.1"], answered = "upstream", log = true }`,
		"for nobody in particular": `
[test.a]
query = "x.vendor.example AAAA"
want  = { rule = "vendor", verdict = "not-asked", rcode = "", tags = "mdm" }`,
		"NODATA": `
[test.a]
query  = "x.vendor.example"
answer = []
want   = { verdict = "no-address", served = [], rcode = "NOERROR" }`,
		"along a chain": `
[test.a]
query = "www.shop.example"
chain = ["cdn.shop.example", "x.ads.example"]
want  = { rule = "ads", answered = "rule", rcode = "NXDOMAIN", upstream = "default", zone = "", row = "" }`,
		"a CNAME of ours": `
[test.a]
query  = "moved.example"
answer = ["203.0.113.1"]
want   = { answered = "rule", served = "203.0.113.1", pin = "" }`,
		"a stranger": `
[test.a]
query  = "x.vendor.example"
client = "203.0.113.9"
want   = { answered = "refused", rcode = "REFUSED", rule = [] }`,
		"ANY": `
[test.a]
query = "x.vendor.example ANY"
want  = { answered = "own", served = [] }`,
	} {
		t.Run(name, func(t *testing.T) {
			if ok, problems := load(t, text); !ok || len(problems) > 0 {
				t.Errorf("loaded %v, problems\n%s", ok, strings.Join(problems, "\n"))
			}
		})
	}
}

func TestRedTests(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"a verdict": {
			"[test.a]\nquery = \"3-push.vendor.example\"\nanswer = [\"203.0.113.1\"]\nwant = { verdict = \"inside\" }\n",
			[]string{`line 4: test.a.want.verdict: "outside", want "inside" (203.0.113.1 is outside: for 3-push.vendor.example (row inline of vendor) is published 192.0.2.0/24, 198.51.100.7)`},
		},
		"a table of its own, in the order of the file": {
			"[test.a]\nquery = \"x.vendor.example\"\nanswer = [\"203.0.113.1\"]\n[test.a.want]\nserved = [\"203.0.113.1\"]\nzone = \"other\"\nlog = false\n",
			[]string{
				`line 5: test.a.want.served: [], want ["203.0.113.1"] (pin enforce: 203.0.113.1 is outside)`,
				`line 6: test.a.want.zone: "vendor", want "other" (the most specific pattern is *.vendor.example, of row inline of vendor)`,
				`line 7: test.a.want.log: true, want false (rule vendor by *.vendor.example of zone vendor)`,
			},
		},
		"dotted keys of two tests": {
			"[test.a]\nquery = \"y.example\"\nwant.verdict = \"inside\"\nwant.pin = \"enforce\"\n[test.b]\nquery = \"y.example\"\nclient = \"10.2.0.1\"\nwant.tags = [\"mdm\"]\nwant.upstream = \"isp\"",
			[]string{
				`line 3: test.a.want.verdict: "not-asked", want "inside" (the test gives no answer to judge)`,
				`line 4: test.a.want.pin: "observe", want "enforce" (the default: no rule that applies says otherwise)`,
				`line 8: test.b.want.tags: [], want ["mdm"] (no rule matches y.example for 10.2.0.1)`,
				`line 9: test.b.want.upstream: "default", want "isp" (the default: no rule that applies says otherwise)`,
			},
		},
		"a rule's answer": {
			"[test.a]\nquery = \"x.ads.example\"\nanswer = [\"192.0.2.1\"]\nwant = { answered = \"upstream\", served = [\"192.0.2.1\"] }\n",
			[]string{
				`line 4: test.a.want.served: [], want ["192.0.2.1"] (rule ads answers "nxdomain")`,
				`line 4: test.a.want.answered: "rule", want "upstream" (rule ads answers "nxdomain")`,
			},
		},
		"private addresses": {
			"[test.a]\nquery = \"www.example\"\nanswer = [\"10.0.0.1\"]\nwant = { served = [\"10.0.0.1\"], verdict = \"outside\" }\n",
			[]string{
				`line 4: test.a.want.verdict: "no-address", want "outside" (the answer has no address that is judged)`,
				`line 4: test.a.want.served: [], want ["10.0.0.1"] (private: 10.0.0.1 is removed, as from public servers)`,
			},
		},
		"special": {
			"[test.a]\nquery = \"printer.local\"\nwant = { answered = \"upstream\" }\n",
			[]string{`line 3: test.a.want.answered: "special", want "upstream" (special-use name, RFC 6762: not forwarded; to forward it, state an upstream in a rule for it)`},
		},
		"a stranger": {
			"[test.a]\nquery = \"x.vendor.example\"\nclient = \"203.0.113.9\"\nwant = { zone = \"vendor\" }\n",
			[]string{`line 4: test.a.want.zone: "", want "vendor" (this client is not in server.allow)`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ok, problems := load(t, test.text)
			if d := cmp.Diff(test.want, problems); ok || d != "" {
				t.Errorf("loaded %v, problems (-want +got):\n%s", ok, d)
			}
		})
	}
}

// TestManyTests holds that a thousand tests take no time that anybody notices, and that of
// many red ones not all are said.
func TestManyTests(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "[test.t%d]\nquery = \"%d-push.vendor.example A\"\nanswer = [\"192.0.2.1\"]\nwant = { verdict = \"%s\" }\n", i, i, map[bool]string{true: "inside", false: "outside"}[i < 500])
	}
	before := time.Now()
	_, problems := load(t, b.String())
	if took := time.Since(before); took > 5*time.Second {
		t.Errorf("a thousand tests took %v", took)
	}
	if len(problems) != 101 || !strings.Contains(problems[100], "and 400 more problems in this file") {
		t.Errorf("%d problems, the last %s", len(problems), problems[len(problems)-1])
	}
}

func BenchmarkThousandTests(b *testing.B) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "[test.t%d]\nquery = \"%d-push.vendor.example A\"\nanswer = [\"192.0.2.1\"]\nwant = { verdict = \"inside\" }\n", i, i)
	}
	for b.Loop() {
		load(b, text.String())
	}
}
