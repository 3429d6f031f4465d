package wire

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// errRData is RDATA that does not have the fields of its type.
var errRData = errors.New("malformed RDATA")

// field is one part of RDATA: a number of octets, or one of the kinds below.
type field int

const (
	anyName   field = -iota - 1 // a name that may be compressed
	plainName                   // a name that must not be
	text                        // one character-string
	texts                       // one or more of them, to the end
	some                        // one or more octets, to the end
	rest                        // any octets, to the end
	bitmap                      // the type bit maps of RFC 4034, section 4.1.2, to the end
	params                      // the SvcParams of RFC 9460, to the end
)

// layouts are the RDATA of the types that carry names, of those that this
// program reads, and of the common rest. Names may be compressed where RFC 3597,
// section 4 wants a receiver to understand it.
var layouts = [...][]field{
	TypeA:                    {4},
	TypeNS:                   {anyName},
	Type(dns.TypeMD):         {anyName},
	Type(dns.TypeMF):         {anyName},
	TypeCNAME:                {anyName},
	TypeSOA:                  {anyName, anyName, 20},
	Type(dns.TypeMB):         {anyName},
	Type(dns.TypeMG):         {anyName},
	Type(dns.TypeMR):         {anyName},
	TypePTR:                  {anyName},
	Type(dns.TypeHINFO):      {text, text},
	Type(dns.TypeMINFO):      {anyName, anyName},
	TypeMX:                   {2, anyName},
	TypeTXT:                  {texts},
	Type(dns.TypeRP):         {anyName, anyName},
	Type(dns.TypeAFSDB):      {2, anyName},
	Type(dns.TypeRT):         {2, anyName},
	Type(dns.TypeSIG):        {18, anyName, some},
	Type(dns.TypeKEY):        {4, rest},
	Type(dns.TypePX):         {2, anyName, anyName},
	TypeAAAA:                 {16},
	Type(dns.TypeLOC):        {16},
	Type(dns.TypeNXT):        {anyName, some},
	TypeSRV:                  {6, anyName},
	TypeNAPTR:                {4, text, text, text, anyName},
	Type(dns.TypeKX):         {2, anyName},
	Type(dns.TypeCERT):       {5, rest},
	TypeDNAME:                {anyName},
	TypeDS:                   {4, some},
	Type(dns.TypeSSHFP):      {2, some},
	TypeRRSIG:                {18, plainName, some},
	TypeNSEC:                 {plainName, bitmap},
	TypeDNSKEY:               {4, some},
	Type(dns.TypeDHCID):      {some},
	TypeNSEC3:                {4, text, text, bitmap},
	Type(dns.TypeNSEC3PARAM): {4, text},
	Type(dns.TypeTLSA):       {3, some},
	Type(dns.TypeSMIMEA):     {3, some},
	Type(dns.TypeCDS):        {4, some},
	Type(dns.TypeCDNSKEY):    {4, some},
	Type(dns.TypeOPENPGPKEY): {some},
	Type(dns.TypeCSYNC):      {6, bitmap},
	Type(dns.TypeZONEMD):     {6, some},
	TypeSVCB:                 {2, plainName, params},
	TypeHTTPS:                {2, plainName, params},
	Type(dns.TypeSPF):        {texts},
	Type(dns.TypeNID):        {10},
	Type(dns.TypeL32):        {6},
	Type(dns.TypeL64):        {10},
	Type(dns.TypeLP):         {2, plainName},
	Type(dns.TypeEUI48):      {6},
	Type(dns.TypeEUI64):      {8},
	Type(dns.TypeURI):        {4, some},
	Type(dns.TypeCAA):        {1, text, rest},
}

// layout is the RDATA of a record of type t, nil if that is not known here.
func (t Type) layout() []field {
	if int(t) >= len(layouts) {
		return nil
	}
	return layouts[t]
}

// decoded are the types that the library is asked about: those it knows and that
// have no layout. NULL is any octets.
var decoded = func() map[Type]bool {
	m := make(map[Type]bool)
	for t := range maps.Keys(dns.TypeToRR) {
		m[Type(t)] = Type(t).layout() == nil && t != dns.TypeNULL
	}
	return m
}()

