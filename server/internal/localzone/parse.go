package localzone

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"

	"splitdns/matcher"
	"splitdns/server/internal/wire"
	"splitdns/zones/tomlfile"
)

// Bounds of a zone file.
const (
	// MaxSize is the size in octets of the largest file that is read, zone or hosts file.
	MaxSize = 16 << 20

	maxRecords   = 500_000
	maxOctets    = 64 << 20  // of all names and RDATA: owners that are left out take none in the file
	maxZoneLine  = 512 << 10 // more than the longest record takes
	maxRRset     = 500
	defaultTTL   = 3600      // seconds: of records without one where the file has no $TTL
	maxRecordTTL = 604800    // RFC 8767, section 4
	maxTTL       = 1<<31 - 1 // RFC 2181, section 8
)

// ParseZone reads a zone file about origin. The Zone is nil where any problem is more than
// a warning; after a syntax error the rest is read for what else is wrong. $INCLUDE is refused,
// as a file says all by itself, and $GENERATE, which is not of RFC 1035.
func ParseZone(zone, file string, origin matcher.Name, data []byte) (*Zone, tomlfile.Problems) {
	p := &zoneParser{
		lines: lines{data: data, line: 1}, problems: tomlfile.Record{File: file},
		zone: &Zone{name: zone, origin: origin, nodes: make(map[string]*node)},
	}
	if err := p.read(); err != nil {
		p.problems.Add(*err)
		return nil, p.problems.Problems()
	}
	p.finish()
	if problems := p.problems.Problems(); problems.Errors() {
		return nil, problems
	}
	return p.zone, p.problems.Problems()
}

// zoneParser reads a zone file.
type zoneParser struct {
	lines    lines
	problems tomlfile.Record
	zone     *Zone
	octets   int
	signed   bool // signatures were left out
	targets  []target

	parser *dns.ZoneParser
	owner  string // of the record before
	faults int    // entries that could not be read
	shift  int    // what to add to the parser's lines
	badTTL uint32 // that was complained of last
}

// lines gives octets one by one, and knows how many lines were read. The library reads no
// further than to the end of the record that it gives. Before the end of a line it gives a
// space: the library takes words for one that parentheses put on two lines.
type lines struct {
	data   []byte
	before []byte // goes before data, and is in no line
	off    int
	line   int // that the last octet was in
	next   bool
	spaced bool // the space was given
	size   int  // of the line so far
}

// What ends the reading of a file.
var (
	errLine     = fmt.Errorf("the line has more than %d octets", maxZoneLine)
	errGenerate = errors.New("$GENERATE is not supported; write the records out")
)

// generate is a directive of BIND's. A few octets of it are 65,536 records, or lines that
// come to nothing, for as long as anybody likes.
const generate = "$GENERATE"

// ReadByte gives the next octet.
func (l *lines) ReadByte() (byte, error) {
	if len(l.before) > 0 {
		c := l.before[0]
		l.before = l.before[1:]
		return c, nil
	}
	if l.off == len(l.data) {
		return 0, io.EOF
	}
	if l.next {
		l.line, l.size, l.next = l.line+1, 0, false
	}
	if rest := l.data[l.off:]; l.size == 0 && len(rest) >= len(generate) && strings.EqualFold(string(rest[:len(generate)]), generate) {
		return 0, errGenerate
	}
	c := l.data[l.off]
	if c == '\n' && !l.spaced {
		l.spaced = true
		return ' ', nil
	}
	l.spaced = false
	l.off++
	l.next = c == '\n'
	if l.size++; l.size > maxZoneLine {
		return 0, errLine
	}
	return c, nil
}

// Read is never called: whoever can read octets one by one does.
func (l *lines) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// problem records what is wrong on a line.
func (p *zoneParser) problem(line int, format string, args ...any) {
	p.problems.Add(tomlfile.Problem{File: p.problems.File, Line: line, Text: fmt.Sprintf(format, args...)})
}

// read reads all records. The problem is one because of which the rest was not read.
func (p *zoneParser) read() *tomlfile.Problem {
	p.parser = p.newParser()
	for {
		from := p.lines.off
		rr, ok := p.parser.Next()
		p.problems.LastLine = p.lines.line
		if !ok {
			if err := p.parser.Err(); err != nil && p.fault(err, from) {
				continue
			}
			return nil
		}
		p.owner = rr.Header().Name
		p.record(rr)
		switch {
		case p.zone.size > maxRecords:
			return p.stop("more than %d records", maxRecords)
		case p.octets > maxOctets:
			return p.stop("the records are larger than %d MiB", maxOctets>>20)
		}
	}
}

