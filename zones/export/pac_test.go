package export_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dop251/goja"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/export"
)

// pac is a PAC file as a browser has it.
type pac func(url, host string) string

// loadPAC runs the file. Of the functions that browsers give such files it needs none, so
// that one that looks names up ends the test.
func loadPAC(t testing.TB, text string) pac {
	t.Helper()
	vm := goja.New()
	for _, helper := range []string{"dnsResolve", "isResolvable", "isInNet", "myIpAddress"} {
		if err := vm.Set(helper, func() { panic(helper + " was called: it would look a name up") }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := vm.RunString(text); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	var find pac
	if err := vm.ExportTo(vm.Get("FindProxyForURL"), &find); err != nil {
		t.Fatal(err)
	}
	return find
}

// patternsOf are zones with one row of these patterns.
func patternsOf(patterns ...matcher.Pattern) []*zones.Zone {
	return []*zones.Zone{{Name: "z", Rows: []zones.Row{{Name: "r", Patterns: matcher.ListOf(patterns...)}}}}
}

// matcherOf finds the patterns of zones.
func matcherOf(loaded []*zones.Zone) *matcher.Matcher[int] {
	var b matcher.Builder[int]
	for _, z := range loaded {
		for i := range z.Rows {
			for p := range z.Rows[i].Patterns.All() {
				b.Add(p, 0)
			}
		}
	}
	return b.Build()
}

// matches says whether m has a pattern for host; what is no name has none.
func matches(m *matcher.Matcher[int], host string) bool {
	name, err := matcher.ParseName(host)
	return err == nil && len(m.Lookup(nil, []byte(name.Wire()))) > 0
}

// checkPAC holds find to m.
func checkPAC(t *testing.T, find pac, m *matcher.Matcher[int], host string) {
	t.Helper()
	want := "PROXY proxy.example:3128"
	if matches(m, host) {
		want = "DIRECT"
	}
	if got := find("https://"+host+"/", host); got != want {
		t.Errorf("FindProxyForURL(%q) = %q, want %q", host, got, want)
	}
}

// generator makes patterns and hosts of few labels, so that they meet.
type generator struct{ *rand.Rand }

// pick is one of words.
func (g generator) pick(words ...string) string { return words[g.IntN(len(words))] }

// pattern is a random pattern.
func (g generator) pattern() matcher.Pattern {
	for {
		var labels []string
		for range g.IntN(4) + 1 {
			labels = append(labels, g.label())
		}
		p, err := matcher.ParsePattern(g.pick("", "", "*.", ".") + strings.Join(labels, "."))
		if err == nil {
			return p
		}
	}
}

// label is a random label of a pattern.
func (g generator) label() string {
	if g.IntN(2) == 0 {
		return g.pick("a", "b", "example", "constructor", "__proto__", "1", "x-y")
	}
	var b strings.Builder
	for range g.IntN(4) + 1 {
		b.WriteString(g.pick("a", "b", "-", "1", "0", "*", "*", "{0..50}", "{1..3}", "{9..101}", "{0..18446744073709551615}", "{9007199254740993..9007199254740995}"))
	}
	return b.String()
}

// host is a random host, often one that p matches but for an octet.
func (g generator) host(p matcher.Pattern) string {
	host := p.Example().String()
	for range g.IntN(4) {
		at := g.IntN(len(host) + 1)
		switch g.IntN(4) {
		case 0:
			host = host[:at] + g.pick("a", "b", "0", "1", "5", "49", "51", "100", "9007199254740994", "18446744073709551616", "-", ".", "a.b.") + host[at:]
		case 1:
			host = host[:at] + host[min(at+1, len(host)):]
		case 2:
			host = strings.ToUpper(host[:at]) + host[at:]
		default:
			host = g.pick("a.", "host.", "1.", "") + host + g.pick("", ".", "..", "")
		}
	}
	return host
}

// A PAC file says DIRECT exactly where the matcher finds a pattern.
func TestPACAgreesWithTheMatcher(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	hits, misses := 0, 0
	for range 100 {
		patterns := make([]matcher.Pattern, 0, 8)
		for range g.IntN(8) + 1 {
			patterns = append(patterns, g.pattern())
		}
		loaded := patternsOf(patterns...)
		text, _ := written(t, loaded, options("pac"))
		find, m := loadPAC(t, text), matcherOf(loaded)
		for range 100 {
			host := g.host(patterns[g.IntN(len(patterns))])
			checkPAC(t, find, m, host)
			if matches(m, host) {
				hits++
			} else {
				misses++
			}
		}
		if t.Failed() {
			t.Fatalf("with the patterns\n%s", text)
		}
	}
	if hits < 1000 || misses < 1000 {
		t.Errorf("%d hosts matched and %d did not: too few of one kind", hits, misses)
	}
}

func TestPACOfBundledZones(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 4))}
	for _, edition := range zones.Editions() {
		loaded, err := zones.Bundled(edition)
		if err != nil {
			t.Fatal(err)
		}
		loaded = slices.DeleteFunc(loaded, func(z *zones.Zone) bool { return z.CatchAll })
		text, _ := written(t, loaded, options("pac"))
		find, m := loadPAC(t, text), matcherOf(loaded)
		for _, z := range loaded {
			for i := range z.Rows {
				for p := range z.Rows[i].Patterns.All() {
					for range 2 {
						checkPAC(t, find, m, g.host(p))
					}
				}
			}
		}
	}
}

