package zones_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"splitdns/zones"
)

func TestParseList(t *testing.T) {
	text := "\ufeff# a list\r\n\r\nads.example\r\n  *.ads.example  # below\n.track.example\t# tab\n{0..9}.a.example"
	z, problems := zones.ParseList("ads", "ads.txt", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(z.Rows) != 1 || z.Rows[0].Name != "list" || z.Name != "ads" || z.File != "ads.txt" {
		t.Fatalf("zone = %+v, want one row named list", z)
	}
	var got []string
	for _, p := range z.Rows[0].Patterns {
		got = append(got, p.String())
	}
	want := []string{"ads.example", "*.ads.example", ".track.example", "{0..9}.a.example"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patterns (-want +got):\n%s", diff)
	}
}

func TestParseListProblems(t *testing.T) {
	text := "#-courier.push.example\nA.example\n0.0.0.0 b.example\na.example\nb..example\n:: c.example d.example\ne.example f.example\n"
	z, problems := zones.ParseList("l", "l.txt", []byte(text))
	want := `l.txt:1: warning: "#-courier.push.example" is a comment; if # stands for a number, write {0..50}-courier.push.example
l.txt:2: warning: "A.example": made upper case lower case; read as "a.example"
l.txt:3: "0.0.0.0 b.example": a line of a hosts file; write the name alone: b.example
l.txt:4: warning: "a.example" stands in this list twice, first on line 2
l.txt:5: pattern "b..example": empty label: two dots with nothing between them, or a dot too many at an end
l.txt:6: ":: c.example d.example": a line of a hosts file; write the names alone, each on its line
l.txt:7: "e.example f.example": want one pattern a line
`
	if diff := cmp.Diff(want, problems.String()); z != nil || diff != "" {
		t.Errorf("zone %v, problems (-want +got):\n%s", z, diff)
	}
}

func TestParseListEmpty(t *testing.T) {
	z, problems := zones.ParseList("l", "l.txt", []byte("# nothing\n"))
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
	z, problems := zones.ParseList("l", "l.txt", []byte(text.String()))
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
	z, problems := zones.ParseList("l", "l.txt", make([]byte, zones.MaxListSize+1))
	if want := "l.txt: larger than 48 MiB\n"; z != nil || problems.String() != want {
		t.Errorf("zone %v, problems %q, want %q", z, problems, want)
	}
}

// TestParseListTooMany holds that there is a bound to patterns, of which comments
// and duplicates are none.
func TestParseListTooMany(t *testing.T) {
	if z, problems := zones.ParseListOf("l", "l.txt", []byte("a.example\n#\nb.example\na.example\n#\n"), 2); z == nil {
		t.Errorf("two patterns are refused: %s", problems)
	}
	z, problems := zones.ParseListOf("l", "l.txt", []byte("a.example\nb.example\n#\nc.example\nd..example\n"), 2)
	if want := "l.txt:4: more than 2 patterns\n"; z != nil || problems.String() != want {
		t.Errorf("zone %v, problems %q, want %q", z, problems, want)
	}
}

// TestParseListStrangeLines holds that no line makes the parser panic, and that
// none reaches a terminal as it is.
func TestParseListStrangeLines(t *testing.T) {
	text := "1.2.3.4 .\n1.2.3.4\u00a0.\n:: \u001b[2J\n#-\u001b[2J\u202e.example\nx\vy\n" + strings.Repeat("x", 5000) + "\n.\n"
	z, problems := zones.ParseList("l", "l\u001b.txt", []byte(text))
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

// FuzzParseList holds that no text makes the parser panic, and that a zone
// comes exactly where nothing is worse than a warning.
func FuzzParseList(f *testing.F) {
	f.Add([]byte("a.example\n*.b.example # c\n#-d.example\n"))
	f.Add([]byte("1.2.3.4 .\n:: \u00a0\n. .\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if z, problems := zones.ParseList("l", "l.txt", data); (z == nil) != problems.Errors() {
			t.Errorf("zone is nil: %v, problems %v", z == nil, problems)
		}
	})
}
