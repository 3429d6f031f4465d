package matcher_test

import (
	"fmt"

	"splitdns/matcher"
)

func ExampleMatcher_Lookup() {
	var b matcher.Builder[string]
	for _, s := range []string{".apple.com", "{0..50}-courier.push.apple.com", "*.push.apple.com"} {
		p, err := matcher.ParsePattern(s)
		if err != nil {
			fmt.Println(err)
			return
		}
		b.Add(p, s)
	}
	m := b.Build()

	packet := []byte("\x0a12-Courier\x04push\x05apple\x03com\x00\x00\x01\x00\x01")
	for _, found := range m.Lookup(nil, packet) {
		fmt.Println(found.Value)
	}
	// Output:
	// {0..50}-courier.push.apple.com
	// *.push.apple.com
	// .apple.com
}

func ExampleMatcher_Near() {
	var b matcher.Builder[string]
	b.Add(matcher.MustParsePattern("{0..50}-courier.push.apple.com"), "courier")
	m := b.Build()

	packet := []byte("\x0a51-courier\x04push\x05apple\x03com\x00")
	fmt.Println(len(m.Lookup(nil, packet)))
	for _, near := range m.Near(nil, packet) {
		fmt.Println(near.Pattern, near.Value)
	}
	// Output:
	// 0
	// {0..50}-courier.push.apple.com courier
}
