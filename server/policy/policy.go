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
	patterns []patternUse
	matcher  *matcher.Matcher[uint32] // values index patterns
	rules    []compiledRule
	rows     []*row   // those with prefixes, also if no name leads to them
	groups   []string // names of the client groups, by index

	classes []class // by Class
	clients *bart.Table[Class]

	chains bool // some rule brings something through the names of a chain

	nat64          []netip.Prefix // the longest first
	strictFamilies bool
}

// patternUse is one pattern with everybody who uses it.
type patternUse struct {
	pattern matcher.Pattern
	rows    []*row // rows that list it, the one worth naming first
	rules   []int  // rules that list it among their own names
}

// zoneUse is a zone with the rules that take its patterns.
type zoneUse struct {
	zone  *zones.Zone
	rules []ruleUse
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
	c := compile(in)
	c.policy.matcher = c.builder.Build()
	return c.policy
}

// compile does all of New but building the matcher.
func compile(in Input) *compiler {
	c := &compiler{
		policy:  &Policy{nat64: longestFirst(in.NAT64), strictFamilies: in.StrictFamilies},
		indexes: map[string]uint32{},
	}
	c.clients(in)
	c.rules(in.Rules)
	for _, z := range in.Zones {
		c.zone(z, in.Rules)
	}
	return c
}

// longestFirst sorts a copy of prefixes, so that the first that holds an
// address is the most specific.
func longestFirst(prefixes []netip.Prefix) []netip.Prefix {
	prefixes = slices.Clone(prefixes)
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return cmp.Compare(b.Bits(), a.Bits()) })
	return prefixes
}

// compiler holds what only the compilation needs.
type compiler struct {
	policy  *Policy
	builder matcher.Builder[uint32]
	indexes map[string]uint32 // pattern text -> index of its patternUse
}

// clients compiles the client groups into classes.
func (c *compiler) clients(in Input) {
	for _, g := range in.Clients {
		c.policy.groups = append(c.policy.groups, g.Name)
	}
	c.policy.classes, c.policy.clients = classify(in.Allow, in.Clients)
}

// rules compiles the rules and registers their own names.
func (c *compiler) rules(rules []Rule) {
	groups := map[string][]int{}
	for g, name := range c.policy.groups {
		groups[name] = append(groups[name], g)
	}
	for i, r := range rules {
		compiled := compiledRule{Rule: r}
		for _, name := range r.Clients {
			compiled.groups = append(compiled.groups, groups[name]...)
		}
		c.policy.rules = append(c.policy.rules, compiled)
		c.policy.chains = c.policy.chains || r.Answer.Blocks() || len(r.Tags) > 0
		for _, p := range r.Names {
			use := c.use(p)
			use.rules = append(use.rules, i)
		}
	}
}

// zone registers the patterns of z, each with its row.
func (c *compiler) zone(z *zones.Zone, rules []Rule) {
	zu := &zoneUse{zone: z}
	for i := range rules {
		if via, ok := rules[i].via(z); ok {
			zu.rules = append(zu.rules, ruleUse{rule: i, via: via})
		}
	}
	for i := range z.Rows {
		r := newRow(zu, &z.Rows[i])
		if r.ranges != nil {
			c.policy.rows = append(c.policy.rows, r)
		}
		for _, p := range r.row.Patterns {
			use := c.use(p)
			use.rows = insertRow(use.rows, r)
		}
	}
}

// use returns the patternUse of p, made on first sight. The pointer is valid
// until the next call.
func (c *compiler) use(p matcher.Pattern) *patternUse {
	text := p.String()
	i, ok := c.indexes[text]
	if !ok {
		i = uint32(len(c.policy.patterns))
		c.indexes[text] = i
		c.policy.patterns = append(c.policy.patterns, patternUse{pattern: p})
		c.builder.Add(p, i)
	}
	return &c.policy.patterns[i]
}
