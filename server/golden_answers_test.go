package server_test

import "testing"

// answers has a rule for each form of an answer.
const answers = `
[zone.vendor]
file = "vendor.toml"

[rule.nxdomain]
names  = ["*.nx.example"]
log    = true
tags   = ["blocked"]
answer = "nxdomain"

[rule.nodata]
names  = ["nodata.example"]
log    = true
answer = "nodata"

[rule.refused]
names  = ["refused.example"]
log    = true
answer = "refused"

[rule.null]
names  = ["null.example"]
log    = true
answer = "null"

[rule.addresses]
names  = ["addresses.example"]
log    = true
answer = ["192.0.2.7", "192.0.2.8", "2001:db8::7"]
max_ttl = "30s"

[rule.four]
names  = ["one.example"]
log    = true
answer = "192.0.2.7"

[rule.alias]
names  = [".alias.example"]
log    = true
answer = "www.alias.example"

[rule.wide]
names  = [".lifted.example"]
answer = "nxdomain"

[rule.lifted]
names  = ["ok.lifted.example"]
log    = true
answer = ""

[rule.pinned]
names  = ["dual.example"]
log    = true
pin    = "enforce"
answer = "192.0.2.77"
`

// allTypes asks for each type of a name, whatever the upstream says of it.
func allTypes(name, upstream string) []golden {
	var cells []golden
	for _, words := range []string{"A", "AAAA", "HTTPS", "TXT", "CNAME", "ANY", "A +do +cd", "A +nord"} {
		cells = append(cells, golden{title: name + " " + words, question: name + " " + words, upstream: upstream})
	}
	return cells
}

// wrong is what an upstream would say if it were asked.
const wrong = "rcode SERVFAIL"

// answerForms asks for each form of an answer.
var answerForms = []struct {
	name  string
	cells []golden
}{
	{"nxdomain", allTypes("a.nx.example", wrong)},
	{"nodata", allTypes("nodata.example", wrong)},
	{"refused", allTypes("refused.example", wrong)},
	{"null", allTypes("null.example", wrong)},
	{"addresses", allTypes("addresses.example", wrong)},
	{"others", []golden{
		{"one address", "one.example A", wrong},
		{"one address, the other IP version", "one.example AAAA", wrong},
		{"an answer goes before a pin", "dual.example A", wrong},
		{"without EDNS", "a.nx.example A +noedns", wrong},
		{"a rule's wide name does not hold itself", "nx.example A", "nx.example. 300 IN A 198.51.100.1"},
		{"the wide block", "x.lifted.example A", wrong},
		{"the block lifted", "ok.lifted.example A", "ok.lifted.example. 300 IN A 198.51.100.1"},
	}},
}

func TestGoldenAnswers(t *testing.T) {
	for _, form := range answerForms {
		t.Run(form.name, func(t *testing.T) { checkGolden(t, "answer-"+form.name, answers, form.cells) })
	}
}

// target is the beginning of the records of what the alias leads to.
const target = "www.alias.example. 300 IN "

// aliasCells ask for names that a rule leads to another one.
var aliasCells = []golden{
	{"A", "a.alias.example A", target + "A 198.51.100.1"},
	{"AAAA", "a.alias.example AAAA", target + "AAAA 2001:db8:f::1"},
	{"HTTPS", "a.alias.example HTTPS", target + "HTTPS 1 . ipv4hint=198.51.100.1"},
	{"HTTPS that leads back is no loop", "a.alias.example HTTPS", target + "HTTPS 1 a.alias.example. alpn=h2"},
	{"CNAME asked for", "a.alias.example CNAME", "rcode SERVFAIL"},
	{"ANY", "a.alias.example ANY", "rcode SERVFAIL"},
	{"the target has a chain", "a.alias.example A", target + "CNAME edge.cdn.test.\nedge.cdn.test. 60 IN A 198.51.100.1"},
	{"the target leads back", "a.alias.example A", target + "CNAME a.alias.example.\na.alias.example. 60 IN A 198.51.100.1"},
	{"the target has no such record", "a.alias.example TXT", "au alias.example. 60 IN SOA ns.alias.example. host.alias.example. 1 2 3 4 30"},
	{"the target does not exist", "a.alias.example A", "rcode NXDOMAIN\nau alias.example. 60 IN SOA ns.alias.example. host.alias.example. 1 2 3 4 30"},
	{"the upstream fails", "a.alias.example A", "rcode SERVFAIL"},
	{"signed", "a.alias.example A +do", "ad\n" + target + "A 198.51.100.1\n" + target + "RRSIG A" + sig},
	{"without RD, not cached", "a.alias.example A +nord", target + "A 198.51.100.1"},
	{"the target itself, though the rule matches it", "www.alias.example A", target + "A 198.51.100.1"},
}

func TestGoldenAlias(t *testing.T) { checkGolden(t, "answer-cname", answers, aliasCells) }

// along has rules that match names behind a question.
const along = `
[zone.vendor]
file = "vendor.toml"

[rule.published]
zones = ["vendor"]
log   = true

[rule.tracking]
names  = [".tracker.test"]
log    = true
tags   = ["tracker"]
answer = "null"

[rule.gone]
names  = ["gone.test"]
answer = "nxdomain"

[rule.cdn]
names = ["*.cdn.test"]
log   = true
tags  = ["cdn"]
pin   = "enforce"

[rule.wanted]
names  = ["wanted.example"]
answer = ""

[rule.moved]
names  = ["moved.test"]
answer = "elsewhere.test"
`

// alongCells ask for names whose chains the rules match.
var alongCells = []golden{
	{"blocked behind a chain", "www.example A", "www.example. 300 IN CNAME a.tracker.test.\na.tracker.test. 60 IN A 198.51.100.1"},
	{"blocked behind a chain, other type", "www.example HTTPS", "www.example. 300 IN CNAME a.tracker.test.\nau tracker.test. 60 IN SOA ns.test. host.test. 1 2 3 4 30"},
	{"the first name of the chain that is blocked decides", "www.example A", "www.example. 300 IN CNAME gone.test.\ngone.test. 60 IN CNAME a.tracker.test.\na.tracker.test. 60 IN A 198.51.100.1"},
	{"blocked through a service's target", "www.example HTTPS", "www.example. 300 IN HTTPS 1 a.tracker.test. alpn=h2"},
	{"a row matches the QNAME", "dual.example A", "dual.example. 300 IN CNAME a.tracker.test.\na.tracker.test. 60 IN A 198.51.100.1"},
	{"a rule speaks about the QNAME", "wanted.example A", "wanted.example. 300 IN CNAME a.tracker.test.\na.tracker.test. 60 IN A 198.51.100.1"},
	{"tagged along the chain, routed and pinned by the QNAME", "dual.example A", "dual.example. 300 IN CNAME e.cdn.test.\ne.cdn.test. 60 IN A 198.51.100.1"},
	{"tagged along the chain, otherwise unmatched", "www.example A", "www.example. 300 IN CNAME e.cdn.test.\ne.cdn.test. 60 IN A 198.51.100.1"},
	{"an alias behind a chain is not followed", "www.example A", "www.example. 300 IN CNAME moved.test.\nmoved.test. 60 IN A 198.51.100.1"},
}

func TestGoldenAlong(t *testing.T) { checkGolden(t, "along", along, alongCells) }
