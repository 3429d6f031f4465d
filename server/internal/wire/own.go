package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strconv"

	"splitdns/matcher"
)

// Record is a resource record of an answer of our own. It never changes. The zero
// value is none.
type Record struct{ record }

// errBehind is more than one record where one is wanted.
var errBehind = errors.New("octets behind the record")

// ParseRecord reads the one record that octets are: owner, type, class, TTL, RDATA, as
// in a message. It is held to the same rules as one from an upstream.
func ParseRecord(octets []byte) (Record, error) {
	u := unpacker{reader: reader{packet: octets}}
	h := u.recordHead()
	if u.err != nil {
		return Record{}, u.err
	}
	r := u.record(h)
	switch {
	case u.err != nil:
		return Record{}, u.err
	case u.off != len(octets):
		return Record{}, errBehind
	}
	return Record{r}, nil
}

// NameRecord is a record of class IN whose RDATA is one name: NS, CNAME, PTR, DNAME.
func NameRecord(owner matcher.Name, t Type, target matcher.Name, ttl uint32) Record {
	return Record{record{owner, t, ClassIN, ttl, target.Wire()}}
}

// AddressRecord is the A or AAAA record of class IN for an address.
func AddressRecord(owner matcher.Name, a netip.Addr, ttl uint32) Record {
	a = a.Unmap()
	t := TypeA
	if a.Is6() {
		t = TypeAAAA
	}
	return Record{record{owner, t, ClassIN, ttl, string(a.AsSlice())}}
}

// SOARecord is the SOA record of a zone that is made up here. It lets a negative answer
// be kept for ttl; the other fields are those of RFC 6303, section 3.
func SOARecord(zone matcher.Name, class Class, ttl uint32) Record {
	const contact = "\x06nobody\x07invalid\x00"
	data := []byte(zone.Wire() + contact)
	for _, v := range [...]uint32{1, 3600, 1200, 604800, ttl} { // serial, refresh, retry, expire, minimum
		data = binary.BigEndian.AppendUint32(data, v)
	}
	return Record{record{zone, TypeSOA, class, ttl, string(data)}}
}

// A Service is what a SVCB record in service mode says (RFC 9460, section 2.4.3). An
// empty field is left out of it.
type Service struct {
	Priority  uint16
	Target    matcher.Name
	ALPN      []string
	Port      uint16
	Addresses []netip.Addr // hints
	DoHPath   string       // RFC 9461, section 5
}

// keyDoHPath is the key of the path of DNS over HTTPS (RFC 9461, section 5).
const keyDoHPath = 7

// SVCBRecord is the SVCB record of class IN that says sv.
func SVCBRecord(owner matcher.Name, sv Service, ttl uint32) Record {
	var alpn, port, ipv4, ipv6 []byte
	for _, id := range sv.ALPN {
		alpn = append(append(alpn, byte(len(id))), id...)
	}
	if sv.Port != 0 {
		port = binary.BigEndian.AppendUint16(nil, sv.Port)
	}
	for _, a := range sv.Addresses {
		if a = a.Unmap(); a.Is4() {
			ipv4 = append(ipv4, a.AsSlice()...)
		} else {
			ipv6 = append(ipv6, a.AsSlice()...)
		}
	}
	list := slices.DeleteFunc([]svcParam{ // in ascending order (RFC 9460, section 2.2)
		{keyALPN, string(alpn)},
		{keyPort, string(port)},
		{keyIPv4Hint, string(ipv4)},
		{keyIPv6Hint, string(ipv6)},
		{keyDoHPath, sv.DoHPath},
	}, func(p svcParam) bool { return p.value == "" })
	head := binary.BigEndian.AppendUint16(nil, sv.Priority)
	return Record{record{owner, TypeSVCB, ClassIN, ttl, string(head) + sv.Target.Wire() + packParams(list)}}
}

// AnyRecord is the one record of a minimal answer to a question about ANY (RFC 8482,
// section 4.2).
func AnyRecord(owner matcher.Name, ttl uint32) Record {
	return Record{record{owner, TypeHINFO, ClassIN, ttl, packTexts([]string{"RFC8482", ""})}}
}

// ReverseName is the name under which an address is looked up (RFC 1035, section 3.5, and
// RFC 3596, section 2.5).
func ReverseName(a netip.Addr) matcher.Name {
	octets, zone := a.AsSlice(), "\x03ip6\x04arpa\x00"
	if a.Is4() {
		zone = "\x07in-addr\x04arpa\x00"
	}
	var b []byte
	for _, octet := range slices.Backward(octets) {
		if a.Is4() {
			digits := strconv.Itoa(int(octet))
			b = append(append(b, byte(len(digits))), digits...)
			continue
		}
		const hex = "0123456789abcdef"
		b = append(b, 1, hex[octet&0xF], 1, hex[octet>>4])
	}
	return nameAt(string(b) + zone)
}

// Name is the owner name.
func (r Record) Name() matcher.Name { return r.name }

// Type is the type of r.
func (r Record) Type() Type { return r.typ }

// Class is the class of r.
func (r Record) Class() Class { return r.class }

// TTL is in seconds.
func (r Record) TTL() uint32 { return r.ttl }

// Minimum is the last field of r, a SOA record: for how many seconds a negative answer
// may be kept (RFC 2308, section 4).
func (r Record) Minimum() uint32 { return r.minimum() }

// Same reports whether r and other differ in no more than the TTL (RFC 2181, section 5).
func (r Record) Same(other Record) bool { return r.identity() == other.identity() }

// Target is the name that r leads to; ok is false if its type has none.
func (r Record) Target() (n matcher.Name, ok bool) { return r.target() }

// WithName is r with another owner.
func (r Record) WithName(owner matcher.Name) Record {
	r.name = owner
	return r
}

// WithTTL is r with another TTL.
func (r Record) WithTTL(ttl uint32) Record {
	r.ttl = ttl
	return r
}

// CNAMEFor is the CNAME record that r, a DNAME record above name, makes for it (RFC 6672,
// section 2.2). ok is false where its target would be too long.
func (r Record) CNAMEFor(name matcher.Name) (made Record, ok bool) {
	list := substitute(r.record, name)
	if list == nil {
		return Record{}, false
	}
	return Record{list[0]}, true
}

// WithAnswer is m, an answer of our own, with records behind those of its answer section.
func (m Message) WithAnswer(records ...Record) Message {
	m.answer = withOwn(m.answer, records)
	m.ad = false
	return m.settled()
}

// WithAuthority is m with records for its authority section, in place of what stood there.
func (m Message) WithAuthority(records ...Record) Message {
	m.authority = withOwn(nil, records)
	m.ad = false
	return m
}

// WithRcode is m, an answer of our own, with another rcode.
func (m Message) WithRcode(r Rcode) Message {
	m.rcode = r
	return m
}

// withOwn is section with records behind it, in memory of its own.
func withOwn(section []record, records []Record) []record {
	section = slices.Clip(section)
	for _, r := range records {
		section = append(section, r.record)
	}
	return section
}
