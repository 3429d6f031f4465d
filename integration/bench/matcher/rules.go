package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"splitdns/matcher"
	"splitdns/zones"
)

// A kind says which names a rule is for.
type kind int32

// The kinds.
const (
	subtree kind = iota // the name and those below
	exact               // the name
	below               // those below
)

// anchor is how a pattern of the kind begins.
func (k kind) anchor() string { return [...]string{subtree: ".", exact: "", below: "*."}[k] }

// covers says whether a rule of the kind is for the name itself, or else for one below.
func (k kind) covers(itself bool) bool { return k == subtree || (k == exact) == itself }

// A rule is a name with what it stands for, in the two forms that matchers are built
// from. Its ID is its index. No two rules have one name.
type rule struct {
	name    string // in lower case, without the final dot
	kind    kind
	pattern matcher.Pattern
}

// newRule makes a rule, that shares no memory with name.
func newRule(name string, k kind) rule {
	return rule{strings.Clone(name), k, matcher.MustParsePattern(k.anchor() + name)}
}

// anew are the same rules, sharing no memory with these; if whole, all of them are for
// the subtrees.
func anew(rules []rule, whole bool) []rule {
	out := make([]rule, len(rules))
	for i, r := range rules {
		if whole {
			r.kind = subtree
		}
		out[i] = newRule(r.name, r.kind)
	}
	return out
}

// bundledCount is how many of the bundled rules are measured: as many as the services of
// one vendor need.
const bundledCount = 200

// bundledRules are n of the patterns of the default edition, without those of its
// catch-alls, and without those that have ranges or stars inside a label: only ours
// understands these.
func bundledRules(n int) ([]rule, error) {
	bundled, err := zones.Bundled(zones.DefaultEdition)
	if err != nil {
		return nil, err
	}
	var rules []rule
	seen := map[string]bool{"": true}
	for _, z := range bundled {
		for _, row := range z.Rows {
			for p := range row.Patterns.All() {
				name, k := parseKind(p.String())
				if !z.CatchAll && !seen[name] && !strings.ContainsAny(name, "*{") {
					seen[name] = true
					rules = append(rules, newRule(name, k))
				}
			}
		}
	}
	for i := range n {
		rules[i] = rules[i*len(rules)/n] // from all over
	}
	return rules[:n], nil
}

// parseKind reads a pattern without ranges and stars inside labels.
func parseKind(pattern string) (name string, k kind) {
	for _, k := range []kind{subtree, below} {
		if name, ok := strings.CutPrefix(pattern, k.anchor()); ok {
			return name, k
		}
	}
	return pattern, exact
}

// madeRules are n rules, always the same: 61 % subtrees, 29 % names and 10 % of those
// below, mostly registered domains and hosts of such.
func madeRules(n int) []rule {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	rules := make([]rule, 0, n)
	seen := make(map[string]bool, n)
	for len(rules) < n {
		name := madeName(random, n, "")
		if seen[name] {
			continue
		}
		seen[name] = true
		k := subtree
		if share := random.IntN(100); share >= 90 {
			k = below
		} else if share >= 61 {
			k = exact
		}
		rules = append(rules, newRule(name, k))
	}
	return rules
}

// What names are made of.
var (
	endings   = []string{"com", "com", "com", "net", "org", "example", "co.example", "com.example", "info", "xyz"}
	hosts     = []string{"www", "api", "cdn", "ads", "m", "img", "static", "track", "metrics", "eu-west", "node", "mail"}
	syllables = []string{"ba", "ce", "di", "fo", "gu", "ha", "ki", "lo", "mu", "ne", "pi", "ra", "so", "tu", "ve", "zy"}
)

// madeName is a name in one of about n domains, or such a domain. The domain's label
// begins with mark.
func madeName(random *rand.Rand, n int, mark string) string {
	var b strings.Builder
	for range random.IntN(3) {
		b.WriteString(hosts[random.IntN(len(hosts))])
		if random.IntN(3) == 0 {
			fmt.Fprint(&b, random.IntN(100))
		}
		b.WriteByte('.')
	}
	b.WriteString(mark)
	base := len(syllables)
	for number := random.IntN(n) + base; number > 0; number /= base {
		b.WriteString(syllables[number%base])
	}
	b.WriteByte('.')
	b.WriteString(endings[random.IntN(len(endings))])
	return b.String()
}

// missMark begins the labels of domains that no rule has.
const missMark = "not-"

// A query is a name in the forms that matchers take.
type query struct {
	wire []byte // as in a packet
	fqdn string // in lower case, with the final dot
	text string // the same without
}

// newQuery makes a query for a name.
func newQuery(name string) query {
	n, err := matcher.ParseName(name)
	if err != nil {
		panic("matcher: " + err.Error())
	}
	fqdn := name + "."
	return query{wire: []byte(n.Wire()), fqdn: fqdn, text: fqdn[:len(name)]}
}

// queryKinds are the kinds of queries, in the order of the tables: names that a rule is
// for, uniform over the rules; names three labels below that of a rule; names that no
// rule is for; siblings of rules' names, and the names above those that rules are for;
// and names of which 40 % have a rule, as popular as in Zipf's law.
var queryKinds = []string{"hit", "deep", "miss", "near", "zipf"}

// queries are count queries of each kind, always the same.
func queries(rules []rule, count int) map[string][]query {
	random := rand.New(rand.NewPCG(2, uint64(len(rules))))
	popular := rand.NewZipf(random, 1.1, 1, uint64(len(rules)-1))
	uniform := func() rule { return rules[random.IntN(len(rules))] }
	names := map[string]func() string{
		"hit":  func() string { return uniform().hit() },
		"deep": func() string { return "a.b.c." + uniform().name },
		"miss": func() string { return madeName(random, len(rules), missMark) },
		"near": func() string { return uniform().near() },
		"zipf": func() string {
			rank := popular.Uint64()
			if rank%5 < 2 {
				return rules[rank].hit()
			}
			return madeName(rand.New(rand.NewPCG(3, rank)), len(rules), missMark)
		},
	}
	out := map[string][]query{}
	for _, name := range queryKinds {
		for range count {
			out[name] = append(out[name], newQuery(names[name]()))
		}
	}
	return out
}

// hit is a name that r is for.
func (r rule) hit() string {
	if r.kind == below {
		return "www." + r.name
	}
	return r.name
}

// near is a name that r is just not for.
func (r rule) near() string {
	if r.kind == below {
		return r.name
	}
	return missMark + r.name
}