func TestPACHosts(t *testing.T) {
	loaded := patternsOf(matcher.MustParsePattern("*"))
	text, _ := written(t, loaded, options("pac"))
	find, m := loadPAC(t, text), matcherOf(loaded)
	label := strings.Repeat("a", 63)
	for _, host := range []string{
		"", ".", "..", "a", "a.", "a..", ".a", label, label + "a", label + "." + label + "." + label + "." + label[:61],
		label + "." + label + "." + label + "." + label[:62], "A", "hasownproperty", "!",
	} {
		want := matches(m, host) && host != "." && host != ""
		if got := find("", host) == "DIRECT"; got != want {
			t.Errorf("host %q is direct: %v, want %v", host, got, want)
		}
	}
}

// A label of many stars takes no longer than others: hosts come from strangers.
func TestPACIsNotSlow(t *testing.T) {
	p := matcher.MustParsePattern(strings.Repeat("*a", 20) + "b.example")
	text, _ := written(t, patternsOf(p), options("pac"))
	find := loadPAC(t, text)
	for range 100 {
		if got := find("", strings.Repeat("a", 63)+".example"); got == "DIRECT" {
			t.Fatal("matched")
		}
	}
}

// model looks a name up in a policy zone, as RFC 4592 says for DNS zones.
func model(records map[string]bool, name string) bool {
	if records[name] {
		return true
	}
	exists := map[string]bool{"": true}
	for owner := range records {
		for n := owner; n != ""; _, n, _ = strings.Cut(n, ".") {
			exists[n] = true
		}
	}
	for n := name; n != ""; {
		_, n, _ = strings.Cut(n, ".")
		if exists[n] && !exists[name] {
			return records[strings.TrimSuffix("*."+n, ".")]
		}
	}
	return false
}

// A policy zone has a rule exactly for the names that the patterns match.
func TestPolicyZoneAgreesWithTheMatcher(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(5, 6))}
	for range 300 {
		var patterns []matcher.Pattern
		for range g.IntN(6) + 1 {
			var labels []string
			for range g.IntN(4) + 1 {
				labels = append(labels, g.pick("a", "b", "{1..2}"))
			}
			patterns = append(patterns, matcher.MustParsePattern(g.pick("", "*.", ".")+strings.Join(labels, ".")+".example"))
		}
		loaded := patternsOf(patterns...)
		text, _ := written(t, loaded, options("rpz"))
		records := map[string]bool{}
		for line := range strings.Lines(text) {
			if owner, ok := strings.CutSuffix(line, " CNAME rpz-passthru.\n"); ok {
				if records[owner] {
					t.Errorf("%s stands twice", owner)
				}
				records[owner] = true
			}
		}
		m := matcherOf(loaded)
		for range 50 {
			var labels []string
			for range g.IntN(5) + 1 {
				labels = append(labels, g.pick("a", "b", "1", "2", "3"))
			}
			name := strings.Join(labels, ".") + ".example"
			if got, want := model(records, name), matches(m, name); got != want {
				t.Fatalf("%s has a rule: %v, want %v, with %v\n%s", name, got, want, patterns, text)
			}
		}
	}
}

