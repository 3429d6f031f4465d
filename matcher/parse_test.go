package matcher_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
)

func TestParsePattern(t *testing.T) {
	tests := map[string]string{ // written -> canonical
		"login.example":                       "login.example",
		"LOGIN.Example.":                      "login.example",
		"*.example.":                          "*.example",
		".example":                            ".example",
		".":                                   ".",
		"*":                                   "*",
		"*.":                                  "*",
		"_ldap._tcp.example":                  "_ldap._tcp.example",
		"{0..50}-Courier.push.example":        "{0..50}-courier.push.example",
		"{7..7}.example":                      "{7..7}.example",
		"{0..18446744073709551615}.example":   "{0..18446744073709551615}.example",
		"*.{0..9}.example.":                   "*.{0..9}.example",
		"{0..9}-{0..9}-{0..9}-{0..9}.{0..9}":  "{0..9}-{0..9}-{0..9}-{0..9}.{0..9}",
		"*-files.example":                     "*-files.example",
		"*_files.example":                     "*_files.example",
		"a.*.example":                         "a.*.example",
		"*.*.example":                         "*.*.example",
		".*.example":                          ".*.example",
		"*.*cdn.example":                      "*.*cdn.example",
		"*cdn*.example":                       "*cdn*.example",
		"*{0..9}.example":                     "*{0..9}.example",
		`a\.b\097\/.example`:                  `a\046ba\047.example`,
		`\042.example`:                        `\042.example`,
		"xn--bcher-kva.example":               "xn--bcher-kva.example",
		strings.Repeat("a", 63) + "*.example": strings.Repeat("a", 63) + "*.example",
		"{1..9}" + strings.Repeat("a", 62) + ".b": "{1..9}" + strings.Repeat("a", 62) + ".b",
	}
	for in, want := range tests {
		p, err := matcher.ParsePattern(in)
		if err != nil || p.String() != want {
			t.Errorf("ParsePattern(%q) = %q, %v, want %q", in, p, err, want)
		}
	}
}

