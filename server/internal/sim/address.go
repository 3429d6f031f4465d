package sim

import (
	"hash/fnv"
	"net/netip"
	"slices"

	"splitdns/matcher"
)

// ips is the addresses of a host, of both families.
type ips []netip.Addr

// ordinary is where the hosts are that no zone knows (RFC 5737).
var ordinary = netip.MustParsePrefix("192.0.2.0/24")

// elsewhere is where addresses outside the published ranges come from (RFC 5737,
// RFC 3849).
var elsewhere = []netip.Prefix{
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	ordinary, // for zones of one's own that publish the others
	netip.MustParsePrefix("2001:db8::/32"),
}

// within is the addresses of a name that published is published for: two of each
// family there, and what the name's stray adds. A name has no IPv6 where none is
// published, and always IPv4.
func within(name matcher.Name, published []netip.Prefix) ips {
	s := seedOf(name)
	v4, v6 := ofFamily(published, true), ofFamily(published, false)
	addresses := s.pair(v4, strayOf(name))
	if len(v6) > 0 {
		addresses = append(addresses, s.pair(v6, strayOf(name))...)
	}
	if len(v4) == 0 {
		addresses = append(addresses, s.outside(published, true))
	}
	return addresses
}

// pair is two addresses in published, which is of one family, or one where they
// fall together; less and more as what says.
func (s seed) pair(published []netip.Prefix, what stray) ips {
	if len(published) == 0 {
		return nil
	}
	out := s.outside(published, published[0].Addr().Is4())
	if what == outside {
		return ips{out}
	}
	addresses := slices.Compact(ips{s.among(published), s.next().among(published)})
	if what == mixed {
		addresses = append(addresses, out)
	}
	return addresses
}

// outside is an address of a family in none of published, unless that is
// everything.
func (s seed) outside(published []netip.Prefix, v4 bool) netip.Addr {
	var a netip.Addr
	for _, p := range ofFamily(elsewhere, v4) {
		a = s.in(p)
		if !slices.ContainsFunc(published, func(p netip.Prefix) bool { return p.Contains(a) }) {
			break
		}
	}
	return a
}

// ofFamily is the prefixes of one family.
func ofFamily(prefixes []netip.Prefix, v4 bool) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(prefixes), func(p netip.Prefix) bool { return p.Addr().Is4() != v4 })
}

// seed is what the made-up facts about a name are drawn from.
type seed uint64

// seedOf is the seed of name.
func seedOf(name matcher.Name) seed {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name.Wire())) // never fails
	return seed(h.Sum64())
}

// next is another seed, by Knuth's linear congruential step.
func (s seed) next() seed { return s*6364136223846793005 + 1442695040888963407 }

// among is an address in one of prefixes, of which there is one at least. The
// upper half chooses the prefix, the lower half the host in it.
func (s seed) among(prefixes []netip.Prefix) netip.Addr {
	return s.in(prefixes[uint64(s>>32)%uint64(len(prefixes))])
}

// in is an address in p, neither its first nor its last where it has others.
func (s seed) in(p netip.Prefix) netip.Addr {
	const most = 16 // bits of a host
	span := seed(1) << min(p.Addr().BitLen()-p.Bits(), most)
	n := s % span
	if span > 2 {
		n = 1 + s%(span-2)
	}
	b := p.Masked().Addr().AsSlice()
	b[len(b)-2] |= byte(n >> 8)
	b[len(b)-1] |= byte(n)
	a, _ := netip.AddrFromSlice(b)
	return a
}
