package wire

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"splitdns/matcher"
)

// Message is a response, an upstream's or our own. It never changes, so it is
// safe for concurrent use; methods that edit return a new one. The zero value is
// no message.
type Message struct {
	question   Question
	rcode      Rcode
	ad, tc     bool
	answer     []record // the chain from the QNAME in order, then what was asked for
	authority  []record
	additional []record
	edes       []EDE

	// What follows from the question and the records, see settled.
	end       matcher.Name
	chain     []matcher.Name
	links     int // of chain: the targets of CNAME records
	addresses []netip.Addr
}

// NewMessage is the response to q without any record.
func NewMessage(q Question, rcode Rcode) Message {
	return Message{question: q, rcode: rcode, end: q.Name}
}

// IsZero reports whether m is no message.
func (m Message) IsZero() bool { return m.question.Name.IsZero() }

// Question is what m answers.
func (m Message) Question() Question { return m.question }

// Rcode is the response code, its EDNS bits included.
func (m Message) Rcode() Rcode { return m.rcode }

// AD reports whether the upstream says that it validated m and m is as it came.
func (m Message) AD() bool { return m.ad }

// Truncated reports whether the upstream cut m short; it has no records then.
func (m Message) Truncated() bool { return m.tc }

// EDEs are the extended errors that the upstream sent. The caller must not write
// to them.
func (m Message) EDEs() []EDE { return m.edes }

// Empty reports whether the answer has no record of the type asked for: with
// NoError that is NODATA (RFC 2308, section 2.2).
func (m Message) Empty() bool {
	t, end := m.question.Type, m.End()
	return !slices.ContainsFunc(m.answer, func(r record) bool {
		return t == TypeANY || r.name == end && r.typ == t
	})
}

// End is the name at the end of the CNAME chain, the QNAME without one. A chain
// is not followed for a question about CNAME or ANY (RFC 1034, section 3.6.2).
func (m Message) End() matcher.Name { return m.end }

// Chain are the names that the answer leads to: the targets of its CNAME records
// in order (each DNAME has one after it), then those of its service bindings
// other than ".", each once. The caller must not write to them.
func (m Message) Chain() []matcher.Name { return m.chain }

// Links are the targets of the CNAME records of m, in order: [Message.Chain] begins with them. The
// caller must not write to them.
func (m Message) Links() []matcher.Name { return m.chain[:m.links] }

// AddressesAt are the addresses of the A and AAAA records that name owns, each once.
func (m Message) AddressesAt(name matcher.Name) []netip.Addr {
	ofOthers := func(r record) bool { return r.name != name || !r.typ.isAddress() }
	return places(slices.DeleteFunc(slices.Clone(m.answer), ofOthers), slices.DeleteFunc(slices.Clone(m.additional), ofOthers))
}

// Addresses are all addresses in m, as they came, each once: those of A and AAAA
// records and of the hints of service bindings in the answer, then those of the
// additional section. The caller must not write to them.
func (m Message) Addresses() []netip.Addr { return m.addresses }

// settled is m with what follows from its question and records. It is worked out
// when m is made, not when it is asked for: a message in the cache is asked for it
// by every query.
func (m Message) settled() Message {
	links := targets(m.answer)
	m.links, m.chain = len(links), appendServices(links, m.answer)
	m.addresses = places(m.answer, m.additional)
	m.end = m.question.Name
	if t := m.question.Type; len(links) > 0 && t != TypeCNAME && t != TypeANY {
		m.end = links[len(links)-1]
	}
	return m
}

// targets are the targets of the CNAME records of answer.
func targets(answer []record) (links []matcher.Name) {
	for _, r := range answer {
		if r.typ == TypeCNAME {
			t, _ := r.target()
			links = append(links, t)
		}
	}
	return links
}

// appendServices appends the targets of the service bindings of answer, each once.
func appendServices(chain []matcher.Name, answer []record) []matcher.Name {
	var seen table[matcher.Name, struct{}]
	for _, r := range answer {
		if !r.typ.isService() {
			continue
		}
		t, _ := r.target()
		if _, ok := seen.find(t); !ok && t != r.name {
			seen.add(t, struct{}{})
			chain = append(chain, t)
		}
	}
	return chain
}