// newParser reads lines with the library.
func (p *zoneParser) newParser() *dns.ZoneParser {
	zp := dns.NewZoneParser(&p.lines, p.zone.origin.String()+".", "")
	zp.SetDefaultTTL(defaultTTL)
	return zp
}

// stop is a problem on the present line because of which the rest is not read.
func (p *zoneParser) stop(format string, args ...any) *tomlfile.Problem {
	return &tomlfile.Problem{File: p.problems.File, Line: p.lines.line, Text: fmt.Sprintf(format, args...)}
}

// record adds one record.
func (p *zoneParser) record(rr dns.RR) {
	h, line := rr.Header(), p.lines.line
	r, err := p.convert(rr)
	switch {
	case wire.Type(h.Rrtype).IsMeta():
		p.problem(line, "%s: %v is no type that a record can have", h.Name, wire.Type(h.Rrtype))
	case err != nil:
		p.problem(line, "%s record of %s: %v", dns.Type(h.Rrtype), h.Name, err)
	case r.Class() != wire.ClassIN:
		p.problem(line, "%v: class %v; want IN", r.Name(), r.Class())
	case !p.zone.covers(r.Name()):
		p.problem(line, "%v is outside of the zone %v; a relative name ends without a dot", r.Name(), p.zone.origin)
	case isSignature(r.Type()):
		p.unsigned(line)
	case h.Ttl > maxTTL:
		p.tooLong(h.Ttl, line)
	default:
		p.add(r, line)
		p.note(rr, r.Name(), line)
	}
}

// tooLong says once that ttl is no TTL: a $TTL is every record's.
func (p *zoneParser) tooLong(ttl uint32, line int) {
	if ttl != p.badTTL {
		p.problem(line, "the TTL is %d seconds, and %d are the most; write a shorter one, such as \"1d\"", ttl, maxTTL)
	}
	p.badTTL = ttl
}

// convert makes the library's record one of ours, by way of its octets.
func (p *zoneParser) convert(rr dns.RR) (wire.Record, error) {
	buf := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return wire.Record{}, errors.New(strings.TrimPrefix(err.Error(), "dns: "))
	}
	p.octets += end
	r, err := wire.ParseRecord(buf[:end])
	if r.TTL() > maxRecordTTL {
		r = r.WithTTL(maxRecordTTL)
	}
	return r, err
}

// isSignature reports whether t is what signing a zone adds to it.
func isSignature(t wire.Type) bool {
	return t == wire.TypeRRSIG || t == wire.TypeNSEC || t == wire.TypeNSEC3 || t == wire.TypeNSEC3PARAM
}

// unsigned warns once that signatures are left out.
func (p *zoneParser) unsigned(line int) {
	if !p.signed {
		p.signed = true
		text := "RRSIG, NSEC, NSEC3 and NSEC3PARAM records are left out: answers of local zones are not signed"
		p.problems.Add(tomlfile.Problem{File: p.problems.File, Line: line, Text: text, Warning: true})
	}
}

// add puts r into the zone, and the empty non-terminals above it.
func (p *zoneParser) add(r wire.Record, line int) {
	n := p.zone.node(r.Name())
	p.zone.size++
	n.line = line
	i := n.index(r.Type())
	if i < 0 {
		n.sets = append(n.sets, rrset{r})
		return
	}
	set := n.sets[i]
	ttl := min(set[0].TTL(), r.TTL()) // RFC 2181, section 5.2: those of an RRset are equal
	isNew := true
	for j := range set {
		if set[j].TTL() != ttl {
			set[j] = set[j].WithTTL(ttl)
		}
		isNew = isNew && !set[j].Same(r)
	}
	switch {
	case !isNew:
	case len(set) == maxRRset:
		p.problem(line, "%v has more than %d %v records", r.Name(), maxRRset, r.Type())
	default:
		n.sets[i] = append(set, r.WithTTL(ttl))
	}
}

// index is where the RRset of type t is, -1 if there is none.
func (n *node) index(t wire.Type) int {
	for i, set := range n.sets {
		if set[0].Type() == t {
			return i
		}
	}
	return -1
}

// node gives the node at name, and makes it and those above it where they do not exist.
func (z *Zone) node(name matcher.Name) *node {
	n := z.nodes[name.Wire()]
	if n != nil {
		return n
	}
	n = new(node)
	z.nodes[name.Wire()] = n
	for suffix := name.Wire(); len(suffix) > len(z.origin.Wire()); {
		suffix = suffix[1+int(suffix[0]):]
		if z.nodes[suffix] != nil {
			break
		}
		z.nodes[suffix] = new(node)
	}
	return n
}