// Names and prefixes of any shape come out in every format, and nothing that is not meant:
// unless a note says so, names of a list of names are matched by the patterns.
func FuzzNames(f *testing.F) {
	f.Add("a.example *.b.example .c.example", 0)
	f.Add("{0..50}-x.example cdn*.y.example a.*.z.example {0..5}{0..5}.q.example", 1)
	f.Add(`. * {1..2}.2.3.4 sp\032ace.example \034\059.example x.rpz-ip 1.0.0.127.rpz-ip`, 2)
	f.Add("a*.com {0..18446744073709551615}.n.example *-files.example *.{1..3}.example", 3)
	f.Add(strings.Repeat("a.", 100)+"example *."+strings.Repeat("bb.", 80)+"example", 0)
	f.Fuzz(func(t *testing.T, text string, flags int) {
		var patterns []matcher.Pattern
		for word := range strings.FieldsSeq(text) {
			if p, err := matcher.ParsePattern(word); err == nil && len(patterns) < 20 {
				patterns = append(patterns, p)
			}
		}
		loaded := patternsOf(patterns...)
		for _, format := range export.Formats() {
			o := options(format.Name)
			o.Widen = flags&1 == 1
			x, err := export.New(loaded, o)
			if err != nil {
				continue
			}
			var b strings.Builder
			if err := x.Write(&b); err != nil {
				t.Fatal(err)
			}
			checkNames(t, b.String(), o, matcherOf(loaded))
			for _, n := range x.Notes() {
				if s := n.String(); strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("note %q is not printable", s)
				}
			}
		}
	})
}

// checkNames checks the text of a format by a parser of its own.
func checkNames(t *testing.T, text string, o export.Options, m *matcher.Matcher[int]) {
	t.Helper()
	switch o.Format {
	case "pac":
		loadPAC(t, text)
	case "fortigate":
		checkFortiGate(t, text)
	case "edl":
		checkList(t, text, o.Widen, m)
	case "csv":
		checkCSVTexts(t, text)
	default:
		checkOctets(t, o.Format, text)
	}
}

// checkList checks that a list has names only, and only those that the patterns match.
func checkList(t *testing.T, text string, widen bool, m *matcher.Matcher[int]) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") || line == "*" {
			continue
		}
		if !isName(line) || isPrefix(line) {
			t.Errorf("%q is no name", line)
		}
		if host := strings.Replace(line, "*.", "host.", 1); !widen && len(host) < 250 && !matches(m, host) {
			t.Errorf("%s is of no pattern", line)
		}
	}
}

func ExampleNote_String() {
	fmt.Println(export.Note{What: "prefixes", Text: "left out", Count: 1})
	fmt.Println(export.Note{What: "patterns", Text: "left out", Count: 4, Examples: []string{"a", "b", "c"}})
	// Output:
	// 1 prefix left out
	// 4 patterns left out: a, b, c and 1 more
}

// Numbers of ranges have 64 bits, those of JavaScript 53.
func TestPACNumbers(t *testing.T) {
	loaded := patternsOf(
		matcher.MustParsePattern("{9007199254740993..9007199254740995}.a.example"),
		matcher.MustParsePattern("{9..101}-b.example"),
		matcher.MustParsePattern("{0..18446744073709551615}.c.example"),
	)
	text, _ := written(t, loaded, options("pac"))
	find, m := loadPAC(t, text), matcherOf(loaded)
	for _, host := range []string{
		"9007199254740992.a.example", "9007199254740993.a.example", "9007199254740995.a.example", "9007199254740996.a.example",
		"8-b.example", "9-b.example", "10-b.example", "101-b.example", "102-b.example", "011-b.example",
		"18446744073709551615.c.example", "18446744073709551616.c.example", "0.c.example", "00.c.example",
	} {
		checkPAC(t, find, m, host)
	}
}