// rdata reads the next size octets as the RDATA of a record of type t. Names
// come out uncompressed. Every field must be there and end where RDLENGTH says;
// a type that nobody here knows is any octets (RFC 3597, section 3).
func (u *unpacker) rdata(t Type, size int) string {
	end := u.off + size
	if u.err != nil || end > len(u.packet) {
		u.fail(errShort)
		return ""
	}
	fields := t.layout()
	if fields == nil {
		return u.keep(u.opaque(t, size))
	}
	in := reader{packet: u.packet[:end], off: u.off}
	out := u.packet[u.off:end] // as it stands there, where no name is compressed
	if slices.Contains(fields, anyName) {
		out = in.uncompressed(u.room(), fields)
		u.scratch = out
	} else {
		for _, f := range fields {
			in.field(f)
		}
	}
	if in.err != nil || in.off != end {
		u.fail(fmt.Errorf("%v record: %w", t, errRData))
	}
	u.off = end
	return u.keep(out)
}

// uncompressed adds the fields of RDATA to dst; the packet of r ends with the RDATA.
func (r *reader) uncompressed(dst []byte, fields []field) []byte {
	for _, f := range fields {
		begin := r.off
		if f == anyName {
			dst = r.appendName(dst)
			continue
		}
		r.field(f)
		dst = append(dst, r.packet[begin:r.off]...)
	}
	return dst
}

// field reads a field that is no name, or one that is not compressed.
func (r *reader) field(f field) {
	left := len(r.packet) - r.off
	switch f {
	case plainName:
		r.plainName()
	case text:
		r.text()
	case texts:
		for r.text(); r.err == nil && r.off < len(r.packet); {
			r.text()
		}
	case some:
		r.take(max(left, 1))
	case rest:
		r.take(left)
	case bitmap:
		r.check(typeBitmap(r.take(left)))
	case params:
		r.check(validParams(string(r.take(left))))
	default:
		r.take(int(f))
	}
}

// check fails unless ok.
func (r *reader) check(ok bool) {
	if !ok {
		r.fail(errRData)
	}
}

// plainName reads the next name, which must not be compressed.
func (r *reader) plainName() {
	if r.err != nil {
		return
	}
	end, ok := plainEnd(r.packet, r.off)
	if r.check(ok); ok {
		r.off = end
	}
}

// text reads one character-string (RFC 1035, section 3.3).
func (r *reader) text() {
	if size := r.take(1); size != nil {
		r.take(int(size[0]))
	}
}

// typeBitmap reports whether b is blocks in ascending order, each of 1 to 32
// octets (RFC 4034, section 4.1.2).
func typeBitmap(b []byte) bool {
	for window := -1; len(b) > 0; {
		if len(b) < 3 || int(b[0]) <= window || b[1] == 0 || b[1] > 32 || len(b) < 2+int(b[1]) {
			return false
		}
		window = int(b[0])
		b = b[2+int(b[1]):]
	}
	return true
}

// opaque reads RDATA of a type without a layout. The library's decoder accepts
// RDATA that ends early, so what it read must give the same octets again.
func (r *reader) opaque(t Type, size int) []byte {
	data := r.take(size)
	if !decoded[t] {
		return data
	}
	again, err := repack(uint16(t), data)
	if err != nil || !bytes.Equal(again, data) {
		r.fail(fmt.Errorf("%v record: %w", t, errRData))
	}
	return data
}

// repack is what the library makes of the RDATA of type t.
func repack(t uint16, data []byte) ([]byte, error) {
	h := dns.RR_Header{Name: ".", Rrtype: t, Class: dns.ClassINET, Rdlength: uint16(len(data))}
	rr, _, err := dns.UnpackRRWithHeader(h, data, 0)
	if err != nil {
		return nil, err
	}
	const fixed = 11 // what comes before RDATA when the owner is the root
	out := make([]byte, fixed+max(dns.Len(rr), len(data))+1)
	end, err := dns.PackRR(rr, out, 0, nil, false)
	if err != nil {
		return nil, err
	}
	return out[fixed:end], nil
}