// places are the addresses in answer and additional, each once.
func places(answer, additional []record) []netip.Addr {
	var all []netip.Addr
	var seen table[netip.Addr, struct{}]
	add := func(a netip.Addr) {
		if _, ok := seen.find(a); ok {
			return
		}
		if all == nil {
			all = make([]netip.Addr, 0, len(answer)+len(additional))
		}
		seen.add(a, struct{}{})
		all = append(all, a)
	}
	for _, section := range [...][]record{answer, additional} {
		for _, r := range section {
			r.addresses(add)
		}
	}
	return all
}

// addresses calls f for each address in r.
func (r record) addresses(f func(netip.Addr)) {
	switch {
	case r.typ.isAddress():
		f(r.address())
	case r.typ.isService():
		r.hints(f)
	}
}

// Lifetime is how long m may be kept: as long as its shortest TTL, a negative
// answer also no longer than the MINIMUM of its SOA (RFC 2308, section 5), 0
// without a SOA. Failures and truncated messages have none: 0.
func (m Message) Lifetime(maxPositive, maxNegative time.Duration) time.Duration {
	if m.tc || m.rcode != NoError && m.rcode != NXDomain {
		return 0
	}
	ttl, limit := m.minTTL(), maxPositive
	if m.negative() {
		soa, ok := m.soa()
		if !ok {
			return 0
		}
		ttl, limit = min(ttl, soa.minimum()), maxNegative
	}
	return min(time.Duration(ttl)*time.Second, limit)
}

// negative reports whether m says that there is no such name or no such data.
func (m Message) negative() bool { return m.rcode == NXDomain || m.rcode == NoError && m.Empty() }

// DeniesName reports whether m says that the name of its question does not exist, for
// whatever type (RFC 8020, section 2). At the end of a CNAME chain it is another name that
// does not.
func (m Message) DeniesName() bool { return m.rcode == NXDomain && len(m.answer) == 0 }

// soa is the SOA record of the authority section.
func (m Message) soa() (record, bool) {
	i := slices.IndexFunc(m.authority, func(r record) bool { return r.typ == TypeSOA })
	if i < 0 {
		return record{}, false
	}
	return m.authority[i], true
}

// sections are the records of m.
func (m Message) sections() [3][]record { return [...][]record{m.answer, m.authority, m.additional} }

// minTTL is the shortest TTL in m.
func (m Message) minTTL() uint32 {
	ttl := uint32(maxTTL)
	for _, section := range m.sections() {
		for _, r := range section {
			ttl = min(ttl, r.ttl)
		}
	}
	return ttl
}

// maxTTL is the longest TTL in m.
func (m Message) maxTTL() (ttl uint32) {
	for _, section := range m.sections() {
		for _, r := range section {
			ttl = max(ttl, r.ttl)
		}
	}
	return ttl
}

// AddressTTL is the longest TTL, in seconds, of the records that hold the addresses of m; 0 without
// any.
func (m Message) AddressTTL() (ttl uint32) {
	for _, section := range [...][]record{m.answer, m.additional} {
		for _, r := range section {
			if r.typ.isAddress() || r.typ.isService() {
				ttl = max(ttl, r.ttl)
			}
		}
	}
	return ttl
}

// Text is the answer section as dig prints it, a record a line.
func (m Message) Text() string {
	lines := make([]string, 0, len(m.answer))
	for _, r := range m.answer {
		lines = append(lines, r.String())
	}
	return strings.Join(lines, "\n")
}

// String is r in presentation form; if the library does not take its RDATA, in
// that of an unknown type (RFC 3597, section 5).
func (r record) String() string {
	p := packer{}
	p.record(r)
	if rr, _, err := dns.UnpackRR(p.buf, 0); err == nil {
		return rr.String()
	}
	rr := new(dns.RFC3597)
	owner, _, _ := dns.UnpackDomainName(p.buf, 0)
	rr.Hdr = dns.RR_Header{Name: owner, Rrtype: uint16(r.typ), Class: uint16(r.class), Ttl: r.ttl}
	rr.Rdata = hex.EncodeToString([]byte(r.data))
	return rr.String()
}
