package main

import (
	"bytes"
	"slices"
	"strings"

	"github.com/AdguardTeam/urlfilter"
	"github.com/blevesearch/vellum"
	iradix "github.com/hashicorp/go-immutable-radix/v2"
	"github.com/miekg/dns"
)

// A ruleHandler is a handler for the names of one rule: it says so to the writer.
type ruleHandler int32

// ServeDNS tells w, which is a *toldRule, the rule.
func (h ruleHandler) ServeDNS(w dns.ResponseWriter, _ *dns.Msg) { w.(*toldRule).id = int32(h) }

// A toldRule is a writer that takes no response, only the rule.
type toldRule struct {
	dns.ResponseWriter
	id int32
}

// buildMux has a handler for each rule, and one for all other names: without, the
// multiplexer would make a response.
func buildMux(rules []rule) find {
	mux := dns.NewServeMux()
	mux.Handle(".", ruleHandler(none))
	for i, r := range rules {
		mux.Handle(r.name+".", ruleHandler(i))
	}
	var told toldRule
	message := &dns.Msg{Question: []dns.Question{{Qtype: dns.TypeA, Qclass: dns.ClassINET}}}
	return func(q *query) int32 {
		message.Question[0].Name = q.fqdn
		mux.ServeDNS(&told, message)
		return told.id
	}
}

// appendReversed appends name to dst from its end to its beginning, and a dot: so
// names below another begin with it.
func appendReversed(dst []byte, name string) []byte {
	for i := len(name) - 1; i >= 0; i-- {
		dst = append(dst, name[i])
	}
	return append(dst, '.')
}

// buildRadix asks for the longest prefix of the name reversed.
func buildRadix(rules []rule) find {
	txn := iradix.New[int32]().Txn()
	for i, r := range rules {
		txn.Insert(appendReversed(nil, r.name), int32(i))
	}
	root := txn.Commit().Root()
	var reversed []byte
	return func(q *query) int32 {
		reversed = appendReversed(reversed[:0], q.text)
		if _, id, ok := root.LongestPrefix(reversed); ok {
			return id
		}
		return none
	}
}

// buildTransducer feeds the name reversed to the automaton, as far as it takes it, and
// asks after each label whether it accepts.
func buildTransducer(rules []rule) find {
	fst := newTransducer(rules)
	return func(q *query) int32 {
		best := none
		state, sum, output := fst.Start(), uint64(0), uint64(0)
		for i := len(q.text) - 1; i >= 0; i-- {
			if state, output = fst.AcceptWithVal(state, q.text[i]); !fst.CanMatch(state) {
				break
			}
			sum += output
			if i > 0 && q.text[i-1] != '.' {
				continue
			}
			if id, ok := accepted(fst, state, sum, i == 0); ok {
				best = id
			}
		}
		return best
	}
}

// accepted is the rule for the names that led to a state, whose outputs make sum.
func accepted(fst *vellum.FST, state int, sum uint64, itself bool) (int32, bool) {
	final, output := fst.IsMatchWithVal(state)
	if !final {
		return none, false
	}
	return packed(sum + output).id(itself)
}

// newTransducer adds the names reversed, in order.
func newTransducer(rules []rule) *vellum.FST {
	type entry struct {
		key  []byte
		rule packed
	}
	entries := make([]entry, len(rules))
	for i, r := range rules {
		reversed := appendReversed(nil, r.name)
		entries[i] = entry{bytes.TrimSuffix(reversed, []byte(".")), pack(i, r.kind)}
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	var out bytes.Buffer
	b := must(vellum.New(&out, nil))
	for _, e := range entries {
		if err := b.Insert(e.key, uint64(e.rule)); err != nil {
			panic("matcher: " + err.Error())
		}
	}
	if err := b.Close(); err != nil {
		panic("matcher: " + err.Error())
	}
	return must(vellum.Load(bytes.Clone(out.Bytes())))
}

// buildURLFilter has each rule as a line of a filter list.
func buildURLFilter(rules []rule) find {
	var text strings.Builder
	for _, r := range rules {
		text.WriteString("||" + r.name + "^\n")
	}
	list := &urlfilter.StringRuleList{ID: 1, RulesText: text.String(), IgnoreCosmetic: true}
	engine := urlfilter.NewDNSEngine(must(urlfilter.NewRuleStorage([]urlfilter.RuleList{list})))
	return func(q *query) int32 {
		if _, ok := engine.Match(q.text); ok {
			return 0 // some rule's
		}
		return none
	}
}

// must is v: what is built here from names that are valid cannot fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic("matcher: " + err.Error())
	}
	return v
}
