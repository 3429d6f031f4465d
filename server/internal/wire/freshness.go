package wire

import (
	"encoding/binary"
	"math"
)

// Freshness is how long, in seconds, a cache that knows nothing of DNS may keep a response (RFC 8484, section
// 5.1): until the first record of its answer ends, or until the SOA of a negative one says so (RFC 2308,
// section 5). A response that is neither, or not whole, is not kept: 0.
func Freshness(packet []byte) uint32 {
	h, ok := readHeader(packet)
	rcode := Rcode(h.flags & 0xF)
	if !ok || h.has(flagTC) || h.questions != 1 || rcode != NoError && rcode != NXDomain {
		return 0
	}
	r := reader{packet: packet, off: headerSize}
	r.skipName()
	r.take(4) // type and class
	least := min(r.leastTTL(h.answers), r.leastSOA(h.authorities))
	if r.err != nil || least > maxTTL {
		return 0
	}
	return least
}

// leastTTL reads n records, and gives the smallest TTL of them.
func (r *reader) leastTTL(n uint16) uint32 {
	least := uint32(math.MaxUint32)
	for range n {
		head := r.recordHead()
		r.take(head.size)
		least = min(least, head.ttl)
	}
	return least
}

// leastSOA reads n records, and gives how long the SOA records among them let a negative response be kept.
func (r *reader) leastSOA(n uint16) uint32 {
	least := uint32(math.MaxUint32)
	for range n {
		head := r.recordHead()
		if data := r.take(head.size); head.typ == TypeSOA && len(data) >= 4 {
			least = min(least, head.ttl, binary.BigEndian.Uint32(data[len(data)-4:]))
		}
	}
	return least
}
