package compare

import (
	"encoding/binary"
	"math"
	"net/netip"

	"go4.org/netipx"

	"splitdns/zones"
)

// Ranges is a set of addresses. It does not change. The zero value is empty.
//
// Prefixes of lists overlap, repeat each other and lie side by side; as a set of
// addresses they can be counted and taken from each other without any of that mattering.
type Ranges struct{ set *netipx.IPSet }

// RangesOf is the set of all addresses of prefixes.
func RangesOf(prefixes ...netip.Prefix) Ranges {
	var b netipx.IPSetBuilder
	for _, p := range prefixes {
		b.AddPrefix(p)
	}
	return built(&b)
}

// built is the set that b has. A builder only fails for prefixes that are not valid, and
// those of zones are.
func built(b *netipx.IPSetBuilder) Ranges {
	set, err := b.IPSet()
	if err != nil {
		panic("compare: " + err.Error())
	}
	return Ranges{set}
}

// IsEmpty says whether r has no address.
func (r Ranges) IsEmpty() bool { return len(r.runs()) == 0 }

// runs are the runs of addresses of r, in order; none touches another.
func (r Ranges) runs() []netipx.IPRange {
	if r.set == nil {
		return nil
	}
	return r.set.Ranges()
}

// Prefixes are the fewest prefixes that have the addresses of r and no others, in order.
func (r Ranges) Prefixes() []netip.Prefix {
	if r.set == nil {
		return nil
	}
	return r.set.Prefixes()
}

// Without is what r has and s has not.
func (r Ranges) Without(s Ranges) Ranges {
	if r.set == nil || s.set == nil {
		return r
	}
	var b netipx.IPSetBuilder
	b.AddSet(r.set)
	b.RemoveSet(s.set)
	return built(&b)
}

// Covers says whether r has every address of p.
func (r Ranges) Covers(p netip.Prefix) bool { return r.set != nil && r.set.ContainsPrefix(p) }

// Meets says whether r has an address of p.
func (r Ranges) Meets(p netip.Prefix) bool { return r.set != nil && r.set.OverlapsPrefix(p) }

// family is what r has of IPv4, or of IPv6.
func (r Ranges) family(v4 bool) Ranges {
	var b netipx.IPSetBuilder
	for _, run := range r.runs() {
		if run.From().Is4() == v4 {
			b.AddRange(run)
		}
	}
	return built(&b)
}

// Size is how many addresses a set has.
type Size struct {
	IPv4 uint64 `json:"ipv4_addresses"`
	// IPv6 counts networks of length 64: single addresses are too many to say anything.
	// One that is in the set in part counts. ::/0 has one more than is counted.
	IPv6 uint64 `json:"ipv6_networks"`
}

// Size counts the addresses of r.
func (r Ranges) Size() (s Size) {
	last := uint64(0)
	for i, run := range r.runs() {
		if run.From().Is4() {
			s.IPv4 += uint64(number4(run.To())) - uint64(number4(run.From())) + 1
			continue
		}
		first, end := network(run.From()), network(run.To())
		more := end - first
		if again := i > 0 && s.IPv6 > 0 && first == last; !again && more < math.MaxUint64 {
			more++
		}
		s.IPv6 += more
		last = end
	}
	return s
}

// number4 is an IPv4 address as a number.
func number4(a netip.Addr) uint32 {
	octets := a.As4()
	return binary.BigEndian.Uint32(octets[:])
}

// network is the first half of an IPv6 address.
func network(a netip.Addr) uint64 {
	octets := a.As16()
	return binary.BigEndian.Uint64(octets[:8])
}

// rangesOf is what zones publish, for whatever name.
func rangesOf(all []*zones.Zone) Ranges {
	var b netipx.IPSetBuilder
	for _, z := range all {
		for i := range z.Rows {
			for _, p := range z.Rows[i].Prefixes {
				b.AddPrefix(p)
			}
		}
	}
	return built(&b)
}
