package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"strings"
	"unicode"
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
	errCookie  = errors.New("malformed COOKIE option")
)

// opt is an OPT record (RFC 6891, section 6.1).
type opt struct {
	sent     bool // there is one; nothing else says so
	size     uint16
	extended uint8 // the upper eight bits of the rcode
	version  uint8
	do       bool
	subnets  []string // the client subnets: two at most, which are one too many
	edes     []EDE    // the first of them
	heard    heard
}

// What is taken over of the extended errors that an upstream sends. They go to
// clients and into logs beside our own.
const (
	maxEDEs    = 3
	maxEDEText = 128 // octets
)

// readOPT reads an OPT record. The options of other versions than 0, whose format is not known, are read as far
// as they look like those of that: there may be a cookie, to be answered with BADVERS.
func readOPT(h recordHead, data []byte) (opt, error) {
	if !h.root {
		return opt{}, errOPT // RFC 6891, section 6.1.2
	}
	o := opt{
		sent:     true,
		size:     uint16(h.class),
		extended: uint8(h.ttl >> 24),
		version:  uint8(h.ttl >> 16),
		do:       h.ttl&(1<<15) != 0,
	}
	r := reader{packet: data}
	for r.err == nil && r.off < len(data) {
		code := r.uint16()
		o.keep(code, r.take(int(r.uint16())))
	}
	if r.err != nil && o.version == 0 {
		return opt{}, errOPT
	}
	return o, nil
}

// keep takes over an option that has a meaning here. There is room for thousands
// of them in a packet, so no more are kept than are used.
func (o *opt) keep(code uint16, data []byte) {
	o.heard.read(code, data)
	switch {
	case code == optionSubnet && len(o.subnets) < 2:
		o.subnets = append(o.subnets, string(data))
	case code == optionEDE && len(o.edes) < maxEDEs && len(data) >= 2:
		o.edes = append(o.edes, EDE{binary.BigEndian.Uint16(data), cleanText(data[2:])})
	}
}

// cleanText is the text of an extended error, fit to be shown: what is not UTF-8
// is made so, NULs at the end go (RFC 8914, section 2), and what moves the cursor,
// ends a line or turns the direction of writing is a question mark.
func cleanText(data []byte) string {
	data = data[:min(len(data), 4*maxEDEText)] // more is cut below, whatever it is
	s := strings.ToValidUTF8(string(bytes.TrimRight(data, "\x00")), "�")
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return '?'
		}
		return r
	}, s)
	return strings.Clone(cutText(s, maxEDEText)) // without what was cut off
}

// subnet is the client subnet among the options (RFC 7871, section 6). Family 0
// with length 0 and families nobody knows give no prefix.
func (o *opt) subnet() (p netip.Prefix, sent bool, err error) {
	switch len(o.subnets) {
	case 0:
		return netip.Prefix{}, false, nil
	case 1:
		p, err = readSubnet(o.subnets[0])
		return p, true, err
	}
	return netip.Prefix{}, true, errSubnet
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

// fitEDEs is edes within room octets. Each takes what it needs of what those
// before it leave: so the first ones keep their text, the next is cut short, and
// the last ones go.
func fitEDEs(edes []EDE, room int) []EDE {
	var fit []EDE
	for _, e := range edes {
		if room -= edeFixed; room < 0 {
			break
		}
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
