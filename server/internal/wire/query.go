package wire

import (
	"fmt"
	"net/netip"

	"splitdns/matcher"
)

// Query is a query from a client.
type Query struct {
	ID uint16
	Question
	Spelled        string // the name as it was sent, in wire form
	RD, CD, AD, DO bool
	EDNS           bool         // it had an OPT record, so the response has one
	UDPSize        int          // the largest datagram the client takes; 512 at least
	SubnetSent     bool         // it had a client subnet (RFC 7871)
	Subnet         netip.Prefix // which one; the zero value for 0/0 of no family
	Sent           Sent
	Cookie         string // the data of the COOKIE option, 8 octets or 16 to 40; "" if there was none
}

// ParseQuery reads a query, strictly: opcode QUERY, exactly one question that is
// really there (RFC 9619), no answers, at most one OPT record, EDNS version 0,
// the end where it should be. Where it returns a [Refusal] there is no query.
//
// Unknown EDNS options, the Z bits and TC are ignored, and so are additional
// records other than OPT and TSIG. The classes and the types AXFR, IXFR and ANY
// are the caller's to judge.
func ParseQuery(packet []byte) (Query, *Refusal) {
	h, ok := readHeader(packet)
	if !ok {
		return Query{}, &Refusal{Drop: true, Why: "shorter than a header"}
	}
	if h.has(flagQR) {
		return Query{}, &Refusal{Drop: true, Why: "a response, not a query"}
	}
	p := queryParser{reader: reader{packet: packet, off: headerSize}, header: h}
	if h.opcode() != 0 {
		return Query{}, p.refuse(NotImp, fmt.Sprintf("opcode %d is not implemented", h.opcode()))
	}
	if refusal := p.read(); refusal != nil {
		return Query{}, refusal
	}
	return p.query, nil
}

// queryParser is a query while it is read.
type queryParser struct {
	reader
	header
	query    Query
	question []byte // the question as sent, once it is read
	opt      opt
	tsig     *tsig
}

// read reads the query. The steps are called one by one, as a list of them would
// have to lie on the heap, and p with it.
func (p *queryParser) read() *Refusal {
	if refusal := p.readQuestion(); refusal != nil {
		return refusal
	}
	if refusal := p.readRecords(); refusal != nil {
		return refusal
	}
	if refusal := p.checkEDNS(); refusal != nil {
		return refusal
	}
	if refusal := p.checkTSIG(); refusal != nil {
		return refusal
	}
	return p.checkType()
}

// readQuestion reads the question. Nothing stands before its name that a
// compression pointer could lead to, so there must be none.
func (p *queryParser) readQuestion() *Refusal {
	if p.questions == 0 {
		return p.readNoQuestion()
	}
	if p.questions != 1 {
		return p.refuse(FormErr, fmt.Sprintf("QDCOUNT is %d, not 1", p.questions))
	}
	name, size, err := matcher.NameFromWire(p.packet[headerSize:])
	if err != nil {
		return p.refuse(FormErr, "question: "+err.Error())
	}
	spelled := name.Wire()
	if sent := p.take(size); string(sent) != spelled {
		spelled = string(sent)
	}
	question := Question{name, Type(p.uint16()), Class(p.uint16())}
	if p.err != nil {
		return p.refuse(FormErr, "question: ends early")
	}
	p.question = p.packet[headerSize:p.off]
	p.query = Query{
		ID:       p.id,
		Question: question,
		Spelled:  spelled,
		RD:       p.has(flagRD),
		CD:       p.has(flagCD),
		AD:       p.has(flagAD),
		UDPSize:  minUDPSize,
	}
	return nil
}

// readNoQuestion refuses a query without a question, which may ask for a cookie all the same.
func (p *queryParser) readNoQuestion() *Refusal {
	refusal := p.readRecords()
	if refusal == nil {
		refusal = p.checkEDNS()
	}
	if refusal != nil {
		return refusal
	}
	refusal = p.refuse(FormErr, "QDCOUNT is 0, not 1")
	refusal.Asks = refusal.Cookie != nil
	return refusal
}

