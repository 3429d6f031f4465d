package server_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/sim"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// everyAddress are the addresses of m wherever they stand, each once.
func everyAddress(m *dns.Msg) []string {
	all := []string{}
	add := func(addr netip.Addr) {
		if text := addr.String(); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	for _, rr := range slices.Concat(m.Answer, m.Extra) {
		switch rr := rr.(type) {
		case *dns.A:
			add(netip.AddrFrom4([4]byte(rr.A.To4())))
		case *dns.AAAA:
			add(netip.AddrFrom16([16]byte(rr.AAAA.To16())))
		case *dns.HTTPS:
			for _, hint := range hints(rr) {
				add(hint)
			}
		}
	}
	return all
}

// hints are the addresses in a service binding.
func hints(rr *dns.HTTPS) []netip.Addr {
	var all []netip.Addr
	for _, pair := range rr.Value {
		var ips [][]byte
		switch pair := pair.(type) {
		case *dns.SVCBIPv4Hint:
			for _, ip := range pair.Hint {
				ips = append(ips, ip.To4())
			}
		case *dns.SVCBIPv6Hint:
			for _, ip := range pair.Hint {
				ips = append(ips, ip.To16())
			}
		}
		for _, ip := range ips {
			addr, _ := netip.AddrFromSlice(ip)
			all = append(all, addr)
		}
	}
	return all
}

// explained is what an explanation says about one type, in the terms of a live
// response.
type explained struct {
	Rcode      string
	Addresses  []string
	Changed    bool
	Annotation string
}

// ofLive reads explained from a live response.
func ofLive(m *dns.Msg) explained {
	x := explained{Rcode: dns.RcodeToString[m.Rcode], Addresses: everyAddress(m)}
	for _, e := range edes(m) {
		if code, text, ok := strings.Cut(e, " "); ok && strings.HasPrefix(text, "rule=") {
			x.Annotation, x.Changed = text, code != "0"
		}
	}
	return x
}

// ofExplanation reads explained from an explanation of one type.
func ofExplanation(e server.Explanation) explained {
	x := explained{Rcode: "NOERROR", Addresses: []string{}, Annotation: annotation(e)}
	for _, c := range e.Cache {
		x.Rcode, x.Addresses, x.Changed = c.Rcode, c.Served, c.Changed
	}
	for _, a := range e.Answers {
		x.Rcode, x.Addresses, x.Changed = a.Rcode, a.Addresses, true
	}
	return x
}

// annotation is the text that a live response carries if e is right.
func annotation(e server.Explanation) string {
	var rules, words []string
	for _, step := range e.Rules {
		rules = append(rules, step.Rule)
	}
	if len(rules) == 0 {
		return ""
	}
	words = append(words, "rule="+strings.Join(rules, ","))
	if e.Match != nil {
		words = append(words, "zone="+e.Match.Zone, "row="+e.Match.Row)
	}
	pairs := [][2]string{{"pin", e.Pin.Value}, {"verdict", e.Verdict}, {"spared", e.Spared}}
	if e.Answer.Value != "" {
		pairs = [][2]string{{"answer", e.Answer.Value}, {"chain", e.Chain}}
	}
	for _, pair := range append(pairs, [2]string{"tags", strings.Join(e.Tags, ",")}) {
		if pair[1] != "" {
			words = append(words, pair[0]+"="+pair[1])
		}
	}
	return strings.Join(words, " ")
}

// agrees asks for a name and type as from, then has the same explained, and
// holds one against the other. It returns the explanation.
func agrees(t *testing.T, b *server.Bench, words string, from netip.Addr) server.Explanation {
	t.Helper()
	q := question(words)
	live := send(t, b, q, from, true)
	name, err := matcher.ParseName(q.Question[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	qtype := dns.TypeToString[q.Question[0].Qtype]
	e, err := b.Resolver().Explain(name, qtype, server.Asker{Client: from, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	want, got := ofLive(live), ofExplanation(e)
	switch known := len(e.Cache)+len(e.Answers) > 0; {
	case known:
	case e.Answer.Value != "": // a CNAME: where it leads is not explained
		got.Rcode, got.Addresses, got.Changed = want.Rcode, want.Addresses, want.Changed
	default: // not kept: nothing is known of the answer
		want.Annotation = strings.Replace(want.Annotation, "verdict=no-address", "verdict=not-asked", 1)
		if live.Rcode == dns.RcodeServerFailure { // there was nothing to judge
			got.Annotation = strings.Replace(got.Annotation, " verdict=not-asked", "", 1)
		}
		got.Rcode, got.Addresses = want.Rcode, want.Addresses
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: the explanation differs from the live answer (-live +explained):\n%s\n%s", words, d, strings.Join(e.Facts(), "\n"))
	}
	return e
}

// TestExplainAgreesWithExampleConfiguration asks, over the simulated internet,
// for names of each rule of config.example.toml.
func TestExplainAgreesWithExampleConfiguration(t *testing.T) {
	c, problems := config.Load("../config.example.toml")
	if c == nil {
		t.Fatal(problems)
	}
	c = c.WithUpstream([]netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")})
	internet := sim.New(c.Zones)
	b, err := server.NewBench(c, func(config.Upstream) server.Exchanger { return internet })
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Rules {
		t.Run(r.Name, func(t *testing.T) {
			questions := questionsFor(c, r)
			if len(questions) == 0 {
				t.Fatal("the rule matches no name")
			}
			for _, words := range questions {
				if e := agrees(t, b, words, member(c, r)); !applies(e, r.Name) {
					t.Errorf("%s: rules %v, want %s among them", words, e.Rules, r.Name)
				}
			}
		})
	}
}

// applies reports whether a rule is among those that e lists.
func applies(e server.Explanation, rule string) bool {
	return slices.ContainsFunc(e.Rules, func(s server.Step) bool { return s.Rule == rule })
}

// questionsFor ask for a name that matches, for each pattern of r.
func questionsFor(c *config.Config, r policy.Rule) []string {
	var questions []string
	add := func(patterns matcher.List) {
		for p := range patterns.All() {
			for _, qtype := range []string{" A", " AAAA", " HTTPS"} {
				questions = append(questions, p.Example().String()+qtype)
			}
		}
	}
	add(matcher.ListOf(r.Names...))
	for _, z := range c.Zones {
		if !slices.Contains(r.Zones, z.Name) && (!r.AllZones || z.CatchAll) {
			continue
		}
		for _, row := range z.Rows {
			add(row.Patterns)
		}
	}
	return questions
}

// member is a client that r is for.
func member(c *config.Config, r policy.Rule) netip.Addr {
	for _, g := range c.Clients {
		if slices.Contains(r.Clients, g.Name) {
			return g.Prefixes[0].Addr()
		}
	}
	return client
}

// TestExplainAgrees goes through every cell of the golden tables.
func TestExplainAgreesInEveryCell(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		cells  []golden
	}{
		"observe":    {held("observe", ""), answerCells},
		"prefer":     {held("prefer", ""), answerCells},
		"enforce":    {held("enforce", "max_ttl = \"30s\"\n"), answerCells},
		"substitute": {held("substitute", ""), answerCells},
		"strict":     {held("enforce", "\n[server]\npin_families = \"strict\"\n"), answerCells},
		"answers":    {answers, slices.Concat(answerForms[0].cells, answerForms[1].cells, answerForms[2].cells, answerForms[3].cells, answerForms[4].cells, answerForms[5].cells)},
		"alias":      {answers, aliasCells},
		"along":      {along, alongCells},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cell := range c.cells {
				if strings.Contains(cell.question, "+noedns") || strings.HasSuffix(cell.question, "ANY") {
					continue // without an annotation, or without an answer of the cache
				}
				agrees(t, newBench(t, c.config, says(t, cell.upstream)), cell.question, client)
			}
		})
	}
}

// TestExplainHasNoSideEffects holds that explanations ask nobody, keep nothing,
// and log nothing, and that they do not keep an entry in the cache.
func TestExplainHasNoSideEffects(t *testing.T) {
	var asked atomic.Int32
	b := newBench(t, held("enforce", "\n[cache]\nentries = 2\n"), counted(&asked,
		func(q wire.UpstreamQuery) (wire.Message, string, error) {
			return respond(t, q.Question, q.Name.String()+". 300 IN A 192.0.2.1"), "192.0.2.53", nil
		}))
	explain := func(words string) []string { return texts(ask(t, b, words+" CH TXT")) }
	explain("a.dual.example")
	if asked.Load() != 0 || b.CacheLen() != 0 {
		t.Errorf("after an explanation: asked %d times, %d entries in the cache", asked.Load(), b.CacheLen())
	}
	ask(t, b, "a.dual.example")
	ask(t, b, "b.dual.example")
	for range 3 {
		explain("a.dual.example") // if that used the entry, b would be the one to go
	}
	ask(t, b, "c.dual.example")
	if facts := explain("a.dual.example"); !slices.Contains(facts, "cache none") {
		t.Errorf("explaining a name has kept it in the cache:\n%s", strings.Join(facts, "\n"))
	}
	if n := strings.Count(b.Entries(), "\n"); n != 3 || asked.Load() != 3 {
		t.Errorf("%d entries in the log, %d exchanges, want 3 and 3", n, asked.Load())
	}
}

// TestExplainAges holds that age and TTL count; what has expired is marked as stale (see
// TestExplainsStaleAndFailed), or not there.
func TestExplainAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, held("observe", "")+"[cache]\nstale = \"0s\"\n", says(t, "dual.example. 60 IN A 192.0.2.1\ndual.example. 60 IN A 198.51.100.1"))
		ask(t, b, "dual.example")
		time.Sleep(59 * time.Second)
		want := "cache A age=59 ttl=1 from=192.0.2.53 192.0.2.1=inside 198.51.100.1=outside"
		if facts := texts(ask(t, b, "dual.example CH TXT")); !slices.Contains(facts, want) {
			t.Errorf("facts\n%s\nwant among them\n%s", strings.Join(facts, "\n"), want)
		}
		time.Sleep(time.Second)
		if facts := texts(ask(t, b, "dual.example CH TXT")); !slices.Contains(facts, "cache none") {
			t.Errorf("facts\n%s\nwant cache none", strings.Join(facts, "\n"))
		}
	})
}

