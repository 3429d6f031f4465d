package zones_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"splitdns/matcher"
	"splitdns/zones"
	"splitdns/zones/tomlfile"
)

// parseList reads a list.
func parseList(t *testing.T, name, file, text string) (*zones.Zone, tomlfile.Problems) {
	t.Helper()
	z, problems, err := zones.ParseList(name, file, strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return z, problems
}

func TestParseList(t *testing.T) {
	text := "\ufeff# a list\r\n\r\nads.example\r\n  *.ads.example  # below\n.track.example\t# tab\n{0..9}.a.example"
	z, problems := parseList(t, "ads", "ads.txt", text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(z.Rows) != 1 || z.Rows[0].Name != "list" || z.Name != "ads" || z.File != "ads.txt" {
		t.Fatalf("zone = %+v, want one row named list", z)
	}
	var got []string
	for p := range z.Rows[0].Patterns.All() {
		got = append(got, p.String())
	}
	want := []string{"ads.example", "*.ads.example", ".track.example", "{0..9}.a.example"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patterns (-want +got):\n%s", diff)
	}
}

func TestParseListProblems(t *testing.T) {
	text := "#-courier.push.example\nA.example\n0.0.0.0 b.example\na.example\nb..example\n:: c.example d.example\ne.example f.example\n"
	z, problems := parseList(t, "l", "l.txt", text)
	want := `l.txt:1: warning: "#-courier.push.example" is a comment; if # stands for a number, write {0..50}-courier.push.example
l.txt:2: warning: "A.example": made upper case lower case; read as "a.example"
l.txt:3: "0.0.0.0 b.example": a line of a hosts file; write the name alone: b.example
l.txt:4: warning: "a.example" stands in this list already, further up: delete this line
l.txt:5: pattern "b..example": empty label: two dots with nothing between them, or a dot too many at an end
l.txt:6: ":: c.example d.example": a line of a hosts file; write the names alone, each on its line
l.txt:7: "e.example f.example": want one pattern a line
`
	if diff := cmp.Diff(want, problems.String()); z != nil || diff != "" {
		t.Errorf("zone %v, problems (-want +got):\n%s", z, diff)
	}
}

func TestParseListEmpty(t *testing.T) {
	z, problems := parseList(t, "l", "l.txt", "# nothing\n")
	if want := "l.txt: warning: the list is empty\n"; z == nil || problems.String() != want {
		t.Errorf("zone %v, problems %q, want a zone and %q", z, problems, want)
	}
}

// TestParseListOfSomethingElse holds that a file which is no list is not
// answered with a problem for each of its lines, and that warnings do not crowd
// out what is worse.
func TestParseListOfSomethingElse(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "N%d.example\n", i)
	}
	text.WriteString(strings.Repeat("<p>no list</p>\n", 1000))
	z, problems := parseList(t, "l", "l.txt", text.String())
	if z != nil || len(problems) != 202 {
		t.Fatalf("zone %v with %d problems, want none with 202", z, len(problems))
	}
	want := []string{
		"l.txt:2000: and 900 more problems in this file",
		"l.txt:2000: warning: and 900 more such warnings in this file",
	}
	if diff := cmp.Diff(want, []string{problems[200].String(), problems[201].String()}); diff != "" {
		t.Errorf("last problems (-want +got):\n%s", diff)
	}
}

func TestParseListTooLarge(t *testing.T) {
	z, problems := parseList(t, "l", "l.txt", string(make([]byte, zones.MaxListSize+1)))
	if want := "l.txt: larger than 48 MiB\n"; z != nil || problems.String() != want {
		t.Errorf("zone %v, problems %q, want %q", z, problems, want)
	}
}

// TestParseListTooMany holds that there is a bound to patterns, of which comments
// and duplicates are none.
func TestParseListTooMany(t *testing.T) {
	if z, problems := zones.ParseListOf("l", "l.txt", "a.example\n#\nb.example\na.example\n#\n", 2); z == nil {
		t.Errorf("two patterns are refused: %s", problems)
	}
	z, problems := zones.ParseListOf("l", "l.txt", "a.example\nb.example\n#\nc.example\nd..example\n", 2)
	if want := "l.txt:4: more than 2 patterns\n"; z != nil || problems.String() != want {
		t.Errorf("zone %v, problems %q, want %q", z, problems, want)
	}
}