// maxExtra are the additional records that a query may have. OPT, TSIG and
// SIG(0) are all that are known.
const maxExtra = 8

// readRecords reads everything after the question. Only IXFR has a record before
// the additional section, the SOA that the client holds (RFC 1995, section 3).
func (p *queryParser) readRecords() *Refusal {
	if p.answers != 0 || p.authorities > p.mostAuthorities() || p.more > maxExtra {
		return p.refuse(FormErr, fmt.Sprintf("ANCOUNT is %d, NSCOUNT %d and ARCOUNT %d, in a query", p.answers, p.authorities, p.more))
	}
	if p.authorities == 1 {
		p.take(p.recordHead().size)
	}
	for i := range p.more {
		if err := p.readRecord(i+1 == p.more); err != nil {
			return p.refuse(FormErr, err.Error())
		}
	}
	if p.err != nil {
		return p.refuse(FormErr, p.err.Error())
	}
	if p.off != len(p.packet) {
		return p.refuse(FormErr, fmt.Sprintf("%d octets after the end", len(p.packet)-p.off))
	}
	return nil
}

// mostAuthorities are the authority records that the query may have.
func (p *queryParser) mostAuthorities() uint16 {
	if p.query.Type == TypeIXFR {
		return 1
	}
	return 0
}

// readRecord reads a record of the additional section. Those that nobody here
// knows are passed over (SIG(0), RFC 2931), their names unread.
func (p *queryParser) readRecord(last bool) (err error) {
	h := p.recordHead()
	data := p.take(h.size)
	switch {
	case p.err != nil:
		return p.err
	case h.typ == TypeOPT && p.opt.sent:
		return errTwoOPTs
	case h.typ == TypeOPT:
		p.opt, err = readOPT(h, data)
	case h.typ == TypeTSIG:
		key, _, _ := appendName(nil, p.packet, h.at) // none if it is malformed
		p.tsig, err = readTSIG(key, data, last)
	}
	return err
}

// checkEDNS takes over what the OPT record says.
func (p *queryParser) checkEDNS() *Refusal {
	if !p.opt.sent {
		return nil
	}
	if p.opt.version != 0 {
		return p.refuse(BadVers, fmt.Sprintf("EDNS version %d", p.opt.version))
	}
	subnet, sent, err := p.opt.subnet()
	if err != nil {
		return p.refuse(FormErr, err.Error())
	}
	if p.opt.heard.badCookie {
		return p.refuse(FormErr, errCookie.Error()) // RFC 7873, section 5.2.2
	}
	p.query.EDNS = true
	p.query.DO = p.opt.do
	p.query.UDPSize = max(int(p.opt.size), minUDPSize)
	p.query.Subnet, p.query.SubnetSent = subnet, sent
	p.query.Sent, p.query.Cookie = p.opt.heard.Sent, string(p.opt.heard.cookie)
	return nil
}

// checkTSIG refuses a signed query: there are no keys here, so none is known
// (RFC 8945, section 5.2.1).
func (p *queryParser) checkTSIG() *Refusal {
	if p.tsig == nil {
		return nil
	}
	return p.refuse(NotAuth, "signed with a TSIG key that is not known")
}

// checkType refuses the types that cannot be asked for (RFC 6895, section 3.1),
// NXNAME with the rcode that RFC 9824, section 3.4 wants.
func (p *queryParser) checkType() *Refusal {
	rcode := NotImp
	switch t := p.query.Type; {
	case !t.IsMeta(), t == TypeANY, t == TypeAXFR, t == TypeIXFR:
		return nil
	case t == 0, t == TypeOPT, t == TypeTSIG, t == TypeNXNAME:
		rcode = FormErr
	}
	return p.refuse(rcode, p.query.Type.String()+" cannot be asked for")
}
