// Package policy says what the configured rules mean for one query and one
// client, and what an answer's addresses are worth against the published
// ranges. It is pure: it reads no file, opens no socket and knows no DNS
// message, so live traffic and `splitdns explain` share every line of it.
//
// A Policy is compiled once from rules, zones and client groups and never
// changes; a reload compiles another one. The way through it is
//
//	Class   a client's address   -> the class that stands for it
//	Decide  a name and a class   -> a Decision, before an answer is known
//	Along   the names of a chain -> the Decision with what these add
//	Judge   an answer's addresses -> a Judgement against what is published
//
// All rules that match apply. Rank decides between them, and rank has three
// steps: the pattern (package matcher), then a rule's own names before a zone
// it names before "*", then the longest client prefix. The alternative, order
// in the file, was turned down: with lists that vendors change, nobody can keep
// an order in mind, while a rank can be printed, and `splitdns explain` prints
// it.
package policy

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"splitdns/matcher"
	"splitdns/zones"
)

// Input is everything a Policy is compiled from. The caller must not change it
// afterwards.
type Input struct {
	Zones          []*zones.Zone  // all loaded zones
	Rules          []Rule         // in any order
	Clients        []ClientGroup  // the groups that rules may name
	Allow          []netip.Prefix // who is served
	NAT64          []netip.Prefix // prefixes before an IPv4 address, of the lengths of RFC 6052, section 2.2
	StrictFamilies bool           // judge addresses of a family for which nothing is published as outside
}

// A ClientGroup is a named set of client addresses.
type ClientGroup struct {
	Name     string
	Prefixes []netip.Prefix
}

// A Policy is a compiled Input. It is immutable and safe for concurrent use.
type Policy struct {
	matcher *matcher.Matcher[*source]
	rules   []compiledRule
	zones   []*zones.Zone
	rows    []*row // those with prefixes, also if no name leads to them
	groups  []ClientGroup

	classes []class // by Class
	clients *bart.Table[Class]

	chains bool // some rule brings something through the names of a chain

	nat64          []netip.Prefix // the longest first
	strictFamilies bool
}

// source is where patterns stand, with the rules that take them from there.
type source struct {
	row  *row      // nil for a rule's own names
	uses []ruleUse // by rule
}

// ruleUse says how a rule came to a pattern.
type ruleUse struct {
	rule int
	via  Via
}

// compiledRule is a rule with its client groups as indexes.
type compiledRule struct {
	Rule
	groups []int
}

// Widest returns the suffix below which deciding about a name takes the longest, and how
// many patterns are compared one by one there; see [matcher.Matcher.Widest].
func (p *Policy) Widest() (suffix matcher.Name, tails int) { return p.matcher.Widest() }

// New compiles in. Zones and client groups that do not exist match nothing:
// package config reports them before it comes to this.
func New(in Input) *Policy {
	p := &Policy{groups: in.Clients, zones: in.Zones, nat64: longestFirst(in.NAT64), strictFamilies: in.StrictFamilies}
	p.classes, p.clients = classify(in.Allow, in.Clients)
	var b matcher.Builder[*source]
	p.compileRules(in.Rules, &b)
	p.compileZones(in, &b)
	p.matcher = b.Build()
	return p
}

// Serving returns p for other clients: those in allow are served. The two share what
// they have in common.
func (p *Policy) Serving(allow []netip.Prefix) *Policy {
	other := *p
	other.classes, other.clients = classify(allow, p.groups)
	return &other
}

// longestFirst sorts a copy of prefixes, so that the first that holds an
// address is the most specific.
func longestFirst(prefixes []netip.Prefix) []netip.Prefix {
	prefixes = slices.Clone(prefixes)
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return cmp.Compare(b.Bits(), a.Bits()) })
	return prefixes
}

// compileRules compiles the rules, and adds their own names to b.
func (p *Policy) compileRules(rules []Rule, b *matcher.Builder[*source]) {
	groups := map[string][]int{}
	for g := range p.groups {
		groups[p.groups[g].Name] = append(groups[p.groups[g].Name], g)
	}
	for i, r := range rules {
		compiled := compiledRule{Rule: r}
		for _, name := range r.Clients {
			compiled.groups = append(compiled.groups, groups[name]...)
		}
		p.rules = append(p.rules, compiled)
		p.chains = p.chains || r.Answer.Blocks() || len(r.Tags)+len(r.Sets) > 0
		own := &source{uses: []ruleUse{{rule: i, via: ViaNames}}}
		for _, pattern := range r.Names {
			b.Add(pattern, own)
		}
	}
}

// compileZones compiles the rows of all zones, and adds their patterns to b: those of the
// rows first that are worth naming first where they share a pattern.
func (p *Policy) compileZones(in Input, b *matcher.Builder[*source]) {
	var sources []*source
	for _, z := range in.Zones {
		uses := usesOf(z, in.Rules)
		for i := range z.Rows {
			r := newRow(z, &z.Rows[i])
			sources = append(sources, &source{row: r, uses: uses})
			if r.ranges != nil {
				p.rows = append(p.rows, r)
			}
		}
	}
	slices.SortStableFunc(sources, func(a, b *source) int { return compareRows(a.row, b.row) })
	for _, s := range sources {
		b.AddList(s.row.row.Patterns, s)
	}
}

// usesOf returns the rules that take the patterns of z.
func usesOf(z *zones.Zone, rules []Rule) (uses []ruleUse) {
	for i := range rules {
		if via, ok := rules[i].via(z); ok {
			uses = append(uses, ruleUse{rule: i, via: via})
		}
	}
	return uses
}