func TestParsePatternErrors(t *testing.T) {
	long := strings.Repeat("a", 63)
	const (
		emptyLabel = "empty label: two dots with nothing between them, or a dot too many at an end"
		form       = "want {first..last}, as in {0..50}"
		noURL      = "does not stand in a name: a pattern is a name, not a URL, a port or a prefix"
		template   = "does not stand in a name: a range of numbers is written {first..last}, as in {0..50}; list the names that a template stands for"
	)
	tests := map[string]string{
		"":                          "empty",
		"..":                        emptyLabel,
		"..example":                 emptyLabel,
		"a..example":                emptyLabel,
		"a.example..":               emptyLabel,
		"*..example":                emptyLabel,
		"a" + long + ".example":     "a label is longer than 63 octets",
		"{10..99}" + long[:62] + "": "a label is longer than 63 octets",
		"*." + long + "." + long + "." + long + "." + long[:61]: "longer than 255 octets",
		long + "." + long + "." + long + "." + long[:62]:        "longer than 255 octets",
		"#-courier.push.apple.com":                              "# does not say which numbers: write the range, as in {0..50}-courier.push.apple.com",
		"#-\x1b[2J.example":                                     "# does not say which numbers: write the range, as in {0..50}",
		"{\x1b[2J}.example":                                     `"{\x1b[2J}": ` + form,
		"*a\\\x1b[2J.example":                                   "'[' " + template,
		"*a\\\x1bJ.example":                                     `a star is stuck to a domain: write .a\027j.example for a\027j.example and every name below it, or *.a\027j.example for only the names below it`,
		"ü\x1bx.example":                                        `not ASCII: write "xn--\x1bx-wka.example"`,
		"*gstatic.com":                                          "a star is stuck to a domain: write .gstatic.com for gstatic.com and every name below it, or *.gstatic.com for only the names below it",
		"*cdn.onenote.net":                                      "a star is stuck to a domain: write .cdn.onenote.net for cdn.onenote.net and every name below it, or *.cdn.onenote.net for only the names below it",
		"**.example":                                            "two stars in a row: one stands for any run of octets already",
		"a**b.example":                                          "two stars in a row: one stands for any run of octets already",
		"{9..1}.example":                                        `"{9..1}" runs backwards: write {1..9}`,
		"{00..5}.example":                                       `"{00..5}": a range matches numbers without leading zeros: write {0..5}`,
		"{1..08}.example":                                       `"{1..08}": a range matches numbers without leading zeros: write {1..8}`,
		"{1-8}.example":                                         `"{1-8}": ` + form,
		"{1,2}.example":                                         `"{1,2}": ` + form,
		"{a..c}.example":                                        `"{a..c}": ` + form,
		"{}.example":                                            `"{}": ` + form,
		"{..5}.example":                                         `"{..5}": ` + form,
		"{-1..5}.example":                                       `"{-1..5}": ` + form,
		"{+1..5}.example":                                       `"{+1..5}": ` + form,
		"{ 1..5}.example":                                       `"{ 1..5}": ` + form,
		"{1...5}.example":                                       `"{1...5}": ` + form,
		"{0..18446744073709551616}":                             `"{0..18446744073709551616}": a number is over 18446744073709551615`,
		"{1..9}{1..9}{1..9}{1..9}{1..9}.example":                "more than four ranges in a label",
		"{0..50-courier.example":                                "{ without }: a range is written {first..last}, as in {0..50}",
		"0..50}.example":                                        emptyLabel,
		"a50}.example":                                          "} without {: a range is written {first..last}, as in {0..50}",
		"bücher.example":                                        `not ASCII: write "xn--bcher-kva.example"`,
		"*.例え.example":                                          `not ASCII: write "*.xn--r8jz45g.example"`,
		"a。example":                                             `not ASCII: write "a.example"`,
		"ｌｏｇｉｎ.example":                                         `not ASCII: write "login.example"`,
		"a–b.example":                                           "not ASCII: write the xn-- form of the name",
		"10.0.0.1":                                              "an address, not a name",
		"10.0.0.1.":                                             "an address, not a name",
		"2001:db8::1":                                           "an address, not a name",
		"10.0.0.0/8":                                            "'/' " + noURL,
		"https://a.example":                                     "':' " + noURL,
		"a.example:443":                                         "':' " + noURL,
		"accounts.google.[country]":                             "'[' " + template,
		"alt<1-8>.example":                                      "'<' " + template,
		" a.example":                                            `' ' does not stand in a name; if it is meant, write \032`,
		"a@example":                                             `'@' does not stand in a name; if it is meant, write \064`,
		`a\`:                                                    `want \DDD, a number up to 255, or one ASCII character after a backslash`,
	}
	for in, want := range tests {
		t.Run(in, func(t *testing.T) {
			p, err := matcher.ParsePattern(in)
			if err == nil {
				t.Fatalf("ParsePattern(%q) = %v, want error %s", in, p, want)
			}
			text, cause, _ := strings.Cut(err.Error(), ": ")
			if diff := cmp.Diff([]string{quoted(in), want}, []string{text, cause}); diff != "" {
				t.Errorf("ParsePattern(%q) (-want +got):\n%s", in, diff)
			}
		})
	}
}

func quoted(s string) string { return "pattern " + strconv.Quote(s) }

// What is far too long for a name must not take time with the square of its length.
func TestParsePatternOfLongText(t *testing.T) {
	const size = 1 << 20
	letters := make([]rune, size/4)
	for i := range letters {
		letters[i] = 0x4e00 + rune(i%20_000)
	}
	for what, s := range map[string]string{
		"one label":  strings.Repeat("a", size),
		"labels":     strings.Repeat("a.", size/2),
		"stars":      strings.Repeat("a*", size/2),
		"ranges":     strings.Repeat("{0..1}", size/6),
		"lone stars": strings.Repeat("*.", size/2),
		"hashes":     strings.Repeat("#", size),
		"not ASCII":  string(letters),
	} {
		begin := time.Now()
		if _, err := matcher.ParsePattern(s); err == nil {
			t.Errorf("%s: no error, want one", what)
		}
		// It takes milliseconds; copying the text for each of its octets takes minutes.
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: ParsePattern took %v, want less than 5 seconds", what, took)
		}
	}
}

func TestMustParsePatternPanics(t *testing.T) {
	defer func() {
		if got, want := recover(), `matcher: pattern "a..b": empty label: two dots with nothing between them, or a dot too many at an end`; got != want {
			t.Errorf("panic %v, want %s", got, want)
		}
	}()
	matcher.MustParsePattern("a..b")
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{
		"{0..50}-courier.push.apple.com", "*.a.example", ".", "*", "*gstatic.com", "a*b{1..2}.*.x", `\042\{.x`, "{9..1}", "#", "bücher.example", "{\x1b}", "*a\\\x1b.x", "#\x1b", "ü\x1b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := matcher.ParsePattern(s)
		if err != nil {
			if text := err.Error(); strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
				t.Errorf("ParsePattern(%q) says %q, want no control characters", s, text)
			}
			return
		}
		roundTrip(t, p)
		n := p.Example()
		if !p.Matches(n) || len(n.Wire()) > 255 {
			t.Fatalf("%v does not match its example %v", p, n)
		}
		if l, ok := p.Literal(); ok && l != n {
			t.Fatalf("%v stands for %v, and its example is %v", p, l, n)
		}
	})
}

// roundTrip checks that a pattern's text is clean and gives the pattern again.
func roundTrip(t *testing.T, p matcher.Pattern) {
	t.Helper()
	q, err := matcher.ParsePattern(p.String())
	if err != nil || q.String() != p.String() || q.Compare(p) != 0 || !q.Overlaps(p) {
		t.Fatalf("ParsePattern(%q) = %v, %v, want itself", p.String(), q, err)
	}
	if clean, changes := matcher.Normalise(p.String()); clean != p.String() || len(changes) > 0 {
		t.Fatalf("Normalise(%q) = %q, %q, want no change", p.String(), clean, changes)
	}
}
