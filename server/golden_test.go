package server_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is one cell of a golden table: what a client gets for a question when
// the upstream says a script (see respond).
type golden struct {
	title    string
	question string // as in question
	upstream string
}

// checkGolden asks a server on the configuration text each question, renders
// what became of it, and holds that against testdata/golden/NAME.txt.
func checkGolden(t *testing.T, name, text string, cells []golden) {
	t.Helper()
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(c.render(t, text))
	}
	file := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("%s (-want +got); -update accepts it:\n%s", file, d)
	}
}

// later is how long after the first time a cell is asked again.
const later = 10 * time.Second

// render asks twice, the second time of the cache, and renders both.
func (c golden) render(t *testing.T, text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n? %s\n", c.title, c.question)
	for line := range strings.Lines(c.upstream) {
		fmt.Fprintf(&b, "< %s\n", strings.TrimSpace(line))
	}
	synctest.Test(t, func(t *testing.T) {
		bench := newBench(t, text, says(t, c.upstream))
		first := ask(t, bench, c.question)
		time.Sleep(later)
		second := ask(t, bench, c.question)
		entries := strings.Split(strings.TrimSpace(bench.Entries()), "\n")
		b.WriteString(renderMessage(first))
		if entries[0] == "" {
			b.WriteString("log none\n")
			entries = []string{"", ""}
		} else {
			b.WriteString("log " + renderEntry(t, entries[0]) + "\n")
		}
		b.WriteString(renderAgain(t, first, second, entries[1]))
	})
	return b.String()
}

// renderMessage renders a response: rcode and unusual flags, then the records
// and extended errors.
func renderMessage(m *dns.Msg) string {
	head := []string{dns.RcodeToString[m.Rcode]}
	for _, f := range []struct {
		name string
		set  bool
	}{{"aa", m.Authoritative}, {"tc", m.Truncated}, {"no ra", !m.RecursionAvailable}, {"ad", m.AuthenticatedData}, {"cd", m.CheckingDisabled}} {
		if f.set {
			head = append(head, f.name)
		}
	}
	lines := []string{strings.Join(head, " ")}
	for _, rr := range m.Answer {
		lines = append(lines, renderRecord(rr))
	}
	for _, rr := range m.Ns {
		lines = append(lines, "au "+renderRecord(rr))
	}
	for _, rr := range m.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, "ar "+renderRecord(rr))
		}
	}
	for _, e := range edes(m) {
		lines = append(lines, "EDE "+e)
	}
	return "> " + strings.Join(lines, "\n> ") + "\n"
}

// renderRecord renders a record without its class and what is of no interest.
func renderRecord(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.SOA:
		return fmt.Sprintf("%s %d SOA minimum=%d", rr.Hdr.Name, rr.Hdr.Ttl, rr.Minttl)
	case *dns.RRSIG:
		return fmt.Sprintf("%s %d RRSIG %s", rr.Hdr.Name, rr.Hdr.Ttl, dns.TypeToString[rr.TypeCovered])
	}
	return strings.Replace(strings.Join(strings.Fields(rr.String()), " "), " IN ", " ", 1)
}

// entry is a line of the query log.
type entry struct {
	Rcode, Zone, Row, Pin, Verdict, Upstream, Cache string
	Rule, Tags, Addresses, Outside, Served          []string
}

// parseEntry reads a line of the query log.
func parseEntry(t testing.TB, line string) entry {
	t.Helper()
	var e entry
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatalf("entry %q: %v", line, err)
	}
	return e
}

// renderEntry renders what an entry says besides what the response shows.
func renderEntry(t testing.TB, line string) string {
	e := parseEntry(t, line)
	words := []string{fmt.Sprintf("pin=%s verdict=%s", e.Pin, e.Verdict)}
	for _, list := range []struct {
		key    string
		values []string
	}{{"addresses", e.Addresses}, {"outside", e.Outside}, {"served", e.Served}} {
		if len(list.values) > 0 {
			words = append(words, list.key+"="+strings.Join(list.values, ","))
		}
	}
	if e.Cache != "" {
		words = append(words, "cache="+e.Cache)
	}
	if e.Upstream != "" {
		words = append(words, "upstream="+e.Upstream)
	}
	return strings.Join(words, " ")
}

// renderAgain renders how the second response differs from the first: it may do
// so only in its TTLs, which are listed.
func renderAgain(t testing.TB, first, second *dns.Msg, line string) string {
	var ttls []string
	for i, section := range [][]dns.RR{second.Answer, second.Ns, second.Extra} {
		for j, rr := range section {
			if rr.Header().Rrtype == dns.TypeOPT {
				continue
			}
			ttls = append(ttls, fmt.Sprint(rr.Header().Ttl))
			if firstSection := [][]dns.RR{first.Answer, first.Ns, first.Extra}[i]; j < len(firstSection) {
				rr.Header().Ttl = firstSection[j].Header().Ttl
			}
		}
	}
	if d := cmp.Diff(renderMessage(first), renderMessage(second)); d != "" {
		t.Errorf("asked again (-first +second):\n%s", d)
	}
	again := "again"
	if line != "" {
		if cache := parseEntry(t, line).Cache; cache != "" {
			again += " " + cache
		}
	}
	if len(ttls) > 0 {
		again += " ttl=" + strings.Join(slices.Compact(ttls), ",")
	}
	return again + "\n"
}
