package wire

import (
	"encoding/binary"
	"math"
	"time"
)

// The options that a client may expect an answer to.
const (
	optionCookie    = 10 // RFC 7873
	optionKeepalive = 11 // RFC 7828
	optionPadding   = 12 // RFC 7830
)

// Sizes of a COOKIE option's data, in octets: a client's part alone, or both parts (RFC 7873, section 4).
const (
	clientCookie = 8
	leastCookies = 16
	mostCookies  = 40
	ourCookies   = 24 // as RFC 9018 has them
)

// optionHead is the size of an option's code and length.
const optionHead = 4

// Sent are the options of a query, besides its cookie, that have a counterpart in the response.
type Sent struct {
	Keepalive bool // edns-tcp-keepalive
	Padding   bool
}

// heard is what of the options of a query has a counterpart, while they are read.
type heard struct {
	Sent
	cookie    []byte // the data of the COOKIE option, where it lies; nil if there was none
	badCookie bool
}

// read takes over an option that has a counterpart.
func (h *heard) read(code uint16, data []byte) {
	switch code {
	case optionCookie:
		h.readCookie(data)
	case optionKeepalive:
		h.Keepalive = true // also with a timeout, which clients must not send, and nobody need mind (RFC 7828, section 3.2.1)
	case optionPadding:
		h.Padding = true
	}
}

// readCookie takes over the first COOKIE option; further ones are ignored (RFC 7873, section 5.2).
func (h *heard) readCookie(data []byte) {
	if h.cookie != nil || h.badCookie {
		return
	}
	n := len(data)
	h.cookie, h.badCookie = data, n != clientCookie && (n < leastCookies || n > mostCookies)
}

// Options are what the OPT record of a response says to one client. The zero value says nothing. Without
// an OPT record they are not sent.
type Options struct {
	Cookie       [ourCookies]byte
	HasCookie    bool
	Keepalive    time.Duration // how long a connection may be idle
	HasKeepalive bool
	Block        int // the response is padded to a multiple of so many octets; 0: it is not
}

// any reports whether o says anything.
func (o *Options) any() bool { return o.HasCookie || o.HasKeepalive || o.Block > 0 }

// Size is how many octets o takes, without padding.
func (o *Options) Size() int {
	n := 0
	if o.HasCookie {
		n += optionHead + ourCookies
	}
	if o.HasKeepalive {
		n += optionHead + 2
	}
	return n
}

// append adds o to dst, which ends in an OPT record at opt. The message begins at base, and is padded to
// no more than limit octets (RFC 8467, section 4.1). It allocates only where dst has no room.
func (o *Options) append(dst []byte, base, opt, limit int) []byte {
	before := len(dst)
	if o.HasCookie {
		dst = appendOption(dst, optionCookie, ourCookies)
		dst = append(dst, o.Cookie[:]...)
	}
	if o.HasKeepalive {
		dst = appendOption(dst, optionKeepalive, 2)
		dst = binary.BigEndian.AppendUint16(dst, uint16(min(o.Keepalive/keepaliveUnit, math.MaxUint16)))
	}
	if size := len(dst) - base + optionHead; o.Block > 0 && size <= limit {
		padding := min(roundUp(size, o.Block), limit) - size
		dst = appendOption(dst, optionPadding, padding)
		dst = append(dst, noughts[:padding]...)
	}
	length := dst[opt+optSize-2:]
	binary.BigEndian.PutUint16(length, binary.BigEndian.Uint16(length)+uint16(len(dst)-before))
	return dst
}

// noughts are what is padded with (RFC 7830, section 3).
var noughts [MaxBlock]byte

// MaxBlock is the largest block that a response may be padded to.
const MaxBlock = 468

// roundUp is the smallest multiple of block that is no less than n.
func roundUp(n, block int) int { return (n + block - 1) / block * block }

// appendOption adds the head of an option.
func appendOption(dst []byte, code uint16, size int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, code)
	return binary.BigEndian.AppendUint16(dst, uint16(size))
}
