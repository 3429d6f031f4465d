package server_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/internal/querylog"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
)

// evaluated are configurations of all kinds, which log every name.
func evaluated(t testing.TB) []string {
	t.Helper()
	const all = "\n[rule.all]\nnames = [\".\"]\nlog = true\n"
	local, err := os.ReadFile("testdata/replay.toml")
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		held("observe", "") + all, held("prefer", "") + all, held("enforce", "private_answers = false\n") + all,
		held("substitute", "[server]\npin_families = \"strict\"\n") + all, answers + all, along + all, string(local),
	}
}

// evaluatedNames are names that these configurations know.
var evaluatedNames = []string{
	"dual.example", "range.example", "four.example", "bare.example", "cut.wide.example", "x.wide.example", "www.example.net",
	"a.alias.example", "www.alias.example", "nx.example", "www.lab.example", "away.lab.example", "blocked.lab.example", "gone.lab.example",
	"led.example", "private.example", "x.tracked.example", "x.blocked.example", "printer.local", "localhost", "1.0.0.127.in-addr.arpa",
}

// evaluatedTypes are types of all kinds.
var evaluatedTypes = []wire.Type{
	wire.TypeA, wire.TypeAAAA, wire.TypeHTTPS, wire.TypeSVCB, wire.TypeMX, wire.TypeTXT, wire.TypeCNAME, wire.TypeANY, wire.TypePTR, wire.TypeAXFR,
}

// evaluatedAddresses are inside what is published, outside, of a translator, and private.
var evaluatedAddresses = addrsOf("192.0.2.1 198.51.100.1 10.0.0.1 203.0.113.1 2001:db8:1::1 2001:db8:f::1 64:ff9b::c000:201 fd00::1")

// addrsOf reads addresses.
func addrsOf(words string) (all []netip.Addr) {
	for _, w := range strings.Fields(words) {
		all = append(all, netip.MustParseAddr(w))
	}
	return all
}

// sameEntry compares entries of the log but for what the evaluation cannot know.
var sameEntry = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}),
	cmpopts.IgnoreFields(querylog.Entry{}, "Time", "RTT", "Cache", "Duration", "Demo"),
}

// FuzzEvaluate holds the evaluator to the life of a query, whose upstream gives exactly the
// records that the evaluator is told: the entries of the log are the same.
func FuzzEvaluate(f *testing.F) {
	f.Add(uint8(0), uint8(0), uint8(0), uint8(0), uint8(0b11), uint8(0))
	f.Add(uint8(6), uint8(11), uint8(0), uint8(1), uint8(0b101), uint8(1))
	f.Add(uint8(3), uint8(0), uint8(2), uint8(3), uint8(0b11111111), uint8(3))
	for i := range uint8(64) {
		f.Add(i, i*5, i*3, i*7, i*37, i*11)
	}
	configs := evaluated(f)
	names := []string{"edge.cdn.test", "x.tracked.example", "y.blocked.example", "dual.example", "www.ads.example", "a.localhost"}
	f.Fuzz(func(t *testing.T, which, name, qtype, links, addresses, more uint8) {
		q := wire.Question{Name: parsed(t, pick(evaluatedNames, name)), Type: pick(evaluatedTypes, qtype), Class: wire.ClassIN}
		given := server.Given{Known: true, Rcode: pick([]wire.Rcode{wire.NoError, wire.NXDomain, wire.ServFail, wire.Refused}, more)}
		for i := range links % 4 {
			given.Chain = append(given.Chain, parsed(t, pick(names, links/4+i)))
		}
		for i, a := range evaluatedAddresses {
			if addresses>>i&1 == 1 {
				given.Addresses = append(given.Addresses, a)
			}
		}
		from := client
		if more&0x80 != 0 {
			from = netip.MustParseAddr("10.2.7.41")
		}
		checkEvaluation(t, pick(configs, which), q, from, given)
	})
}

// pick is one of all.
func pick[V any](all []V, i uint8) V { return all[int(i)%len(all)] }