// TestExplainWithoutServer explains by a configuration alone.
func TestExplainWithoutServer(t *testing.T) {
	r := server.NewResolver(parseConfig(t, explaining))
	name, err := matcher.ParseName("x.dual.example")
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Explain(name, "A", server.Asker{Client: phone, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1. rule phones, by *.dual.example, a name of its own, for clients in a /24",
		"2. rule published, by *.dual.example of zone vendor, which it names",
		`pin = "enforce", from rule phones`,
		`upstream = "default", the default`,
		`max_ttl = "5m", from rule phones`,
	}
	if d := cmp.Diff(want, e.Cascade()); d != "" || e.Verdict != "not-asked" || len(e.Cache) != 0 {
		t.Errorf("verdict %s, cache %v (-want +got):\n%s", e.Verdict, e.Cache, d)
	}
	if _, err := r.Explain(name, "AX", server.Asker{Client: phone}); err == nil {
		t.Error("type AX is no error")
	}
}

// TestCascade holds that each way to a rule is said.
func TestCascade(t *testing.T) {
	b := newBench(t, "[rule.all]\nzones = [\"*\"]\n"+along, says(t, "dual.example. 300 IN CNAME e.cdn.test.\ne.cdn.test. 60 IN A 198.51.100.1"))
	ask(t, b, "dual.example")
	name, err := matcher.ParseName("dual.example")
	if err != nil {
		t.Fatal(err)
	}
	e, err := b.Resolver().Explain(name, "A", server.Asker{Client: client, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1. rule published, by dual.example of zone vendor, which it names",
		`2. rule all, by dual.example of zone vendor, through "*"`,
		"3. rule cdn, by *.cdn.test, a name of its own, along the chain at e.cdn.test",
		`pin = "observe", the default`,
		`upstream = "default", the default`,
	}
	if d := cmp.Diff(want, e.Cascade()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
