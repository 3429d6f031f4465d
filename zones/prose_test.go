package zones_test

import (
	"strings"
	"testing"
	"unicode"

	"splitdns/zones"
)

// TestProseIsPrintable has control characters of both kinds, line ends and a change of direction where people write texts.
func TestProseIsPrintable(t *testing.T) {
	const hostile = `"a\u001b[31mb\u009b2Jc\u202ed\u2028e\n\u0007 Ünï"`
	const want = "a[31mb2Jcd e  Ünï"
	text := "title = " + hostile + "\nvendor = " + hostile + "\nsource = " + hostile +
		"\n[row.a]\nnames = ['a.example']\npurpose = " + hostile + "\n[row.b]\nnames = ['b.example']\nsource = " + hostile + "\n"
	z, problems := zones.Parse("z", "z.toml", []byte(text))
	if z == nil {
		t.Fatal(problems)
	}
	for _, got := range []string{z.Title, z.Vendor, z.Source, z.Rows[0].Purpose, z.Rows[0].Source, z.Rows[1].Source} {
		if got != want || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