// parsed reads a name.
func parsed(t testing.TB, s string) matcher.Name {
	t.Helper()
	name, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// checkEvaluation asks a server whose upstream says what is given, and an evaluator.
func checkEvaluation(t *testing.T, text string, q wire.Question, from netip.Addr, given server.Given) {
	t.Helper()
	b := newBench(t, text, func(u wire.UpstreamQuery) (wire.Message, string, error) {
		return given.Message(u.Question), "192.0.2.53", nil
	})
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.Name.String()), uint16(q.Type))
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	b.Serve(packet, from, true)
	got := server.NewEvaluator(b.Config(), server.LocalPrefixes).Evaluate(q, from, given)
	line := b.Entries()
	if got.Logged != (line != "") {
		t.Fatalf("%v: logged %v, the log has %q", q, got.Logged, line)
	}
	if line == "" {
		return
	}
	var raw querylog.Raw
	if err := raw.Scan([]byte(line)); err != nil {
		t.Fatal(err)
	}
	want, err := raw.Entry()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got.Entry, sameEntry); d != "" || !got.Told {
		t.Errorf("%v given %+v, in\n%s\ntold %v (-log +evaluation):\n%s", q, given, text, got.Told, d)
	}
}

// TestEvaluateGolden holds the evaluator to the golden tables: their upstreams give chains
// and records of all kinds.
func TestEvaluateGolden(t *testing.T) {
	for _, cells := range [][]golden{answerCells, alongCells} {
		for _, c := range cells {
			words := strings.Fields(c.question)
			if len(words) > 2 || strings.Contains(c.question, "CH") {
				continue
			}
			msg := question(c.question)
			q := wire.Question{Name: parsed(t, words[0]), Type: wire.Type(msg.Question[0].Qtype), Class: wire.ClassIN}
			m := respond(t, q, c.upstream)
			given := server.Given{Known: true, Rcode: m.Rcode(), Chain: m.Chain(), Addresses: m.Addresses()}
			for _, text := range evaluated(t) {
				checkEvaluation(t, text, q, client, given)
			}
		}
	}
}

// TestEvaluateUntold holds that nothing is made up where nobody knows the answer.
func TestEvaluateUntold(t *testing.T) {
	type told struct {
		answered string
		told     bool
		verdict  string
		rcode    string
	}
	e := server.NewEvaluator(parseConfig(t, evaluated(t)[6]), server.LocalPrefixes)
	for name, want := range map[string]told{
		"plain.example":       {"upstream", false, "not-asked", ""},
		"led.example":         {"rule", false, "not-asked", ""},
		"away.lab.example":    {"local", false, "not-asked", ""},
		"www.lab.example":     {"local", true, "", "NOERROR"},
		"blocked.lab.example": {"rule", true, "not-asked", "NXDOMAIN"},
		"x.blocked.example":   {"rule", true, "not-asked", "NXDOMAIN"},
		"printer.local":       {"special", true, "", "NXDOMAIN"},
	} {
		v := e.Evaluate(wire.Question{Name: parsed(t, name), Type: wire.TypeA, Class: wire.ClassIN}, client, server.Given{})
		if got := (told{v.Answered, v.Told, v.Entry.Verdict, v.Entry.Rcode}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	v := e.Evaluate(wire.Question{Name: parsed(t, "plain.example"), Type: wire.TypeA, Class: wire.ClassIN}, stranger, server.Given{})
	if v.Answered != "refused" || v.Entry.Rcode != "REFUSED" {
		t.Errorf("a stranger: %+v, want refused", v.Entry)
	}
}

// TestEvaluatorKeepsNothing holds that one evaluation has no effect on another.
func TestEvaluatorKeepsNothing(t *testing.T) {
	e := server.NewEvaluator(parseConfig(t, held("enforce", "")), server.LocalPrefixes)
	q := wire.Question{Name: parsed(t, "dual.example"), Type: wire.TypeA, Class: wire.ClassIN}
	for _, addr := range []string{"192.0.2.1", "198.51.100.1", "192.0.2.1"} {
		v := e.Evaluate(q, client, server.Given{Known: true, Addresses: addrsOf(addr)})
		want := map[string]policy.Verdict{"192.0.2.1": policy.Inside, "198.51.100.1": policy.Outside}[addr]
		if v.Entry.Verdict != want.String() || !slices.Equal(v.Entry.Addresses, addrsOf(addr)) || !v.Entry.Time.Equal(time.Time{}) {
			t.Errorf("%s: %+v, want %v", addr, v.Entry, want)
		}
	}
}
