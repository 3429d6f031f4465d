package server_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server"
	"splitdns/server/config"
	"splitdns/server/internal/sim"
	"splitdns/server/internal/wire"
	"splitdns/server/replay"
	"splitdns/zones"
)

// replayed holds the query log of b against its own configuration, which must change nothing.
// It gives the number of entries.
func replayed(t *testing.T, b *server.Bench) int64 {
	t.Helper()
	text := b.Entries()
	r, err := replay.Run(context.Background(), replay.Options{
		Logs: []replay.Log{{Name: "log", Reader: strings.NewReader(text)}}, Config: b.Config(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Changed > 0 || r.Untold > 0 || r.Unreadable > 0 {
		t.Errorf("%d change, %d untold, %d unreadable: %+v\nfirst: %+v %+v in\n%.2000s",
			r.Changed, r.Untold, r.Unreadable, r.Changes, r.First, r.Names[:min(3, len(r.Names))], text)
	}
	return r.Entries
}

// TestReplayOfItsOwnLogChangesNothing goes through every cell of the golden tables.
func TestReplayOfItsOwnLogChangesNothing(t *testing.T) {
	const all = "\n[rule.all]\nnames = [\".\"]\nlog = true\n"
	for name, c := range map[string]struct {
		config string
		cells  []golden
	}{
		"observe":    {held("observe", ""), answerCells},
		"prefer":     {held("prefer", ""), answerCells},
		"enforce":    {held("enforce", ""), answerCells},
		"substitute": {held("substitute", ""), answerCells},
		"strict":     {held("enforce", "\n[server]\npin_families = \"strict\"\n"), answerCells},
		"answers":    {answers, slices.Concat(answerForms[0].cells, answerForms[1].cells, answerForms[2].cells, answerForms[3].cells, answerForms[4].cells, answerForms[5].cells)},
		"alias":      {answers, aliasCells},
		"along":      {along, alongCells},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cell := range c.cells {
				b := newBench(t, c.config+all, says(t, cell.upstream))
				ask(t, b, cell.question)
				ask(t, b, cell.question)
				if n := replayed(t, b); n != 2 {
					t.Errorf("%s: %d entries, want 2", cell.title, n)
				}
			}
		})
	}
}

// TestReplayOfDemoChangesNothing asks for every bundled name, of each edition and with each
// configuration that the repository has.
func TestReplayOfDemoChangesNothing(t *testing.T) {
	for _, edition := range zones.Editions() {
		for _, file := range []string{"../config.example.toml", "../cmd/splitdns/demo.toml"} {
			t.Run(edition+" "+file, func(t *testing.T) {
				c, problems := config.LoadEdition(file, edition)
				if c == nil {
					t.Fatal(problems)
				}
				c = c.WithUpstream(nil)
				b, err := server.NewBench(c, func(config.Upstream) server.Exchanger { return sim.New(c.Zones) })
				if err != nil {
					t.Fatal(err)
				}
				asked := askForAll(t, b)
				logged := replayed(t, b)
				if logged < 500 {
					t.Errorf("%d entries of %d queries, want more", logged, asked)
				}
			})
		}
	}
}

// askForAll asks b for a name of each pattern, for each type, as clients of several groups.
func askForAll(t *testing.T, b *server.Bench) (n int) {
	t.Helper()
	clients := []netip.Addr{client, netip.MustParseAddr("10.20.0.1"), netip.MustParseAddr("10.2.7.41")}
	for _, z := range b.Config().Zones {
		for _, row := range z.Rows {
			for p := range row.Patterns.All() {
				for i, qtype := range []string{" A", " AAAA", " HTTPS", " TXT", " CNAME", " ANY"} {
					for _, prefix := range []string{"", "mixed.", "outside."} {
						name := prefix + strings.TrimSuffix(p.Example().String(), ".")
						if _, err := matcher.ParseName(name); err != nil {
							continue
						}
						send(t, b, question(name+qtype), clients[(n+i)%len(clients)], true)
						n++
					}
				}
			}
		}
	}
	return n
}

// TestReplayOfLocalAndSpecialNames changes nothing either.
func TestReplayOfLocalAndSpecialNames(t *testing.T) {
	text, err := os.ReadFile("testdata/replay.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, upstream := range []string{
		"%s 300 IN A 192.0.2.7", "%s 300 IN A 10.1.2.3", "rcode NXDOMAIN", "rcode SERVFAIL", "rcode REFUSED",
		"%s 300 IN CNAME x.tracked.example.\nx.tracked.example. 300 IN A 192.0.2.7\nx.tracked.example. 300 IN A 10.1.2.3",
		"%s 300 IN CNAME x.blocked.example.\nx.blocked.example. 300 IN A 192.0.2.7",
	} {
		b := newBench(t, string(text), func(q wire.UpstreamQuery) (wire.Message, string, error) {
			line := strings.ReplaceAll(upstream, "%s", dns.Fqdn(q.Name.String()))
			if q.Type != wire.TypeA {
				line = ""
			}
			return respond(t, q.Question, line), "192.0.2.53", nil
		})
		for _, name := range []string{
			"www.lab.example", "alias.lab.example", "away.lab.example", "gone.lab.example", "blocked.lab.example", "led.example",
			"printer.local", "x.home.arpa", "localhost", "plain.example", "private.example", "tracked.example",
		} {
			for _, words := range []string{name, name + " AAAA", name + " HTTPS", name + " A +nord"} {
				ask(t, b, words)
				send(t, b, question(words), netip.MustParseAddr("10.9.8.7"), false) // no administrator
			}
		}
		if n := replayed(t, b); n < 90 {
			t.Errorf("%s: %d entries, want more", fmt.Sprintf("%.30s", upstream), n)
		}
	}
}
