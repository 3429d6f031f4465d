package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
	"splitdns/server/policy"
	"splitdns/zones/tomlfile"
)

// A Test is [test.NAME]: what should become of a question. This package only reads it; it is
// run by package server, which knows what would become of it.
type Test struct {
	Name      string
	Question  wire.Question
	Client    netip.Addr     // the zero value: any that is served
	Known     bool           // an answer is given: Addresses and Chain
	Addresses []netip.Addr   // of the answer; none: NODATA
	Chain     []matcher.Name // the names that its CNAME records lead to, in order
	Want      []Want         // in the order of the file
}

// A Want is one fact that a test wants, with its place.
type Want struct {
	Key    string   // as the query log calls it
	Values []string // sorted; one but for keys that hold lists
	IsList bool
	Place  string // as it stands in problems: "test.apns.want.verdict"
	Line   int
}

// The words for who answers.
const (
	AnsweredUpstream = "upstream" // an upstream group
	AnsweredRule     = "rule"     // a rule's answer
	AnsweredLocal    = "local"    // a local zone
	AnsweredSpecial  = "special"  // a special-use name, which never leaves
	AnsweredRefused  = "refused"  // nobody: the client is not served, or such questions are not taken
	AnsweredOwn      = "own"      // the server itself, for whoever asks for ANY
)

// answeredWords are the words for who answers.
var answeredWords = []string{AnsweredUpstream, AnsweredRule, AnsweredLocal, AnsweredSpecial, AnsweredRefused, AnsweredOwn}

// wantKeys are the keys of want: those of the query log, and who answers.
var wantKeys = []string{"zone", "row", "rule", "tags", "sets", "pin", "verdict", "upstream", "rcode", "served", "answered", "log"}

// wantWords are the values of the keys of want that take words of ours. No word at all is
// what the query log has where there is nothing to say.
var wantWords = map[string][]string{
	"pin":      append(pinWords(), ""),
	"verdict":  append(verdictWords(), ""),
	"answered": answeredWords,
}

// verdictWords are the verdicts.
func verdictWords() []string {
	var words []string
	for v := policy.NotAsked; v <= policy.NoAddress; v++ {
		words = append(words, v.String())
	}
	return words
}

// maxTests is how many tests there may be. They run before each reload.
const maxTests = 10_000

// tests reads every [test.NAME].
func (l *loader) tests() {
	for _, t := range l.named("test", maxTests) {
		checkName(t)
		before := l.file.Failed()
		if test := readTest(t); l.file.Failed() == before {
			l.cfg.Tests = append(l.cfg.Tests, test)
		}
	}
}

// readTest reads one test.
func readTest(t *tomlfile.Table) Test {
	test := Test{Name: t.Name(), Known: t.Has("answer")}
	test.Question = testQuery(t)
	test.Client = testClient(t)
	test.Addresses = testAddresses(t, t.Texts("answer"), test.Question.Type)
	test.Chain = tomlfile.Each(t.SomeTexts("chain"), func(text tomlfile.Text) (matcher.Name, error) {
		return matcher.ParseName(text.Value)
	})
	test.Want = testWant(t)
	return test
}

// testQuery reads the question of a test: a name, and a type unless that is A.
func testQuery(t *tomlfile.Table) wire.Question {
	q := wire.Question{Type: wire.TypeA, Class: wire.ClassIN}
	text, ok := t.Text("query")
	words := strings.Fields(text.Value)
	switch {
	case !t.Has("query"):
		t.Problem("", `a test needs a query, such as query = "www.corp.example A"`)
		return q
	case !ok:
		return q
	case len(words) == 0 || len(words) > 2:
		text.Problem(`%q: want a name and a type, such as "www.corp.example A"`, text.Value)
		return q
	}
	var err error
	if q.Name, err = matcher.ParseName(words[0]); err != nil {
		text.Problem("%v", err)
	}
	if len(words) == 2 {
		if q.Type, err = wire.ParseType(words[1]); err != nil {
			text.Problem("%v", err)
		}
	}
	return q
}