// TestParseListDeepNames holds that there is a bound to labels: each takes memory in a
// matcher.
func TestParseListDeepNames(t *testing.T) {
	deep := strings.Repeat("a.", 5)
	z, problems := zones.ParseListOf("l", "l.txt", deep+"b.example\n"+deep+"c.example\n", 2)
	if want := "l.txt:2: more than 8 labels in all\n"; z != nil || problems.String() != want {
		t.Errorf("zone %v, problems %q, want %q", z, problems, want)
	}
}

// TestParseListStrangeLines holds that no line makes the parser panic, and that
// none reaches a terminal as it is.
func TestParseListStrangeLines(t *testing.T) {
	text := "1.2.3.4 .\n1.2.3.4\u00a0.\n:: \u001b[2J\n#-\u001b[2J\u202e.example\nx\vy\n" + strings.Repeat("x", 5000) + "\n.\n"
	z, problems := parseList(t, "l", "l\u001b.txt", text)
	want := `l\x1b.txt:1: "1.2.3.4 .": a line of a hosts file; write the name alone: .
l\x1b.txt:2: "1.2.3.4\u00a0.": a line of a hosts file; write the name alone: .
l\x1b.txt:3: ":: \x1b[2J": a line of a hosts file; write the name alone: \x1b[2J
l\x1b.txt:4: warning: "#-\x1b[2J\u202e.example" is a comment; if # stands for a number, write {0..50}-\x1b[2J\u202e.example
l\x1b.txt:5: "x\vy": want one pattern a line
l\x1b.txt:6: longer than 4096 octets; want one pattern a line
`
	if diff := cmp.Diff(want, problems.String()); z != nil || diff != "" {
		t.Errorf("zone %v, problems (-want +got):\n%s", z, diff)
	}
}

// TestParseListLongLines holds that a line of any length is one line.
func TestParseListLongLines(t *testing.T) {
	text := "a.example\n" + strings.Repeat("x", 1<<20) + "\nb.example\n" + strings.Repeat("y", 4097) + "\r\nc..example"
	_, problems := parseList(t, "l", "l.txt", text)
	want := "l.txt:2: longer than 4096 octets; want one pattern a line\n" +
		"l.txt:4: longer than 4096 octets; want one pattern a line\n" +
		"l.txt:5: pattern \"c..example\": empty label: two dots with nothing between them, or a dot too many at an end\n"
	if diff := cmp.Diff(want, problems.String()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestParseListEndsEarly holds that half a list is none.
func TestParseListEndsEarly(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader("a.example\nb.exam"), iotest.ErrReader(broken))
	if z, _, err := zones.ParseList("l", "l.txt", r, 0); z != nil || !errors.Is(err, broken) {
		t.Errorf("zone %v, error %v, want none and %v", z, err, broken)
	}
}

// TestParseListAsByHand holds that what is read fast is read as every pattern is.
func TestParseListAsByHand(t *testing.T) {
	for _, text := range strings.Fields("a.example *.a.example .a.example 1.2.3.a a_b.c-d.example xn--bcher-kva.example * . {0..5}.example a*.example a.*.example A.example a.example.") {
		z, problems := parseList(t, "l", "l.txt", text+"\r\n")
		clean, _ := matcher.Normalise(text)
		want := matcher.MustParsePattern(clean).String()
		for p := range z.Rows[0].Patterns.All() {
			if p.String() != want || (len(problems) > 0) != (clean != text) {
				t.Errorf("%q is read as %q with %v, want %q", text, p, problems, want)
			}
		}
	}
}

// FuzzParseList holds that no text makes the parser panic, and that a zone
// comes exactly where nothing is worse than a warning.
func FuzzParseList(f *testing.F) {
	f.Add([]byte("a.example\n*.b.example # c\n#-d.example\n"))
	f.Add([]byte("1.2.3.4 .\n:: \u00a0\n. .\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if z, problems := parseList(t, "l", "l.txt", string(data)); (z == nil) != problems.Errors() {
			t.Errorf("zone is nil: %v, problems %v", z == nil, problems)
		}
	})
}
