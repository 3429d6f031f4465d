package compare_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"splitdns/zones/compare"
)

// space is all addresses that the random prefixes below can have: 32 of IPv4 and 32 of
// IPv6, of which every fourth begins a network of length 64.
func space() (all []netip.Addr) {
	for i := range 32 {
		all = append(all, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
	}
	for i := range 32 {
		octets := [16]byte{0x20, 0x01, 0x0d, 0xb8, 7: byte(i / 4), 8: byte(i%4) << 6}
		all = append(all, netip.AddrFrom16(octets))
	}
	return all
}

// randomPrefixes are up to 6 prefixes in space, many of which overlap, touch or repeat.
func randomPrefixes(r *rand.Rand) (prefixes []netip.Prefix) {
	all := space()
	for range r.IntN(7) {
		addr := all[r.IntN(len(all))]
		bits := 27 + r.IntN(6)
		if addr.Is6() {
			bits = 61 + r.IntN(6)
		}
		prefixes = append(prefixes, netip.PrefixFrom(addr, bits).Masked())
	}
	return prefixes
}

// in says whether a prefix holds addr: the slow twin of a set.
func in(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// counted is the slow twin of Size.
func counted(holds func(netip.Addr) bool) (s compare.Size) {
	networks := map[netip.Prefix]bool{}
	for _, addr := range space() {
		switch {
		case !holds(addr):
		case addr.Is4():
			s.IPv4++
		default:
			networks[netip.PrefixFrom(addr, 64).Masked()] = true
		}
	}
	s.IPv6 = uint64(len(networks))
	return s
}

func TestRangesAreThoseOfTheirTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		p, q := randomPrefixes(r), randomPrefixes(r)
		a, b := compare.RangesOf(p...), compare.RangesOf(q...)
		if got, want := a.Size(), counted(func(x netip.Addr) bool { return in(p, x) }); got != want {
			t.Fatalf("Size of %v = %v, want %v", p, got, want)
		}
		without := a.Without(b)
		if got, want := without.Size(), counted(func(x netip.Addr) bool { return in(p, x) && !in(q, x) }); got != want {
			t.Fatalf("Size of %v without %v = %v, want %v", p, q, got, want)
		}
		for _, x := range space() {
			if got, want := in(without.Prefixes(), x), in(p, x) && !in(q, x); got != want {
				t.Fatalf("%v without %v has %s: %t, want %t", p, q, x, got, want)
			}
		}
		for _, prefix := range q {
			if got, want := a.Covers(prefix), compare.RangesOf(prefix).Without(a).IsEmpty(); got != want {
				t.Fatalf("%v covers %s: %t, want %t", p, prefix, got, want)
			}
			if got, want := a.Meets(prefix), compare.RangesOf(prefix).Without(a).Size() != compare.RangesOf(prefix).Size() || a.Covers(prefix); got != want && prefix.Addr().Is4() {
				t.Fatalf("%v meets %s: %t, want %t", p, prefix, got, want)
			}
		}
	}
}

func TestSizeOfWidePrefixes(t *testing.T) {
	for text, want := range map[string]compare.Size{
		"0.0.0.0/0":     {IPv4: 1 << 32},
		"17.0.0.0/8":    {IPv4: 1 << 24},
		"::/0":          {IPv6: 1<<64 - 1},
		"2001:db8::/32": {IPv6: 1 << 32},
		"2001:db8::1":   {IPv6: 1},
	} {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			prefix = netip.PrefixFrom(netip.MustParseAddr(text), 128)
		}
		if got := compare.RangesOf(prefix).Size(); got != want {
			t.Errorf("Size of %s = %v, want %v", text, got, want)
		}
	}
	if got := (compare.Ranges{}).Size(); got != (compare.Size{}) {
		t.Errorf("Size of nothing = %v", got)
	}
}
