package wire

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// ourUDPSize is the datagram that our OPT promises to take where nobody says
// another (RFC 9715, section 3.1).
const ourUDPSize = 1232

// minUDPSize is the datagram that everybody takes (RFC 1035, section 2.3.4).
const minUDPSize = 512

// The options that are read or written.
const (
	optionSubnet = 8
	optionEDE    = 15
)

var (
	errOPT     = errors.New("malformed OPT record")
	errTwoOPTs = errors.New("more than one OPT record")
	errSubnet  = errors.New("malformed client subnet option")
)

// opt is an OPT record (RFC 6891, section 6.1).
type opt struct {
	size     uint16
	extended uint8 // the upper eight bits of the rcode
	version  uint8
	do       bool
	options  []option
}

// option is an option of an OPT record.
type option struct {
	code uint16
	data string
}

// readOPT reads an OPT record. The options are read only in version 0, the one
// whose format is known.
func readOPT(h recordHead, data []byte) (*opt, error) {
	if h.owner[0] != 0 {
		return nil, errOPT
	}
	o := &opt{
		size:     uint16(h.class),
		extended: uint8(h.ttl >> 24),
		version:  uint8(h.ttl >> 16),
		do:       h.ttl&(1<<15) != 0,
	}
	if o.version != 0 {
		return o, nil
	}
	r := reader{packet: data}
	for r.err == nil && r.off < len(data) {
		code := r.uint16()
		o.options = append(o.options, option{code, string(r.take(int(r.uint16())))})
	}
	if r.err != nil {
		return nil, errOPT
	}
	return o, nil
}

// edes are the extended errors among the options. Text that is not UTF-8 is made
// so, and a NUL at its end goes (RFC 8914, section 2).
func (o *opt) edes() []EDE {
	var list []EDE
	for _, p := range o.options {
		if p.code != optionEDE || len(p.data) < 2 {
			continue
		}
		s := strings.ToValidUTF8(strings.TrimRight(p.data[2:], "\x00"), "�")
		list = append(list, EDE{be16(p.data), s})
	}
	return list
}

// subnet is the client subnet among the options (RFC 7871, section 6). Family 0
// with length 0 and families nobody knows give no prefix.
func (o *opt) subnet() (p netip.Prefix, sent bool, err error) {
	for _, v := range o.options {
		if v.code != optionSubnet {
			continue
		}
		if sent {
			return netip.Prefix{}, true, errSubnet
		}
		if p, err = readSubnet(v.data); err != nil {
			return netip.Prefix{}, true, err
		}
		sent = true
	}
	return p, sent, nil
}

// readSubnet reads a client subnet. RFC 7871, section 6: as many octets as the
// length needs, no bits set beyond it, and in a query no scope; anything else is
// answered with FORMERR.
func readSubnet(s string) (netip.Prefix, error) {
	if len(s) < 4 {
		return netip.Prefix{}, errSubnet
	}
	family, bits, scope, octets := be16(s), int(s[2]), s[3], s[4:]
	if scope != 0 || len(octets) != (bits+7)/8 {
		return netip.Prefix{}, errSubnet
	}
	size, ok := map[uint16]int{0: 0, 1: 4, 2: 16}[family]
	if !ok || family == 0 && bits == 0 {
		return netip.Prefix{}, nil
	}
	if bits > 8*size {
		return netip.Prefix{}, errSubnet
	}
	full := make([]byte, size)
	copy(full, octets)
	a, _ := netip.AddrFromSlice(full)
	p := netip.PrefixFrom(a, bits)
	if p.Masked() != p {
		return netip.Prefix{}, errSubnet
	}
	return p, nil
}

// udpSize is n as an OPT record can say it, and never less than everybody takes.
func udpSize(n int) uint16 { return uint16(min(max(n, minUDPSize), math.MaxUint16)) }

// append adds o to dst as a record, in version 0 and with the EDEs as its only
// options.
func (o opt) append(dst []byte, edes []EDE) []byte {
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(TypeOPT))
	dst = binary.BigEndian.AppendUint16(dst, o.size)
	var do byte
	if o.do {
		do = 0x80
	}
	dst = append(dst, o.extended, 0, do, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(edeSize(edes)))
	for _, e := range edes {
		dst = binary.BigEndian.AppendUint16(dst, optionEDE)
		dst = binary.BigEndian.AppendUint16(dst, uint16(2+len(e.Text)))
		dst = binary.BigEndian.AppendUint16(dst, e.Code)
		dst = append(dst, e.Text...)
	}
	return dst
}

// optSize is the length of an OPT record without options.
const optSize = 11

// edeFixed is the length of an EDE option without text.
const edeFixed = 6

// edeSize is the length of edes as options.
func edeSize(edes []EDE) int {
	n := 0
	for _, e := range edes {
		n += edeFixed + len(e.Text)
	}
	return n
}

// fitEDEs is edes within room octets: their text is cut short, the last first,
// and if they do not fit without any, the last ones go.
func fitEDEs(edes []EDE, room int) []EDE {
	edes = edes[:max(0, min(len(edes), room/edeFixed))]
	room -= edeFixed * len(edes)
	fit := make([]EDE, 0, len(edes))
	for _, e := range edes {
		e.Text = cutText(strings.ToValidUTF8(e.Text, "�"), room)
		room -= len(e.Text)
		fit = append(fit, e)
	}
	return fit
}

// cutText is as much of s as fits into size octets, in whole runes.
func cutText(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}
