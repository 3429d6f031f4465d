package matcher_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"splitdns/matcher"
)

func mustName(t testing.TB, s string) matcher.Name {
	t.Helper()
	n, err := matcher.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestParseName(t *testing.T) {
	long := strings.Repeat("a", 63)
	longest := long + "." + long + "." + long + "." + strings.Repeat("b", 61)
	tests := map[string]struct {
		in, text, wire string
	}{
		"root":               {".", ".", "\x00"},
		"one label":          {"example", "example", "\x07example\x00"},
		"final dot":          {"a.example.", "a.example", "\x01a\x07example\x00"},
		"upper case":         {"A.ExamplE", "a.example", "\x01a\x07example\x00"},
		"underscore":         {"_ldap._tcp.example", "_ldap._tcp.example", "\x05_ldap\x04_tcp\x07example\x00"},
		"escaped dot":        {`a\.b.example`, `a\.b.example`, "\x03a.b\x07example\x00"},
		"escaped final dot":  {`a\.`, `a\.`, "\x02a.\x00"},
		"decimal escape":     {`a\000\255.example`, `a\000\255.example`, "\x03a\x00\xff\x07example\x00"},
		"escaped letter":     {`\A\066.example`, "ab.example", "\x02ab\x07example\x00"},
		"space":              {`a\032b\ c`, `a\032b\032c`, "\x05a b c\x00"},
		"special in a zone":  {`\"\(\)\;\@\$\\`, `\"\(\)\;\@\$\\`, "\x07\"();@$\\\x00"},
		"star":               {"*.example", "*.example", "\x01*\x07example\x00"},
		"slash of RFC 2317":  {"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa", "\x040/25\x012\x010\x03192\x07in-addr\x04arpa\x00"},
		"label of 63 octets": {long + ".example", long + ".example", "\x3f" + long + "\x07example\x00"},
		"name of 255 octets": {longest, longest, "\x3f" + long + "\x3f" + long + "\x3f" + long + "\x3d" + strings.Repeat("b", 61) + "\x00"},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			n, err := matcher.ParseName(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{n.Wire(), string(n.AppendWire([]byte("before "))), n.String()}
			if want := []string{tt.wire, "before " + tt.wire, tt.text}; !slices.Equal(got, want) {
				t.Errorf("ParseName(%q) gives %q, want %q", tt.in, got, want)
			}
			if n.IsZero() {
				t.Error("IsZero() = true, want false")
			}
		})
	}
}

