package wire

import (
	"net/netip"

	"splitdns/matcher"
)

// record is a resource record. It is a value that is never written to: data is
// the RDATA, with the names in it uncompressed and spelled as they came.
type record struct {
	name  matcher.Name
	typ   Type
	class Class
	ttl   uint32
	data  string
}

// set is the type of the RRset that r belongs to; a signature belongs to the
// RRset it signs (RFC 4034, section 3.1.1).
func (r record) set() Type {
	if r.typ == TypeRRSIG {
		return Type(be16(r.data))
	}
	return r.typ
}

// rrset names an RRset within a message.
type rrset struct {
	name matcher.Name
	typ  Type
}

// rrset is the RRset that r belongs to, or that it signs.
func (r record) rrset() rrset { return rrset{r.name, r.set()} }

// address is the address of an A or AAAA record.
func (r record) address() netip.Addr {
	a, _ := netip.AddrFromSlice([]byte(r.data))
	return a
}

// targetOffset says where in the RDATA of a record of type t the one name lies
// that leads on.
func (t Type) targetOffset() (off int, ok bool) {
	switch t {
	case TypeNS, TypeCNAME, TypeDNAME:
		return 0, true
	case TypeMX, TypeSVCB, TypeHTTPS:
		return 2, true
	case TypeSRV:
		return 6, true
	}
	return 0, false
}

// target is the name that r leads to. ok is false if its type has none. The
// target "." of a service binding is the owner itself (RFC 9460, section 2.5.2).
func (r record) target() (n matcher.Name, ok bool) {
	off, ok := r.typ.targetOffset()
	if !ok {
		return matcher.Name{}, false
	}
	if r.typ.isService() && r.data[off] == 0 {
		return r.name, true
	}
	return nameAt(r.data[off:]), true
}

// signer is the zone that signed; r is an RRSIG (RFC 4034, section 3.1.7).
func (r record) signer() matcher.Name { return nameAt(r.data[18:]) }

// minimum is the last field of a SOA record (RFC 2308, section 4).
func (r record) minimum() uint32 {
	s := r.data[len(r.data)-4:]
	return uint32(be16(s))<<16 | uint32(be16(s[2:]))
}

// be16 is the number that s begins with.
func be16(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }

// pick gives the RRset of type t at name, then its signatures; none without the
// RRset itself. The result may be a part of section.
func pick(section []record, name matcher.Name, t Type) []record {
	begin, end, ok := run(section, name, t)
	switch {
	case ok && begin == end:
		return nil
	case ok:
		return section[begin:end:end]
	}
	var set, signatures []record
	for _, r := range section {
		switch {
		case r.name != name:
		case r.typ == t:
			set = append(set, r)
		case r.set() == t:
			signatures = append(signatures, r)
		}
	}
	if set == nil {
		return nil
	}
	return append(set, signatures...)
}

// run finds the RRset of type t at name where it stands in section without a gap
// and has no signatures, as it mostly does. ok says that there is nothing else of
// it, or nothing at all.
func run(section []record, name matcher.Name, t Type) (begin, end int, ok bool) {
	for i, r := range section {
		if r.name != name || r.typ != t && r.set() != t {
			continue
		}
		if begin == end {
			begin, end = i, i
		}
		if end != i || r.typ != t {
			return 0, 0, false
		}
		end++
	}
	return begin, end, true
}
