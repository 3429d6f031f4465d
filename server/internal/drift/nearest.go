package drift

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"

	"splitdns/zones"
)

// maxDistance is the largest distance in addresses that is given as one: farther away it says nothing.
const maxDistance = 1 << 16

// Nearest is the published prefix that an address is nearest to, of its own IP version.
type Nearest struct {
	Prefix   string `json:"prefix"`
	Distance uint64 `json:"distance"` // in addresses; 0: more than 65,536
	Side     string `json:"side"`     // "before" or "after"
	Common   int    `json:"common"`   // how many leading bits are the same
}

// nearest finds the prefix that addr, which is in none of them, is nearest to; nil if there is none of its family.
func nearest(addr netip.Addr, prefixes []netip.Prefix) *Nearest {
	var best *Nearest
	least := number{math.MaxUint64, math.MaxUint64}
	for _, p := range prefixes {
		if p.Addr().Is4() != addr.Is4() {
			continue
		}
		n := Nearest{Prefix: zones.PrefixText(p), Side: "before", Common: common(addr, p.Addr())}
		edge := p.Masked().Addr()
		d := numberOf(edge).minus(numberOf(addr))
		if edge.Less(addr) {
			n.Side = "after"
			d = numberOf(addr).minus(numberOf(last(p)))
		}
		if best != nil && !d.less(least) {
			continue
		}
		if d.high == 0 && d.low <= maxDistance {
			n.Distance = d.low
		}
		best, least = &n, d
	}
	return best
}

// last is the last address in p.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// common is how many leading bits of a and b, which are of one family, are the same.
func common(a, b netip.Addr) int {
	x, y := numberOf(a), numberOf(b)
	n := bits.LeadingZeros64(x.high ^ y.high)
	if n == 64 {
		n += bits.LeadingZeros64(x.low ^ y.low)
	}
	return min(n-(128-a.BitLen()), a.BitLen())
}

// number is an address as a number. An IPv4 address has nothing in the upper bits.
type number struct{ high, low uint64 }

// numberOf is a as a number.
func numberOf(a netip.Addr) number {
	if a.Is4() {
		b := a.As4()
		return number{0, uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// minus is x less y.
func (x number) minus(y number) number {
	low, borrow := bits.Sub64(x.low, y.low, 0)
	high, _ := bits.Sub64(x.high, y.high, borrow)
	return number{high, low}
}

// less reports whether x is the smaller.
func (x number) less(y number) bool { return x.high < y.high || x.high == y.high && x.low < y.low }

// nearer reports whether n is nearer than o.
func (n *Nearest) nearer(o *Nearest) bool {
	switch {
	case n.Distance == 0 || o.Distance == 0:
		return n.Distance > 0 || o.Distance == 0 && n.Common > o.Common
	default:
		return n.Distance < o.Distance
	}
}
