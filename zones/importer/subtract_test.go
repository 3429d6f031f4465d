package importer_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"splitdns/zones/importer"
)

func TestSubtract(t *testing.T) {
	for name, test := range map[string]struct{ from, minus, want string }{
		"nothing":                  {"", "192.0.2.0/24", ""},
		"nothing from it":          {"192.0.2.0/24", "", "192.0.2.0/24"},
		"all of it":                {"192.0.2.0/24", "192.0.0.0/16", ""},
		"itself":                   {"192.0.2.0/24", "192.0.2.0/24", ""},
		"the middle":               {"192.0.2.0/29", "192.0.2.3/32", "192.0.2.0/31 192.0.2.2/32 192.0.2.4/30"},
		"one family only":          {"192.0.2.0/24 2001:db8::/32", "2001:db8:8000::/33", "192.0.2.0/24 2001:db8::/33"},
		"the first and the last":   {"0.0.0.0/0", "0.0.0.0/1 255.255.255.255/32", "128.0.0.0/2 192.0.0.0/3 224.0.0.0/4 240.0.0.0/5 248.0.0.0/6 252.0.0.0/7 254.0.0.0/8 255.0.0.0/9 255.128.0.0/10 255.192.0.0/11 255.224.0.0/12 255.240.0.0/13 255.248.0.0/14 255.252.0.0/15 255.254.0.0/16 255.255.0.0/17 255.255.128.0/18 255.255.192.0/19 255.255.224.0/20 255.255.240.0/21 255.255.248.0/22 255.255.252.0/23 255.255.254.0/24 255.255.255.0/25 255.255.255.128/26 255.255.255.192/27 255.255.255.224/28 255.255.255.240/29 255.255.255.248/30 255.255.255.252/31 255.255.255.254/32"},
		"halves become one":        {"192.0.2.128/25 192.0.2.0/25", "", "192.0.2.0/24"},
		"overlaps":                 {"192.0.2.0/24 192.0.2.0/25 192.0.2.64/26", "192.0.2.64/26 192.0.2.0/25", "192.0.2.128/25"},
		"everything in both":       {"0.0.0.0/0 ::/0", "", "0.0.0.0/0 ::/0"},
		"everything of a family":   {"0.0.0.0/0 ::/0", "::/0", "0.0.0.0/0"},
		"holes beside and between": {"10.0.0.0/24 10.0.2.0/24", "10.0.1.0/24 10.0.2.128/25 10.0.3.0/24", "10.0.0.0/24 10.0.2.0/25"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range importer.Subtract(prefixes(test.from), prefixes(test.minus)) {
				got = append(got, p.String())
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// prefixes are those of a text.
func prefixes(text string) []netip.Prefix {
	var all []netip.Prefix
	for _, word := range strings.Fields(text) {
		all = append(all, netip.MustParsePrefix(word))
	}
	return all
}

// TestSubtractAgainstItsTwin compares with a look at every address of two small blocks.
func TestSubtractAgainstItsTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		from, minus := somePrefixes(random), somePrefixes(random)
		got, want := importer.Subtract(from, minus), subtractTwin(from, minus)
		if !slices.Equal(got, want) {
			t.Fatalf("%v without %v = %v, want %v", from, minus, got, want)
		}
	}
}

// blocks are what the prefixes of the test lie in: 128 addresses each.
var blocks = []netip.Prefix{netip.MustParsePrefix("10.1.1.128/25"), netip.MustParsePrefix("2001:db8::ff80/121")}

// somePrefixes are prefixes in the blocks.
func somePrefixes(random *rand.Rand) []netip.Prefix {
	var all []netip.Prefix
	for range random.IntN(8) {
		block := blocks[random.IntN(len(blocks))]
		octets := block.Addr().AsSlice()
		octets[len(octets)-1] += byte(random.IntN(128))
		addr, _ := netip.AddrFromSlice(octets)
		all = append(all, netip.PrefixFrom(addr, block.Bits()+random.IntN(8)).Masked())
	}
	return all
}

// subtractTwin is subtract by asking for every address, and halving what is not whole.
func subtractTwin(from, minus []netip.Prefix) []netip.Prefix {
	isIn := func(all []netip.Prefix, a netip.Addr) bool {
		return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	var cover func(p netip.Prefix) []netip.Prefix
	cover = func(p netip.Prefix) []netip.Prefix {
		isWhole := true
		for a := p.Addr(); p.Contains(a); a = a.Next() {
			isWhole = isWhole && isIn(from, a) && !isIn(minus, a)
		}
		if isWhole {
			return []netip.Prefix{p}
		}
		if p.IsSingleIP() {
			return nil
		}
		low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
		high := low.Addr()
		for low.Contains(high) {
			high = high.Next()
		}
		return append(cover(low), cover(netip.PrefixFrom(high, low.Bits()))...)
	}
	var out []netip.Prefix
	for _, block := range blocks {
		out = append(out, cover(block)...)
	}
	return out
}