func TestParseNameErrors(t *testing.T) {
	long := strings.Repeat("a", 63)
	tests := map[string]struct{ in, want string }{
		"empty":             {"", `name "": empty`},
		"two dots":          {"a..b", `name "a..b": empty label: two dots with nothing between them, or a dot too many at an end`},
		"leading dot":       {".a", `name ".a": empty label: two dots with nothing between them, or a dot too many at an end`},
		"two final dots":    {"a..", `name "a..": empty label: two dots with nothing between them, or a dot too many at an end`},
		"only dots":         {"..", `name "..": empty label: two dots with nothing between them, or a dot too many at an end`},
		"label of 64":       {"a" + long, `name "a` + long + `": a label is longer than 63 octets`},
		"256 octets":        {long + "." + long + "." + long + "." + long[:62], `name "` + long + "." + long + "." + long + "." + long[:62] + `": longer than 255 octets`},
		"space":             {"a b", `name "a b": space or control character; write it as \DDD`},
		"new line":          {"a\n", `name "a\n": space or control character; write it as \DDD`},
		"cut escape":        {`a\`, `name "a\\": want \DDD, a number up to 255, or one ASCII character after a backslash`},
		"two digits":        {`a\12`, `name "a\\12": want \DDD, a number up to 255, or one ASCII character after a backslash`},
		"over 255":          {`\256`, `name "\\256": want \DDD, a number up to 255, or one ASCII character after a backslash`},
		"not ASCII":         {"bücher.example", `name "bücher.example": not ASCII: write "xn--bcher-kva.example"`},
		"ideographic stops": {"a。example", `name "a。example": not ASCII: write "a.example"`},
		"dash of a text":    {"a–b.example", `name "a–b.example": not ASCII: write the xn-- form of the name`},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			n, err := matcher.ParseName(tt.in)
			if err == nil || err.Error() != tt.want {
				t.Errorf("ParseName(%q) = %v, %v, want error %s", tt.in, n, err, tt.want)
			}
			if !n.IsZero() {
				t.Errorf("ParseName(%q) = %v with an error, want no name", tt.in, n)
			}
		})
	}
}

func TestNameFromWire(t *testing.T) {
	tests := map[string]struct {
		wire []byte
		text string
		size int
	}{
		"root":             {[]byte{0}, ".", 1},
		"name":             {wireOf("a", "example"), "a.example", 11},
		"upper case":       {wireOf("A", "EXAMPLE"), "a.example", 11},
		"followed by more": {append(wireOf("a", "example"), 0, 1, 0, 1), "a.example", 11},
		"NUL and dot":      {wireOf("a\x00b", "a.b"), `a\000b.a\.b`, 9},
		"127 labels":       {wireOf(slices.Repeat([]string{"x"}, 127)...), strings.Repeat("x.", 126) + "x", 255},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			n, size, err := matcher.NameFromWire(tt.wire)
			if err != nil || n.String() != tt.text || size != tt.size {
				t.Errorf("NameFromWire(%q) = %v, %d, %v, want %s, %d", tt.wire, n, size, err, tt.text, tt.size)
			}
		})
	}
}

// Every octet, at every place of the eight that are folded at once.
func TestNameFromWireFoldsLetters(t *testing.T) {
	for c := range 256 {
		for size := 1; size <= 17; size++ {
			label := string(slices.Repeat([]byte{byte(c)}, size))
			n, _, err := matcher.NameFromWire(wireOf(label))
			if want := string(wireOf(lowered([]string{label})...)); err != nil || n.Wire() != want {
				t.Fatalf("NameFromWire(%q) = %q, %v, want %q", wireOf(label), n.Wire(), err, want)
			}
		}
	}
}

// hostileWire is what must neither be read nor crash.
var hostileWire = map[string]struct {
	wire []byte
	want string
}{
	"nothing":                {nil, "name on the wire: runs off the end"},
	"no root":                {[]byte("\x01a\x07example"), "name on the wire: runs off the end"},
	"cut in a label":         {[]byte("\x01a\x07exam"), "name on the wire: runs off the end"},
	"only a length":          {[]byte{63}, "name on the wire: runs off the end"},
	"pointer":                {[]byte("\x01a\xc0\x0c\x00"), "name on the wire: compression pointer"},
	"pointer first":          {[]byte{0xc0, 0}, "name on the wire: compression pointer"},
	"label type 01":          {append([]byte{64}, make([]byte, 70)...), "name on the wire: unknown label type"},
	"label type 10":          {[]byte{0x80, 0}, "name on the wire: unknown label type"},
	"256 octets":             {wireOf(append(slices.Repeat([]string{"x"}, 126), "xx")...), "name on the wire: longer than 255 octets"},
	"128 labels":             {wireOf(slices.Repeat([]string{"x"}, 128)...), "name on the wire: longer than 255 octets"},
	"long without a root":    {bytes.Repeat([]byte("\x01x"), 40000), "name on the wire: longer than 255 octets"},
	"last label too long":    {wireOf(slices.Repeat([]string{strings.Repeat("x", 63)}, 4)...), "name on the wire: longer than 255 octets"},
	"255 octets and no root": {append(bytes.Repeat([]byte("\x01x"), 127), 1), "name on the wire: runs off the end"},
}

func TestNameFromHostileWire(t *testing.T) {
	for what, tt := range hostileWire {
		t.Run(what, func(t *testing.T) {
			n, size, err := matcher.NameFromWire(tt.wire)
			if err == nil || err.Error() != tt.want {
				t.Errorf("NameFromWire = %v, %v, want error %s", n, err, tt.want)
			}
			if !n.IsZero() || size != 0 {
				t.Errorf("NameFromWire = %v, %d with an error, want no name", n, size)
			}
		})
	}
}

func TestNameBelow(t *testing.T) {
	tests := []struct {
		name, suffix string
		want         bool
	}{
		{"a.example", "example", true},
		{"b.a.example", "example", true},
		{"a.example", ".", true},
		{"example", "example", false},
		{"example", "a.example", false},
		{".", ".", false},
		{"badexample", "example", false},
		{`a\007example`, "example", false}, // the octets of the suffix, but not at a label's beginning
		{"a.example", "b.example", false},
	}
	for _, tt := range tests {
		if got := mustName(t, tt.name).Below(mustName(t, tt.suffix)); got != tt.want {
			t.Errorf("%s below %s = %v, want %v", tt.name, tt.suffix, got, tt.want)
		}
	}
	var zero matcher.Name
	if zero.Below(mustName(t, ".")) || mustName(t, "a").Below(zero) || zero.Below(zero) {
		t.Error("the zero Name is below something, or something below it")
	}
}

func TestZeroName(t *testing.T) {
	var n matcher.Name
	if !n.IsZero() || n.String() != "" || n.Wire() != "" {
		t.Errorf("zero Name: IsZero %v, String %q, Wire %q, want true and nothing", n.IsZero(), n.String(), n.Wire())
	}
}

func FuzzNameFromWire(f *testing.F) {
	for _, tt := range hostileWire {
		f.Add(tt.wire)
	}
	f.Add(wireOf("A", "a.b", "\x00\xff\\"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		n, size, err := matcher.NameFromWire(wire)
		if err != nil {
			return
		}
		if want := lowered([]string{string(wire[:size])})[0]; size > 255 || n.Wire() != want {
			t.Fatalf("NameFromWire(%q) = %q, %d, want %q", wire, n.Wire(), size, want)
		}
		back, err := matcher.ParseName(n.String())
		if err != nil || back != n {
			t.Fatalf("ParseName(%q) = %v, %v, want the name %q", n.String(), back, err, n.Wire())
		}
		again, size2, err := matcher.NameFromWire(n.AppendWire(nil))
		if err != nil || again != n || size2 != size {
			t.Fatalf("NameFromWire(%q) = %v, %d, %v, want itself", n.Wire(), again, size2, err)
		}
	})
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{".", "a.example.", `a\.b\000.example`, `\"\(`, "a..b", `a\`, "bücher.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := matcher.ParseName(s)
		if err != nil {
			return
		}
		back, err := matcher.ParseName(n.String())
		if err != nil || back != n {
			t.Fatalf("ParseName(%q) = %v, %v, want what %q gave", n.String(), back, err, s)
		}
		wire, size, err := matcher.NameFromWire([]byte(n.Wire()))
		if err != nil || wire != n || size != len(n.Wire()) {
			t.Fatalf("NameFromWire(%q) = %v, %d, %v, want itself", n.Wire(), wire, size, err)
		}
	})
}
