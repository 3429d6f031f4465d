package policy_test

import (
	"net/netip"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"splitdns/matcher"
	"splitdns/server/policy"
	"splitdns/zones"
)

// Short forms for the tables of these tests. Lists are words with spaces
// between; what does not parse panics.

func name(s string) matcher.Name {
	n, err := matcher.ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

func names(list string) []matcher.Name { return each(list, name) }

func patterns(list string) []matcher.Pattern { return each(list, matcher.MustParsePattern) }

func prefixes(list string) []netip.Prefix {
	return each(list, func(s string) netip.Prefix {
		p, err := zones.ParsePrefix(s)
		if err != nil {
			panic(err)
		}
		return p
	})
}

func addrs(list string) []netip.Addr { return each(list, netip.MustParseAddr) }

func each[V any](list string, parse func(string) V) []V {
	var all []V
	for _, word := range strings.Fields(list) {
		all = append(all, parse(word))
	}
	return all
}

// answer reads one value of `answer`.
func answer(s string) policy.Answer {
	a, err := policy.ParseAnswer([]string{s})
	if err != nil {
		panic(err)
	}
	return a
}

// zone makes a zone of rows.
func zone(name string, rows ...zones.Row) *zones.Zone {
	return &zones.Zone{Name: name, Rows: rows}
}

// catchAll makes a zone that "*" does not include.
func catchAll(name string, rows ...zones.Row) *zones.Zone {
	return &zones.Zone{Name: name, Rows: rows, CatchAll: true}
}

// row makes a row that the vendor requires.
func row(name, patternList, prefixList string) zones.Row {
	return zones.Row{Name: name, Patterns: matcher.ListOf(patterns(patternList)...), Prefixes: prefixes(prefixList), Required: true}
}

// carved makes a row that is carved out.
func carved(name, patternList, prefixList string) zones.Row {
	r := row(name, patternList, prefixList)
	r.CarveOut = true
	return r
}

// group makes a client group.
func group(name, prefixList string) policy.ClientGroup {
	return policy.ClientGroup{Name: name, Prefixes: prefixes(prefixList)}
}

// decide is Decide for the client at an address; "" is one in no group.
func decide(p *policy.Policy, qname, client string) policy.Decision {
	return p.Decide(name(qname), classOf(p, client))
}

func classOf(p *policy.Policy, client string) policy.Class {
	if client == "" {
		return 0
	}
	return p.Class(netip.MustParseAddr(client))
}

// compareSteps lets cmp look at steps as far as others can see them.
var compareSteps = cmp.Options{
	cmp.Comparer(func(a, b matcher.Name) bool { return a == b }), cmpopts.IgnoreUnexported(policy.Step{}),
}
