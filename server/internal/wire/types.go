package wire

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"splitdns/matcher"
)

// Type is the type of a record or a question.
type Type uint16

// The types that this program gives a meaning to. All others pass as they are.
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypePTR        Type = 12
	TypeHINFO      Type = 13
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeAAAA       Type = 28
	TypeSRV        Type = 33
	TypeNAPTR      Type = 35
	TypeDNAME      Type = 39
	TypeOPT        Type = 41
	TypeDS         Type = 43
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeNXNAME     Type = 128
	TypeTKEY       Type = 249
	TypeTSIG       Type = 250
	TypeIXFR       Type = 251
	TypeAXFR       Type = 252
	TypeMAILB      Type = 253
	TypeMAILA      Type = 254
	TypeANY        Type = 255
)

// ParseType reads a type as people write it: "A", "https", "TYPE65280"
// (RFC 3597, section 5).
func ParseType(s string) (Type, error) {
	upper := strings.ToUpper(s)
	if t, ok := dns.StringToType[upper]; ok {
		return Type(t), nil
	}
	if digits, ok := strings.CutPrefix(upper, "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return Type(n), nil
		}
	}
	return 0, fmt.Errorf("unknown record type %q", s)
}

// String is the mnemonic of t, or TYPE and its number.
func (t Type) String() string {
	if name, ok := dns.TypeToString[uint16(t)]; ok && t != 0 && t != 0xFFFF {
		return name
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// IsMeta reports whether t stands for no data of its own: OPT and the range of
// RFC 6895, section 3.1, with ANY and the zone transfers, and the reserved 0.
func (t Type) IsMeta() bool {
	return t == 0 || t == TypeOPT || t >= 128 && t <= 255
}

// isAddress reports whether a record of type t is an address.
func (t Type) isAddress() bool { return t == TypeA || t == TypeAAAA }

// isService reports whether a record of type t is a service binding (RFC 9460).
func (t Type) isService() bool { return t == TypeSVCB || t == TypeHTTPS }

// isProof reports whether t is there only for clients that set DO.
func (t Type) isProof() bool { return t == TypeRRSIG || t == TypeNSEC || t == TypeNSEC3 }

// Class is the class of a record or a question.
type Class uint16

// The classes in use.
const (
	ClassIN   Class = 1
	ClassCH   Class = 3
	ClassHS   Class = 4
	ClassNONE Class = 254
	ClassANY  Class = 255
)

// String is the mnemonic of c, or CLASS and its number.
func (c Class) String() string {
	if name, ok := dns.ClassToString[uint16(c)]; ok {
		return name
	}
	return "CLASS" + strconv.Itoa(int(c))
}

// Rcode is a response code, with the upper bits of EDNS (RFC 6891, section
// 6.1.3).
type Rcode uint16

// The response codes that this program sends or gives a meaning to.
const (
	NoError  Rcode = 0
	FormErr  Rcode = 1
	ServFail Rcode = 2
	NXDomain Rcode = 3
	NotImp   Rcode = 4
	Refused  Rcode = 5
	YXDomain Rcode = 6
	NotAuth  Rcode = 9
	BadVers  Rcode = 16

	BadCookie Rcode = 23 // RFC 7873, section 8
)

// String is the mnemonic of r, or RCODE and its number.
func (r Rcode) String() string {
	if r == BadVers {
		return "BADVERS" // the library has the TSIG error of the same number
	}
	if name, ok := dns.RcodeToString[int(r)]; ok {
		return name
	}
	return "RCODE" + strconv.Itoa(int(r))
}

// ParseRcode reads an rcode as String writes it.
func ParseRcode(s string) (Rcode, error) {
	if s == BadVers.String() {
		return BadVers, nil
	}
	if r, ok := dns.StringToRcode[s]; ok {
		return Rcode(r), nil
	}
	if digits, ok := strings.CutPrefix(s, "RCODE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return Rcode(n), nil
		}
	}
	return 0, fmt.Errorf("unknown rcode %q", s)
}

// EDE is an extended DNS error (RFC 8914). Text is UTF-8 and may be empty.
type EDE struct {
	Code uint16
	Text string
}

// The codes of extended errors that this program sends (RFC 8914, section 4).
const (
	EDEOther            uint16 = 0
	EDEStale            uint16 = 3
	EDEForged           uint16 = 4
	EDEBogus            uint16 = 6
	EDECachedError      uint16 = 13
	EDENotReady         uint16 = 14
	EDEBlocked          uint16 = 15
	EDECensored         uint16 = 16
	EDEFiltered         uint16 = 17
	EDEProhibited       uint16 = 18
	EDEStaleNXDomain    uint16 = 19
	EDENotAuthoritative uint16 = 20
	EDENotSupported     uint16 = 21
	EDENoReachable      uint16 = 22
	EDENetworkError     uint16 = 23
	EDEInvalidData      uint16 = 24
)

// Question is what a query asks for.
type Question struct {
	Name  matcher.Name
	Type  Type
	Class Class
}

// String is q as dig prints it: name, class, type.
func (q Question) String() string {
	return q.Name.String() + " " + q.Class.String() + " " + q.Type.String()
}