// testClient reads the client of a test.
func testClient(t *tomlfile.Table) netip.Addr {
	text, ok := t.Text("client")
	if !ok {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(text.Value)
	if err != nil {
		text.Problem("%q: want one address, such as 10.2.7.41", text.Value)
	}
	return addr.Unmap().WithZone("")
}

// testAddresses reads the addresses that an upstream gives to a question of type qtype.
func testAddresses(t *tomlfile.Table, texts []tomlfile.Text, qtype wire.Type) []netip.Addr {
	if len(texts) > maxAddresses {
		t.Problem("answer", "more than %d addresses", maxAddresses)
		return nil
	}
	return tomlfile.Each(texts, func(text tomlfile.Text) (netip.Addr, error) {
		addr, err := netip.ParseAddr(text.Value)
		switch {
		case err != nil:
			return addr, fmt.Errorf("%q: want an address; the names of a CNAME chain stand in chain", text.Value)
		case qtype == wire.TypeA && !addr.Is4():
			return addr, fmt.Errorf("%q: an answer to a query for A holds IPv4 addresses", text.Value)
		case qtype == wire.TypeAAAA && !addr.Is6():
			return addr, fmt.Errorf("%q: an answer to a query for AAAA holds IPv6 addresses", text.Value)
		}
		return addr.WithZone(""), nil
	})
}

// testWant reads what a test wants.
func testWant(t *tomlfile.Table) []Want {
	w := t.Inner("want")
	var all []Want
	for _, key := range wantKeys {
		if want := (Want{Key: key, Place: w.Path(key), Line: w.LineOf(key)}); w.Has(key) && want.read(w) {
			all = append(all, want)
		}
	}
	slices.SortStableFunc(all, func(a, b Want) int { return a.Line - b.Line })
	if len(all) == 0 && (!t.Has("want") || w.Empty()) {
		t.Problem("", `a test wants something, such as want = { verdict = "inside" }; want takes %s`, strings.Join(wantKeys, ", "))
	}
	return all
}

// read reads the value of w, and gives false where it cannot be compared.
func (w *Want) read(t *tomlfile.Table) bool {
	switch w.Key {
	case "rule", "tags", "sets", "served":
		w.IsList = true
		for _, text := range t.ListOrText(w.Key) {
			w.Values = append(w.Values, w.item(text))
		}
		slices.Sort(w.Values)
		w.Values = slices.Compact(w.Values)
		return true
	case "log":
		w.Values = []string{strconv.FormatBool(t.Bool(w.Key, false))}
		return true
	}
	text, ok := t.Text(w.Key)
	if words := wantWords[w.Key]; ok && words != nil && !slices.Contains(words, text.Value) {
		badWord(text, words)
	}
	w.Values = []string{text.Value}
	if w.Key == "rcode" {
		w.Values[0] = strings.ToUpper(text.Value)
	}
	return ok
}

// item is an element of a list, addresses and sets as they are compared.
func (w *Want) item(text tomlfile.Text) string {
	switch w.Key {
	case "sets":
		set, err := policy.ParseSet(text.Value)
		if err != nil {
			text.Problem("%v", err)
		}
		return set.String()
	case "rule", "tags":
		return text.Value
	}
	addr, err := netip.ParseAddr(text.Value)
	if err != nil {
		text.Problem("%q: want an address", text.Value)
	}
	return addr.String()
}

// badWord records a word that is none of words.
func badWord(text tomlfile.Text, words []string) {
	words = slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "" })
	if near := tomlfile.Nearest(text.Value, words); near != "" {
		text.Problem("%q: did you mean %q?", text.Value, near)
		return
	}
	text.Problem("%q: want %s", text.Value, tomlfile.Alternatives(words))
}
