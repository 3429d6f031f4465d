package wire

import (
	"encoding/binary"
	"time"
)

// keepaliveUnit is what edns-tcp-keepalive counts in (RFC 7828, section 3.1).
const keepaliveUnit = 100 * time.Millisecond

// ConnectionOptions are what a query gets besides, on a connection.
type ConnectionOptions struct {
	Keepalive bool // asks how long the connection may be idle (RFC 7828, section 3.2.1)
	Block     int  // the query is padded to a multiple of so many octets, MaxBlock at most (RFC 8467, section 4.1); 0: it is not
}

// Append adds query to dst with the options. Query is as [AppendQuery] packed it, and
// stays as it is. Without an OPT record there is no place for options.
func (o ConnectionOptions) Append(dst, query []byte) []byte {
	base := len(dst)
	dst = append(dst, query...)
	r := reader{packet: query, off: headerSize}
	r.skipName()
	size := base + r.off + 4 + optSize - 2 // where RDLENGTH stands
	if h, ok := readHeader(query); !ok || h.more == 0 || size+2 > len(dst) {
		return dst
	}
	if o.Keepalive {
		dst = appendOption(dst, optionKeepalive, 0)
	}
	if o.Block > 0 {
		unpadded := len(dst) - base + optionHead
		padding := roundUp(unpadded, o.Block) - unpadded
		dst = append(appendOption(dst, optionPadding, padding), noughts[:padding]...)
	}
	binary.BigEndian.PutUint16(dst[size:], uint16(len(dst)-size-2))
	return dst
}

// Keepalive is how long the sender of a response lets a connection be idle; ok is
// false if it does not say. Response may be anything.
func Keepalive(response []byte) (idle time.Duration, ok bool) {
	eachRecord(response, func(h recordHead, at int) {
		if h.typ != TypeOPT {
			return
		}
		r := reader{packet: response[:at+h.size], off: at}
		for r.err == nil && r.off < len(r.packet) {
			code := r.uint16()
			value := r.take(int(r.uint16()))
			if code == optionKeepalive && len(value) == 2 {
				idle, ok = time.Duration(binary.BigEndian.Uint16(value))*keepaliveUnit, true
			}
		}
	})
	return idle, ok
}

// Age makes the records of response older, in place: what an HTTP cache has kept has
// waited there (RFC 8484, section 5.1). Response may be anything.
func Age(response []byte, by uint32) {
	eachRecord(response, func(h recordHead, at int) {
		if h.typ != TypeOPT && h.ttl <= maxTTL { // one above counts as 0 (RFC 2181, section 8)
			binary.BigEndian.PutUint32(response[at-6:], h.ttl-min(h.ttl, by)) // before RDLENGTH
		}
	})
}

// eachRecord calls f with each record of response, and where its RDATA stands, up to the
// first record that is malformed.
func eachRecord(response []byte, f func(h recordHead, at int)) {
	h, ok := readHeader(response)
	if !ok {
		return
	}
	r := reader{packet: response, off: headerSize}
	for range h.questions {
		r.skipName()
		if r.take(4); r.err != nil {
			return
		}
	}
	for range int(h.answers) + int(h.authorities) + int(h.more) {
		head := r.recordHead()
		if r.take(head.size); r.err != nil {
			return
		}
		f(head, r.off-head.size)
	}
}
