package localzone

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
	"splitdns/zones/tomlfile"
)

// Hosts is one hosts file, ready to answer. It never changes.
type Hosts struct {
	names map[matcher.Name]*host
}

// host is what is listed for one name: addresses, or for the reverse name of an address
// the name that it has.
type host struct {
	zone    string // of the file that lists it first
	records []wire.Record
}

// hostTTL is the lifetime of answers from a hosts file, in seconds. The file has none, and
// a change of it should be seen soon.
const hostTTL = 60

// Bounds of a hosts file.
const (
	maxHostNames     = 500_000
	maxHostAddresses = 250 // for one name: more do not fit into a UDP response by far
	maxHostLine      = 64 << 10
)

// with is h and what another file lists for the same name. A nil h lists nothing.
func (h *host) with(other *host) *host {
	if h == nil {
		return other
	}
	both := &host{zone: h.zone, records: slices.Clip(h.records)}
	for _, r := range other.records {
		if r.Type() != wire.TypePTR && !slices.ContainsFunc(both.records, r.Same) {
			both.records = append(both.records, r)
		}
	}
	return both
}

// answer gives the records of type t, NODATA if there are none. The SOA record that lets
// that be kept is the name's own: what lies beside and below it is not known here.
func (h *host) answer(name matcher.Name, t wire.Type) found {
	f := found{zone: h.zone}
	if t == wire.TypeANY {
		f.records = []wire.Record{wire.AnyRecord(name, hostTTL)}
		return f
	}
	for _, r := range h.records {
		if r.Type() == t {
			f.records = append(f.records, r)
		}
	}
	if len(f.records) == 0 {
		f.soa = wire.SOARecord(name, wire.ClassIN, hostTTL)
	}
	return f
}

// ParseHosts reads a hosts file: an address a line, then the names that it has, the first
// of which is what it is called; # begins a comment. The Hosts are nil where any problem is
// more than a warning.
func ParseHosts(zone, file string, data []byte) (*Hosts, tomlfile.Problems) {
	p := &hostsParser{zone: zone, problems: tomlfile.Record{File: file}, hosts: &Hosts{names: make(map[matcher.Name]*host)}}
	for text := range bytes.Lines(data) {
		p.problems.LastLine++
		if !p.line(text) {
			break
		}
	}
	if problems := p.problems.Problems(); problems.Errors() {
		return nil, problems
	}
	return p.hosts, p.problems.Problems()
}

// hostsParser reads a hosts file.
type hostsParser struct {
	zone     string
	problems tomlfile.Record
	hosts    *Hosts
}

// problem records what is wrong with the present line.
func (p *hostsParser) problem(format string, args ...any) {
	p.problems.Add(tomlfile.Problem{File: p.problems.File, Line: p.problems.LastLine, Text: fmt.Sprintf(format, args...)})
}

// line reads one line, and reports whether to go on.
func (p *hostsParser) line(text []byte) bool {
	if len(text) > maxHostLine {
		p.problem("the line has more than %d octets; want an address and its names", maxHostLine)
		return false
	}
	content, _, _ := strings.Cut(string(text), "#")
	words := strings.Fields(content)
	if len(words) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(words[0])
	switch {
	case err != nil:
		p.problem("%q is no address; want lines such as \"192.0.2.1 printer.example\"", words[0])
	case addr.Zone() != "":
		p.problem("%q: an interface has no place here; write %q", words[0], addr.WithZone(""))
	case len(words) == 1:
		p.problem("%q has no name; add one behind it, or leave out the line", words[0])
	default:
		p.names(addr.Unmap(), words[1:])
	}
	if len(p.hosts.names) > maxHostNames {
		p.problem("more than %d names", maxHostNames)
		return false
	}
	return true
}

// names adds the names of an address.
func (p *hostsParser) names(addr netip.Addr, words []string) {
	reverse := wire.ReverseName(addr)
	for _, word := range words {
		name, err := matcher.ParseName(word)
		if err != nil {
			p.problem("%v", err)
			continue
		}
		if len(name.Wire()) == 1 {
			p.problem("%q: the root is no host", word)
			continue
		}
		p.add(wire.AddressRecord(name, addr, hostTTL))
		if p.hosts.names[reverse] == nil {
			p.add(wire.NameRecord(reverse, wire.TypePTR, name, hostTTL))
		}
	}
}

// add adds a record.
func (p *hostsParser) add(r wire.Record) {
	h := p.hosts.names[r.Name()]
	if h == nil {
		h = &host{zone: p.zone}
		p.hosts.names[r.Name()] = h
	}
	switch {
	case slices.ContainsFunc(h.records, r.Same):
	case len(h.records) == maxHostAddresses:
		p.problem("%q has more than %d addresses", r.Name(), maxHostAddresses)
	default:
		h.records = append(h.records, r)
	}
}
